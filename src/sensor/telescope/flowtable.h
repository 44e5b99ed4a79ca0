// SPDX-License-Identifier: Apache-2.0
/*
 * The flows of one minute: an append-only array of packed records and a table of 32-bit slots over it. A new key costs one random cache
 * line (the slot); the record goes to the end of the array, so that closing a minute walks memory in order.
 *
 * When `max_flows` records are in use, further new keys are folded to (source /24 or /48, destination port, protocol): a flood
 * of invented sources can't push out what is already there, and can't take more memory. Folded packets are counted.
 */
#pragma once
#include "model/flow.h"

#define FLOWTABLE_BATCH 64

struct flowtable; /* opaque */

/* What the table wants to know of one packet. Filled by flowtable_key(). */
struct flowtable_key {
	uint64_t hash;
	uint64_t word[5];	/* IPv4: 2 words, IPv6: 5 */
	uint64_t offset_ns;	/* since the start of the minute, < 60e9 */
	uint16_t tags;
	uint8_t flags;		/* TCP */
	uint8_t cls;
	uint32_t slot;		/* used by flowtable_add() */
};

struct flowtable_counts {
	uint64_t flows;		/* records in use */
	uint64_t folded;	/* packets that went to a folded key */
	uint64_t lost;		/* packets not even a folded key had room for */
};

/* `wide`: IPv6. `seed` keys the hash; the output does not depend on it. */
struct flowtable *flowtable_new(bool wide, size_t max_flows, uint64_t seed);
void flowtable_free(struct flowtable *t);

/* Fills `k` and asks the cache for its slot. */
void flowtable_key(const struct flowtable *t, const struct packet *p, uint64_t offset_ns, struct flowtable_key *k);

/* Adds `n` (<= FLOWTABLE_BATCH) packets prepared by flowtable_key(), in order. */
void flowtable_add(struct flowtable *t, struct flowtable_key *keys, size_t n);

struct flowtable_counts flowtable_counts(const struct flowtable *t);

/*
 * Every flow, in the order of their first packets or `sorted` by (source, destination port, destination, rest of the key). `minute_ns` is
 * the minute's start.
 */
void flowtable_each(struct flowtable *t, int64_t minute_ns, bool sorted, void (*fn)(void *arg, const struct flow *), void *arg);

/* Empties the table and keeps its memory. */
void flowtable_reset(struct flowtable *t);

/* Bytes of memory held. */
size_t flowtable_memory(const struct flowtable *t);
