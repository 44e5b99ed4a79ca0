// SPDX-License-Identifier: Apache-2.0
/*
 * How many different addresses: exact up to a limit, then an estimate (HyperLogLog, Flajolet et al. 2007, 16,384
 * registers: about 0.8 % standard error) that says so. Merging is associative.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct distinct; /* opaque */

/* `words`: 32-bit words of a key, 1 or 4. Exact up to `max` keys. `seed` keys the hash. */
struct distinct *distinct_new(unsigned words, size_t max, uint64_t seed);
void distinct_free(struct distinct *d);

void distinct_add(struct distinct *d, const uint32_t *key);

/* The same for `n` keys of one word, faster when the set is larger than the caches. */
void distinct_add_many(struct distinct *d, const uint32_t *keys, size_t n);

uint64_t distinct_count(const struct distinct *d);
bool distinct_exact(const struct distinct *d);

/* Adds what `b` has; both with the same words and seed. */
void distinct_merge(struct distinct *a, const struct distinct *b);
