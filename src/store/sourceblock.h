// SPDX-License-Identifier: Apache-2.0
/*
 * Source records of one minute as columns, like the flows: a tenth of the time and a fifth of the room that a row a
 * source takes. The bytes go into a blob of the database. See docs/flow-archive.md, "Sources".
 */
#pragma once
#include "model/source.h"
#include "store/column.h"

#define SOURCEBLOCK_MAX 8192u

struct sourceblock; /* opaque; one thread */
struct sourceblock *sourceblock_new(void);
void sourceblock_free(struct sourceblock *b);

/* Appends `n` (1 .. SOURCEBLOCK_MAX) sources of one minute, ascending by address. */
void sourceblock_encode(struct sourceblock *b, const struct source *v, size_t n, struct column_buf *out);

struct sourceblock_query {
	const struct prefix *src; /* NULL: all */
	int (*fn)(void *arg, const struct source *);
	void *arg;
};

/*
 * Reads a block of `n` sources of a minute and hands out those that fit. Any bytes are safe. Returns 0, -1 for bytes
 * that are no such block, 1 when `fn` returned other than 0.
 */
int sourceblock_decode(
	struct sourceblock *b, struct bytes in, int64_t minute, size_t n, const struct sourceblock_query *q) NODISCARD;
