// SPDX-License-Identifier: Apache-2.0
/*
 * /arcs: flows for a map, evenly thinned out, beside the true counts. Every 2^k-th flow that fits is kept, k growing
 * when there are too many: one pass, and the same question draws the same arcs.
 */
#include "view/filter.h"
#include "view/list.h"

#include "base/mem.h"

#include <stdlib.h>

#define ARCS 2000
#define NINE 9 /* classes of the figure */

struct arcs {
	struct flow *kept;
	size_t n, room;
	uint64_t seen, step;
	uint64_t classes[NINE];
};

/* The class of the figure: what it has no name for is "other". */
static unsigned nine(const struct flow *f)
{
	return f->cls <= CLASS_ICMP ? f->cls : CLASS_TCP_OTHER;
}

static int add(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct arcs *a = arg;
	(void)h;
	for (size_t i = 0; i < n; i++) {
		a->classes[nine(&flows[i])] += flows[i].packets;
		if (a->seen++ % a->step)
			continue;
		if (a->n == a->room) {
			a->n /= 2;
			for (size_t k = 0; k < a->n; k++)
				a->kept[k] = a->kept[2 * k];
			a->step *= 2;
			if ((a->seen - 1) % a->step)
				continue;
		}
		a->kept[a->n++] = flows[i];
	}
	return 0;
}

static int by_time(const void *x, const void *y)
{
	const struct flow *a = x, *b = y;
	return a->first_ns != b->first_ns ? (a->first_ns < b->first_ns ? -1 : 1) : flow_cmp(a, b);
}

static void put_arc(struct view_call *c, struct json *j, const struct flow *f)
{
	double latitude, longitude;
	char text[ADDR_TEXT_MAX];
	json_array(j, NULL);
	json_i64(j, NULL, f->first_ns);
	if (c->know && knowing_point(c->know, &f->src, &latitude, &longitude)) {
		json_double(j, NULL, longitude);
		json_double(j, NULL, latitude);
	} else {
		json_null(j, NULL);
		json_null(j, NULL);
	}
	json_u64(j, NULL, nine(f));
	json_u64(j, NULL, f->sport);
	json_u64(j, NULL, f->dport);
	json_u64(j, NULL, f->proto);
	json_str(j, NULL, addr_text(text, &f->src));
	json_end(j, ']');
}

static void print(struct view_call *c, struct arcs *a, const struct filter_scan *s, const struct filter *f)
{
	struct json j;
	size_t limit = a->room / 2;
	size_t shown = a->n < limit ? a->n : limit;
	json_init(&j, c->out);
	json_object(&j, NULL);
	json_i64(&j, "from_ns", f->from_ns);
	json_i64(&j, "to_ns", f->to_ns);
	json_u64(&j, "packets", s->packets);
	json_u64(&j, "flows", s->flows);
	json_object(&j, "classes");
	for (int k = 0; k < NINE; k++)
		json_u64(&j, packet_class_name((enum packet_class)k), a->classes[k]);
	json_end(&j, '}');
	/* By time only now: what was kept was spread over the archive's order, and so over time too. */
	for (size_t i = 0; i < shown; i++)
		a->kept[i] = a->kept[i * a->n / shown];
	if (shown)
		qsort(a->kept, shown, sizeof *a->kept, by_time);
	json_array(&j, "arcs");
	for (size_t i = 0; i < shown; i++)
		put_arc(c, &j, &a->kept[i]);
	json_end(&j, ']');
	filter_left_out(&j, f);
	json_end(&j, '}');
	json_line(&j);
}

static int arcs(struct view_call *c, struct err *err)
{
	struct filter f;
	struct arcs a = { .room = 2 * view_number(c, "limit", 1, ARCS), .step = 1 };
	struct filter_scan s = { .fn = add, .arg = &a };
	a.kept = mem_new(a.room * sizeof *a.kept);
	int code = filter_init(&f, c, err);
	if (!code)
		code = filter_scan(&s, &f, c, err);
	if (!code)
		print(c, &a, &s, &f);
	free(a.kept);
	filter_fini(&f);
	return code;
}

static const struct view_param params[] = {
	FILTER_PARAMS,
	{ .name = "limit", .type = VIEW_NUMBER, .normal = "2000", .meaning = "arcs, 1 to 2000" },
};

const struct view arcs_view = {
	"GET",
	"/arcs",
	VIEW_VIEWER,
	"Flows for a map, evenly thinned out, by time: [ns, longitude, latitude, class, source port, destination port, "
	"protocol, source], the place null where it isn't known, the class as its number among the nine of the figure. "
	"`packets` and `classes` count everything.",
	params,
	sizeof params / sizeof *params,
	"{from_ns: integer, to_ns: integer, packets: integer, flows: integer, classes: {*: integer}, arcs: [[any]], "
	"left_out: {packets: integer, sources: integer}}",
	arcs,
};
