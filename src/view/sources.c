// SPDX-License-Identifier: Apache-2.0
/* /sources: who sent what fits, one row an address: packets, targets, ports, classes, marks of tools. */
#include "view/filter.h"
#include "view/list.h"
#include "view/place.h"

#include "base/mem.h"

#include <stdlib.h>

#define ROWS	    1000
#define MAX_SOURCES ((size_t)1 << 20) /* kept */
#define MAX_PAIRS   ((size_t)8 << 20) /* of source and target, and of source and port */

struct sum {
	struct addr addr;
	int64_t first_ns, last_ns;
	uint64_t packets;
	uint32_t targets, ports;
	uint32_t classes[CLASS_N], marks[PLACE_TOOLS];
};

struct sums {
	struct idmap map, targets, ports;
	struct sum *v;
	size_t room;
	uint32_t last, last_port;
	bool has_last, has_port;
};

static uint32_t add32(uint32_t a, uint64_t b)
{
	return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

static uint64_t key_of(const struct addr *a, uint64_t seed)
{
	return addr_is4(a) ? addr_to4(a) : addr_hash(a, seed) | (uint64_t)1 << 63;
}

static uint32_t source_of(struct sums *t, const struct flow *f)
{
	bool fresh;
	if (t->has_last && addr_same(&t->v[t->last].addr, &f->src))
		return t->last;
	t->has_port = false;
	uint32_t n = idmap_take(&t->map, key_of(&f->src, t->map.seed), &fresh);
	t->has_last = n != IDMAP_NONE;
	t->last = n;
	if (n == IDMAP_NONE)
		return n;
	t->v = idmap_room(t->v, t->map.n, &t->room, sizeof *t->v);
	if (fresh)
		t->v[n] = (struct sum){ .addr = f->src, .first_ns = f->first_ns, .last_ns = f->last_ns };
	return n;
}

static void add_flow(struct sums *t, const struct flow *f)
{
	bool fresh;
	uint32_t n = source_of(t, f), port = (uint32_t)f->proto << 16 | f->dport;
	if (n == IDMAP_NONE)
		return;
	struct sum *s = &t->v[n];
	s->packets += f->packets;
	s->first_ns = f->first_ns < s->first_ns ? f->first_ns : s->first_ns;
	s->last_ns = f->last_ns > s->last_ns ? f->last_ns : s->last_ns;
	s->classes[f->cls] = add32(s->classes[f->cls], f->packets);
	place_marks(s->marks, f);
	uint64_t target = addr_is4(&f->dst) ? (uint64_t)n << 32 | addr_to4(&f->dst)
					    : random_mix(addr_hash(&f->dst, t->targets.seed) ^ n) | (uint64_t)1 << 63;
	(void)idmap_take(&t->targets, target, &fresh);
	s->targets += fresh;
	if ((f->proto != PROTO_TCP && f->proto != PROTO_UDP) || (t->has_port && t->last_port == port))
		return;
	t->has_port = true;
	t->last_port = port;
	(void)idmap_take(&t->ports, (uint64_t)n << 32 | port, &fresh);
	s->ports += fresh;
}

static int add(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct sums *t = arg;
	(void)h;
	for (size_t i = 0; i < n; i++)
		add_flow(t, &flows[i]);
	return 0;
}

enum sorting { BY_PACKETS, BY_TARGETS, BY_PORTS };

static uint64_t rank(const struct sum *s, enum sorting by)
{
	return by == BY_TARGETS ? s->targets : by == BY_PORTS ? s->ports : s->packets;
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct sum *a = x, *b = y;
	uint64_t p = rank(a, *(enum sorting *)arg), q = rank(b, *(enum sorting *)arg);
	return p != q ? (p > q ? -1 : 1) : addr_cmp(&a->addr, &b->addr);
}

static void put_row(struct view_call *c, struct json *j, const struct sum *s)
{
	char text[ADDR_TEXT_MAX];
	json_object(j, NULL);
	json_str(j, "address", addr_text(text, &s->addr));
	json_u64(j, "packets", s->packets);
	json_u64(j, "targets", s->targets);
	json_u64(j, "ports", s->ports);
	json_time(j, "first", s->first_ns);
	json_i64(j, "first_ns", s->first_ns);
	json_time(j, "last", s->last_ns);
	json_i64(j, "last_ns", s->last_ns);
	place_json(c, j, &s->addr);
	json_str(j, "research", c->know ? knowing_research(c->know, &s->addr, s->first_ns) : NULL);
	json_array(j, "tools");
	place_tools(j, s->marks, s->packets);
	json_end(j, ']');
	json_object(j, "classes");
	for (int k = 0; k < CLASS_N; k++)
		if (s->classes[k])
			json_u64(j, packet_class_name((enum packet_class)k), s->classes[k]);
	json_end(j, '}');
	json_end(j, '}');
}

static void print(struct view_call *c, struct sums *t, const struct filter_scan *s, const struct filter *f)
{
	struct json j;
	uint64_t offset = view_number(c, "offset", 0, UINT64_MAX), limit = view_number(c, "limit", 1, ROWS);
	const char *sort = view_text(c, "sort");
	enum sorting by = strcmp(sort, "targets") == 0 ? BY_TARGETS
			  : strcmp(sort, "ports") == 0 ? BY_PORTS
						       : BY_PACKETS;
	if (t->map.n)
		qsort_r(t->v, t->map.n, sizeof *t->v, compare, &by);
	json_init(&j, c->out);
	json_object(&j, NULL);
	json_u64(&j, "total", t->map.n);
	json_bool(&j, "exact", !t->map.refused && !t->targets.refused && !t->ports.refused);
	json_u64(&j, "packets", s->packets);
	json_u64(&j, "flows", s->flows);
	json_u64(&j, "offset", offset);
	json_array(&j, "rows");
	for (uint64_t i = offset; i < t->map.n && i - offset < limit; i++)
		put_row(c, &j, &t->v[i]);
	json_end(&j, ']');
	filter_left_out(&j, f);
	json_end(&j, '}');
	json_line(&j);
}

static int sources(struct view_call *c, struct err *err)
{
	struct filter f;
	struct sums t = { 0 };
	struct filter_scan s = { .fn = add, .arg = &t };
	idmap_init(&t.map, MAX_SOURCES, c->seed);
	idmap_init(&t.targets, MAX_PAIRS, c->seed + 1);
	idmap_init(&t.ports, MAX_PAIRS, c->seed + 2);
	int code = filter_init(&f, c, err);
	if (!code)
		code = filter_scan(&s, &f, c, err);
	if (!code)
		print(c, &t, &s, &f);
	idmap_fini(&t.map);
	idmap_fini(&t.targets);
	idmap_fini(&t.ports);
	free(t.v);
	filter_fini(&f);
	return code;
}

static const struct view_param params[] = {
	FILTER_PARAMS,
	{ .name = "sort",
		.type = VIEW_WORD,
		.words = "packets|targets|ports",
		.normal = "packets",
		.meaning = "what has most comes first, then by address" },
	{ .name = "offset", .type = VIEW_NUMBER, .normal = "0", .meaning = "sources before the first row" },
	{ .name = "limit", .type = VIEW_NUMBER, .normal = "100", .meaning = "rows, 1 to 1000" },
};

const struct view sources_view = {
	"GET",
	"/sources",
	VIEW_VIEWER,
	"Who sent what fits, one row an address. `targets` and `ports` (of TCP and UDP) are different ones; without "
	"`exact` "
	"there were more sources or pairs than are kept (2^20, 2^23), and the numbers are the least there are.",
	params,
	sizeof params / sizeof *params,
	"{total: integer, exact: bool, packets: integer, flows: integer, offset: integer, rows: [{address: text, "
	"packets: "
	"integer, targets: integer, ports: integer, first: text, first_ns: integer, last: text, last_ns: integer, "
	"place: " PLACE_SHAPE ", research: text|null, tools: [text], classes: {*: integer}}], "
	"left_out: {packets: integer, sources: integer}}",
	sources,
};
