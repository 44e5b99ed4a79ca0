// SPDX-License-Identifier: Apache-2.0
#include "role/batch.h"

#include "base/mem.h"
#include "store/sourceblock.h"
#include <stdlib.h>

#define FRAME 4u

struct batch *batch_new(uint64_t sequence)
{
	struct batch *b = mem_new(sizeof *b);
	b->sequence = sequence;
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	free(b->frames.p);
	free(b);
}

void batch_add(struct batch *b, enum message_kind kind, uint32_t count, const void *body, size_t n)
{
	uint8_t header[MESSAGE_HEADER];
	struct message m = { .kind = (uint16_t)kind, .count = count, .sequence = b->sequence };
	ENSURE(n <= MESSAGE_BODY);
	message_header_build(header, &m);
	message_u32(&b->frames, (uint32_t)(MESSAGE_HEADER + n));
	message_octets(&b->frames, header, sizeof header);
	message_octets(&b->frames, body, n);
}

void batch_blocks(struct batch *b, struct bytes blocks)
{
	for (size_t at = 0; at < blocks.n; at += MESSAGE_BODY) {
		struct bytes piece = bytes_head(bytes_from(blocks, at), MESSAGE_BODY);
		batch_add(b, MESSAGE_BLOCKS, 0, piece.p, piece.n);
	}
}

/* Small enough that a block of them always fits a message: a source takes 136 octets at the most. */
#define SOURCES_A_MESSAGE 256u

void batch_sources(struct batch *b, struct sourceblock *encoder, const struct source *v, size_t n)
{
	struct column_buf out = { 0 };
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && end - i < SOURCES_A_MESSAGE && v[end].minute == v[i].minute;)
			end++;
		out.n = 0;
		column_buf_u64(&out, (uint64_t)v[i].minute);
		sourceblock_encode(encoder, v + i, end - i, &out);
		batch_add(b, MESSAGE_SOURCES, (uint32_t)(end - i), out.p, out.n);
	}
	column_buf_free(&out);
}

static void put_rollup(struct message_buf *out, const struct rollup_row *r)
{
	message_u64(out, (uint64_t)r->hour);
	message_u8(out, (uint8_t)r->dim);
	message_text(out, r->key);
	message_u64(out, r->id);
	message_u64(out, r->packets);
	message_u32(out, r->sources.n);
	for (uint32_t i = 0; i < r->sources.n; i++)
		message_u64(out, r->sources.v[i]);
}

void batch_rollup(struct batch *b, struct rollup *r)
{
	size_t n;
	struct rollup_row *rows = rollup_rows(r, &n);
	struct message_buf out = { 0 };
	uint32_t count = 0;
	for (size_t i = 0; i < n; i++) {
		size_t room = 64 + ROLLUP_KEY_MAX + 8 * (size_t)rows[i].sources.n;
		if (count && out.n + room > MESSAGE_BODY) {
			batch_add(b, MESSAGE_ROLLUP, count, out.p, out.n);
			out.n = count = 0;
		}
		put_rollup(&out, &rows[i]);
		count++;
	}
	if (count)
		batch_add(b, MESSAGE_ROLLUP, count, out.p, out.n);
	free(out.p);
}

static void add_one(struct batch *b, enum message_kind kind, struct message_buf *body)
{
	batch_add(b, kind, 1, body->p, body->n);
	free(body->p);
}

void batch_signal(struct batch *b, const struct signal *s)
{
	struct message_buf out = { 0 };
	message_signal(&out, s);
	add_one(b, MESSAGE_SIGNAL, &out);
}

void batch_row(struct batch *b, enum message_kind kind, const struct row_kind *row, const void *record)
{
	struct message_buf out = { 0 };
	message_row(&out, row, record);
	add_one(b, kind, &out);
}

void batch_finding(struct batch *b, const struct finding *f)
{
	struct message_buf out = { 0 };
	message_finding(&out, f);
	add_one(b, MESSAGE_FINDING, &out);
}

void batch_commit(struct batch *b, int64_t until_ns, bool ended)
{
	struct message_buf out = { 0 };
	message_u64(&out, (uint64_t)until_ns);
	message_u8(&out, ended);
	b->until_ns = until_ns;
	add_one(b, MESSAGE_COMMIT, &out);
}

bool batch_next(struct bytes frames, size_t *at, struct message *out)
{
	const uint8_t *head = bytes_need(frames, *at, FRAME);
	uint32_t n = head ? load_le32(head) : 0;
	const uint8_t *p = n ? bytes_need(frames, *at + FRAME, n) : NULL;
	if (!p || message_parse((struct bytes){ p, n }, out) < 0)
		return false;
	*at += FRAME + n;
	return true;
}
