// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/sourcetable.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>

#define FIRST_SLOTS 2048u
#define CONSTANTS_ALL ((1u << CONST_N) - 1)
#define COUNTERS (CLASS_N + MARK_N)

/*
 * Counters have 16 bits; what they carry over goes to a small table on the side. Constant fields are kept as 16-bit hashes: two different
 * values look the same once in 65,536, far below what a rule asks for.
 */
struct entry {
	uint64_t constant_low;		/* CONST_SEQ .. CONST_IP_ID */
	uint32_t constant_high;		/* CONST_SPORT, CONST_WINDOW */
	uint32_t addr4;
	uint32_t bytes;
	uint32_t first, last;		/* low 32 of 36 bits of the time in the minute */
	uint8_t constants, high;	/* high: bits 32..35 of first and last */
	uint16_t counter[COUNTERS];	/* by class, then marks */
};
_Static_assert(sizeof(struct entry) == 64, "one cache line a source");

enum { CARRY_BYTES = COUNTERS };

struct carry {
	uint32_t entry;		/* + 1; 0: empty */
	uint32_t field;
	uint64_t n;		/* times 2^16, bytes times 2^32 */
};

struct sourcetable {
	uint32_t *slots;	/* 0: empty, else (entry + 1) | tag << index_bits */
	unsigned index_bits;
	struct entry *entries;
	struct addr *wide;	/* IPv6 addresses, by entry */
	size_t n_slots, n, max;
	size_t touched;		/* most entries ever in use */
	struct carry *carries;
	size_t n_carries, room_carries;
	uint64_t seed, lost;
};

struct sourcetable *sourcetable_new(bool wide, size_t max_sources, uint64_t seed)
{
	struct sourcetable *t = mem_new(sizeof *t);
	t->max = max_sources;
	t->seed = random_mix(seed ^ 0x736f75726365u);
	ENSURE(max_sources >= 1 && max_sources < (1u << 28));
	t->index_bits = 1;
	while ((size_t)1 << t->index_bits <= max_sources)
		t->index_bits++;
	t->entries = mem_map(max_sources * sizeof *t->entries);
	if (wide)
		t->wide = mem_map(max_sources * sizeof *t->wide);
	return t;
}

void sourcetable_free(struct sourcetable *t)
{
	if (!t)
		return;
	mem_unmap(t->slots, t->n_slots * sizeof *t->slots);
	mem_unmap(t->entries, t->max * sizeof *t->entries);
	mem_unmap(t->wide, t->max * sizeof *t->wide);
	free(t->carries);
	free(t);
}

static inline uint64_t hash4(const struct sourcetable *t, uint32_t addr)
{
	return random_mix(addr ^ t->seed);
}

static uint64_t hash_entry(const struct sourcetable *t, size_t i)
{
	return t->wide ? addr_hash(&t->wide[i], t->seed) : hash4(t, t->entries[i].addr4);
}

/* Upper hash bits beside the entry's number: only a true match (or one false in many) makes a lookup touch the entry. */
static inline uint32_t slot_tag(const struct sourcetable *t, uint64_t hash)
{
	return (uint32_t)(hash >> 32) >> t->index_bits << t->index_bits;
}

static void grow(struct sourcetable *t)
{
	size_t slots = t->n_slots ? t->n_slots * 2 : FIRST_SLOTS;
	mem_unmap(t->slots, t->n_slots * sizeof *t->slots);
	t->slots = mem_map(slots * sizeof *t->slots);
	t->n_slots = slots;
	for (size_t i = 0; i < t->n; i++) {
		uint64_t hash = hash_entry(t, i);
		size_t at = hash & (slots - 1);
		while (t->slots[at])
			at = (at + 1) & (slots - 1);
		t->slots[at] = (uint32_t)(i + 1) | slot_tag(t, hash);
	}
}

void sourcetable_key(const struct sourcetable *t, struct sourcetable_packet *in)
{
	if (t->wide) {
		struct addr a = addr_from6(in->packet->src6);
		in->hash = addr_hash(&a, t->seed);
	} else {
		in->hash = hash4(t, in->packet->src4);
	}
	if (t->slots)
		__builtin_prefetch(&t->slots[in->hash & (t->n_slots - 1)], 1);
}

void sourcetable_prefetch(struct sourcetable *t, struct sourcetable_packet *in, size_t n)
{
	while (t->n + n > t->n_slots / 2)
		grow(t);
	size_t mask = t->n_slots - 1;
	uint32_t index = ((uint32_t)1 << t->index_bits) - 1;
	for (size_t i = 0; i < n; i++) {
		size_t at = in[i].hash & mask;
		uint32_t tag = slot_tag(t, in[i].hash);
		while (t->slots[at] && (t->slots[at] & ~index) != tag)
			at = (at + 1) & mask;
		in[i].slot = (uint32_t)at;
		if (t->slots[at])
			__builtin_prefetch(&t->entries[(t->slots[at] & index) - 1], 1);
	}
}

static inline bool is(const struct sourcetable *t, size_t e, const struct packet *p)
{
	return t->wide ? memcmp(&t->wide[e], p->src6, 16) == 0 : t->entries[e].addr4 == p->src4;
}

static struct entry *append(struct sourcetable *t, const struct sourcetable_packet *in, size_t slot)
{
	if (t->n == t->max)
		return NULL;
	struct entry *e = &t->entries[t->n];
	if (t->wide)
		memcpy(&t->wide[t->n], in->packet->src6, 16);
	t->slots[slot] = (uint32_t)++t->n | slot_tag(t, in->hash);
	memset(e, 0, sizeof *e);
	e->addr4 = in->packet->src4;
	e->first = e->last = (uint32_t)in->offset_ns;
	e->high = (uint8_t)(in->offset_ns >> 32 | in->offset_ns >> 32 << 4);
	e->constants = CONSTANTS_ALL;
	return e;
}

static inline struct entry *lookup(struct sourcetable *t, const struct sourcetable_packet *in)
{
	size_t mask = t->n_slots - 1, i = in->slot;
	uint32_t tag = slot_tag(t, in->hash), index = ((uint32_t)1 << t->index_bits) - 1;
	for (; t->slots[i]; i = (i + 1) & mask) {
		size_t e = (t->slots[i] & index) - 1;
		if ((t->slots[i] & ~index) == tag && is(t, e, in->packet))
			return &t->entries[e];
	}
	return append(t, in, i);
}

static __attribute__((noinline)) void carry(struct sourcetable *t, const struct entry *e, uint32_t field)
{
	uint32_t entry = (uint32_t)(e - t->entries) + 1;
	for (size_t i = 0; i < t->n_carries; i++)
		if (t->carries[i].entry == entry && t->carries[i].field == field) {
			t->carries[i].n++;
			return;
		}
	if (t->n_carries == t->room_carries) {
		t->room_carries = t->room_carries ? t->room_carries * 2 : 64;
		t->carries = mem_grow(t->carries, t->room_carries * sizeof *t->carries);
	}
	t->carries[t->n_carries++] = (struct carry){ entry, field, 1 };
}

static inline void bump(struct sourcetable *t, struct entry *e, unsigned field)
{
	if (__builtin_expect(++e->counter[field] == 0, 0))
		carry(t, e, field);
}

static inline uint16_t fold16(uint32_t v)
{
	return (uint16_t)(v ^ v >> 16);
}

/* The six fields as 16-bit lanes: four in `low`, two in `high`. */
static inline void lanes(const struct packet *p, uint64_t *low, uint32_t *high)
{
	uint32_t keyed = p->seq ^ p->dst4;
	*low = (uint64_t)fold16(p->seq) | (uint64_t)fold16(keyed) << 16 |
		(uint64_t)fold16(keyed ^ ((uint32_t)p->dport << 16 | p->sport)) << 32 | (uint64_t)p->ip_id << 48;
	*high = p->sport | (uint32_t)p->window << 16;
}

static inline unsigned zero_lane(uint64_t diff, unsigned lane)
{
	return (unsigned)((diff >> lane * 16 & 0xffff) == 0);
}

static inline void constants(struct entry *e, const struct packet *p)
{
	uint64_t low;
	uint32_t high;
	lanes(p, &low, &high);
	if (e->counter[CLASS_TCP_SYN] == 0 && e->constants == CONSTANTS_ALL) {
		e->constant_low = low;
		e->constant_high = high;
		return;
	}
	low ^= e->constant_low;
	high ^= e->constant_high;
	e->constants &= (uint8_t)(zero_lane(low, CONST_SEQ) | zero_lane(low, CONST_SEQ_DST) << CONST_SEQ_DST |
		zero_lane(low, CONST_SEQ_DST_PORTS) << CONST_SEQ_DST_PORTS | zero_lane(low, CONST_IP_ID) << CONST_IP_ID |
		zero_lane(high, 0) << CONST_SPORT | zero_lane(high, 1) << CONST_WINDOW);
}

static inline void update(struct sourcetable *t, struct entry *e, const struct sourcetable_packet *in)
{
	const struct packet *p = in->packet;
	uint64_t first = e->first | (uint64_t)(e->high & 15) << 32, last = e->last | (uint64_t)(e->high >> 4) << 32;
	last = in->offset_ns > last ? in->offset_ns : last;
	first = in->offset_ns < first ? in->offset_ns : first;
	e->first = (uint32_t)first;
	e->last = (uint32_t)last;
	e->high = (uint8_t)(first >> 32 | last >> 32 << 4);
	if (__builtin_expect(__builtin_add_overflow(e->bytes, p->ip_len, &e->bytes), 0))
		carry(t, e, CARRY_BYTES);
	if (p->cls == CLASS_TCP_SYN && e->constants)
		constants(e, p);
	bump(t, e, p->cls);
	for (unsigned marks = in->tags & ((1u << MARK_N) - 1); marks; marks &= marks - 1)
		bump(t, e, CLASS_N + (unsigned)__builtin_ctz(marks));
}

void sourcetable_add(struct sourcetable *t, const struct sourcetable_packet *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct entry *e = lookup(t, &in[i]);
		if (e)
			update(t, e, &in[i]);
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

static void add_carries(const struct sourcetable *t, size_t entry, struct source *s)
{
	for (size_t i = 0; i < t->n_carries; i++) {
		const struct carry *c = &t->carries[i];
		if (c->entry != entry + 1)
			continue;
		if (c->field == CARRY_BYTES)
			s->bytes += c->n << 32;
		else if (c->field >= CLASS_N)
			s->marks[c->field - CLASS_N] += (uint32_t)(c->n << 16);
		else
			s->by_class[c->field] += (uint32_t)(c->n << 16);
	}
}

static struct source unpack(const struct sourcetable *t, size_t i, int64_t minute)
{
	const struct entry *e = &t->entries[i];
	struct source s = {
		.addr = t->wide ? t->wide[i] : addr_from4(e->addr4),
		.minute = minute,
		.first_ns = minute * MINUTE_NS + (int64_t)(e->first | (uint64_t)(e->high & 15) << 32),
		.last_ns = minute * MINUTE_NS + (int64_t)(e->last | (uint64_t)(e->high >> 4) << 32),
		.bytes = e->bytes,
		.constants = e->constants,
	};
	for (int c = 0; c < CLASS_N; c++)
		s.by_class[c] = e->counter[c];
	for (int m = 0; m < MARK_N; m++)
		s.marks[m] = e->counter[CLASS_N + m];
	if (t->n_carries)
		add_carries(t, i, &s);
	for (int c = 0; c < CLASS_N; c++)
		s.packets += s.by_class[c];
	s.syns = s.by_class[CLASS_TCP_SYN];
	return s;
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct sourcetable *t = arg;
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
	if (t->wide)
		return addr_cmp(&t->wide[a], &t->wide[b]);
	return t->entries[a].addr4 < t->entries[b].addr4 ? -1 : t->entries[a].addr4 > t->entries[b].addr4;
}

void sourcetable_each(struct sourcetable *t, int64_t minute, void (*fn)(void *arg, const struct source *), void *arg)
{
	uint32_t *order = mem_new(t->n * sizeof *order);
	for (size_t i = 0; i < t->n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, t->n, sizeof *order, compare, t);
	for (size_t i = 0; i < t->n; i++) {
		struct source s = unpack(t, order[i], minute);
		fn(arg, &s);
	}
	free(order);
}

void sourcetable_sum(const struct sourcetable *t, void (*fn)(void *arg, const struct source *), void *arg)
{
	for (size_t i = 0; i < t->n; i++) {
		struct source s = unpack(t, i, 0);
		fn(arg, &s);
	}
}

void sourcetable_addrs(const struct sourcetable *t, void (*fn)(void *arg, const struct addr *), void *arg)
{
	for (size_t i = 0; i < t->n; i++) {
		struct addr a = t->wide ? t->wide[i] : addr_from4(t->entries[i].addr4);
		fn(arg, &a);
	}
}

void sourcetable_reset(struct sourcetable *t)
{
	if (t->n > t->touched)
		t->touched = t->n;
	if (t->slots)
		memset(t->slots, 0, t->n_slots * sizeof *t->slots);
	t->n = t->n_carries = 0;
	t->lost = 0;
}

size_t sourcetable_memory(const struct sourcetable *t)
{
	size_t n = t->touched > t->n ? t->touched : t->n;
	return t->n_slots * sizeof *t->slots + n * (sizeof *t->entries + (t->wide ? sizeof *t->wide : 0));
}
