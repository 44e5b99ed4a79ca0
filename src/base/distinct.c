// SPDX-License-Identifier: Apache-2.0
#include "base/distinct.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS   1024u
#define REGISTERS     16384u
#define REGISTER_BITS 14

struct distinct {
	unsigned words;
	uint32_t *slots; /* keys; all zero: empty */
	size_t n_slots, n, max;
	bool zero; /* the key of zeros was seen */
	uint64_t seed;
	uint8_t *registers; /* once the limit was passed */
};

struct distinct *distinct_new(unsigned words, size_t max, uint64_t seed)
{
	struct distinct *d = mem_new(sizeof *d);
	ENSURE(words == 1 || words == 4);
	d->words = words;
	d->max = max;
	d->seed = random_mix(seed ^ 0x64697374u);
	return d;
}

void distinct_free(struct distinct *d)
{
	if (!d)
		return;
	mem_unmap(d->slots, d->n_slots * d->words * 4);
	free(d->registers);
	free(d);
}

static inline uint64_t hash(const struct distinct *d, const uint32_t *key)
{
	if (d->words == 1)
		return random_mix(key[0] ^ d->seed);
	uint64_t a, b;
	memcpy(&a, key, 8);
	memcpy(&b, key + 2, 8);
	return random_mix(random_mix(a ^ d->seed) ^ b);
}

static inline bool is_zero(const struct distinct *d, const uint32_t *key)
{
	return d->words == 1 ? key[0] == 0 : (key[0] | key[1] | key[2] | key[3]) == 0;
}

static inline bool same(const struct distinct *d, const uint32_t *a, const uint32_t *b)
{
	return d->words == 1 ? *a == *b : memcmp(a, b, 16) == 0;
}

/* The slot of the key, or the empty one where it would go. */
static inline uint32_t *slot(const struct distinct *d, const uint32_t *key)
{
	size_t mask = d->n_slots - 1, i = hash(d, key) & mask;
	uint32_t *s = d->slots + i * d->words;
	while (!same(d, s, key) && !is_zero(d, s)) {
		i = (i + 1) & mask;
		s = d->slots + i * d->words;
	}
	return s;
}

static void grow(struct distinct *d)
{
	struct distinct old = *d;
	d->n_slots = old.n_slots ? old.n_slots * 2 : FIRST_SLOTS;
	d->slots = mem_map(d->n_slots * d->words * 4);
	for (size_t i = 0; i < old.n_slots; i++) {
		const uint32_t *key = old.slots + i * d->words;
		if (!is_zero(d, key))
			memcpy(slot(d, key), key, d->words * 4);
	}
	mem_unmap(old.slots, old.n_slots * old.words * 4);
}

static void observe(struct distinct *d, const uint32_t *key)
{
	uint64_t h = random_mix(hash(d, key));
	uint64_t rest = h << REGISTER_BITS | (uint64_t)1 << (REGISTER_BITS - 1);
	uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
	uint8_t *r = &d->registers[h >> (64 - REGISTER_BITS)];
	if (rank > *r)
		*r = rank;
}

static void start_estimating(struct distinct *d)
{
	static const uint32_t zeros[4];
	d->registers = mem_new(REGISTERS);
	for (size_t i = 0; i < d->n_slots; i++) {
		const uint32_t *key = d->slots + i * d->words;
		if (!is_zero(d, key))
			observe(d, key);
	}
	if (d->zero)
		observe(d, zeros);
	mem_unmap(d->slots, d->n_slots * d->words * 4);
	d->slots = NULL;
	d->n_slots = 0;
}

void distinct_add(struct distinct *d, const uint32_t *key)
{
	if (__builtin_expect(d->registers != NULL, 0)) {
		observe(d, key);
		return;
	}
	if (__builtin_expect(is_zero(d, key), 0)) {
		d->n += !d->zero;
		d->zero = true;
		return;
	}
	if (__builtin_expect((d->n + 1) * 2 > d->n_slots, 0))
		grow(d);
	uint32_t *s = slot(d, key);
	if (!is_zero(d, s))
		return;
	if (d->n == d->max) {
		start_estimating(d);
		observe(d, key);
		return;
	}
	memcpy(s, key, d->words * 4);
	d->n++;
}

#define MANY 64

/* Slots are asked for before they are looked at. Only keys that are new or lie elsewhere take the usual way. */
static void add_some(struct distinct *d, const uint32_t *keys, size_t n)
{
	uint32_t at[MANY];
	size_t mask = d->n_slots - 1;
	const uint32_t *slots = d->slots;
	for (size_t i = 0; i < n; i++) {
		at[i] = (uint32_t)(hash(d, &keys[i]) & mask);
		__builtin_prefetch(&slots[at[i]], 1);
	}
	for (size_t i = 0; i < n; i++) {
		size_t k = at[i];
		while (slots[k] != keys[i] && slots[k] != 0)
			k = (k + 1) & mask;
		if (__builtin_expect(slots[k] != keys[i] || keys[i] == 0, 0)) {
			distinct_add(d, &keys[i]);
			if (d->slots != slots) {
				for (i++; i < n; i++)
					distinct_add(d, &keys[i]);
				return;
			}
		}
	}
}

void distinct_add_many(struct distinct *d, const uint32_t *keys, size_t n)
{
	ENSURE(d->words == 1);
	for (size_t i = 0; i < n; i += MANY) {
		size_t m = n - i < MANY ? n - i : MANY;
		if (d->slots) {
			add_some(d, keys + i, m);
			continue;
		}
		for (size_t k = 0; k < m; k++)
			distinct_add(d, &keys[i + k]);
	}
}

uint64_t distinct_count(const struct distinct *d)
{
	if (!d->registers)
		return d->n;
	double sum = 0, empty = 0, m = REGISTERS;
	for (unsigned i = 0; i < REGISTERS; i++) {
		sum += ldexp(1, -d->registers[i]);
		empty += d->registers[i] == 0;
	}
	double estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	if (estimate < 2.5 * m && empty > 0)
		estimate = m * log(m / empty);
	return (uint64_t)(estimate + 0.5);
}

bool distinct_exact(const struct distinct *d)
{
	return !d->registers;
}

void distinct_merge(struct distinct *a, const struct distinct *b)
{
	static const uint32_t zeros[4];
	ENSURE(a->words == b->words && a->seed == b->seed);
	if (b->registers) {
		if (!a->registers)
			start_estimating(a);
		for (unsigned i = 0; i < REGISTERS; i++)
			if (b->registers[i] > a->registers[i])
				a->registers[i] = b->registers[i];
		return;
	}
	if (b->zero)
		distinct_add(a, zeros);
	for (size_t i = 0; i < b->n_slots; i++)
		if (!is_zero(b, b->slots + i * b->words))
			distinct_add(a, b->slots + i * b->words);
}
