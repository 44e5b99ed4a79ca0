// SPDX-License-Identifier: Apache-2.0
/* /timeline: packets over time, by class, exact. */
#include "view/filter.h"
#include "view/list.h"

#include "base/mem.h"

#include <stdlib.h>

#define BINS 2000

struct line {
	struct view_call *call;
	const struct filter *filter;
	struct json j;
	uint64_t bin_ns;
	size_t bins;
	uint64_t *packets; /* bins, then those of each class */
};

static int add(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct line *l = arg;
	(void)h;
	for (size_t i = 0; i < n; i++) {
		size_t bin = (size_t)((uint64_t)(flows[i].first_ns - l->filter->from_ns) / l->bin_ns);
		l->packets[bin] += flows[i].packets;
		l->packets[(flows[i].cls + 1) * l->bins + bin] += flows[i].packets;
	}
	return 0;
}

static void put_bins(struct line *l, const char *key, const uint64_t *v)
{
	json_array(&l->j, key);
	for (size_t i = 0; i < l->bins; i++)
		json_u64(&l->j, NULL, v[i]);
	json_end(&l->j, ']');
}

static bool any(const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i])
			return true;
	return false;
}

static int print(struct line *l, const struct filter_scan *s, struct err *err)
{
	struct json *j = &l->j;
	json_init(j, l->call->out);
	json_object(j, NULL);
	json_time(j, "from", l->filter->from_ns);
	json_i64(j, "from_ns", l->filter->from_ns);
	json_time(j, "to", l->filter->to_ns);
	json_i64(j, "to_ns", l->filter->to_ns);
	json_u64(j, "bin_ns", l->bin_ns);
	json_u64(j, "bins", l->bins);
	put_bins(l, "packets", l->packets);
	json_object(j, "classes");
	for (size_t k = 0; k < CLASS_N; k++)
		if (k <= CLASS_ICMP || any(l->packets + (k + 1) * l->bins, l->bins))
			put_bins(l, packet_class_name((enum packet_class)k), l->packets + (k + 1) * l->bins);
	json_end(j, '}');
	int code = filter_gaps(j, l->filter, l->call->store, err);
	json_u64(j, "flows", s->flows);
	json_u64(j, "broken", s->broken);
	filter_left_out(j, l->filter);
	json_end(j, '}');
	json_line(j);
	return code;
}

static int draw(struct view_call *c, struct filter *f, struct err *err)
{
	uint64_t span = (uint64_t)f->to_ns - (uint64_t)f->from_ns, bins = view_number(c, "bins", 1, BINS);
	struct line l = { .call = c, .filter = f, .bin_ns = span / bins + (span % bins > 0) };
	l.bins = (size_t)(span / l.bin_ns + (span % l.bin_ns > 0));
	l.packets = mem_new((CLASS_N + 1) * l.bins * sizeof *l.packets);
	struct filter_scan s = { .fn = add, .arg = &l };
	int code = filter_scan(&s, f, c, err);
	if (!code)
		code = print(&l, &s, err);
	free(l.packets);
	return code;
}

static int timeline(struct view_call *c, struct err *err)
{
	struct filter f;
	int code = filter_init(&f, c, err);
	if (!code)
		code = draw(c, &f, err);
	filter_fini(&f);
	return code;
}

static const struct view_param params[] = {
	FILTER_PARAMS,
	{ .name = "bins",
		.type = VIEW_NUMBER,
		.normal = "200",
		.meaning = "parts of equal length, 1 to 2000; the last may reach over the end" },
};

const struct view timeline_view = {
	"GET",
	"/timeline",
	VIEW_VIEWER,
	"Packets over time by class, counted exactly from the flows, and when sensors were blind (the first 1000 gaps "
	"of "
	"`gaps_n`).",
	params,
	sizeof params / sizeof *params,
	"{from: text, from_ns: integer, to: text, to_ns: integer, bin_ns: integer, bins: integer, packets: [integer], "
	"classes: {*: [integer]}, gaps: [@gap], gaps_n: integer, flows: integer, broken: integer, left_out: {packets: "
	"integer, sources: integer}}",
	timeline,
};
