// SPDX-License-Identifier: Apache-2.0
#include "base/zone.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#define SEC ((int64_t)1000000000)

static void parses(void **state)
{
	static const struct {
		const char *text;
		int want;
		int64_t s;
	} cases[] = {
		{ "2026-11-24T21:39:00Z", 0, 1795556340 }, { "2026-11-25T06:39:00+09:00", 0, 1795556340 },
		{ "2026-11-24T16:39:00-05:00", 0, 1795556340 }, { "2026-11-24", 0, 1795478400 },
		{ "1795556340", 0, 1795556340 }, { "0", 0, 0 }, { "2026-02-30", -1, 0 },
		{ "2026-11-24T21:39:00", -1, 0 }, { "yesterday", -1, 0 }, { "", -1, 0 },
		{ "2026-11-24T21:39:00+25:00", -1, 0 }, { "99999999999", -1, 0 }, { "9999999999", -1, 0 },
		{ "2300-01-01", -1, 0 }, { "9999-12-31T23:59:59Z", -1, 0 }, /* beyond 2262 */
	};
	static const struct {
		const char *text;
		int want;
		int64_t part;
	} parts[] = {
		{ "2026-11-24T21:39:00.5Z", 0, 500000000 },
		{ "2026-11-24T21:39:00.271+00:00", 0, 271000000 },
		{ "2026-11-24T21:39:00.123456789Z", 0, 123456789 },
		{ "2026-11-24T21:39:00.1234567891Z", -1, 0 },
		{ "2026-11-24T21:39:00.Z", -1, 0 },
		{ "2026-11-24T21:39:00.5", -1, 0 },
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		int64_t ns = 0;
		if (zone_parse(parts[i].text, &ns) != parts[i].want ||
			(!parts[i].want && ns != 1795556340 * SEC + parts[i].part))
			fail_msg("'%s': %lld", parts[i].text, (long long)ns);
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t ns = 0;
		if (zone_parse(cases[i].text, &ns) != cases[i].want || ns != cases[i].s * SEC)
			fail_msg("'%s': %lld", cases[i].text, (long long)ns);
	}
}

static void fractions(void **state)
{
	static const struct {
		const char *text;
		int want;
		int64_t ns; /* beyond the second */
	} cases[] = {
		{ "2026-11-24T21:39:00.5Z", 0, SEC / 2 },
		{ "2026-11-24T21:39:00.662Z", 0, 662000000 },
		{ "2026-11-24T21:39:00.000000001Z", 0, 1 },
		{ "2026-11-25T06:39:00.25+09:00", 0, SEC / 4 },
		{ "2026-11-24T21:39:00.Z", -1, 0 },
		{ "2026-11-24T21:39:00.0000000001Z", -1, 0 },
		{ "2026-11-24T21:39:00.5", -1, 0 },
		{ "2262-04-11T23:47:16.854775807Z", 0, 854775807 }, /* the last there is */
		{ "2262-04-11T23:47:16.854775808Z", -1, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t ns = 0;
		if (zone_parse(cases[i].text, &ns) != cases[i].want || (!cases[i].want && ns % SEC != cases[i].ns))
			fail_msg("'%s': %lld", cases[i].text, (long long)ns);
	}
}

static void zones(void **state)
{
	char text[TEXT_TIME_MAX];
	struct err err = { "" };
	int64_t ns;
	assert_string_equal(zone_text(text, -1), "1969-12-31 23:59:59 UTC");
	assert_int_equal(zone_set("../etc/passwd", &err), -1);
	assert_int_equal(zone_set("Nowhere/Land", &err), -1);
	assert_true(err.text[0] != 0);
	if (access("/usr/share/zoneinfo/Asia/Tokyo", R_OK) != 0)
		skip();
	assert_int_equal(zone_set("Asia/Tokyo", &err), 0);
	assert_true(zone_offset_s(0) == 9 * 3600);
	assert_string_equal(zone_text(text, 1795556340 * SEC), "2026-11-25 06:39:00 JST");
	assert_int_equal(zone_parse("2026-11-25", &ns), 0);
	assert_true(ns == (1795564800 - 9 * 3600) * SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parses), cmocka_unit_test(fractions),
		cmocka_unit_test(zones) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
