// SPDX-License-Identifier: Apache-2.0
/*
 * /overview: hours and what stood out, from the roll-ups: whole days from those of days, the rest from hours. Packets
 * add up. How many sources were unique over several spans or sensors the roll-ups can't tell: the answer is the most of
 * any of them, and says that it is an estimate.
 */
#include "view/filter.h"
#include "view/list.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR_NS	 (60 * MINUTE_NS)
#define DAY_NS	 (24 * HOUR_NS)
#define MAX_SPAN (4100 * DAY_NS)
#define ROWS	 200
#define KEYS	 ((size_t)1 << 18)

struct hour {
	uint64_t packets, sources, classes[CLASS_N];
	bool counted, estimate; /* `sources` is known; is no exact number */
};

struct key {
	char text[ROLLUP_KEY_MAX];
	uint64_t packets, sources;
	uint32_t spans;
	bool estimate;
};

struct overview {
	struct view_call *call;
	const struct filter *filter;
	struct json j;
	int64_t from_ns, to_ns; /* whole hours */
	struct hour *hours;
	size_t hours_n;
	enum rollup_dim dim;
	struct idmap map;
	struct key *keys;
	size_t room;
};

static struct hour *hour_of(struct overview *o, int64_t ns)
{
	size_t i = (size_t)((ns - o->from_ns) / HOUR_NS);
	return i < o->hours_n ? &o->hours[i] : NULL;
}

static int see_class(void *arg, const struct store_sum *s)
{
	struct overview *o = arg;
	struct hour *h = hour_of(o, s->start_ns);
	for (int k = 0; h && k < CLASS_N; k++)
		if (strcmp(packet_class_name((enum packet_class)k), s->key) == 0) {
			h->classes[k] += s->packets;
			h->packets += s->packets;
		}
	return 0;
}

static int see_all(void *arg, const struct store_sum *s)
{
	struct overview *o = arg;
	struct hour *h = hour_of(o, s->start_ns);
	if (!h)
		return 0;
	h->estimate = h->estimate || s->estimate || h->counted;
	h->sources = s->sources > h->sources ? s->sources : h->sources;
	h->counted = true;
	return 0;
}

static int see_key(void *arg, const struct store_sum *s)
{
	struct overview *o = arg;
	uint64_t hash = 0x6b657973;
	bool fresh;
	if (strcmp(s->key, ROLLUP_REST) == 0)
		return 0;
	for (const char *c = s->key; *c; c++)
		hash = random_mix(hash ^ (uint8_t)*c) + 1;
	uint32_t n = idmap_take(&o->map, hash, &fresh);
	if (n == IDMAP_NONE)
		return 0;
	o->keys = idmap_room(o->keys, o->map.n, &o->room, sizeof *o->keys);
	struct key *k = &o->keys[n];
	if (fresh) {
		*k = (struct key){ 0 };
		memcpy(k->text, s->key, sizeof k->text);
	}
	k->packets += s->packets;
	k->sources = s->sources > k->sources ? s->sources : k->sources;
	k->estimate = k->estimate || s->estimate || k->spans > 0;
	k->spans++;
	return 0;
}

struct part {
	enum rollup_span span;
	int64_t from_ns, to_ns;
};

static int read_part(struct overview *o, const struct part *p, int (*fn)(void *arg, const struct store_sum *))
{
	struct store_rollup q = { .span = p->span,
		.dim = o->dim,
		.from_ns = p->from_ns,
		.to_ns = p->to_ns,
		.sensor = o->filter->sensor ? o->filter->sensor : "",
		.fn = fn,
		.arg = o };
	return p->from_ns < p->to_ns ? store_rollup(o->call->store, &q) : 0;
}

/* Whole days from days, what is before and behind from hours. */
static int read_keys(struct overview *o)
{
	int64_t first = (o->from_ns + DAY_NS - 1) / DAY_NS * DAY_NS, last = o->to_ns / DAY_NS * DAY_NS;
	struct part parts[3] = { { ROLLUP_HOUR, o->from_ns, first }, { ROLLUP_DAY, first, last },
		{ ROLLUP_HOUR, last, o->to_ns } };
	if (first >= last) {
		parts[0].to_ns = o->to_ns;
		parts[1].to_ns = first;
		parts[2].from_ns = o->to_ns;
	}
	for (int i = 0; i < 3; i++)
		if (read_part(o, &parts[i], see_key))
			return -1;
	return 0;
}

static int by_packets(const void *x, const void *y)
{
	const struct key *a = x, *b = y;
	return a->packets != b->packets ? (a->packets > b->packets ? -1 : 1) : strcmp(a->text, b->text);
}

/* "tcp/23" as the other pages write it: "23/tcp". */
static const char *key_text(enum rollup_dim dim, const char *key, char out[ROLLUP_KEY_MAX + 8])
{
	const char *slash = strchr(key, '/');
	if (dim == ROLLUP_PORT && slash)
		snprintf(out, ROLLUP_KEY_MAX + 8, "%s/%.*s", slash + 1, (int)(slash - key), key);
	else
		snprintf(out, ROLLUP_KEY_MAX + 8, "%s", key);
	return out;
}

static int put_keys(struct overview *o, const char *name, enum rollup_dim dim, uint64_t limit)
{
	char text[ROLLUP_KEY_MAX + 8];
	o->dim = dim;
	idmap_init(&o->map, KEYS, o->call->seed);
	int code = read_keys(o);
	if (o->map.n)
		qsort(o->keys, o->map.n, sizeof *o->keys, by_packets);
	json_array(&o->j, name);
	for (size_t i = 0; i < o->map.n && i < limit; i++) {
		const struct key *k = &o->keys[i];
		json_object(&o->j, NULL);
		json_str(&o->j, "key", key_text(dim, k->text, text));
		json_u64(&o->j, "packets", k->packets);
		json_u64(&o->j, "sources", k->sources);
		json_bool(&o->j, "estimate", k->estimate);
		json_end(&o->j, '}');
	}
	json_end(&o->j, ']');
	idmap_fini(&o->map);
	return code;
}

static void put_hour(struct overview *o, size_t i)
{
	const struct hour *h = &o->hours[i];
	struct json *j = &o->j;
	json_object(j, NULL);
	json_time(j, "start", o->from_ns + (int64_t)i * HOUR_NS);
	json_i64(j, "start_ns", o->from_ns + (int64_t)i * HOUR_NS);
	json_u64(j, "packets", h->packets);
	if (h->counted || !h->packets)
		json_u64(j, "sources", h->sources);
	else
		json_null(j, "sources");
	json_bool(j, "estimate", h->estimate);
	json_object(j, "classes");
	for (int k = 0; k < CLASS_N; k++)
		if (h->classes[k])
			json_u64(j, packet_class_name((enum packet_class)k), h->classes[k]);
	json_end(j, '}');
	json_end(j, '}');
}

static int read_hours(struct overview *o)
{
	struct part all = { ROLLUP_HOUR, o->from_ns, o->to_ns };
	o->dim = ROLLUP_CLASS;
	if (read_part(o, &all, see_class))
		return -1;
	o->dim = ROLLUP_ALL;
	return read_part(o, &all, see_all);
}

static int print(struct overview *o, struct err *err)
{
	static const struct {
		const char *name;
		enum rollup_dim dim;
	} lists[] = { { "ports", ROLLUP_PORT }, { "countries", ROLLUP_COUNTRY }, { "ases", ROLLUP_AS },
		{ "tools", ROLLUP_TOOL } };
	uint64_t limit = view_number(o->call, "limit", 1, ROWS), packets = 0;
	size_t first = o->hours_n, end = 0;
	struct json *j = &o->j;
	int code = read_hours(o);
	json_init(j, o->call->out);
	json_object(j, NULL);
	json_i64(j, "from_ns", o->from_ns);
	json_i64(j, "to_ns", o->to_ns);
	for (size_t i = 0; i < o->hours_n; i++) {
		packets += o->hours[i].packets;
		first = o->hours[i].packets && first > i ? i : first;
		end = o->hours[i].packets ? i + 1 : end;
	}
	json_u64(j, "packets", packets);
	json_array(j, "hours");
	for (size_t i = first; i < end; i++)
		put_hour(o, i);
	json_end(j, ']');
	for (size_t i = 0; i < sizeof lists / sizeof *lists && !code; i++)
		code = put_keys(o, lists[i].name, lists[i].dim, limit);
	code = code ? VIEW_FAILED : filter_gaps(j, o->filter, o->call->store, err);
	json_end(j, '}');
	json_line(j);
	return code;
}

static int overview(struct view_call *c, struct err *err)
{
	struct filter f;
	int code = filter_init(&f, c, err);
	struct overview o = { .call = c, .filter = &f };
	if (!code && (uint64_t)f.to_ns - (uint64_t)f.from_ns > (uint64_t)MAX_SPAN)
		code = err_set(err, VIEW_TOO_LARGE, "from: at most 4100 days at once");
	if (!code && (f.from_ns < 0 || f.to_ns > INT64_MAX - 2 * DAY_NS))
		code = err_set(err, VIEW_BAD, "from: must lie in 1970 or later");
	if (!code) {
		o.from_ns = f.from_ns / HOUR_NS * HOUR_NS;
		o.to_ns = (f.to_ns + HOUR_NS - 1) / HOUR_NS * HOUR_NS;
		o.hours_n = (size_t)((o.to_ns - o.from_ns) / HOUR_NS);
		o.hours = mem_new(o.hours_n * sizeof *o.hours);
		code = print(&o, err);
	}
	free(o.hours);
	free(o.keys);
	filter_fini(&f);
	return code;
}

static const struct view_param params[] = {
	FILTER_TIME,
	FILTER_SENSOR,
	{ .name = "limit", .type = VIEW_NUMBER, .normal = "10", .meaning = "rows of each list, 1 to 200" },
};

#define KEY_SHAPE "[{key: text, packets: integer, sources: integer, estimate: bool}]"

const struct view overview_view = {
	"GET",
	"/overview",
	VIEW_VIEWER,
	"Whole hours, from the first to the last that has any, with their packets by class and sources, and what stood "
	"out, from the roll-ups, at most 4100 days. "
	"Sources are those of one hour (in the lists: of an hour or day) of one sensor; where there are several, the "
	"most of "
	"any, and `estimate` says so. Hours of which nobody counted sources have null.",
	params,
	sizeof params / sizeof *params,
	"{from_ns: integer, to_ns: integer, packets: integer, hours: [{start: text, start_ns: integer, packets: "
	"integer, "
	"sources: integer|null, estimate: bool, classes: {*: integer}}], ports: " KEY_SHAPE ", countries: " KEY_SHAPE
	", ases: " KEY_SHAPE ", tools: " KEY_SHAPE ", gaps: [@gap], gaps_n: integer}",
	overview,
};
