// SPDX-License-Identifier: Apache-2.0
/*
 * /flows and /flows.csv: the flows that fit, by minute, sensor, family, source, port. Where all flows fit, blocks that
 * lie before or behind the page are counted by their headers and not read.
 */
#include "view/filter.h"
#include "view/flowrow.h"
#include "view/list.h"
#include "view/records.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS 5000

struct row {
	struct flow flow;
	char sensor[ARCHIVE_SENSOR_MAX];
};

struct page {
	struct view_call *call;
	uint64_t at, offset, limit; /* at: flows that fit so far */
	struct row *rows;
	size_t n;
};

static int take(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct page *p = arg;
	uint64_t at = p->at;
	p->at += n;
	if (at + n <= p->offset || p->n == p->limit)
		return 0;
	for (size_t i = at < p->offset ? p->offset - at : 0; i < n && p->n < p->limit; i++) {
		struct row *r = &p->rows[p->n++];
		r->flow = flows[i];
		memcpy(r->sensor, h->sensor, sizeof r->sensor);
	}
	return 0;
}

static bool pass(void *arg, const struct archive_header *h)
{
	struct page *p = arg;
	if (p->at + h->flows > p->offset && p->n < p->limit)
		return false;
	p->at += h->flows;
	return true;
}

static void print(struct page *p, const struct filter_scan *s, const struct filter *f)
{
	struct json j;
	json_init(&j, p->call->out);
	json_object(&j, NULL);
	json_u64(&j, "total", s->flows);
	json_u64(&j, "packets", s->packets);
	json_u64(&j, "offset", p->offset);
	json_array(&j, "rows");
	for (size_t i = 0; i < p->n; i++) {
		struct row *r = &p->rows[i];
		r->flow.dst = view_dark(p->call, &r->flow.dst);
		json_object(&j, NULL);
		flowrow_fields(&j, &r->flow);
		json_str(&j, "sensor", r->sensor);
		json_end(&j, '}');
	}
	json_end(&j, ']');
	filter_left_out(&j, f);
	json_u64(&j, "broken", s->broken);
	json_end(&j, '}');
	json_line(&j);
}

static int list(struct view_call *c, struct err *err)
{
	struct filter f;
	struct page p = {
		.call = c, .offset = view_number(c, "offset", 0, UINT64_MAX), .limit = view_number(c, "limit", 1, ROWS)
	};
	struct filter_scan s = { .fn = take, .block = pass, .arg = &p };
	p.rows = mem_new(p.limit * sizeof *p.rows);
	int code = filter_init(&f, c, err);
	if (!code)
		code = filter_scan(&s, &f, c, err);
	if (!code)
		print(&p, &s, &f);
	free(p.rows);
	filter_fini(&f);
	return code;
}

static int put_lines(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	const struct view_call *c = arg;
	for (size_t i = 0; i < n; i++) {
		struct flow f = flows[i];
		f.dst = view_dark(c, &f.dst);
		flowrow_csv(c->out, &f, h->sensor);
	}
	return records_over(c) ? VIEW_AWAY : 0;
}

static int csv(struct view_call *c, struct err *err)
{
	struct filter f;
	struct filter_scan s = { .fn = put_lines, .arg = c };
	int code = filter_init(&f, c, err);
	if (!code) {
		snprintf(c->type, sizeof c->type, "text/csv; charset=utf-8");
		snprintf(c->file, sizeof c->file, "flows.csv");
		flowrow_csv_head(c->out);
		code = filter_scan(&s, &f, c, err);
	}
	filter_fini(&f);
	return code;
}

static const struct view_param list_params[] = {
	FILTER_PARAMS,
	{ .name = "offset", .type = VIEW_NUMBER, .normal = "0", .meaning = "flows that fit before the first row" },
	{ .name = "limit", .type = VIEW_NUMBER, .normal = "200", .meaning = "rows, 1 to 5000" },
};

static const struct view_param csv_params[] = { FILTER_PARAMS };

const struct view flows_view = {
	"GET",
	"/flows",
	VIEW_VIEWER,
	"Flows by minute, then sensor, source, port: the rows of `telescope flows --json` with their sensor. `total` "
	"is how "
	"many fit. The same question gives the same rows at the same places while nothing is added to the time.",
	list_params,
	sizeof list_params / sizeof *list_params,
	"{total: integer, packets: integer, offset: integer, rows: [{" FLOWROW_SHAPE ", sensor: text}], "
	"left_out: {packets: integer, sources: integer}, broken: integer}",
	list,
};

const struct view flows_csv_view = {
	"GET",
	"/flows.csv",
	VIEW_VIEWER,
	"The same flows as a file, all of them.",
	csv_params,
	sizeof csv_params / sizeof *csv_params,
	"text/csv",
	csv,
};
