// SPDX-License-Identifier: Apache-2.0
/* The sampler: every packet as likely as any other, over one worker and over several; counts are whole. */
#include "base/random.h"
#include "range/frame.h"
#include "sensor/telescope/sampler.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS	 1000
#define INTERVAL INT64_C(250000000)
#define START_NS INT64_C(1767225600000000000)
#define ROUNDS	 400
#define BINS	 50
#define WORKERS	 3

static struct frame frames[PACKETS];
static struct capfile_record recs[PACKETS];

struct rig {
	struct sampler *sampler;
	struct telescope *telescopes[WORKERS];
	unsigned n;
	int64_t now_ns;
	struct glimpse g;
};

static void make_record(size_t i, size_t n)
{
	struct frame_net net = { .src = 0xcb007100 + (uint32_t)(i % 200), .dst = 0xc6336401, .ttl = 60 };
	frame_udp(&frames[i], &net, 5000, (uint16_t)i, (struct bytes){ 0 });
	recs[i] = (struct capfile_record){ .data = { frames[i].b, n ? n : frames[i].n },
		.wire_len = (uint32_t)frames[i].n,
		.linktype = LINK_ETHERNET,
		.time_ns = START_NS + (int64_t)i * 1000,
		.has_time = true };
}

static int set_up(void **state)
{
	for (size_t i = 0; i < PACKETS; i++)
		make_record(i, 0);
	return 0;
}

static void open_rig(struct rig *r, unsigned workers, unsigned unwrap)
{
	struct sampler_params p = {
		.sensor = "west", .workers = workers, .unwrap = unwrap, .seed = 7, .interval_ns = INTERVAL
	};
	struct telescope_params t = { .count_only = true, .unwrap = unwrap };
	*r = (struct rig){ .n = workers, .now_ns = 1 };
	r->sampler = sampler_new(&p);
	for (unsigned i = 0; i < workers; i++)
		r->telescopes[i] = telescope_new(&t);
}

static void close_rig(struct rig *r)
{
	sampler_free(r->sampler);
	for (unsigned i = 0; i < r->n; i++)
		telescope_free(r->telescopes[i]);
}

static void add(struct rig *r, unsigned worker, size_t from, size_t n)
{
	telescope_add(r->telescopes[worker], recs + from, n);
	sampler_records(r->sampler, worker, recs + from, n, telescope_counts(r->telescopes[worker]));
}

/* Somebody looks, and the interval begins. */
static void begin(struct rig *r)
{
	sampler_watch(r->sampler, true);
	for (unsigned i = 0; i < r->n; i++)
		add(r, i, 0, 0);
	assert_false(sampler_take(r->sampler, r->now_ns, &r->g));
}

/* Ends the interval: asked, answered, taken. */
static void end(struct rig *r)
{
	r->now_ns += INTERVAL;
	assert_false(sampler_take(r->sampler, r->now_ns, &r->g));
	for (unsigned i = 0; i < r->n; i++) {
		assert_false(sampler_take(r->sampler, r->now_ns + 1, &r->g));
		add(r, i, 0, 0);
	}
	assert_true(sampler_take(r->sampler, r->now_ns + 2, &r->g));
}

static double chi_square(const unsigned *hits, size_t n, double each)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (hits[i] - each) * (hits[i] - each) / each;
	return sum;
}

/*
 * 1,000 packets, 128 drawn, 400 times; 50 bins in order of coming. Below 88 at 49 degrees of freedom: four standard
 * deviations, and drawing without putting back spreads less than that.
 */
static void fair(void **state)
{
	static const struct {
		const char *name;
		unsigned workers;
		size_t share[WORKERS]; /* packets of each */
	} cases[] = {
		{ "one worker", 1, { 1000 } },
		{ "two, very different", 2, { 950, 50 } },
		{ "two, one below the limit", 2, { 900, 100 } },
		{ "three, one without packets", 3, { 500, 0, 500 } },
		{ "three, all below the limit", 3, { 334, 333, 333 } },
	};
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct rig r;
		struct random chance;
		unsigned hits[BINS] = { 0 };
		open_rig(&r, cases[k].workers, 0);
		random_init(&chance, 3);
		begin(&r);
		for (int round = 0; round < ROUNDS; round++) {
			size_t at = 0;
			for (unsigned w = 0; w < cases[k].workers; w++)
				for (size_t until = at + cases[k].share[w], n; at < until; at += n) {
					n = 1 + (size_t)random_below(&chance, 64);
					n = n < until - at ? n : until - at;
					add(&r, w, at, n);
				}
			end(&r);
			assert_int_equal(r.g.packets, PACKETS);
			assert_int_equal(r.g.n, GLIMPSE_POINTS);
			for (uint32_t i = 0; i < r.g.n; i++)
				hits[r.g.points[i].dport * BINS / PACKETS]++;
		}
		double x = chi_square(hits, BINS, (double)ROUNDS * GLIMPSE_POINTS / BINS);
		if (x > 88 || x < 15)
			fail_msg("%s: chi-square %.1f", cases[k].name, x);
		close_rig(&r);
	}
}

/* No packet twice in one glimpse; all of them when they are few. */
static void each_once(void **state)
{
	struct rig r;
	open_rig(&r, WORKERS, 0);
	begin(&r);
	for (size_t n = 0; n <= PACKETS; n += n < 140 ? 1 : 430) {
		bool seen[PACKETS] = { false };
		for (size_t i = 0; i < n; i++)
			add(&r, i % WORKERS, i, 1);
		end(&r);
		assert_int_equal(r.g.packets, n);
		assert_int_equal(r.g.n, n < GLIMPSE_POINTS ? n : GLIMPSE_POINTS);
		for (uint32_t i = 0; i < r.g.n; i++) {
			assert_false(seen[r.g.points[i].dport]);
			seen[r.g.points[i].dport] = true;
			assert_int_equal(r.g.points[i].ns, START_NS + (int64_t)r.g.points[i].dport * 1000);
			assert_true(i == 0 || r.g.points[i - 1].ns <= r.g.points[i].ns);
		}
		if (n) {
			assert_int_equal(r.g.from_ns, START_NS);
			assert_int_equal(r.g.to_ns, START_NS + (int64_t)(n - 1) * 1000 + 1);
		}
	}
	close_rig(&r);
}

/* Whatever comes is in exactly one glimpse, from when somebody looks until nobody does. */
static void counts(void **state)
{
	struct rig r;
	uint64_t sum[CLASS_N] = { 0 }, all = 0;
	struct frame_net net = { .src = 0xcb007101, .dst = 0xc6336401, .ttl = 60 };
	struct frame_tcp syn = { .sport = 1, .dport = 23, .flags = TCP_SYN };
	open_rig(&r, 1, 0);
	for (size_t i = 0; i < PACKETS; i += 10)
		frame_tcp(&frames[i], &net, &syn);
	for (size_t i = 5; i < PACKETS; i += 10)
		frames[i].b[12] = 0x08, frames[i].b[13] = 0x06; /* ARP: counted nowhere */
	add(&r, 0, 0, PACKETS);
	assert_false(sampler_take(r.sampler, 5 * INTERVAL, &r.g));
	begin(&r);
	for (int round = 0; round < 20; round++) {
		for (size_t at = 0; at < PACKETS; at += 40)
			add(&r, 0, at, 40);
		r.now_ns += INTERVAL;
		assert_false(sampler_take(r.sampler, r.now_ns, &r.g));
		add(&r, 0, 0, 40); /* still of this interval */
		assert_true(sampler_take(r.sampler, r.now_ns, &r.g));
		all += r.g.packets;
		for (int k = 0; k < CLASS_N; k++)
			sum[k] += r.g.by_class[k];
		assert_in_range(r.g.n, 90, GLIMPSE_POINTS); /* a tenth was no IP packet */
		for (uint32_t i = 0; i < r.g.n; i++) {
			bool tcp = r.g.points[i].cls == CLASS_TCP_SYN;
			assert_true(tcp || r.g.points[i].cls == CLASS_UDP);
			assert_int_equal(r.g.points[i].proto, tcp ? PROTO_TCP : PROTO_UDP);
			assert_true(r.g.points[i].src.b[12] == 203 && r.g.points[i].dst.b[12] == 198);
		}
	}
	assert_int_equal(all, 20 * (PACKETS + 40) * 9 / 10);
	assert_int_equal(sum[CLASS_TCP_SYN], 20 * (PACKETS + 40) / 10);
	assert_int_equal(sum[CLASS_UDP], 20 * (PACKETS + 40) * 8 / 10);
	sampler_watch(r.sampler, false);
	add(&r, 0, 0, PACKETS);
	assert_false(sampler_take(r.sampler, r.now_ns + 2 * INTERVAL, &r.g));
	begin(&r);
	add(&r, 0, 0, 10);
	end(&r);
	assert_int_equal(r.g.packets, 9);
	close_rig(&r);
}

/* Without a time, or with one at the end of time, nothing is made up and nothing overflows. */
static void odd_times(void **state)
{
	struct rig r;
	open_rig(&r, 1, 0);
	begin(&r);
	recs[0].has_time = recs[1].has_time = false;
	recs[0].time_ns = recs[1].time_ns = 0;
	add(&r, 0, 0, 2);
	end(&r);
	assert_int_equal(r.g.from_ns, 0);
	assert_int_equal(r.g.to_ns, 0);
	assert_int_equal(r.g.n, 2);
	recs[2].time_ns = INT64_MAX;
	recs[3].time_ns = INT64_MIN;
	add(&r, 0, 0, 5);
	end(&r);
	assert_int_equal(r.g.n, 5);
	assert_true(r.g.from_ns < r.g.to_ns);
	close_rig(&r);
}

/* Built and read again it is the same; cut at any octet, or with more than there may be, it is none. */
static void as_message(void **state)
{
	struct rig r;
	static struct glimpse back;
	struct message_buf b = { 0 };
	open_rig(&r, 1, 0);
	begin(&r);
	add(&r, 0, 0, 300);
	end(&r);
	glimpse_build(&b, &r.g);
	assert_true(b.n < MESSAGE_BODY);
	assert_int_equal(glimpse_parse((struct bytes){ b.p, b.n }, &back), 0);
	assert_memory_equal(&back, &r.g, sizeof back);
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *cut = malloc(n + !n);
		memcpy(cut, b.p, n);
		assert_int_equal(glimpse_parse((struct bytes){ cut, n }, &back), -1);
		free(cut);
	}
	size_t at = 2 + 4 + 8 * (3 + CLASS_N);
	assert_int_equal(b.p[at], GLIMPSE_POINTS);
	b.p[at] = GLIMPSE_POINTS + 1;
	assert_int_equal(glimpse_parse((struct bytes){ b.p, b.n }, &back), -1);
	b.p[at] = GLIMPSE_POINTS;
	b.p[b.n - 1] = CLASS_N;
	assert_int_equal(glimpse_parse((struct bytes){ b.p, b.n }, &back), -1);
	free(b.p);
	close_rig(&r);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = { T(fair), T(each_once), T(counts), T(odd_times), T(as_message) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
