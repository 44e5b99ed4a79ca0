// SPDX-License-Identifier: Apache-2.0
/* The hold noun: a legal hold. What it names is kept, whatever retention says, until it is released. */
#pragma once
#include "model/row.h"

struct hold {
	char id[40]; /* UUIDv7 */
	char tenant[64];
	char what[16];	   /* finding, case or range */
	char subject[128]; /* id of the finding or case; range: name of the sensor, empty for all of them */
	int64_t from_ns;   /* range: the times that are kept, [from, to) */
	int64_t to_ns;	   /* range: 0 for open */
	char reason[256];  /* file number, order */
	char who[64];	   /* who asked for it */
	int64_t since_ns;  /* when it was put on */
	int64_t until_ns;  /* when it was released or ends by itself; 0: in force until released */
};

extern const struct row_kind hold_kind;
