// SPDX-License-Identifier: Apache-2.0
/* Fills findings from events: numbers, ports, flags, samples, confidence. Private to analysis/darknet. */
#pragma once
#include "analysis/darknet/event.h"

/* The ports of an event by packets, then by who came first; FINDING_TOP at most. */
struct fill_top {
	uint32_t n;
	uint16_t port[FINDING_TOP];
	uint64_t packets[FINDING_TOP];
};
void fill_top_ports(const struct darknet *d, const struct event *e, struct fill_top *out);

/* What one own address did: in dark space all it sent there, else probes to silent targets. False: nothing. */
struct fill_own {
	uint64_t packets, targets;
	uint8_t ttl_min, ttl_max;
	bool attacked; /* backscatter came from it */
	int64_t first, last;
	const struct event *event; /* the one with most packets */
};
bool fill_own_sum(const struct darknet *d, uint32_t addr, struct fill_own *out);

/* `f` is zeroed but for its kind. */
void fill_event(struct darknet *d, const struct event *e, struct finding *f);
void fill_own(struct darknet *d, uint32_t addr, struct finding *f);
void fill_lone(struct darknet *d, const struct lone *l, struct finding *f);
void fill_port(struct darknet *d, uint32_t hour, struct finding *f);
