// SPDX-License-Identifier: Apache-2.0
#include "view/neighbours.h"

#include "analysis/darknet/darknet.h"
#include "view/records.h"

#include <stdlib.h>

#define HOUR_NS	  (60 * MINUTE_NS)
#define HOURS	  24
#define RECORDS	  4000000u
#define KEPT	  ((size_t)1 << 18)
#define NEAR_ROWS 256
#define AS_ROWS	  100
#define TOOLS	  8

struct near {
	struct addr addr;
	uint64_t packets;
	const char *tools[TOOLS]; /* static texts */
	bool checked, same_as;
};

struct look {
	const struct view_call *call;
	const struct filter *filter;
	struct addr of;
	struct prefix net;
	uint32_t asn;
	bool has_asn;
	struct idmap map;
	struct near *v;
	size_t room;
	uint64_t records;
	int64_t from_ns, to_ns; /* what was looked at */
};

/* The /24 or /64 around it. */
static struct prefix net_of(const struct addr *a)
{
	struct prefix p = { *a, addr_is4(a) ? 120 : 64 };
	memset(p.addr.b + p.bits / 8, 0, (size_t)(16 - p.bits / 8));
	return p;
}

static bool in_as(const struct look *l, const struct addr *a)
{
	struct location at = { 0 };
	if (!l->has_asn)
		return false;
	knowing_place(l->call->know, a, &at);
	return at.has_asn && at.asn == l->asn;
}

static void add_tool(struct near *n, const char *tool)
{
	for (size_t i = 0; tool && i < TOOLS; i++) {
		if (n->tools[i] == tool)
			return;
		if (!n->tools[i]) {
			n->tools[i] = tool;
			return;
		}
	}
}

static int see(void *arg, const char *sensor, const struct source *s)
{
	struct look *l = arg;
	bool fresh;
	if ((l->filter->sensor && strcmp(l->filter->sensor, sensor) != 0) || addr_same(&s->addr, &l->of))
		return 0;
	if (++l->records > RECORDS)
		return 1;
	uint32_t n = idmap_take(&l->map, addr_hash(&s->addr, l->map.seed), &fresh);
	if (n == IDMAP_NONE)
		return 0;
	l->v = idmap_room(l->v, l->map.n, &l->room, sizeof *l->v);
	if (fresh)
		l->v[n] = (struct near){ .addr = s->addr, .same_as = in_as(l, &s->addr) };
	l->v[n].packets += s->packets;
	add_tool(&l->v[n], darknet_tool_of(s));
	return 0;
}

/* Newest hours first, by whole minutes: each record is of one. Without a system only the net is wanted, which the index
 * of the store finds. */
static int look(struct look *l)
{
	int64_t end = (l->to_ns + MINUTE_NS - 1) / MINUTE_NS * MINUTE_NS;
	int64_t least = l->filter->from_ns / MINUTE_NS * MINUTE_NS;
	if (least < end - HOURS * HOUR_NS)
		least = end - HOURS * HOUR_NS;
	l->to_ns = end;
	l->from_ns = end;
	while (l->from_ns > least) {
		int64_t to = l->from_ns, from = to - HOUR_NS > least ? to - HOUR_NS : least;
		l->from_ns = from;
		int rc = store_each_source(l->call->store, from, to, l->has_asn ? NULL : &l->net, see, l);
		if (rc == -STORE_STOPPED)
			return 0;
		if (rc)
			return VIEW_FAILED;
		if (records_over(l->call))
			return VIEW_AWAY;
	}
	return 0;
}

static int by_packets(const void *x, const void *y)
{
	const struct near *a = x, *b = y;
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	return addr_cmp(&a->addr, &b->addr);
}

static void put(struct json *j, const struct near *n)
{
	char text[ADDR_TEXT_MAX];
	json_object(j, NULL);
	json_str(j, "address", addr_text(text, &n->addr));
	json_u64(j, "packets", n->packets);
	json_array(j, "tools");
	for (size_t i = 0; i < TOOLS && n->tools[i]; i++)
		json_str(j, NULL, n->tools[i]);
	json_end(j, ']');
	json_end(j, '}');
}

static void print(struct look *l, struct json *j)
{
	uint64_t sources = 0, packets = 0;
	size_t shown = 0;
	if (l->map.n)
		qsort(l->v, l->map.n, sizeof *l->v, by_packets);
	json_array(j, "neighbours");
	for (size_t i = 0; i < l->map.n && shown < NEAR_ROWS; i++)
		if (prefix_holds(&l->net, &l->v[i].addr)) {
			put(j, &l->v[i]);
			shown++;
		}
	json_end(j, ']');
	json_object(j, "as_neighbours");
	if (l->has_asn)
		json_u64(j, "asn", l->asn);
	else
		json_null(j, "asn");
	for (size_t i = 0; i < l->map.n; i++) {
		sources += l->v[i].same_as;
		packets += l->v[i].same_as ? l->v[i].packets : 0;
	}
	json_u64(j, "sources", sources);
	json_u64(j, "packets", packets);
	json_i64(j, "from_ns", l->from_ns);
	json_i64(j, "to_ns", l->to_ns);
	json_array(j, "rows");
	shown = 0;
	for (size_t i = 0; i < l->map.n && shown < AS_ROWS; i++)
		if (l->v[i].same_as) {
			put(j, &l->v[i]);
			shown++;
		}
	json_end(j, ']');
	json_end(j, '}');
}

int neighbours_json(const struct view_call *c, const struct filter *f, const struct neighbours *n, struct json *j)
{
	const struct addr *a = &n->of;
	struct look l = { .call = c, .filter = f, .of = *a, .net = net_of(a), .to_ns = n->to_ns };
	struct location at = { 0 };
	if (c->know)
		knowing_place(c->know, a, &at);
	l.has_asn = at.has_asn;
	l.asn = at.asn;
	idmap_init(&l.map, KEPT, c->seed);
	int code = look(&l);
	print(&l, j);
	idmap_fini(&l.map);
	free(l.v);
	return code;
}
