// SPDX-License-Identifier: Apache-2.0
/* What the desk says of a session, as far as live events need it. A file of its own: jansson's names are others'. */
#pragma once
#include "console/live.h"

/* Before the process is sealed: the library opens a source of random numbers once. */
void sessionjson_init(void);

/*
 * Reads the answer to GET /session: "sensors", a list of names, and "rights". Returns 0, or -1 when it is none.
 * `out->sensors` by malloc; names beyond LIVE_SENSORS are left out.
 */
int sessionjson_parse(const char *json, size_t n, struct live_view *out) NODISCARD;
