// SPDX-License-Identifier: Apache-2.0
#include "model/prefixset.h"

#include "base/mem.h"

#include <stdlib.h>

#define NO_PARENT UINT32_MAX

/* An address as two words in host order: they compare as the address does. */
struct prefixset_key {
	uint64_t hi, lo;
};

struct prefixset_row {
	struct prefixset_key first, last;
	int64_t from_ns, to_ns;
	uint32_t value, parent; /* parent: the narrowest other row that holds this one, an equal one that was added
				   before included */
	uint32_t order;		/* of adding */
	uint8_t bits;
};

static struct prefixset_key key_of(const struct addr *a)
{
	return (struct prefixset_key){ load_be64(a->b), load_be64(a->b + 8) };
}

static bool above(struct prefixset_key a, struct prefixset_key b)
{
	return a.hi != b.hi ? a.hi > b.hi : a.lo > b.lo;
}

void prefixset_init(struct prefixset *s)
{
	*s = (struct prefixset){ 0 };
}

void prefixset_fini(struct prefixset *s)
{
	free(s->rows);
	free(s->keys);
	*s = (struct prefixset){ 0 };
}

void prefixset_add(struct prefixset *s, const struct prefix *p, int64_t from_ns, int64_t to_ns, uint32_t value)
{
	ENSURE(!s->sealed && value != PREFIXSET_NONE && p->bits <= 128);
	if (s->n == PREFIXSET_MAX) {
		s->refused++;
		return;
	}
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 16;
		s->rows = mem_grow(s->rows, s->room * sizeof *s->rows);
	}
	struct prefixset_key first = key_of(&p->addr), last = first;
	last.hi |= p->bits >= 64 ? 0 : UINT64_MAX >> p->bits;
	last.lo |= p->bits >= 128 ? 0 : p->bits <= 64 ? UINT64_MAX : UINT64_MAX >> (p->bits - 64);
	s->rows[s->n] = (struct prefixset_row){ .first = first,
		.last = last,
		.from_ns = from_ns,
		.to_ns = to_ns,
		.value = value,
		.order = (uint32_t)s->n,
		.bits = p->bits };
	s->n++;
}

/* By first address, then the shorter prefix, then who was added earlier: a row stands behind all that hold it. */
static int compare(const void *x, const void *y)
{
	const struct prefixset_row *a = x, *b = y;
	if (above(a->first, b->first) || above(b->first, a->first))
		return above(a->first, b->first) ? 1 : -1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

void prefixset_seal(struct prefixset *s)
{
	ENSURE(!s->sealed);
	s->sealed = true;
	if (s->n == 0)
		return;
	qsort(s->rows, s->n, sizeof *s->rows, compare);
	s->keys = mem_new(s->n * sizeof *s->keys);
	uint32_t open = NO_PARENT;
	for (size_t i = 0; i < s->n; i++) {
		struct prefixset_row *r = &s->rows[i];
		s->keys[i] = r->first;
		while (open != NO_PARENT && above(r->first, s->rows[open].last))
			open = s->rows[open].parent;
		r->parent = open;
		open = (uint32_t)i;
	}
}

/* How many rows begin at or before the address. */
static size_t upper(const struct prefixset *s, struct prefixset_key k)
{
	size_t low = 0, n = s->n;
	while (n) {
		size_t half = n / 2;
		if (above(s->keys[low + half], k)) {
			n = half;
		} else {
			low += half + 1;
			n -= half + 1;
		}
	}
	return low;
}

uint32_t prefixset_find(const struct prefixset *s, const struct addr *a, int64_t ns)
{
	ENSURE(s->sealed);
	struct prefixset_key k = key_of(a);
	size_t at = upper(s, k);
	uint32_t i = at ? (uint32_t)(at - 1) : NO_PARENT;
	/* Prefixes nest or are apart: what holds the address is the last row that begins before it, or holds that row.
	 */
	for (; i != NO_PARENT; i = s->rows[i].parent) {
		const struct prefixset_row *r = &s->rows[i];
		if (!above(k, r->last) && ns >= r->from_ns && ns < r->to_ns)
			return r->value;
	}
	return PREFIXSET_NONE;
}
