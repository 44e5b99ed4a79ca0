// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/flowtable.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>

#define FIRST_SLOTS   8192u
#define BUSY_SLOTS    65536u /* from here on huge pages pay */
#define NARROW_WORDS  2
#define WIDE_WORDS    5
#define RESERVE_SHARE 8 /* folded keys have room for 1/8 of max_flows more */

#define LOW	 28
#define LOW_MASK (((uint64_t)1 << LOW) - 1)

/* Time is kept as nanoseconds in the minute: 36 bits. */
struct tail {
	uint64_t last_first; /* last in the upper 36 bits, the lower 28 of first: a later packet compares and replaces
				in one go */
	uint32_t packets;
	uint16_t tags; /* packed, of struct tuple */
	uint8_t flags;
	uint8_t first_high;
};
_Static_assert(sizeof(struct tail) == 16, "32 octets an IPv4 flow");

struct flowtable {
	uint32_t *slots;  /* 0: empty, else (record + 1) | tag above index_mask */
	uint8_t *records; /* key words, then struct tail */
	size_t n_slots, room_slots, n_records;
	size_t max_flows, limit; /* new keys are folded from the first on; the second is all there is room for */
	size_t words, stride;
	uint32_t index_mask; /* the bits of a slot that are a record's number; the others are a tag */
	uint64_t seed[2];
	uint64_t folded, lost;
	size_t touched;	 /* most records ever in use */
	size_t repeated; /* of the last batch: packets whose flow was there */
};

static inline uint64_t hash_key(const struct flowtable *t, const uint64_t *word, size_t words, uint8_t flags)
{
	uint64_t h = flowtable_hash(t->seed, word[0], word[1], flags);
	if (words == WIDE_WORDS) {
		h ^= tuple_mix(word[2] ^ t->seed[1], word[3] ^ t->seed[0] ^ 0x9e3779b97f4a7c15u);
		h = tuple_mix(h ^ t->seed[1], word[4] ^ 0xd6e8feb86659fd93u);
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
	t->index_mask = 1;
	while (t->index_mask < t->limit)
		t->index_mask = t->index_mask << 1 | 1;
	t->records = mem_map(t->limit * t->stride);
	t->n_slots = FIRST_SLOTS;
	t->room_slots = FIRST_SLOTS;
	while (t->room_slots / 2 < t->limit + FLOWTABLE_BATCH)
		t->room_slots *= 2;
	t->slots = mem_map(t->room_slots * sizeof *t->slots);
	return t;
}

void flowtable_free(struct flowtable *t)
{
	if (!t)
		return;
	mem_unmap(t->slots, t->room_slots * sizeof *t->slots);
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

/* Upper hash bits beside the record's number: hardly a lookup touches a record that isn't the key's. */
static inline uint32_t slot_of(const struct flowtable *t, size_t r, uint32_t tag)
{
	return (uint32_t)(r + 1) | (tag & ~t->index_mask);
}

/* Makes empty slots point to all records; in rounds, so that their cache lines come while hashes are made. */
static void fill_slots(struct flowtable *t)
{
	uint64_t hash[FLOWTABLE_BATCH];
	size_t mask = t->n_slots - 1;
	for (size_t from = 0; from < t->n_records; from += FLOWTABLE_BATCH) {
		size_t n = t->n_records - from < FLOWTABLE_BATCH ? t->n_records - from : FLOWTABLE_BATCH;
		for (size_t i = 0; i < n; i++) {
			hash[i] = hash_key(
				t, (const uint64_t *)record(t, from + i), t->words, tail_of(t, from + i)->flags);
			__builtin_prefetch(&t->slots[hash[i] & mask], 1);
		}
		for (size_t i = 0; i < n; i++) {
			size_t at = hash[i] & mask;
			while (t->slots[at])
				at = (at + 1) & mask;
			t->slots[at] = slot_of(t, from + i, (uint32_t)(hash[i] >> 32));
		}
	}
}

static void note_busy(struct flowtable *t)
{
	if (t->n_slots < BUSY_SLOTS)
		return;
	mem_busy(t->records, t->limit * t->stride);
	mem_busy(t->slots, t->room_slots * sizeof *t->slots);
}

/*
 * Doubles the slots where they are, at most half full: amortised one insert a record, none once the size fits the
 * traffic, and no page is touched that isn't used later.
 */
static void grow(struct flowtable *t)
{
	memset(t->slots, 0, t->n_slots * sizeof *t->slots);
	t->n_slots *= 2;
	ENSURE(t->n_slots <= t->room_slots);
	note_busy(t);
	fill_slots(t);
}

struct flowtable_front flowtable_front(const struct flowtable *t)
{
	return (struct flowtable_front){ t->slots, { t->seed[0], t->seed[1] }, (uint32_t)(t->n_slots - 1) };
}

static inline void wide_words(const struct tuple *k, uint64_t word[WIDE_WORDS])
{
	memcpy(word, k->addrs, 32);
	word[WIDE_WORDS - 1] = k->word[1];
}

void flowtable_key_wide(const struct flowtable *t, struct tuple *k)
{
	uint64_t word[WIDE_WORDS];
	wide_words(k, word);
	uint64_t h = hash_key(t, word, WIDE_WORDS, k->flags);
	k->flow_slot = (uint32_t)h;
	k->flow_tag = (uint32_t)(h >> 32);
	__builtin_prefetch(&t->slots[k->flow_slot & (t->n_slots - 1)], 1);
}

void flowtable_prefetch(const struct flowtable *t, const struct tuple *keys, size_t n)
{
	uint32_t index = t->index_mask;
	size_t mask = t->n_slots - 1, stride = t->stride;
	/* Where flows hardly repeat records are written, in order, and not looked for. */
	if (t->repeated < FLOWTABLE_BATCH / 4)
		return;
	for (size_t i = 0; i < n; i++) {
		uint32_t slot = t->slots[keys[i].flow_slot & mask];
		/* No branch, which could only be guessed: a slot of another key asks for the first record. */
		uint32_t mine = 0 - tuple_opaque(((slot ^ keys[i].flow_tag) & ~index) == 0), r = slot & index & mine;
		__builtin_prefetch(t->records + (r - (r != 0)) * stride, 1);
	}
}

static inline bool same_key(const uint64_t *have, const uint64_t *word, size_t words)
{
	uint64_t diff = (have[0] ^ word[0]) | (have[1] ^ word[1]);
	if (words == WIDE_WORDS)
		diff |= (have[2] ^ word[2]) | (have[3] ^ word[3]) | (have[4] ^ word[4]);
	return diff == 0;
}

#define INLINE inline __attribute__((always_inline))

/* The tail of a key's record, or NULL; `*at` is where a new one would go. */
static INLINE struct tail *find(
	const struct flowtable *t, const struct tuple *k, const uint64_t *word, size_t words, size_t *at)
{
	size_t mask = t->n_slots - 1, i = k->flow_slot & mask;
	uint32_t index = t->index_mask, slot;
	for (; (slot = t->slots[i]) != 0; i = (i + 1) & mask) {
		if ((slot ^ k->flow_tag) & ~index)
			continue;
		uint8_t *rec = t->records + ((slot & index) - 1) * (words * 8 + sizeof(struct tail));
		struct tail *tail = (struct tail *)(rec + words * 8);
		if (same_key((const uint64_t *)rec, word, words) && tail->flags == k->flags)
			return tail;
	}
	*at = i;
	return NULL;
}

/* Time went back, which is rare. */
static __attribute__((noinline)) void earlier(struct tail *f, uint64_t offset_ns)
{
	uint64_t first = (f->last_first & LOW_MASK) | (uint64_t)f->first_high << LOW;
	if (offset_ns < first)
		first = offset_ns;
	f->last_first = (f->last_first & ~LOW_MASK) | (first & LOW_MASK);
	f->first_high = (uint8_t)(first >> LOW);
}

static INLINE void update(struct tail *f, const struct tuple *k)
{
	uint64_t now = k->offset_ns << LOW | (f->last_first & LOW_MASK);
	if (__builtin_expect(now >= f->last_first, 1))
		f->last_first = now;
	else
		earlier(f, k->offset_ns);
	f->packets += f->packets < UINT32_MAX;
	f->tags |= k->tags & TUPLE_TAGS; /* what any packet showed; protocol and class stay the first's */
}

static INLINE void append(struct flowtable *t, const struct tuple *k, const uint64_t *word, size_t words, size_t at)
{
	size_t r = t->n_records++;
	uint8_t *rec = t->records + r * (words * 8 + sizeof(struct tail));
	memcpy(rec, word, words * 8);
	*(struct tail *)(rec + words * 8) = (struct tail){
		.last_first = k->offset_ns << LOW | (k->offset_ns & LOW_MASK),
		.packets = 1,
		.tags = k->tags,
		.flags = k->flags,
		.first_high = (uint8_t)(k->offset_ns >> LOW),
	};
	t->slots[at] = slot_of(t, r, k->flow_tag);
}

/* A new key in a full table: source /24 (/48), destination port, protocol. */
static __attribute__((noinline)) void fold(
	struct flowtable *t, const struct tuple *k, const uint64_t *key, size_t words)
{
	struct tuple f = *k;
	uint64_t word[WIDE_WORDS];
	size_t at;
	memcpy(word, key, words * 8);
	if (words == NARROW_WORDS)
		word[0] &= 0xffffff0000000000u;
	else
		memset((uint8_t *)word + 6, 0, 26);
	word[words - 1] &= 0x0000ffff0000ff00u;
	uint64_t hash = hash_key(t, word, words, f.flags);
	f.flow_slot = (uint32_t)hash;
	f.flow_tag = (uint32_t)(hash >> 32);
	struct tail *tail = find(t, &f, word, words, &at);
	t->folded++;
	if (tail)
		update(tail, &f);
	else if (t->n_records < t->limit)
		append(t, &f, word, words, at);
	else
		t->lost++;
}

static INLINE void add_all(struct flowtable *t, const struct tuple *keys, size_t n, size_t words)
{
	size_t before = t->n_records;
	for (size_t i = 0; i < n; i++) {
		const struct tuple *k = &keys[i];
		uint64_t wide[WIDE_WORDS];
		const uint64_t *word = k->word;
		size_t at;
		if (words == WIDE_WORDS) {
			wide_words(k, wide);
			word = wide;
		}
		struct tail *tail = find(t, k, word, words, &at);
		if (tail)
			update(tail, k);
		else if (__builtin_expect(t->n_records < t->max_flows, 1))
			append(t, k, word, words, at);
		else
			fold(t, k, word, words);
	}
	t->repeated = n - (t->n_records - before);
}

void flowtable_add(struct flowtable *t, const struct tuple *keys, size_t n)
{
	ENSURE(n <= FLOWTABLE_BATCH);
	while (t->n_records + n > t->n_slots / 2)
		grow(t);
	if (t->words == NARROW_WORDS)
		add_all(t, keys, n, NARROW_WORDS);
	else
		add_all(t, keys, n, WIDE_WORDS);
}

size_t flowtable_probes(const struct flowtable *t, uint64_t *sum)
{
	size_t most = 0, mask = t->n_slots - 1, index = t->index_mask;
	*sum = 0;
	for (size_t at = 0; at < t->n_slots; at++) {
		if (!t->slots[at])
			continue;
		size_t r = (t->slots[at] & index) - 1;
		uint64_t hash = hash_key(t, (const uint64_t *)record(t, r), t->words, tail_of(t, r)->flags);
		size_t away = (at - hash) & mask;
		most = away > most ? away : most;
		*sum += away;
	}
	return most;
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
		out->src = addr_from_packet6((const uint8_t *)&word[0]);
		out->dst = addr_from_packet6((const uint8_t *)&word[2]);
	}
	out->sport = (uint16_t)(last >> 48);
	out->dport = (uint16_t)(last >> 32);
	out->ip_len = (uint16_t)(last >> 16);
	out->proto = (uint8_t)(last >> 8);
	out->ttl = (uint8_t)last;
	out->tcp_flags = f->flags;
	out->cls = (uint8_t)(f->tags >> TUPLE_CLASS_SHIFT);
	out->tags = tuple_unpack(f->tags);
	out->packets = f->packets;
	out->bytes = (uint64_t)f->packets * out->ip_len;
	out->first_ns = minute_ns + (int64_t)((f->last_first & LOW_MASK) | (uint64_t)f->first_high << LOW);
	out->last_ns = minute_ns + (int64_t)(f->last_first >> LOW);
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

void flowtable_each(
	struct flowtable *t, int64_t minute_ns, bool sorted, void (*fn)(void *arg, const struct flow *), void *arg)
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

void flowtable_move(struct flowtable *to, struct flowtable *from)
{
	ENSURE(to->n_records == 0 && to->stride == from->stride && to->limit == from->limit);
	while (from->n_records > to->n_slots / 2)
		to->n_slots *= 2;
	note_busy(to);
	memcpy(to->records, from->records, from->n_records * from->stride);
	to->n_records = from->n_records;
	to->folded = from->folded;
	to->lost = from->lost;
	fill_slots(to);
	flowtable_reset(from);
}

void flowtable_touch(struct flowtable *t, size_t n)
{
	size_t slots = n * 4 < t->room_slots ? n * 4 : t->room_slots;
	ENSURE(t->n_records == 0);
	memset(t->records, 0, (n < t->limit ? n : t->limit) * t->stride);
	memset(t->slots, 0, slots * sizeof *t->slots);
}

void flowtable_reset(struct flowtable *t)
{
	if (t->n_records > t->touched)
		t->touched = t->n_records;
	if (t->n_records)
		memset(t->slots, 0, t->n_slots * sizeof *t->slots);
	t->n_records = 0;
	t->folded = t->lost = 0;
}

size_t flowtable_memory(const struct flowtable *t)
{
	return t->n_slots * sizeof *t->slots + t->touched * t->stride;
}
