// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include "store/audit.h"

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
	" subject text not null);"
	"create table sensor (id text not null, tenant text not null, place text not null, dark text not null,"
	" clock_state text not null, clock_offset_ns integer not null, primary key (id)) without rowid;"
	"create table gap (sensor text not null, from_ns integer not null, to_ns integer not null, reason text not "
	"null,"
	" dropped integer not null, primary key (sensor, from_ns, reason)) without rowid;"
	"create table signal (at_ns integer not null, sensor text not null, source text not null, kind text not null,"
	" value integer not null, threshold integer not null, primary key (at_ns, sensor, source, kind)) without rowid;"
	"create table \"case\" (id text not null, tenant text not null, party text not null, devices text not null,"
	" state text not null, opened_ns integer not null, next_step text not null, due_ns integer not null,"
	" holder text not null, findings text not null, close_code text not null, primary key (id)) without rowid;"
	"create table decision (id text not null, tenant text not null, subject text not null, means text not null,"
	" scope text not null, basis text not null, evidence text not null, reach integer not null,"
	" collateral integer not null, from_ns integer not null, to_ns integer not null, state text not null,"
	" approvers text not null, signature text not null, primary key (id)) without rowid;";

/* Where a finding's subject was when it was concluded; null: unknown. */
static const char finding_location[] = "alter table finding add column country text;"
				       "alter table finding add column asn integer;"
				       "alter table finding add column as_name text;"
				       "alter table finding add column city text;"
				       "alter table finding add column latitude real;"
				       "alter table finding add column longitude real;";

/* What months of use need. Each table by itself: a reader of a store that lacks them gets them empty. */
static const char *const months[] = {
	"create table hold (id text not null, tenant text not null, what text not null, subject text not null,"
	" from_ns integer not null, to_ns integer not null, reason text not null, who text not null,"
	" since_ns integer not null, until_ns integer not null, primary key (id)) without rowid",
	"create table sent (subject text not null, channel text not null, tenant text not null, at_ns integer not null,"
	" state text not null, text text not null, primary key (subject, channel)) without rowid",
	"create table clock (sensor text not null, minute integer not null, state text not null,"
	" offset_ns integer not null, source text not null, primary key (sensor, minute)) without rowid",
	"create table retention (kind text primary key, at_ns integer not null, until_ns integer not null,"
	" dropped integer not null, octets integer not null, held integer not null) without rowid",
	"create table progress (sender integer primary key, sensor text not null, until_ns integer not null,"
	" ended integer not null)",
	"create table meta (key text primary key, value blob not null) without rowid",
	"create table source_span (span integer not null, sensor integer not null, start integer not null,"
	" n integer not null, addr_min blob not null, addr_max blob not null, data blob not null)",
	"create table source_todo (span integer not null, start integer not null, sensor integer not null,"
	" next blob not null, primary key (span, start, sensor)) without rowid",
};

static int add_months(struct sql *s, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < sizeof months / sizeof *months && !rc; i++)
		rc = sql_exec(s, months[i], err);
	if (!rc)
		rc = sql_exec(s,
			"create index source_span_place on source_span (span, sensor, start, addr_min);"
			"create index signal_sensor on signal (sensor);"
			"alter table audit add column previous blob;"
			"alter table audit add column hash blob;"
			/* Days that a version without them has left: their hours are made when asked for. */
			"insert into source_todo select distinct 0, minute / 60, sensor, x'' from source where minute "
			">= 0;",
			err);
	return rc ? rc : audit_chain_all(s, err);
}

/* Who uses the console. A key for stand-ins of dark addresses comes with it. */
static const char *const users[] = {
	"create table user (name text not null, roles text not null, rights text not null, language text not null,"
	" state text not null, created_ns integer not null, changed_ns integer not null, primary key (name)) without "
	"rowid",
	"create table token (id text not null, user text not null, label text not null, roles text not null,"
	" scope text not null, since_ns integer not null, until_ns integer not null, primary key (id)) without rowid",
	"create table remark (id text not null, tenant text not null, subject text not null, kind text not null,"
	" text text not null, who text not null, at_ns integer not null, until_ns integer not null, primary key (id))"
	" without rowid",
	"create table credential (subject text not null, hash text not null, since_ns integer not null,"
	" once integer not null, until_ns integer not null, primary key (subject)) without rowid",
};

static int add_users(struct sql *s, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < sizeof users / sizeof *users && !rc; i++)
		rc = sql_exec(s, users[i], err);
	if (!rc)
		rc = sql_exec(s,
			"create index remark_subject on remark (subject);"
			"create index finding_last on finding (last_ns, first_ns);"
			/* Few among many, and each masked read asks for their subjects. */
			"create index finding_own on finding (first_ns, last_ns, subject) where substr(kind, 1, 4) = "
			"'own-';"
			"insert or ignore into meta values ('dark-key', randomblob(16));",
			err);
	return rc;
}

const struct schema_step schema_steps[] = {
	{ first, NULL },
	{ finding_location, NULL },
	{ "", add_months },
	{ "", add_users },
};
const int schema_steps_n = sizeof schema_steps / sizeof *schema_steps;

int schema_imitate(struct sql *s, int version, struct err *err)
{
	char text[1024];
	int rc = 0;
	ENSURE(version == schema_steps_n - 1);
	for (size_t i = 0; i < sizeof users / sizeof *users && !rc; i++) {
		snprintf(text, sizeof text, "create temp %s", users[i] + sizeof "create");
		rc = sql_exec(s, text, err);
	}
	return rc;
}

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

static int apply(struct sql *s, const struct schema_step *step, int version, struct err *err)
{
	char text[64];
	int rc = sql_exec(s, "begin immediate", err);
	if (rc)
		return rc;
	rc = sql_exec(s, step->sql, err);
	if (!rc && step->more)
		rc = step->more(s, err);
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
