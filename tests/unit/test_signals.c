// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define SECOND 1000000000

struct told {
	unsigned n;
	struct signal last;
};

static void note(void *arg, const struct signal *s)
{
	struct told *t = arg;
	t->n++;
	t->last = *s;
}

/* Raw IPv4: `proto` 6 with flags, 17 without, 1 with type in sport. */
struct shot {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint8_t proto, flags;
};

static struct capfile_record shoot(uint8_t buf[40], const struct shot *s, int64_t ns)
{
	memset(buf, 0, 40);
	buf[0] = 0x45;
	store_be16(buf + 2, 40);
	buf[8] = 64;
	buf[9] = s->proto;
	store_be32(buf + 12, s->src);
	store_be32(buf + 16, s->dst);
	store_be16(buf + 20, s->sport);
	store_be16(buf + 22, s->dport);
	if (s->proto == 6) {
		buf[32] = 0x50;
		buf[33] = s->flags;
	} else if (s->proto == 17) {
		store_be16(buf + 24, 20);
	} else {
		buf[20] = (uint8_t)s->sport;
		buf[21] = 0;
	}
	return (struct capfile_record){ { buf, 40 }, 40, LINK_RAW, ns, true };
}

static void send(struct signals *s, struct told *t, const struct shot *shot, int64_t ns)
{
	uint8_t buf[40];
	struct capfile_record r = shoot(buf, shot, ns);
	signals_add(s, &r, 1, note, t);
}

/* One source; step of destinations and of ports a packet. */
static void thresholds(void **state)
{
	static const struct {
		const char *name;
		struct shot first;
		uint32_t dst_step, port_step;
		unsigned packets, want;
		const char *kind;
		uint64_t value;
	} cases[] = {
		{ "four targets", { 1, 100, 9, 23, 6, 2 }, 1, 0, 4, 0, "", 0 },
		{ "five targets", { 1, 100, 9, 23, 6, 2 }, 1, 0, 5, 1, "scan", 5 },
		{ "told once", { 1, 100, 9, 23, 6, 2 }, 1, 0, 500, 1, "scan", 5 },
		{ "one target again and again", { 1, 100, 9, 23, 6, 2 }, 0, 0, 1000, 0, "", 0 },
		{ "fourteen ports", { 1, 100, 9, 23, 6, 2 }, 0, 1, 14, 0, "", 0 },
		{ "fifteen ports", { 1, 100, 9, 23, 6, 2 }, 0, 1, 15, 1, "scan", 15 },
		{ "UDP ports", { 1, 100, 9, 23, 17, 0 }, 0, 1, 15, 1, "scan", 15 },
		{ "SYN-ACK", { 1, 100, 80, 2000, 6, 0x12 }, 1, 1, 5, 1, "backscatter", 5 },
		{ "SYN-ACK to many ports of one is no scan", { 1, 100, 80, 2000, 6, 0x12 }, 0, 1, 100, 0, "", 0 },
		{ "echo replies", { 1, 100, 0, 0, 1, 0 }, 1, 0, 5, 1, "backscatter", 5 },
		{ "echo requests", { 1, 100, 8, 0, 1, 0 }, 1, 0, 5, 1, "scan", 5 },
		{ "from port 53", { 1, 100, 53, 4000, 17, 0 }, 1, 0, 5, 1, "backscatter", 5 },
		{ "outside the dark range", { 1, 5000, 9, 23, 6, 2 }, 1, 0, 50, 0, "", 0 },
	};
	struct prefix dark = { addr_from4(0), 96 + 20 }; /* 0.0.0.0 - 0.0.15.255: 5000 is 0.0.19.136 */
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct signals *s = signals_new(
			&(struct signals_params){ .sensor = "here", .dark = &dark, .dark_n = 1, .seed = i });
		struct told t = { 0 };
		struct shot shot = cases[i].first;
		for (unsigned k = 0; k < cases[i].packets; k++) {
			send(s, &t, &shot, SECOND + k);
			shot.dst += cases[i].dst_step;
			shot.dport = (uint16_t)(shot.dport + cases[i].port_step);
		}
		if (t.n != cases[i].want)
			fail_msg("%s: told %u times", cases[i].name, t.n);
		assert_string_equal(t.last.kind, cases[i].kind);
		assert_int_equal(t.last.value, cases[i].value);
		assert_int_equal(signals_counts(s).told, t.n);
		signals_free(s);
	}
}

static void evidence(void **state)
{
	struct signals *s = signals_new(&(struct signals_params){ .sensor = "here", .min_destinations = 4 });
	struct told t = { 0 };
	for (uint32_t k = 0; k < 4; k++)
		send(s, &t, &(struct shot){ 0xc0000201, 0xcb007100 + k, 9, (uint16_t)(23 + k), 6, 2 }, SECOND + k);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.last.source, "192.0.2.1");
	assert_string_equal(t.last.sensor, "here");
	assert_int_equal(t.last.at_ns, SECOND + 3);
	assert_int_equal(t.last.samples_n, 3);
	static const uint32_t at[] = { 0, 1, 3 }; /* the first two and the one that crossed it */
	for (int i = 0; i < 3; i++) {
		const struct finding_sample *x = &t.last.samples[i];
		assert_int_equal(x->ns, SECOND + at[i]);
		assert_int_equal(addr_to4(&x->dst), 0xcb007100 + at[i]);
		assert_int_equal(x->dport, 23 + at[i]);
		assert_int_equal(x->head_len, 40);
		assert_int_equal(x->head[0], 0x45);
	}
	signals_free(s);
}

static void anew_after_silence(void **state)
{
	struct signals *s = signals_new(&(struct signals_params){ .idle_ns = 10 * (int64_t)SECOND });
	struct told t = { 0 };
	for (uint32_t k = 0; k < 20; k++) /* four each time, with silence between */
		send(s, &t, &(struct shot){ 1, k, 9, 23, 6, 2 }, (int64_t)SECOND * (1 + k / 4 * 20));
	assert_int_equal(t.n, 0);
	for (uint32_t k = 0; k < 20; k++)
		send(s, &t, &(struct shot){ 1, k, 9, 23, 6, 2 }, (int64_t)SECOND * (1000 + k));
	assert_int_equal(t.n, 1);
	for (uint32_t k = 0; k < 20; k++)
		send(s, &t, &(struct shot){ 1, k, 9, 23, 6, 2 }, (int64_t)SECOND * (2000 + k));
	assert_int_equal(t.n, 2);
	signals_free(s);
}

/* A flood of invented sources takes no more memory and is counted; who comes often enough is still told. */
static void a_flood(void **state)
{
	struct signals *s = signals_new(&(struct signals_params){ .max_sources = 1024, .seed = 7 });
	struct told t = { 0 };
	for (uint32_t k = 0; k < 100000; k++) {
		send(s, &t, &(struct shot){ 0x0a000000 + k, 100, 9, 23, 6, 2 }, SECOND + k);
		if (k % 1000 < 5)
			send(s, &t, &(struct shot){ 0xc0000201, 100 + k, 9, 23, 6, 2 }, SECOND + k);
	}
	assert_true(t.n >= 1);
	assert_string_equal(t.last.source, "192.0.2.1");
	assert_in_range(signals_counts(s).evicted, 90000, 100000);
	signals_free(s);
}

/* A batch is the same as its packets one by one. */
static void batches(void **state)
{
	static uint8_t bufs[300][40];
	static struct capfile_record recs[300];
	struct told one = { 0 }, all = { 0 };
	struct signals *a = signals_new(&(struct signals_params){ .seed = 1 }),
		       *b = signals_new(&(struct signals_params){ .seed = 2 });
	for (uint32_t k = 0; k < 300; k++) {
		struct shot shot = { 1 + k % 30, k / 30, 9, 23, 6, 2 };
		recs[k] = shoot(bufs[k], &shot, SECOND + k);
		signals_add(a, &recs[k], 1, note, &one);
	}
	signals_add(b, recs, 300, note, &all);
	assert_int_equal(one.n, 30);
	assert_int_equal(all.n, 30);
	assert_memory_equal(&one.last, &all.last, sizeof one.last);
	signals_free(a);
	signals_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(thresholds), cmocka_unit_test(evidence),
		cmocka_unit_test(anew_after_silence), cmocka_unit_test(a_flood), cmocka_unit_test(batches) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
