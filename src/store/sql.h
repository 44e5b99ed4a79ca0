// SPDX-License-Identifier: Apache-2.0
/* SQLite with statements prepared once, and its failures as codes of the store. For use inside store/ alone. */
#pragma once
#include "base/bytes.h"
#include "base/err.h"
#include "store/store.h"

#include <sqlite3.h>

#define SQL_STATEMENTS 64

struct sql {
	sqlite3 *db;
	struct {
		const char *text;
		sqlite3_stmt *stmt;
	} cache[SQL_STATEMENTS];
	size_t n;
};

/* Opens the file: for writing (made when absent, WAL, synchronous) or for reading beside a writer. */
int sql_open(struct sql *s, const char *path, bool write, struct err *err) NODISCARD;
void sql_close(struct sql *s);

/* Gives the prepared statements back: names mean something else from here on. */
void sql_forget(struct sql *s);

/* The statement of this text, reset. `text` must be a literal: the cache goes by its address. Ends the program on wrong
 * SQL. */
sqlite3_stmt *sql_get(struct sql *s, const char *text);

/* A statement of one's own, for loops that call out; give back with sqlite3_finalize(). Ends the program on wrong SQL.
 */
sqlite3_stmt *sql_new(struct sql *s, const char *text);

/* Binds the arguments by a format, a letter each: i int64_t, t text (NULL: ''), b struct bytes *, n (no argument) null.
 */
void sql_bind(sqlite3_stmt *stmt, const char *format, ...);

/* Runs a statement that gives no rows. 0 or a negative code of the store. */
int sql_run(struct sql *s, sqlite3_stmt *stmt, struct err *err) NODISCARD;

/* Runs SQL text. */
int sql_exec(struct sql *s, const char *text, struct err *err) NODISCARD;

/* The first column of the first row, or `otherwise` when there is none. */
int64_t sql_number(sqlite3_stmt *stmt, int64_t otherwise);

/* What went wrong, as a code of the store and a text. */
int sql_failed(struct sql *s, struct err *err);

struct bytes sql_bytes(sqlite3_stmt *stmt, int column);
void sql_text(sqlite3_stmt *stmt, int column, char *out, size_t size);
