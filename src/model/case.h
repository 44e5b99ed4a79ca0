// SPDX-License-Identifier: Apache-2.0
/* The case noun: one infection or weakness at one party, through all address changes, until verified clean. */
#pragma once
#include "model/row.h"

struct case_record {
	char id[40]; /* UUIDv7 */
	char tenant[64];
	char party[64];
	char devices[2048]; /* list of device ids */
	char state[32];
	int64_t opened_ns;
	char next_step[128];
	int64_t due_ns;
	char holder[64];     /* who has to do the next step */
	char findings[4096]; /* list of finding ids */
	char close_code[32]; /* empty while open */
};

extern const struct row_kind case_kind;
