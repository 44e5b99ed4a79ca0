// SPDX-License-Identifier: Apache-2.0
#include "base/idmap.h"
#include "base/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

static void numbers_in_order(void **state)
{
	static const uint64_t keys[] = { 0, 1, UINT64_MAX, 5, (uint64_t)1 << 32 };
	struct idmap m;
	bool fresh;
	idmap_init(&m, 100, 1);
	assert_true(idmap_find(&m, 0) == IDMAP_NONE);
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < sizeof keys / sizeof *keys; i++) {
			assert_int_equal(idmap_take(&m, keys[i], &fresh), i);
			assert_true(fresh == !round);
			assert_int_equal(idmap_find(&m, keys[i]), i);
		}
	assert_true(idmap_find(&m, 6) == IDMAP_NONE);
	assert_int_equal(m.n, sizeof keys / sizeof *keys);
	idmap_fini(&m);
}

/* Thousands of keys, through many growths: each keeps its number, beyond the limit none is given. */
static void limit(void **state)
{
	enum { MAX = 20000 };
	for (uint64_t seed = 0; seed < 3; seed++) {
		struct idmap m;
		struct random r;
		bool fresh;
		idmap_init(&m, MAX, seed);
		random_init(&r, 1);
		for (uint32_t i = 0; i < MAX; i++) {
			assert_int_equal(idmap_take(&m, random_u64(&r), &fresh), i);
			assert_true(fresh);
		}
		assert_true(idmap_take(&m, 1, &fresh) == IDMAP_NONE && !fresh);
		assert_true(idmap_take(&m, 2, &fresh) == IDMAP_NONE && !fresh);
		assert_true(m.refused == 2 && m.n == MAX);
		random_init(&r, 1);
		for (uint32_t i = 0; i < MAX; i++)
			assert_int_equal(idmap_find(&m, random_u64(&r)), i);
		idmap_fini(&m);
	}
}

static void arrays_beside_it(void **state)
{
	size_t room = 0;
	uint32_t *a = NULL;
	for (size_t n = 1; n < 3000; n++) {
		a = idmap_room(a, n, &room, sizeof *a);
		assert_true(room >= n && a[n - 1] == 0);
		a[n - 1] = (uint32_t)n;
		assert_true(a[0] == 1 && a[n / 2] == n / 2 + 1);
	}
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(numbers_in_order), cmocka_unit_test(limit),
		cmocka_unit_test(arrays_beside_it) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
