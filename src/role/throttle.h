// SPDX-License-Identifier: Apache-2.0
/*
 * How often passwords may be tried. Failures are counted for a user at an address, for an address, and, with more
 * patience, for a user: whoever tries from one address does not lock the user out at another, and where a user has
 * logged in lately the other two do not hold him up. Addresses of IPv6 count by /64. The table is bounded; when it is
 * full those with the fewest failures are forgotten. The caller locks and gives the time, of a clock that never goes
 * back.
 */
#pragma once
#include "base/bytes.h"

#define THROTTLE_FREE	 5   /* failures of a user at an address before he has to wait: 1 s, then twice that ... */
#define THROTTLE_ADDRESS 20  /* ... of an address */
#define THROTTLE_USER	 100 /* ... of a user */
#define THROTTLE_MAX_S	 900
#define THROTTLE_USER_S	 30   /* the longest wait that strangers can bring about for a user */
#define THROTTLE_FORGET	 3600 /* s after the last failure */
#define THROTTLE_TABLE	 4096

struct throttle; /* opaque */

struct throttle *throttle_new(uint64_t seed);
void throttle_free(struct throttle *t);

/* Seconds until the next try; 0: now. */
unsigned throttle_wait_s(struct throttle *t, const char *user, const char *peer, int64_t now_ns);
void throttle_failed(struct throttle *t, const char *user, const char *peer, int64_t now_ns);
void throttle_good(struct throttle *t, const char *user, const char *peer, int64_t now_ns);
