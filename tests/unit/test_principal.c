// SPDX-License-Identifier: Apache-2.0
/* Who sees what of the store, through every function and through SQL (principal, query); the audit chain (audit). */
#include "base/mem.h"
#include "model/clock.h"
#include "model/hold.h"
#include "model/sent.h"
#include "store/query.h"
#include "store/schema.h"
#include "store/segment.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define HOUR	INT64_C(460000)
#define HOUR_NS (60 * MINUTE_NS)

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static const struct sensor sensors[] = {
	{ .id = "sa", .tenant = "isp-a", .clock_state = "synchronised" },
	{ .id = "sb", .tenant = "isp-b", .clock_state = "synchronised" },
	{ .id = "sn", .tenant = "" }, /* the default's, like "sx", which has no row */
};
static const char *const names[] = { "sa", "sb", "sn", "sx" };
#define NAMES 4

/* One of everything that a sensor says: flow, source, roll-up, finding, signal, gap, clock. */
static void put_sensor(struct store *s, uint32_t i)
{
	struct archive_encoder *e = archive_encoder_new();
	struct column_buf out = { 0 };
	struct flow f = {
		.src = addr_from4(100 + i), .dst = addr_from4(9), .packets = 1 + i, .first_ns = HOUR * HOUR_NS
	};
	struct source src = { .addr = f.src, .minute = HOUR * 60, .first_ns = f.first_ns, .last_ns = f.first_ns };
	struct archive_batch a = { .flows = &f, .n = 1, .minute = HOUR * 60 };
	struct finding own = {
		.kind = FINDING_OWN_SUSPECT, .first_ns = f.first_ns, .last_ns = f.first_ns, .samples_n = 1
	};
	struct signal sig = { .at_ns = f.first_ns, .kind = "own-watch", .samples_n = 1 };
	struct gap gap = { .from_ns = 5, .to_ns = 6 };
	struct clock_minute c = { .minute = HOUR * 60, .state = "synchronised" };
	snprintf(a.sensor, sizeof a.sensor, "%s", names[i]);
	snprintf(own.sensor, sizeof own.sensor, "%s", names[i]);
	snprintf(own.subject, sizeof own.subject, "203.0.113.%u", i);
	snprintf(own.detail, sizeof own.detail, "owner %u", i);
	snprintf(sig.sensor, sizeof sig.sensor, "%s", names[i]);
	snprintf(sig.source, sizeof sig.source, "203.0.113.%u", i);
	snprintf(gap.sensor, sizeof gap.sensor, "%s", names[i]);
	snprintf(c.sensor, sizeof c.sensor, "%s", names[i]);
	finding_identify(&own);
	archive_encode(e, &a, &out);
	struct rollup *r = rollup_new();
	rollup_add_flows(r, HOUR, &f, 1);
	struct store_batch b = { .sensor = names[i],
		.blocks = { out.p, out.n },
		.sources = &src,
		.sources_n = 1,
		.findings = &own,
		.findings_n = 1,
		.signals = &sig,
		.signals_n = 1,
		.gaps = &gap,
		.gaps_n = 1,
		.rollup = r };
	assert_int_equal(store_commit(s, &b, NULL), 0);
	assert_int_equal(store_put(s, &clock_kind, &c, NULL), 0);
	rollup_free(r);
	column_buf_free(&out);
	archive_encoder_free(e);
}

static void put_tenant(struct store *s, const char *tenant)
{
	struct case_record c = { .state = "open" };
	struct decision d = { .subject = "203.0.113.9" };
	struct hold h = { .what = "range" };
	struct sent m = { .channel = "mail", .text = "203.0.113.9 is infected" };
	snprintf(c.id, sizeof c.id, "c-%s", tenant);
	snprintf(c.tenant, sizeof c.tenant, "%s", tenant);
	snprintf(c.party, sizeof c.party, "subscriber of %s", tenant);
	snprintf(d.id, sizeof d.id, "d-%s", tenant);
	snprintf(d.tenant, sizeof d.tenant, "%s", tenant);
	snprintf(h.id, sizeof h.id, "h-%s", tenant);
	snprintf(h.tenant, sizeof h.tenant, "%s", tenant);
	snprintf(m.subject, sizeof m.subject, "m-%s", tenant);
	snprintf(m.tenant, sizeof m.tenant, "%s", tenant);
	assert_int_equal(store_put(s, &case_kind, &c, NULL), 0);
	assert_int_equal(store_put(s, &decision_kind, &d, NULL), 0);
	assert_int_equal(store_put(s, &hold_kind, &h, NULL), 0);
	assert_int_equal(store_put(s, &sent_kind, &m, NULL), 0);
	assert_int_equal(store_audit(s, 1, tenant, "approve", "d", NULL), 0);
}

static int set_up(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/test_principal.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	struct store *s = store_open(dir, STORE_WRITE, NULL, NULL);
	for (size_t i = 0; i < sizeof sensors / sizeof *sensors; i++)
		assert_int_equal(store_put(s, &sensor_kind, &sensors[i], NULL), 0);
	for (uint32_t i = 0; i < NAMES; i++)
		put_sensor(s, i);
	put_tenant(s, "isp-a");
	put_tenant(s, "isp-b");
	put_tenant(s, "default");
	store_close(s);
	return 0;
}

static int tear_down(void **state)
{
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct store *open_as(const char *tenant, unsigned rights)
{
	struct principal p = { .all = !tenant, .n = tenant != NULL, .rights = rights };
	struct err err = { "" };
	snprintf(p.tenants[0], sizeof p.tenants[0], "%s", tenant ? tenant : "");
	struct store *s = store_open_as(dir, &p, NULL, &err);
	if (!s)
		print_error("%s\n", err.text);
	assert_non_null(s);
	return s;
}

/* Which sensors (bit by bit) each way of reading shows, and how much. */
struct seen {
	unsigned flows, sources, sums, findings, signals, gaps, clocks, sensors;
	unsigned cases, decisions, holds, sents, masked;
};

static unsigned bit(const char *sensor)
{
	for (unsigned i = 0; i < NAMES; i++)
		if (strcmp(names[i], sensor) == 0)
			return 1u << i;
	return 1u << 31;
}

static int see_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	((struct seen *)arg)->flows |= bit(h->sensor);
	return 0;
}

static int see_source(void *arg, const char *sensor, const struct source *src)
{
	((struct seen *)arg)->sources |= bit(sensor);
	return 0;
}

static int see_sum(void *arg, const struct store_sum *sum)
{
	((struct seen *)arg)->sums |= bit(sum->sensor);
	return 0;
}

static int see_finding(void *arg, const struct finding *f)
{
	struct seen *seen = arg;
	seen->findings |= bit(f->sensor);
	seen->masked += strcmp(f->subject, "(masked)") == 0 && strcmp(f->detail, "(masked)") == 0 && !f->samples_n;
	return 0;
}

static int see_signal(void *arg, const struct signal *sig)
{
	struct seen *seen = arg;
	seen->signals |= bit(sig->sensor);
	seen->masked += strcmp(sig->source, "(masked)") == 0 && !sig->samples_n;
	return 0;
}

static int see_gap(void *arg, const void *g)
{
	((struct seen *)arg)->gaps |= bit(((const struct gap *)g)->sensor);
	return 0;
}

static int see_clock(void *arg, const void *c)
{
	((struct seen *)arg)->clocks |= bit(((const struct clock_minute *)c)->sensor);
	return 0;
}

static int see_sensor(void *arg, const void *v)
{
	((struct seen *)arg)->sensors |= bit(((const struct sensor *)v)->id);
	return 0;
}

static unsigned tenant_bit(const char *tenant)
{
	return strcmp(tenant, "isp-a") == 0 ? 1 : strcmp(tenant, "isp-b") == 0 ? 2 : 4;
}

static int see_case(void *arg, const void *v)
{
	struct seen *seen = arg;
	const struct case_record *c = v;
	seen->cases |= tenant_bit(c->tenant);
	seen->masked += strcmp(c->party, "(masked)") == 0;
	return 0;
}

static int see_decision(void *arg, const void *v)
{
	((struct seen *)arg)->decisions |= tenant_bit(((const struct decision *)v)->tenant);
	return 0;
}

static int see_hold(void *arg, const void *v)
{
	((struct seen *)arg)->holds |= tenant_bit(((const struct hold *)v)->tenant);
	return 0;
}

static int see_sent(void *arg, const void *v)
{
	((struct seen *)arg)->sents |= tenant_bit(((const struct sent *)v)->tenant);
	return 0;
}

static struct seen see(struct store *s)
{
	struct seen seen = { 0 };
	struct store_scan scan = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .fn = see_flows, .arg = &seen };
	struct store_rollup q = { ROLLUP_HOUR, ROLLUP_CLASS, INT64_MIN, INT64_MAX, NULL, see_sum, &seen };
	assert_int_equal(store_scan_flows(s, &scan, NULL), 0);
	assert_int_equal(store_each_source(s, INT64_MIN, INT64_MAX, NULL, see_source, &seen), 0);
	assert_int_equal(store_rollup(s, &q), 0);
	assert_int_equal(store_each_finding(s, INT64_MIN, INT64_MAX, see_finding, &seen), 0);
	assert_int_equal(store_each_signal(s, INT64_MIN, INT64_MAX, see_signal, &seen), 0);
	assert_int_equal(store_each(s, &gap_kind, see_gap, &seen, NULL), 0);
	assert_int_equal(store_each(s, &clock_kind, see_clock, &seen, NULL), 0);
	assert_int_equal(store_each(s, &sensor_kind, see_sensor, &seen, NULL), 0);
	assert_int_equal(store_each(s, &case_kind, see_case, &seen, NULL), 0);
	assert_int_equal(store_each(s, &decision_kind, see_decision, &seen, NULL), 0);
	assert_int_equal(store_each(s, &hold_kind, see_hold, &seen, NULL), 0);
	assert_int_equal(store_each(s, &sent_kind, see_sent, &seen, NULL), 0);
	return seen;
}

static void functions(void **state)
{
	static const struct {
		const char *tenant;
		unsigned rights, sensors, tenants, masked;
	} cases[] = {
		{ "isp-a", PRINCIPAL_SEE_SUBSCRIBER, 1, 1, 0 },
		{ "isp-a", 0, 1, 1, 3 },
		{ "isp-a", PRINCIPAL_ADMIN, 1, 1, 3 },
		{ "isp-b", PRINCIPAL_SEE_SUBSCRIBER, 2, 2, 0 },
		{ "default", 0, 12, 4, 5 },
		{ "nobody", PRINCIPAL_SEE_SUBSCRIBER | PRINCIPAL_ADMIN, 0, 0, 0 },
		{ "x') or 1 or ('' in ('", PRINCIPAL_SEE_SUBSCRIBER | PRINCIPAL_ADMIN, 0, 0, 0 },
		{ NULL, 0, 15, 7, 11 },
		{ NULL, PRINCIPAL_SEE_SUBSCRIBER, 15, 7, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct store *s = open_as(cases[i].tenant, cases[i].rights);
		struct seen seen = see(s);
		unsigned sensor = cases[i].sensors, tenant = cases[i].tenants;
		assert_int_equal(seen.flows, sensor);
		assert_int_equal(seen.sources, sensor);
		assert_int_equal(seen.sums, sensor);
		assert_int_equal(seen.findings, sensor);
		assert_int_equal(seen.signals, sensor);
		assert_int_equal(seen.gaps, sensor);
		assert_int_equal(seen.clocks, sensor);
		assert_int_equal(seen.sensors, sensor & 7);
		assert_int_equal(seen.cases, tenant);
		assert_int_equal(seen.decisions, tenant);
		assert_int_equal(seen.holds, tenant);
		assert_int_equal(seen.sents, tenant);
		assert_int_equal(seen.masked, cases[i].masked);
		store_close(s);
	}
}

struct text {
	char v[65536];
	size_t n;
};

static int take_row(void *arg, const char *const *columns, const struct store_value *values, size_t n)
{
	struct text *t = arg;
	for (size_t i = 0; values && i < n && t->n < sizeof t->v - 256; i++) {
		int k = values[i].type == STORE_INTEGER
				? snprintf(t->v + t->n, 32, "%" PRId64 "|", values[i].integer)
				: snprintf(t->v + t->n, 200, "%.*s|",
					  (int)(values[i].bytes.n < 190 ? values[i].bytes.n : 190),
					  values[i].bytes.n ? (const char *)values[i].bytes.p : "");
		t->n += (size_t)k;
	}
	return 0;
}

static int ask(struct store *s, const char *sql, struct text *t, struct store_query *q, struct err *err)
{
	t->n = 0;
	t->v[0] = 0;
	q->fn = take_row;
	q->arg = t;
	return store_query(s, sql, q, err);
}

static const struct {
	const char *sql, *want; /* NULL: refused */
} tenant_asks[] = {
	{ "select count(*) from finding", "1|" },
	{ "select count(*) from (select 1 from finding, signal)", "1|" },
	{ "select party, devices, id from \"case\"", "(masked)||c-isp-a|" },
	{ "select id from \"case\" where party like '%subscriber%'", "" },
	{ "select subject, detail, length(samples), sensor from finding", "(masked)|(masked)|0|sa|" },
	{ "select source from signal join signal_samples using (at_ns, sensor, source, kind)", "(masked)|" },
	{ "select text from sent; -- the end", "(masked)|" },
	{ "select subject from decision;;", "(masked)|" },
	{ "select text from name", "sa|" },
	{ "select count(*) from source", "1|" },
	{ "select sum(packets) from rollup where span = 0 and dim = 0", "1|" },
	{ "select group_concat(id) from sensor", "sa|" },
	{ "select count(*) from audit", "0|" },
	{ "select count(*) from segment", "0|" },
	{ "select count(*) from sender", "0|" },
	{ "select count(*) from meta", "0|" },
	{ "with c as (select * from \"case\") select tenant from c", "isp-a|" },
	{ "select tenant from \"case\" union select tenant from hold", "isp-a|" },
	{ "with recursive n(x) as (select 1 union all select x + 1 from n where x < 5) select max(x) from n", "5|" },
	{ "select * from main.\"case\"", NULL },
	{ "select 1 from main.\"case\"", NULL },
	{ "select count(*) from main.\"case\"", NULL },
	{ "select count(*) from main.audit", NULL },
	{ "select count(*) from user", "0|" },
	{ "select count(*) from token", "0|" },
	{ "select hash from credential", NULL },
	{ "select count(*) from main.credential", NULL },
	{ "with \"case\" as (select * from main.\"case\") select * from \"case\"", NULL },
	{ "select * from (select * from main.\"case\") as \"case\"", NULL },
	{ "with \"case\" as (select count(*) from main.\"case\") select * from \"case\"", NULL },
	{ "select (select party from main.\"case\" limit 1 offset 1)", NULL },
	{ "select * from sqlite_master", NULL },
	{ "select count(*) from sqlite_master", NULL },
	{ "select * from temp.sqlite_master", NULL },
	{ "select * from sqlite_temp_schema", NULL },
	{ "select * from pragma_database_list", NULL },
	{ "select count(*) from pragma_table_list", NULL },
	{ "select * from dbstat", NULL },
	{ "pragma user_version", NULL },
	{ "pragma table_info(finding)", NULL },
	{ "attach '/tmp/x' as x", NULL },
	{ "detach main", NULL },
	{ "explain select * from \"case\"", NULL },
	{ "explain query plan select * from \"case\"", NULL },
	{ "delete from finding", NULL },
	{ "delete from main.finding", NULL },
	{ "insert into sent values (1,2,3,4,5,6)", NULL },
	{ "update main.\"case\" set tenant = 'isp-a'", NULL },
	{ "create temp table t (x)", NULL },
	{ "create temp view v as select * from main.\"case\"", NULL },
	{ "drop view temp.\"case\"", NULL },
	{ "begin", NULL },
	{ "vacuum into '/tmp/x'", NULL },
	{ "select load_extension('x')", NULL },
	{ "select randomblob(10)", NULL },
	{ "select sqlite_source_id()", NULL },
	{ "select fts3_tokenizer('x')", NULL },
	{ "select 1; select 2", NULL },
	{ "select 1; drop view temp.\"case\"", NULL },
	{ "", NULL },
	{ "-- nothing", NULL },
	{ "select ?1", NULL },
	{ "selec", NULL },
};

/* ISP A asks for everything it can think of; nothing of ISP B, nothing of a subscriber comes. */
static void sql_of_a_tenant(void **state)
{
	struct store *s = open_as("isp-a", 0);
	static struct text t;
	for (size_t i = 0; i < sizeof tenant_asks / sizeof *tenant_asks; i++) {
		struct store_query q = { 0 };
		struct err err = { "" };
		int rc = ask(s, tenant_asks[i].sql, &t, &q, &err);
		if (rc != (tenant_asks[i].want ? 0 : -STORE_BAD) ||
			(tenant_asks[i].want && strcmp(t.v, tenant_asks[i].want) != 0))
			fail_msg("%s: %d, %s, %s", tenant_asks[i].sql, rc, t.v, err.text);
		assert_true(rc == 0 || err.text[0]);
	}
	store_close(s);
}

static void sql_of_all(void **state)
{
	struct store *s = store_open(dir, STORE_READ, NULL, NULL);
	static struct text t;
	struct store_query q = { 0 };
	assert_int_equal(ask(s, "select count(*) from \"case\" where party like 'subscriber%'", &t, &q, NULL), 0);
	assert_string_equal(t.v, "3|");
	assert_int_equal(ask(s, "select count(*), max(who) from audit", &t, &q, NULL), 0);
	assert_string_equal(t.v, "3|isp-b|");
	assert_int_equal(ask(s, "select * from main.\"case\"", &t, &q, NULL), -STORE_BAD);
	assert_int_equal(ask(s, "select hash from credential", &t, &q, NULL), -STORE_BAD);
	assert_int_equal(ask(s, "select hash from main.credential", &t, &q, NULL), -STORE_BAD);
	store_close(s);
}

static double elapsed_ms(struct timespec from)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)(t.tv_sec - from.tv_sec) + (double)(t.tv_nsec - from.tv_nsec) / 1e6;
}

/* Bombs end at a limit, and the store goes on answering. */
static void bombs(void **state)
{
#define ENDLESS "with recursive n(x) as (select 1 union all select x + 1 from n) "
	static const struct {
		const char *sql;
		int want; /* enum store_cut, or a negative code */
	} cases[] = {
		{ ENDLESS "select count(*) from n", STORE_CUT_TIME },
		{ ENDLESS "select x from n", STORE_CUT_ROWS },
		{ ENDLESS "select count(*) from n where hex(zeroblob(400000 + x % 2)) = 'x'", STORE_CUT_TIME },
		{ ENDLESS "select group_concat(hex(zeroblob(400000))) from n", STORE_CUT_TIME },
		{ ENDLESS "select count(*) from (select distinct x, zeroblob(100000) from n)", STORE_CUT_MEMORY },
		{ ENDLESS "select x from n order by x desc", STORE_CUT_TIME },
		{ "with recursive n(x) as (select 'a' union all select x || x from n) select count(*) from n",
			-STORE_BAD },
		{ "select zeroblob(1000000000)", -STORE_BAD },
		{ "select printf('%1000000000d', 1)", -STORE_BAD },
		{ "select length(format('%.*c', 1000000000, 'x'))", -STORE_BAD },
		{ "select replace(hex(zeroblob(400000)), '0', hex(zeroblob(1000)))", -STORE_BAD },
		{ "select hex(zeroblob(1000000))", -STORE_BAD },
	};
	struct store *s = open_as(NULL, 0);
	static struct text t;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct store_query q = { .limits = { .rows = 1000, .time_ms = 300, .memory = 16 << 20 } };
		struct err err = { "" };
		struct timespec start;
		clock_gettime(CLOCK_MONOTONIC, &start);
		int rc = ask(s, cases[i].sql, &t, &q, &err);
		int got = rc ? rc : (int)q.cut;
		/* Sorting in memory may meet either limit first. */
		bool limit = got == STORE_CUT_MEMORY || got == STORE_CUT_TIME;
		if (limit && (cases[i].want == STORE_CUT_MEMORY || cases[i].want == STORE_CUT_TIME))
			got = cases[i].want;
		if (got != cases[i].want)
			fail_msg("%s: %d %s", cases[i].sql, got, err.text);
		if (elapsed_ms(start) > 5000)
			fail_msg("%s: took %.0f ms", cases[i].sql, elapsed_ms(start));
		assert_true(q.rows <= 1000);
		assert_int_equal(ask(s, "select count(*) from finding", &t, &q, NULL), 0);
		assert_string_equal(t.v, "4|");
	}
	store_close(s);
}

static atomic_bool cancel;

static void *cancel_soon(void *arg)
{
	usleep(50000);
	atomic_store(&cancel, true);
	return NULL;
}

static void cancelled(void **state)
{
	struct store *s = open_as(NULL, 0);
	static struct text t;
	pthread_t thread;
	struct store_query q = { .limits = { .time_ms = 60000, .cancel = &cancel } };
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
	assert_int_equal(ask(s, ENDLESS "select count(*) from n", &t, &q, NULL), 0);
	assert_int_equal(q.cut, STORE_CUT_CANCEL);
	pthread_join(thread, NULL);
	store_close(s);
}

static void exec_sql(const char *text)
{
	char path[128];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/store.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Each change of what was audited is found, at the row where it shows first. */
static void audit_chain(void **state)
{
	static const struct {
		const char *sql;
		int64_t bad;
	} cases[] = {
		{ "select 1", 0 },
		{ "update audit set who = 'nobody' where seq = 2", 2 },
		{ "update audit set at_ns = 7 where seq = 1", 1 },
		{ "update audit set what = what || subject, subject = '' where seq = 3", 3 },
		{ "delete from audit where seq = 2", 3 },
		{ "delete from audit where seq = 1", 2 },
		{ "delete from audit where seq = 3", 3 },
		{ "delete from audit", 1 },
		{ "update audit set hash = zeroblob(32) where seq = 2", 2 },
		{ "insert into audit select 4, at_ns, who, what, subject, previous, hash from audit where seq = 3", 4 },
		{ "delete from meta", 4 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct store_audit_state a;
		struct err err = { "" };
		exec_sql(cases[i].sql);
		struct store *s = store_open(dir, STORE_READ, NULL, NULL);
		int rc = store_audit_verify(s, &a, &err);
		store_close(s);
		if (rc != (cases[i].bad ? -STORE_DAMAGED : 0) || a.bad_seq != cases[i].bad)
			fail_msg("%s: %d at %d: %s", cases[i].sql, rc, (int)a.bad_seq, err.text);
		tear_down(NULL);
		set_up(NULL);
	}
}

/* The tables of the migrations are those of the row tables. */
static void tables_are_the_kinds(void **state)
{
	struct store *s = store_open(dir, STORE_READ, NULL, NULL);
	store_close(s);
	char path[128], text[4096], sql[256];
	struct sql db;
	snprintf(path, sizeof path, "%s/store.db", dir);
	assert_int_equal(sql_open(&db, path, true, NULL), 0);
	for (size_t i = 0; i < row_kinds_n; i++) {
		const struct row_kind *k = row_kinds[i];
		row_sql(text, sizeof text, k);
		snprintf(sql, sizeof sql, "attach ':memory:' as m");
		assert_int_equal(sql_exec(&db, sql, NULL), 0);
		char *at = strchr(text, '"');
		char made[4200];
		snprintf(made, sizeof made, "create table m.%s", at);
		assert_int_equal(sql_exec(&db, made, NULL), 0);
		sqlite3_stmt *differ = sql_new(&db, "select count(*) from (select cid, name, type, \"notnull\", pk "
						    "from pragma_table_info(?1, 'main') except"
						    " select cid, name, type, \"notnull\", pk from "
						    "pragma_table_info(?1, 'm')) union all select count(*) from"
						    " pragma_table_info(?1, 'm')");
		sql_bind(differ, "t", k->name);
		assert_int_equal(sqlite3_step(differ), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int(differ, 0), 0);
		assert_int_equal(sqlite3_step(differ), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int(differ, 0), (int)k->n);
		sqlite3_finalize(differ);
		assert_int_equal(sql_exec(&db, "detach m", NULL), 0);
	}
	sql_close(&db);
}

/* A store of the version before: read without being changed; chained and complete after a writer came. */
static void version_before(void **state)
{
	char path[128];
	struct sql db;
	struct store_audit_state a;
	static struct text t;
	static const char *const later[] = { "select count(*) from user", "select count(*) from token",
		"select count(*) from remark" };
	tear_down(NULL);
	assert_int_equal(mkdir(dir, 0750), 0);
	snprintf(path, sizeof path, "%s/flows", dir);
	assert_int_equal(mkdir(path, 0750), 0);
	snprintf(path, sizeof path, "%s/store.db", dir);
	assert_int_equal(sql_open(&db, path, true, NULL), 0);
	/* The third step chains what was audited before it. */
	assert_int_equal(schema_migrate(&db, path, schema_steps, 2, NULL), 0);
	assert_int_equal(
		sql_exec(&db, "insert into audit values (1, 5, 'a', 'b', 'c'), (2, 6, 'd', 'e', 'f')", NULL), 0);
	assert_int_equal(schema_migrate(&db, path, schema_steps, schema_steps_n - 1, NULL), 0);
	assert_int_equal(
		sql_exec(&db,
			"insert into gap values ('sa', 1, 2, 'r', 0), ('sb', 1, 2, 'r', 0);"
			"insert into sensor values ('sa', 'isp-a', '', '', '', 0), ('sb', 'isp-b', '', '', '', 0)",
			NULL),
		0);
	for (int as = 0; as < 3; as++) {
		struct store *s = as ? open_as(as == 1 ? "isp-a" : NULL, PRINCIPAL_ADMIN)
				     : store_open(dir, STORE_READ, NULL, NULL);
		assert_non_null(s);
		struct seen seen = see(s);
		assert_int_equal(seen.gaps, as == 1 ? 1 : 3);
		assert_int_equal(seen.holds, 0);
		assert_int_equal(store_audit_verify(s, &a, NULL), 0);
		struct store_query q = { 0 };
		for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
			assert_int_equal(ask(s, later[i], &t, &q, NULL), 0);
			assert_string_equal(t.v, "0|");
		}
		assert_int_equal(ask(s, "select count(*) from audit", &t, &q, NULL), 0);
		assert_string_equal(t.v, as == 1 ? "0|" : "2|");
		store_close(s);
		assert_int_equal(schema_version(&db), schema_steps_n - 1);
	}
	sql_close(&db);
	struct store *s = store_open(dir, STORE_WRITE, NULL, NULL);
	assert_non_null(s);
	assert_int_equal(store_audit_verify(s, &a, NULL), 0);
	assert_int_equal(a.rows, 2);
	assert_int_equal(store_audit(s, 7, "g", "h", "i", NULL), 0);
	assert_int_equal(store_audit_verify(s, &a, NULL), 0);
	assert_int_equal(a.head_seq, 3);
	store_close(s);
	snprintf(path, sizeof path, "%s/store.db.before-v4", dir);
	assert_int_equal(access(path, F_OK), 0);
}

/* A question that began first and ends first must not take the other's limit of memory away with it. */
static sem_t first_runs, first_may_end;
static pthread_t first;
static int64_t limit_left;

static int first_row(void *arg, const char *const *columns, const struct store_value *values, size_t n)
{
	sem_post(&first_runs);
	return sem_wait(&first_may_end);
}

static int second_row(void *arg, const char *const *columns, const struct store_value *values, size_t n)
{
	sem_post(&first_may_end);
	pthread_join(first, NULL);
	limit_left = sqlite3_hard_heap_limit64(-1);
	return 1;
}

static void *ask_first(void *arg)
{
	struct store *s = store_open(dir, STORE_READ, NULL, NULL);
	struct store_query q = { .fn = first_row };
	if (s && store_query(s, "select 1 limit 0", &q, NULL))
		sem_post(&first_runs);
	store_close(s);
	return NULL;
}

static void memory_of_two(void **state)
{
	struct store *s = store_open(dir, STORE_READ, NULL, NULL);
	struct store_query q = { .fn = second_row };
	sem_init(&first_runs, 0, 0);
	sem_init(&first_may_end, 0, 0);
	limit_left = -1;
	assert_int_equal(pthread_create(&first, NULL, ask_first, NULL), 0);
	sem_wait(&first_runs);
	assert_int_equal(store_query(s, "select 1 limit 0", &q, NULL), -STORE_STOPPED);
	assert_true(limit_left > 0);
	assert_int_equal(sqlite3_hard_heap_limit64(-1), 0);
	store_close(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = { T(functions), T(sql_of_a_tenant), T(sql_of_all), T(bombs), T(cancelled),
		T(memory_of_two), T(audit_chain), T(tables_are_the_kinds), T(version_before) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
