// SPDX-License-Identifier: Apache-2.0
#include "store/findings.h"

#include "base/mem.h"
#include "store/record.h"
#include "store/storefiles.h"

#include <stdlib.h>

/* What a mute goes by. Masked subjects are all alike: there it is the finding itself. */
#define KEY(f)                                                                                                         \
	"case when " f ".subject = '(masked)' then " f ".id else " f ".kind || ' ' || " f ".sensor || ' ' || " f       \
	".subject end"

#define SAID                                                                                                           \
	"with words as (select " KEY("f") " as k, r.kind as word, r.until_ns, row_number() over (partition by " KEY(   \
		"f") " order by r.at_ns desc, r.id desc) as nth from remark r join finding f on f.id = r.subject"      \
		     " where r.kind in ('mute', 'unmute')),"                                                           \
		     " muted as materialized (select k, until_ns from words where nth = 1 and word = 'mute' and"       \
		     " until_ns > ?3),"                                                                                \
		     " given as (select subject, text, row_number() over (partition by subject order by at_ns desc, "  \
		     "id desc)"                                                                                        \
		     " as nth from remark where kind = 'assign'),"                                                     \
		     " assigned as materialized (select subject, text from given where nth = 1 and text <> '') "

/* A list of words by commas holds none that has one in it. */
#define AMONG(words, column) " and (" words " is null or instr(',' || " words " || ',', ',' || " column " || ',') > 0)"

#define JOINED " from finding f left join muted m on m.k = " KEY("f") " left join assigned a on a.subject = f.id where "

/* What overlaps the time, by the index of when things began, or of when they were seen last. */
#define SINCE "f.first_ns < ?2 and f.last_ns >= ?1"
#define UNTIL "+f.first_ns < ?2 and f.last_ns >= ?1"

#define OWN "substr(f.kind, 1, 4) = 'own-' and f.first_ns < ?2 and f.last_ns >= ?1"

#define FITS                                                                                                           \
	" and (?4 is null or f.id = ?4)" AMONG("?5", "f.kind")                                                         \
		AMONG("?6", "coalesce(f.severity, '')") " and (?7 is null or f.subject = ?7 or substr(f.subject, 1, "  \
							"length(?7) + 1) = ?7 || ' ')"                                 \
							" and (?8 is null or f.sensor = ?8) and f.confidence >= ?10 "  \
							"and (?11 < 0 or f.spoofable = ?11)"

#define SAID_FITS " and (?9 is null or coalesce(a.text, '') = ?9) and (?12 = 2 or (m.until_ns is not null) = ?12)"

/* `plus` keeps an index away from the order. */
#define BEHIND(plus)                                                                                                   \
	" and (?14 = '' or f.first_ns < ?13 or (f.first_ns = ?13 and f.id < ?14)) order by " plus                      \
	"f.first_ns desc, " plus "f.id desc limit ?15"

#define COLUMNS(until, user)                                                                                           \
	" select f.*, coalesce(" until ", 0), coalesce(" user ", ''),"                                                 \
	" (select count(*) from remark r where r.subject = f.id and r.kind = 'comment')"

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(stmt, at, text, -1, SQLITE_TRANSIENT);
}

static void bind(sqlite3_stmt *stmt, const struct findings_query *q)
{
	sqlite3_bind_int64(stmt, 1, q->from_ns);
	sqlite3_bind_int64(stmt, 2, q->to_ns);
	sqlite3_bind_int64(stmt, 3, q->now_ns);
	bind_text(stmt, 4, q->id);
	bind_text(stmt, 5, q->kinds);
	bind_text(stmt, 6, q->severity);
	bind_text(stmt, 7, q->subject);
	bind_text(stmt, 8, q->sensor);
	bind_text(stmt, 9, q->assigned);
	sqlite3_bind_int(stmt, 10, q->min_confidence);
	sqlite3_bind_int(stmt, 11, q->spoofable);
	sqlite3_bind_int(stmt, 12, (int)q->state);
}

/*
 * One by its id goes by the key. Else the time decides which index has less to walk through: what is older than its
 * end, or what is newer than its begin. All of them, without a limit, go in their order, for which nothing is sorted.
 */
enum way { BY_ID, BY_OWN, BY_FIRST, BY_LAST };

static enum way way_of(struct store *s, const struct findings_query *q)
{
	if (q->id)
		return BY_ID;
	if (q->own)
		return BY_OWN;
	int64_t oldest = sql_number(sql_get(&s->sql, "select min(first_ns) from finding"), INT64_MAX);
	int64_t newest = sql_number(sql_get(&s->sql, "select max(last_ns) from finding"), INT64_MIN);
	if (q->from_ns <= oldest || q->to_ns <= oldest || q->from_ns >= newest)
		return q->from_ns >= newest ? BY_LAST : BY_FIRST;
	return (uint64_t)newest - (uint64_t)q->from_ns < (uint64_t)q->to_ns - (uint64_t)oldest ? BY_LAST : BY_FIRST;
}

static sqlite3_stmt *each_of(struct store *s, enum way way, bool limited)
{
	if (way == BY_ID)
		return sql_new(&s->sql,
			SAID COLUMNS("m.until_ns", "a.text") JOINED "f.id = ?4 and +f.first_ns < ?2 and"
								    " +f.last_ns >= ?1" FITS SAID_FITS BEHIND(""));
	if (way == BY_OWN)
		return sql_new(&s->sql, SAID COLUMNS("m.until_ns", "a.text") JOINED OWN FITS SAID_FITS BEHIND(""));
	if (way == BY_FIRST || !limited)
		return sql_new(&s->sql, SAID COLUMNS("m.until_ns", "a.text") JOINED SINCE FITS SAID_FITS BEHIND(""));
	/* Only a page of them is fetched whole. */
	return sql_new(&s->sql, SAID
		", page as materialized (select f.id as page_id, m.until_ns as page_until, a.text as page_user" JOINED
			UNTIL FITS SAID_FITS BEHIND("+") ")" COLUMNS(
				"page_until", "page_user") " from page join finding f on f.id = page_id order by "
							   "f.first_ns desc, f.id desc");
}

int findings_each(struct store *s, const struct findings_query *q,
	int (*fn)(void *arg, const struct finding *, const struct findings_said *), void *arg, struct err *err)
{
	struct finding *f = mem_new(sizeof *f);
	struct findings_said said;
	sqlite3_stmt *stmt = each_of(s, way_of(s, q), q->limit > 0);
	int rc = 0, said_at = sqlite3_column_count(stmt) - 3;
	bind(stmt, q);
	sqlite3_bind_int64(stmt, 13, q->after.first_ns);
	bind_text(stmt, 14, q->after.id);
	sqlite3_bind_int64(stmt, 15, q->limit ? (int64_t)q->limit : -1);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		record_get_finding(stmt, f);
		said.muted_until_ns = sqlite3_column_int64(stmt, said_at);
		sql_text(stmt, said_at + 1, said.assigned, sizeof said.assigned);
		said.comments = (uint64_t)sqlite3_column_int64(stmt, said_at + 2);
		rc = fn(arg, f, &said) ? -STORE_STOPPED : 0;
	}
	if (rc > 0)
		rc = rc == SQLITE_DONE ? 0 : sql_failed(&s->sql, err);
	sqlite3_finalize(stmt);
	free(f);
	return rc;
}

int findings_count(struct store *s, const struct findings_query *q, uint64_t *n, struct err *err)
{
	bool said = q->assigned || q->state != FINDINGS_ALL, last = way_of(s, q) == BY_LAST;
	sqlite3_stmt *stmt;
	ENSURE(!q->own);
	if (said)
		stmt = last ? sql_new(&s->sql, SAID "select count(*)" JOINED UNTIL FITS SAID_FITS)
			    : sql_new(&s->sql, SAID "select count(*)" JOINED SINCE FITS SAID_FITS);
	else if (q->kinds || q->severity || q->subject || q->sensor || q->min_confidence > 0 || q->spoofable >= 0)
		stmt = last ? sql_new(&s->sql, "select count(*) from finding f where " UNTIL FITS)
			    : sql_new(&s->sql, "select count(*) from finding f where " SINCE FITS);
	else
		stmt = last ? sql_new(&s->sql, "select count(*) from finding f where " UNTIL)
			    : sql_new(&s->sql, "select count(*) from finding f where " SINCE);
	bind(stmt, q);
	int rc = sqlite3_step(stmt) == SQLITE_ROW ? 0 : sql_failed(&s->sql, err);
	*n = rc ? 0 : (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc;
}

struct one {
	struct finding *finding;
	struct findings_said *said;
	bool found;
};

static int take(void *arg, const struct finding *f, const struct findings_said *said)
{
	struct one *o = arg;
	*o->finding = *f;
	if (o->said)
		*o->said = *said;
	o->found = true;
	return 0;
}

int findings_get(struct store *s, const char *id, int64_t now_ns, struct finding *out, struct findings_said *said,
	struct err *err)
{
	struct one o = { out, said, false };
	struct findings_query q = { .from_ns = INT64_MIN,
		.to_ns = INT64_MAX,
		.now_ns = now_ns,
		.id = id,
		.spoofable = -1,
		.state = FINDINGS_ALL };
	int rc = findings_each(s, &q, take, &o, err);
	return rc ? rc : o.found;
}
