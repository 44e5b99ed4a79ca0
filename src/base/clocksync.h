// SPDX-License-Identifier: Apache-2.0
/* How far this machine's clock can be trusted: what the kernel knows of it (adjtimex(2), RFC 5905 section 11), and
 * steps that somebody made it take. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum clocksync_state { CLOCKSYNC_UNKNOWN, CLOCKSYNC_SYNCHRONISED, CLOCKSYNC_UNSYNCHRONISED, CLOCKSYNC_SCENARIO };

/* As in the sensor noun. */
const char *clocksync_name(enum clocksync_state s);

struct clocksync {
	enum clocksync_state state;
	int64_t offset_ns;    /* what is still to be corrected, as the kernel's discipline has it */
	int64_t max_error_ns; /* bound on the error */
	bool leap;	      /* a leap second is inserted or deleted today, or just was */
};

/* Asks the kernel. */
struct clocksync clocksync_now(void);

/* Real time against the monotonic clock. Zeroed: begins with the first call. */
struct clocksync_steps {
	bool begun;
	int64_t apart_ns;
};

/*
 * Returns by how much real time was stepped since the call before, 0 when less than `least_ns` (slewing, a leap
 * second's smear). Clocks are given, so that tests can.
 */
int64_t clocksync_step(struct clocksync_steps *s, int64_t real_ns, int64_t monotonic_ns, int64_t least_ns);
