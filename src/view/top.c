// SPDX-License-Identifier: Apache-2.0
/* /top: what stands out, by packets and by unique sources, against the day before and a week before. */
#include "view/list.h"
#include "view/tallying.h"
#include "view/toprows.h"

#define ROWS 1000

struct top {
	struct json j;
	struct tallying t;
	enum tally_by by;
};

static void on_finding(void *arg, const struct finding *f)
{
	struct top *t = arg;
	struct addr a;
	if (f->kind == FINDING_SCAN && addr_parse(f->subject, &a, NULL) == 0 &&
		filter_source(t->t.filter, &a, f->first_ns))
		tallying_tool(t->t.tally, f);
}

static void on_row(void *arg, const struct tally_row *row)
{
	struct top *t = arg;
	toprows_json(&t->j, t->by, row);
}

static int answer(struct view_call *c, struct filter *f, struct err *err)
{
	struct top t = { .t = { .call = c, .filter = f, .filtered = true } };
	if (!toprows_by(view_text(c, "by"), &t.by))
		return err_set(err, VIEW_BAD, "by: is none of them");
	t.t.only = 1u << t.by;
	t.t.findings = t.by == TALLY_TOOL;
	int code = tallying_run(&t.t, err);
	if (!code && t.by == TALLY_TOOL)
		code = tallying_findings(&t.t, on_finding, &t);
	if (!code) {
		json_init(&t.j, c->out);
		json_object(&t.j, NULL);
		json_str(&t.j, "by", tally_by_name(t.by));
		json_array(&t.j, "rows");
		size_t keys = tally_top(t.t.tally, t.by, view_number(c, "limit", 1, ROWS), on_row, &t);
		json_end(&t.j, ']');
		json_u64(&t.j, "keys", keys);
		filter_left_out(&t.j, f);
		json_u64(&t.j, "flows", t.t.stored.fitted);
		json_u64(&t.j, "packets", t.t.stored.counts.packets);
		json_bool(&t.j, "exact", tally_refused(t.t.tally) == 0);
		json_end(&t.j, '}');
		json_line(&t.j);
	}
	tallying_free(&t.t);
	return code;
}

static int top(struct view_call *c, struct err *err)
{
	struct filter f;
	int code = filter_init(&f, c, err);
	if (!code)
		code = answer(c, &f, err);
	filter_fini(&f);
	return code;
}

static const struct view_param params[] = {
	{ .name = "by",
		.type = VIEW_WORD,
		.words = "port|class|source|country|as|tool",
		.normal = "port",
		.meaning = "what is counted; of the filters only src, country, asn, sensor and research choose tools" },
	FILTER_PARAMS,
	{ .name = "limit", .type = VIEW_NUMBER, .normal = "20", .meaning = "rows, 1 to 1000" },
};

#define DAY "{packets: integer, sources?: integer, targets?: integer}"

const struct view top_view = {
	"GET",
	"/top",
	VIEW_VIEWER,
	"What stands out, with the numbers of the last day, the day before and a week before: the rows of `telescope "
	"top "
	"--json`.",
	params,
	sizeof params / sizeof *params,
	"{by: text, rows: [{by: text, key: text, packets: integer, sources?: integer, targets?: integer, last_day: " DAY
	", day_before: " DAY "|null, week_before: " DAY "|null}], keys: integer, "
	"left_out: {packets: integer, sources: integer}, flows: integer, packets: integer, exact: bool}",
	top,
};
