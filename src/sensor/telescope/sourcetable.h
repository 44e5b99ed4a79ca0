// SPDX-License-Identifier: Apache-2.0
/*
 * The sources of one minute (or of a whole run, for totals): packets by class, marks of tools and the fields that
 * stayed constant; one cache line an IPv4 source, because that line is what a packet costs.
 */
#pragma once
#include "model/source.h"
#include "sensor/telescope/tuple.h"

#define SOURCETABLE_BATCH 32

struct sourcetable; /* opaque */

/* Where keys hash to: good until the next call that changes the table. */
struct sourcetable_front {
	const uint32_t *slots;
	uint64_t seed[2];
	uint32_t mask;
};

/* `wide`: IPv6. `timed`: the times of a minute are kept; a table over a whole run has none. */
struct sourcetable *sourcetable_new(bool wide, bool timed, size_t max_sources, uint64_t seed);
void sourcetable_free(struct sourcetable *t);

struct sourcetable_front sourcetable_front(const struct sourcetable *t);

static inline uint64_t sourcetable_hash(const uint64_t seed[2], uint32_t addr4)
{
	return tuple_mix(addr4 ^ seed[0], seed[1]);
}

/* Sets the hash of an IPv4 tuple's source and asks the cache for its slot. */
static inline void sourcetable_key(const struct sourcetable_front *f, struct tuple *k)
{
	uint64_t h = sourcetable_hash(f->seed, (uint32_t)(k->word[0] >> 32));
	k->source_slot = (uint32_t)h;
	k->source_tag = (uint32_t)(h >> 32);
	__builtin_prefetch(&f->slots[k->source_slot & f->mask], 1);
}

/* The same for IPv6. */
void sourcetable_key_wide(const struct sourcetable *t, struct tuple *k);

/*
 * Asks the cache for the entries of `n` packets; then, after other work, adds them. A source that finds the table full
 * is lost and counted.
 */
void sourcetable_prefetch(struct sourcetable *t, struct tuple *keys, size_t n);
void sourcetable_add(struct sourcetable *t, const struct tuple *keys, size_t n);

size_t sourcetable_count(const struct sourcetable *t);
uint64_t sourcetable_lost(const struct sourcetable *t); /* packets */

/* Every source, sorted by address; targets and ports are 0 and left to the caller. The table must be reset before it is
 * used again. */
void sourcetable_each(struct sourcetable *t, int64_t minute, void (*fn)(void *arg, const struct source *), void *arg);

/* The same without order and without times, for totals over a run. */
void sourcetable_sum(const struct sourcetable *t, void (*fn)(void *arg, const struct source *), void *arg);

/* The addresses alone, in no order. */
void sourcetable_addrs(const struct sourcetable *t, void (*fn)(void *arg, const struct addr *), void *arg);

/* Most slots that a source in the table is away from where it hashes to, and the sum over all: for tests of the hash.
 */
size_t sourcetable_probes(const struct sourcetable *t, uint64_t *sum);

/* Touches memory for `n` sources now. */
void sourcetable_touch(struct sourcetable *t, size_t n);

void sourcetable_reset(struct sourcetable *t);
size_t sourcetable_memory(const struct sourcetable *t);
