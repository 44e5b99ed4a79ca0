// SPDX-License-Identifier: Apache-2.0
/*
 * The rows of one block as columns, and the rules that say what each column is measured against: the row above it, as
 * long as source (and port) stay the same. See docs/flow-archive.md, "Columns".
 */
#pragma once
#include "model/flow.h"
#include "store/column.h"

struct rowset; /* opaque; room for COLUMN_MAX_VALUES rows */

struct rowset_frame {
	bool wide;  /* IPv6 */
	bool times; /* first and last are kept */
	int64_t minute_ns;
	uint64_t unit_ns; /* set by rowset_gather() */
};

struct rowset *rowset_new(void);
void rowset_free(struct rowset *r);

/* Takes over flows[order[0]] .. flows[order[n - 1]], which are in archive order. */
void rowset_gather(
	struct rowset *r, struct rowset_frame *frame, const struct flow *flows, const uint32_t *order, size_t n);

/* Appends all columns to `out`. */
void rowset_encode(struct rowset *r, struct column_coder *c, const struct rowset_frame *frame, struct column_buf *out);

/* Reads the sources alone: enough to see whether a prefix is among them. 0, or -1 for bytes that are no columns. */
int rowset_open(struct rowset *r, struct column_coder *c, const struct rowset_frame *frame, struct bytes *in,
	size_t n) NODISCARD;

/* The rows [*from, *to) whose sources lie in the prefix. */
void rowset_find(const struct rowset *r, const struct prefix *src, size_t *from, size_t *to);

/* Reads the other columns; `in` must then be empty. */
int rowset_decode(struct rowset *r, struct column_coder *c, struct bytes *in) NODISCARD;

/* Writes the `n` flows from row `at` on. */
void rowset_read(const struct rowset *r, size_t at, size_t n, struct flow *out);
