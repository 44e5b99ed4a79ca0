// SPDX-License-Identifier: Apache-2.0
#include "store/retain.h"

#include "store/audit.h"
#include "store/segment.h"
#include "store/storefiles.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define ROWS	 2000
#define SEGMENTS 4
#define HELD_MAX 10000

/* Does a hold keep what `sensor` saw in [from, to)? */
#define HELD(sensor, from, to)                                                                                         \
	" exists (select 1 from temp.kept k where (k.sensor = '' or k.sensor = " sensor ") and k.from_ns < " to        \
	" and k.to_ns > " from ")"
#define NAMED	"(select text from name where no = sensor)"
#define HOUR_NS "3600000000000"
#define DAY_NS	"86400000000000"
#define MIN_NS	"60000000000"
#define SPAN_NS "case span when 1 then " DAY_NS " else " HOUR_NS " end"

/* ?1: everything before this time. `key` names a row; `old` is true of what is old enough. */
static const struct kind {
	const char *name, *table, *key, *old, *held;
} kinds[RETAIN_KIND_N] = {
	[RETAIN_FLOWS] = { "flows" },
	[RETAIN_SOURCES] = { "sources", "source", "rowid", "minute < ?1 / " MIN_NS,
		HELD(NAMED, "minute * " MIN_NS, "(minute + 1) * " MIN_NS) },
	[RETAIN_SOURCE_DAYS] = { "source-days", "source_span", "rowid", "(start + 1) * " SPAN_NS " <= ?1",
		HELD(NAMED, "start * " SPAN_NS, "(start + 1) * " SPAN_NS) },
	[RETAIN_SIGNALS] = { "signals", "signal", "at_ns, sensor, source, kind", "at_ns < ?1",
		HELD("signal.sensor", "signal.at_ns", "signal.at_ns + 1") },
	[RETAIN_FINDINGS] = { "findings", "finding", "id", "first_ns < ?1 and last_ns < ?1",
		"(id in (select id from temp.kept_finding) or " HELD("finding.sensor", "first_ns", "last_ns + 1") ")" },
	[RETAIN_GAPS] = { "gaps", "gap", "sensor, from_ns, reason", "gap.to_ns < ?1",
		HELD("gap.sensor", "gap.from_ns", "gap.to_ns + 1") },
	[RETAIN_ROLLUP_HOURS] = { "rollup-hours", "rollup", "span, start, sensor, dim, key",
		"span = 0 and start < ?1 / " HOUR_NS, HELD(NAMED, "start * " HOUR_NS, "(start + 1) * " HOUR_NS) },
	[RETAIN_ROLLUP_DAYS] = { "rollup-days", "rollup", "span, start, sensor, dim, key",
		"span = 1 and start < ?1 / " DAY_NS, HELD(NAMED, "start * " DAY_NS, "(start + 1) * " DAY_NS) },
	[RETAIN_CLOCKS] = { "clocks", "clock", "sensor, minute", "minute < ?1 / " MIN_NS,
		HELD("clock.sensor", "minute * " MIN_NS, "(minute + 1) * " MIN_NS) },
	[RETAIN_SENT] = { "sent", "sent", "subject, channel", "at_ns < ?1",
		"subject in (select id from temp.kept_finding)" },
};

const char *retain_kind_name(enum retain_kind k)
{
	return kinds[k].name;
}

/* ---- what is held ---- */

static int keep_list(struct sql *s, const char *list, bool around, struct err *err)
{
	char id[64];
	int rc = 0;
	while (!rc && row_list_next(&list, id, sizeof id)) {
		sqlite3_stmt *stmt =
			sql_get(s, "insert into temp.kept_finding values (?1, ?2) on conflict do update set"
				   " around = max(around, ?2)");
		sql_bind(stmt, "ti", id, (int64_t)around);
		rc = sql_run(s, stmt, err);
	}
	return rc;
}

/* Cases with a hold, and open ones. */
static int keep_cases(struct sql *s, int64_t now_ns, struct err *err)
{
	int rc = 0;
	sqlite3_stmt *cases =
		sql_new(s, "select findings, h.id is not null from \"case\" c left join hold h on h.what = 'case' and "
			   "h.subject = c.id and"
			   " (h.until_ns = 0 or h.until_ns > ?1) where h.id is not null or c.close_code = ''");
	sql_bind(cases, "i", now_ns);
	while (!rc && sqlite3_step(cases) == SQLITE_ROW) {
		const char *list = (const char *)sqlite3_column_text(cases, 0);
		rc = keep_list(s, list ? list : "", sqlite3_column_int(cases, 1), err);
	}
	sqlite3_finalize(cases);
	return rc;
}

static int find_held(struct sql *s, int64_t now_ns, struct err *err)
{
	int rc = sql_exec(s,
		"create temp table if not exists kept (sensor text, from_ns integer, to_ns integer);"
		"create temp table if not exists kept_finding (id text primary key, around integer);"
		"delete from temp.kept; delete from temp.kept_finding;",
		err);
	if (rc)
		return rc;
	sqlite3_stmt *ranges = sql_get(s, "insert into temp.kept select subject, from_ns, case to_ns when 0 then "
					  "9223372036854775807 else to_ns end from"
					  " hold where what = 'range' and (until_ns = 0 or until_ns > ?1)");
	sql_bind(ranges, "i", now_ns);
	rc = sql_run(s, ranges, err);
	sqlite3_stmt *findings = sql_get(s,
		"insert or replace into temp.kept_finding select subject, 1 from hold where what = 'finding' and"
		" (until_ns = 0 or until_ns > ?1)");
	sql_bind(findings, "i", now_ns);
	rc = rc ? rc : sql_run(s, findings, err);
	rc = rc ? rc : keep_cases(s, now_ns, err);
	return rc ? rc
		  : sql_exec(s,
			    "insert into temp.kept select f.sensor, f.first_ns, f.last_ns + 1 from temp.kept_finding k "
			    "join"
			    " finding f on f.id = k.id where k.around",
			    err);
}

/* ---- dropping ---- */

struct pass {
	struct store *s;
	const struct retain_params *p;
	struct retain_report *out;
	int64_t now_ns;
};

static int count(struct pass *w, enum retain_kind k, int64_t until_ns, uint64_t n, uint64_t octets, struct err *err)
{
	sqlite3_stmt *stmt = sql_get(&w->s->sql,
		"insert into retention values (?1, ?2, ?3, ?4, ?5, ?6) on conflict do update set at_ns = ?2,"
		" until_ns = max(until_ns, ?3), dropped = dropped + ?4, octets = octets + ?5, held = ?6");
	sql_bind(stmt, "tiiiii", kinds[k].name, w->now_ns, until_ns, (int64_t)n, (int64_t)octets,
		(int64_t)w->out->held[k]);
	return sql_run(&w->s->sql, stmt, err);
}

static int64_t ask(struct sql *s, const char *text, int64_t before, int64_t limit)
{
	sqlite3_stmt *stmt = sql_new(s, text);
	sqlite3_bind_int64(stmt, 1, before);
	sqlite3_bind_int64(stmt, 2, limit);
	int64_t n = sql_number(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* From `table`, the first `limit` keys of the kind that are old and not held. */
static int delete_rows(
	struct sql *s, const struct kind *kind, const char *table, int64_t before, int64_t limit, struct err *err)
{
	char text[1500];
	snprintf(text, sizeof text,
		"delete from \"%s\" where (%s) in (select %s from \"%s\" where %s and not %s limit ?2)", table,
		kind->key, kind->key, kind->table, kind->old, kind->held);
	sqlite3_stmt *stmt = sql_new(s, text);
	sql_bind(stmt, "ii", before, limit);
	int rc = sql_run(s, stmt, err);
	sqlite3_finalize(stmt);
	return rc;
}

/* Rows of one kind, in a transaction with their count and their line in the audit. */
static int drop_rows(struct pass *w, enum retain_kind k, int64_t before, struct err *err)
{
	const struct kind *kind = &kinds[k];
	struct sql *s = &w->s->sql;
	char text[1500], subject[128];
	int64_t limit = w->p->rows ? w->p->rows : ROWS;
	snprintf(text, sizeof text, "select count(*) from (select 1 from \"%s\" where %s and %s limit ?2)", kind->table,
		kind->old, kind->held);
	if (ask(s, "select exists (select 1 from temp.kept) or exists (select 1 from temp.kept_finding) or ?1 + ?2 < 0",
		    0, 0))
		w->out->held[k] = (uint64_t)ask(s, text, before, HELD_MAX);
	/* The samples of the signals that go, and only theirs. */
	int rc = k == RETAIN_SIGNALS ? delete_rows(s, kind, "signal_samples", before, limit, err) : 0;
	rc = rc ? rc : delete_rows(s, kind, kind->table, before, limit, err);
	int64_t n = sqlite3_changes(s->db);
	if (rc || n == 0)
		return rc;
	w->out->dropped[k] = (uint64_t)n;
	w->out->more |= n == limit;
	snprintf(subject, sizeof subject, "%s: %" PRId64 " rows older than %" PRId64 " ns", kind->name, n, before);
	rc = count(w, k, before, (uint64_t)n, 0, err);
	return rc ? rc : audit_add(s, w->now_ns, "sakimori", "retention", subject, err);
}

static int transact(struct pass *w, enum retain_kind k, int64_t before, struct err *err)
{
	struct sql *s = &w->s->sql;
	int rc = sql_exec(s, "begin immediate", err);
	if (rc)
		return rc;
	rc = drop_rows(w, k, before, err);
	if (!rc)
		rc = sql_exec(s, "commit", err);
	if (rc)
		sqlite3_exec(s->db, "rollback", NULL, NULL, NULL);
	return rc;
}

/* The row first, then the file: a file without a row goes at the next start. Who reads it goes on reading. */
static int drop_segment(struct pass *w, int64_t hour, uint64_t length, struct err *err)
{
	struct sql *s = &w->s->sql;
	char name[SEGMENT_NAME_MAX], subject[128];
	snprintf(subject, sizeof subject, "flows: %s, %" PRIu64 " octets", segment_name(name, hour), length);
	int rc = sql_exec(s, "begin immediate", err);
	if (rc)
		return rc;
	sqlite3_stmt *row = sql_get(s, "delete from segment where hour = ?1");
	sql_bind(row, "i", hour);
	rc = sql_run(s, row, err);
	rc = rc ? rc : count(w, RETAIN_FLOWS, (hour + 1) * 60 * MINUTE_NS, 1, length, err);
	rc = rc ? rc : audit_add(s, w->now_ns, "sakimori", "retention", subject, err);
	rc = rc ? rc : sql_exec(s, "commit", err);
	if (rc) {
		sqlite3_exec(s->db, "rollback", NULL, NULL, NULL);
		return rc;
	}
	unlinkat(w->s->flows, name, 0);
	w->out->dropped[RETAIN_FLOWS]++;
	w->out->octets += length;
	return 0;
}

static int drop_segments(struct pass *w, struct err *err)
{
	struct sql *s = &w->s->sql;
	uint64_t limit = w->p->segments ? w->p->segments : SEGMENTS;
	int64_t age = w->p->age_ns[RETAIN_FLOWS], hour = INT64_MIN, rc = 0;
	int64_t before = age ? segment_hour_ns(w->now_ns - age) : INT64_MIN;
	uint64_t total = (uint64_t)ask(s, "select sum(length) from segment where hour > ?1 or ?2", INT64_MIN, 0);
	while (!rc) {
		sqlite3_stmt *next =
			sql_get(s, "select hour, length," HELD("k.sensor", "hour * " HOUR_NS,
					   "(hour + 1) * " HOUR_NS) " from segment"
								    " where hour > ?1 order by hour limit 1");
		sql_bind(next, "i", hour);
		if (sqlite3_step(next) != SQLITE_ROW) {
			sqlite3_reset(next);
			return 0;
		}
		hour = sqlite3_column_int64(next, 0);
		uint64_t length = (uint64_t)sqlite3_column_int64(next, 1);
		bool held = sqlite3_column_int(next, 2);
		sqlite3_reset(next);
		if (hour >= before && (!w->p->archive_max || total <= w->p->archive_max))
			return 0;
		if (held) {
			w->out->held[RETAIN_FLOWS]++;
			continue;
		}
		if (w->out->dropped[RETAIN_FLOWS] == limit) {
			w->out->more = true;
			return 0;
		}
		rc = drop_segment(w, hour, length, err);
		total -= length;
	}
	return (int)rc;
}

int store_retain(
	struct store *s, const struct retain_params *p, int64_t now_ns, struct retain_report *out, struct err *err)
{
	ENSURE(s->mode == STORE_WRITE);
	struct pass w = { s, p, out, now_ns };
	memset(out, 0, sizeof *out);
	int rc = find_held(&s->sql, now_ns, err);
	if (!rc)
		rc = drop_segments(&w, err);
	for (enum retain_kind k = RETAIN_SOURCES; k < RETAIN_KIND_N && !rc; k++)
		if (p->age_ns[k])
			rc = transact(&w, k, now_ns - p->age_ns[k], err);
	return rc;
}
