// SPDX-License-Identifier: Apache-2.0
/* Cases as they are: the list, and one with its findings and remarks. */
#include "view/cases.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/lookup.h"
#include "view/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cases_address(const struct finding *f, char out[64])
{
	snprintf(out, 64, "%.*s", (int)strcspn(f->subject, " "), f->subject);
}

bool cases_holds(const char *list, const char *item)
{
	size_t n = strlen(item);
	for (const char *p = list; *p;) {
		size_t k = strcspn(p, "\n");
		if (k == n && strncmp(p, item, n) == 0)
			return true;
		p += k + (p[k] == '\n');
	}
	return false;
}

#define CONTACT ", contact "

void cases_owner(
	const struct view_call *c, const char *address, const char *detail, int64_t ns, struct cases_owner *out)
{
	struct addr a;
	const char *line = NULL, *at = NULL;
	*out = (struct cases_owner){ "" };
	if (c->know && c->know->owner && addr_parse(address, &a, NULL) == 0)
		line = knowing_owner(c->know, &a, ns);
	if (!line && strncmp(detail, "owner ", 6) == 0)
		line = detail + 6;
	if (!line)
		return;
	for (const char *p = line; (p = strstr(p, CONTACT)); p++)
		at = p;
	size_t n = at ? (size_t)(at - line) : strlen(line);
	snprintf(out->owner, sizeof out->owner, "%.*s", (int)(n < 255 ? n : 255), line);
	if (at)
		snprintf(out->contact, sizeof out->contact, "%.*s", text_cut(at + strlen(CONTACT), 255),
			at + strlen(CONTACT));
}

struct finding_of {
	const char *id;
	struct case_record *out;
	bool found;
};

static int is_it(void *arg, const void *record)
{
	struct finding_of *f = arg;
	const struct case_record *r = record;
	if (strcmp(r->id, f->id) != 0)
		return 0;
	*f->out = *r;
	f->found = true;
	return 1;
}

int cases_get(struct view_call *c, const char *id, struct case_record *out, struct err *err)
{
	struct finding_of f = { id, out, false };
	int rc = store_each(c->store, &case_kind, is_it, &f, err);
	return f.found ? 1 : rc < 0 ? VIEW_FAILED : 0;
}

/* ---- the list ---- */

struct list {
	struct view_call *c;
	struct json j;
	const char *state;
	uint64_t rows, limit, offset, fit;
};

static bool fits(const struct list *l, const struct case_record *r)
{
	bool closed = r->close_code[0];
	if (!l->state)
		return true;
	return strcmp(l->state, "open") == 0 ? !closed : strcmp(l->state, r->state) == 0;
}

static int put_case(void *arg, const void *record)
{
	struct list *l = arg;
	const struct case_record *r = record;
	if (records_over(l->c))
		return 1;
	if (!fits(l, r) || l->fit++ < l->offset || l->rows == l->limit)
		return 0;
	l->rows++;
	json_object(&l->j, NULL);
	row_json_fields(&l->j, &case_kind, r);
	records_time(&l->j, "changed", lookup_changed(l->c->store, r->id, r->opened_ns));
	json_end(&l->j, '}');
	return 0;
}

static int list(struct view_call *c, struct err *err)
{
	struct list l = { .c = c,
		.state = view_text(c, "state"),
		.limit = view_number(c, "limit", 1, 1000),
		.offset = view_value(c, "offset")->number };
	json_init(&l.j, c->out);
	json_object(&l.j, NULL);
	json_array(&l.j, "rows");
	int rc = lookup_cases(c->store, put_case, &l, err);
	json_end(&l.j, ']');
	json_u64(&l.j, "total", l.fit);
	json_end(&l.j, '}');
	json_line(&l.j);
	return records_code(rc, 0);
}

/* ---- one ---- */

struct showing {
	struct view_call *c;
	struct json j;
	struct case_record r;
	struct finding f;
};

static int put_remark(void *arg, const struct remark *r)
{
	struct showing *s = arg;
	row_json(&s->j, NULL, &remark_kind, r);
	return records_over(s->c);
}

/* Findings that retention has taken are left out; their ids stay in the case. */
static int put_findings(struct showing *s, struct err *err)
{
	const char *at = s->r.findings;
	char id[64];
	int rc = 0;
	while (rc >= 0 && row_list_next(&at, id, sizeof id) && !records_over(s->c)) {
		rc = findings_get(s->c->store, id, s->c->now_ns, &s->f, NULL, err);
		if (rc == 1)
			records_finding(s->c, &s->j, &s->f, NULL);
	}
	return rc < 0 ? rc : 0;
}

static int write_all(struct showing *s, struct err *err)
{
	json_init(&s->j, s->c->out);
	json_object(&s->j, NULL);
	row_json(&s->j, "case", &case_kind, &s->r);
	records_time(&s->j, "changed", lookup_changed(s->c->store, s->r.id, s->r.opened_ns));
	json_array(&s->j, "remarks");
	int rc = lookup_remarks(s->c->store, s->r.id, put_remark, s, err);
	json_end(&s->j, ']');
	json_array(&s->j, "findings");
	rc = rc ? rc : put_findings(s, err);
	json_end(&s->j, ']');
	json_end(&s->j, '}');
	json_line(&s->j);
	return records_code(rc, VIEW_FAILED);
}

static int show(struct view_call *c, struct err *err)
{
	struct showing *s = mem_new(sizeof *s);
	s->c = c;
	int rc = cases_get(c, view_text(c, "id"), &s->r, err);
	rc = rc < 0 ? rc : rc ? write_all(s, err) : err_set(err, VIEW_ABSENT, "there is no such case");
	free(s);
	return rc;
}

static const struct view_param list_params[] = {
	{ "state", VIEW_WORD, "only cases in this state; open: all that aren't closed", "open|watch|suspected|closed" },
	{ "limit", VIEW_NUMBER, "rows of a page, up to 1000", NULL, "200" },
	{ "offset", VIEW_NUMBER, "rows to pass over", NULL, "0" },
};
static const struct view_param show_params[] = { { "id", VIEW_TEXT, "of the case" } };

const struct view cases_view = {
	.method = "GET",
	.path = "/cases",
	.level = VIEW_VIEWER,
	.summary = "Cases, the one that was opened last first",
	.params = list_params,
	.params_n = sizeof list_params / sizeof *list_params,
	.answer = "{rows: [{" CASES_FIELDS ", changed: text|null, changed_ns: integer|null}], total: integer}",
	.fn = list,
};

const struct view case_view = {
	.method = "GET",
	.path = "/cases/{id}",
	.level = VIEW_VIEWER,
	.summary = "One case with its findings and what was said of it",
	.params = show_params,
	.params_n = 1,
	.answer = "{case: @case, changed: text|null, changed_ns: integer|null, remarks: [@remark], findings: "
		  "[{" RECORDS_FINDING "}]}",
	.fn = show,
};
