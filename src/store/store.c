// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include "base/mem.h"
#include "store/audit.h"
#include "store/history.h"
#include "store/record.h"
#include "store/rollupsql.h"
#include "store/schema.h"
#include "store/segment.h"
#include "store/storefiles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4160

void (*store_step)(enum store_step step);

static void step(enum store_step at)
{
	if (store_step)
		store_step(at);
}

static int open_database(struct store *s, const char *dir, struct err *err)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/store.db", dir);
	if (s->mode == STORE_READ && access(path, F_OK))
		return err_set(err, -STORE_ABSENT, "there is no store in %s: %s", dir, strerror(errno));
	int rc = sql_open(&s->sql, path, s->mode == STORE_WRITE, err);
	if (rc)
		return err_prefix(err, rc, "%s", path);
	int version = schema_version(&s->sql);
	if (s->mode == STORE_READ && version < schema_steps_n - 1)
		return err_set(err, -STORE_OLDER, "%s has schema %d, this program reads %d: open it once for writing",
			path, version, schema_steps_n);
	if (s->mode == STORE_READ && version == schema_steps_n - 1)
		rc = schema_imitate(&s->sql, version, err);
	else
		rc = schema_migrate(&s->sql, path, schema_steps, schema_steps_n, err);
	if (!rc && s->mode == STORE_WRITE && version == 0 && chmod(path, 0640))
		return err_set(err, -STORE_IO, "cannot let the group read %s: %s", path, strerror(errno));
	s->found = version;
	s->version = s->mode == STORE_READ ? version : schema_steps_n;
	/* The first statement that reads the schema: later ones may not fail. */
	if (!rc && sql_exec(&s->sql, "select hour, length, flows from segment limit 0", err))
		rc = err_prefix(err, -STORE_DAMAGED, "%s", path);
	return rc;
}

struct store *store_open(const char *dir, enum store_mode mode, int *code, struct err *err)
{
	struct store *s = mem_new(sizeof *s);
	s->mode = mode;
	s->lock = s->flows = -1;
	int rc = strlen(dir) >= PATH_SIZE - 64 ? err_set(err, -STORE_IO, "the store's path is too long") : 0;
	if (!rc && mode == STORE_WRITE)
		rc = storefiles_lock(s, dir, err);
	if (!rc && mode == STORE_WRITE)
		rc = storefiles_check(dir, err);
	if (!rc)
		rc = open_database(s, dir, err);
	if (!rc)
		rc = storefiles_open(s, dir, err);
	if (!rc && mode == STORE_WRITE)
		rc = storefiles_recover(s, err);
	if (code)
		*code = rc;
	if (rc) {
		store_close(s);
		return NULL;
	}
	return s;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->sql.db)
		sql_close(&s->sql);
	archive_decoder_free(s->decoder);
	sourceblock_free(s->block);
	if (s->flows >= 0)
		close(s->flows);
	if (s->lock >= 0)
		close(s->lock);
	free(s->who);
	free(s);
}

struct store_recovery store_recovery(const struct store *s)
{
	return s->recovery;
}

int store_schema(const struct store *s)
{
	return s->found;
}

int store_schema_of_program(void)
{
	return schema_steps_n;
}

uint64_t store_sequence(struct store *s, uint64_t sender)
{
	sqlite3_stmt *stmt = sql_get(&s->sql, "select sequence from sender where id = ?1");
	sql_bind(stmt, "i", (int64_t)sender);
	return (uint64_t)sql_number(stmt, 0);
}

/* Sources that came make the sums of their hours and days again; then some of what is over is summed. */
static int sum_sources(struct store *s, int64_t sensor, const struct store_batch *b, struct err *err)
{
	int64_t newest = INT64_MIN, last = INT64_MIN;
	int rc = 0;
	for (size_t i = 0; i < b->sources_n && !rc; i++) {
		int64_t hour = segment_hour(b->sources[i].minute);
		if (hour != last)
			rc = history_touch(&s->sql, sensor, hour, err);
		last = hour;
		newest = hour > newest ? hour : newest;
	}
	return rc ? rc : history_step(&s->sql, s->block, sensor, newest, err);
}

static int put_sources(struct store *s, int64_t sensor, const struct store_batch *b, struct err *err)
{
	if (!s->block)
		s->block = sourceblock_new();
	int rc = record_put_sources(&s->sql, s->block, sensor, b->sources, b->sources_n, err);
	return rc ? rc : sum_sources(s, sensor, b, err);
}

static int put_records(struct store *s, const struct store_batch *b, struct err *err)
{
	int rc = 0;
	int64_t sensor = 0;
	if (b->sources_n || b->rollup)
		sensor = record_name(&s->sql, b->sensor ? b->sensor : "", err);
	if (sensor < 0)
		return (int)sensor;
	if (b->sources_n)
		rc = put_sources(s, sensor, b, err);
	for (size_t i = 0; i < b->findings_n && !rc; i++)
		rc = record_put_finding(&s->sql, &b->findings[i], err);
	for (size_t i = 0; i < b->signals_n && !rc; i++)
		rc = record_put_signal(&s->sql, &b->signals[i], err);
	for (size_t i = 0; i < b->gaps_n && !rc; i++)
		rc = record_put(&s->sql, &gap_kind, &b->gaps[i], err);
	return !rc && b->rollup ? rollupsql_add(&s->sql, sensor, b->rollup, err) : rc;
}

static int put_sequence(struct store *s, const struct store_batch *b, struct err *err)
{
	if (!b->sender)
		return 0;
	sqlite3_stmt *stmt = sql_get(&s->sql, "insert or replace into sender values (?1, ?2)");
	sql_bind(stmt, "ii", (int64_t)b->sender, (int64_t)b->sequence);
	return sql_run(&s->sql, stmt, err);
}

static int put_progress(struct store *s, const struct store_batch *b, struct err *err)
{
	if (!b->sender || !b->until_ns)
		return 0;
	sqlite3_stmt *stmt = sql_get(&s->sql, "insert or replace into progress values (?1, ?2, ?3, ?4)");
	sql_bind(stmt, "itii", (int64_t)b->sender, b->sensor ? b->sensor : "", b->until_ns, (int64_t)b->ended);
	return sql_run(&s->sql, stmt, err);
}

int64_t store_progress(struct store *s, uint64_t sender, bool *ended)
{
	sqlite3_stmt *stmt = sql_get(&s->sql, "select ended from progress where sender = ?1");
	sql_bind(stmt, "i", (int64_t)sender);
	*ended = sql_number(stmt, 0) != 0;
	stmt = sql_get(&s->sql, "select until_ns from progress where sender = ?1");
	sql_bind(stmt, "i", (int64_t)sender);
	return sql_number(stmt, 0);
}

void store_each_progress(struct store *s, void (*fn)(void *arg, const char *sensor, int64_t until_ns), void *arg)
{
	char sensor[64];
	sqlite3_stmt *stmt = sql_new(&s->sql, "select sensor, max(until_ns) from progress group by sensor");
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		sql_text(stmt, 0, sensor, sizeof sensor);
		fn(arg, sensor, sqlite3_column_int64(stmt, 1));
	}
	sqlite3_finalize(stmt);
}

static int put_all(struct store *s, const struct store_batch *b, const struct storefiles_runs *runs, struct err *err)
{
	int rc = sql_exec(&s->sql, "begin immediate", err);
	if (rc)
		return rc;
	rc = storefiles_put_lengths(s, runs, err);
	if (!rc)
		rc = put_records(s, b, err);
	if (!rc)
		rc = put_sequence(s, b, err);
	if (!rc)
		rc = put_progress(s, b, err);
	if (!rc) {
		step(STORE_WRITTEN);
		rc = sql_exec(&s->sql, "commit", err);
	}
	if (rc)
		sqlite3_exec(s->sql.db, "rollback", NULL, NULL, NULL);
	return rc;
}

int store_commit(struct store *s, const struct store_batch *b, struct err *err)
{
	ENSURE(s->mode == STORE_WRITE);
	if (b->sender && !b->sequence)
		return err_set(err, -STORE_BAD, "sequence numbers begin with 1");
	if (b->sender && b->sequence <= store_sequence(s, b->sender))
		return STORE_REPEATED;
	struct storefiles_runs runs;
	int rc = storefiles_split(s, b, &runs, err);
	if (!rc)
		rc = storefiles_append(s, &runs, err);
	if (!rc) {
		step(STORE_APPENDED);
		rc = put_all(s, b, &runs, err);
	}
	if (rc)
		storefiles_cut(s, &runs);
	else
		step(STORE_COMMITTED);
	storefiles_free(&runs);
	return rc;
}

int store_put(struct store *s, const struct row_kind *kind, const void *record, struct err *err)
{
	ENSURE(s->mode == STORE_WRITE);
	return record_put(&s->sql, kind, record, err);
}

int store_put_noted(struct store *s, const struct row_kind *kind, const void *record, const struct store_note *note,
	struct err *err)
{
	ENSURE(s->mode == STORE_WRITE);
	int rc = sql_exec(&s->sql, "begin immediate", err);
	if (rc)
		return rc;
	rc = audit_add(&s->sql, note->at_ns, note->who, note->what, note->subject, err);
	if (!rc && kind)
		rc = record_put(&s->sql, kind, record, err);
	if (!rc)
		rc = sql_exec(&s->sql, "commit", err);
	if (rc)
		sqlite3_exec(s->sql.db, "rollback", NULL, NULL, NULL);
	return rc;
}

int store_find(struct store *s, const struct row_kind *kind, const char *key, void *record, struct err *err)
{
	char text[256];
	ENSURE(!strchr(kind->key, ','));
	snprintf(text, sizeof text, "select * from \"%s\" where %s = ?1", kind->name, kind->key);
	sqlite3_stmt *stmt = sql_new(&s->sql, text);
	sql_bind(stmt, "t", key);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		record_get(stmt, kind, record);
	rc = rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? 1 : sql_failed(&s->sql, err);
	sqlite3_finalize(stmt);
	return rc;
}

void store_rest(struct store *s)
{
	for (sqlite3_stmt *stmt = NULL; (stmt = sqlite3_next_stmt(s->sql.db, stmt));)
		if (sqlite3_stmt_busy(stmt))
			sqlite3_reset(stmt);
}

int store_each(struct store *s, const struct row_kind *kind, int (*fn)(void *arg, const void *record), void *arg,
	struct err *err)
{
	char text[256];
	snprintf(text, sizeof text, "select * from \"%s\" order by %s", kind->name, kind->key);
	sqlite3_stmt *stmt = sql_new(&s->sql, text);
	void *record = mem_new(kind->size);
	int rc = 0;
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		record_get(stmt, kind, record);
		rc = fn(arg, record) ? -STORE_STOPPED : 0;
	}
	if (rc > 0)
		rc = rc == SQLITE_DONE ? 0 : sql_failed(&s->sql, err);
	sqlite3_finalize(stmt);
	free(record);
	return rc;
}

static void prefix_ends(const struct prefix *p, uint8_t from[16], uint8_t to[16])
{
	memset(from, 0, 16);
	memset(to, 0xff, 16);
	for (unsigned bit = 0; p && bit < p->bits && bit < 128; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);
		from[bit / 8] |= p->addr.b[bit / 8] & mask;
		to[bit / 8] &= (uint8_t)(~mask | p->addr.b[bit / 8]);
	}
}

struct relay {
	int (*fn)(void *arg, const char *sensor, const struct source *);
	void *arg;
	char sensor[64];
	int64_t from_ns, to_ns;
};

static int relay_source(void *arg, const struct source *src)
{
	struct relay *r = arg;
	if (src->last_ns < r->from_ns || src->first_ns >= r->to_ns)
		return 0;
	return r->fn(r->arg, r->sensor, src);
}

static int64_t minute_of(int64_t ns)
{
	return ns / MINUTE_NS - (ns % MINUTE_NS < 0);
}

int store_each_source(struct store *s, int64_t from_ns, int64_t to_ns, const struct prefix *src,
	int (*fn)(void *arg, const char *sensor, const struct source *), void *arg)
{
	uint8_t ends[2][16];
	struct bytes low = { ends[0], 16 }, high = { ends[1], 16 };
	struct relay relay = { .fn = fn, .arg = arg, .from_ns = from_ns, .to_ns = to_ns };
	struct sourceblock_query query = { src, relay_source, &relay };
	int rc = 0;
	if (from_ns >= to_ns)
		return 0;
	if (!s->block)
		s->block = sourceblock_new();
	prefix_ends(src, ends[0], ends[1]);
	sqlite3_stmt *stmt = sql_new(&s->sql,
		"select minute, text, source.n, data from source left join name on sensor = no where minute between ?1 "
		"and ?2"
		" and addr_max >= ?3 and addr_min <= ?4 order by minute, sensor, addr_min, source.rowid");
	sql_bind(stmt, "iibb", minute_of(from_ns), minute_of(to_ns - 1), &low, &high);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		sql_text(stmt, 1, relay.sensor, sizeof relay.sensor);
		rc = sourceblock_decode(s->block, sql_bytes(stmt, 3), sqlite3_column_int64(stmt, 0),
			(size_t)sqlite3_column_int64(stmt, 2), &query);
		rc = rc < 0 ? -STORE_DAMAGED : rc > 0 ? -STORE_STOPPED : 0;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : rc > 0 ? -STORE_IO : rc;
}

int store_each_finding(
	struct store *s, int64_t from_ns, int64_t to_ns, int (*fn)(void *arg, const struct finding *), void *arg)
{
	struct finding *f = mem_new(sizeof *f);
	sqlite3_stmt *stmt = sql_new(&s->sql, record_finding_sql);
	int rc = 0;
	sql_bind(stmt, "ii", from_ns, to_ns);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		record_get_finding(stmt, f);
		rc = fn(arg, f) ? -STORE_STOPPED : 0;
	}
	sqlite3_finalize(stmt);
	free(f);
	return rc == SQLITE_DONE ? 0 : rc > 0 ? -STORE_IO : rc;
}

int store_each_signal(
	struct store *s, int64_t from_ns, int64_t to_ns, int (*fn)(void *arg, const struct signal *), void *arg)
{
	struct signal sig;
	sqlite3_stmt *stmt = sql_new(&s->sql, record_signal_sql);
	int rc = 0;
	sql_bind(stmt, "ii", from_ns, to_ns);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		record_get_signal(stmt, &sig);
		rc = fn(arg, &sig) ? -STORE_STOPPED : 0;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : rc > 0 ? -STORE_IO : rc;
}

int store_rollup(struct store *s, const struct store_rollup *q)
{
	return rollupsql_each(&s->sql, q);
}

uint64_t store_archive_octets(struct store *s)
{
	return (uint64_t)sql_number(sql_get(&s->sql, "select sum(length) from segment"), 0);
}
