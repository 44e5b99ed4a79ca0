// SPDX-License-Identifier: Apache-2.0
/* The sent noun: what left the program as an alert, so that nothing is told twice after a restart. */
#pragma once
#include "model/row.h"

struct sent {
	char subject[128]; /* id of the finding, or name of the alarm */
	char channel[64];  /* name of the way out */
	char tenant[64];
	int64_t at_ns;	 /* of the last try */
	char state[16];	 /* sent, failed, held, digest */
	char text[1024]; /* what was told, or why it failed */
};

extern const struct row_kind sent_kind;
