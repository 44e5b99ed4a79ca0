// SPDX-License-Identifier: Apache-2.0
/* Opening and changing cases. */
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"
#include "store/lookup.h"
#include "view/cases.h"
#include "view/list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX 100 /* named at once */

struct making {
	struct view_call *c;
	struct case_record r;
	struct finding f;
	bool fresh;	    /* a new case */
	bool suspect;	    /* one of its findings is more than a reason to look */
	char address[64];   /* of the findings that were named */
	char changes[2048]; /* for the remark: a line each */
	char open[40];	    /* another open case of the same device */
};

__attribute__((format(printf, 2, 3))) static void changed(struct making *m, const char *format, ...)
{
	size_t n = strlen(m->changes);
	va_list args;
	va_start(args, format);
	vsnprintf(m->changes + n, sizeof m->changes - n, format, args);
	va_end(args);
}

/* ---- findings ---- */

/* May a case rest on the finding in `m->f`? */
static int fits(struct making *m, const char *tenant, const char *address, struct err *err)
{
	if (m->fresh && !m->r.tenant[0])
		snprintf(m->r.tenant, sizeof m->r.tenant, "%s", tenant);
	if (strcmp(m->r.tenant, tenant) != 0)
		return err_set(err, VIEW_BAD, "findings: they belong to different tenants");
	if (m->f.kind != FINDING_OWN_WATCH && m->f.kind != FINDING_OWN_SUSPECT)
		return err_set(err, VIEW_BAD,
			"findings: a case rests on own-watch and own-suspect alone; who is attacked isn't infected");
	if (m->fresh && m->address[0] && strcmp(m->address, address) != 0)
		return err_set(
			err, VIEW_BAD, "findings: they are about different addresses, which are different cases");
	return 0;
}

static int add_finding(struct making *m, const char *id, struct err *err)
{
	char tenant[64], address[64];
	int rc = findings_get(m->c->store, id, m->c->now_ns, &m->f, NULL, err);
	if (rc <= 0)
		return rc < 0 ? VIEW_FAILED : err_set(err, VIEW_ABSENT, "findings: there is no such finding");
	store_tenant(m->c->store, m->f.sensor, tenant);
	cases_address(&m->f, address);
	rc = fits(m, tenant, address, err);
	if (rc)
		return rc;
	snprintf(m->address, sizeof m->address, "%s", address);
	if (cases_holds(m->r.findings, m->f.id))
		return 0;
	if (!row_list_add(m->r.findings, sizeof m->r.findings, m->f.id) ||
		(!cases_holds(m->r.devices, address) && !row_list_add(m->r.devices, sizeof m->r.devices, address)))
		return err_set(err, VIEW_TOO_LARGE, "findings: a case has no room for more");
	m->suspect |= m->f.kind == FINDING_OWN_SUSPECT;
	if (!m->fresh)
		changed(m, "finding: %s\n", m->f.id);
	return 0;
}

/* Ids by commas. */
static int add_findings(struct making *m, const char *text, struct err *err)
{
	char id[64];
	int rc = 0;
	for (unsigned n = 0; *text && !rc; n++) {
		size_t k = strcspn(text, ",");
		if (k == 0 || k >= sizeof id || n == FINDINGS_MAX)
			return err_set(err, VIEW_BAD, "findings: takes ids by commas, %d at most", FINDINGS_MAX);
		snprintf(id, sizeof id, "%.*s", (int)k, text);
		rc = add_finding(m, id, err);
		text += k + (text[k] == ',');
	}
	return rc;
}

/* Of a case that was there before: does one of its findings make it suspected? */
static int look_for_suspect(struct making *m, struct err *err)
{
	const char *at = m->r.findings;
	char id[64];
	while (!m->suspect && row_list_next(&at, id, sizeof id)) {
		int rc = findings_get(m->c->store, id, m->c->now_ns, &m->f, NULL, err);
		if (rc < 0)
			return VIEW_FAILED;
		m->suspect = rc && m->f.kind == FINDING_OWN_SUSPECT;
	}
	return 0;
}

static int meets(void *arg, const void *record)
{
	struct making *m = arg;
	const struct case_record *r = record;
	const char *at = m->r.devices;
	char device[128];
	if (r->close_code[0] || strcmp(r->tenant, m->r.tenant) != 0 || strcmp(r->id, m->r.id) == 0)
		return 0;
	while (row_list_next(&at, device, sizeof device))
		if (cases_holds(r->devices, device)) {
			memcpy(m->open, r->id, sizeof m->open);
			return 1;
		}
	return 0;
}

/* One infection is one case. */
static int only_one(struct making *m, struct err *err)
{
	int rc = lookup_cases(m->c->store, meets, m, err);
	if (m->open[0])
		return err_set(err, VIEW_CONFLICT, "the open case %s is about this address already", m->open);
	return records_code(rc, 0);
}

/* ---- fields ---- */

static int set_text(struct making *m, const char *name, char *field, size_t size, struct err *err)
{
	const char *text = view_text(m->c, name);
	if (!text || strcmp(text, field) == 0)
		return 0;
	int rc = records_check(name, text, 0, size, err);
	if (!rc && strchr(text, '\n'))
		rc = err_set(err, VIEW_BAD, "%s: takes one line", name);
	if (rc)
		return rc;
	if (*text)
		changed(m, "%s: %s\n", name, text);
	else
		changed(m, "%s: -\n", name);
	snprintf(field, size, "%s", text);
	return 0;
}

static int set_fields(struct making *m, struct err *err)
{
	int rc = set_text(m, "next_step", m->r.next_step, sizeof m->r.next_step, err);
	rc = rc ? rc : set_text(m, "holder", m->r.holder, sizeof m->r.holder, err);
	if (rc || !view_text(m->c, "due"))
		return rc;
	int64_t due = view_value(m->c, "due")->ns;
	char text[TEXT_TIME_MAX];
	if (due != m->r.due_ns)
		changed(m, "due: %.19sZ\n", text_time(text, due));
	m->r.due_ns = due;
	return 0;
}

static bool is_open(const char *state)
{
	return strcmp(state, "closed") != 0;
}

/* What the rule allows: see cases.h. */
static int judge(const struct making *m, const char *state, struct err *err)
{
	if (strcmp(state, "confirmed") == 0)
		return err_set(err, VIEW_REFUSED,
			"confirmed needs evidence that can't be forged: packets to dark space alone make a case watch "
			"or "
			"suspected");
	if (strcmp(state, "suspected") == 0 && !m->suspect)
		return err_set(err, VIEW_REFUSED,
			"suspected needs an own-suspect finding: three packets to two destinations that fit one "
			"device");
	return 0;
}

static void set_state(struct making *m, const char *state, const char *code)
{
	if (m->r.state[0])
		changed(m, "state: %s -> %s\n", m->r.state, state);
	else
		changed(m, "state: %s\n", state);
	if (*code)
		changed(m, "close_code: %s\n", code);
	snprintf(m->r.state, sizeof m->r.state, "%s", state);
	snprintf(m->r.close_code, sizeof m->r.close_code, "%s", code);
}

/* Goes the state with the code, and with what the case is? */
static int check_state(const struct making *m, const char *state, const char *code, struct err *err)
{
	bool was_open = !m->r.close_code[0];
	if (is_open(state) ? *code : was_open && !*code)
		return err_set(err, VIEW_BAD, "close_code: goes with the state closed");
	if (!is_open(state) && !was_open && (view_text(m->c, "state") || *code))
		return err_set(err, VIEW_CONFLICT, "it is closed already");
	return 0;
}

/* Of a case that is there. */
static int change_state(struct making *m, struct err *err)
{
	const char *code = view_text(m->c, "close_code"), *state = view_text(m->c, "state");
	code = code ? code : "";
	state = state && *state ? state : *code ? "closed" : m->r.state;
	bool other = strcmp(state, m->r.state) != 0;
	int rc = check_state(m, state, code, err);
	if (!rc && is_open(state) && other) {
		rc = look_for_suspect(m, err);
		rc = rc ? rc : judge(m, state, err);
	}
	/* Also what was added may be another open case's. */
	if (!rc && is_open(state))
		rc = only_one(m, err);
	if (!rc && other)
		set_state(m, state, code);
	return rc;
}

/* ---- commands ---- */

static int may(struct view_call *c, const char *tenant, struct err *err)
{
	int rc = view_needs(c, VIEW_ANALYST, tenant, err);
	/* A masked record that is written back would lose what it says. */
	if (!rc && !(c->who->principal.rights & PRINCIPAL_SEE_SUBSCRIBER))
		rc = err_set(err, VIEW_REFUSED, "a case is about a subscriber: that needs the right see-subscriber");
	return rc;
}

/* Checks the note and puts it behind the changes. */
static int add_note(struct making *m, struct err *err)
{
	const char *note = view_text(m->c, "note");
	size_t n = strlen(m->changes);
	if (note && *note) {
		int rc = records_check("note", note, 1, sizeof m->changes - n, err);
		if (rc)
			return rc;
		changed(m, "%s", note);
	} else if (n) {
		m->changes[n - 1] = '\0';
	}
	return m->changes[0] ? 0 : err_set(err, VIEW_BAD, "there is nothing to change");
}

static int keep(struct making *m, struct err *err)
{
	struct view_put put = { &case_kind, &m->r, m->fresh ? "case-open" : "case-change", m->r.id };
	struct records_word word = {
		.tenant = m->r.tenant, .subject = m->r.id, .kind = "comment", .text = m->changes, .what = "case-remark"
	};
	struct remark remark;
	struct json j;
	int rc = records_put(m->c, &put, err);
	rc = rc ? rc : records_remark(m->c, &word, &remark, err);
	if (rc)
		return rc;
	json_init(&j, m->c->out);
	json_object(&j, NULL);
	row_json(&j, "case", &case_kind, &m->r);
	records_time(&j, "changed", remark.at_ns);
	row_json(&j, "remark", &remark_kind, &remark);
	json_end(&j, '}');
	json_line(&j);
	return 0;
}

static int open_case(struct making *m, struct err *err)
{
	const char *state = view_text(m->c, "state");
	m->fresh = true;
	uuid_new(m->r.id, m->c->now_ns);
	m->r.opened_ns = m->c->now_ns;
	int rc = add_findings(m, view_text(m->c, "findings"), err);
	rc = rc ? rc : may(m->c, m->r.tenant, err);
	state = state && *state ? state : m->suspect ? "suspected" : "watch";
	rc = rc ? rc : judge(m, state, err);
	rc = rc ? rc : only_one(m, err);
	if (rc)
		return rc;
	struct cases_owner owner;
	cases_owner(m->c, m->address, m->f.detail, m->f.last_ns, &owner);
	const char *party = owner.owner[0] ? owner.owner : m->address;
	snprintf(m->r.party, sizeof m->r.party, "%.*s", text_cut(party, sizeof m->r.party - 1), party);
	set_state(m, state, "");
	rc = set_fields(m, err);
	rc = rc ? rc : add_note(m, err);
	return rc ? rc : keep(m, err);
}

static int change_case(struct making *m, struct err *err)
{
	const char *findings = view_text(m->c, "findings");
	int rc = cases_get(m->c, view_text(m->c, "id"), &m->r, err);
	rc = rc < 0 ? rc : rc ? 0 : err_set(err, VIEW_ABSENT, "there is no such case");
	rc = rc ? rc : may(m->c, m->r.tenant[0] ? m->r.tenant : "default", err);
	if (!rc && view_text(m->c, "seen") &&
		lookup_changed(m->c->store, m->r.id, m->r.opened_ns) > view_value(m->c, "seen")->ns)
		rc = err_set(err, VIEW_CONFLICT, "somebody has changed it meanwhile: look at it again");
	if (!rc && findings && *findings)
		rc = add_findings(m, findings, err);
	rc = rc ? rc : change_state(m, err);
	rc = rc ? rc : set_fields(m, err);
	rc = rc ? rc : add_note(m, err);
	return rc ? rc : keep(m, err);
}

static int run(struct view_call *c, int (*fn)(struct making *m, struct err *err), struct err *err)
{
	struct making *m = mem_new(sizeof *m);
	m->c = c;
	int rc = fn(m, err);
	free(m);
	return rc;
}

static int open_one(struct view_call *c, struct err *err)
{
	return run(c, open_case, err);
}

static int change_one(struct view_call *c, struct err *err)
{
	return run(c, change_case, err);
}

#define FIELDS                                                                                                         \
	{ "next_step", VIEW_TEXT, "what has to be done next" }, { "due", VIEW_TIME, "until when" },                    \
		{ "holder", VIEW_TEXT, "by whom" },                                                                    \
	{                                                                                                              \
		"note", VIEW_TEXT, "a remark, up to 2,000 octets"                                                      \
	}

static const struct view_param open_params[] = {
	{ "findings", VIEW_TEXT, "ids by commas: own-watch and own-suspect findings of one address", .required = true },
	{ "state", VIEW_WORD, "default: suspected when a finding is own-suspect, else watch", CASES_OPEN_STATES },
	FIELDS,
};

static const struct view_param change_params[] = {
	{ "id", VIEW_TEXT, "of the case" },
	{ "findings", VIEW_TEXT, "ids of findings to add, by commas" },
	{ "state", VIEW_WORD, "where it stands from now on", CASES_OPEN_STATES "|closed" },
	{ "close_code", VIEW_WORD, "how it ended; closes it", CASES_CODES },
	{ "seen", VIEW_TIME, "`changed` as it was read: refused when somebody has changed it since" },
	FIELDS,
};

#define ANSWER "{case: @case, changed: text|null, changed_ns: integer|null, remark: @remark}"

const struct view case_open_view = {
	.method = "POST",
	.path = "/cases",
	.level = VIEW_ANALYST,
	.summary = "Opens a case; needs the right see-subscriber. An address has one open case at most",
	.params = open_params,
	.params_n = sizeof open_params / sizeof *open_params,
	.answer = ANSWER,
	.fn = open_one,
};

const struct view case_change_view = {
	.method = "POST",
	.path = "/cases/{id}",
	.level = VIEW_ANALYST,
	.summary = "Changes, closes or reopens a case, or adds findings to it; needs the right see-subscriber",
	.params = change_params,
	.params_n = sizeof change_params / sizeof *change_params,
	.answer = ANSWER,
	.fn = change_one,
};
