// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <stdio.h>
#include <unistd.h>

/* Without rowid: half the file, half the log. Addresses are 16 octets, so that they sort as in the archive. */
static const char first[] =
	"create table segment (hour integer primary key, length integer not null, flows integer not null);"
	"create table sender (id integer primary key, sequence integer not null);"
	"create table name (no integer primary key, text text not null unique);"
	"create table source (minute integer not null, sensor integer not null, n integer not null, addr_min blob not "
	"null,"
	" addr_max blob not null, data blob not null);"
	"create index source_minute on source (minute, sensor);"
	"create table finding (id text primary key, kind text not null, subject text not null, sensor text not null, "
	"tool text,"
	" shape integer not null, packets integer not null, targets integer, ports integer, destinations integer, "
	"sources integer,"
	" port_list blob not null, top_ports text not null, by_flags text not null, first_ns integer not null, last_ns "
	"integer not null,"
	" confidence integer not null, severity text, spoofable integer not null, samples blob not null, counts text "
	"not null,"
	" detail text not null) without rowid;"
	"create index finding_time on finding (first_ns, last_ns);"
	"create index finding_subject on finding (subject);"
	"create table rollup (span integer not null, start integer not null, sensor integer not null, dim integer not "
	"null,"
	" key text not null, packets integer not null, sources integer not null, sketch blob,"
	" primary key (span, start, sensor, dim, key)) without rowid;"
	"create table rollup_open (span integer not null, start integer not null, primary key (span, start)) without "
	"rowid;"
	"create table signal_samples (at_ns integer not null, sensor text not null, source text not null, kind text "
	"not null,"
	" samples blob not null, primary key (at_ns, sensor, source, kind)) without rowid;"
	"create table audit (seq integer primary key, at_ns integer not null, who text not null, what text not null,"
	" subject text not null);";

/* Where a finding's subject was when it was concluded; null: unknown. */
static const char finding_location[] = "alter table finding add column country text;"
				       "alter table finding add column asn integer;"
				       "alter table finding add column as_name text;"
				       "alter table finding add column city text;"
				       "alter table finding add column latitude real;"
				       "alter table finding add column longitude real;";

/* How far each sender's batches go. */
static const char progress[] = "create table progress (sender integer primary key, until_ns integer not null,"
			       " ended integer not null);";

const struct schema_step schema_steps[] = {
	{ first, true },
	{ finding_location, false },
	{ progress, false },
};
const int schema_steps_n = sizeof schema_steps / sizeof *schema_steps;

int schema_version(struct sql *s)
{
	sqlite3_stmt *stmt = sql_new(s, "pragma user_version");
	int version = (int)sql_number(stmt, 0);
	sqlite3_finalize(stmt);
	return version;
}

static int back_up(struct sql *s, const char *path, int version, struct err *err)
{
	char copy[4200];
	snprintf(copy, sizeof copy, "%s.before-v%d", path, version + 1);
	unlink(copy);
	sqlite3_stmt *stmt = sql_new(s, "vacuum into ?1");
	sql_bind(stmt, "t", copy);
	int rc = sql_run(s, stmt, err);
	sqlite3_finalize(stmt);
	return rc ? err_prefix(err, rc, "cannot back up the database before migrating it") : 0;
}

static int make_kinds(struct sql *s, struct err *err)
{
	char text[4096];
	int rc = 0;
	for (size_t i = 0; i < row_kinds_n && !rc; i++) {
		ENSURE(row_sql(text, sizeof text, row_kinds[i]) < sizeof text);
		rc = sql_exec(s, text, err);
	}
	return rc;
}

static int apply(struct sql *s, const struct schema_step *step, int version, struct err *err)
{
	char text[64];
	int rc = sql_exec(s, "begin immediate", err);
	if (rc)
		return rc;
	rc = sql_exec(s, step->sql, err);
	if (!rc && step->kinds)
		rc = make_kinds(s, err);
	snprintf(text, sizeof text, "pragma user_version = %d; commit", version);
	if (!rc)
		rc = sql_exec(s, text, err);
	if (rc)
		sqlite3_exec(s->db, "rollback", NULL, NULL, NULL);
	return rc ? err_prefix(err, rc, "migration to version %d", version) : 0;
}

int schema_migrate(struct sql *s, const char *path, const struct schema_step *steps, int n, struct err *err)
{
	int version = schema_version(s), rc = 0;
	if (version > n)
		return err_set(err, -STORE_NEWER,
			"%s was made by a newer program (schema %d, this program knows %d): use that program, or "
			"another store",
			path, version, n);
	if (version > 0 && version < n)
		rc = back_up(s, path, version, err);
	for (; version < n && !rc; version++)
		rc = apply(s, &steps[version], version + 1, err);
	return rc;
}
