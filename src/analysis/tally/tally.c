// SPDX-License-Identifier: Apache-2.0
#include "analysis/tally/tally.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "wire/packet.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_NS	  ((int64_t)86400 * 1000000000)
#define MAX_KEYS  ((size_t)4 << 20)
#define MAX_PAIRS ((size_t)16 << 20)
#define ALL_DAYS  INT16_MIN

struct sum {
	uint64_t packets, others; /* others: sources, or targets of a source */
};

struct source_info {
	struct addr a;
	uint32_t key[2]; /* country, AS: names + 1 */
	bool asked, out;
};

struct name {
	char text[48];
};

/* Flows come by source, then port: what was looked up last is often asked again. */
struct recent {
	uint64_t key, pair;
	uint32_t k;
	bool has_key, has_pair;
};

struct tally {
	struct tally_params p;
	struct recent recent[TALLY_N][2];
	struct addr last_source;
	uint32_t last_number;
	bool has_last;
	struct idmap addrs, keys, pairs, names;
	struct source_info *sources;
	struct sum *sums;
	struct name *texts;
	size_t room_sources, room_sums, room_texts;
	int64_t last_day;
	uint64_t out_packets, out_sources;
};

const char *tally_by_name(enum tally_by by)
{
	static const char *const names[TALLY_N] = { "port", "class", "source", "target", "country", "as", "tool" };
	return names[by];
}

struct tally *tally_new(const struct tally_params *p)
{
	struct tally *t = mem_new(sizeof *t);
	t->p = *p;
	if (t->p.only && !t->p.no_days)
		t->p.only |= 1u << TALLY_CLASS; /* they tell which days the input has */
	t->last_day = INT64_MIN;
	idmap_init(&t->addrs, MAX_KEYS, p->seed);
	idmap_init(&t->keys, MAX_KEYS, p->seed + 1);
	idmap_init(&t->pairs, MAX_PAIRS, p->seed + 2);
	idmap_init(&t->names, MAX_KEYS, p->seed + 3);
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	idmap_fini(&t->addrs);
	idmap_fini(&t->keys);
	idmap_fini(&t->pairs);
	idmap_fini(&t->names);
	free(t->sources);
	free(t->sums);
	free(t->texts);
	free(t);
}

static bool wants(const struct tally *t, enum tally_by by)
{
	return !t->p.only || t->p.only >> by & 1;
}

static uint32_t addr_number(struct tally *t, const struct addr *a)
{
	bool fresh;
	uint64_t key = addr_is4(a) ? addr_to4(a) : addr_hash(a, t->p.seed) | (uint64_t)1 << 63;
	uint32_t n = idmap_take(&t->addrs, key, &fresh);
	if (fresh) {
		t->sources = idmap_room(t->sources, t->addrs.n, &t->room_sources, sizeof *t->sources);
		t->sources[n] = (struct source_info){ .a = *a };
	}
	return n;
}

static uint32_t name_number(struct tally *t, const char *text)
{
	bool fresh;
	uint64_t h = 0x6e616d65;
	for (const char *c = text; *c; c++)
		h = random_mix(h ^ (uint8_t)*c) + 1;
	uint32_t n = idmap_take(&t->names, h, &fresh);
	if (fresh) {
		t->texts = idmap_room(t->texts, t->names.n, &t->room_texts, sizeof *t->texts);
		snprintf(t->texts[n].text, sizeof t->texts[n].text, "%s", text);
	}
	return n;
}

static struct source_info *ask(struct tally *t, uint32_t source, int64_t ns)
{
	struct source_info *s = &t->sources[source];
	if (s->asked)
		return s;
	s->asked = true;
	s->out = t->p.leave_out && t->p.leave_out(t->p.arg, &s->a, ns);
	t->out_sources += s->out;
	for (int k = 0; k < 2 && t->p.place; k++) {
		if (!wants(t, k ? TALLY_AS : TALLY_COUNTRY))
			continue;
		const char *key = t->p.place(t->p.arg, k ? TALLY_AS : TALLY_COUNTRY, &s->a);
		uint32_t n = name_number(t, key ? key : "unknown");
		t->sources[source].key[k] = n == IDMAP_NONE ? 0 : n + 1;
	}
	return &t->sources[source];
}

static int64_t day_of(const struct tally *t, int64_t ns)
{
	int64_t local = ns / 1000000000 + (t->p.offset_s ? t->p.offset_s(t->p.arg, ns) : 0);
	return local / 86400 - (local % 86400 < 0);
}

/* by: 4 bits, day: 16 bits, value: 44 bits. A value wider than that is an address number, so none is. */
static uint64_t sum_key(enum tally_by by, int64_t day, uint64_t value)
{
	return (uint64_t)by << 60 | ((uint64_t)day & 0xffff) << 44 | (value & 0xfffffffffff);
}

static void add_one(struct tally *t, struct recent *r, uint64_t key, uint32_t other, uint64_t packets)
{
	bool fresh = false;
	if (!r->has_key || r->key != key)
		*r = (struct recent){ .key = key, .k = idmap_take(&t->keys, key, &fresh), .has_key = true };
	if (r->k == IDMAP_NONE) {
		r->has_key = false; /* each refusal counts */
		return;
	}
	if (fresh)
		t->sums = idmap_room(t->sums, t->keys.n, &t->room_sums, sizeof *t->sums);
	t->sums[r->k].packets += packets;
	uint64_t pair = (uint64_t)r->k << 32 | other;
	if (r->has_pair && r->pair == pair)
		return;
	r->has_pair = idmap_take(&t->pairs, pair, &fresh) != IDMAP_NONE;
	r->pair = pair;
	t->sums[r->k].others += r->has_pair && fresh;
}

static void add(struct tally *t, enum tally_by by, int64_t day, uint64_t value, const uint64_t other_packets[2])
{
	if (!wants(t, by))
		return;
	add_one(t, &t->recent[by][0], sum_key(by, ALL_DAYS, value), (uint32_t)other_packets[0], other_packets[1]);
	if (!t->p.no_days)
		add_one(t, &t->recent[by][1], sum_key(by, day, value), (uint32_t)other_packets[0], other_packets[1]);
}

static uint32_t source_number(struct tally *t, const struct addr *a)
{
	if (!t->has_last || !addr_same(&t->last_source, a)) {
		t->last_number = addr_number(t, a);
		t->last_source = *a;
		t->has_last = t->last_number != IDMAP_NONE;
	}
	return t->last_number;
}

/* A number for the target among those of a source; an address of IPv4 is one already. */
static uint32_t target_number(struct tally *t, const struct addr *a)
{
	if (!wants(t, TALLY_SOURCE))
		return 0;
	return addr_is4(a) ? addr_to4(a) : addr_number(t, a);
}

void tally_flow(struct tally *t, const struct flow *f)
{
	uint32_t src = source_number(t, &f->src), target = target_number(t, &f->dst);
	uint32_t dst = wants(t, TALLY_TARGET) ? addr_number(t, &f->dst) : 0;
	/* 255.255.255.255 is a number of its own. */
	bool lost = target == IDMAP_NONE && !addr_is4(&f->dst);
	if (src == IDMAP_NONE || dst == IDMAP_NONE || lost)
		return;
	const struct source_info *s = ask(t, src, f->first_ns);
	if (s->out) {
		t->out_packets += f->packets;
		return;
	}
	int64_t day = t->p.no_days ? 0 : day_of(t, f->first_ns);
	uint64_t by_source[2] = { src, f->packets }, by_target[2] = { target, f->packets };
	t->last_day = day > t->last_day ? day : t->last_day;
	uint32_t places[2] = { s->key[0], s->key[1] };
	add(t, TALLY_CLASS, day, f->cls, by_source);
	add(t, TALLY_SOURCE, day, src, by_target);
	add(t, TALLY_TARGET, day, dst, by_source);
	if (f->cls == CLASS_TCP_SYN || f->cls == CLASS_UDP)
		add(t, TALLY_PORT, day, (uint64_t)f->proto << 16 | f->dport, by_source);
	for (int k = 0; k < 2; k++)
		if (places[k])
			add(t, k ? TALLY_AS : TALLY_COUNTRY, day, places[k] - 1, by_source);
}

void tally_tool(struct tally *t, const char *tool, const struct addr *source, uint64_t packets, int64_t ns)
{
	uint32_t name = name_number(t, tool), src = addr_number(t, source);
	uint64_t by_source[2] = { src, packets };
	/* An event runs over days, its packets aren't told apart by them: tools have totals alone. */
	if (name != IDMAP_NONE && src != IDMAP_NONE && !ask(t, src, ns)->out)
		add_one(t, &t->recent[TALLY_TOOL][0], sum_key(TALLY_TOOL, ALL_DAYS, name), (uint32_t)by_source[0],
			by_source[1]);
}

static void key_text(const struct tally *t, enum tally_by by, uint64_t value, char *out, size_t size)
{
	char text[ADDR_TEXT_MAX];
	switch (by) {
	case TALLY_PORT:
		snprintf(out, size, "%u/%s", (unsigned)(value & 0xffff), value >> 16 == PROTO_TCP ? "tcp" : "udp");
		return;
	case TALLY_CLASS:
		snprintf(out, size, "%s", packet_class_name((enum packet_class)value));
		return;
	case TALLY_SOURCE:
	case TALLY_TARGET:
		snprintf(out, size, "%s", addr_text(text, &t->sources[value].a));
		return;
	default:
		snprintf(out, size, "%s", t->texts[value].text);
	}
}

struct ranked {
	const struct tally *t;
	enum tally_by by;
	uint32_t *v;
	size_t n, room;
};

static int compare(const void *x, const void *y, void *arg)
{
	const struct ranked *r = arg;
	uint32_t i = *(const uint32_t *)x, k = *(const uint32_t *)y;
	const struct sum *a = &r->t->sums[i], *b = &r->t->sums[k];
	char p[64], q[64];
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	if (a->others != b->others)
		return a->others > b->others ? -1 : 1;
	key_text(r->t, r->by, r->t->keys.keys[i] & 0xfffffffffff, p, sizeof p);
	key_text(r->t, r->by, r->t->keys.keys[k] & 0xfffffffffff, q, sizeof q);
	return strcmp(p, q);
}

static struct sum sum_of(const struct tally *t, enum tally_by by, int64_t day, uint64_t value)
{
	uint32_t k = idmap_find(&t->keys, sum_key(by, day, value));
	return k == IDMAP_NONE ? (struct sum){ 0, 0 } : t->sums[k];
}

static bool has_day(const struct tally *t, int64_t day)
{
	for (int c = 0; c < CLASS_N; c++)
		if (sum_of(t, TALLY_CLASS, day, (uint64_t)c).packets)
			return true;
	return false;
}

static struct tally_row row_of(const struct tally *t, enum tally_by by, uint32_t k)
{
	uint64_t value = t->keys.keys[k] & 0xfffffffffff;
	struct sum day = sum_of(t, by, t->last_day, value), before = sum_of(t, by, t->last_day - 1, value),
		   week = sum_of(t, by, t->last_day - 7, value);
	struct tally_row row = {
		.packets = t->sums[k].packets,
		.sources = t->sums[k].others,
		.day_packets = day.packets,
		.day_sources = day.others,
		.has_before = by != TALLY_TOOL && has_day(t, t->last_day - 1),
		.has_week = by != TALLY_TOOL && has_day(t, t->last_day - 7),
		.before_packets = before.packets,
		.before_sources = before.others,
		.week_packets = week.packets,
		.week_sources = week.others,
	};
	key_text(t, by, value, row.key, sizeof row.key);
	return row;
}

#define FEW 256

/* Keeps the best FEW in order: in a flood of forged sources all rows are equal, and to sort them all is to write each
 * key dozens of times. */
static void keep_best(struct ranked *r, uint32_t k)
{
	size_t at = r->n;
	if (r->n == FEW && compare(&k, &r->v[FEW - 1], r) > 0)
		return;
	if (r->n == FEW)
		at--;
	else
		r->v = idmap_room(r->v, ++r->n, &r->room, sizeof *r->v);
	for (; at && compare(&k, &r->v[at - 1], r) < 0; at--)
		r->v[at] = r->v[at - 1];
	r->v[at] = k;
}

size_t tally_top(
	const struct tally *t, enum tally_by by, size_t max, void (*fn)(void *arg, const struct tally_row *), void *arg)
{
	struct ranked r = { .t = t, .by = by };
	uint64_t all = sum_key(by, ALL_DAYS, 0) >> 44;
	size_t found = 0;
	for (size_t k = 0; k < t->keys.n; k++) {
		if (t->keys.keys[k] >> 44 != all)
			continue;
		found++;
		if (max <= FEW) {
			keep_best(&r, (uint32_t)k);
			continue;
		}
		r.v = idmap_room(r.v, r.n + 1, &r.room, sizeof *r.v);
		r.v[r.n++] = (uint32_t)k;
	}
	if (r.n)
		qsort_r(r.v, r.n, sizeof *r.v, compare, &r);
	for (size_t i = 0; i < r.n && i < max; i++) {
		struct tally_row row = row_of(t, by, r.v[i]);
		fn(arg, &row);
	}
	free(r.v);
	return found;
}

void tally_left_out(const struct tally *t, uint64_t *packets, uint64_t *sources)
{
	*packets = t->out_packets;
	*sources = t->out_sources;
}

uint64_t tally_refused(const struct tally *t)
{
	return t->addrs.refused + t->keys.refused + t->pairs.refused + t->names.refused;
}
