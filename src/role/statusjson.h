// SPDX-License-Identifier: Apache-2.0
/* The status of the daemon as one JSON object: of `run --status --json` and of the console. */
#pragma once
#include "role/status.h"
#include <stdio.h>

struct statusjson {
	const char *store; /* as people call it */
	const struct status *status;
	const struct status_finding *findings;
	size_t n;
	/* Sensors that may be told; NULL: all. */
	bool (*sees)(void *arg, const char *sensor);
	void *arg;
};
void statusjson_print(FILE *out, const struct statusjson *o);
