// SPDX-License-Identifier: Apache-2.0
#include "store/query.h"

#include "store/storefiles.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define ROWS	   10000
#define TIME_MS	   10000
#define MEMORY	   (256u << 20)
#define COLUMNS	   200
#define STEPS	   50 /* of SQLite's machine between two looks at clock and cancel flag: a step may take 1 ms */
#define LENGTH_MAX (1 << 20)

/* No printf and format: one call of them can count to 10^9 without a look at the clock. */
static const char *const functions[] = { "abs", "avg", "char", "coalesce", "count", "cume_dist", "date", "datetime",
	"dense_rank", "first_value", "glob", "group_concat", "hex", "ifnull", "iif", "instr", "julianday", "lag",
	"last_value", "lead", "length", "like", "likelihood", "likely", "lower", "ltrim", "max", "min", "nth_value",
	"ntile", "nullif", "percent_rank", "quote", "rank", "replace", "round", "row_number", "rtrim", "sign",
	"strftime", "substr", "substring", "sum", "time", "total", "trim", "typeof", "unicode", "unixepoch", "unlikely",
	"upper", "zeroblob" };

/* What a connection may do while somebody else's SQL runs in it. */
static const struct {
	int limit, value;
} bounds[] = { { SQLITE_LIMIT_LENGTH, LENGTH_MAX }, { SQLITE_LIMIT_SQL_LENGTH, 1 << 16 },
	{ SQLITE_LIMIT_COLUMN, COLUMNS }, { SQLITE_LIMIT_EXPR_DEPTH, 100 }, { SQLITE_LIMIT_COMPOUND_SELECT, 32 },
	{ SQLITE_LIMIT_VDBE_OP, 1 << 18 }, { SQLITE_LIMIT_FUNCTION_ARG, 16 }, { SQLITE_LIMIT_ATTACHED, 0 },
	{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256 }, { SQLITE_LIMIT_VARIABLE_NUMBER, 1 },
	{ SQLITE_LIMIT_TRIGGER_DEPTH, 1 }, { SQLITE_LIMIT_WORKER_THREADS, 0 } };
#define BOUNDS (sizeof bounds / sizeof *bounds)

struct watch {
	struct store *store;
	struct store_query *q;
	int64_t end_ms;
	char denied[160];
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int look(void *arg)
{
	struct watch *w = arg;
	if (w->q->limits.cancel && atomic_load_explicit(w->q->limits.cancel, memory_order_relaxed))
		w->q->cut = STORE_CUT_CANCEL;
	else if (now_ms() >= w->end_ms)
		w->q->cut = STORE_CUT_TIME;
	return w->q->cut != STORE_WHOLE;
}

static int deny(struct watch *w, const char *what, const char *name)
{
	if (!w->denied[0])
		snprintf(w->denied, sizeof w->denied, "%s%s%.64s", what, name ? " " : "", name ? name : "");
	return SQLITE_DENY;
}

static bool has_prefix(const char *text, const char *prefix)
{
	return sqlite3_strnicmp(text, prefix, (int)strlen(prefix)) == 0;
}

/*
 * `within`: the view, or the name of the subquery in FROM, that the column is read in. Anybody can name a subquery
 * "case"; the secret can't be named. A table of which no column is used comes with an empty column and, as the planner
 * dissolves views, without `within`; a view that hides rows uses a column of its table.
 */
static int may_read(struct watch *w, const char *table, const char *column, const char *schema, const char *within)
{
	static const char *const never[] = { "sqlite_", "pragma_", "dbstat", "bytecode", "tables_used", "fts",
		"rtree" };
	const char *secret = w->store->secret;
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (has_prefix(table, never[i]))
			return deny(w, "reading", table);
	bool inside = within && strncmp(within, secret, strlen(secret)) == 0;
	if (!schema && !column[0])
		return SQLITE_OK;
	if (schema && strcmp(schema, "temp") == 0) {
		size_t skip = strncmp(table, secret, strlen(secret)) == 0 ? strlen(secret) : 0;
		return principal_knows(table + skip) ? SQLITE_OK : deny(w, "reading", table);
	}
	if (schema && strcmp(schema, "main") == 0 && (inside || (!column[0] && w->store->who->all)))
		return SQLITE_OK;
	return deny(w, "reading past the views:", table);
}

static int may_call(struct watch *w, const char *function)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (sqlite3_stricmp(function, functions[i]) == 0)
			return SQLITE_OK;
	return deny(w, "the function", function);
}

static int authorize(void *arg, int action, const char *a, const char *b, const char *schema, const char *within)
{
	struct watch *w = arg;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_READ:
		return may_read(w, a ? a : "", b ? b : "", schema, within);
	case SQLITE_FUNCTION:
		return may_call(w, b ? b : "");
	default:
		return deny(w, "anything but SELECT", NULL);
	}
}

static int wrong(struct watch *w, struct err *err)
{
	sqlite3 *db = w->store->sql.db;
	int rc = sqlite3_errcode(db) & 0xff;
	if (w->denied[0])
		return err_set(err, -STORE_BAD, "not allowed here: %s", w->denied);
	if (rc == SQLITE_NOMEM) {
		w->q->cut = STORE_CUT_MEMORY;
		return 0;
	}
	if (rc == SQLITE_INTERRUPT && w->q->cut != STORE_WHOLE)
		return 0;
	if (rc == SQLITE_ERROR || rc == SQLITE_TOOBIG || rc == SQLITE_AUTH || rc == SQLITE_MISMATCH ||
		rc == SQLITE_RANGE)
		return err_set(err, -STORE_BAD, "%s", sqlite3_errmsg(db));
	return sql_failed(&w->store->sql, err);
}

static bool blank(const char *text)
{
	return text[strspn(text, " \t\r\n;")] == 0;
}

static int prepare(struct watch *w, const char *sql, sqlite3_stmt **stmt, struct err *err)
{
	const char *tail = "";
	sqlite3_stmt *more = NULL;
	if (sqlite3_prepare_v2(w->store->sql.db, sql, -1, stmt, &tail) != SQLITE_OK)
		return wrong(w, err);
	if (!*stmt)
		return err_set(err, -STORE_BAD, "there is no statement");
	if (sqlite3_stmt_isexplain(*stmt) || !sqlite3_stmt_readonly(*stmt))
		return err_set(err, -STORE_BAD, "not allowed here: anything but SELECT");
	if (sqlite3_bind_parameter_count(*stmt))
		return err_set(err, -STORE_BAD, "not allowed here: parameters");
	if (blank(tail))
		return 0;
	/* A comment behind the statement does no harm. */
	int rc = sqlite3_prepare_v2(w->store->sql.db, tail, -1, &more, NULL);
	bool nothing = rc == SQLITE_OK && !more;
	sqlite3_finalize(more);
	return nothing ? 0 : err_set(err, -STORE_BAD, "not allowed here: more than one statement");
}

static struct store_value value_of(sqlite3_stmt *stmt, int column)
{
	struct store_value v = { .type = STORE_NULL };
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_INTEGER:
		v.type = STORE_INTEGER;
		v.integer = sqlite3_column_int64(stmt, column);
		break;
	case SQLITE_FLOAT:
		v.type = STORE_REAL;
		v.real = sqlite3_column_double(stmt, column);
		break;
	case SQLITE_TEXT:
		v.type = STORE_TEXT;
		v.bytes.p = sqlite3_column_text(stmt, column);
		v.bytes.n = (size_t)sqlite3_column_bytes(stmt, column);
		break;
	case SQLITE_BLOB:
		v.type = STORE_BLOB;
		v.bytes = sql_bytes(stmt, column);
		break;
	}
	return v;
}

static int hand_out(struct watch *w, sqlite3_stmt *stmt, struct err *err)
{
	struct store_query *q = w->q;
	const char *names[COLUMNS];
	struct store_value values[COLUMNS];
	uint64_t most = q->limits.rows ? q->limits.rows : ROWS;
	int n = sqlite3_column_count(stmt), rc;
	n = n < COLUMNS ? n : COLUMNS;
	for (int i = 0; i < n; i++)
		names[i] = sqlite3_column_name(stmt, i) ? sqlite3_column_name(stmt, i) : "";
	if (q->fn(q->arg, names, NULL, (size_t)n))
		return -STORE_STOPPED;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (q->rows == most) {
			q->cut = STORE_CUT_ROWS;
			return 0;
		}
		for (int i = 0; i < n; i++)
			values[i] = value_of(stmt, i);
		q->rows++;
		if (q->fn(q->arg, names, values, (size_t)n))
			return -STORE_STOPPED;
	}
	return rc == SQLITE_DONE ? 0 : wrong(w, err);
}

/* SQLite's limit is the process's: questions of several threads add theirs to it and take it away again. */
static struct {
	pthread_mutex_t lock;
	unsigned running;
	int64_t before, base, allowed;
} heap = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void allow(int64_t octets)
{
	pthread_mutex_lock(&heap.lock);
	if (octets > 0 && !heap.running++) {
		heap.before = sqlite3_hard_heap_limit64(-1);
		heap.base = sqlite3_memory_used();
	}
	heap.running -= octets < 0;
	heap.allowed += octets;
	sqlite3_hard_heap_limit64(heap.running ? heap.base + heap.allowed : heap.before);
	pthread_mutex_unlock(&heap.lock);
}

int store_query(struct store *s, const char *sql, struct store_query *q, struct err *err)
{
	static const struct principal everything = { .all = true,
		.rights = PRINCIPAL_SEE_SUBSCRIBER | PRINCIPAL_ADMIN };
	struct watch w = { .store = s, .q = q };
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = s->sql.db;
	int old[BOUNDS], rc = s->who ? 0 : store_set_principal(s, &everything, err);
	q->rows = 0;
	q->cut = STORE_WHOLE;
	if (rc)
		return rc;
	w.end_ms = now_ms() + (int64_t)(q->limits.time_ms ? q->limits.time_ms : TIME_MS);
	for (size_t i = 0; i < BOUNDS; i++)
		old[i] = sqlite3_limit(db, bounds[i].limit, bounds[i].value);
	int64_t memory = (int64_t)(q->limits.memory ? q->limits.memory : MEMORY);
	allow(memory);
	sqlite3_set_authorizer(db, authorize, &w);
	sqlite3_progress_handler(db, STEPS, look, &w);
	rc = prepare(&w, sql, &stmt, err);
	if (!rc && stmt)
		rc = hand_out(&w, stmt, err);
	sqlite3_finalize(stmt);
	sqlite3_progress_handler(db, 0, NULL, NULL);
	sqlite3_set_authorizer(db, NULL, NULL);
	allow(-memory);
	for (size_t i = 0; i < BOUNDS; i++)
		sqlite3_limit(db, bounds[i].limit, old[i]);
	return rc;
}
