// SPDX-License-Identifier: Apache-2.0
#include "view/reportperiod.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEC INT64_C(1000000000)

static int64_t day_of(const char *text)
{
	int year, month, day;
	if (sscanf(text, "%d-%d-%d", &year, &month, &day) != 3)
		fail();
	return reportzone_day_of(year, month, day);
}

static void calendar(void **state)
{
	for (int64_t day = -800000; day < 800000; day += 37) {
		int year, month, mday;
		reportzone_date(day, &year, &month, &mday);
		if (reportzone_day_of(year, month, mday) != day || month < 1 || month > 12 || mday < 1 || mday > 31)
			fail_msg("day %lld is %d-%d-%d", (long long)day, year, month, mday);
	}
	assert_int_equal(reportzone_day_of(1970, 1, 1), 0);
	assert_int_equal(reportzone_day_of(2000, 2, 29), 11016);
	assert_int_equal(reportzone_day_of(1969, 12, 31), -1);
}

static void periods(void **state)
{
	static const struct {
		enum reportperiod_kind kind;
		const char *day, *first, *end;
	} cases[] = {
		{ REPORT_DAY, "2026-12-31", "2026-12-31", "2027-01-01" },
		{ REPORT_WEEK, "2026-11-25", "2026-11-23", "2026-11-30" },
		{ REPORT_WEEK, "2026-11-23", "2026-11-23", "2026-11-30" },
		{ REPORT_WEEK, "2026-11-29", "2026-11-23", "2026-11-30" },
		{ REPORT_WEEK, "2027-01-01", "2026-12-28", "2027-01-04" },
		{ REPORT_QUARTER, "2026-11-25", "2026-10-01", "2027-01-01" },
		{ REPORT_QUARTER, "2028-02-29", "2028-01-01", "2028-04-01" },
		{ REPORT_QUARTER, "2026-06-30", "2026-04-01", "2026-07-01" },
		{ REPORT_HALF, "2026-06-30", "2026-01-01", "2026-07-01" },
		{ REPORT_HALF, "2026-07-01", "2026-07-01", "2027-01-01" },
		{ REPORT_YEAR, "2026-07-01", "2026-01-01", "2027-01-01" },
	};
	struct reportzone z;
	assert_int_equal(reportzone_open(&z, "Asia/Tokyo", NULL), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct reportperiod p = reportperiod_of(&z, cases[i].kind, day_of(cases[i].day));
		if (p.first != day_of(cases[i].first) || p.end != day_of(cases[i].end))
			fail_msg("%s of %s", reportperiod_word(cases[i].kind), cases[i].day);
		assert_true(p.from_ns == (p.first * 86400 - 9 * 3600) * SEC);
		assert_true(p.to_ns == (p.end * 86400 - 9 * 3600) * SEC);
		struct reportperiod before = reportperiod_before(&z, &p);
		assert_true(before.end == p.first && before.to_ns == p.from_ns && before.kind == p.kind);
	}
	reportzone_close(&z);
}

static void weeks(void **state)
{
	static const struct {
		const char *day;
		int year, week;
	} cases[] = { { "2026-01-01", 2026, 1 }, { "2025-12-29", 2026, 1 }, { "2025-12-28", 2025, 52 },
		{ "2027-01-01", 2026, 53 }, { "2027-01-04", 2027, 1 }, { "2021-01-03", 2020, 53 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int year, week;
		reportperiod_week(day_of(cases[i].day), &year, &week);
		if (year != cases[i].year || week != cases[i].week)
			fail_msg("%s is week %d of %d", cases[i].day, week, year);
	}
}

static void words(void **state)
{
	enum reportperiod_kind k;
	for (int i = 0; i < REPORT_KIND_N; i++) {
		assert_int_equal(reportperiod_parse(reportperiod_word((enum reportperiod_kind)i), &k), 0);
		assert_int_equal(k, i);
	}
	assert_int_equal(reportperiod_parse("decade", &k), -1);
}

/* When days begin, where the C library is the judge of the offset. */
static void zones(void **state)
{
	static const char *const names[] = { "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
		"Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo",
		"Asia/Beirut", "Europe/Dublin", "Asia/Tokyo", "UTC", "Pacific/Kiritimati" };
	size_t tried = 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct reportzone z;
		char path[128];
		snprintf(path, sizeof path, REPORTZONE_FOLDER "/%s", names[i]);
		if (access(path, R_OK) != 0)
			continue;
		tried++;
		assert_int_equal(reportzone_open(&z, names[i], NULL), 0);
		setenv("TZ", names[i], 1);
		tzset();
		/* 1995 .. 2080: changes of the file, and the rule behind them; odd steps meet all hours. */
		for (time_t s = 788918400; s < 3471292800; s += 10007) {
			struct tm tm;
			localtime_r(&s, &tm);
			if (reportzone_offset(&z, s) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %d, not %ld", names[i], (long long)s, reportzone_offset(&z, s),
					tm.tm_gmtoff);
		}
		int64_t last = reportzone_begin_ns(&z, 10000);
		for (int64_t day = 10001; day < 24000; day++) {
			int64_t ns = reportzone_begin_ns(&z, day);
			if (ns <= last || reportzone_day(&z, ns) != day || reportzone_day(&z, ns - 1) >= day)
				fail_msg("%s: day %lld", names[i], (long long)day);
			/* Samoa had no 30 December 2011. */
			last = ns;
			if (strcmp(names[i], "Pacific/Apia") == 0 && day == reportzone_day_of(2011, 12, 29))
				day++;
		}
		reportzone_close(&z);
	}
	unsetenv("TZ");
	tzset();
	if (!tried)
		skip();
}

static void refused(void **state)
{
	static const char *const names[] = { "", "/etc/passwd", "../etc/passwd", "Mars/Base", "Asia", "zone.tab",
		"Asia/Tokyo\n", "tzdata.zi" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct reportzone z;
		struct err err = { "" };
		if (reportzone_open(&z, names[i], &err) != -1 || !err.text[0])
			fail_msg("'%s' was taken", names[i]);
		reportzone_close(&z);
	}
}

/* Shut off from files, what was read before still answers. */
static void kept_zones(void **state)
{
	struct reportzone z;
	size_t n = reportzone_keep_all();
	if (!n)
		skip();
	assert_true(n > 100 && reportzone_keep_all() == n);
	assert_int_equal(reportzone_open(&z, "Asia/Tokyo", NULL), 0);
	reportzone_close(&z);
	assert_int_equal(reportzone_open(&z, "America/Argentina/Ushuaia", NULL), 0);
	assert_int_equal(reportzone_offset(&z, 1795556340), -3 * 3600);
	reportzone_close(&z);
}

/* Any prefix of a file is refused, never read beyond. */
static void cut_off(void **state)
{
	FILE *f = fopen(REPORTZONE_FOLDER "/America/New_York", "rb");
	if (!f)
		skip();
	static uint8_t room[65536];
	size_t n = fread(room, 1, sizeof room, f);
	fclose(f);
	for (size_t k = 0; k <= n; k++) {
		struct reportzone z;
		uint8_t *exact = malloc(k ? k : 1);
		memcpy(exact, room, k);
		int rc = reportzone_read(&z, "x", (struct bytes){ exact, k }, NULL);
		if ((rc == 0) != (k == n))
			fail_msg("%zu of %zu octets: %d", k, n, rc);
		reportzone_close(&z);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(calendar), cmocka_unit_test(periods),
		cmocka_unit_test(weeks), cmocka_unit_test(words), cmocka_unit_test(zones), cmocka_unit_test(refused),
		cmocka_unit_test(cut_off), cmocka_unit_test(kept_zones) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
