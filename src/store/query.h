// SPDX-License-Identifier: Apache-2.0
/*
 * Read-only SQL by whoever asks, over the rows that the principal of the store may see. One statement, SELECT alone,
 * over the tables of docs/store.md (views, really) and a list of harmless functions. Everything else is refused before
 * it runs: other schemas, pragmas, writing, attaching, extensions, the schema tables.
 */
#pragma once
#include "store/principal.h"

#include <stdatomic.h>

struct store_query_limits {
	uint64_t rows;	     /* 0: 10,000 */
	uint64_t time_ms;    /* 0: 10,000 */
	uint64_t memory;     /* octets that SQLite may take beyond what it has; 0: 256 MiB. For the whole process */
	atomic_bool *cancel; /* when it becomes true the query ends within 100 ms; NULL: none */
};

enum store_value_type { STORE_NULL, STORE_INTEGER, STORE_REAL, STORE_TEXT, STORE_BLOB };

struct store_value {
	enum store_value_type type;
	int64_t integer;
	double real;
	struct bytes bytes; /* of a text (UTF-8, or nearly) or blob */
};

enum store_cut { STORE_WHOLE, STORE_CUT_ROWS, STORE_CUT_TIME, STORE_CUT_MEMORY, STORE_CUT_CANCEL };

struct store_query {
	struct store_query_limits limits;
	/* Called for each row, first with `values` NULL for the names alone. Other than 0 ends the query. */
	int (*fn)(void *arg, const char *const *names, const struct store_value *values, size_t n);
	void *arg;
	/* Results. */
	uint64_t rows;
	enum store_cut cut; /* what was handed out is right, but not all there is */
};

/*
 * For a store that was opened with STORE_READ. Without a principal it becomes that of an administrator who may see
 * everything. Returns 0 (look at `cut`), -STORE_BAD with the reason for SQL that is wrong or not allowed,
 * -STORE_STOPPED, or another code.
 */
int store_query(struct store *s, const char *sql, struct store_query *q, struct err *err) NODISCARD;
