// SPDX-License-Identifier: Apache-2.0
/*
 * sensor/telescope: packets to minutes. flowtable.c, sourcetable.c and marks.c are held against a model that
 * counts the same packets by linear search.
 */
#include "base/random.h"
#include "sensor/telescope/flowtable.h"
#include "sensor/telescope/marks.h"
#include "sensor/telescope/sourcetable.h"
#include "sensor/telescope/telescope.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define START_NS  (1700000040 * (int64_t)1000000000) /* a full minute */
#define PACKETS	  6000
#define MODEL_MAX 8192

static struct {
	struct flow flows[MODEL_MAX];
	size_t n_flows;
	struct source sources[MODEL_MAX];
	size_t n_sources;
} model;

static struct {
	struct flow flows[MODEL_MAX];
	bool late[MODEL_MAX];
	size_t n_flows;
	struct source sources[MODEL_MAX];
	size_t n_sources, minutes;
	int64_t last_minute;
} out;

static uint8_t frames[PACKETS][80];
static struct capfile_record recs[PACKETS];

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static const uint8_t flag_sets[] = { 0x02, 0x02, 0x02, 0x12, 0x10, 0x04, 0x18, 0x29 };

/* A raw IPv4 packet: TCP, UDP or ICMP from a small universe, so that keys repeat. */
static void make4(struct capfile_record *r, uint8_t *p, uint32_t src, struct random *rnd)
{
	uint32_t dst = 0xc6336400 | (uint32_t)random_below(rnd, 6);
	unsigned kind = (unsigned)random_below(rnd, 4), len = kind == 3 ? 28 : 40;
	memset(p, 0, 80);
	p[0] = 0x45;
	put16(p + 2, len);
	put16(p + 4, random_below(rnd, 4) ? 54321 : 7);
	p[8] = (uint8_t)(60 + random_below(rnd, 2));
	p[9] = kind == 3 ? (random_below(rnd, 2) ? 17 : 1) : 6;
	put32(p + 12, src);
	put32(p + 16, dst);
	put16(p + 20, p[9] == 1 ? 0x0800 : 40000 + (unsigned)random_below(rnd, 2));
	put16(p + 22, p[9] == 1 ? 0 : random_below(rnd, 2) ? 23 : 2323);
	if (p[9] == 17)
		put16(p + 24, 8);
	if (p[9] == 6) {
		put32(p + 24, random_below(rnd, 3) ? dst : (uint32_t)random_u64(rnd));
		p[32] = 0x50;
		p[33] = flag_sets[random_below(rnd, sizeof flag_sets)];
		put16(p + 34, 1024);
	}
	*r = (struct capfile_record){ .data = { p, len }, .wire_len = len, .linktype = LINK_RAW, .has_time = true };
}

static bool same_key(const struct flow *a, const struct flow *b)
{
	return addr_cmp(&a->src, &b->src) == 0 && addr_cmp(&a->dst, &b->dst) == 0 && a->sport == b->sport &&
	       a->dport == b->dport && a->ip_len == b->ip_len && a->proto == b->proto && a->ttl == b->ttl &&
	       a->tcp_flags == b->tcp_flags && a->first_ns / MINUTE_NS == b->first_ns / MINUTE_NS;
}

static struct flow flow_of(const struct packet *p, int64_t ns)
{
	return (struct flow){ .src = addr_from4(p->src4),
		.dst = addr_from4(p->dst4),
		.sport = p->sport,
		.dport = p->dport,
		.ip_len = p->ip_len,
		.proto = p->proto,
		.ttl = p->ttl,
		.tcp_flags = p->tcp_flags,
		.cls = p->cls,
		.packets = 1,
		.bytes = p->ip_len,
		.first_ns = ns,
		.last_ns = ns };
}

static void model_flow(const struct packet *p, int64_t ns)
{
	struct flow f = flow_of(p, ns);
	for (size_t i = 0; i < model.n_flows; i++) {
		struct flow *m = &model.flows[i];
		if (!same_key(m, &f))
			continue;
		m->packets++;
		m->bytes += f.bytes;
		m->first_ns = ns < m->first_ns ? ns : m->first_ns;
		m->last_ns = ns > m->last_ns ? ns : m->last_ns;
		return;
	}
	assert_true(model.n_flows < MODEL_MAX);
	model.flows[model.n_flows++] = f;
}

static void model_source(const struct packet *p, int64_t ns)
{
	struct addr a = addr_from4(p->src4);
	struct source *s = NULL;
	for (size_t i = 0; i < model.n_sources && !s; i++)
		if (addr_cmp(&model.sources[i].addr, &a) == 0 && model.sources[i].minute == ns / MINUTE_NS)
			s = &model.sources[i];
	if (!s) {
		assert_true(model.n_sources < MODEL_MAX);
		s = &model.sources[model.n_sources++];
		*s = (struct source){ .addr = a, .minute = ns / MINUTE_NS, .first_ns = ns, .last_ns = ns };
	}
	s->packets++;
	s->bytes += p->ip_len;
	s->by_class[p->cls]++;
	s->first_ns = ns < s->first_ns ? ns : s->first_ns;
	s->last_ns = ns > s->last_ns ? ns : s->last_ns;
	uint16_t marks = marks_of(p);
	for (int m = 0; m < MARK_N; m++)
		s->marks[m] += marks >> m & 1;
	s->syns += p->cls == CLASS_TCP_SYN;
}

static void count_model(size_t n)
{
	memset(&model, 0, sizeof model);
	for (size_t i = 0; i < n; i++) {
		struct packet p;
		packet_decode(recs[i].linktype, recs[i].data, &p);
		model_flow(&p, recs[i].time_ns);
		model_source(&p, recs[i].time_ns);
	}
}

static void take_flow(void *arg, const struct flow *f, bool late)
{
	assert_true(out.n_flows < MODEL_MAX);
	out.late[out.n_flows] = late;
	out.flows[out.n_flows++] = *f;
}

static void take_source(void *arg, const struct source *s)
{
	assert_true(out.n_sources < MODEL_MAX);
	out.sources[out.n_sources++] = *s;
}

static void take_minute(void *arg, int64_t minute_ns)
{
	assert_true(minute_ns % MINUTE_NS == 0 && minute_ns > out.last_minute);
	out.last_minute = minute_ns;
	out.minutes++;
}

static struct telescope *start(size_t max_flows, uint64_t seed)
{
	memset(&out, 0, sizeof out);
	struct telescope_params p = { .sorted = true, .max_flows = max_flows, .max_sources = 4096, .seed = seed };
	p.sink = (struct telescope_sink){ .flow = take_flow, .source = take_source, .minute = take_minute };
	return telescope_new(&p);
}

static void check_flows(void)
{
	assert_int_equal(out.n_flows, model.n_flows);
	for (size_t i = 0; i < out.n_flows; i++) {
		const struct flow *f = &out.flows[i], *m = NULL;
		assert_false(out.late[i]);
		for (size_t k = 0; k < model.n_flows && !m; k++)
			if (same_key(&model.flows[k], f))
				m = &model.flows[k];
		assert_non_null(m);
		assert_true(f->packets == m->packets && f->bytes == m->bytes && f->cls == m->cls);
		assert_true(f->first_ns == m->first_ns && f->last_ns == m->last_ns);
		if (i && f->first_ns / MINUTE_NS == out.flows[i - 1].first_ns / MINUTE_NS)
			assert_true(flow_cmp(&out.flows[i - 1], f) < 0);
	}
}

static void check_sources(void)
{
	assert_int_equal(out.n_sources, model.n_sources);
	for (size_t i = 0; i < out.n_sources; i++) {
		const struct source *s = &out.sources[i], *m = NULL;
		for (size_t k = 0; k < model.n_sources && !m; k++)
			if (addr_cmp(&model.sources[k].addr, &s->addr) == 0 && model.sources[k].minute == s->minute)
				m = &model.sources[k];
		assert_non_null(m);
		assert_true(s->packets == m->packets && s->bytes == m->bytes && s->syns == m->syns);
		assert_true(s->first_ns == m->first_ns && s->last_ns == m->last_ns);
		assert_memory_equal(s->by_class, m->by_class, sizeof s->by_class);
		assert_memory_equal(s->marks, m->marks, sizeof s->marks);
	}
}

/* Ten minutes in which packets come up to nine seconds out of order, in batches of any size. */
static void as_the_model(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct random rnd;
		random_init(&rnd, seed);
		for (size_t i = 0; i < PACKETS; i++) {
			make4(&recs[i], frames[i], 0xcb007100 | (uint32_t)random_below(&rnd, 9), &rnd);
			recs[i].time_ns = START_NS + 2 * MINUTE_NS + (int64_t)i * 100000000 -
					  (int64_t)random_below(&rnd, TELESCOPE_GRACE_NS / 1000000000) * 1000000000;
		}
		count_model(PACKETS);
		struct telescope *t = start(4096, seed);
		for (size_t i = 0, n; i < PACKETS; i += n) {
			n = 1 + (size_t)random_below(&rnd, 150);
			n = n < PACKETS - i ? n : PACKETS - i;
			telescope_add(t, &recs[i], n);
		}
		telescope_flush(t);
		check_flows();
		check_sources();
		const struct telescope_counts *c = telescope_counts(t);
		assert_true(c->packets == PACKETS && c->late == 0 && c->folded == 0 && c->flows_lost == 0 &&
			    c->sources_lost == 0);
		assert_int_equal(c->flows, out.n_flows);
		assert_int_equal(c->minutes, out.minutes);
		telescope_free(t);
	}
}

/* A packet of a closed minute reaches the sink at once, marked, and changes no window. */
static void late(void **state)
{
	struct random rnd;
	random_init(&rnd, 5);
	static const int minutes[] = { 0, 5, 4, 3, 0, 5 };
	for (size_t i = 0; i < 6; i++) {
		make4(&recs[i], frames[i], 0xcb007101, &rnd);
		recs[i].time_ns = START_NS + minutes[i] * MINUTE_NS;
	}
	struct telescope *t = start(4096, 1);
	telescope_add(t, recs, 6);
	telescope_flush(t);
	size_t late = 0, packets = 0;
	for (size_t i = 0; i < out.n_flows; i++) {
		late += out.late[i];
		packets += out.flows[i].packets;
	}
	assert_int_equal(late, 2);
	assert_int_equal(packets, 6);
	assert_int_equal(out.minutes, 3);
	assert_int_equal(telescope_counts(t)->late, 2);
	telescope_free(t);
}

/* The minute before stays open for TELESCOPE_GRACE_NS of the new one, to the nanosecond. */
static void grace(void **state)
{
	static const struct {
		int64_t ns;
		bool late;
	} steps[] = { { 30, false }, { MINUTE_NS, false }, { 20, false }, { MINUTE_NS + TELESCOPE_GRACE_NS - 1, false },
		{ 10, false }, { MINUTE_NS - 1, false }, { MINUTE_NS + TELESCOPE_GRACE_NS, false },
		{ MINUTE_NS - 1, true }, { 2 * MINUTE_NS - 1, false }, { MINUTE_NS, false } };
	enum { N = sizeof steps / sizeof *steps };
	struct random rnd;
	random_init(&rnd, 7);
	size_t lates = 0;
	for (size_t i = 0; i < N; i++) {
		make4(&recs[i], frames[i], 0xcb007101, &rnd);
		recs[i].time_ns = START_NS + steps[i].ns;
		lates += steps[i].late;
	}
	for (size_t batch = 1; batch <= N; batch++) {
		struct telescope *t = start(4096, 1);
		for (size_t i = 0; i < N; i += batch)
			telescope_add(t, &recs[i], batch < N - i ? batch : N - i);
		telescope_flush(t);
		assert_true(telescope_counts(t)->late == lates && out.minutes == 2);
		telescope_free(t);
	}
}

/* A quiet stretch of years costs nothing and makes no empty minutes. */
static void jump(void **state)
{
	struct random rnd;
	random_init(&rnd, 6);
	for (size_t i = 0; i < 2; i++) {
		make4(&recs[i], frames[i], 0xcb007101, &rnd);
		recs[i].time_ns = START_NS + (int64_t)i * 10 * 365 * 1440 * MINUTE_NS;
	}
	struct telescope *t = start(4096, 1);
	telescope_add(t, recs, 2);
	telescope_flush(t);
	assert_int_equal(out.minutes, 2);
	assert_int_equal(out.n_flows, 2);
	telescope_free(t);
}

/* More keys than there is room for: what came first stays exact, no packet goes uncounted. */
static void flood(void **state)
{
	struct random rnd;
	random_init(&rnd, 8);
	for (size_t i = 0; i < PACKETS; i++) {
		make4(&recs[i], frames[i], 0x0a000000 + (uint32_t)i * 7, &rnd);
		recs[i].time_ns = START_NS + (int64_t)i;
	}
	count_model(64);
	struct telescope *t = start(64, 1);
	telescope_add(t, recs, PACKETS);
	telescope_flush(t);
	const struct telescope_counts *c = telescope_counts(t);
	uint64_t packets = 0;
	size_t exact = 0;
	for (size_t i = 0; i < out.n_flows; i++) {
		packets += out.flows[i].packets;
		for (size_t k = 0; k < model.n_flows; k++)
			exact += same_key(&model.flows[k], &out.flows[i]) &&
				 model.flows[k].packets == out.flows[i].packets;
	}
	assert_int_equal(exact, 64);
	assert_true(out.n_flows <= 64 + 64 && c->folded > 0);
	assert_true(packets + c->flows_lost == PACKETS);
	assert_true(c->sources_lost > 0 && out.n_sources == 4096);
	telescope_free(t);
}

/* One source far beyond 16 bits of packets in a minute, every one with two marks. */
static void busy(void **state)
{
	const uint32_t rounds = 4000, n = rounds * 50;
	struct random rnd;
	random_init(&rnd, 3);
	make4(&recs[0], frames[0], 0xcb007101, &rnd);
	memcpy(frames[0] + 24, frames[0] + 16, 4); /* sequence number: the destination */
	put16(frames[0] + 4, 54321);
	frames[0][9] = 6;
	frames[0][32] = 0x50;
	frames[0][33] = 0x02;
	put16(frames[0] + 2, 40);
	recs[0].data.n = 40;
	recs[0].time_ns = START_NS + 59999999999;
	for (size_t i = 1; i < 50; i++)
		recs[i] = recs[0];
	struct telescope *t = start(4096, 1);
	for (uint32_t i = 0; i < rounds; i++)
		telescope_add(t, recs, 50);
	telescope_flush(t);
	assert_int_equal(out.n_flows, 1);
	assert_int_equal(out.n_sources, 1);
	assert_true(
		out.flows[0].packets == n && out.sources[0].packets == n && out.sources[0].bytes == (uint64_t)n * 40);
	assert_true(out.sources[0].by_class[CLASS_TCP_SYN] == n && out.sources[0].syns == n);
	assert_true(out.sources[0].marks[MARK_MIRAI] == n && out.sources[0].marks[MARK_ZMAP_ID] == n);
	assert_true(out.sources[0].first_ns == recs[0].time_ns && out.sources[0].last_ns == recs[0].time_ns);
	telescope_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_the_model), cmocka_unit_test(late),
		cmocka_unit_test(grace), cmocka_unit_test(jump), cmocka_unit_test(flood), cmocka_unit_test(busy) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
