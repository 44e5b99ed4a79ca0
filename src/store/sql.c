// SPDX-License-Identifier: Apache-2.0
#include "store/sql.h"

#include <errno.h>
#include <stdio.h>

int sql_failed(struct sql *s, struct err *err)
{
	int seen = errno, rc = sqlite3_extended_errcode(s->db), no = sqlite3_system_errno(s->db);
	/* A failed commit reports through paths that lose the number. */
	no = no ? no : seen;
	bool full = (rc & 0xff) == SQLITE_FULL ||
		    ((rc & 0xff) == SQLITE_IOERR && (no == ENOSPC || no == EDQUOT || no == EFBIG));
	if (full)
		return err_set(err, -STORE_FULL, "the disk is full: what the store had is kept");
	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
		return err_set(err, -STORE_DAMAGED, "database is damaged: %s", sqlite3_errmsg(s->db));
	if ((rc & 0xff) == SQLITE_CANTOPEN && no == EACCES)
		return err_set(err, -STORE_IO,
			"this user may not read it: the group sakimori may, and `store query` asks the running daemon");
	return err_set(err, -STORE_IO, "database: %s (%d)%s%s", sqlite3_errmsg(s->db), rc, no ? ": " : "",
		no ? strerror(no) : "");
}

int sql_exec(struct sql *s, const char *text, struct err *err)
{
	errno = 0;
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_failed(s, err);
}

int sql_open(struct sql *s, const char *path, bool write, struct err *err)
{
	memset(s, 0, sizeof *s);
	int flags = (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
	int rc = 0;
	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		rc = sql_failed(s, err);
	if (!rc) {
		sqlite3_extended_result_codes(s->db, 1);
		sqlite3_busy_timeout(s->db, 10000);
	}
	int keep = 1;
	/* The log and its index stay behind: who may only read the files can't make them. */
	if (!rc && write)
		sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (!rc)
		rc = sql_exec(s, "pragma temp_store = memory; pragma trusted_schema = off", err);
	if (!rc && write)
		rc = sql_exec(s,
			"pragma page_size = 16384; pragma journal_mode = wal; pragma synchronous = full;"
			"pragma wal_autocheckpoint = 256; pragma journal_size_limit = 67108864; pragma cache_size = "
			"-32768;",
			err);
	if (rc) {
		sqlite3_close(s->db);
		s->db = NULL;
	}
	return rc;
}

void sql_forget(struct sql *s)
{
	for (size_t i = 0; i < s->n; i++)
		sqlite3_finalize(s->cache[i].stmt);
	s->n = 0;
}

void sql_close(struct sql *s)
{
	sql_forget(s);
	sqlite3_close(s->db);
	memset(s, 0, sizeof *s);
}

sqlite3_stmt *sql_new(struct sql *s, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (rc != SQLITE_OK)
		fprintf(stderr, "sakimori: %s: %s\n", sqlite3_errmsg(s->db), text);
	ENSURE(rc == SQLITE_OK);
	return stmt;
}

sqlite3_stmt *sql_get(struct sql *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->cache[i].text == text) {
			sqlite3_reset(s->cache[i].stmt);
			sqlite3_clear_bindings(s->cache[i].stmt);
			return s->cache[i].stmt;
		}
	ENSURE(s->n < SQL_STATEMENTS);
	s->cache[s->n].text = text;
	return s->cache[s->n++].stmt = sql_new(s, text);
}

void sql_bind(sqlite3_stmt *stmt, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	for (int i = 1; *format; format++, i++) {
		if (*format == 'i') {
			sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
		} else if (*format == 't') {
			const char *text = va_arg(ap, const char *);
			sqlite3_bind_text(stmt, i, text ? text : "", -1, SQLITE_TRANSIENT);
		} else if (*format == 'b') {
			const struct bytes *b = va_arg(ap, const struct bytes *);
			sqlite3_bind_blob64(stmt, i, b->n ? b->p : (const uint8_t *)"", b->n, SQLITE_TRANSIENT);
		} else {
			ENSURE(*format == 'n');
			sqlite3_bind_null(stmt, i);
		}
	}
	va_end(ap);
}

int sql_run(struct sql *s, sqlite3_stmt *stmt, struct err *err)
{
	errno = 0;
	int rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : sql_failed(s, err);
	sqlite3_reset(stmt);
	return rc;
}

int64_t sql_number(sqlite3_stmt *stmt, int64_t otherwise)
{
	int64_t v = otherwise;
	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
		v = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return v;
}

struct bytes sql_bytes(sqlite3_stmt *stmt, int column)
{
	const uint8_t *p = sqlite3_column_blob(stmt, column);
	int n = sqlite3_column_bytes(stmt, column);
	return (struct bytes){ p, p && n > 0 ? (size_t)n : 0 };
}

void sql_text(sqlite3_stmt *stmt, int column, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);
	snprintf(out, size, "%s", text ? (const char *)text : "");
}
