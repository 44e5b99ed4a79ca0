// SPDX-License-Identifier: Apache-2.0
/*
 * 64-bit keys to small numbers, given out in order of first appearance: 0, 1, 2 ... The caller keeps what belongs to a
 * key in arrays of his own, by number. Forgets nothing by itself; has a limit, and counts what the limit refused.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDMAP_NONE UINT32_MAX

struct idmap {
	uint32_t *slots; /* 0: empty, else number + 1 */
	uint64_t *keys;	 /* by number */
	size_t n, n_slots, room, max;
	uint64_t seed, refused;
};

void idmap_init(struct idmap *m, size_t max, uint64_t seed);
void idmap_fini(struct idmap *m);

/* The number of the key, or IDMAP_NONE. */
uint32_t idmap_find(const struct idmap *m, uint64_t key);

/* The number of the key; `*fresh` when it was given out just now. IDMAP_NONE when the map is full. */
uint32_t idmap_take(struct idmap *m, uint64_t key, bool *fresh);

/*
 * The caller wrote the keys of numbers 0 .. n-1 anew, all different: the rest is forgotten, and memory given back when
 * little is left. For tables that are swept now and then.
 */
void idmap_rebuild(struct idmap *m, size_t n);

/* Bytes held. */
size_t idmap_bytes(const struct idmap *m);

/*
 * Makes room in an array that is kept beside the map: returns `array` with at least m->n elements of `size` bytes, new
 * ones zeroed. `*room` is the array's own count.
 */
void *idmap_room(void *array, size_t n, size_t *room, size_t size);
