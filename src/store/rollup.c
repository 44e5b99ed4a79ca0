// SPDX-License-Identifier: Apache-2.0
#include "store/rollup.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SLOTS	   (4 * ROLLUP_ROWS_MAX)
#define SOURCE_KEY UINT64_C(0x736f757263657331) /* fixed: sketches of different days and sensors must fit together */

struct rollup {
	struct rollup_row *rows;
	size_t n, cap;
	uint64_t lost;
	bool folded;	       /* rows were handed out: the slots are stale */
	uint32_t slots[SLOTS]; /* row number + 1; 0: free */
};

const char *rollup_dim_name(enum rollup_dim d)
{
	static const char *const names[ROLLUP_DIM_N] = { "class", "port", "country", "as", "tool", "all" };
	return names[d];
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

void rollup_sketch_tidy(struct rollup_sketch *s)
{
	uint32_t kept = 0;
	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, by_value);
	for (uint32_t i = 0; i < s->n && kept < ROLLUP_SKETCH; i++)
		if (!kept || s->v[i] != s->v[kept - 1])
			s->v[kept++] = s->v[i];
	s->n = kept;
	if (kept == ROLLUP_SKETCH)
		s->limit = s->v[kept - 1];
}

void rollup_sketch_add(struct rollup_sketch *s, uint64_t hash)
{
	if ((s->limit && hash >= s->limit) || (s->n && s->v[s->n - 1] == hash))
		return;
	if (s->n == s->cap && s->cap == 2 * ROLLUP_SKETCH)
		rollup_sketch_tidy(s);
	if (s->n == s->cap) {
		s->cap = s->cap < 4 ? 4 : s->cap < ROLLUP_SKETCH ? s->cap * 2 : 2 * ROLLUP_SKETCH;
		s->v = mem_grow(s->v, s->cap * sizeof *s->v);
	}
	s->v[s->n++] = hash;
}

void rollup_sketch_merge(struct rollup_sketch *into, const struct rollup_sketch *from)
{
	uint32_t i = 0, k = 0, n = 0, cap = into->n + from->n < ROLLUP_SKETCH ? into->n + from->n : ROLLUP_SKETCH;
	uint64_t *v = mem_new(cap * sizeof *v);
	while (n < cap && (i < into->n || k < from->n)) {
		uint64_t a = i < into->n ? into->v[i] : UINT64_MAX, b = k < from->n ? from->v[k] : UINT64_MAX;
		v[n++] = a < b ? a : b;
		i += i < into->n && a <= b;
		k += k < from->n && b <= a;
	}
	free(into->v);
	*into = (struct rollup_sketch){ .v = v, .n = n, .cap = cap, .limit = n == ROLLUP_SKETCH ? v[n - 1] : 0 };
}

uint64_t rollup_sketch_count(const struct rollup_sketch *s)
{
	if (s->n < ROLLUP_SKETCH)
		return s->n;
	return (uint64_t)((ROLLUP_SKETCH - 1) / ((double)s->v[s->n - 1] * 0x1p-64));
}

void rollup_sketch_free(struct rollup_sketch *s)
{
	free(s->v);
	*s = (struct rollup_sketch){ 0 };
}

struct rollup *rollup_new(void)
{
	return mem_map(sizeof(struct rollup));
}

void rollup_clear(struct rollup *r)
{
	for (size_t i = 0; i < r->n; i++)
		rollup_sketch_free(&r->rows[i].sources);
	if (r->n)
		memset(r->slots, 0, sizeof r->slots);
	r->n = 0;
	r->folded = false;
}

void rollup_free(struct rollup *r)
{
	if (!r)
		return;
	rollup_clear(r);
	free(r->rows);
	mem_unmap(r, sizeof *r);
}

/* NULL when there is none and `make` isn't set. */
static struct rollup_row *find(struct rollup *r, int64_t hour, enum rollup_dim dim, uint64_t id, bool make)
{
	ENSURE(!r->folded);
	size_t i = random_mix(id ^ random_mix((uint64_t)hour << 3 | dim)) % SLOTS;
	for (; r->slots[i]; i = (i + 1) % SLOTS) {
		struct rollup_row *row = &r->rows[r->slots[i] - 1];
		if (row->id == id && row->hour == hour && row->dim == dim)
			return row;
	}
	if (!make)
		return NULL;
	ENSURE(r->n < SLOTS / 2);
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 256;
		r->rows = mem_grow(r->rows, r->cap * sizeof *r->rows);
	}
	r->slots[i] = (uint32_t)++r->n;
	r->rows[r->n - 1] = (struct rollup_row){ .hour = hour, .dim = dim, .id = id };
	return &r->rows[r->n - 1];
}

static uint64_t text_id(const char *key)
{
	return XXH64(key, strlen(key), SOURCE_KEY) | 1;
}

/* The row of a key, or the rest of its hour, or NULL when a batch has more hours than rows. */
static struct rollup_row *row_of(struct rollup *r, int64_t hour, enum rollup_dim dim, uint64_t id)
{
	struct rollup_row *row = find(r, hour, dim, id, r->n < ROLLUP_ROWS_MAX);
	if (row)
		return row;
	row = find(r, hour, dim, text_id(ROLLUP_REST), r->n < ROLLUP_ROWS_MAX + ROLLUP_ROWS_MAX / 2);
	if (row && !row->key[0])
		snprintf(row->key, sizeof row->key, "%s", ROLLUP_REST);
	return row;
}

static void count(struct rollup *r, struct rollup_row *row, uint64_t packets, uint64_t hash)
{
	if (!row) {
		r->lost += packets;
		return;
	}
	row->packets += packets;
	rollup_sketch_add(&row->sources, hash);
}

uint64_t rollup_lost(const struct rollup *r)
{
	return r->lost;
}

void rollup_add(struct rollup *r, int64_t hour, enum rollup_dim dim, const char *key, const struct addr *source,
	uint64_t packets)
{
	char cut[ROLLUP_KEY_MAX];
	snprintf(cut, sizeof cut, "%s", key);
	struct rollup_row *row = row_of(r, hour, dim, text_id(cut));
	if (row && !row->key[0])
		memcpy(row->key, cut, sizeof cut);
	count(r, row, packets, addr_hash(source, SOURCE_KEY));
}

/* Flows mostly come by source. */
static void add_all(struct rollup *r, int64_t hour, const struct flow *flows, size_t n)
{
	static const char all[] = "all";
	struct rollup_row *row = n ? row_of(r, hour, ROLLUP_ALL, text_id(all)) : NULL;
	if (row && !row->key[0])
		memcpy(row->key, all, sizeof all);
	for (size_t i = 0, end; i < n; i = end) {
		uint64_t packets = flows[i].packets;
		for (end = i + 1; end < n && addr_same(&flows[i].src, &flows[end].src); end++)
			packets += flows[end].packets;
		count(r, row, packets, addr_hash(&flows[i].src, SOURCE_KEY));
	}
}

void rollup_add_flows(struct rollup *r, int64_t hour, const struct flow *flows, size_t n)
{
	add_all(r, hour, flows, n);
	for (size_t i = 0; i < n; i++) {
		const struct flow *f = &flows[i];
		uint64_t hash = addr_hash(&f->src, SOURCE_KEY);
		struct rollup_row *row = row_of(r, hour, ROLLUP_CLASS, (uint64_t)f->cls << 1);
		if (row && !row->key[0])
			snprintf(row->key, sizeof row->key, "%s", packet_class_name(f->cls));
		count(r, row, f->packets, hash);
		if ((f->proto != PROTO_TCP && f->proto != PROTO_UDP) || f->cls == CLASS_FRAG || f->cls == CLASS_SHORT)
			continue;
		row = row_of(r, hour, ROLLUP_PORT, ((uint64_t)f->proto << 16 | f->dport) << 1);
		if (row && !row->key[0])
			snprintf(row->key, sizeof row->key, "%s/%u", f->proto == PROTO_TCP ? "tcp" : "udp", f->dport);
		count(r, row, f->packets, hash);
	}
}

void rollup_add_row(struct rollup *r, const struct rollup_row *from)
{
	/* Numbers of keys are the adder's; texts are the same everywhere. */
	struct rollup_row *row = row_of(r, from->hour, from->dim, text_id(from->key));
	if (!row) {
		r->lost += from->packets;
		return;
	}
	if (!row->key[0])
		snprintf(row->key, sizeof row->key, "%s", from->key);
	row->packets += from->packets;
	for (uint32_t i = 0; i < from->sources.n; i++)
		rollup_sketch_add(&row->sources, from->sources.v[i]);
}

/* By hour and kind, the rest last, then by packets. */
static int by_rank(const void *a, const void *b)
{
	const struct rollup_row *x = a, *y = b;
	if (x->hour != y->hour)
		return x->hour < y->hour ? -1 : 1;
	if (x->dim != y->dim)
		return x->dim < y->dim ? -1 : 1;
	int rest = (strcmp(x->key, ROLLUP_REST) == 0) - (strcmp(y->key, ROLLUP_REST) == 0);
	if (rest)
		return rest;
	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	return strcmp(x->key, y->key);
}

static void fold_into(struct rollup_row *rest, struct rollup_row *row)
{
	if (strcmp(rest->key, ROLLUP_REST) != 0) {
		snprintf(rest->key, sizeof rest->key, "%s", ROLLUP_REST);
		rest->id = text_id(ROLLUP_REST);
	}
	if (rest == row)
		return;
	rest->packets += row->packets;
	for (uint32_t i = 0; i < row->sources.n; i++)
		rollup_sketch_add(&rest->sources, row->sources.v[i]);
	rollup_sketch_free(&row->sources);
}

struct rollup_row *rollup_rows(struct rollup *r, size_t *n)
{
	size_t kept = 0, in_group = 0;
	r->folded = true;
	if (r->n)
		qsort(r->rows, r->n, sizeof *r->rows, by_rank);
	for (size_t i = 0; i < r->n; i++) {
		struct rollup_row *row = &r->rows[i];
		bool same = kept && r->rows[kept - 1].hour == row->hour && r->rows[kept - 1].dim == row->dim;
		in_group = same ? in_group + 1 : 0;
		if (in_group > ROLLUP_BATCH) {
			fold_into(&r->rows[kept - 1], row);
			continue;
		}
		if (kept != i) {
			r->rows[kept] = *row;
			row->sources = (struct rollup_sketch){ 0 };
		}
		if (in_group == ROLLUP_BATCH)
			fold_into(&r->rows[kept], &r->rows[kept]);
		kept++;
	}
	for (size_t i = 0; i < kept; i++)
		rollup_sketch_tidy(&r->rows[i].sources);
	r->n = kept;
	*n = kept;
	return r->rows;
}
