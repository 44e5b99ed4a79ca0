// SPDX-License-Identifier: Apache-2.0
/*
 * The sources of one minute (or of a whole run, for totals): packets by class, marks of tools and the fields that stayed constant; one
 * cache line an IPv4 source, because that line is what a packet costs.
 */
#pragma once
#include "model/source.h"

struct sourcetable; /* opaque */

/* What the table wants to know of one packet. Filled by sourcetable_key(). */
struct sourcetable_packet {
	uint64_t hash;
	const struct packet *packet;
	uint64_t offset_ns;	/* time in the minute */
	uint16_t tags;		/* FLOW_* bits */
	uint32_t slot;		/* where sourcetable_prefetch() stopped looking */
};

/* `wide`: IPv6. */
struct sourcetable *sourcetable_new(bool wide, size_t max_sources, uint64_t seed);
void sourcetable_free(struct sourcetable *t);

/* Sets the packet's hash and asks the cache for its slot. */
void sourcetable_key(const struct sourcetable *t, struct sourcetable_packet *in);

/* Asks the cache for the entries of `n` packets; then, after other work, adds them. A source that finds the table full is lost and counted. */
void sourcetable_prefetch(struct sourcetable *t, struct sourcetable_packet *in, size_t n);
void sourcetable_add(struct sourcetable *t, const struct sourcetable_packet *in, size_t n);

size_t sourcetable_count(const struct sourcetable *t);
uint64_t sourcetable_lost(const struct sourcetable *t); /* packets */

/* Every source, sorted by address; targets and ports are 0 and left to the caller. The table must be reset before it is used again. */
void sourcetable_each(struct sourcetable *t, int64_t minute, void (*fn)(void *arg, const struct source *), void *arg);

/* The same without order and without times, for totals over a run. */
void sourcetable_sum(const struct sourcetable *t, void (*fn)(void *arg, const struct source *), void *arg);

/* The addresses alone, in no order. */
void sourcetable_addrs(const struct sourcetable *t, void (*fn)(void *arg, const struct addr *), void *arg);

void sourcetable_reset(struct sourcetable *t);
size_t sourcetable_memory(const struct sourcetable *t);
