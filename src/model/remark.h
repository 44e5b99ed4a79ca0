// SPDX-License-Identifier: Apache-2.0
/* The remark noun: what a person said of a finding or case. */
#pragma once
#include "model/row.h"

struct remark {
	char id[40]; /* UUIDv7 */
	char tenant[64];
	char subject[64]; /* id of a finding or case */
	char kind[16];	  /* comment, assign, mute, unmute */
	char text[2048];
	char who[64];
	int64_t at_ns, until_ns;
};

extern const struct row_kind remark_kind;
