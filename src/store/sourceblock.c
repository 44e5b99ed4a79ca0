// SPDX-License-Identifier: Apache-2.0
#include "store/sourceblock.h"

#include "base/err.h"
#include "base/mem.h"

enum { ADDR_HI, ADDR_LO, FIRST, LAST, PACKETS, BYTES, SYNS, CONSTANTS, TARGETS, PORTS, CLASSES };
#define MARKS (CLASSES + CLASS_N)
#define COL_N (MARKS + MARK_N)

struct sourceblock {
	struct column_coder *coder;
	uint64_t col[COL_N][COLUMN_MAX_VALUES / 32];
};

_Static_assert(SOURCEBLOCK_MAX <= COLUMN_MAX_VALUES / 32, "room for a block");

struct sourceblock *sourceblock_new(void)
{
	struct sourceblock *b = mem_map(sizeof *b);
	b->coder = column_new();
	return b;
}

void sourceblock_free(struct sourceblock *b)
{
	if (!b)
		return;
	column_free(b->coder);
	mem_unmap(b, sizeof *b);
}

static void put_row(struct sourceblock *b, const struct source *s, size_t i)
{
	uint64_t start = (uint64_t)s->minute * (uint64_t)MINUTE_NS;
	b->col[ADDR_HI][i] = load_be64(s->addr.b);
	b->col[ADDR_LO][i] = load_be64(s->addr.b + 8);
	/* Modulo 2^64: also a time outside its minute comes back as it was. */
	b->col[FIRST][i] = (uint64_t)s->first_ns - start;
	b->col[LAST][i] = (uint64_t)s->last_ns - (uint64_t)s->first_ns;
	b->col[PACKETS][i] = s->packets;
	b->col[BYTES][i] = s->bytes;
	b->col[SYNS][i] = s->syns;
	b->col[CONSTANTS][i] = s->constants;
	b->col[TARGETS][i] = s->targets;
	b->col[PORTS][i] = s->ports;
	for (int k = 0; k < CLASS_N; k++)
		b->col[CLASSES + k][i] = s->by_class[k];
	for (int k = 0; k < MARK_N; k++)
		b->col[MARKS + k][i] = s->marks[k];
}

void sourceblock_encode(struct sourceblock *b, const struct source *v, size_t n, struct column_buf *out)
{
	ENSURE(n > 0 && n <= SOURCEBLOCK_MAX);
	for (size_t i = 0; i < n; i++)
		put_row(b, &v[i], i);
	/* Backwards, as each is measured against the one before it. */
	for (size_t i = n - 1; i > 0; i--) {
		if (b->col[ADDR_HI][i] == b->col[ADDR_HI][i - 1])
			b->col[ADDR_LO][i] -= b->col[ADDR_LO][i - 1];
		b->col[ADDR_HI][i] -= b->col[ADDR_HI][i - 1];
	}
	for (int k = 0; k < COL_N; k++)
		column_encode(b->coder, b->col[k], n, out);
}

static struct addr addr_at(const struct sourceblock *b, size_t i)
{
	struct addr a;
	store_be32(a.b, (uint32_t)(b->col[ADDR_HI][i] >> 32));
	store_be32(a.b + 4, (uint32_t)b->col[ADDR_HI][i]);
	store_be32(a.b + 8, (uint32_t)(b->col[ADDR_LO][i] >> 32));
	store_be32(a.b + 12, (uint32_t)b->col[ADDR_LO][i]);
	return a;
}

static void get_row(const struct sourceblock *b, size_t i, int64_t minute, struct source *s)
{
	memset(s, 0, sizeof *s);
	s->addr = addr_at(b, i);
	s->minute = minute;
	s->first_ns = (int64_t)((uint64_t)minute * (uint64_t)MINUTE_NS + b->col[FIRST][i]);
	s->last_ns = (int64_t)((uint64_t)s->first_ns + b->col[LAST][i]);
	s->packets = b->col[PACKETS][i];
	s->bytes = b->col[BYTES][i];
	s->syns = (uint32_t)b->col[SYNS][i];
	s->constants = (uint32_t)b->col[CONSTANTS][i];
	s->targets = (uint32_t)b->col[TARGETS][i];
	s->ports = (uint32_t)b->col[PORTS][i];
	for (int k = 0; k < CLASS_N; k++)
		s->by_class[k] = (uint32_t)b->col[CLASSES + k][i];
	for (int k = 0; k < MARK_N; k++)
		s->marks[k] = (uint32_t)b->col[MARKS + k][i];
}

static int get_addresses(struct sourceblock *b, struct bytes *in, size_t n)
{
	if (column_decode(b->coder, in, b->col[ADDR_HI], n) || column_decode(b->coder, in, b->col[ADDR_LO], n))
		return -1;
	for (size_t i = 1; i < n; i++) {
		if (b->col[ADDR_HI][i] == 0)
			b->col[ADDR_LO][i] += b->col[ADDR_LO][i - 1];
		b->col[ADDR_HI][i] += b->col[ADDR_HI][i - 1];
	}
	return 0;
}

static bool wanted(const struct sourceblock *b, size_t i, const struct prefix *src)
{
	struct addr a = addr_at(b, i);
	return !src || prefix_holds(src, &a);
}

int sourceblock_decode(
	struct sourceblock *b, struct bytes in, int64_t minute, size_t n, const struct sourceblock_query *q)
{
	bool any = false;
	if (n == 0 || n > SOURCEBLOCK_MAX || get_addresses(b, &in, n))
		return -1;
	for (size_t i = 0; i < n && !any; i++)
		any = wanted(b, i, q->src);
	if (!any)
		return 0;
	for (int k = FIRST; k < COL_N; k++)
		if (column_decode(b->coder, &in, b->col[k], n))
			return -1;
	if (in.n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct source s;
		if (!wanted(b, i, q->src))
			continue;
		get_row(b, i, minute, &s);
		if (q->fn(q->arg, &s))
			return 1;
	}
	return 0;
}
