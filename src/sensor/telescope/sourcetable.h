// SPDX-License-Identifier: Apache-2.0
/* The sources of one minute: packets by class, marks of tools and the fields that stayed constant, two cache lines a source. */
#pragma once
#include "model/source.h"

struct sourcetable; /* opaque */

struct sourcetable_key {
	uint64_t hash;
	struct addr addr;
};

struct sourcetable *sourcetable_new(size_t max_sources, uint64_t seed);
void sourcetable_free(struct sourcetable *t);

/* Fills `k` for an IPv4 or IPv6 packet and asks the cache for its slot. */
void sourcetable_key(const struct sourcetable *t, const struct packet *p, struct sourcetable_key *k);

/*
 * Adds `n` packets. `tags` are the FLOW_* bits of each, `offset_ns` its time in the minute. A source that finds the
 * table full is counted in sourcetable_lost().
 */
struct sourcetable_packet {
	struct sourcetable_key key;
	const struct packet *packet;
	uint64_t offset_ns;
	uint16_t tags;
};
void sourcetable_add(struct sourcetable *t, const struct sourcetable_packet *in, size_t n);

size_t sourcetable_count(const struct sourcetable *t);
uint64_t sourcetable_lost(const struct sourcetable *t);

/* Every source, sorted by address; targets and ports are 0 and left to the caller. */
void sourcetable_each(struct sourcetable *t, int64_t minute, void (*fn)(void *arg, struct source *), void *arg);

/* The same without order and without times, for totals over a run. */
void sourcetable_sum(const struct sourcetable *t, void (*fn)(void *arg, const struct source *), void *arg);

/* The addresses alone, in no order. */
void sourcetable_addrs(const struct sourcetable *t, void (*fn)(void *arg, const struct addr *), void *arg);

void sourcetable_reset(struct sourcetable *t);
size_t sourcetable_memory(const struct sourcetable *t);
