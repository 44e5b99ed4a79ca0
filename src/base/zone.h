// SPDX-License-Identifier: Apache-2.0
/* Time zones of the system's database, for what people read: days begin and times are shown in them; what is stored
 * stays UTC. */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stdbool.h>

/* Takes an IANA name ("Asia/Tokyo") or "UTC". Call before threads start and files are shut off. Returns 0, -1 for an
 * unknown name. */
int zone_set(const char *name, struct err *err);

/* Whether zone_set() would take it; nothing changes. */
bool zone_known(const char *name);

/* Seconds east of UTC at that time. */
int64_t zone_offset_s(int64_t ns);

/* "2026-11-24 21:39:00 JST": to the second, with the zone's short name. Returns `out`. */
const char *zone_text(char out[TEXT_TIME_MAX], int64_t ns);

/*
 * RFC 3339 ("2026-11-24T21:39:00Z", "...:00.123456789Z", "...+09:00"), a date (its midnight in the zone that is set),
 * or seconds since 1970. Returns 0 or -1.
 */
int zone_parse(const char *text, int64_t *ns);
