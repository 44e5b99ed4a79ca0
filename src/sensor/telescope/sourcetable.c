// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/sourcetable.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define FIRST_SLOTS   2048u
#define BUSY_SLOTS    32768u /* from here on huge pages pay */
#define CONSTANTS_ALL ((1u << CONST_N) - 1)
#define COUNTERS      (CLASS_N + MARK_N)
#define LOW	      28
#define LOW_MASK      (((uint64_t)1 << LOW) - 1)
#define LANES	      0x0001000100010001u
#define FULL	      0x8000u /* a counter that reaches it gives so much to a carry */

enum { CARRIED = 1 << 6, SYN_SEEN = 1 << 7 };
_Static_assert(CONST_N == 6 && MARK_N == 5 && MARK_NMAP == 4, "bits of `constants`; marks: four lanes and one");

/*
 * Counters have 15 bits; what they carry over goes to a small table on the side. Constant fields are kept as 16-bit
 * hashes: two different values look the same once in 65,536, far below what a rule asks for.
 */
struct entry {
	uint64_t constant_low;	/* CONST_SEQ .. CONST_IP_ID */
	uint32_t constant_high; /* CONST_SPORT, CONST_WINDOW */
	uint32_t addr4;
	uint64_t last_first; /* time in the minute, 36 bits: last in the upper ones, the lower 28 of first */
	uint64_t marks;	     /* ZMAP_ID .. MIRAI */
	uint32_t bytes;
	uint16_t nmap;
	uint8_t first_high;
	uint8_t constants; /* with CARRIED and SYN_SEEN */
	uint16_t by_class[CLASS_N];
};
_Static_assert(offsetof(struct entry, constant_high) == 8 &&
		       offsetof(struct tuple, constants_high) - offsetof(struct tuple, constants_low) == 8,
	"compared as one vector of eight");
_Static_assert(sizeof(struct entry) == 64, "one cache line a source");

enum { CARRY_BYTES = COUNTERS };

struct carry {
	uint32_t entry;
	uint32_t field;
	uint64_t n; /* times FULL, bytes times 2^32 */
};

struct sourcetable {
	uint32_t *slots;     /* 0: empty, else (entry + 1) | tag above index_mask */
	uint32_t index_mask; /* the bits of a slot that are an entry's number; the others are a tag */
	struct entry *entries;
	struct addr *wide; /* IPv6 addresses, by entry */
	size_t n_slots, room_slots, n, max;
	size_t touched; /* most entries ever in use */
	struct carry *carries;
	size_t n_carries, room_carries;
	uint64_t seed[2], lost;
	uint64_t time_mask; /* 0: no times are kept */
};

struct sourcetable *sourcetable_new(bool wide, bool timed, size_t max_sources, uint64_t seed)
{
	struct sourcetable *t = mem_new(sizeof *t);
	t->max = max_sources;
	t->seed[0] = random_mix(seed ^ 0x736f75726365u);
	t->seed[1] = random_mix(t->seed[0] + 0x9e3779b97f4a7c15u) | 1;
	t->time_mask = timed ? UINT64_MAX : 0;
	ENSURE(max_sources >= 1 && max_sources < (1u << 28));
	t->index_mask = 1;
	while (t->index_mask < max_sources)
		t->index_mask = t->index_mask << 1 | 1;
	t->entries = mem_map(max_sources * sizeof *t->entries);
	if (wide)
		t->wide = mem_map(max_sources * sizeof *t->wide);
	t->n_slots = FIRST_SLOTS;
	t->room_slots = FIRST_SLOTS;
	while (t->room_slots / 2 < max_sources + SOURCETABLE_BATCH)
		t->room_slots *= 2;
	t->slots = mem_map(t->room_slots * sizeof *t->slots);
	return t;
}

void sourcetable_free(struct sourcetable *t)
{
	if (!t)
		return;
	mem_unmap(t->slots, t->room_slots * sizeof *t->slots);
	mem_unmap(t->entries, t->max * sizeof *t->entries);
	mem_unmap(t->wide, t->max * sizeof *t->wide);
	free(t->carries);
	free(t);
}

static inline uint64_t hash_wide(const struct sourcetable *t, const uint8_t *addr)
{
	uint64_t w[2];
	memcpy(w, addr, 16);
	return tuple_mix(w[0] ^ t->seed[0], w[1] ^ t->seed[1]);
}

static uint64_t hash_entry(const struct sourcetable *t, size_t i)
{
	return t->wide ? hash_wide(t, t->wide[i].b) : sourcetable_hash(t->seed, t->entries[i].addr4);
}

/* Upper hash bits beside the entry's number: only a true match (or one false in many) makes a lookup touch the entry.
 */
static inline uint32_t slot_of(const struct sourcetable *t, size_t e, uint32_t tag)
{
	return (uint32_t)(e + 1) | (tag & ~t->index_mask);
}

static void grow(struct sourcetable *t)
{
	size_t slots = t->n_slots * 2;
	memset(t->slots, 0, t->n_slots * sizeof *t->slots);
	t->n_slots = slots;
	ENSURE(slots <= t->room_slots);
	if (slots >= BUSY_SLOTS) {
		mem_busy(t->entries, t->max * sizeof *t->entries);
		mem_busy(t->wide, t->wide ? t->max * sizeof *t->wide : 0);
		mem_busy(t->slots, t->room_slots * sizeof *t->slots);
	}
	for (size_t i = 0; i < t->n; i++) {
		uint64_t hash = hash_entry(t, i);
		size_t at = hash & (slots - 1);
		while (t->slots[at])
			at = (at + 1) & (slots - 1);
		t->slots[at] = slot_of(t, i, (uint32_t)(hash >> 32));
	}
}

struct sourcetable_front sourcetable_front(const struct sourcetable *t)
{
	return (struct sourcetable_front){ t->slots, { t->seed[0], t->seed[1] }, (uint32_t)(t->n_slots - 1) };
}

void sourcetable_key_wide(const struct sourcetable *t, struct tuple *k)
{
	uint64_t h = hash_wide(t, k->addrs);
	k->source_slot = (uint32_t)h;
	k->source_tag = (uint32_t)(h >> 32);
	__builtin_prefetch(&t->slots[k->source_slot & (t->n_slots - 1)], 1);
}

/* Leaves in `source_slot` where looking stopped: at the first slot whose tag fits, or an empty one. */
void sourcetable_prefetch(struct sourcetable *t, struct tuple *keys, size_t n)
{
	ENSURE(n <= SOURCETABLE_BATCH);
	while (t->n + n > t->n_slots / 2)
		grow(t);
	const uint32_t *slots = t->slots, index = t->index_mask;
	size_t mask = t->n_slots - 1;
	for (size_t i = 0; i < n; i++) {
		size_t at = keys[i].source_slot & mask;
		uint32_t slot;
		while ((slot = slots[at]) != 0 && (slot ^ keys[i].source_tag) & ~index)
			at = (at + 1) & mask;
		keys[i].source_slot = (uint32_t)at;
		__builtin_prefetch(&t->entries[(slot & index) - (slot != 0)], 1);
	}
}

static inline bool is(const struct sourcetable *t, size_t e, const struct tuple *k)
{
	return t->wide ? memcmp(&t->wide[e], k->addrs, 16) == 0 : t->entries[e].addr4 == k->word[0] >> 32;
}

static __attribute__((noinline)) struct entry *append(struct sourcetable *t, const struct tuple *k, size_t slot)
{
	if (t->n == t->max)
		return NULL;
	struct entry *e = &t->entries[t->n];
	uint64_t offset = k->offset_ns & t->time_mask;
	if (t->wide)
		memcpy(&t->wide[t->n], k->addrs, 16);
	t->slots[slot] = slot_of(t, t->n++, k->source_tag);
	*e = (struct entry){
		.addr4 = (uint32_t)(k->word[0] >> 32),
		.last_first = offset << LOW | (offset & LOW_MASK),
		.first_high = (uint8_t)(offset >> LOW),
		.constants = CONSTANTS_ALL,
	};
	return e;
}

static inline struct entry *lookup(struct sourcetable *t, const struct tuple *k)
{
	size_t mask = t->n_slots - 1, i = k->source_slot;
	uint32_t index = t->index_mask, slot;
	for (; (slot = t->slots[i]) != 0; i = (i + 1) & mask) {
		size_t e = (slot & index) - 1;
		if (((slot ^ k->source_tag) & ~index) == 0 && is(t, e, k))
			return &t->entries[e];
	}
	return append(t, k, i);
}

static __attribute__((noinline)) void carry(struct sourcetable *t, struct entry *e, uint32_t field)
{
	uint32_t entry = (uint32_t)(e - t->entries);
	e->constants |= CARRIED;
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

/* Some counter is full. */
static __attribute__((noinline)) void spill(struct sourcetable *t, struct entry *e)
{
	for (uint32_t c = 0; c < CLASS_N; c++)
		if (e->by_class[c] & FULL) {
			e->by_class[c] -= FULL;
			carry(t, e, c);
		}
	for (unsigned m = 0; m < MARK_NMAP; m++)
		if (e->marks >> m * 16 & FULL) {
			e->marks -= (uint64_t)FULL << m * 16;
			carry(t, e, CLASS_N + m);
		}
	if (e->nmap & FULL) {
		e->nmap -= FULL;
		carry(t, e, CLASS_N + MARK_NMAP);
	}
}

/* Bit k: constant k of the packet is the one that the entry keeps. */
static inline unsigned same_constants(const struct entry *e, const struct tuple *k)
{
#ifdef __SSE2__
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)&e->constant_low);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)&k->constants_low);
	__m128i equal = _mm_cmpeq_epi16(a, b);
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, equal));
#else
	uint64_t low = e->constant_low ^ k->constants_low;
	uint32_t high = e->constant_high ^ k->constants_high;
	unsigned same = 0;
	for (unsigned i = 0; i < CONST_SPORT; i++)
		same |= (unsigned)((low >> i * 16 & 0xffff) == 0) << i;
	return same | (unsigned)((high & 0xffff) == 0) << CONST_SPORT | (unsigned)(high >> 16 == 0) << CONST_WINDOW;
#endif
}

/* Time went back, which is rare. */
static __attribute__((noinline)) void earlier(struct entry *e, uint64_t offset_ns)
{
	uint64_t first = (e->last_first & LOW_MASK) | (uint64_t)e->first_high << LOW;
	if (offset_ns < first)
		first = offset_ns;
	e->last_first = (e->last_first & ~LOW_MASK) | (first & LOW_MASK);
	e->first_high = (uint8_t)(first >> LOW);
}

/* Straight on, since which packet comes next can't be guessed: only branches that hardly ever go the other way. */
static inline void update(struct sourcetable *t, struct entry *e, const struct tuple *k)
{
	/* Marks 0..3 as lanes of 16 bits. */
	static const uint64_t spread[16] = { 0, 1, 1u << 16, 0x10001, 1ull << 32, 0x100000001, 0x100010000, 0x100010001,
		1ull << 48, 0x1000000000001, 0x1000000010000, 0x1000000010001, 0x1000100000000, 0x1000100000001,
		0x1000100010000, 0x1000100010001 };
	uint64_t now = (k->offset_ns & t->time_mask) << LOW | (e->last_first & LOW_MASK);
	if (__builtin_expect(now >= e->last_first, 1))
		e->last_first = now;
	else
		earlier(e, k->offset_ns);
	if (__builtin_expect(__builtin_add_overflow(e->bytes, (uint32_t)k->word[1] >> 16, &e->bytes), 0))
		carry(t, e, CARRY_BYTES);
	unsigned cls = k->tags >> TUPLE_CLASS_SHIFT, marks = k->tags & 31, constants = e->constants;
	if (__builtin_expect(((constants & SYN_SEEN) | cls) == 0, 0)) {
		e->constant_low = k->constants_low;
		e->constant_high = k->constants_high;
		constants |= SYN_SEEN;
	}
	unsigned same = same_constants(e, k) | (0 - tuple_opaque(cls != CLASS_TCP_SYN));
	e->constants = (uint8_t)(constants & (same | CARRIED | SYN_SEEN));
	unsigned n = ++e->by_class[cls], nmap = e->nmap += (uint16_t)(marks >> MARK_NMAP);
	uint64_t lanes = e->marks += spread[marks & 15];
	if (__builtin_expect((lanes & LANES * FULL) | ((n | nmap) & FULL), 0))
		spill(t, e);
}

void sourcetable_add(struct sourcetable *t, const struct tuple *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct entry *e = lookup(t, &keys[i]);
		if (e)
			update(t, e, &keys[i]);
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
		if (c->entry != entry)
			continue;
		if (c->field == CARRY_BYTES)
			s->bytes += c->n << 32;
		else if (c->field >= CLASS_N)
			s->marks[c->field - CLASS_N] += (uint32_t)(c->n * FULL);
		else
			s->by_class[c->field] += (uint32_t)(c->n * FULL);
	}
}

static struct source unpack(const struct sourcetable *t, size_t i, int64_t minute)
{
	const struct entry *e = &t->entries[i];
	struct source s = {
		.addr = t->wide ? addr_from_packet6(t->wide[i].b) : addr_from4(e->addr4),
		.minute = minute,
		.first_ns = minute * MINUTE_NS + (int64_t)((e->last_first & LOW_MASK) | (uint64_t)e->first_high << LOW),
		.last_ns = minute * MINUTE_NS + (int64_t)(e->last_first >> LOW),
		.bytes = e->bytes,
		.constants = e->constants & CONSTANTS_ALL,
	};
	for (int c = 0; c < CLASS_N; c++)
		s.by_class[c] = e->by_class[c];
	for (int m = 0; m < MARK_NMAP; m++)
		s.marks[m] = e->marks >> m * 16 & 0xffff;
	s.marks[MARK_NMAP] = e->nmap;
	if (e->constants & CARRIED)
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
		struct addr a = t->wide ? addr_from_packet6(t->wide[i].b) : addr_from4(t->entries[i].addr4);
		fn(arg, &a);
	}
}

size_t sourcetable_probes(const struct sourcetable *t, uint64_t *sum)
{
	size_t most = 0, mask = t->n_slots - 1, index = t->index_mask;
	*sum = 0;
	for (size_t at = 0; at < t->n_slots; at++) {
		if (!t->slots[at])
			continue;
		size_t away = (at - hash_entry(t, (t->slots[at] & index) - 1)) & mask;
		most = away > most ? away : most;
		*sum += away;
	}
	return most;
}

void sourcetable_touch(struct sourcetable *t, size_t n)
{
	size_t slots = n * 4 < t->room_slots ? n * 4 : t->room_slots;
	ENSURE(t->n == 0);
	memset(t->entries, 0, (n < t->max ? n : t->max) * sizeof *t->entries);
	memset(t->slots, 0, slots * sizeof *t->slots);
}

void sourcetable_reset(struct sourcetable *t)
{
	if (t->n > t->touched)
		t->touched = t->n;
	if (t->n)
		memset(t->slots, 0, t->n_slots * sizeof *t->slots);
	t->n = t->n_carries = 0;
	t->lost = 0;
}

size_t sourcetable_memory(const struct sourcetable *t)
{
	size_t n = t->touched > t->n ? t->touched : t->n;
	return t->n_slots * sizeof *t->slots + n * (sizeof *t->entries + (t->wide ? sizeof *t->wide : 0));
}
