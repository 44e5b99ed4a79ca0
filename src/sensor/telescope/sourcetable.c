// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/sourcetable.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>

#define FIRST_SLOTS 1024u
#define CONSTANTS_ALL ((1u << CONST_N) - 1)

struct entry {
	struct addr addr;
	uint32_t by_class[CLASS_N];
	uint64_t bytes;
	uint32_t first, last;	/* low 32 of 36 bits; rest in `high` */
	uint32_t marks[MARK_N];
	uint32_t constant[CONST_N];
	uint8_t high, constants, ttl_min, ttl_max;
};
_Static_assert(sizeof(struct entry) == 128, "two cache lines a source");

struct sourcetable {
	uint32_t *slots;	/* 0: empty, else entry + 1 */
	struct entry *entries;
	size_t n_slots, n, room, max;
	uint64_t seed, lost;
};

struct sourcetable *sourcetable_new(size_t max_sources, uint64_t seed)
{
	struct sourcetable *t = mem_new(sizeof *t);
	t->max = max_sources;
	t->seed = random_mix(seed ^ 0x736f75726365u);
	return t;
}

void sourcetable_free(struct sourcetable *t)
{
	if (!t)
		return;
	mem_unmap(t->slots, t->n_slots * sizeof *t->slots);
	mem_unmap(t->entries, t->room * sizeof *t->entries);
	free(t);
}

static void grow(struct sourcetable *t)
{
	size_t slots = t->n_slots ? t->n_slots * 2 : FIRST_SLOTS, room = slots / 2;
	struct entry *entries = mem_map(room * sizeof *entries);
	if (t->n)
		memcpy(entries, t->entries, t->n * sizeof *entries);
	mem_unmap(t->entries, t->room * sizeof *t->entries);
	mem_unmap(t->slots, t->n_slots * sizeof *t->slots);
	t->entries = entries;
	t->room = room;
	t->slots = mem_map(slots * sizeof *t->slots);
	t->n_slots = slots;
	for (size_t i = 0; i < t->n; i++) {
		size_t at = addr_hash(&entries[i].addr, t->seed) & (slots - 1);
		while (t->slots[at])
			at = (at + 1) & (slots - 1);
		t->slots[at] = (uint32_t)(i + 1);
	}
}

void sourcetable_key(const struct sourcetable *t, const struct packet *p, struct sourcetable_key *k)
{
	k->addr = p->layer == LAYER_IP4 ? addr_from4(p->src4) : addr_from6(p->src6);
	k->hash = addr_hash(&k->addr, t->seed);
	if (t->slots)
		__builtin_prefetch(&t->slots[k->hash & (t->n_slots - 1)], 1);
}

static inline struct entry *lookup(struct sourcetable *t, const struct sourcetable_packet *in)
{
	size_t mask = t->n_slots - 1, i = in->key.hash & mask;
	for (; t->slots[i]; i = (i + 1) & mask) {
		struct entry *e = &t->entries[t->slots[i] - 1];
		if (addr_cmp(&e->addr, &in->key.addr) == 0)
			return e;
	}
	if (t->n == t->max)
		return NULL;
	struct entry *e = &t->entries[t->n++];
	t->slots[i] = (uint32_t)t->n;
	*e = (struct entry){
		.addr = in->key.addr,
		.first = (uint32_t)in->offset_ns,
		.last = (uint32_t)in->offset_ns,
		.high = (uint8_t)(in->offset_ns >> 32 | in->offset_ns >> 32 << 4),
		.constants = CONSTANTS_ALL,
		.ttl_min = in->packet->ttl,
		.ttl_max = in->packet->ttl,
	};
	return e;
}

static inline void constants(struct entry *e, const struct packet *p)
{
	uint32_t value[CONST_N] = {
		[CONST_SEQ] = p->seq,
		[CONST_SEQ_DST] = p->seq ^ p->dst4,
		[CONST_SEQ_DST_PORTS] = p->seq ^ p->dst4 ^ ((uint32_t)p->dport << 16 | p->sport),
		[CONST_IP_ID] = p->ip_id,
		[CONST_SPORT] = p->sport,
		[CONST_WINDOW] = p->window,
	};
	if (e->by_class[CLASS_TCP_SYN] == 1) {
		memcpy(e->constant, value, sizeof value);
		return;
	}
	unsigned same = 0;
	for (int k = 0; k < CONST_N; k++)
		same |= (unsigned)(e->constant[k] == value[k]) << k;
	e->constants &= (uint8_t)same;
}

static inline void update(struct entry *e, const struct sourcetable_packet *in)
{
	const struct packet *p = in->packet;
	uint64_t first = e->first | (uint64_t)(e->high & 15) << 32, last = e->last | (uint64_t)(e->high >> 4) << 32;
	if (in->offset_ns > last)
		last = in->offset_ns;
	if (in->offset_ns < first)
		first = in->offset_ns;
	e->first = (uint32_t)first;
	e->last = (uint32_t)last;
	e->high = (uint8_t)(first >> 32 | last >> 32 << 4);
	e->bytes += p->ip_len;
	if (p->ttl < e->ttl_min)
		e->ttl_min = p->ttl;
	if (p->ttl > e->ttl_max)
		e->ttl_max = p->ttl;
	e->by_class[p->cls]++;
	for (int k = 0; k < MARK_N; k++)
		e->marks[k] += in->tags >> k & 1;
	if (p->cls == CLASS_TCP_SYN && e->constants)
		constants(e, p);
}

void sourcetable_add(struct sourcetable *t, const struct sourcetable_packet *in, size_t n)
{
	while (t->n + n > t->room)
		grow(t);
	for (size_t i = 0; i < n; i++) {
		uint32_t slot = t->slots[in[i].key.hash & (t->n_slots - 1)];
		if (slot) {
			__builtin_prefetch(&t->entries[slot - 1], 1);
			__builtin_prefetch((char *)&t->entries[slot - 1] + 64, 1);
		}
	}
	for (size_t i = 0; i < n; i++) {
		struct entry *e = lookup(t, &in[i]);
		if (e)
			update(e, &in[i]);
		else
			t->lost++;
	}
}

size_t sourcetable_count(const struct sourcetable *t)
{
	return t->n;
}

uint64_t sourcetable_lost(const struct sourcetable *t)
{
	return t->lost;
}

static uint64_t packets_of(const struct entry *e)
{
	uint64_t n = 0;
	for (int c = 0; c < CLASS_N; c++)
		n += e->by_class[c];
	return n;
}

static int compare(const void *a, const void *b)
{
	return addr_cmp(&((const struct entry *)a)->addr, &((const struct entry *)b)->addr);
}

static struct source unpack(const struct entry *e, int64_t minute)
{
	struct source s = {
		.addr = e->addr,
		.minute = minute,
		.first_ns = minute * MINUTE_NS + (int64_t)(e->first | (uint64_t)(e->high & 15) << 32),
		.last_ns = minute * MINUTE_NS + (int64_t)(e->last | (uint64_t)(e->high >> 4) << 32),
		.packets = packets_of(e),
		.bytes = e->bytes,
		.syns = e->by_class[CLASS_TCP_SYN],
		.constants = e->constants,
		.ttl_min = e->ttl_min,
		.ttl_max = e->ttl_max,
	};
	memcpy(s.by_class, e->by_class, sizeof s.by_class);
	memcpy(s.marks, e->marks, sizeof s.marks);
	memcpy(s.constant, e->constant, sizeof s.constant);
	return s;
}

void sourcetable_each(struct sourcetable *t, int64_t minute, void (*fn)(void *arg, struct source *), void *arg)
{
	/* Sorting in place makes the slots stale: the table must be reset before it is used again. */
	qsort(t->entries, t->n, sizeof *t->entries, compare);
	for (size_t i = 0; i < t->n; i++) {
		struct source s = unpack(&t->entries[i], minute);
		fn(arg, &s);
	}
}

void sourcetable_sum(const struct sourcetable *t, void (*fn)(void *arg, const struct source *), void *arg)
{
	for (size_t i = 0; i < t->n; i++) {
		struct source s = unpack(&t->entries[i], 0);
		fn(arg, &s);
	}
}

void sourcetable_addrs(const struct sourcetable *t, void (*fn)(void *arg, const struct addr *), void *arg)
{
	for (size_t i = 0; i < t->n; i++)
		fn(arg, &t->entries[i].addr);
}

void sourcetable_reset(struct sourcetable *t)
{
	if (t->slots)
		memset(t->slots, 0, t->n_slots * sizeof *t->slots);
	t->n = 0;
	t->lost = 0;
}

size_t sourcetable_memory(const struct sourcetable *t)
{
	return t->n_slots * sizeof *t->slots + t->room * sizeof *t->entries;
}
