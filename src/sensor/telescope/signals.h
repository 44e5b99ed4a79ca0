// SPDX-License-Identifier: Apache-2.0
/*
 * Who crosses a threshold, told with the packet that crosses it: packets of one source to several dark destinations, or
 * to several ports of one of them. Pure: time is the packets'. A source is told once, and again after it was silent for
 * a while. Memory is fixed: a new source takes the place of the one of its bucket that was silent longest.
 *
 * Replies (SYN-ACK, RST, ICMP errors and replies, UDP from well-known reflector ports) and the rest are counted apart:
 * `backscatter` and `scan`.
 */
#pragma once
#include "model/signal.h"
#include "wire/capfile.h"

#define SIGNALS_DESTINATIONS_MAX 16
#define SIGNALS_PORTS_MAX	 64

struct signals; /* opaque */

struct signals_params {
	const char *sensor;	   /* copied */
	const struct prefix *dark; /* what counts as destination; copied. None: every address */
	size_t dark_n;
	unsigned min_destinations; /* 0: 5; at most SIGNALS_DESTINATIONS_MAX */
	unsigned min_ports;	   /* of one destination; 0: 15; at most SIGNALS_PORTS_MAX */
	int64_t idle_ns;	   /* a source that was silent for so long begins anew; 0: 10 minutes */
	size_t max_sources;	   /* rounded up to a power of two; 0: 65,536 */
	uint64_t seed;
};

struct signals *signals_new(const struct signals_params *p);
void signals_free(struct signals *s);

typedef void signals_fn(void *arg, const struct signal *signal);

/* Looks at `n` records. `fn` is called for each source that crosses a threshold; the signal lives during the call. */
void signals_add(struct signals *s, const struct capfile_record *recs, size_t n, signals_fn *fn, void *arg);

struct signals_counts {
	uint64_t told;
	uint64_t evicted; /* sources that lost their place before they were idle */
};
struct signals_counts signals_counts(const struct signals *s);
