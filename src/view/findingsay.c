// SPDX-License-Identifier: Apache-2.0
/* What people say of a finding: comment, assign, mute, unmute. */
#include "base/mem.h"
#include "view/list.h"
#include "view/records.h"

#include <stdlib.h>

#define MUTE_MAX_NS (INT64_C(90) * 86400 * 1000000000)

struct saying {
	struct findings_said said;
	struct records_word word;
	char id[33], tenant[64];
};

/* The finding, for who may say something of it. */
static int start(struct view_call *c, struct saying *s, struct err *err)
{
	struct finding *f = mem_new(sizeof *f);
	int rc = findings_get(c->store, view_text(c, "id"), c->now_ns, f, &s->said, err);
	rc = rc < 0 ? VIEW_FAILED : rc ? 0 : err_set(err, VIEW_ABSENT, "there is no such finding");
	if (!rc) {
		memcpy(s->id, f->id, sizeof s->id);
		store_tenant(c->store, f->sensor, s->tenant);
		rc = view_needs(c, VIEW_ANALYST, s->tenant, err);
	}
	s->word = (struct records_word){ .tenant = s->tenant, .subject = s->id };
	free(f);
	return rc;
}

static int finish(struct view_call *c, struct saying *s, struct err *err)
{
	struct remark r;
	struct json j;
	int rc = records_remark(c, &s->word, &r, err);
	if (rc)
		return rc;
	json_init(&j, c->out);
	json_object(&j, NULL);
	row_json(&j, "remark", &remark_kind, &r);
	json_end(&j, '}');
	json_line(&j);
	return 0;
}

static int comment(struct view_call *c, struct err *err)
{
	struct saying s;
	int rc = start(c, &s, err);
	s.word.text = view_text(c, "text");
	rc = rc ? rc : records_check("text", s.word.text, 1, sizeof((struct remark *)0)->text, err);
	s.word.kind = "comment";
	s.word.what = "finding-comment";
	return rc ? rc : finish(c, &s, err);
}

static int assign(struct view_call *c, struct err *err)
{
	struct saying s;
	int rc = start(c, &s, err);
	s.word.text = view_text(c, "user") ? view_text(c, "user") : "";
	if (!rc && *s.word.text && !store_has_user(c->store, s.word.text, s.tenant))
		rc = err_set(err, VIEW_BAD, "user: there is no such user in this tenant");
	s.word.kind = "assign";
	s.word.what = "finding-assign";
	return rc ? rc : finish(c, &s, err);
}

static int mute(struct view_call *c, struct err *err)
{
	struct saying s;
	int rc = start(c, &s, err);
	s.word.text = view_text(c, "reason");
	s.word.until_ns = view_value(c, "until")->ns;
	rc = rc ? rc : records_check("reason", s.word.text, 3, sizeof((struct remark *)0)->text, err);
	if (!rc && (s.word.until_ns <= c->now_ns || s.word.until_ns - c->now_ns > MUTE_MAX_NS))
		rc = err_set(err, VIEW_BAD, "until: takes a time to come, within 90 days");
	s.word.kind = "mute";
	s.word.what = "finding-mute";
	return rc ? rc : finish(c, &s, err);
}

static int unmute(struct view_call *c, struct err *err)
{
	struct saying s;
	int rc = start(c, &s, err);
	s.word.text = view_text(c, "reason") ? view_text(c, "reason") : "";
	rc = rc ? rc : records_check("reason", s.word.text, 0, sizeof((struct remark *)0)->text, err);
	if (!rc && !s.said.muted_until_ns)
		rc = err_set(err, VIEW_CONFLICT, "it isn't muted");
	s.word.kind = "unmute";
	s.word.what = "finding-unmute";
	return rc ? rc : finish(c, &s, err);
}

#define ID                                                                                                             \
	{                                                                                                              \
		"id", VIEW_TEXT, "of the finding"                                                                      \
	}

static const struct view_param comment_params[] = { ID,
	{ "text", VIEW_TEXT, "what there is to say, up to 2,000 octets", .required = true } };
static const struct view_param assign_params[] = { ID,
	{ "user", VIEW_TEXT, "who shall look after it; empty: nobody" } };
static const struct view_param mute_params[] = { ID,
	{ "reason", VIEW_TEXT, "why, three characters at least", .required = true },
	{ "until", VIEW_TIME, "when the mute ends, within 90 days", .required = true } };
static const struct view_param unmute_params[] = { ID, { "reason", VIEW_TEXT, "why" } };

#define COMMAND(name, tail, function, says)                                                                            \
	const struct view name##_view = {                                                                              \
		.method = "POST",                                                                                      \
		.path = "/findings/{id}/" tail,                                                                        \
		.level = VIEW_ANALYST,                                                                                 \
		.summary = says,                                                                                       \
		.params = function##_params,                                                                           \
		.params_n = sizeof function##_params / sizeof *function##_params,                                      \
		.answer = "{remark: @remark}",                                                                         \
		.fn = function,                                                                                        \
	}

COMMAND(finding_comment, "comment", comment, "Says something of a finding");
COMMAND(finding_assign, "assign", assign, "Gives a finding to somebody to look after, or takes it back");
COMMAND(finding_mute, "mute", mute,
	"Mutes a finding, and others of its kind, subject and sensor, until a day: it leaves the open ones. Alerts "
	"still "
	"go out");
COMMAND(finding_unmute, "unmute", unmute, "Takes a mute back");
