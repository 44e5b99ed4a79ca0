// SPDX-License-Identifier: Apache-2.0
#include "response/alert/alert_impl.h"

#include "base/random.h"

#include <stdlib.h>

void alert_memory_init(struct alert_memory *k, size_t max, uint64_t seed)
{
	memset(k, 0, sizeof *k);
	k->max = max;
	k->seed = seed;
	for (int i = 0; i < 2; i++)
		idmap_init(&k->map[i], max, seed);
}

void alert_memory_fini(struct alert_memory *k)
{
	for (int i = 0; i < 2; i++) {
		idmap_fini(&k->map[i]);
		free(k->entries[i]);
	}
}

static uint64_t key_of(const struct alert_memory *k, const char *subject, const char *channel)
{
	uint64_t h = k->seed;
	for (const char *s = subject; *s; s++)
		h = random_mix(h ^ (uint8_t)*s) + 0x9e3779b97f4a7c15u;
	h = random_mix(h ^ 0x1ff);
	for (const char *s = channel; *s; s++)
		h = random_mix(h ^ (uint8_t)*s) + 0x9e3779b97f4a7c15u;
	return h;
}

static void rotate(struct alert_memory *k)
{
	idmap_fini(&k->map[1]);
	free(k->entries[1]);
	k->map[1] = k->map[0];
	k->entries[1] = k->entries[0];
	k->room[1] = k->room[0];
	idmap_init(&k->map[0], k->max, k->seed);
	k->entries[0] = NULL;
	k->room[0] = 0;
	k->forgotten++;
}

static void put(struct alert_memory *k, uint64_t key, const struct alert_entry *e)
{
	bool fresh;
	uint32_t i = idmap_find(&k->map[0], key);
	if (i == IDMAP_NONE && k->map[0].n >= k->max)
		rotate(k);
	i = idmap_take(&k->map[0], key, &fresh);
	ENSURE(i != IDMAP_NONE);
	k->entries[0] = idmap_room(k->entries[0], k->map[0].n, &k->room[0], sizeof *e);
	k->entries[0][i] = *e;
}

const struct alert_entry *alert_memory_get(struct alert_memory *k, const char *subject, const char *channel)
{
	uint64_t key = key_of(k, subject, channel);
	uint32_t i = idmap_find(&k->map[0], key);
	if (i != IDMAP_NONE)
		return &k->entries[0][i];
	i = idmap_find(&k->map[1], key);
	if (i == IDMAP_NONE)
		return NULL;
	/* What is asked for stays. */
	struct alert_entry e = k->entries[1][i];
	put(k, key, &e);
	return &k->entries[0][idmap_find(&k->map[0], key)];
}

void alert_memory_put(struct alert_memory *k, const char *subject, const char *channel, const struct alert_entry *e)
{
	put(k, key_of(k, subject, channel), e);
}
