// SPDX-License-Identifier: Apache-2.0
#include "store/archive.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/flowsort.h"
#include "store/rowset.h"

#include <stdlib.h>
#include <xxhash.h>

#define MAGIC	0x42464b53u /* "SKFB" */
#define VERSION 1
#define SEED	0
#define AHEAD	8

struct archive_encoder {
	struct rowset *rows;
	struct column_coder *coder;
	uint32_t *order; /* row numbers: IPv4 ascending from the front, IPv6 behind them */
	struct flowsort_item *scratch;
	size_t cap, scratch_cap;
};

struct archive_decoder {
	struct rowset *rows;
	struct column_coder *coder;
};

struct archive_encoder *archive_encoder_new(void)
{
	struct archive_encoder *e = mem_new(sizeof *e);
	e->rows = rowset_new();
	e->coder = column_new();
	return e;
}

void archive_encoder_free(struct archive_encoder *e)
{
	if (!e)
		return;
	rowset_free(e->rows);
	column_free(e->coder);
	free(e->order);
	free(e->scratch);
	free(e);
}

uint64_t archive_sum(struct bytes payload)
{
	return XXH64(payload.p, payload.n, SEED);
}

static void put_header(const struct archive_header *h, uint8_t p[ARCHIVE_HEADER])
{
	memset(p, 0, ARCHIVE_HEADER);
	store_le32(p, MAGIC);
	store_le16(p + 4, VERSION);
	p[6] = h->wide;
	p[7] = (uint8_t)h->level;
	store_le32(p + 8, h->flows);
	store_le32(p + 12, h->payload);
	store_le64(p + 16, h->sender);
	store_le64(p + 24, h->sequence);
	store_le32(p + 32, h->part);
	store_le32(p + 36, h->parts);
	store_le64(p + 40, (uint64_t)h->minute);
	store_le64(p + 48, h->packets);
	store_le64(p + 56, h->bytes);
	store_le64(p + 64, (uint64_t)h->first_ns);
	store_le64(p + 72, (uint64_t)h->last_ns);
	memcpy(p + 80, h->src_min.b, 16);
	memcpy(p + 96, h->src_max.b, 16);
	store_le64(p + 112, h->unit_ns);
	store_le64(p + 120, h->sum);
	memcpy(p + 128, h->sensor, ARCHIVE_SENSOR_MAX);
	store_le64(p + ARCHIVE_HEADER - 8, XXH64(p, ARCHIVE_HEADER - 8, SEED));
}

int archive_header_parse(struct bytes in, struct archive_header *out)
{
	const uint8_t *p = bytes_need(in, 0, ARCHIVE_HEADER);
	if (!p)
		return -ARCHIVE_SHORT;
	if (load_le32(p) != MAGIC || load_le16(p + 4) != VERSION ||
		load_le64(p + ARCHIVE_HEADER - 8) != XXH64(p, ARCHIVE_HEADER - 8, SEED))
		return -ARCHIVE_BAD;
	*out = (struct archive_header){
		.wide = p[6],
		.level = p[7] ? ARCHIVE_KEY : ARCHIVE_ALL,
		.flows = load_le32(p + 8),
		.payload = load_le32(p + 12),
		.sender = load_le64(p + 16),
		.sequence = load_le64(p + 24),
		.part = load_le32(p + 32),
		.parts = load_le32(p + 36),
		.minute = (int64_t)load_le64(p + 40),
		.packets = load_le64(p + 48),
		.bytes = load_le64(p + 56),
		.first_ns = (int64_t)load_le64(p + 64),
		.last_ns = (int64_t)load_le64(p + 72),
		.src_min = addr_from6(p + 80),
		.src_max = addr_from6(p + 96),
		.unit_ns = load_le64(p + 112),
		.sum = load_le64(p + 120),
	};
	memcpy(out->sensor, p + 128, ARCHIVE_SENSOR_MAX);
	out->sensor[ARCHIVE_SENSOR_MAX - 1] = 0;
	/* A minute whose nanoseconds no number holds is none. */
	if (out->minute > INT64_MAX / MINUTE_NS - 2 || out->minute < INT64_MIN / MINUTE_NS + 2)
		return -ARCHIVE_BAD;
	if (p[6] > 1 || p[7] > 1 || out->flows == 0 || out->flows > ARCHIVE_BLOCK_FLOWS ||
		out->payload > ARCHIVE_PAYLOAD_MAX)
		return -ARCHIVE_BAD;
	return 0;
}

bool archive_header_matches(const struct archive_header *h, int64_t from_ns, int64_t to_ns, const struct prefix *src)
{
	if (h->last_ns < from_ns || h->first_ns >= to_ns)
		return false;
	if (!src)
		return true;
	struct addr end = src->addr;
	for (unsigned bit = src->bits; bit < 128; bit++)
		end.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return addr_cmp(&h->src_max, &src->addr) >= 0 && addr_cmp(&h->src_min, &end) <= 0;
}

/* Row numbers of the IPv4 flows first, then of the others; returns how many are IPv4. */
static size_t split(struct archive_encoder *e, const struct archive_batch *b)
{
	if (e->cap < b->n) {
		e->cap = b->n;
		e->order = mem_grow(e->order, e->cap * sizeof *e->order);
	}
	size_t narrow = 0, end = b->n;
	for (size_t i = 0; i < b->n; i++) {
		if (addr_is4(&b->flows[i].src) && addr_is4(&b->flows[i].dst))
			e->order[narrow++] = (uint32_t)i;
		else
			e->order[--end] = (uint32_t)i;
	}
	for (size_t i = narrow, k = b->n; i + 1 < k; i++) {
		uint32_t row = e->order[i];
		e->order[i] = e->order[--k];
		e->order[k] = row;
	}
	return narrow;
}

/* Room to sort is taken only when there is something to sort. */
static void sort(struct archive_encoder *e, const struct archive_batch *b, uint32_t *order, size_t n, bool wide)
{
	if (flowsort_sorted(b->flows, order, n))
		return;
	if (e->scratch_cap < 2 * n) {
		e->scratch_cap = 2 * n;
		e->scratch = mem_grow(e->scratch, e->scratch_cap * sizeof *e->scratch);
	}
	flowsort_rows(b->flows, order, n, wide, e->scratch);
}

static void summarize(struct archive_header *h, const struct archive_batch *b, const uint32_t *order, size_t n)
{
	h->flows = (uint32_t)n;
	h->src_min = b->flows[order[0]].src;
	h->src_max = b->flows[order[n - 1]].src;
	h->first_ns = h->last_ns = h->minute * MINUTE_NS;
	if (h->level == ARCHIVE_ALL) {
		h->first_ns = INT64_MAX;
		h->last_ns = INT64_MIN;
	}
	for (size_t i = 0; i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(&b->flows[order[i + AHEAD]].packets);
		const struct flow *f = &b->flows[order[i]];
		h->packets += f->packets;
		h->bytes += f->bytes;
		if (h->level == ARCHIVE_KEY)
			continue;
		h->first_ns = f->first_ns < h->first_ns ? f->first_ns : h->first_ns;
		h->last_ns = f->last_ns > h->last_ns ? f->last_ns : h->last_ns;
	}
}

static void encode_block(struct archive_encoder *e, const struct archive_batch *b, const uint32_t *order, size_t n,
	struct archive_header *h, struct column_buf *out)
{
	summarize(h, b, order, n);
	struct rowset_frame frame = {
		.wide = h->wide, .times = h->level == ARCHIVE_ALL, .minute_ns = h->minute * MINUTE_NS
	};
	rowset_gather(e->rows, &frame, b->flows, order, n);
	h->unit_ns = frame.unit_ns;
	size_t at = out->n;
	column_buf_room(out, ARCHIVE_HEADER);
	out->n += ARCHIVE_HEADER;
	rowset_encode(e->rows, e->coder, &frame, out);
	h->payload = (uint32_t)(out->n - at - ARCHIVE_HEADER);
	ENSURE(h->payload <= ARCHIVE_PAYLOAD_MAX);
	h->sum = archive_sum((struct bytes){ out->p + at + ARCHIVE_HEADER, h->payload });
	put_header(h, out->p + at);
}

static uint32_t blocks_of(size_t n)
{
	return (uint32_t)((n + ARCHIVE_BLOCK_FLOWS - 1) / ARCHIVE_BLOCK_FLOWS);
}

uint32_t archive_encode(struct archive_encoder *e, const struct archive_batch *b, struct column_buf *out)
{
	ENSURE(b->n <= UINT32_MAX);
	size_t narrow = split(e, b);
	const size_t count[2] = { narrow, b->n - narrow };
	uint32_t parts = blocks_of(count[0]) + blocks_of(count[1]), part = 0;
	for (int wide = 0; wide < 2; wide++) {
		uint32_t *order = e->order + (wide ? narrow : 0), blocks = blocks_of(count[wide]);
		sort(e, b, order, count[wide], wide);
		/* Equal shares, so that each block covers a narrow range of sources. */
		for (uint32_t k = 0; k < blocks; k++) {
			size_t from = count[wide] * k / blocks, to = count[wide] * (k + 1) / blocks;
			struct archive_header h = { .wide = wide,
				.level = b->level,
				.sender = b->sender,
				.sequence = b->sequence,
				.part = part++,
				.parts = parts,
				.minute = b->minute };
			memcpy(h.sensor, b->sensor, strnlen(b->sensor, ARCHIVE_SENSOR_MAX - 1));
			encode_block(e, b, order + from, to - from, &h, out);
		}
	}
	return parts;
}

struct archive_decoder *archive_decoder_new(void)
{
	struct archive_decoder *d = mem_new(sizeof *d);
	d->rows = rowset_new();
	d->coder = column_new();
	return d;
}

void archive_decoder_free(struct archive_decoder *d)
{
	if (!d)
		return;
	rowset_free(d->rows);
	column_free(d->coder);
	free(d);
}

static int hand_out(struct archive_decoder *d, const struct archive_header *h, const struct archive_query *q,
	size_t from, size_t to)
{
	struct flow chunk[ARCHIVE_CHUNK];
	bool all = h->first_ns >= q->from_ns && h->last_ns < q->to_ns;
	for (size_t i = from; i < to; i += ARCHIVE_CHUNK) {
		size_t n = to - i < ARCHIVE_CHUNK ? to - i : ARCHIVE_CHUNK, kept = 0;
		rowset_read(d->rows, i, n, chunk);
		for (size_t k = 0; !all && k < n; k++)
			if (chunk[k].first_ns >= q->from_ns && chunk[k].first_ns < q->to_ns)
				chunk[kept++] = chunk[k];
		n = all ? n : kept;
		if (n && q->fn(q->arg, h, chunk, n))
			return -ARCHIVE_STOPPED;
	}
	return 0;
}

int archive_decode(
	struct archive_decoder *d, const struct archive_header *h, struct bytes payload, const struct archive_query *q)
{
	if (payload.n != h->payload)
		return -ARCHIVE_SHORT;
	if (archive_sum(payload) != h->sum)
		return -ARCHIVE_SUM;
	struct rowset_frame frame = { .wide = h->wide,
		.times = h->level == ARCHIVE_ALL,
		.minute_ns = h->minute * MINUTE_NS,
		.unit_ns = h->unit_ns };
	size_t from = 0, to = h->flows;
	if (rowset_open(d->rows, d->coder, &frame, &payload, h->flows))
		return -ARCHIVE_BAD;
	if (q->src)
		rowset_find(d->rows, q->src, &from, &to);
	if (from >= to)
		return 0;
	if (rowset_decode(d->rows, d->coder, &payload))
		return -ARCHIVE_BAD;
	return hand_out(d, h, q, from, to);
}
