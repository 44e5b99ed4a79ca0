// SPDX-License-Identifier: Apache-2.0
/* store status: what is kept and how it stands. */
#include "base/json.h"
#include "base/text.h"
#include "base/zone.h"
#include "cmd/paint.h"
#include "cmd/run.h"
#include "cmd/store.h"
#include "store/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <fcntl.h>
#include <unistd.h>

/* Each question gives rows of a label, a number and maybe times; in both outputs the same. */
static const struct {
	const char *key, *sql;
} kinds[] = {
	{ "flows", "select coalesce(sum(flows), 0), min(hour) * 3600000000000, (max(hour) + 1) * 3600000000000 from "
		   "segment" },
	{ "sources",
		"select coalesce(sum(n), 0), min(minute) * 60000000000, (max(minute) + 1) * 60000000000 from source" },
	{ "findings", "select count(*), min(first_ns), max(last_ns) from finding" },
	{ "signals", "select count(*), min(at_ns), max(at_ns) from signal" },
	{ "gaps", "select count(*), min(from_ns), max(to_ns) from gap" },
	{ "rollups", "select count(*), min(start) * 3600000000000, (max(start) + 1) * 3600000000000 from rollup where "
		     "span = 0" },
	{ "cases", "select count(*), min(opened_ns), max(opened_ns) from \"case\"" },
	{ "decisions", "select count(*), min(from_ns), max(to_ns) from decision" },
	{ "alerts", "select count(*), min(at_ns), max(at_ns) from sent" },
	{ "audit", "select count(*), min(at_ns), max(at_ns) from audit" },
};

static const struct {
	const char *key, *sql;
} lists[] = {
	{ "sensors",
		"select n.text as sensor, coalesce(nullif(s.tenant, ''), 'default') as tenant, coalesce(c.state,"
		" nullif(s.clock_state, ''), 'unknown') as clock, coalesce(c.offset_ns, s.clock_offset_ns, 0) as"
		" offset_ns from (select text from name union select id from sensor) n left join sensor s on s.id ="
		" n.text left join clock c on c.sensor = n.text and c.minute = (select max(minute) from clock where"
		" sensor = n.text) order by 1" },
	{ "senders", "select id as sender, sequence from sender order by 1" },
	{ "last_gap", "select sensor, reason, from_ns, to_ns, dropped from gap order by to_ns desc limit 1" },
	{ "holds", "select id, what, subject, who, reason from hold where until_ns = 0 or until_ns >"
		   " unixepoch() * 1000000000 order by since_ns" },
	{ "retention", "select kind, dropped, octets, held, until_ns from retention order by kind" },
};

#define DATED_NS INT64_C(100000000000000000) /* numbers above are times, those below spans: 1973 */

struct printing {
	const struct cli_global *g;
	struct json j;
	const char *key;
};

static int print_kind(void *arg, const char *const *names, const struct store_value *v, size_t n)
{
	struct printing *p = arg;
	char a[32], from[TEXT_TIME_MAX] = "", to[TEXT_TIME_MAX] = "";
	if (!v)
		return 0;
	bool span = v[1].type == STORE_INTEGER && v[2].type == STORE_INTEGER;
	if (p->g->json) {
		json_object(&p->j, p->key);
		json_u64(&p->j, "rows", (uint64_t)v[0].integer);
		if (span) {
			json_i64(&p->j, "first_ns", v[1].integer);
			json_i64(&p->j, "last_ns", v[2].integer);
		}
		json_end(&p->j, '}');
		return 0;
	}
	printf("  %-10s %16s", p->key, paint_number(a, (uint64_t)v[0].integer));
	if (span && v[0].integer)
		printf("  %s .. %s", zone_text(from, v[1].integer), zone_text(to, v[2].integer));
	putchar('\n');
	return 0;
}

static int print_item(void *arg, const char *const *names, const struct store_value *v, size_t n)
{
	struct printing *p = arg;
	char safe[1024];
	if (!v)
		return 0;
	if (p->g->json)
		json_object(&p->j, NULL);
	else
		printf("  %s:", p->key);
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(names[i]);
		bool ns = length > 3 && strcmp(names[i] + length - 3, "_ns") == 0;
		if (p->g->json && v[i].type == STORE_INTEGER)
			json_i64(&p->j, names[i], v[i].integer);
		else if (p->g->json)
			json_strn(&p->j, names[i], (const char *)v[i].bytes.p, v[i].bytes.n);
		else if (v[i].type == STORE_INTEGER && ns && v[i].integer > DATED_NS)
			printf(" %.*s %s", (int)length - 3, names[i], zone_text(safe, v[i].integer));
		else if (v[i].type == STORE_INTEGER && ns)
			printf(" %.*s %.3f ms", (int)length - 3, names[i], (double)v[i].integer / 1e6);
		else if (v[i].type == STORE_INTEGER)
			printf(" %s %" PRId64, names[i], v[i].integer);
		else
			printf(" %s %s", names[i],
				text_escape(safe, sizeof safe, (const char *)v[i].bytes.p, v[i].bytes.n));
	}
	if (p->g->json)
		json_end(&p->j, '}');
	else
		putchar('\n');
	return 0;
}

static int ask(struct store *s, struct printing *p, const char *sql,
	int (*fn)(void *arg, const char *const *names, const struct store_value *v, size_t n))
{
	struct store_query q = { .limits = { .time_ms = 60000 }, .fn = fn, .arg = p };
	struct err err = { "" };
	return store_query(s, sql, &q, &err) ? store_complain(err.text, -1) : 0;
}

static uint64_t size_of(const char *dir, const char *name)
{
	char path[4200];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The pid of the writer, 0: nobody writes. */
static uint64_t writer_of(const char *dir)
{
	char path[4200], text[32] = "";
	unsigned long long pid = 0;
	snprintf(path, sizeof path, "%s/lock", dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) && pread(fd, text, sizeof text - 1, 0) > 0)
		sscanf(text, "%llu", &pid);
	close(fd);
	return pid;
}

struct sizes {
	uint64_t database, log, flows, disk_free, writer;
	int schema;
};

static int see_number(void *arg, const char *const *names, const struct store_value *v, size_t n)
{
	if (v)
		*(uint64_t *)arg = (uint64_t)v[0].integer;
	return 0;
}

static struct sizes measure(struct store *s, const char *dir)
{
	struct sizes z = { size_of(dir, "store.db"), size_of(dir, "store.db-wal") };
	struct statvfs fs;
	struct store_query q = { .fn = see_number, .arg = &z.flows };
	z.writer = writer_of(dir);
	z.schema = store_schema(s);
	if (statvfs(dir, &fs) == 0)
		z.disk_free = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (store_query(s, "select coalesce(sum(length), 0) from segment", &q, NULL))
		z.flows = 0;
	return z;
}

static void print_sizes(struct printing *p, const char *dir, const struct sizes *z)
{
	char a[32], b[32], c[32];
	if (!p->g->json) {
		printf("%s: schema %d, database %s octets, flows %s octets, disk free %s octets\n", dir, z->schema,
			paint_number(a, z->database + z->log), paint_number(b, z->flows),
			paint_number(c, z->disk_free));
		if (z->writer)
			printf("  written by process %" PRIu64 "\n", z->writer);
		return;
	}
	json_str(&p->j, "store", dir);
	json_u64(&p->j, "schema", (uint64_t)z->schema);
	json_u64(&p->j, "schema_of_program", (uint64_t)store_schema_of_program());
	json_u64(&p->j, "database_octets", z->database);
	json_u64(&p->j, "log_octets", z->log);
	json_u64(&p->j, "flows_octets", z->flows);
	json_u64(&p->j, "disk_free_octets", z->disk_free);
	if (z->writer)
		json_u64(&p->j, "writer", z->writer);
	else
		json_null(&p->j, "writer");
}

int store_status(const struct cli_global *g, const void *options, int argc, char **argv)
{
	struct printing p = { .g = g };
	const char *dir = run_store_dir(g);
	int code, rc = 0;
	struct store *s = store_open_for(g, STORE_READ, &code);
	if (!s)
		return code;
	struct sizes z = measure(s, dir);
	json_init(&p.j, stdout);
	if (g->json)
		json_object(&p.j, NULL);
	print_sizes(&p, dir, &z);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		p.key = kinds[i].key;
		rc |= ask(s, &p, kinds[i].sql, print_kind);
	}
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		p.key = lists[i].key;
		if (g->json)
			json_array(&p.j, p.key);
		rc |= ask(s, &p, lists[i].sql, print_item);
		if (g->json)
			json_end(&p.j, ']');
	}
	if (g->json) {
		json_end(&p.j, '}');
		json_line(&p.j);
	}
	store_close(s);
	return rc ? CLI_FAILED : CLI_DONE;
}
