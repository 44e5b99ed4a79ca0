// SPDX-License-Identifier: Apache-2.0
/* Ports of dark space hour by hour: what nobody asked for the day before, and what suddenly many ask for. Private to
 * analysis/darknet. */
#pragma once
#include "analysis/darknet/event.h"

/* One port in one hour. */
struct port_hour {
	uint64_t packets, sources;
	int64_t first, last;
	struct sample_ref ref;
	struct told told;
	bool surging; /* as judged last */
};

/* Counts a probe. */
void ports_add(struct darknet *d, const struct flow *f, uint32_t src, uint32_t dst);

/*
 * The port hours from number d->hours_open on, by port and hour: calls fn for those that are new or surge, and for
 * those that were told before and are neither now (yes is false).
 */

void ports_judge(struct darknet *d, void (*fn)(void *arg, bool yes, enum finding_kind kind, uint32_t hour), void *arg);

/* Is the hour of this record past at `ns`? */
bool ports_over(const struct darknet *d, uint32_t hour, int64_t ns);

/* Hours that are past before `ns` and told are judged no more. */
void ports_close(struct darknet *d, int64_t ns);

/* Can the record be forgotten at `ns`: no later hour looks back so far. */
bool ports_stale(const struct darknet *d, uint32_t hour, int64_t ns);

/* The same for an entry of watched_map. */
bool ports_unwatched(uint64_t hour, int64_t ns);

void ports_fill(struct darknet *d, uint32_t hour, struct finding *f);
