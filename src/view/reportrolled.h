// SPDX-License-Identifier: Apache-2.0
/* What a report takes from roll-ups: how far the records reach, and packets of quarters and years. */
#pragma once
#include "view/reportdata.h"

/* Sets first_ns and until_ns. 0 or a negative code of the store. */
int reportrolled_ends(struct report *r, struct store *s, struct err *err) NODISCARD;

/* Quarters and years, and the packets of the period, by hours: exact but where a zone's days begin within an hour. */
int reportrolled_gather(struct report *r, struct store *s) NODISCARD;
