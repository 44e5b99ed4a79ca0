// SPDX-License-Identifier: Apache-2.0
#include "store/history.h"

#include "base/mem.h"
#include "store/segment.h"
#include "store/storefiles.h"

#include <stdlib.h>

#define BLOCK	512 /* sources of a block: what a look at one source has to decode */
#define SLICE	64  /* blocks that end in one slice of addresses */
#define SLICES	3   /* a commit */
#define DAY_MIN 1440

/* ---- summing ---- */

struct job {
	int64_t span, start, sensor;
	uint8_t next[16], end[16];
	bool bounded; /* `end` is one, exclusive */
	struct source *v;
	size_t n, cap;
};

static int64_t first_minute(const struct job *j)
{
	return j->start * (j->span == HISTORY_DAY ? DAY_MIN : 60);
}

int history_touch(struct sql *s, int64_t sensor, int64_t hour, struct err *err)
{
	sqlite3_stmt *gone = sql_get(s, "select until_ns from retention where kind = 'sources'");
	/* Sums of hours whose minutes are gone stay as they are; so do negative times, which have none. */
	if (hour < 0 || hour < segment_hour_ns(sql_number(gone, INT64_MIN)))
		return 0;
	int rc = 0;
	for (int64_t span = HISTORY_HOUR; span <= HISTORY_DAY && !rc; span++) {
		int64_t start = span == HISTORY_DAY ? hour / 24 : hour;
		sqlite3_stmt *todo =
			sql_get(s, "insert into source_todo values (?1, ?2, ?3, x'') on conflict do update set"
				   " next = x'' where next <> x''");
		sql_bind(todo, "iii", span, start, sensor);
		rc = sql_run(s, todo, err);
		sqlite3_stmt *drop =
			sql_get(s, "delete from source_span where span = ?1 and sensor = ?2 and start = ?3");
		sql_bind(drop, "iii", span, sensor, start);
		rc = rc ? rc : sql_run(s, drop, err);
	}
	return rc;
}

static int take(void *arg, const struct source *src)
{
	struct job *j = arg;
	if (memcmp(src->addr.b, j->next, 16) < 0 || (j->bounded && memcmp(src->addr.b, j->end, 16) >= 0))
		return 0;
	if (j->n == j->cap) {
		j->cap = j->cap ? 2 * j->cap : 16384;
		j->v = mem_grow(j->v, j->cap * sizeof *j->v);
	}
	j->v[j->n++] = *src;
	return 0;
}

static const char minutes_sql[] = "select minute, n, data from source indexed by source_minute where sensor = ?1"
				  " and minute between ?2 and ?3 and addr_max >= ?4 and (?5 = x'' or addr_min < ?5)";
static const char hours_sql[] =
	"select start * 60, n, data from source_span where span = 0 and sensor = ?1"
	" and start between ?2 / 60 and ?3 / 60 and addr_max >= ?4 and (?5 = x'' or addr_min < ?5)";
static const char minutes_end_sql[] =
	"select addr_max from source indexed by source_minute where sensor = ?1"
	" and minute between ?2 and ?3 and addr_max > ?4 order by addr_max limit 1 offset ?5";
static const char hours_end_sql[] = "select addr_max from source_span where span = 0 and sensor = ?1"
				    " and start between ?2 / 60 and ?3 / 60 and addr_max > ?4 order by addr_max limit 1"
				    " offset ?5";

static void find_end(struct sql *s, struct job *j)
{
	bool day = j->span == HISTORY_DAY;
	struct bytes next = { j->next, 16 };
	sqlite3_stmt *stmt = day ? sql_get(s, hours_end_sql) : sql_get(s, minutes_end_sql);
	/* Blocks of hours are small. */
	sql_bind(stmt, "iiibi", j->sensor, first_minute(j), first_minute(j) + (day ? DAY_MIN : 60) - 1, &next,
		(int64_t)(day ? 16 * SLICE : SLICE));
	j->bounded = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == 16;
	if (j->bounded)
		memcpy(j->end, sqlite3_column_blob(stmt, 0), 16);
	sqlite3_reset(stmt);
}

static int read_slice(struct sql *s, struct sourceblock *block, struct job *j, struct err *err)
{
	bool day = j->span == HISTORY_DAY;
	struct bytes next = { j->next, 16 }, end = { j->end, j->bounded ? 16 : 0 };
	struct sourceblock_query q = { NULL, take, j };
	sqlite3_stmt *stmt = day ? sql_get(s, hours_sql) : sql_get(s, minutes_sql);
	sql_bind(stmt, "iiibb", j->sensor, first_minute(j), first_minute(j) + (day ? DAY_MIN : 60) - 1, &next, &end);
	int rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		/* A block that is broken is told by a check; the sums do without it. */
		(void)!sourceblock_decode(block, sql_bytes(stmt, 2), sqlite3_column_int64(stmt, 0),
			(size_t)sqlite3_column_int64(stmt, 1), &q);
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? 0 : sql_failed(s, err);
}

static int by_address(const void *a, const void *b)
{
	const struct source *const *x = a, *const *y = b;
	return addr_cmp(&(*x)->addr, &(*y)->addr);
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void merge(struct source *into, const struct source *s)
{
	into->first_ns = s->first_ns < into->first_ns ? s->first_ns : into->first_ns;
	into->last_ns = s->last_ns > into->last_ns ? s->last_ns : into->last_ns;
	into->packets += s->packets;
	into->bytes += s->bytes;
	into->syns = sum(into->syns, s->syns);
	into->constants &= s->constants;
	into->targets = most(into->targets, s->targets);
	into->ports = most(into->ports, s->ports);
	for (int k = 0; k < CLASS_N; k++)
		into->by_class[k] = sum(into->by_class[k], s->by_class[k]);
	for (int k = 0; k < MARK_N; k++)
		into->marks[k] = sum(into->marks[k], s->marks[k]);
}

static int put_block(struct sql *s, struct sourceblock *block, const struct job *j, const struct source *v, size_t n,
	struct err *err)
{
	struct column_buf out = { 0 };
	sourceblock_encode(block, v, n, &out);
	struct bytes low = { v[0].addr.b, 16 }, high = { v[n - 1].addr.b, 16 }, data = { out.p, out.n };
	sqlite3_stmt *stmt = sql_get(s, "insert into source_span values (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	sql_bind(stmt, "iiiibbb", j->span, j->sensor, j->start, (int64_t)n, &low, &high, &data);
	int rc = sql_run(s, stmt, err);
	column_buf_free(&out);
	return rc;
}

static int write_slice(struct sql *s, struct sourceblock *block, struct job *j, struct err *err)
{
	const struct source **order = mem_new((j->n + 1) * sizeof *order);
	struct source *out = mem_new(BLOCK * sizeof *out);
	size_t n = 0;
	int rc = 0;
	for (size_t i = 0; i < j->n; i++)
		order[i] = &j->v[i];
	qsort(order, j->n, sizeof *order, by_address);
	for (size_t i = 0; i < j->n && !rc; i++) {
		if (n && addr_same(&out[n - 1].addr, &order[i]->addr)) {
			merge(&out[n - 1], order[i]);
			continue;
		}
		if (n == BLOCK) {
			rc = put_block(s, block, j, out, n, err);
			n = 0;
		}
		out[n] = *order[i];
		out[n++].minute = first_minute(j);
	}
	if (n && !rc)
		rc = put_block(s, block, j, out, n, err);
	free(order);
	free(out);
	return rc;
}

static int go_on(struct sql *s, const struct job *j, struct err *err)
{
	struct bytes end = { j->end, 16 };
	sqlite3_stmt *stmt =
		j->bounded
			? sql_get(s, "update source_todo set next = ?4 where span = ?1 and start = ?2 and sensor = ?3")
			: sql_get(s, "delete from source_todo where span = ?1 and start = ?2 and sensor = ?3");
	sql_bind(stmt, j->bounded ? "iiib" : "iii", j->span, j->start, j->sensor, &end);
	return sql_run(s, stmt, err);
}

/* The oldest hour that is over; then the oldest day all of whose hours are summed. */
static bool find_job(struct sql *s, int64_t sensor, int64_t newest_hour, struct job *j)
{
	sqlite3_stmt *stmt = sql_get(s,
		"select span, start, next from source_todo t where sensor = ?1 and ((span = 0 and start < ?2) or (span "
		"= 1 and"
		" start < ?2 / 24 and not exists (select 1 from source_todo h where h.span = 0 and h.sensor = ?1"
		" and h.start between t.start * 24 and t.start * 24 + 23))) order by span, start limit 1");
	memset(j, 0, sizeof *j);
	sql_bind(stmt, "ii", sensor, newest_hour);
	bool found = sqlite3_step(stmt) == SQLITE_ROW;
	if (found) {
		j->span = sqlite3_column_int64(stmt, 0);
		j->start = sqlite3_column_int64(stmt, 1);
		j->sensor = sensor;
		if (sqlite3_column_bytes(stmt, 2) == 16)
			memcpy(j->next, sqlite3_column_blob(stmt, 2), 16);
	}
	sqlite3_reset(stmt);
	return found;
}

int history_step(struct sql *s, struct sourceblock *block, int64_t sensor, int64_t newest_hour, struct err *err)
{
	struct job j;
	int rc = 0;
	for (int i = 0; i < SLICES && !rc && find_job(s, sensor, newest_hour, &j); i++) {
		find_end(s, &j);
		rc = read_slice(s, block, &j, err);
		if (!rc && j.n)
			rc = write_slice(s, block, &j, err);
		if (!rc)
			rc = go_on(s, &j, err);
		free(j.v);
	}
	return rc;
}

/* ---- reading ---- */

struct look {
	struct store *s;
	struct prefix at;
	int64_t from, to; /* minutes: [from, to) */
	int64_t sensor;
	char name[64];
	enum history_span span;
	int (*fn)(void *arg, const char *sensor, enum history_span span, const struct source *);
	void *arg;
};

static int give(void *arg, const struct source *src)
{
	struct look *l = arg;
	return l->fn(l->arg, l->name, l->span, src);
}

static int decode(struct look *l, sqlite3_stmt *stmt, int64_t minute)
{
	struct sourceblock_query q = { &l->at, give, l };
	int rc = sourceblock_decode(l->s->block, sql_bytes(stmt, 1), minute, (size_t)sqlite3_column_int64(stmt, 0), &q);
	return rc < 0 ? -STORE_DAMAGED : rc > 0 ? -STORE_STOPPED : 0;
}

static int look_at_minutes(struct look *l, int64_t from, int64_t to)
{
	struct bytes addr = { l->at.addr.b, 16 };
	int rc = 0;
	if (from >= to)
		return 0;
	sqlite3_stmt *stmt = sql_new(&l->s->sql,
		"select n, data, minute from source where minute between ?1 and ?2 and sensor = ?3 and addr_min <= ?4"
		" and addr_max >= ?4 order by minute");
	sql_bind(stmt, "iiib", from, to - 1, l->sensor, &addr);
	l->span = HISTORY_MINUTE;
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		rc = decode(l, stmt, sqlite3_column_int64(stmt, 2));
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : rc > 0 ? -STORE_IO : rc;
}

static bool summed(struct look *l, enum history_span span, int64_t start)
{
	sqlite3_stmt *stmt =
		sql_get(&l->s->sql, "select 1 from source_todo where span = ?1 and start = ?2 and sensor = ?3");
	sql_bind(stmt, "iii", (int64_t)span, start, l->sensor);
	return start >= 0 && l->s->version >= 3 && sql_number(stmt, 0) == 0;
}

static int look_at_span(struct look *l, enum history_span span, int64_t start)
{
	struct bytes addr = { l->at.addr.b, 16 };
	sqlite3_stmt *stmt = sql_get(&l->s->sql, "select n, data, addr_max from source_span where span = ?1 and sensor "
						 "= ?2 and start = ?3 and addr_min <= ?4"
						 " order by addr_min desc limit 1");
	sql_bind(stmt, "iiib", (int64_t)span, l->sensor, start, &addr);
	l->span = span;
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = decode(l, stmt, start * (span == HISTORY_DAY ? DAY_MIN : 60));
	else
		rc = rc == SQLITE_DONE ? 0 : -STORE_IO;
	sqlite3_reset(stmt);
	return rc;
}

static int look_at_hour(struct look *l, int64_t hour)
{
	int64_t from = hour * 60, to = from + 60;
	if (from >= l->from && to <= l->to && summed(l, HISTORY_HOUR, hour))
		return look_at_span(l, HISTORY_HOUR, hour);
	return look_at_minutes(l, from > l->from ? from : l->from, to < l->to ? to : l->to);
}

static int look_at_day(struct look *l, int64_t day)
{
	int64_t from = day * DAY_MIN, to = from + DAY_MIN;
	int rc = 0;
	if (from >= l->from && to <= l->to && summed(l, HISTORY_DAY, day))
		return look_at_span(l, HISTORY_DAY, day);
	for (int64_t hour = day * 24; hour < day * 24 + 24 && !rc; hour++)
		if (hour * 60 + 60 > l->from && hour * 60 < l->to)
			rc = look_at_hour(l, hour);
	return rc;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The minutes there are at all: a question over all time must not walk through all days. */
static void clamp(struct look *l)
{
	sqlite3_stmt *span = sql_new(&l->s->sql,
		"select min((select min(minute) from source), coalesce((select min(start) * 1440 from source_span where"
		" span = 1), 9e15)), max((select max(minute) from source), coalesce((select max(start + 1) * 1440 from"
		" source_span where span = 1), -9e15))");
	if (sqlite3_step(span) == SQLITE_ROW && sqlite3_column_type(span, 0) != SQLITE_NULL) {
		int64_t low = sqlite3_column_int64(span, 0), high = sqlite3_column_int64(span, 1) + 1;
		l->from = l->from > low ? l->from : low;
		l->to = l->to < high ? l->to : high;
	}
	sqlite3_finalize(span);
}

int store_history(struct store *s, const struct addr *addr, int64_t from_ns, int64_t to_ns,
	int (*fn)(void *arg, const char *sensor, enum history_span span, const struct source *), void *arg)
{
	struct look l = { .s = s, .at = { *addr, 128 }, .fn = fn, .arg = arg };
	int rc = 0;
	if (from_ns >= to_ns)
		return 0;
	l.from = floor_div(from_ns, MINUTE_NS);
	l.to = floor_div(to_ns - 1, MINUTE_NS) + 1;
	clamp(&l);
	if (!s->block)
		s->block = sourceblock_new();
	sqlite3_stmt *names = sql_new(&s->sql, "select no, text from name order by text");
	while (!rc && (rc = sqlite3_step(names)) == SQLITE_ROW) {
		l.sensor = sqlite3_column_int64(names, 0);
		sql_text(names, 1, l.name, sizeof l.name);
		rc = 0;
		for (int64_t day = floor_div(l.from, DAY_MIN); day * DAY_MIN < l.to && !rc; day++)
			rc = look_at_day(&l, day);
	}
	sqlite3_finalize(names);
	return rc == SQLITE_DONE ? 0 : rc > 0 ? -STORE_IO : rc;
}
