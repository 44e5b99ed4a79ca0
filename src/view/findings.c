// SPDX-License-Identifier: Apache-2.0
/* Findings as a list, filtered and by pages, and the same as CSV. */
#include "view/list.h"
#include "view/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS                                                                                                          \
	"scan|scan-type|backscatter|amplification|icmp-quote|port-new|port-surge|own-watch|own-suspect|own-attacked"

#define FILTERS                                                                                                        \
	RECORDS_PERIOD, { "kind", VIEW_WORDS, "kinds of findings, by commas", KINDS },                                 \
		{ "min_confidence", VIEW_NUMBER, "at least so sure, 0 to 100", NULL, "0" },                            \
		{ "severity", VIEW_WORDS, "severities, by commas", "info|low|medium|high" },                           \
		{ "subject", VIEW_TEXT, "address or whole subject that it is about" },                                 \
		{ "sensor", VIEW_TEXT, "only what this sensor saw" },                                                  \
		{ "spoofable", VIEW_FLAG, "whether its evidence could be forged" },                                    \
		{ "state", VIEW_WORD, "muted or not", "open|muted|all", "all" },                                       \
	{                                                                                                              \
		"assigned", VIEW_TEXT, "to this user; empty: to nobody"                                                \
	}

#define LIMIT_MAX 1000

static int query(const struct view_call *c, struct findings_query *q, struct err *err)
{
	const char *state = view_text(c, "state");
	memset(q, 0, sizeof *q);
	q->now_ns = c->now_ns;
	q->kinds = view_text(c, "kind");
	q->severity = view_text(c, "severity");
	q->subject = view_text(c, "subject");
	q->sensor = view_text(c, "sensor");
	q->assigned = view_text(c, "assigned");
	q->subject = q->subject && *q->subject ? q->subject : NULL;
	q->sensor = q->sensor && *q->sensor ? q->sensor : NULL;
	q->min_confidence = (int)view_number(c, "min_confidence", 0, 101);
	q->spoofable = view_text(c, "spoofable") ? view_value(c, "spoofable")->flag : -1;
	q->state = strcmp(state, "open") == 0	 ? FINDINGS_OPEN
		   : strcmp(state, "muted") == 0 ? FINDINGS_MUTED
						 : FINDINGS_ALL;
	return records_period(c, &q->from_ns, &q->to_ns, err);
}

/* "FIRST_NS.ID" as the page before gave it. Whoever makes up another one sees nothing that he may not see. */
static int cursor(const char *text, struct findings_cursor *out, struct err *err)
{
	char *end;
	if (!text || !*text)
		return 0;
	out->first_ns = strtoll(text, &end, 10);
	size_t n = *end == '.' ? strspn(end + 1, "0123456789abcdef") : 0;
	char again[64];
	if (n == sizeof out->id - 1)
		memcpy(out->id, end + 1, n + 1);
	/* Written again it must be the same text: nothing else was ever given out. */
	snprintf(again, sizeof again, "%" PRId64 ".%s", out->first_ns, out->id);
	return out->id[0] && strcmp(again, text) == 0 ? 0 : err_set(err, VIEW_BAD, "cursor: is none of this list");
}

struct page {
	struct view_call *c;
	struct json j;
	struct finding copy;
	uint64_t rows, limit;
	struct findings_cursor last;
};

static int put_row(void *arg, const struct finding *f, const struct findings_said *said)
{
	struct page *p = arg;
	if (p->rows == p->limit || records_over(p->c))
		return 1;
	p->rows++;
	p->last.first_ns = f->first_ns;
	memcpy(p->last.id, f->id, sizeof p->last.id);
	p->copy = *f;
	records_finding(p->c, &p->j, &p->copy, said);
	return 0;
}

static int list(struct view_call *c, struct err *err)
{
	struct findings_query q;
	struct page p = { .c = c, .limit = view_number(c, "limit", 1, LIMIT_MAX) };
	char next[64];
	uint64_t total;
	int rc = query(c, &q, err);
	if (!rc)
		rc = cursor(view_text(c, "cursor"), &q.after, err);
	if (!rc)
		rc = records_code(findings_count(c->store, &q, &total, err), VIEW_FAILED);
	if (rc)
		return rc;
	q.limit = p.limit + 1;
	json_init(&p.j, c->out);
	json_object(&p.j, NULL);
	json_u64(&p.j, "total", total);
	json_array(&p.j, "rows");
	rc = findings_each(c->store, &q, put_row, &p, err);
	json_end(&p.j, ']');
	snprintf(next, sizeof next, "%" PRId64 ".%s", p.last.first_ns, p.last.id);
	json_str(&p.j, "next", rc == -STORE_STOPPED ? next : NULL);
	json_end(&p.j, '}');
	json_line(&p.j);
	return records_code(rc, 0);
}

static int put_line(void *arg, const struct finding *f, const struct findings_said *said)
{
	struct view_call *c = arg;
	FILE *out = c->out;
	fprintf(out, "%s,%s,", f->id, finding_kind_name(f->kind));
	records_cell(out, f->subject);
	fputc(',', out);
	records_cell(out, f->sensor);
	fprintf(out, ",%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%u,%s,%d,%" PRId64 ",%" PRId64 ",",
		f->tool ? f->tool : "", f->packets, f->targets, f->ports, f->confidence, f->severity ? f->severity : "",
		f->spoofable, f->first_ns, f->last_ns);
	records_cell(out, f->detail);
	fprintf(out, ",%" PRId64 ",", said->muted_until_ns);
	records_cell(out, said->assigned);
	fprintf(out, ",%" PRIu64 "\r\n", said->comments);
	return records_over(c);
}

static int csv(struct view_call *c, struct err *err)
{
	struct findings_query q;
	int rc = query(c, &q, err);
	if (rc)
		return rc;
	snprintf(c->type, sizeof c->type, "text/csv; charset=utf-8");
	snprintf(c->file, sizeof c->file, "findings.csv");
	fputs("id,kind,subject,sensor,tool,packets,targets,ports,confidence,severity,spoofable,first_ns,last_ns,detail,"
	      "muted_until_ns,assigned,comments\r\n",
		c->out);
	return records_code(findings_each(c->store, &q, put_line, c, err), VIEW_FAILED);
}

static const struct view_param list_params[] = {
	FILTERS,
	{ "limit", VIEW_NUMBER, "rows of a page, up to 1000", NULL, "100" },
	{ "cursor", VIEW_TEXT, "`next` of the page before" },
};

static const struct view_param csv_params[] = { FILTERS };

const struct view findings_view = {
	.method = "GET",
	.path = "/findings",
	.level = VIEW_VIEWER,
	.summary = "Findings that touch the time asked for, newest first: by when they began, which never changes",
	.params = list_params,
	.params_n = sizeof list_params / sizeof *list_params,
	.answer = "{total: integer, rows: [{" RECORDS_FINDING ", " RECORDS_SAID "}], next: text|null}",
	.fn = list,
};

const struct view findings_csv_view = {
	.method = "GET",
	.path = "/findings.csv",
	.level = VIEW_VIEWER,
	.summary = "The same as CSV, all of them",
	.params = csv_params,
	.params_n = sizeof csv_params / sizeof *csv_params,
	.answer = "text/csv",
	.fn = csv,
};
