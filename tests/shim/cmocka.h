// SPDX-License-Identifier: Apache-2.0
/*
 * The part of cmocka that the unit tests of the pure modules use, for machines without its library:
 * tests/cross compiles them with this header in front. An assertion that fails ends its test.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
};

static jmp_buf shim_back;

__attribute__((format(printf, 3, 4), noreturn, unused)) static void shim_fail(
	const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("%s:%d: ", file, line);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
	longjmp(shim_back, 1);
}

__attribute__((unused)) static void shim_compare(uintmax_t a, uintmax_t b, int equal, const char *file, int line)
{
	if ((a == b) != equal)
		shim_fail(file, line, "%jx %s %jx", a, equal ? "!=" : "==", b);
}

__attribute__((unused)) static void shim_string(const char *a, const char *b, int equal, const char *file, int line)
{
	if ((strcmp(a, b) == 0) != equal)
		shim_fail(file, line, "\"%s\" %s \"%s\"", a, equal ? "!=" : "==", b);
}

__attribute__((unused)) static void shim_memory(const void *a, const void *b, size_t n, const char *file, int line)
{
	if (memcmp(a, b, n) != 0)
		shim_fail(file, line, "%zu bytes differ", n);
}

__attribute__((unused)) static void shim_range(uintmax_t v, uintmax_t low, uintmax_t high, const char *file, int line)
{
	if (v < low || v > high)
		shim_fail(file, line, "%ju is not in %ju..%ju", v, low, high);
}

/* Casts as cmocka does: through uintmax_t, so both sides are widened alike. */
#define assert_true(c)		      shim_compare(!!(c), 1, 1, __FILE__, __LINE__)
#define assert_false(c)		      shim_compare(!!(c), 0, 1, __FILE__, __LINE__)
#define assert_null(p)		      shim_compare((uintptr_t)(p), 0, 1, __FILE__, __LINE__)
#define assert_non_null(p)	      shim_compare((uintptr_t)(p), 0, 0, __FILE__, __LINE__)
#define assert_ptr_equal(a, b)	      shim_compare((uintptr_t)(a), (uintptr_t)(b), 1, __FILE__, __LINE__)
#define assert_int_equal(a, b)	      shim_compare((uintmax_t)(a), (uintmax_t)(b), 1, __FILE__, __LINE__)
#define assert_int_not_equal(a, b)    shim_compare((uintmax_t)(a), (uintmax_t)(b), 0, __FILE__, __LINE__)
#define assert_string_equal(a, b)     shim_string((a), (b), 1, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) shim_string((a), (b), 0, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)  shim_memory((a), (b), (n), __FILE__, __LINE__)
#define assert_in_range(v, low, high) shim_range((v), (low), (high), __FILE__, __LINE__)
#define fail_msg(...)		      shim_fail(__FILE__, __LINE__, __VA_ARGS__)
#define fail()			      shim_fail(__FILE__, __LINE__, "fail()")
#define skip()			      longjmp(shim_back, 2)

#define cmocka_unit_test(f)                                                                                            \
	{                                                                                                              \
#f, f, NULL, NULL                                                                                      \
	}
#define cmocka_unit_test_setup_teardown(f, up, down)                                                                   \
	{                                                                                                              \
#f, f, up, down                                                                                        \
	}
#define cmocka_unit_test_teardown(f, down)                                                                             \
	{                                                                                                              \
#f, f, NULL, down                                                                                      \
	}

static inline int shim_run(const struct CMUnitTest *tests, size_t n)
{
	volatile int failed = 0;
	for (size_t i = 0; i < n; i++) {
		void *state = NULL;
		volatile int bad = tests[i].setup && tests[i].setup(&state) != 0;
		if (!bad) {
			int jumped = setjmp(shim_back);
			if (jumped == 0)
				tests[i].run(&state);
			bad = jumped == 1;
		}
		if (tests[i].teardown)
			tests[i].teardown(&state);
		printf("[%s] %s\n", bad ? "  FAILED  " : "       OK ", tests[i].name);
		failed += bad;
	}
	return failed;
}

#define cmocka_run_group_tests(tests, setup, teardown) shim_run((tests), sizeof(tests) / sizeof *(tests))
