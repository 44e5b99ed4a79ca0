// SPDX-License-Identifier: Apache-2.0
/* The stretches of the calendar that reports are about: a day, an ISO week (Monday to Sunday), a quarter, half a year,
 * a year. */
#pragma once
#include "view/reportzone.h"

enum reportperiod_kind { REPORT_DAY, REPORT_WEEK, REPORT_QUARTER, REPORT_HALF, REPORT_YEAR, REPORT_KIND_N };

/* "day|week|quarter|half-year|year" and the words in it. */
#define REPORTPERIOD_WORDS "day|week|quarter|half-year|year"
const char *reportperiod_word(enum reportperiod_kind k);
int reportperiod_parse(const char *word, enum reportperiod_kind *out) NODISCARD; /* 0 or -1 */

struct reportperiod {
	enum reportperiod_kind kind;
	int64_t first, end; /* days [first, end) */
	int64_t from_ns, to_ns;
};

/* The period that holds the day, and the one before a period. */
struct reportperiod reportperiod_of(const struct reportzone *z, enum reportperiod_kind k, int64_t day);
struct reportperiod reportperiod_before(const struct reportzone *z, const struct reportperiod *p);

/* ISO 8601 week of a day; the year may be the calendar year's neighbour. */
void reportperiod_week(int64_t day, int *year, int *week);
