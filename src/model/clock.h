// SPDX-License-Identifier: Apache-2.0
/* The clock noun: how far a sensor's clock could be trusted in a minute. */
#pragma once
#include "model/row.h"

struct clock_minute {
	char sensor[64];
	int64_t minute; /* since 1970 */
	char state[16]; /* synchronised, unsynchronised, unknown or scenario */
	int64_t offset_ns;
	char source[32]; /* who says so: adjtimex, scenario, sender */
};

extern const struct row_kind clock_kind;
