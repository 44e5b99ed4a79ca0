// SPDX-License-Identifier: Apache-2.0
#include "view/reportperiod.h"

#include <string.h>

static const char *const words[REPORT_KIND_N] = { "day", "week", "quarter", "half-year", "year" };

const char *reportperiod_word(enum reportperiod_kind k)
{
	return words[k];
}

int reportperiod_parse(const char *word, enum reportperiod_kind *out)
{
	for (int k = 0; k < REPORT_KIND_N; k++)
		if (strcmp(word, words[k]) == 0) {
			*out = (enum reportperiod_kind)k;
			return 0;
		}
	return -1;
}

/* 0: Monday. 1970-01-01 was a Thursday. */
static int weekday(int64_t day)
{
	return (int)(((day + 3) % 7 + 7) % 7);
}

struct reportperiod reportperiod_of(const struct reportzone *z, enum reportperiod_kind k, int64_t day)
{
	static const int months[REPORT_KIND_N] = { [REPORT_QUARTER] = 3, [REPORT_HALF] = 6, [REPORT_YEAR] = 12 };
	struct reportperiod p = { .kind = k, .first = day, .end = day + 1 };
	int year, month, mday;
	if (k == REPORT_WEEK) {
		p.first = day - weekday(day);
		p.end = p.first + 7;
	} else if (months[k]) {
		reportzone_date(day, &year, &month, &mday);
		int begin = (month - 1) / months[k] * months[k] + 1, next = begin + months[k];
		p.first = reportzone_day_of(year, begin, 1);
		p.end = next > 12 ? reportzone_day_of(year + 1, 1, 1) : reportzone_day_of(year, next, 1);
	}
	p.from_ns = reportzone_begin_ns(z, p.first);
	p.to_ns = reportzone_begin_ns(z, p.end);
	return p;
}

struct reportperiod reportperiod_before(const struct reportzone *z, const struct reportperiod *p)
{
	return reportperiod_of(z, p->kind, p->first - 1);
}

void reportperiod_week(int64_t day, int *year, int *week)
{
	int month, mday;
	int64_t thursday = day - weekday(day) + 3;
	reportzone_date(thursday, year, &month, &mday);
	*week = (int)((thursday - reportzone_day_of(*year, 1, 1)) / 7) + 1;
}
