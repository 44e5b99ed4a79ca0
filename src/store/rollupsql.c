// SPDX-License-Identifier: Apache-2.0
#include "store/rollupsql.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR_NS (INT64_C(3600) * 1000000000)

static int64_t span_ns(enum rollup_span span)
{
	return span == ROLLUP_DAY ? 24 * HOUR_NS : HOUR_NS;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* A sketch as it lies in a blob: ascending, so that it is tidy. What isn't ascending is left out. */
static struct rollup_sketch sketch_load(struct bytes in)
{
	struct rollup_sketch k = { 0 };
	size_t n = in.n / 8 < ROLLUP_SKETCH ? in.n / 8 : ROLLUP_SKETCH;
	k.v = mem_new(n * sizeof *k.v);
	k.cap = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		uint64_t hash = load_le64(in.p + 8 * i);
		if (!k.n || hash > k.v[k.n - 1])
			k.v[k.n++] = hash;
	}
	if (k.n == ROLLUP_SKETCH)
		k.limit = k.v[k.n - 1];
	return k;
}

static struct bytes sketch_store(const struct rollup_sketch *k, uint8_t out[8 * ROLLUP_SKETCH])
{
	for (uint32_t i = 0; i < k->n; i++)
		store_le64(out + 8 * (size_t)i, k->v[i]);
	return (struct bytes){ out, 8 * (size_t)k->n };
}

struct place {
	enum rollup_span span;
	int64_t start, sensor;
	int dim;
};

static int put(struct sql *s, const struct place *at, const char *key, uint64_t packets, const struct rollup_sketch *k,
	struct err *err)
{
	uint8_t blob[8 * ROLLUP_SKETCH];
	struct bytes sketch = sketch_store(k, blob);
	sqlite3_stmt *stmt = sql_get(s, "insert into rollup values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
					" on conflict do update set packets = ?6, sources = ?7, sketch = ?8");
	sql_bind(stmt, "iiiitiib", (int64_t)at->span, at->start, at->sensor, (int64_t)at->dim, key, (int64_t)packets,
		(int64_t)rollup_sketch_count(k), &sketch);
	return sql_run(s, stmt, err);
}

/* To a row that was closed packets are still added; its sources are then at least what either says. */
static int put_closed(
	struct sql *s, const struct place *at, const char *key, uint64_t packets, uint64_t sources, struct err *err)
{
	sqlite3_stmt *stmt = sql_get(s, "insert or replace into rollup values (?1, ?2, ?3, ?4, ?5, ?6, ?7, null)");
	sql_bind(stmt, "iiiitii", (int64_t)at->span, at->start, at->sensor, (int64_t)at->dim, key, (int64_t)packets,
		(int64_t)sources);
	return sql_run(s, stmt, err);
}

static int add_row(struct sql *s, const struct place *at, const struct rollup_row *row, struct err *err)
{
	struct rollup_sketch all = { 0 };
	uint64_t packets = row->packets, had = 0;
	bool closed = false;
	sqlite3_stmt *find =
		sql_get(s, "select packets, sources, sketch from rollup where span = ?1 and start = ?2 and sensor = ?3"
			   " and dim = ?4 and key = ?5");
	sql_bind(find, "iiiit", (int64_t)at->span, at->start, at->sensor, (int64_t)at->dim, row->key);
	if (sqlite3_step(find) == SQLITE_ROW) {
		packets += (uint64_t)sqlite3_column_int64(find, 0);
		had = (uint64_t)sqlite3_column_int64(find, 1);
		closed = sqlite3_column_type(find, 2) == SQLITE_NULL;
		all = sketch_load(sql_bytes(find, 2));
	}
	sqlite3_reset(find);
	rollup_sketch_merge(&all, &row->sources);
	uint64_t now = rollup_sketch_count(&all);
	int rc = closed ? put_closed(s, at, row->key, packets, had > now ? had : now, err)
			: put(s, at, row->key, packets, &all, err);
	rollup_sketch_free(&all);
	return rc;
}

/* Sums everything behind the first ROLLUP_TOP keys and takes it away. */
static int fold(struct sql *s, const struct place *at, struct err *err)
{
	struct rollup_sketch all = { 0 };
	uint64_t packets = 0, sources = 0, behind = 0;
	int rc = 0;
	sqlite3_stmt *rest = sql_get(s,
		"select key, packets, sources, sketch from rollup where span = ?1 and start = ?2 and sensor = ?3"
		" and dim = ?4 order by key = 'rest', packets desc, key limit -1 offset ?5");
	sql_bind(rest, "iiiii", (int64_t)at->span, at->start, at->sensor, (int64_t)at->dim, (int64_t)ROLLUP_TOP);
	while (sqlite3_step(rest) == SQLITE_ROW) {
		uint64_t one = (uint64_t)sqlite3_column_int64(rest, 2);
		packets += (uint64_t)sqlite3_column_int64(rest, 1);
		sources = one > sources ? one : sources;
		struct rollup_sketch more = sketch_load(sql_bytes(rest, 3));
		rollup_sketch_merge(&all, &more);
		rollup_sketch_free(&more);
		behind++;
	}
	sqlite3_reset(rest);
	if (behind) {
		sqlite3_stmt *del = sql_get(s,
			"delete from rollup where span = ?1 and start = ?2 and sensor = ?3 and dim = ?4 and key in"
			" (select key from rollup where span = ?1 and start = ?2 and sensor = ?3 and dim = ?4"
			" order by key = 'rest', packets desc, key limit -1 offset ?5)");
		sql_bind(del, "iiiii", (int64_t)at->span, at->start, at->sensor, (int64_t)at->dim, (int64_t)ROLLUP_TOP);
		rc = sql_run(s, del, err);
		uint64_t now = rollup_sketch_count(&all);
		if (!rc)
			rc = put_closed(s, at, ROLLUP_REST, packets, now > sources ? now : sources, err);
	}
	rollup_sketch_free(&all);
	return rc;
}

static int close_span(struct sql *s, enum rollup_span span, int64_t start, struct err *err)
{
	struct {
		int64_t sensor;
		int dim;
	} *v = NULL;
	size_t n = 0;
	int rc = 0;
	sqlite3_stmt *which = sql_get(s, "select distinct sensor, dim from rollup where span = ?1 and start = ?2");
	sql_bind(which, "ii", (int64_t)span, start);
	while (sqlite3_step(which) == SQLITE_ROW) {
		v = mem_grow(v, (n + 1) * sizeof *v);
		v[n].sensor = sqlite3_column_int64(which, 0);
		v[n++].dim = sqlite3_column_int(which, 1);
	}
	sqlite3_reset(which);
	for (size_t i = 0; i < n && !rc; i++)
		rc = fold(s, &(struct place){ span, start, v[i].sensor, v[i].dim }, err);
	free(v);
	if (rc)
		return rc;
	sqlite3_stmt *drop =
		sql_get(s, "update rollup set sketch = null where span = ?1 and start = ?2 and sketch is not null");
	sql_bind(drop, "ii", (int64_t)span, start);
	return sql_run(s, drop, err);
}

static int mark_open(struct sql *s, enum rollup_span span, int64_t start, struct err *err)
{
	sqlite3_stmt *stmt = sql_get(s, "insert or ignore into rollup_open values (?1, ?2)");
	sql_bind(stmt, "ii", (int64_t)span, start);
	return sql_run(s, stmt, err);
}

static int close_before(struct sql *s, enum rollup_span span, int64_t start, struct err *err)
{
	for (;;) {
		sqlite3_stmt *next = sql_get(s, "select min(start) from rollup_open where span = ?1 and start < ?2");
		sql_bind(next, "ii", (int64_t)span, start);
		int64_t open = sql_number(next, INT64_MAX);
		if (open == INT64_MAX)
			return 0;
		int rc = close_span(s, span, open, err);
		if (rc)
			return rc;
		sqlite3_stmt *done = sql_get(s, "delete from rollup_open where span = ?1 and start = ?2");
		sql_bind(done, "ii", (int64_t)span, open);
		rc = sql_run(s, done, err);
		if (rc)
			return rc;
	}
}

static int add_rows(
	struct sql *s, int64_t sensor, enum rollup_span span, const struct rollup_row *rows, size_t n, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		int64_t hours = span == ROLLUP_DAY ? 24 : 1, start = floor_div(rows[i].hour, hours);
		/* Rows come by hour. */
		if (i == 0 || start != floor_div(rows[i - 1].hour, hours))
			rc = mark_open(s, span, start, err);
		if (!rc)
			rc = add_row(s, &(struct place){ span, start, sensor, rows[i].dim }, &rows[i], err);
	}
	return rc;
}

int rollupsql_add(struct sql *s, int64_t sensor, struct rollup *r, struct err *err)
{
	size_t n;
	int rc = 0;
	const struct rollup_row *rows = rollup_rows(r, &n);
	for (enum rollup_span span = ROLLUP_HOUR; span < ROLLUP_SPAN_N && n && !rc; span++) {
		rc = add_rows(s, sensor, span, rows, n, err);
		if (!rc)
			rc = close_before(s, span, floor_div(rows[n - 1].hour, span == ROLLUP_DAY ? 24 : 1) - 1, err);
	}
	return rc;
}

int rollupsql_each(struct sql *s, const struct store_rollup *q)
{
	int64_t ns = span_ns(q->span);
	int rc = 0;
	sqlite3_stmt *stmt = sql_new(s,
		"select start, text, key, packets, sources, sketch is null from rollup join name on sensor = no where"
		" span = ?1 and start >= ?2 and start < ?3 and dim = ?4 and (?5 = '' or text = ?5)"
		" order by start, text, key = 'rest', packets desc, key");
	sql_bind(stmt, "iiiit", (int64_t)q->span, floor_div(q->from_ns, ns), floor_div(q->to_ns - 1, ns) + 1,
		(int64_t)q->dim, q->sensor);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct store_sum sum = { .start_ns = sqlite3_column_int64(stmt, 0) * ns,
			.packets = (uint64_t)sqlite3_column_int64(stmt, 3),
			.sources = (uint64_t)sqlite3_column_int64(stmt, 4) };
		sum.end_ns = sum.start_ns + ns;
		sum.estimate = sum.sources >= ROLLUP_SKETCH;
		sql_text(stmt, 1, sum.sensor, sizeof sum.sensor);
		sql_text(stmt, 2, sum.key, sizeof sum.key);
		rc = q->fn(q->arg, &sum) ? -STORE_STOPPED : 0;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : rc < 0 ? rc : -STORE_IO;
}
