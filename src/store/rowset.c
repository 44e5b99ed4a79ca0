// SPDX-License-Identifier: Apache-2.0
#include "store/rowset.h"

#include "base/err.h"
#include "base/mem.h"

#define MAX   COLUMN_MAX_VALUES
#define AHEAD 8

/* IPv4 has its addresses in the low columns alone. */
enum col { SRC_HI, SRC_LO, DPORT, DST_HI, DST_LO, SPORT, SHAPE, TTL, PACKETS, RESIDUE, FIRST, LAST, COL_N };

/* A row is fresh when it begins a group: then the row above says nothing about its value. */
enum fresh { FRESH_FIRST, FRESH_SRC_HI, FRESH_SRC, FRESH_PORT };

/* How a row that is not fresh is measured against the one above it. */
enum against { AGAINST_NOTHING, AGAINST_DELTA, AGAINST_SAME, AGAINST_N };

/* `narrow`: values below 2^63, so that "same as above" finds a code. In the order of the bytes. */
static const struct {
	uint8_t wide_only, times_only, fresh, narrow;
} rules[COL_N] = {
	[SRC_HI] = { .wide_only = 1, .fresh = FRESH_FIRST },
	[SRC_LO] = { .fresh = FRESH_SRC_HI },
	[DPORT] = { .fresh = FRESH_SRC, .narrow = 1 },
	[DST_HI] = { .wide_only = 1, .fresh = FRESH_PORT },
	[DST_LO] = { .fresh = FRESH_PORT },
	[SPORT] = { .fresh = FRESH_SRC, .narrow = 1 },
	[SHAPE] = { .fresh = FRESH_SRC, .narrow = 1 },
	[TTL] = { .fresh = FRESH_SRC, .narrow = 1 },
	[PACKETS] = { .fresh = FRESH_FIRST },
	[RESIDUE] = { .fresh = FRESH_FIRST },
	[FIRST] = { .times_only = 1, .fresh = FRESH_FIRST },
	[LAST] = { .times_only = 1, .fresh = FRESH_FIRST },
};

struct rowset {
	size_t n;
	struct rowset_frame frame;
	uint64_t col[COL_N][MAX];
	uint64_t fresh_values[MAX + 1], other_values[MAX + 1];
	uint64_t sample[MAX];
	uint8_t fresh[MAX]; /* bits: 1 << enum fresh */
};

struct rowset *rowset_new(void)
{
	return mem_map(sizeof(struct rowset));
}

void rowset_free(struct rowset *r)
{
	if (r)
		mem_unmap(r, sizeof *r);
}

static uint64_t zigzag(uint64_t d)
{
	return d << 1 ^ (0 - (d >> 63));
}

static uint64_t unzigzag(uint64_t z)
{
	return z >> 1 ^ (0 - (z & 1));
}

static bool used(const struct rowset_frame *f, enum col k)
{
	return (f->wide || !rules[k].wide_only) && (f->times || !rules[k].times_only);
}

static uint64_t shape_of(const struct flow *f)
{
	return (uint64_t)f->proto << 48 | (uint64_t)f->tcp_flags << 40 | (uint64_t)f->cls << 32 |
	       (uint64_t)f->tags << 16 | f->ip_len;
}

/* The largest of 1 s, 1 ms, 1 us and 1 ns that divides every time of the block. */
static uint64_t common_unit(const uint64_t *first, const uint64_t *last, size_t n)
{
	uint64_t unit = 1000000000;
	for (size_t i = 0; i < n && unit > 1; i++)
		while (first[i] % unit || last[i] % unit)
			unit /= 1000;
	return unit;
}

static void scale_times(struct rowset *r)
{
	uint64_t unit = common_unit(r->col[FIRST], r->col[LAST], r->n);
	r->frame.unit_ns = unit;
	if (unit > 1)
		for (size_t i = 0; i < r->n; i++) {
			r->col[FIRST][i] /= unit;
			r->col[LAST][i] /= unit;
		}
}

static void mark_fresh(struct rowset *r)
{
	const uint64_t *hi = r->col[SRC_HI], *lo = r->col[SRC_LO], *port = r->col[DPORT];
	r->fresh[0] = 1 << FRESH_FIRST | 1 << FRESH_SRC_HI | 1 << FRESH_SRC | 1 << FRESH_PORT;
	for (size_t i = 1; i < r->n; i++) {
		unsigned h = r->frame.wide && hi[i] != hi[i - 1], s = h | (lo[i] != lo[i - 1]),
			 p = s | (port[i] != port[i - 1]);
		r->fresh[i] = (uint8_t)(h << FRESH_SRC_HI | s << FRESH_SRC | p << FRESH_PORT);
	}
}

void rowset_gather(
	struct rowset *r, struct rowset_frame *frame, const struct flow *flows, const uint32_t *order, size_t n)
{
	ENSURE(n > 0 && n <= MAX);
	r->n = n;
	r->frame = *frame;
	for (size_t i = 0; i < n; i++) {
		if (i + AHEAD < n) {
			__builtin_prefetch(&flows[order[i + AHEAD]]);
			__builtin_prefetch(&flows[order[i + AHEAD]].packets);
		}
		const struct flow *f = &flows[order[i]];
		if (frame->wide) {
			r->col[SRC_HI][i] = load_be64(f->src.b);
			r->col[DST_HI][i] = load_be64(f->dst.b);
		}
		r->col[SRC_LO][i] = frame->wide ? load_be64(f->src.b + 8) : addr_to4(&f->src);
		r->col[DST_LO][i] = frame->wide ? load_be64(f->dst.b + 8) : addr_to4(&f->dst);
		r->col[DPORT][i] = f->dport;
		r->col[SPORT][i] = f->sport;
		r->col[SHAPE][i] = shape_of(f);
		r->col[TTL][i] = f->ttl;
		r->col[PACKETS][i] = f->packets;
		r->col[RESIDUE][i] = f->bytes - f->packets * f->ip_len;
		/* Modulo 2^64: also a time outside its minute comes back as it was. */
		r->col[FIRST][i] = (uint64_t)f->first_ns - (uint64_t)frame->minute_ns;
		r->col[LAST][i] = (uint64_t)f->last_ns - (uint64_t)f->first_ns;
	}
	r->frame.unit_ns = 1;
	if (frame->times)
		scale_times(r);
	frame->unit_ns = r->frame.unit_ns;
	mark_fresh(r);
}

static uint64_t measure(uint64_t x, uint64_t above, enum against how)
{
	switch (how) {
	case AGAINST_DELTA:
		return zigzag(x - above);
	case AGAINST_SAME:
		return x == above ? 0 : x + 1;
	default:
		return x;
	}
}

/* Tries the ways on rows from the middle. */
static enum against choose(struct rowset *r, struct column_coder *c, enum col k)
{
	enum against best = AGAINST_NOTHING;
	size_t least = SIZE_MAX, count = column_sample(r->n), from = (r->n - count) / 2;
	for (enum against how = AGAINST_NOTHING; how < AGAINST_N; how++) {
		size_t m = 0;
		if (how == AGAINST_SAME && !rules[k].narrow)
			continue;
		for (size_t i = from; i < from + count; i++)
			if (!(r->fresh[i] >> rules[k].fresh & 1))
				r->sample[m++] = measure(r->col[k][i], r->col[k][i - 1], how);
		size_t size = column_estimate(c, r->sample, m);
		if (size < least) {
			least = size;
			best = how;
		}
	}
	return best;
}

static void encode_column(struct rowset *r, struct column_coder *c, enum col k, struct column_buf *out)
{
	enum against how = choose(r, c, k);
	const uint64_t *v = r->col[k];
	size_t nf = 0, no = 0;
	for (size_t i = 0; i < r->n; i++) {
		unsigned fresh = r->fresh[i] >> rules[k].fresh & 1;
		r->fresh_values[nf] = v[i];
		r->other_values[no] = measure(v[i], i ? v[i - 1] : 0, how);
		nf += fresh;
		no += !fresh;
	}
	column_buf_u8(out, (uint8_t)how);
	column_encode(c, r->fresh_values, nf, out);
	column_encode(c, r->other_values, no, out);
}

void rowset_encode(struct rowset *r, struct column_coder *c, const struct rowset_frame *frame, struct column_buf *out)
{
	for (enum col k = 0; k < COL_N; k++)
		if (used(frame, k))
			encode_column(r, c, k, out);
}

/* Both streams are read one element past their end at most, which the arrays have room for. */
static void combine(struct rowset *r, enum col k, enum against how)
{
	const uint64_t *fresh = r->fresh_values, *other = r->other_values;
	uint64_t *v = r->col[k], x = 0;
	unsigned shift = rules[k].fresh;
	for (size_t i = 0; i < r->n; i++) {
		unsigned f = r->fresh[i] >> shift & 1;
		uint64_t o = *other;
		if (how == AGAINST_DELTA)
			o = x + unzigzag(o);
		else if (how == AGAINST_SAME)
			o = o ? o - 1 : x;
		x = f ? *fresh : o;
		fresh += f;
		other += !f;
		v[i] = x;
	}
}

static int decode_column(struct rowset *r, struct column_coder *c, enum col k, struct bytes *in)
{
	if (in->n < 1 || in->p[0] >= AGAINST_N)
		return -1;
	enum against how = in->p[0];
	size_t nf = 0;
	*in = bytes_from(*in, 1);
	for (size_t i = 0; i < r->n; i++)
		nf += r->fresh[i] >> rules[k].fresh & 1;
	if (column_decode(c, in, r->fresh_values, nf) || column_decode(c, in, r->other_values, r->n - nf))
		return -1;
	combine(r, k, how);
	return 0;
}

int rowset_open(struct rowset *r, struct column_coder *c, const struct rowset_frame *frame, struct bytes *in, size_t n)
{
	ENSURE(n > 0 && n <= MAX);
	r->n = n;
	r->frame = *frame;
	memset(r->fresh, 0, n);
	r->fresh[0] = 1 << FRESH_FIRST | 1 << FRESH_SRC_HI;
	if (frame->wide) {
		if (decode_column(r, c, SRC_HI, in))
			return -1;
		for (size_t i = 1; i < n; i++)
			r->fresh[i] = (uint8_t)((r->col[SRC_HI][i] != r->col[SRC_HI][i - 1]) << FRESH_SRC_HI);
	}
	return decode_column(r, c, SRC_LO, in);
}

int rowset_decode(struct rowset *r, struct column_coder *c, struct bytes *in)
{
	/* Ports are fresh by source; what is fresh by port is known only behind them. */
	memset(r->col[DPORT], 0, r->n * sizeof r->col[DPORT][0]);
	mark_fresh(r);
	for (enum col k = DPORT; k < COL_N; k++) {
		if (!used(&r->frame, k))
			continue;
		if (decode_column(r, c, k, in))
			return -1;
		if (k == DPORT)
			mark_fresh(r);
	}
	/* Readers index tables by class. */
	uint64_t worst = 0;
	for (size_t i = 0; i < r->n; i++) {
		uint64_t cls = r->col[SHAPE][i] >> 32 & 0xff;
		worst = cls > worst ? cls : worst;
	}
	return in->n == 0 && worst < CLASS_N ? 0 : -1;
}

static struct addr source_at(const struct rowset *r, size_t i)
{
	struct addr a;
	if (!r->frame.wide)
		return addr_from4((uint32_t)r->col[SRC_LO][i]);
	store_be32(a.b, (uint32_t)(r->col[SRC_HI][i] >> 32));
	store_be32(a.b + 4, (uint32_t)r->col[SRC_HI][i]);
	store_be32(a.b + 8, (uint32_t)(r->col[SRC_LO][i] >> 32));
	store_be32(a.b + 12, (uint32_t)r->col[SRC_LO][i]);
	return a;
}

/* The first row whose source lies behind the prefix's start; with `behind`, behind the whole prefix. */
static size_t bound(const struct rowset *r, const struct prefix *p, bool behind)
{
	size_t lo = 0, hi = r->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct addr a = source_at(r, mid);
		bool before = addr_cmp(&a, &p->addr) < 0 || (behind && prefix_holds(p, &a));
		if (before)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void rowset_find(const struct rowset *r, const struct prefix *src, size_t *from, size_t *to)
{
	*from = bound(r, src, false);
	*to = bound(r, src, true);
}

void rowset_read(const struct rowset *r, size_t at, size_t n, struct flow *out)
{
	for (size_t k = 0; k < n; k++) {
		size_t i = at + k;
		struct flow *f = &out[k];
		uint64_t shape = r->col[SHAPE][i];
		memset(f, 0, sizeof *f);
		f->src = source_at(r, i);
		if (r->frame.wide) {
			store_be32(f->dst.b, (uint32_t)(r->col[DST_HI][i] >> 32));
			store_be32(f->dst.b + 4, (uint32_t)r->col[DST_HI][i]);
			store_be32(f->dst.b + 8, (uint32_t)(r->col[DST_LO][i] >> 32));
			store_be32(f->dst.b + 12, (uint32_t)r->col[DST_LO][i]);
		} else {
			f->dst = addr_from4((uint32_t)r->col[DST_LO][i]);
		}
		f->sport = (uint16_t)r->col[SPORT][i];
		f->dport = (uint16_t)r->col[DPORT][i];
		f->ip_len = (uint16_t)shape;
		f->tags = (uint16_t)(shape >> 16);
		f->cls = (uint8_t)(shape >> 32);
		f->tcp_flags = (uint8_t)(shape >> 40);
		f->proto = (uint8_t)(shape >> 48);
		f->ttl = (uint8_t)r->col[TTL][i];
		f->packets = r->col[PACKETS][i];
		f->bytes = f->packets * f->ip_len + r->col[RESIDUE][i];
		f->first_ns = r->frame.minute_ns;
		f->last_ns = f->first_ns;
		if (r->frame.times) {
			f->first_ns = (int64_t)((uint64_t)r->frame.minute_ns + r->col[FIRST][i] * r->frame.unit_ns);
			f->last_ns = (int64_t)((uint64_t)f->first_ns + r->col[LAST][i] * r->frame.unit_ns);
		}
	}
}
