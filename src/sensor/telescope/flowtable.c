// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/flowtable.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>

#define FIRST_SLOTS 8192u
#define NARROW_WORDS 2
#define WIDE_WORDS 5
#define RESERVE_SHARE 8	/* folded keys have room for 1/8 of max_flows more */

/* Time is kept as nanoseconds in the minute: 36 bits, four of each in `high`. */
struct tail {
	uint32_t packets;
	uint32_t first, last;
	uint16_t tags;		/* bits 12..15: class; the rest as packed by pack_tags() */
	uint8_t flags;
	uint8_t high;		/* first >> 32 in the low, last >> 32 in the high nibble */
};

struct flowtable {
	uint32_t *slots;	/* 0: empty, else (record + 1) | tag << index_bits */
	uint8_t *records;	/* key words, then struct tail */
	size_t n_slots, n_records;
	size_t max_flows, limit; /* new keys are folded from the first on; the second is all there is room for */
	size_t words, stride;
	unsigned index_bits;
	uint64_t seed[2];
	uint64_t folded, lost;
	size_t touched;		/* most records ever in use */
};

/* The high and low half of a 64 x 64 bit product, folded: one multiplication mixes both words (wyhash, Wang Yi). */
static inline uint64_t fold_multiply(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	__extension__ unsigned __int128 m = (unsigned __int128)a * b;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
#else
	return random_mix(a * 0x9e3779b97f4a7c15u ^ b);
#endif
}

static inline uint64_t hash_key(const struct flowtable *t, const uint64_t *word, size_t words, uint8_t flags)
{
	uint64_t h = fold_multiply(word[0] ^ t->seed[0], word[1] ^ t->seed[1] ^ flags * 0xa0761d6478bd642fu);
	if (words == WIDE_WORDS) {
		h ^= fold_multiply(word[2] ^ t->seed[1], word[3] ^ t->seed[0] ^ 0x9e3779b97f4a7c15u);
		h = fold_multiply(h ^ t->seed[1], word[4] ^ 0xd6e8feb86659fd93u);
	}
	return h;
}

struct flowtable *flowtable_new(bool wide, size_t max_flows, uint64_t seed)
{
	struct flowtable *t = mem_new(sizeof *t);
	ENSURE(max_flows >= 64 && max_flows < (1u << 27));
	t->words = wide ? WIDE_WORDS : NARROW_WORDS;
	t->stride = t->words * 8 + sizeof(struct tail);
	t->max_flows = max_flows;
	t->seed[0] = random_mix(seed ^ 0x666c6f77u);
	t->seed[1] = random_mix(seed + 0x9e3779b97f4a7c15u) | 1;
	t->limit = max_flows + max_flows / RESERVE_SHARE;
	t->index_bits = 1;
	while ((size_t)1 << t->index_bits <= t->limit)
		t->index_bits++;
	t->records = mem_map(t->limit * t->stride);
	return t;
}

void flowtable_free(struct flowtable *t)
{
	if (!t)
		return;
	mem_unmap(t->slots, t->n_slots * sizeof *t->slots);
	mem_unmap(t->records, t->limit * t->stride);
	free(t);
}

static uint8_t *record(const struct flowtable *t, size_t i)
{
	return t->records + i * t->stride;
}

static struct tail *tail_of(const struct flowtable *t, size_t i)
{
	return (struct tail *)(record(t, i) + t->words * 8);
}

static inline uint32_t slot_tag(uint64_t hash, unsigned index_bits)
{
	return (uint32_t)(hash >> 32) >> index_bits << index_bits;
}

/* Doubles the slots, at most half full: amortised one insert a record, and none once the size fits the traffic. */
static void grow(struct flowtable *t)
{
	size_t slots = t->n_slots ? t->n_slots * 2 : FIRST_SLOTS;
	mem_unmap(t->slots, t->n_slots * sizeof *t->slots);
	t->slots = mem_map(slots * sizeof *t->slots);
	t->n_slots = slots;
	for (size_t i = 0; i < t->n_records; i++) {
		uint64_t hash = hash_key(t, (const uint64_t *)record(t, i), t->words, tail_of(t, i)->flags);
		size_t at = hash & (slots - 1);
		while (t->slots[at])
			at = (at + 1) & (slots - 1);
		t->slots[at] = (uint32_t)(i + 1) | slot_tag(hash, t->index_bits);
	}
}

static void key_words(const struct packet *p, struct flowtable_key *k)
{
	uint64_t *last = &k->word[NARROW_WORDS - 1];
	if (p->layer == LAYER_IP6) {
		memcpy(&k->word[0], p->src6, 16);
		memcpy(&k->word[2], p->dst6, 16);
		last = &k->word[WIDE_WORDS - 1];
	} else {
		k->word[0] = (uint64_t)p->src4 << 32 | p->dst4;
	}
	*last = (uint64_t)p->sport << 48 | (uint64_t)p->dport << 32 | (uint64_t)p->ip_len << 16 | p->proto << 8 | p->ttl;
}

void flowtable_key(const struct flowtable *t, const struct packet *p, uint64_t offset_ns, struct flowtable_key *k)
{
	key_words(p, k);
	k->flags = p->tcp_flags;
	k->cls = p->cls;
	k->offset_ns = offset_ns;
	k->hash = hash_key(t, k->word, t->words, k->flags);
	if (t->slots)
		__builtin_prefetch(&t->slots[k->hash & (t->n_slots - 1)], 1);
}

/* FLOW_ bits without FRAGMENT (the class says it) and five bits of protocol leave four for the class. */
static uint16_t pack_tags(uint16_t tags, uint8_t cls)
{
	unsigned low = tags & 0x3f, quote = tags >> 7 & 1, proto = tags >> FLOW_PROTO_SHIFT & 0x1f;
	return (uint16_t)(low | quote << 6 | proto << 7 | (unsigned)cls << 12);
}

static uint16_t unpack_tags(uint16_t packed)
{
	unsigned cls = packed >> 12, tags = packed & 0x3f;
	tags |= (packed >> 6 & 1u) << 7 | (packed >> 7 & 0x1fu) << FLOW_PROTO_SHIFT;
	return (uint16_t)(tags | (cls == CLASS_FRAG ? FLOW_FRAGMENT : 0));
}

static inline bool same_key(const uint8_t *rec, const uint64_t *word, size_t words)
{
	const uint64_t *have = (const uint64_t *)rec;
	uint64_t diff = (have[0] ^ word[0]) | (have[1] ^ word[1]);
	if (words == WIDE_WORDS)
		diff |= (have[2] ^ word[2]) | (have[3] ^ word[3]) | (have[4] ^ word[4]);
	return diff == 0;
}

/* The record of a key, or -1; `*at` is where a new one would go. */
static inline __attribute__((always_inline)) ptrdiff_t find(const struct flowtable *t, const struct flowtable_key *k, size_t words, size_t *at)
{
	size_t mask = t->n_slots - 1, i = k->slot;
	uint32_t tag = slot_tag(k->hash, t->index_bits), index = ((uint32_t)1 << t->index_bits) - 1;
	for (; t->slots[i]; i = (i + 1) & mask) {
		if ((t->slots[i] & ~index) != tag)
			continue;
		size_t r = (t->slots[i] & index) - 1;
		const uint8_t *rec = t->records + r * (words * 8 + sizeof(struct tail));
		if (same_key(rec, k->word, words) && ((const struct tail *)(rec + words * 8))->flags == k->flags)
			return (ptrdiff_t)r;
	}
	*at = i;
	return -1;
}

static inline void update(struct tail *f, const struct flowtable_key *k)
{
	uint64_t first = f->first | (uint64_t)(f->high & 15) << 32, last = f->last | (uint64_t)(f->high >> 4) << 32;
	f->packets += f->packets < UINT32_MAX;
	if (k->offset_ns > last)
		last = k->offset_ns;
	if (k->offset_ns < first)
		first = k->offset_ns;
	f->first = (uint32_t)first;
	f->last = (uint32_t)last;
	f->high = (uint8_t)(first >> 32 | last >> 32 << 4);
	f->tags |= pack_tags(k->tags, 0) & 0x7f; /* what any packet showed; protocol and class stay the first's */
}

static inline void append(struct flowtable *t, const struct flowtable_key *k, size_t words, size_t at)
{
	size_t r = t->n_records++;
	uint8_t *rec = t->records + r * (words * 8 + sizeof(struct tail));
	memcpy(rec, k->word, words * 8);
	*(struct tail *)(rec + words * 8) = (struct tail){
		.packets = 1,
		.first = (uint32_t)k->offset_ns,
		.last = (uint32_t)k->offset_ns,
		.tags = pack_tags(k->tags, k->cls),
		.flags = k->flags,
		.high = (uint8_t)(k->offset_ns >> 32 | k->offset_ns >> 32 << 4),
	};
	t->slots[at] = (uint32_t)(r + 1) | slot_tag(k->hash, t->index_bits);
}

/* A new key in a full table: source /24 (/48), destination port, protocol. */
static void fold(struct flowtable *t, const struct flowtable_key *k, size_t words)
{
	struct flowtable_key f = *k;
	size_t at;
	uint64_t *last = &f.word[words - 1];
	if (words == NARROW_WORDS) {
		f.word[0] &= 0xffffff0000000000u;
	} else {
		memset((uint8_t *)f.word + 6, 0, 26);
	}
	*last &= 0x0000ffff0000ff00u;
	f.hash = hash_key(t, f.word, words, f.flags);
	f.slot = (uint32_t)(f.hash & (t->n_slots - 1));
	ptrdiff_t r = find(t, &f, words, &at);
	t->folded++;
	if (r >= 0)
		update(tail_of(t, (size_t)r), &f);
	else if (t->n_records < t->limit)
		append(t, &f, words, at);
	else
		t->lost++;
}

static inline __attribute__((always_inline)) void add_all(struct flowtable *t, struct flowtable_key *keys, size_t n, size_t words)
{
	uint32_t index = ((uint32_t)1 << t->index_bits) - 1;
	size_t mask = t->n_slots - 1;
	/* Keys that repeat need the record too: ask for it one round ahead. */
	for (size_t i = 0; i < n; i++) {
		size_t at = keys[i].hash & mask;
		uint32_t tag = slot_tag(keys[i].hash, t->index_bits);
		while (t->slots[at] && (t->slots[at] & ~index) != tag)
			at = (at + 1) & mask;
		keys[i].slot = (uint32_t)at;
		if (t->slots[at])
			__builtin_prefetch(t->records + ((t->slots[at] & index) - 1) * (words * 8 + sizeof(struct tail)), 1);
	}
	for (size_t i = 0; i < n; i++) {
		size_t at;
		ptrdiff_t r = find(t, &keys[i], words, &at);
		if (r >= 0)
			update((struct tail *)(t->records + (size_t)r * (words * 8 + sizeof(struct tail)) + words * 8),
				&keys[i]);
		else if (__builtin_expect(t->n_records < t->max_flows, 1))
			append(t, &keys[i], words, at);
		else
			fold(t, &keys[i], words);
	}
}

void flowtable_add(struct flowtable *t, struct flowtable_key *keys, size_t n)
{
	ENSURE(n <= FLOWTABLE_BATCH);
	while (t->n_records + n > t->n_slots / 2)
		grow(t);
	if (t->words == NARROW_WORDS)
		add_all(t, keys, n, NARROW_WORDS);
	else
		add_all(t, keys, n, WIDE_WORDS);
}

struct flowtable_counts flowtable_counts(const struct flowtable *t)
{
	return (struct flowtable_counts){ t->n_records, t->folded, t->lost };
}

static void unpack(const struct flowtable *t, size_t i, int64_t minute_ns, struct flow *out)
{
	uint64_t word[WIDE_WORDS];
	const struct tail *f = tail_of(t, i);
	memcpy(word, record(t, i), t->words * 8);
	uint64_t last = word[t->words - 1];
	if (t->words == NARROW_WORDS) {
		out->src = addr_from4((uint32_t)(word[0] >> 32));
		out->dst = addr_from4((uint32_t)word[0]);
	} else {
		out->src = addr_from6((const uint8_t *)&word[0]);
		out->dst = addr_from6((const uint8_t *)&word[2]);
	}
	out->sport = (uint16_t)(last >> 48);
	out->dport = (uint16_t)(last >> 32);
	out->ip_len = (uint16_t)(last >> 16);
	out->proto = (uint8_t)(last >> 8);
	out->ttl = (uint8_t)last;
	out->tcp_flags = f->flags;
	out->cls = f->tags >> 12;
	out->tags = unpack_tags(f->tags);
	out->packets = f->packets;
	out->bytes = (uint64_t)f->packets * out->ip_len;
	out->first_ns = minute_ns + (int64_t)(f->first | (uint64_t)(f->high & 15) << 32);
	out->last_ns = minute_ns + (int64_t)(f->last | (uint64_t)(f->high >> 4) << 32);
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct flowtable *t = arg;
	const uint8_t *a = record(t, *(const uint32_t *)x), *b = record(t, *(const uint32_t *)y);
	uint64_t wa[WIDE_WORDS], wb[WIDE_WORDS];
	memcpy(wa, a, t->words * 8);
	memcpy(wb, b, t->words * 8);
	size_t last = t->words - 1;
	int order;
	if (t->words == NARROW_WORDS) {
		uint32_t sa = (uint32_t)(wa[0] >> 32), sb = (uint32_t)(wb[0] >> 32);
		order = sa < sb ? -1 : sa > sb;
	} else {
		order = memcmp(wa, wb, 16);
	}
	uint16_t pa = (uint16_t)(wa[last] >> 32), pb = (uint16_t)(wb[last] >> 32);
	if (order == 0)
		order = pa < pb ? -1 : pa > pb;
	if (order == 0 && t->words == NARROW_WORDS)
		order = (uint32_t)wa[0] < (uint32_t)wb[0] ? -1 : (uint32_t)wa[0] > (uint32_t)wb[0];
	else if (order == 0)
		order = memcmp(&wa[2], &wb[2], 16);
	if (order == 0)
		order = wa[last] < wb[last] ? -1 : wa[last] > wb[last];
	if (order == 0)
		order = (int)tail_of(t, *(const uint32_t *)x)->flags - (int)tail_of(t, *(const uint32_t *)y)->flags;
	return order;
}

void flowtable_each(struct flowtable *t, int64_t minute_ns, bool sorted, void (*fn)(void *arg, const struct flow *), void *arg)
{
	for (size_t i = 0; i < t->n_records && !sorted; i++) {
		struct flow f;
		unpack(t, i, minute_ns, &f);
		fn(arg, &f);
	}
	if (!sorted)
		return;
	uint32_t *order = mem_new(t->n_records * sizeof *order);
	for (size_t i = 0; i < t->n_records; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, t->n_records, sizeof *order, compare, t);
	for (size_t i = 0; i < t->n_records; i++) {
		struct flow f;
		unpack(t, order[i], minute_ns, &f);
		fn(arg, &f);
	}
	free(order);
}

void flowtable_reset(struct flowtable *t)
{
	if (t->n_records > t->touched)
		t->touched = t->n_records;
	if (t->slots)
		memset(t->slots, 0, t->n_slots * sizeof *t->slots);
	t->n_records = 0;
	t->folded = t->lost = 0;
}

size_t flowtable_memory(const struct flowtable *t)
{
	return t->n_slots * sizeof *t->slots + t->touched * t->stride;
}
