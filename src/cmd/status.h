// SPDX-License-Identifier: Apache-2.0
/* `run --status`: one screen from the pages of the roles, what is wrong first. */
#pragma once
#include "role/status.h"

struct status_show {
	const char *store, *zone;
	struct status_limits limits;
	bool json, watch;
};

/* Returns CLI_DONE, CLI_NEGATIVE when the daemon doesn't run or something is wrong, CLI_USAGE, CLI_FAILED. */
int status_show(const struct status_show *s);
