// SPDX-License-Identifier: Apache-2.0
#include "base/distinct.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

/* Key number i, in one word or in four; i 0 is the key of zeros. */
static void key_of(uint32_t i, uint32_t key[4])
{
	key[0] = i * 2654435761u;
	key[1] = i;
	key[2] = i ? 7 : 0;
	key[3] = i / 3;
}

static void add(struct distinct *d, uint32_t from, uint32_t to)
{
	uint32_t key[4];
	for (uint32_t i = from; i < to; i++) {
		key_of(i, key);
		distinct_add(d, key);
	}
}

static void exact(void **state)
{
	for (unsigned words = 1; words <= 4; words += 3) {
		struct distinct *d = distinct_new(words, 50000, 1);
		assert_true(distinct_count(d) == 0 && distinct_exact(d));
		add(d, 0, 50000);
		add(d, 0, 50000);
		assert_true(distinct_count(d) == 50000 && distinct_exact(d));
		distinct_free(d);
	}
}

static void estimate(void **state)
{
	for (unsigned words = 1; words <= 4; words += 3) {
		struct distinct *d = distinct_new(words, 1000, 1);
		add(d, 0, 300000);
		assert_false(distinct_exact(d));
		/* Five standard errors of 0.8 %. */
		assert_in_range(distinct_count(d), 288000, 312000);
		distinct_free(d);
	}
}

static void many_at_once(void **state)
{
	enum { N = 30000 };
	uint32_t *keys = calloc(N, sizeof *keys);
	for (uint32_t i = 0; i < N; i++)
		keys[i] = i / 2;
	struct distinct *d = distinct_new(1, N, 1);
	for (size_t at = 0, step = 1; at < N; at += step, step = step * 7 % 501 + 1)
		distinct_add_many(d, keys + at, step < N - at ? step : N - at);
	assert_true(distinct_count(d) == N / 2 && distinct_exact(d));
	distinct_free(d);
	free(keys);
}

/* Overlapping halves: exact while the limit holds, and the same estimate whichever is added to which. */
static void merge(void **state)
{
	static const size_t limits[] = { 100000, 1000 };
	for (size_t k = 0; k < 2; k++) {
		struct distinct *a = distinct_new(1, limits[k], 9), *b = distinct_new(1, limits[k], 9);
		struct distinct *c = distinct_new(1, limits[k], 9), *whole = distinct_new(1, limits[k], 9);
		add(a, 0, 40000);
		add(b, 20000, 60000);
		add(c, 20000, 60000);
		add(whole, 0, 60000);
		distinct_merge(c, a);
		distinct_merge(a, b);
		assert_true(distinct_count(a) == distinct_count(whole) && distinct_count(c) == distinct_count(whole));
		assert_true(distinct_exact(a) == (k == 0));
		if (k == 0)
			assert_true(distinct_count(a) == 60000);
		distinct_free(a);
		distinct_free(b);
		distinct_free(c);
		distinct_free(whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(exact), cmocka_unit_test(estimate),
		cmocka_unit_test(many_at_once), cmocka_unit_test(merge) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
