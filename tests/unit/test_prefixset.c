// SPDX-License-Identifier: Apache-2.0
#include "model/prefixset.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

static void add(struct prefixset *s, const char *text, int64_t from, int64_t to, uint32_t value)
{
	struct prefix p;
	assert_int_equal(prefix_parse(text, &p, NULL), 0);
	prefixset_add(s, &p, from, to, value);
}

static void finds(void **state)
{
	static const struct {
		const char *name, *addr;
		int64_t ns;
		uint32_t want;
	} cases[] = {
		{ "first address", "192.0.2.0", 0, 1 },
		{ "last address", "192.0.2.255", 0, 1 },
		{ "one before", "192.0.1.255", 0, PREFIXSET_NONE },
		{ "one behind", "192.0.3.0", 0, PREFIXSET_NONE },
		{ "longest wins", "192.0.2.65", 0, 2 },
		{ "behind the longer one", "192.0.2.96", 0, 1 },
		{ "one address", "192.0.2.70", 0, 3 },
		{ "not yet", "198.51.100.1", 99, PREFIXSET_NONE },
		{ "from the beginning", "198.51.100.1", 100, 4 },
		{ "not at the end", "198.51.100.1", 200, 5 },
		{ "the longer one is over", "203.0.113.9", 50, 6 },
		{ "the longer one holds", "203.0.113.9", 10, 7 },
		{ "the last added of equals", "198.51.100.1", 150, 8 },
		{ "IPv6", "2001:db8::1", 0, 9 },
		{ "IPv6 outside", "2001:db9::1", 0, PREFIXSET_NONE },
	};
	struct prefixset s;
	prefixset_init(&s);
	add(&s, "192.0.2.70", INT64_MIN, INT64_MAX, 3);
	add(&s, "192.0.2.64/27", INT64_MIN, INT64_MAX, 2);
	add(&s, "192.0.2.0/24", INT64_MIN, INT64_MAX, 1);
	add(&s, "198.51.100.0/24", 100, 200, 4);
	add(&s, "198.51.100.0/24", 200, 300, 5);
	add(&s, "198.51.100.0/24", 150, 160, 8);
	add(&s, "203.0.113.0/24", INT64_MIN, INT64_MAX, 6);
	add(&s, "203.0.113.8/29", 0, 50, 7);
	add(&s, "2001:db8::/32", INT64_MIN, INT64_MAX, 9);
	prefixset_seal(&s);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct addr a;
		print_message("%s\n", cases[i].name);
		assert_int_equal(addr_parse(cases[i].addr, &a, NULL), 0);
		assert_int_equal(prefixset_find(&s, &a, cases[i].ns), cases[i].want);
	}
	prefixset_fini(&s);
}

static void empty(void **state)
{
	struct prefixset s;
	struct addr a = addr_from4(0);
	prefixset_init(&s);
	prefixset_seal(&s);
	assert_false(prefixset_holds(&s, &a, 0));
	prefixset_fini(&s);
}

#define N 120

struct dated {
	struct prefix p;
	int64_t from, to;
};

/* Few bits differ, so that prefixes nest deep and repeat. */
static struct addr some_addr(struct random *r, bool six)
{
	struct addr a = six ? (struct addr){ { 0x20, 0x01 } } : addr_from4(0xc0000000);
	for (int i = six ? 4 : 13; i < 16; i++)
		a.b[i] = random_below(r, 3) ? (uint8_t)(random_below(r, 4) * 0x41) : (uint8_t)random_u64(r);
	return a;
}

static void make(struct random *r, struct dated *d)
{
	struct addr a = some_addr(r, random_below(r, 2));
	d->p.bits = (uint8_t)(addr_is4(&a)	    ? 108 + random_below(r, 21)
			      : random_below(r, 50) ? 40 + random_below(r, 89)
						    : random_below(r, 40));
	for (unsigned bit = d->p.bits; bit < 128; bit++)
		a.b[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	d->p.addr = a;
	assert_true(prefix_holds(&d->p, &a));
	d->from = (int64_t)random_below(r, 4) - 1;
	d->to = d->from + 1 + (int64_t)random_below(r, 4);
}

static uint32_t naive(const struct dated *d, const struct addr *a, int64_t ns)
{
	uint32_t best = PREFIXSET_NONE;
	for (uint32_t i = 0; i < N; i++)
		if (ns >= d[i].from && ns < d[i].to && prefix_holds(&d[i].p, a) &&
			(best == PREFIXSET_NONE || d[i].p.bits >= d[best].p.bits))
			best = i;
	return best;
}

static void as_the_naive_loop(void **state)
{
	static struct dated d[N];
	uint64_t found = 0;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct random r;
		struct prefixset s;
		random_init(&r, seed);
		prefixset_init(&s);
		for (uint32_t i = 0; i < N; i++) {
			make(&r, &d[i]);
			prefixset_add(&s, &d[i].p, d[i].from, d[i].to, i);
		}
		prefixset_seal(&s);
		for (int i = 0; i < 2000; i++) {
			struct addr a = i % 2 ? some_addr(&r, i % 4 == 1) : d[random_below(&r, N)].p.addr;
			int64_t ns = (int64_t)random_below(&r, 7) - 1;
			uint32_t want = naive(d, &a, ns);
			assert_int_equal(prefixset_find(&s, &a, ns), want);
			found += want != PREFIXSET_NONE;
		}
		prefixset_fini(&s);
	}
	assert_true(found > 10000 && found < 36000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(finds), cmocka_unit_test(empty),
		cmocka_unit_test(as_the_naive_loop) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
