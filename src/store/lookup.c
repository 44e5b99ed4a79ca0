// SPDX-License-Identifier: Apache-2.0
#include "store/lookup.h"

#include "model/clock.h"
#include "store/record.h"
#include "store/storefiles.h"

#include <stdlib.h>

/* Rows of a kind, as records. Takes the statement. */
static int walk(struct store *s, sqlite3_stmt *stmt, const struct row_kind *kind,
	int (*fn)(void *arg, const void *record), void *arg, struct err *err)
{
	union {
		struct remark remark;
		struct sent sent;
		struct gap gap;
		struct clock_minute clock;
		struct case_record of_case;
	} r;
	int rc = 0;
	ENSURE(kind->size <= sizeof r);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		memset(&r, 0, sizeof r);
		record_get(stmt, kind, &r);
		rc = fn(arg, &r) ? -STORE_STOPPED : 0;
	}
	if (rc > 0)
		rc = rc == SQLITE_DONE ? 0 : sql_failed(&s->sql, err);
	sqlite3_finalize(stmt);
	return rc;
}

/* Calls what takes a record of its own kind. */
struct typed {
	int (*remark)(void *arg, const struct remark *);
	int (*sent)(void *arg, const struct sent *);
	int (*gap)(void *arg, const struct gap *);
	void *arg;
};

static int typed_remark(void *arg, const void *record)
{
	struct typed *t = arg;
	return t->remark(t->arg, record);
}

static int typed_sent(void *arg, const void *record)
{
	struct typed *t = arg;
	return t->sent(t->arg, record);
}

static int typed_gap(void *arg, const void *record)
{
	struct typed *t = arg;
	return t->gap(t->arg, record);
}

static int64_t limit_of(uint64_t limit)
{
	return limit ? (int64_t)limit : -1;
}

int lookup_remarks(
	struct store *s, const char *subject, int (*fn)(void *arg, const struct remark *), void *arg, struct err *err)
{
	struct typed t = { .remark = fn, .arg = arg };
	sqlite3_stmt *stmt = sql_new(&s->sql, "select * from remark where subject = ?1 order by at_ns, id");
	sql_bind(stmt, "t", subject);
	return walk(s, stmt, &remark_kind, typed_remark, &t, err);
}

int64_t lookup_changed(struct store *s, const char *subject, int64_t opened_ns)
{
	sqlite3_stmt *stmt = sql_new(&s->sql, "select coalesce(max(at_ns), 0) from remark where subject = ?1");
	sql_bind(stmt, "t", subject);
	int64_t at = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return at > opened_ns ? at : opened_ns;
}

int lookup_cases(struct store *s, int (*fn)(void *arg, const void *record), void *arg, struct err *err)
{
	sqlite3_stmt *stmt = sql_new(&s->sql, "select * from \"case\" order by opened_ns desc, id desc");
	return walk(s, stmt, &case_kind, fn, arg, err);
}

int lookup_sent(struct store *s, const struct lookup_sent *q, int (*fn)(void *arg, const struct sent *), void *arg,
	struct err *err)
{
	static const struct sent none;
	struct typed t = { .sent = fn, .arg = arg };
	const struct sent *after = q->after ? q->after : &none;
	sqlite3_stmt *stmt = sql_new(&s->sql,
		"select * from sent where (?1 is null or subject = ?1) and (?3 = '' or at_ns < ?2 or (at_ns = ?2 and"
		" (subject > ?3 or (subject = ?3 and channel > ?4)))) order by at_ns desc, subject, channel limit ?5");
	sql_bind(stmt, "titti", "", after->at_ns, after->subject, after->channel, limit_of(q->limit));
	if (q->subject)
		sqlite3_bind_text(stmt, 1, q->subject, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(stmt, 1);
	return walk(s, stmt, &sent_kind, typed_sent, &t, err);
}

int lookup_gaps(struct store *s, const struct lookup_span *q, int (*fn)(void *arg, const struct gap *), void *arg,
	struct err *err)
{
	struct typed t = { .gap = fn, .arg = arg };
	sqlite3_stmt *stmt =
		sql_new(&s->sql, "select * from gap where from_ns < ?2 and to_ns >= ?1 and (?3 = '' or sensor = ?3)"
				 " order by from_ns, sensor, reason limit ?4");
	sql_bind(stmt, "iiti", q->from_ns, q->to_ns, q->sensor, limit_of(q->limit));
	return walk(s, stmt, &gap_kind, typed_gap, &t, err);
}

int lookup_clock(struct store *s, const struct lookup_span *q, int (*fn)(void *arg, const void *clock_minute),
	void *arg, struct err *err)
{
	sqlite3_stmt *stmt =
		sql_new(&s->sql, "select * from clock where minute >= ?1 and minute < ?2 and (?3 = '' or sensor = ?3)"
				 " order by minute, sensor limit ?4");
	sql_bind(stmt, "iiti", q->from_ns / MINUTE_NS, (q->to_ns + MINUTE_NS - 1) / MINUTE_NS, q->sensor,
		limit_of(q->limit));
	return walk(s, stmt, &clock_kind, fn, arg, err);
}

int lookup_last_clock(struct store *s, const char *sensor, struct clock_minute *out, struct err *err)
{
	sqlite3_stmt *stmt = sql_new(&s->sql, "select * from clock where sensor = ?1 order by minute desc limit 1");
	memset(out, 0, sizeof *out);
	sql_bind(stmt, "t", sensor);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		record_get(stmt, &clock_kind, out);
	rc = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sql_failed(&s->sql, err);
	sqlite3_finalize(stmt);
	return rc;
}

int lookup_audit(struct store *s, const struct lookup_audit *q, int (*fn)(void *arg, const struct lookup_line *),
	void *arg, struct err *err)
{
	struct lookup_line line;
	int rc = 0;
	sqlite3_stmt *stmt = sql_new(&s->sql, "select seq, at_ns, who, what, subject from audit where (?1 = '' or who "
					      "= ?1) and (?2 = '' or what = ?2)"
					      " and (?3 = 0 or seq < ?3) order by seq desc limit ?4");
	sql_bind(stmt, "ttii", q->who, q->what, q->before_seq, limit_of(q->limit));
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		line.seq = sqlite3_column_int64(stmt, 0);
		line.at_ns = sqlite3_column_int64(stmt, 1);
		sql_text(stmt, 2, line.who, sizeof line.who);
		sql_text(stmt, 3, line.what, sizeof line.what);
		sql_text(stmt, 4, line.subject, sizeof line.subject);
		rc = fn(arg, &line) ? -STORE_STOPPED : 0;
	}
	if (rc > 0)
		rc = rc == SQLITE_DONE ? 0 : sql_failed(&s->sql, err);
	sqlite3_finalize(stmt);
	return rc;
}

int lookup_retention(struct store *s, int (*fn)(void *arg, const struct lookup_retention *), void *arg, struct err *err)
{
	struct lookup_retention r;
	int rc = 0;
	sqlite3_stmt *stmt =
		sql_new(&s->sql, "select kind, at_ns, until_ns, dropped, octets, held from retention order by kind");
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		sql_text(stmt, 0, r.kind, sizeof r.kind);
		r.at_ns = sqlite3_column_int64(stmt, 1);
		r.until_ns = sqlite3_column_int64(stmt, 2);
		r.dropped = (uint64_t)sqlite3_column_int64(stmt, 3);
		r.octets = (uint64_t)sqlite3_column_int64(stmt, 4);
		r.held = (uint64_t)sqlite3_column_int64(stmt, 5);
		rc = fn(arg, &r) ? -STORE_STOPPED : 0;
	}
	if (rc > 0)
		rc = rc == SQLITE_DONE ? 0 : sql_failed(&s->sql, err);
	sqlite3_finalize(stmt);
	return rc;
}
