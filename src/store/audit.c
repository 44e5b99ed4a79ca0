// SPDX-License-Identifier: Apache-2.0
#include "store/audit.h"

#include "store/storefiles.h"

#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>

#define AUDIT_SINCE 3 /* version of the schema that has the chain */

struct row {
	int64_t seq, at_ns;
	const char *who, *what, *subject;
};

static void add_text(gnutls_hash_hd_t h, const char *text)
{
	uint8_t length[4];
	size_t n = strlen(text);
	store_le32(length, (uint32_t)n);
	gnutls_hash(h, length, sizeof length);
	gnutls_hash(h, text, n);
}

static void hash_row(const uint8_t previous[AUDIT_HASH], const struct row *r, uint8_t out[AUDIT_HASH])
{
	gnutls_hash_hd_t h;
	uint8_t fixed[16];
	ENSURE(gnutls_hash_init(&h, GNUTLS_DIG_SHA256) == 0);
	store_le64(fixed, (uint64_t)r->seq);
	store_le64(fixed + 8, (uint64_t)r->at_ns);
	gnutls_hash(h, previous, AUDIT_HASH);
	gnutls_hash(h, fixed, sizeof fixed);
	add_text(h, r->who);
	add_text(h, r->what);
	add_text(h, r->subject);
	gnutls_hash_deinit(h, out);
}

/* The head as `meta` has it: number, then hash. Zeros when there is none. */
static void head_get(struct sql *s, int64_t *seq, uint8_t hash[AUDIT_HASH])
{
	sqlite3_stmt *stmt = sql_get(s, "select value from meta where key = 'audit_head'");
	*seq = 0;
	memset(hash, 0, AUDIT_HASH);
	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == 8 + AUDIT_HASH) {
		const uint8_t *p = sqlite3_column_blob(stmt, 0);
		*seq = (int64_t)load_le64(p);
		memcpy(hash, p + 8, AUDIT_HASH);
	}
	sqlite3_reset(stmt);
}

static int head_put(struct sql *s, int64_t seq, const uint8_t hash[AUDIT_HASH], struct err *err)
{
	uint8_t value[8 + AUDIT_HASH];
	struct bytes blob = { value, sizeof value };
	store_le64(value, (uint64_t)seq);
	memcpy(value + 8, hash, AUDIT_HASH);
	sqlite3_stmt *stmt = sql_get(s, "insert or replace into meta values ('audit_head', ?1)");
	sql_bind(stmt, "b", &blob);
	return sql_run(s, stmt, err);
}

static struct row row_at(sqlite3_stmt *stmt)
{
	struct row r = { sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
		(const char *)sqlite3_column_text(stmt, 2), (const char *)sqlite3_column_text(stmt, 3),
		(const char *)sqlite3_column_text(stmt, 4) };
	r.who = r.who ? r.who : "";
	r.what = r.what ? r.what : "";
	r.subject = r.subject ? r.subject : "";
	return r;
}

int audit_chain_all(struct sql *s, struct err *err)
{
	uint8_t previous[AUDIT_HASH] = { 0 }, hash[AUDIT_HASH];
	int64_t last = 0;
	int rc = 0;
	sqlite3_stmt *all = sql_new(s, "select seq, at_ns, who, what, subject from audit order by seq");
	sqlite3_stmt *set = sql_new(s, "update audit set previous = ?2, hash = ?3 where seq = ?1");
	while (!rc && sqlite3_step(all) == SQLITE_ROW) {
		struct row r = row_at(all);
		struct bytes before = { previous, AUDIT_HASH }, now = { hash, AUDIT_HASH };
		hash_row(previous, &r, hash);
		sql_bind(set, "ibb", last = r.seq, &before, &now);
		rc = sql_run(s, set, err);
		memcpy(previous, hash, AUDIT_HASH);
	}
	sqlite3_finalize(all);
	sqlite3_finalize(set);
	return !rc && last ? head_put(s, last, previous, err) : rc;
}

static int add_row(struct sql *s, struct row *r, struct err *err)
{
	uint8_t previous[AUDIT_HASH], hash[AUDIT_HASH];
	struct bytes before = { previous, AUDIT_HASH }, now = { hash, AUDIT_HASH };
	head_get(s, &r->seq, previous);
	r->seq++;
	hash_row(previous, r, hash);
	sqlite3_stmt *stmt = sql_get(s, "insert into audit values (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	sql_bind(stmt, "iitttbb", r->seq, r->at_ns, r->who, r->what, r->subject, &before, &now);
	int rc = sql_run(s, stmt, err);
	return rc ? rc : head_put(s, r->seq, hash, err);
}

int audit_add(struct sql *s, int64_t at_ns, const char *who, const char *what, const char *subject, struct err *err)
{
	struct row r = { 0, at_ns, who ? who : "", what ? what : "", subject ? subject : "" };
	int rc = sql_exec(s, "savepoint audit", err);
	if (rc)
		return rc;
	rc = add_row(s, &r, err);
	if (!rc)
		rc = sql_exec(s, "release audit", err);
	if (rc)
		sqlite3_exec(s->db, "rollback to audit; release audit", NULL, NULL, NULL);
	return rc;
}

int store_audit(struct store *s, int64_t at_ns, const char *who, const char *what, const char *subject, struct err *err)
{
	ENSURE(s->mode == STORE_WRITE);
	return audit_add(&s->sql, at_ns, who, what, subject, err);
}

static bool blob_is(sqlite3_stmt *stmt, int column, const uint8_t hash[AUDIT_HASH])
{
	struct bytes b = sql_bytes(stmt, column);
	return b.n == AUDIT_HASH && memcmp(b.p, hash, AUDIT_HASH) == 0;
}

/* What is wrong with the row, NULL when it fits; `previous` becomes its hash. */
static const char *judge(sqlite3_stmt *stmt, int64_t expected, uint8_t previous[AUDIT_HASH])
{
	uint8_t hash[AUDIT_HASH];
	struct row r = row_at(stmt);
	if (r.seq != expected)
		return "rows before it are missing";
	if (!blob_is(stmt, 5, previous))
		return "it doesn't follow from the row before it";
	hash_row(previous, &r, hash);
	if (!blob_is(stmt, 6, hash))
		return "its text is not what was hashed";
	memcpy(previous, hash, AUDIT_HASH);
	return NULL;
}

int store_audit_verify(struct store *s, struct store_audit_state *out, struct err *err)
{
	uint8_t previous[AUDIT_HASH] = { 0 };
	int64_t expected = 1;
	memset(out, 0, sizeof *out);
	if (s->version < AUDIT_SINCE)
		return 0;
	sqlite3_stmt *all =
		sql_new(&s->sql, "select seq, at_ns, who, what, subject, previous, hash from audit order by seq");
	int rc;
	while ((rc = sqlite3_step(all)) == SQLITE_ROW && !out->reason) {
		out->reason = judge(all, expected, previous);
		if (out->reason)
			out->bad_seq = sqlite3_column_int64(all, 0);
		out->rows++;
		expected++;
	}
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : sql_failed(&s->sql, err);
	sqlite3_finalize(all);
	if (rc)
		return rc;
	head_get(&s->sql, &out->head_seq, out->head);
	if (!out->reason && (out->head_seq != expected - 1 || memcmp(out->head, previous, AUDIT_HASH) != 0)) {
		out->reason = "the last row is not the one that was written last: rows are missing at the end";
		out->bad_seq = expected;
	}
	return out->reason ? err_set(err, -STORE_DAMAGED, "audit row %" PRId64 ": %s", out->bad_seq, out->reason) : 0;
}
