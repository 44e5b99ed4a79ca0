// SPDX-License-Identifier: Apache-2.0
/*
 * The flows of one minute: an append-only array of packed records and a table of 32-bit slots over it. A new key costs
 * one random cache line (the slot); the record goes to the end of the array, so that closing a minute walks memory in
 * order.
 *
 * When `max_flows` records are in use, further new keys are folded to (source /24 or /48, destination port, protocol):
 * a flood of invented sources can't push out what is already there, and can't take more memory. Folded packets are
 * counted.
 */
#pragma once
#include "sensor/telescope/tuple.h"

#define FLOWTABLE_BATCH 32

struct flowtable; /* opaque */

/* Where keys hash to: good until the next call that changes the table. */
struct flowtable_front {
	const uint32_t *slots;
	uint64_t seed[2];
	uint32_t mask;
};

struct flowtable_counts {
	uint64_t flows;	 /* records in use */
	uint64_t folded; /* packets that went to a folded key */
	uint64_t lost;	 /* packets not even a folded key had room for */
};

/* `wide`: IPv6. `seed` keys the hash; the output does not depend on it. */
struct flowtable *flowtable_new(bool wide, size_t max_flows, uint64_t seed);
void flowtable_free(struct flowtable *t);

struct flowtable_front flowtable_front(const struct flowtable *t);

static inline uint64_t flowtable_hash(const uint64_t seed[2], uint64_t a, uint64_t b, uint8_t flags)
{
	return tuple_mix(a ^ seed[0], b ^ seed[1] ^ flags * 0xa0761d6478bd642fu);
}

/* Sets the hash of an IPv4 tuple and asks the cache for its slot. */
static inline void flowtable_key(const struct flowtable_front *f, struct tuple *k)
{
	uint64_t h = flowtable_hash(f->seed, k->word[0], k->word[1], k->flags);
	k->flow_slot = (uint32_t)h;
	k->flow_tag = (uint32_t)(h >> 32);
	__builtin_prefetch(&f->slots[k->flow_slot & f->mask], 1);
}

/* The same for IPv6. */
void flowtable_key_wide(const struct flowtable *t, struct tuple *k);

/* Asks the cache for records that keys of this batch may repeat. */
void flowtable_prefetch(const struct flowtable *t, const struct tuple *keys, size_t n);

/* Adds `n` (<= FLOWTABLE_BATCH) packets whose hash is set, in order. */
void flowtable_add(struct flowtable *t, const struct tuple *keys, size_t n);

struct flowtable_counts flowtable_counts(const struct flowtable *t);

/*
 * Every flow, in the order of their first packets or `sorted` by (source, destination port, destination, rest of the
 * key). `minute_ns` is the minute's start.
 */
void flowtable_each(
	struct flowtable *t, int64_t minute_ns, bool sorted, void (*fn)(void *arg, const struct flow *), void *arg);

/* Moves all flows to the empty table `to` of the same kind, whose memory was used before: so that it is used again. */
void flowtable_move(struct flowtable *to, struct flowtable *from);

/* Touches memory for `n` flows now: where nothing may wait later for a page to be cleared. */
void flowtable_touch(struct flowtable *t, size_t n);

/* Empties the table and keeps its memory. */
void flowtable_reset(struct flowtable *t);

/* Most slots that a key in the table is away from where it hashes to, and the sum over all keys: for tests of the hash.
 */
size_t flowtable_probes(const struct flowtable *t, uint64_t *sum);

/* Bytes of memory held. */
size_t flowtable_memory(const struct flowtable *t);
