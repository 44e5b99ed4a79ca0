// SPDX-License-Identifier: Apache-2.0
#include "store/principal.h"

#include "base/mem.h"
#include "store/storefiles.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define USER_SINCE 4 /* version of the schema that has users */

/* How a table says whose its rows are. */
enum owner {
	BY_TENANT,    /* column tenant */
	BY_SENSOR,    /* a column with the sensor's name */
	BY_SENSOR_NO, /* a column with the sensor's number */
	BY_FINDING,   /* a column with a finding's id */
	NOBODY,	      /* bookkeeping of the store: only who administers all tenants */
};

static const struct rule {
	const char *table;
	enum owner owner;
	const char *column;
} rules[] = {
	{ "audit", NOBODY },
	{ "case", BY_TENANT, "tenant" },
	{ "clock", BY_SENSOR, "sensor" },
	{ "decision", BY_TENANT, "tenant" },
	{ "finding", BY_SENSOR, "sensor" },
	{ "gap", BY_SENSOR, "sensor" },
	{ "hold", BY_TENANT, "tenant" },
	{ "meta", NOBODY },
	{ "name", BY_SENSOR, "text" },
	{ "progress", BY_SENSOR, "sensor" },
	{ "remark", BY_TENANT, "tenant" },
	{ "retention", NOBODY },
	{ "rollup", BY_SENSOR_NO, "sensor" },
	{ "rollup_open", NOBODY },
	{ "segment", NOBODY },
	{ "sender", NOBODY },
	{ "sensor", BY_TENANT, "tenant" },
	{ "sent", BY_TENANT, "tenant" },
	{ "signal", BY_SENSOR, "sensor" },
	{ "signal_samples", BY_SENSOR, "sensor" },
	{ "source", BY_SENSOR_NO, "sensor" },
	{ "source_span", BY_SENSOR_NO, "sensor" },
	{ "source_todo", BY_SENSOR_NO, "sensor" },
	{ "token", NOBODY },
	{ "user", NOBODY },
};

/* Columns beside those of the row tables that tell who a subscriber is, in rows about own addresses. */
static const struct {
	const char *table, *column;
} own[] = {
	{ "finding", "subject" },
	{ "finding", "detail" },
	{ "finding", "samples" },
	{ "signal", "source" },
	{ "signal_samples", "source" },
	{ "signal_samples", "samples" },
};

/* Also what other rules concluded of an address that one of the own-* kinds names: else it could be read off there. */
#define OWN_ADDRESSES "(select o.subject from main.finding o where substr(o.kind, 1, 4) = 'own-')"
#define OWN_FINDING                                                                                                    \
	"(substr(kind, 1, 4) = 'own-' or substr(t.subject, 1, instr(t.subject || ' ', ' ') - 1) in " OWN_ADDRESSES ")"
#define OWN_SIGNAL "(substr(kind, 1, 4) = 'own-' or t.source in " OWN_ADDRESSES ")"

static const struct rule *rule_of(const char *table)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strcmp(rules[i].table, table) == 0)
			return &rules[i];
	return NULL;
}

bool principal_knows(const char *table)
{
	return rule_of(table);
}

static bool row_column_is_masked(const char *table, const char *column)
{
	for (size_t k = 0; k < row_kinds_n; k++)
		for (size_t i = 0; i < row_kinds[k]->n; i++)
			if (strcmp(row_kinds[k]->name, table) == 0 && strcmp(row_kinds[k]->fields[i].name, column) == 0)
				return row_kinds[k]->fields[i].subscriber;
	return false;
}

static void put_column(sqlite3_str *out, const struct principal *p, const char *table, const char *column)
{
	bool mask = !(p->rights & PRINCIPAL_SEE_SUBSCRIBER);
	const char *when = NULL;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcmp(own[i].table, table) == 0 && strcmp(own[i].column, column) == 0)
			when = strcmp(table, "finding") == 0 ? OWN_FINDING : OWN_SIGNAL;
	if (row_column_is_masked(table, column))
		when = "1";
	if (!mask || !when)
		sqlite3_str_appendf(out, "t.\"%w\"", column);
	else if (strcmp(column, "samples") == 0)
		sqlite3_str_appendf(out, "case when %s then x'' else t.\"%w\" end as \"%w\"", when, column, column);
	else
		sqlite3_str_appendf(out, "case when %s and t.\"%w\" <> '' then '(masked)' else t.\"%w\" end as \"%w\"",
			when, column, column, column);
}

static void put_tenants(sqlite3_str *out, const struct principal *p)
{
	sqlite3_str_appendall(out, " in (");
	for (size_t i = 0; i < p->n; i++)
		sqlite3_str_appendf(out, i ? ", %Q" : "%Q", p->tenants[i]);
	sqlite3_str_appendall(out, ")");
}

#define OF_SENSOR "coalesce((select nullif(x.tenant, '') from main.sensor x where x.id = "

static void put_where(sqlite3_str *out, const struct principal *p, const struct rule *r, const char *last)
{
	if (p->all && (r->owner != NOBODY || p->rights & PRINCIPAL_ADMIN))
		return;
	sqlite3_str_appendall(out, " where ");
	switch (r->owner) {
	case NOBODY:
		sqlite3_str_appendf(out, "typeof(t.\"%w\") = ''", last);
		return;
	case BY_TENANT:
		sqlite3_str_appendf(out, "coalesce(nullif(t.\"%w\", ''), 'default')", r->column);
		break;
	case BY_SENSOR:
		sqlite3_str_appendf(out, OF_SENSOR "t.\"%w\"), 'default')", r->column);
		break;
	case BY_SENSOR_NO:
		sqlite3_str_appendf(out,
			OF_SENSOR "(select n.text from main.name n where n.no = t.\"%w\")), 'default')", r->column);
		break;
	case BY_FINDING:
		sqlite3_str_appendf(out,
			"exists (select 1 from main.finding f where f.id = t.\"%w\") and " OF_SENSOR
			"(select f.sensor from main.finding f where f.id = t.\"%w\")), 'default')",
			r->column, r->column);
		break;
	}
	put_tenants(out, p);
}

/*
 * Two views a table: the inner one, whose name nobody can guess, reads the table; the outer one has the table's name
 * and reads the inner. The authorizer of store_query() lets nothing read a table but a view of such a name: a common
 * table expression can take any name but that.
 */
static int make_view(struct store *s, const struct rule *r, struct err *err)
{
	bool any = false;
	char last[64] = "";
	sqlite3_str *sql = sqlite3_str_new(s->sql.db);
	sqlite3_str_appendf(sql, "create temp view \"%s%s\" as select ", s->secret, r->table);
	sqlite3_stmt *columns = sql_new(&s->sql, "select name from pragma_table_info(?1, 'main')");
	sql_bind(columns, "t", r->table);
	while (sqlite3_step(columns) == SQLITE_ROW) {
		const char *column = (const char *)sqlite3_column_text(columns, 0);
		if (any)
			sqlite3_str_appendall(sql, ", ");
		any = true;
		/* The last column: the first may be the rowid, which counts as no column when reads are authorized. */
		snprintf(last, sizeof last, "%s", column);
		put_column(sql, s->who, r->table, column);
	}
	sqlite3_finalize(columns);
	if (any) {
		sqlite3_str_appendf(sql, " from main.\"%w\" t", r->table);
		put_where(sql, s->who, r, last);
		sqlite3_str_appendf(
			sql, "; create temp view \"%w\" as select * from temp.\"%s%w\"", r->table, s->secret, r->table);
	}
	char *text = sqlite3_str_finish(sql);
	/* A table that an older store lacks is there already, empty. */
	int rc = any ? sql_exec(&s->sql, text, err) : 0;
	sqlite3_free(text);
	return rc;
}

int store_set_principal(struct store *s, const struct principal *p, struct err *err)
{
	ENSURE(s->mode == STORE_READ && !s->who);
	ENSURE(p->n <= PRINCIPAL_TENANTS);
	s->who = mem_new(sizeof *s->who);
	*s->who = *p;
	uint64_t half[2];
	sqlite3_randomness(sizeof half, half);
	snprintf(s->secret, sizeof s->secret, "v%016" PRIx64 "%016" PRIx64 "_", half[0], half[1]);
	sql_forget(&s->sql);
	int rc = 0;
	for (size_t i = 0; i < sizeof rules / sizeof *rules && !rc; i++)
		rc = make_view(s, &rules[i], err);
	return rc;
}

struct store *store_open_as(const char *dir, const struct principal *p, int *code, struct err *err)
{
	struct store *s = store_open(dir, STORE_READ, code, err);
	int rc = s ? store_set_principal(s, p, err) : 0;
	if (!rc)
		return s;
	if (code)
		*code = rc;
	store_close(s);
	return NULL;
}

void store_tenant(struct store *s, const char *sensor, char out[64])
{
	sqlite3_stmt *stmt = sql_get(&s->sql, "select tenant from main.sensor where id = ?1");
	out[0] = '\0';
	sql_bind(stmt, "t", sensor);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		sql_text(stmt, 0, out, 64);
	sqlite3_reset(stmt);
	if (!out[0])
		snprintf(out, 64, "default");
}

bool store_has_user(struct store *s, const char *name, const char *tenant)
{
	if (s->version < USER_SINCE)
		return false;
	/* Roles are lines "TENANT ROLE". */
	sqlite3_stmt *stmt = sql_get(&s->sql, "select count(*) from main.user where name = ?1 and state = 'active' and "
					      "(instr(char(10) || roles, char(10)"
					      " || ?2 || ' ') > 0 or instr(char(10) || roles, char(10) || '* ') > 0)");
	sql_bind(stmt, "tt", name, tenant);
	return sql_number(stmt, 0) > 0;
}

void store_dark_key(struct store *s, uint8_t out[16])
{
	sqlite3_stmt *stmt = sql_get(&s->sql, "select value from main.meta where key = 'dark-key'");
	memset(out, 0, 16);
	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == 16)
		memcpy(out, sqlite3_column_blob(stmt, 0), 16);
	sqlite3_reset(stmt);
}

bool principal_sees(struct store *s, const char *sensor)
{
	char tenant[64];
	if (!s->who || s->who->all)
		return true;
	store_tenant(s, sensor, tenant);
	for (size_t i = 0; i < s->who->n; i++)
		if (strcmp(s->who->tenants[i], tenant) == 0)
			return true;
	return false;
}
