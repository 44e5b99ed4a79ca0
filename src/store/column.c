// SPDX-License-Identifier: Apache-2.0
#include "store/column.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>
#include <zstd.h>

#define LEVEL	   1
#define DICT_MAX   255u /* index 0 is the escape */
#define DICT_SLOTS 4096u
#define SLACK	   16u /* bytes behind the packed bits, so that a reader may load a whole word */

enum coding { CODING_EQUAL, CODING_PLANES, CODING_LOG, CODING_DICT, CODING_N };
enum plane { PLANE_RAW, PLANE_EQUAL, PLANE_ZSTD };

struct slot {
	uint64_t value;
	uint32_t count; /* 0: free */
	uint32_t index;
};

struct column_coder {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
	uint8_t plane[COLUMN_MAX_VALUES];
	uint8_t bits[COLUMN_MAX_VALUES * 8 + SLACK];
	uint64_t escaped[COLUMN_MAX_VALUES];
	struct slot slots[DICT_SLOTS];
	struct column_buf trial;
};

size_t column_sample(size_t n)
{
	size_t few = n / 16 < 512 ? 512 : n / 16 > 4096 ? 4096 : n / 16;
	return few < n ? few : n;
}

uint8_t *column_buf_room(struct column_buf *b, size_t n)
{
	if (b->cap - b->n < n) {
		size_t cap = b->cap * 2 > b->n + n ? b->cap * 2 : b->n + n;
		b->p = mem_grow(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void column_buf_u8(struct column_buf *b, uint8_t v)
{
	*column_buf_room(b, 1) = v;
	b->n += 1;
}

void column_buf_u32(struct column_buf *b, uint32_t v)
{
	store_le32(column_buf_room(b, 4), v);
	b->n += 4;
}

void column_buf_u64(struct column_buf *b, uint64_t v)
{
	store_le64(column_buf_room(b, 8), v);
	b->n += 8;
}

void column_buf_free(struct column_buf *b)
{
	free(b->p);
	*b = (struct column_buf){ 0 };
}

struct column_coder *column_new(void)
{
	struct column_coder *c = mem_map(sizeof *c);
	c->pack = ZSTD_createCCtx();
	c->unpack = ZSTD_createDCtx();
	ENSURE(c->pack && c->unpack);
	return c;
}

void column_free(struct column_coder *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->pack);
	ZSTD_freeDCtx(c->unpack);
	column_buf_free(&c->trial);
	mem_unmap(c, sizeof *c);
}

/* A plane: kind, length, content. */
static void put_plane(struct column_coder *c, const uint8_t *p, size_t n, struct column_buf *out)
{
	if (n == 0 || memcmp(p, p + 1, n - 1) == 0) {
		column_buf_u8(out, PLANE_EQUAL);
		column_buf_u8(out, n ? p[0] : 0);
		return;
	}
	size_t bound = ZSTD_compressBound(n);
	uint8_t *at = column_buf_room(out, 5 + bound);
	size_t size = ZSTD_compressCCtx(c->pack, at + 5, bound, p, n, LEVEL);
	ENSURE(!ZSTD_isError(size));
	at[0] = PLANE_ZSTD;
	if (size >= n) {
		at[0] = PLANE_RAW;
		size = n;
		memcpy(at + 5, p, n);
	}
	store_le32(at + 1, (uint32_t)size);
	out->n += 5 + size;
}

static int get_u8(struct bytes *in, uint8_t *v)
{
	if (in->n < 1)
		return -1;
	*v = in->p[0];
	*in = bytes_from(*in, 1);
	return 0;
}

static int get_part(struct bytes *in, struct bytes *part)
{
	const uint8_t *p = bytes_need(*in, 0, 4);
	if (!p)
		return -1;
	size_t n = load_le32(p);
	p = bytes_need(*in, 4, n);
	if (!p)
		return -1;
	*part = (struct bytes){ p, n };
	*in = bytes_from(*in, 4 + n);
	return 0;
}

/* The `n` bytes of a plane, either in `in` itself or in `c->plane`; NULL when the bytes are no plane of that size. */
static const uint8_t *get_plane(struct column_coder *c, struct bytes *in, size_t n)
{
	uint8_t kind, value;
	struct bytes part;
	if (get_u8(in, &kind))
		return NULL;
	if (kind == PLANE_EQUAL) {
		if (get_u8(in, &value))
			return NULL;
		memset(c->plane, value, n);
		return c->plane;
	}
	if (get_part(in, &part))
		return NULL;
	if (kind == PLANE_RAW)
		return part.n == n ? part.p : NULL;
	if (kind != PLANE_ZSTD || ZSTD_decompressDCtx(c->unpack, c->plane, n, part.p, part.n) != n)
		return NULL;
	return c->plane;
}

static unsigned bit_length(uint64_t v)
{
	return v ? 64u - (unsigned)__builtin_clzll(v) : 0;
}

static void put_planes(struct column_coder *c, const uint64_t *v, size_t n, struct column_buf *out)
{
	uint64_t base = n ? v[0] : 0, top = base;
	for (size_t i = 0; i < n; i++) {
		base = v[i] < base ? v[i] : base;
		top = v[i] > top ? v[i] : top;
	}
	unsigned width = (bit_length(top - base) + 7) / 8;
	column_buf_u8(out, CODING_PLANES);
	column_buf_u8(out, (uint8_t)width);
	column_buf_u64(out, base);
	for (unsigned k = 0; k < width; k++) {
		for (size_t i = 0; i < n; i++)
			c->plane[i] = (uint8_t)((v[i] - base) >> 8 * k);
		put_plane(c, c->plane, n, out);
	}
}

static int get_planes(struct column_coder *c, struct bytes *in, uint64_t *v, size_t n)
{
	uint8_t width;
	if (get_u8(in, &width) || width > 8 || in->n < 8)
		return -1;
	uint64_t base = load_le64(in->p);
	*in = bytes_from(*in, 8);
	for (size_t i = 0; i < n; i++)
		v[i] = base;
	for (unsigned k = 0; k < width; k++) {
		const uint8_t *p = get_plane(c, in, n);
		if (!p)
			return -1;
		for (size_t i = 0; i < n; i++)
			v[i] += (uint64_t)p[i] << 8 * k;
	}
	return 0;
}

/* Bit length as a plane, then the bits below the leading one, least significant first. */
static void put_log(struct column_coder *c, const uint64_t *v, size_t n, struct column_buf *out)
{
	uint64_t word = 0;
	unsigned held = 0;
	uint8_t *at = c->bits;
	for (size_t i = 0; i < n; i++) {
		unsigned len = bit_length(v[i]);
		c->plane[i] = (uint8_t)len;
		if (len < 2)
			continue;
		unsigned extra = len - 1;
		uint64_t low = v[i] & ((UINT64_C(1) << extra) - 1);
		word |= low << held;
		if (held + extra >= 64) {
			store_le64(at, word);
			at += 8;
			word = held ? low >> (64 - held) : 0;
			held = held + extra - 64;
		} else {
			held += extra;
		}
	}
	store_le64(at, word);
	size_t size = (size_t)(at - c->bits) + (held + 7) / 8;
	column_buf_u8(out, CODING_LOG);
	put_plane(c, c->plane, n, out);
	column_buf_u32(out, (uint32_t)size);
	memcpy(column_buf_room(out, size), c->bits, size);
	out->n += size;
}

static int get_log(struct column_coder *c, struct bytes *in, uint64_t *v, size_t n)
{
	struct bytes part;
	const uint8_t *len = get_plane(c, in, n);
	uint64_t need = 0;
	if (!len || get_part(in, &part) || part.n > sizeof c->bits - SLACK)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (len[i] > 64)
			return -1;
		need += len[i] ? len[i] - 1u : 0;
	}
	if ((need + 7) / 8 != part.n)
		return -1;
	memcpy(c->bits, part.p, part.n);
	memset(c->bits + part.n, 0, SLACK);
	uint64_t at = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned extra = len[i] ? len[i] - 1u : 0, shift = at & 7;
		const uint8_t *p = c->bits + (at >> 3);
		uint64_t word = load_le64(p) >> shift;
		if (__builtin_expect(extra + shift > 64, 0))
			word |= (uint64_t)p[8] << (64 - shift);
		uint64_t one = UINT64_C(1) << extra;
		v[i] = len[i] ? (word & (one - 1)) | one : 0;
		at += extra;
	}
	return 0;
}

static struct slot *find_slot(struct column_coder *c, uint64_t value)
{
	size_t i = random_mix(value) & (DICT_SLOTS - 1);
	while (c->slots[i].count && c->slots[i].value != value)
		i = (i + 1) & (DICT_SLOTS - 1);
	return &c->slots[i];
}

static int more_frequent(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

static int lower_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* The up to 255 most frequent values of (at most a quarter of the slots of) the column, ascending. */
static size_t pick_words(struct column_coder *c, const uint64_t *v, size_t n, uint64_t words[DICT_MAX])
{
	struct slot seen[DICT_SLOTS / 4];
	size_t used = 0, kept = 0;
	memset(c->slots, 0, sizeof c->slots);
	for (size_t i = 0; i < n; i++) {
		struct slot *s = find_slot(c, v[i]);
		if (!s->count && used == DICT_SLOTS / 4)
			continue;
		used += !s->count;
		s->value = v[i];
		s->count++;
	}
	for (size_t i = 0; i < DICT_SLOTS; i++)
		if (c->slots[i].count > 1)
			seen[kept++] = c->slots[i];
	qsort(seen, kept, sizeof *seen, more_frequent);
	kept = kept < DICT_MAX ? kept : DICT_MAX;
	for (size_t i = 0; i < kept; i++)
		words[i] = seen[i].value;
	qsort(words, kept, sizeof *words, lower_value);
	return kept;
}

static void put_dict(struct column_coder *c, const uint64_t *v, size_t n, struct column_buf *out)
{
	uint64_t words[DICT_MAX];
	size_t kept = pick_words(c, v, n, words), escaped = 0;
	memset(c->slots, 0, sizeof c->slots);
	for (size_t i = 0; i < kept; i++)
		*find_slot(c, words[i]) = (struct slot){ words[i], 1, (uint32_t)i + 1 };
	for (size_t i = 0; i < n; i++) {
		const struct slot *s = find_slot(c, v[i]);
		c->plane[i] = s->count ? (uint8_t)s->index : 0;
		if (!s->count)
			c->escaped[escaped++] = v[i];
	}
	column_buf_u8(out, CODING_DICT);
	column_buf_u8(out, (uint8_t)kept);
	put_plane(c, c->plane, n, out);
	column_buf_u32(out, (uint32_t)escaped);
	put_planes(c, words, kept, out);
	put_planes(c, c->escaped, escaped, out);
}

/* The planes inside a dictionary carry their coding byte, which can only be that of planes. */
static int get_nested(struct column_coder *c, struct bytes *in, uint64_t *v, size_t n)
{
	uint8_t coding;
	return get_u8(in, &coding) || coding != CODING_PLANES ? -1 : get_planes(c, in, v, n);
}

static int get_dict(struct column_coder *c, struct bytes *in, uint64_t *v, size_t n)
{
	uint64_t words[1 + DICT_MAX] = { 0 };
	uint8_t kept;
	if (get_u8(in, &kept))
		return -1;
	const uint8_t *index = get_plane(c, in, n), *count = bytes_need(*in, 0, 4);
	if (!index || !count)
		return -1;
	memcpy(c->bits, index, n);
	size_t escaped = load_le32(count), zeros = 0;
	for (size_t i = 0; i < n; i++) {
		zeros += c->bits[i] == 0;
		if (c->bits[i] > kept)
			return -1;
	}
	*in = bytes_from(*in, 4);
	if (zeros != escaped || get_nested(c, in, words + 1, kept) || get_nested(c, in, c->escaped, escaped))
		return -1;
	const uint64_t *next = c->escaped;
	for (size_t i = 0; i < n; i++)
		v[i] = c->bits[i] ? words[c->bits[i]] : *next++;
	return 0;
}

static void put(struct column_coder *c, enum coding coding, const uint64_t *v, size_t n, struct column_buf *out)
{
	switch (coding) {
	case CODING_PLANES:
		put_planes(c, v, n, out);
		break;
	case CODING_LOG:
		put_log(c, v, n, out);
		break;
	default:
		put_dict(c, v, n, out);
	}
}

static enum coding choose(struct column_coder *c, const uint64_t *v, size_t n, size_t *size)
{
	enum coding best = CODING_PLANES;
	size_t least = SIZE_MAX;
	for (enum coding k = CODING_PLANES; k < CODING_N; k++) {
		c->trial.n = 0;
		put(c, k, v, n, &c->trial);
		/* Planes are the fastest to read: another coding has to earn its place. */
		if (c->trial.n < least - (least == SIZE_MAX ? 0 : least / 200)) {
			least = c->trial.n;
			best = k;
		}
	}
	*size = least;
	return best;
}

void column_encode(struct column_coder *c, const uint64_t *v, size_t n, struct column_buf *out)
{
	ENSURE(n <= COLUMN_MAX_VALUES);
	if (n == 0 || memcmp(v, v + 1, (n - 1) * sizeof *v) == 0) {
		column_buf_u8(out, CODING_EQUAL);
		column_buf_u64(out, n ? v[0] : 0);
		return;
	}
	size_t ignored, few = column_sample(n);
	put(c, choose(c, v + (n - few) / 2, few, &ignored), v, n, out);
}

size_t column_estimate(struct column_coder *c, const uint64_t *v, size_t n)
{
	size_t size;
	if (n == 0 || memcmp(v, v + 1, (n - 1) * sizeof *v) == 0)
		return 9;
	choose(c, v, n, &size);
	return size;
}

int column_decode(struct column_coder *c, struct bytes *in, uint64_t *v, size_t n)
{
	uint8_t coding;
	if (n > COLUMN_MAX_VALUES || get_u8(in, &coding))
		return -1;
	switch (coding) {
	case CODING_EQUAL:
		if (in->n < 8)
			return -1;
		for (size_t i = 0; i < n; i++)
			v[i] = load_le64(in->p);
		*in = bytes_from(*in, 8);
		return 0;
	case CODING_PLANES:
		return get_planes(c, in, v, n);
	case CODING_LOG:
		return get_log(c, in, v, n);
	case CODING_DICT:
		return get_dict(c, in, v, n);
	default:
		return -1;
	}
}
