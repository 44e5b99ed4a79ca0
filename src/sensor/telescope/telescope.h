// SPDX-License-Identifier: Apache-2.0
/*
 * The telescope's counting half: packets to classes, marks, flows and sources per minute of packet time. It concludes
 * nothing.
 *
 * One `struct telescope` is one worker's share. The minute that is being filled is open, and the one before it until
 * the packets' time is TELESCOPE_GRACE_NS into the new one: tables of two whole minutes would cost twice the memory. A
 * packet older than that is late: it reaches the sink as a flow of its own, marked late, and no closed window changes.
 * Minutes without packets don't exist. The output does not depend on seed, batch size or number of workers.
 */
#pragma once
#include "base/distinct.h"
#include "model/source.h"
#include "wire/capfile.h"

#define TELESCOPE_GRACE_NS 10000000000

struct telescope; /* opaque */

/* Where closed minutes go. Unset functions are not called. All are called from telescope_add() and telescope_flush().
 */
struct telescope_sink {
	void *arg;
	void (*flow)(void *arg, const struct flow *f, bool late);
	void (*source)(void *arg, const struct source *s);
	void (*minute)(void *arg, int64_t minute_ns); /* behind its flows and sources */
	/* Every IPv4 and IPv6 packet, before it is counted; for evidence and names, not for speed. */
	void (*packet)(void *arg, const struct packet *p, int64_t ns);
};

struct telescope_params {
	bool count_only;    /* classes and sums, no tables */
	bool sum_sources;   /* sources over the whole run, for totals: sink.source is not called */
	bool sorted;	    /* flows in order (source, destination port, destination, rest) */
	size_t max_flows;   /* per open minute and address family; 0: 4 M */
	size_t max_sources; /* 0: 1 M */
	size_t touch_flows; /* live: memory touched at start, for so many IPv4 flows and sources a minute */
	size_t touch_sources;
	uint64_t seed;		  /* of the hash tables */
	unsigned unwrap;	  /* UNWRAP_* */
	unsigned worker, workers; /* this share of sources; workers 0 or 1: all */
	struct telescope_sink sink;
};

/* Rules 1-13 of docs/counting-rules.md. */
struct telescope_counts {
	uint64_t packets, bytes, captured;
	int64_t first_ns, last_ns; /* meaningful when `timed` > 0 */
	uint64_t timed;		   /* packets that had a time stamp */
	uint64_t classes[CLASS_N]; /* CLASS_FRAG counts both families */
	uint64_t layers[LAYER_N];
	uint64_t frag6, vlan, unwrapped;
	uint64_t minutes, flows; /* closed so far */
	uint64_t late, folded, flows_lost, sources_lost;
};

struct telescope *telescope_new(const struct telescope_params *p);
void telescope_free(struct telescope *t);

/* Counts `n` records. Their bytes are not needed afterwards. */
void telescope_add(struct telescope *t, const struct capfile_record *recs, size_t n);

/* Live: the clock went on to `ns` without packets; minutes that are over are closed. */
void telescope_advance(struct telescope *t, int64_t ns);

/* The clock was put back: closes all minutes; those that are told already begin anew. */
void telescope_restart(struct telescope *t);

/* Closes all open minutes: the end of the input. */
void telescope_flush(struct telescope *t);

const struct telescope_counts *telescope_counts(const struct telescope *t);

/* Different source addresses of all IPv4 and IPv6 packets, fragments included; exact to 1 M of each. */
#define TELESCOPE_EXACT_SOURCES ((size_t)1 << 20)
const struct distinct *telescope_distinct(const struct telescope *t, bool ip6);

/* Adds `b` to `a`: counts of another worker or file. */
void telescope_counts_add(struct telescope_counts *a, const struct telescope_counts *b);

/* Sources of the whole run (sum_sources): each once, in no order. */
void telescope_each_source(struct telescope *t, void (*fn)(void *arg, const struct source *), void *arg);
size_t telescope_source_count(const struct telescope *t);

/* Bytes held by all tables. */
size_t telescope_memory(const struct telescope *t);
