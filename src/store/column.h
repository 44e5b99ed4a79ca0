// SPDX-License-Identifier: Apache-2.0
/*
 * One column of whole numbers to bytes and back, exactly. The encoder tries the codings on a sample and takes the
 * smallest; the bytes are those of docs/flow-archive.md and the same on every machine. A coder belongs to one thread.
 */
#pragma once
#include "base/bytes.h"

#define COLUMN_MAX_VALUES (256u << 10)

/* How many of `n` values are looked at to choose a coding: a sixteenth, 512 at least, 4,096 at most. */
size_t column_sample(size_t n);

/* Bytes that grow. */
struct column_buf {
	uint8_t *p;
	size_t n, cap;
};

/* Makes room for `n` more bytes and returns where they go; the caller adds to `n` what it used. */
uint8_t *column_buf_room(struct column_buf *b, size_t n);
void column_buf_u8(struct column_buf *b, uint8_t v);
void column_buf_u32(struct column_buf *b, uint32_t v);
void column_buf_u64(struct column_buf *b, uint64_t v);
void column_buf_free(struct column_buf *b);

struct column_coder;

struct column_coder *column_new(void);
void column_free(struct column_coder *c);

/* Appends the coded form of `n` (<= COLUMN_MAX_VALUES) values to `out`. */
void column_encode(struct column_coder *c, const uint64_t *v, size_t n, struct column_buf *out);

/* Roughly how many bytes column_encode() would take for these few values: for choosing between two ways to write a
 * column. */
size_t column_estimate(struct column_coder *c, const uint64_t *v, size_t n);

/*
 * Reads one column of `n` values from the front of `in` and moves `in` behind it. Any bytes are safe. `v` has room for
 * COLUMN_MAX_VALUES. Returns 0, or -1 when the bytes are no such column.
 */
int column_decode(struct column_coder *c, struct bytes *in, uint64_t *v, size_t n) NODISCARD;
