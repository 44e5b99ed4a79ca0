// SPDX-License-Identifier: Apache-2.0
#include "base/idmap.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

void idmap_init(struct idmap *m, size_t max, uint64_t seed)
{
	ENSURE(max < UINT32_MAX);
	*m = (struct idmap){ .max = max, .seed = random_mix(seed ^ 0x69646d6170u) };
}

void idmap_fini(struct idmap *m)
{
	free(m->slots);
	free(m->keys);
	*m = (struct idmap){ 0 };
}

static size_t home(const struct idmap *m, uint64_t key)
{
	return random_mix(key ^ m->seed) & (m->n_slots - 1);
}

uint32_t idmap_find(const struct idmap *m, uint64_t key)
{
	if (!m->n_slots)
		return IDMAP_NONE;
	for (size_t i = home(m, key); m->slots[i]; i = (i + 1) & (m->n_slots - 1))
		if (m->keys[m->slots[i] - 1] == key)
			return m->slots[i] - 1;
	return IDMAP_NONE;
}

static void place_all(struct idmap *m, size_t n_slots)
{
	free(m->slots);
	m->n_slots = n_slots;
	m->slots = mem_new(n_slots * sizeof *m->slots);
	for (size_t k = 0; k < m->n; k++) {
		size_t i = home(m, m->keys[k]);
		while (m->slots[i])
			i = (i + 1) & (m->n_slots - 1);
		m->slots[i] = (uint32_t)k + 1;
	}
}

uint32_t idmap_take(struct idmap *m, uint64_t key, bool *fresh)
{
	*fresh = false;
	if ((m->n + 1) * 2 > m->n_slots)
		place_all(m, m->n_slots ? m->n_slots * 2 : 256);
	size_t i = home(m, key);
	for (; m->slots[i]; i = (i + 1) & (m->n_slots - 1))
		if (m->keys[m->slots[i] - 1] == key)
			return m->slots[i] - 1;
	if (m->n == m->max) {
		m->refused++;
		return IDMAP_NONE;
	}
	m->keys = idmap_room(m->keys, m->n + 1, &m->room, sizeof *m->keys);
	m->keys[m->n] = key;
	m->slots[i] = (uint32_t)++m->n;
	*fresh = true;
	return (uint32_t)m->n - 1;
}

void idmap_rebuild(struct idmap *m, size_t n)
{
	size_t n_slots = 256;
	ENSURE(n <= m->n);
	m->n = n;
	if (!m->n_slots)
		return;
	while (n_slots < (n + 1) * 2)
		n_slots *= 2;
	/* What shrinks now will grow again: keep twice the room. */
	n_slots = n_slots * 2 < m->n_slots ? n_slots * 2 : m->n_slots;
	place_all(m, n_slots);
	if (m->room > 4 * (n + 64)) {
		m->room = 2 * (n + 64);
		m->keys = mem_grow(m->keys, m->room * sizeof *m->keys);
	}
}

size_t idmap_bytes(const struct idmap *m)
{
	return m->n_slots * sizeof *m->slots + m->room * sizeof *m->keys;
}

void *idmap_room(void *array, size_t n, size_t *room, size_t size)
{
	if (n <= *room)
		return array;
	size_t more = *room ? *room * 2 : 64;
	while (more < n)
		more *= 2;
	array = mem_grow(array, more * size);
	memset((uint8_t *)array + *room * size, 0, (more - *room) * size);
	*room = more;
	return array;
}
