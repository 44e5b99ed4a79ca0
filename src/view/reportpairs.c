// SPDX-License-Identifier: Apache-2.0
#include "view/reportpairs.h"

#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 65536u

void reportpairs_init(struct reportpairs *p, size_t max, uint64_t seed)
{
	*p = (struct reportpairs){ .max = max, .seed = random_mix(seed ^ 0x7061697273u) };
}

void reportpairs_fini(struct reportpairs *p)
{
	free(p->slots);
	*p = (struct reportpairs){ 0 };
}

static size_t home(const struct reportpairs *p, uint32_t host, uint32_t port)
{
	return random_mix(((uint64_t)host << 32 | port) ^ p->seed) & (p->n_slots - 1);
}

static void place(struct reportpairs *p, uint32_t host, uint32_t port)
{
	size_t i = home(p, host, port);
	while (p->slots[i].used) {
		if (p->slots[i].host == host && p->slots[i].port == port)
			return;
		i = (i + 1) & (p->n_slots - 1);
	}
	p->slots[i] = (struct reportpair){ .host = host, .port = port, .used = 1 };
	p->n++;
}

/* Places all that `stays` says into `n_slots` fresh slots. */
struct stay {
	const uint32_t *now;	/* NULL: numbers stay */
	const uint64_t *hashes; /* NULL: all stay */
	uint64_t mask;
};

static void again(struct reportpairs *p, size_t n_slots, const struct stay *stay)
{
	struct reportpair *old = p->slots;
	size_t old_n = p->n_slots;
	p->n_slots = n_slots;
	p->slots = mem_new(n_slots * sizeof *p->slots);
	p->n = 0;
	for (size_t i = 0; i < old_n; i++) {
		if (!old[i].used || (stay->hashes && stay->hashes[old[i].host] & stay->mask))
			continue;
		uint32_t host = stay->now ? stay->now[old[i].host] : old[i].host;
		if (host != UINT32_MAX)
			place(p, host, old[i].port);
	}
	free(old);
}

void reportpairs_add(struct reportpairs *p, const uint64_t *hashes, uint32_t host, uint32_t port)
{
	if (hashes[host] & ((UINT64_C(1) << p->level) - 1))
		return;
	while (p->n >= p->max) {
		p->level++;
		uint64_t mask = (UINT64_C(1) << p->level) - 1;
		again(p, p->n_slots, &(struct stay){ .hashes = hashes, .mask = mask });
	}
	if (hashes[host] & ((UINT64_C(1) << p->level) - 1))
		return;
	if ((p->n + 1) * 2 > p->n_slots)
		again(p, p->n_slots ? p->n_slots * 2 : FIRST_SLOTS, &(struct stay){ 0 });
	place(p, host, port);
}

void reportpairs_renumber(struct reportpairs *p, const uint32_t *now, unsigned level)
{
	if (level > p->level)
		p->level = level;
	if (p->n_slots)
		again(p, p->n_slots, &(struct stay){ .now = now });
}
