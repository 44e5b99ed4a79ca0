// SPDX-License-Identifier: Apache-2.0
/* The table of a minute's flows alone: its hash, what happens when it is full, time that goes back, moving. */
#include "base/random.h"
#include "sensor/telescope/flowtable.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#define N 100000

static void put(struct flowtable *t, const struct tuple *k)
{
	struct tuple copy = *k;
	if (k->addrs) {
		flowtable_key_wide(t, &copy);
	} else {
		struct flowtable_front f = flowtable_front(t);
		flowtable_key(&f, &copy);
	}
	flowtable_prefetch(t, &copy, 1);
	flowtable_add(t, &copy, 1);
}

static struct tuple syn(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
	return (struct tuple){ .word = { (uint64_t)src << 32 | dst,
				       (uint64_t)sport << 48 | (uint64_t)dport << 32 | 40 << 16 | PROTO_TCP << 8 | 64 },
		.flags = TCP_SYN };
}

/* Number i of a set of keys that are near each other, as scanners make them. */
static struct tuple sequential(uint32_t i)
{
	return syn(0x01000000 + i, 0xc6120001, 40000, 23);
}
static struct tuple targets_of_one(uint32_t i)
{
	return syn(0xcb007101, 0xc6120000 + i, 40000, 23);
}
static struct tuple one_24(uint32_t i)
{
	return syn(0xcb007100 | (i & 255), 0xc6120000 | i >> 8, 40000, 23);
}
static struct tuple one_16(uint32_t i)
{
	return syn(0xcb000000 | (i & 65535), 0xc6120000 | i >> 16, 40000, 23);
}
static struct tuple one_8(uint32_t i)
{
	return syn(0xcb000000 | (i * 167 & 0xffffff), 0xc6120001, 40000, 23);
}
static struct tuple every_port(uint32_t i)
{
	return syn(0xcb007101, 0xc6120001 + (i >> 16), 40000, (uint16_t)i);
}

static void spreads(void **state)
{
	static const struct {
		const char *name;
		struct tuple (*key)(uint32_t i);
	} sets[] = { { "sequential sources", sequential }, { "targets of one source", targets_of_one },
		{ "one /24", one_24 }, { "one /16", one_16 }, { "one /8", one_8 }, { "every port", every_port } };
	for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
		for (uint64_t seed = 0; seed < 5; seed++) {
			struct flowtable *t = flowtable_new(false, 2 * N, seed * 0x123456789abcdefu);
			uint64_t sum;
			for (uint32_t i = 0; i < N; i++) {
				struct tuple k = sets[s].key(i);
				put(t, &k);
			}
			assert_int_equal(flowtable_counts(t).flows, N);
			size_t most = flowtable_probes(t, &sum);
			/* Linear probing at 0.38 of the slots: 0.3 on average, and a chance of one in millions for 50.
			 */
			if (sum > N / 2 || most > 50)
				fail_msg("%s: %.3f away on average, %zu at most", sets[s].name, (double)sum / N, most);
			flowtable_free(t);
		}
}

struct list {
	struct flow *flows;
	size_t n;
};

static void take(void *arg, const struct flow *f)
{
	struct list *l = arg;
	l->flows[l->n++] = *f;
}

static struct list list_of(struct flowtable *t, bool sorted)
{
	struct list l = { calloc(flowtable_counts(t).flows + 1, sizeof(struct flow)), 0 };
	flowtable_each(t, 0, sorted, take, &l);
	return l;
}

/* Same packets, same flows in the same order, whatever the seed; sorted or by first packet. */
static void seedless(void **state)
{
	for (int sorted = 0; sorted < 2; sorted++) {
		struct list lists[2];
		for (uint64_t seed = 0; seed < 2; seed++) {
			struct flowtable *t = flowtable_new(false, 3000, seed);
			struct random r;
			random_init(&r, 4);
			for (int i = 0; i < 20000; i++) {
				struct tuple k = syn(0xcb007100 + (uint32_t)random_below(&r, 40),
					0xc6120000 + (uint32_t)random_below(&r, 200), 1, 23);
				k.offset_ns = random_below(&r, MINUTE_NS);
				put(t, &k);
			}
			assert_true(flowtable_counts(t).folded > 0);
			lists[seed] = list_of(t, sorted);
			flowtable_free(t);
		}
		assert_int_equal(lists[0].n, lists[1].n);
		for (size_t i = 0; i < lists[0].n; i++) {
			const struct flow *a = &lists[0].flows[i], *b = &lists[1].flows[i];
			assert_true(flow_cmp(a, b) == 0 && a->packets == b->packets && a->first_ns == b->first_ns &&
				    a->last_ns == b->last_ns);
			if (sorted && i)
				assert_true(flow_cmp(&lists[0].flows[i - 1], a) < 0);
		}
		free(lists[0].flows);
		free(lists[1].flows);
	}
}

/* A flood changes nothing of what was there before it; its packets are folded by /24 and port, then lost, all counted.
 */
static void folds(void **state)
{
	struct flowtable *t = flowtable_new(false, 1000, 7);
	for (uint32_t i = 0; i < 1000; i++) {
		struct tuple k = sequential(i);
		put(t, &k);
		put(t, &k);
	}
	for (uint32_t i = 0; i < 100000; i++) {
		struct tuple k = syn(0x0a000000 + i, 0xc6120001, (uint16_t)i, 80);
		put(t, &k);
	}
	struct flowtable_counts c = flowtable_counts(t);
	struct list l = list_of(t, false);
	uint64_t folded = 0;
	assert_true(c.flows == 1125 && c.folded == 100000 && l.n == 1125);
	for (size_t i = 0; i < l.n; i++) {
		const struct flow *f = &l.flows[i];
		if (i < 1000)
			assert_true(f->packets == 2 && addr_to4(&f->src) == 0x01000000 + i);
		else
			assert_true(
				(addr_to4(&f->src) & 255) == 0 && f->sport == 0 && f->dport == 80 && f->packets == 256);
		folded += i < 1000 ? 0 : f->packets;
	}
	assert_int_equal(folded + c.lost, 100000);
	free(l.flows);
	flowtable_free(t);
}

static void times(void **state)
{
	static const uint64_t offsets[] = { 30000000000, 59999999999, 29999999999, 0, 40000000000 };
	static const uint64_t firsts[] = { 30000000000, 30000000000, 29999999999, 0, 0 };
	static const uint64_t lasts[] = { 30000000000, 59999999999, 59999999999, 59999999999, 59999999999 };
	struct flowtable *t = flowtable_new(false, 64, 7);
	for (size_t i = 0; i < 5; i++) {
		struct tuple k = sequential(1);
		k.offset_ns = offsets[i];
		k.tags = (uint16_t)(1u << i | (unsigned)CLASS_TCP_SYN << TUPLE_CLASS_SHIFT);
		put(t, &k);
		struct list l = list_of(t, false);
		assert_int_equal(l.n, 1);
		assert_true(l.flows[0].first_ns == (int64_t)firsts[i] && l.flows[0].last_ns == (int64_t)lasts[i]);
		assert_true(l.flows[0].packets == i + 1 && l.flows[0].tags == (2u << i) - 1);
		free(l.flows);
	}
	flowtable_free(t);
}

/* Both families: moved into a table that was used before, everything is there and found again. */
static void moves(void **state)
{
	static uint8_t addrs[3000][32];
	for (int wide = 0; wide < 2; wide++) {
		struct flowtable *from = flowtable_new(wide, 5000, 7), *to = flowtable_new(wide, 5000, 7);
		for (int round = 0; round < 3; round++)
			for (uint32_t i = 0; i < 3000; i++) {
				struct tuple k = sequential(i);
				store_be32(addrs[i] + 12, i);
				k.addrs = wide ? addrs[i] : NULL;
				k.word[0] = wide ? 0 : k.word[0];
				put(round == 0 ? to : from, &k);
				if (round == 0 && i == 2999)
					flowtable_reset(to);
				if (round == 1 && i == 2000) {
					struct flowtable *other = to;
					flowtable_move(to, from);
					to = from;
					from = other;
				}
			}
		struct list l = list_of(from, false);
		assert_true(l.n == 3000 && flowtable_counts(to).flows == 0);
		for (size_t i = 0; i < l.n; i++)
			assert_true(l.flows[i].packets == 2);
		free(l.flows);
		flowtable_free(from);
		flowtable_free(to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(spreads), cmocka_unit_test(seedless),
		cmocka_unit_test(folds), cmocka_unit_test(times), cmocka_unit_test(moves) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
