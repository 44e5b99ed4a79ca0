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
};

/* Counts a probe. */
void ports_add(struct darknet *d, const struct flow *f, uint32_t src, uint32_t dst);

/* All port hours that are new or surge: calls fn with the number of the hour's record. */
void ports_judge(struct darknet *d, void (*fn)(void *arg, enum finding_kind kind, uint32_t hour), void *arg);

void ports_fill(struct darknet *d, uint32_t hour, struct finding *f);
