// SPDX-License-Identifier: Apache-2.0
/* What a report takes from roll-ups: how far the records reach, and packets of quarters and years. */
#pragma once
#include "view/reportdata.h"

/* Sets first_ns and until_ns. 0 or a negative code of the store. */
int reportrolled_ends(struct report *r, struct store *s, struct err *err) NODISCARD;

/* Quarters and years, by hours: exact but where a zone's days begin within an hour. */
int reportrolled_gather(struct report *r, struct store *s) NODISCARD;

/*
 * Days (hours) whose flows have less than their hours' sums, as retention leaves them, get the packets of the sums. Not
 * in zones whose days begin within an hour.
 */
int reportrolled_mend(const struct report *r, struct reportscan *scan, struct store *s) NODISCARD;
