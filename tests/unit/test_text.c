// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void times(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ 1709164800000000001, "2024-02-29T00:00:00.000000001Z" },
		{ 4291747200000000000, "2106-01-01T00:00:00.000000000Z" },
	};
	char text[TEXT_TIME_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(text_time(text, cases[i].ns), cases[i].want);
}

static void utf8(void **state)
{
	static const struct {
		const char *s;
		size_t n, want;
	} cases[] = {
		{ "a", 1, 1 },
		{ "\xc3\xa9", 2, 2 },
		{ "\xc3", 1, 0 },
		{ "\xc0\x80", 2, 0 },
		{ "\xe9\x98\xb2", 3, 3 },
		{ "\xed\xa0\x80", 3, 0 },
		{ "\xf0\x9f\x98\x80", 4, 4 },
		{ "\xf4\x90\x80\x80", 4, 0 },
		{ "\x80", 1, 0 },
		{ "", 0, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(text_utf8_length(cases[i].s, cases[i].n), cases[i].want);
}

static void escapes(void **state)
{
	char out[64];
	assert_string_equal(
		text_escape(out, sizeof out, "a\x1b[2J\xff\n\xe9\x98\xb2", 10), "a\\x1b[2J\\xff\\x0a\xe9\x98\xb2");
	assert_string_equal(text_escape(out, 8, "abcdefgh", 8), "abc");
}

static void distances(void **state)
{
	assert_int_equal(text_distance("telescpe", "telescope"), 1);
	assert_int_equal(text_distance("read", "read"), 0);
	assert_int_equal(text_distance("", "abc"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(times), cmocka_unit_test(utf8), cmocka_unit_test(escapes),
		cmocka_unit_test(distances) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
