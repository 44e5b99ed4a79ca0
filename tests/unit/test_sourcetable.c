// SPDX-License-Identifier: Apache-2.0
/* The table of sources alone: its hash, counters that carry over, fields that stay constant. */
#include "base/random.h"
#include "sensor/telescope/sourcetable.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#define N 100000

static void put(struct sourcetable *t, const struct tuple *k)
{
	struct tuple copy = *k;
	if (k->addrs) {
		sourcetable_key_wide(t, &copy);
	} else {
		struct sourcetable_front f = sourcetable_front(t);
		sourcetable_key(&f, &copy);
	}
	sourcetable_prefetch(t, &copy, 1);
	sourcetable_add(t, &copy, 1);
}

static struct tuple packet(uint32_t src, uint8_t cls, uint16_t ip_len)
{
	return (struct tuple){ .word = { (uint64_t)src << 32, (uint64_t)ip_len << 16 },
		.tags = (uint16_t)(cls << TUPLE_CLASS_SHIFT) };
}

static uint32_t sequential(uint32_t i)
{
	return 0x01000000 + i;
}
static uint32_t one_16(uint32_t i)
{
	return 0xcb000000 | (i * 40503 & 0xffff);
}
static uint32_t one_8(uint32_t i)
{
	return 0xcb000000 | (i * 167 & 0xffffff);
}
static uint32_t gateways(uint32_t i)
{
	return i << 8 | 1;
}

static void spreads(void **state)
{
	static const struct {
		const char *name;
		uint32_t (*source)(uint32_t i);
	} sets[] = { { "sequential", sequential }, { "one /16", one_16 }, { "one /8", one_8 },
		{ "x.x.x.1", gateways } };
	for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
		for (uint64_t seed = 0; seed < 5; seed++) {
			struct sourcetable *t = sourcetable_new(false, true, N, seed * 0x123456789abcdefu);
			uint64_t sum;
			for (uint32_t i = 0; i < N; i++) {
				struct tuple k = packet(sets[s].source(i), CLASS_UDP, 28);
				put(t, &k);
			}
			size_t most = sourcetable_probes(t, &sum), n = sourcetable_count(t);
			if (sum > n / 2 || most > 50)
				fail_msg("%s: %.3f away on average, %zu at most", sets[s].name, (double)sum / (double)n,
					most);
			sourcetable_free(t);
		}
}

static void keep(void *arg, const struct source *s)
{
	struct source *out = arg;
	*out = *s;
}

/* Beyond 16 bits of packets and 32 bits of bytes, in both families, beside other sources. */
static void carries(void **state)
{
	static const uint8_t addrs[32] = { 0x20, 1, 0xd, 0xb8 };
	const uint32_t n = 200000;
	for (int wide = 0; wide < 2; wide++) {
		struct sourcetable *t = sourcetable_new(wide, true, 100, 1);
		struct source s;
		for (uint32_t i = 0; i < n; i++) {
			struct tuple k = packet(wide ? 0 : 0xcb007101, i & 1 ? CLASS_TCP_SYN : CLASS_UDP, 65535);
			k.addrs = wide ? addrs : NULL;
			k.tags |= 31;
			put(t, &k);
		}
		assert_int_equal(sourcetable_count(t), 1);
		sourcetable_each(t, 0, keep, &s);
		assert_true(s.packets == n && s.bytes == (uint64_t)n * 65535 && s.syns == n / 2);
		assert_true(s.by_class[CLASS_TCP_SYN] == n / 2 && s.by_class[CLASS_UDP] == n / 2);
		for (int m = 0; m < MARK_N; m++)
			assert_int_equal(s.marks[m], n);
		sourcetable_reset(t);
		struct tuple k = packet(wide ? 0 : 0xcb007101, CLASS_UDP, 28);
		k.addrs = wide ? addrs : NULL;
		put(t, &k);
		sourcetable_each(t, 0, keep, &s);
		assert_true(s.packets == 1 && s.bytes == 28 && s.marks[0] == 0);
		sourcetable_free(t);
	}
}

/* Each field alone changes, at the second SYN and at the 70,000th; packets of other classes don't count. */
static void constants(void **state)
{
	static const uint32_t ns[] = { 2, 70000 };
	for (size_t k = 0; k < 2; k++)
		for (unsigned field = 0; field <= CONST_N; field++) {
			struct sourcetable *t = sourcetable_new(false, true, 10, 1);
			struct source s;
			for (uint32_t i = 1; i <= ns[k]; i++) {
				struct tuple p = packet(1, CLASS_TCP_SYN, 40), other = packet(1, CLASS_TCP_ACK, 40);
				p.constants_low = 0x1111222233334444;
				p.constants_high = 0x55556666;
				other.constants_low = i;
				if (i == ns[k] && field < CONST_SPORT)
					p.constants_low ^= (uint64_t)1 << (field * 16 + 7);
				if (i == ns[k] && field >= CONST_SPORT && field < CONST_N)
					p.constants_high ^= 1u << ((field - CONST_SPORT) * 16 + 15);
				put(t, &other);
				put(t, &p);
			}
			sourcetable_each(t, 0, keep, &s);
			assert_int_equal(s.constants, 63u & ~(field < CONST_N ? 1u << field : 0));
			sourcetable_free(t);
		}
}

static void times(void **state)
{
	for (int timed = 0; timed < 2; timed++) {
		struct sourcetable *t = sourcetable_new(false, timed, 10, 1);
		static const uint64_t offsets[] = { 30000000000, 59999999999, 1, 40000000000 };
		struct source s;
		for (size_t i = 0; i < 4; i++) {
			struct tuple k = packet(1, CLASS_UDP, 28);
			k.offset_ns = offsets[i];
			put(t, &k);
		}
		sourcetable_each(t, 2, keep, &s);
		assert_true(s.first_ns == 2 * MINUTE_NS + timed);
		assert_true(s.last_ns == 2 * MINUTE_NS + (timed ? 59999999999 : 0));
		sourcetable_free(t);
	}
}

static void full(void **state)
{
	struct sourcetable *t = sourcetable_new(false, true, 100, 1);
	for (uint32_t i = 0; i < 1000; i++) {
		struct tuple k = packet(i, CLASS_UDP, 28);
		put(t, &k);
	}
	assert_true(sourcetable_count(t) == 100 && sourcetable_lost(t) == 900);
	sourcetable_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(spreads), cmocka_unit_test(carries),
		cmocka_unit_test(constants), cmocka_unit_test(times), cmocka_unit_test(full) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
