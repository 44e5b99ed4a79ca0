// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The first numbers that the authors' own programs give. */
static void known_answers(void **state)
{
	static const uint64_t xoshiro[] = { 11520, 0, 1509978240, 1215971899390074240 };
	static const uint64_t splitmix[] = { 6457827717110365317u, 3203168211198807973u, 9817491932198370423u };
	struct random r = { { 1, 2, 3, 4 } };
	for (size_t i = 0; i < sizeof xoshiro / sizeof *xoshiro; i++)
		assert_true(random_u64(&r) == xoshiro[i]);
	random_init(&r, 1234567);
	for (size_t i = 0; i < sizeof splitmix / sizeof *splitmix; i++)
		assert_true(r.s[i] == splitmix[i]);
}

/* The product by schoolbook halves, for bounds where the carry of the middle matters. */
static uint64_t high_half(uint64_t a, uint64_t b)
{
	uint64_t out = 0;
	for (int bit = 63; bit >= 0; bit--) {
		/* (a * b) >> 64 by adding a shifted right for each bit of b, with the bits that fall out kept. */
		if (b >> bit & 1)
			out += bit ? a >> (64 - bit) : 0;
	}
	uint64_t low = 0;
	for (int bit = 0; bit < 64; bit++)
		if (b >> bit & 1) {
			uint64_t add = a << bit;
			out += low + add < low;
			low += add;
		}
	return out;
}

static void below(void **state)
{
	static const uint64_t bounds[] = { 0, 1, 2, 3, 10, 0xffffffff, 0x100000000, 0x100000001, 0xfffffffffffffffe,
		UINT64_MAX };
	struct random r, same;
	random_init(&r, 7);
	same = r;
	for (int round = 0; round < 1000; round++)
		for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
			uint64_t v = random_below(&r, bounds[i]);
			assert_true(bounds[i] == 0 ? v == 0 : v < bounds[i]);
			assert_true(v == high_half(random_u64(&same), bounds[i]));
		}
}

static void spread(void **state)
{
	struct random r;
	unsigned seen[8] = { 0 };
	double sum = 0;
	random_init(&r, 99);
	for (int i = 0; i < 80000; i++) {
		seen[random_below(&r, 8)]++;
		double u = random_unit(&r);
		assert_true(u >= 0 && u < 1);
		sum += u;
	}
	/* Ten standard deviations: sqrt(80000 * 1/8 * 7/8) = 94. */
	for (int i = 0; i < 8; i++)
		assert_in_range(seen[i], 10000 - 940, 10000 + 940);
	assert_true(sum > 39000 && sum < 41000);
}

static void keys_differ(void **state)
{
	uint64_t a = random_key(), b = random_key();
	assert_true(a != b);
	assert_true(random_mix(1) != random_mix(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_answers), cmocka_unit_test(below),
		cmocka_unit_test(spread), cmocka_unit_test(keys_differ) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
