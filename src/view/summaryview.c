// SPDX-License-Identifier: Apache-2.0
/* /summary: the object of `telescope read --json --from --to`. */
#include "view/list.h"
#include "view/records.h"
#include "view/summary.h"
#include "view/tallying.h"

#define ROWS 1000

static void on_finding(void *arg, const struct finding *f)
{
	summary_finding(arg, f);
}

static int answer(struct view_call *c, struct filter *f, struct err *err)
{
	struct tallying t = {
		.call = c, .filter = f, .findings = true, .only = 1u << TALLY_SOURCE | 1u << TALLY_PORT, .no_days = true
	};
	struct summary s = { .decoded = true,
		.has_distinct = true,
		.rows = view_number(c, "limit", 1, ROWS),
		.no_research = f->no_research,
		.as = c };
	int code = tallying_run(&t, err);
	summary_start(&s);
	if (!code)
		code = tallying_findings(&t, on_finding, &s);
	if (!code) {
		s.counts = &t.stored.counts;
		s.exact = t.stored.exact;
		s.distinct[0] = t.stored.distinct[0];
		s.distinct[1] = t.stored.distinct[1];
		s.tally = t.tally;
		s.refused = tally_refused(t.tally) + (t.darknet ? darknet_refused(t.darknet) : 0);
		summary_json(&s, c->out);
	}
	summary_free(&s);
	tallying_free(&t);
	return code;
}

static int summary(struct view_call *c, struct err *err)
{
	struct filter f;
	int code = filter_init(&f, c, err);
	if (!code)
		code = answer(c, &f, err);
	filter_fini(&f);
	return code;
}

static const struct view_param params[] = {
	FILTER_TIME,
	FILTER_SENSOR,
	FILTER_RESEARCH,
	{ .name = "limit", .type = VIEW_NUMBER, .normal = "10", .meaning = "rows of the top lists, 1 to 1000" },
};

#define FINDINGS "[{" RECORDS_FINDING "}]"

const struct view summary_view = {
	"GET",
	"/summary",
	VIEW_VIEWER,
	"What came, in which class, from how many, and what was concluded of it: the object of `telescope read "
	"--json`.",
	params,
	sizeof params / sizeof *params,
	"{files: integer, packets: integer, bytes: integer|null, captured: integer|null, first: text|null, "
	"last: text|null, first_ns: integer|null, last_ns: integer|null, link_types: {*: integer}, "
	"classes: {*: integer|null}, layers: {*: integer|null}, truncated: [any], drops: integer, oddities: integer, "
	"sources: {distinct4: integer|null, distinct6: integer|null, exact: bool, "
	"top: [{address: text, packets: integer, targets: integer}]}, "
	"ports: {top: [{port: integer, proto: text, packets: integer, sources: integer}]}, "
	"scanners: " FINDINGS ", backscatter: " FINDINGS ", amplification: " FINDINGS ", icmp_quotes: " FINDINGS
	", own_suspects: " FINDINGS ", findings_left_out: integer, late: integer, folded: integer, "
	"flows_lost: integer, sources_lost: integer, analysis_refused: integer, "
	"left_out: {packets: integer, sources: integer}}",
	summary,
};
