// SPDX-License-Identifier: Apache-2.0
/* The gap noun: from when to when a sensor saw nothing or dropped. No rate or share is right without it. */
#pragma once
#include "model/row.h"

struct gap {
	char sensor[64];
	int64_t from_ns, to_ns;
	char reason[64];  /* kernel-drop, writer-behind, killed, clock-jump, ... */
	uint64_t dropped; /* packets, 0 when nobody could count them */
};

extern const struct row_kind gap_kind;
