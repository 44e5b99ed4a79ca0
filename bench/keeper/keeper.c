// SPDX-License-Identifier: Apache-2.0
/*
 * What the keeper of the store does in a second, beside a plain SQLite table and a CSV file of the same rows in the
 * same run: commits of sealed blocks with roll-ups and sources; the overview of a day; one source over 30 days; a scan.
 * usage: bench_keeper NEW-DIR [BATCHES [SOURCES_A_MINUTE]] - DIR must not exist and is left behind.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/history.h"
#include "store/segment.h"
#include "store/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FLOWS	  100000 /* a batch */
#define SENT	  2000	 /* sources of a batch */
#define FIRST_DAY INT64_C(20000)
#define DAYS	  30
#define KEYS	  1000

static char dir[4096];
static uint64_t state = 1;

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next(void)
{
	return random_mix(state += 0x9e3779b97f4a7c15u);
}

static void make_flows(struct flow *v, size_t n, int64_t minute)
{
	static const uint16_t ports[] = { 23, 2323, 22, 80, 445, 8080, 5555, 3389 };
	memset(v, 0, n * sizeof *v);
	for (size_t i = 0; i < n; i++) {
		uint64_t x = next();
		v[i] = (struct flow){ .src = addr_from4((uint32_t)(x % SENT) * 2000003u),
			.dst = addr_from4(0xc6120000u | (uint32_t)(x >> 20 & 0xffff)),
			.sport = (uint16_t)(x >> 40),
			.dport = x % 5 ? ports[x >> 8 & 7] : (uint16_t)(x >> 9),
			.proto = PROTO_TCP,
			.ttl = (uint8_t)(40 + (x >> 50 & 15)),
			.tcp_flags = 2,
			.ip_len = 40,
			.packets = 1,
			.bytes = 40,
			.first_ns = minute * MINUTE_NS + (int64_t)(x >> 4) % MINUTE_NS };
		v[i].last_ns = v[i].first_ns;
	}
}

static int by_flow(const void *a, const void *b)
{
	return flow_cmp(a, b);
}

struct made {
	struct column_buf blocks;
	struct source sources[SENT];
	struct rollup *rollup;
};

static void fill_rollup(struct rollup *r, int64_t hour)
{
	char key[16];
	for (int d = 0; d < ROLLUP_DIM_N; d++)
		for (int k = 0; k < KEYS; k++) {
			struct addr a = addr_from4((uint32_t)next());
			snprintf(key, sizeof key, "%d", k);
			rollup_add(r, hour, (enum rollup_dim)d, key, &a, 1 + next() % 1000);
		}
}

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(&((const struct source *)a)->addr, &((const struct source *)b)->addr);
}

static void make_sources(struct source *v, size_t n, uint32_t step, int64_t minute)
{
	for (size_t i = 0; i < n; i++)
		v[i] = (struct source){ .addr = addr_from4((uint32_t)i * step),
			.minute = minute,
			.first_ns = minute * MINUTE_NS + (int64_t)(next() % 1000000),
			.last_ns = minute * MINUTE_NS + 59000000000,
			.packets = 1 + next() % 100,
			.bytes = 4000,
			.targets = (uint32_t)(next() % 50),
			.ports = 2 };
	qsort(v, n, sizeof *v, by_addr);
}

static double fsync_ms(void)
{
	char path[4200], page[4096] = "";
	double v[50];
	snprintf(path, sizeof path, "%s/fsync", dir);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 50; i++) {
		double t = now_s();
		ENSURE(pwrite(fd, page, sizeof page, i * 4096) == 4096 && fdatasync(fd) == 0);
		v[i] = now_s() - t;
	}
	close(fd);
	for (int i = 1; i < 50; i++)
		for (int k = i; k && v[k] < v[k - 1]; k--) {
			double x = v[k];
			v[k] = v[k - 1];
			v[k - 1] = x;
		}
	return 1e3 * v[25];
}

static double commits(struct store *s, struct flow *flows, int batches)
{
	struct archive_encoder *e = archive_encoder_new();
	struct made *m = mem_new(sizeof *m);
	double wall = 0, longest = 0, encode = 0;
	for (int i = 0; i < batches; i++) {
		/* Ten batches a minute, as of ten sensors that fold into one. */
		int64_t minute = FIRST_DAY * 1440 + i / 10;
		struct archive_batch b = { .flows = flows,
			.n = FLOWS,
			.minute = minute,
			.sensor = "bench",
			.sender = 1,
			.sequence = (uint64_t)i + 1 };
		make_flows(flows, FLOWS, minute);
		qsort(flows, FLOWS, sizeof *flows, by_flow);
		m->blocks.n = 0;
		double t0 = now_s();
		archive_encode(e, &b, &m->blocks);
		encode += now_s() - t0;
		m->rollup = rollup_new();
		fill_rollup(m->rollup, segment_hour(minute));
		make_sources(m->sources, SENT, 2000003u, minute);
		struct store_batch all = { .sender = 1,
			.sequence = (uint64_t)i + 1,
			.sensor = "bench",
			.blocks = { m->blocks.p, m->blocks.n },
			.sources = m->sources,
			.sources_n = SENT,
			.rollup = m->rollup };
		struct err err = { "" };
		double t = now_s();
		if (store_commit(s, &all, &err))
			fprintf(stderr, "bench_keeper: %s\n", err.text);
		t = now_s() - t;
		wall += t;
		longest = t > longest ? t : longest;
		rollup_free(m->rollup);
	}
	double rate = (double)FLOWS * batches / wall;
	printf("commit: %.2f M flows/s as sealed blocks with %.0f k roll-up rows/s and %.0f k sources/s, synced; a "
	       "batch %.1f ms,"
	       " longest %.1f ms; sealing costs its sender %.0f ns a flow\n",
		rate / 1e6, (double)ROLLUP_DIM_N * KEYS * batches / wall / 1e3, (double)SENT * batches / wall / 1e3,
		1e3 * wall / batches, 1e3 * longest, 1e9 * encode / FLOWS / batches);
	column_buf_free(&m->blocks);
	free(m);
	archive_encoder_free(e);
	return rate;
}

static double plain_sqlite(struct flow *flows, int batches)
{
	char path[4200];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	snprintf(path, sizeof path, "%s/plain.db", dir);
	ENSURE(sqlite3_open(path, &db) == SQLITE_OK);
	ENSURE(sqlite3_exec(db,
		       "pragma page_size=16384; pragma journal_mode=wal; pragma synchronous=full; create table f (src, "
		       "dst,"
		       " sport, dport, proto, ttl, flags, len, packets, bytes, first, last)",
		       NULL, NULL, NULL) == SQLITE_OK);
	ENSURE(sqlite3_prepare_v2(db, "insert into f values (?,?,?,?,?,?,?,?,?,?,?,?)", -1, &stmt, NULL) == SQLITE_OK);
	double t = now_s();
	for (int b = 0; b < batches; b++) {
		sqlite3_exec(db, "begin", NULL, NULL, NULL);
		for (int i = 0; i < FLOWS; i++) {
			const struct flow *f = &flows[i];
			const int64_t v[] = { addr_to4(&f->src), addr_to4(&f->dst), f->sport, f->dport, f->proto,
				f->ttl, f->tcp_flags, f->ip_len, (int64_t)f->packets, (int64_t)f->bytes, f->first_ns,
				f->last_ns };
			for (int k = 0; k < 12; k++)
				sqlite3_bind_int64(stmt, k + 1, v[k]);
			ENSURE(sqlite3_step(stmt) == SQLITE_DONE);
			sqlite3_reset(stmt);
		}
		ENSURE(sqlite3_exec(db, "commit", NULL, NULL, NULL) == SQLITE_OK);
	}
	t = now_s() - t;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return (double)FLOWS * batches / t;
}

static double plain_csv(struct flow *flows, int batches)
{
	char path[4200], src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	snprintf(path, sizeof path, "%s/plain.csv", dir);
	FILE *out = fopen(path, "w");
	double t = now_s();
	for (int b = 0; b < batches; b++) {
		for (int i = 0; i < FLOWS; i++) {
			const struct flow *f = &flows[i];
			fprintf(out, "%s,%s,%u,%u,%u,%u,%u,%u,%" PRIu64 ",%" PRIu64 ",%" PRId64 ",%" PRId64 "\n",
				addr_text(src, &f->src), addr_text(dst, &f->dst), f->sport, f->dport, f->proto, f->ttl,
				f->tcp_flags, f->ip_len, f->packets, f->bytes, f->first_ns, f->last_ns);
		}
		ENSURE(fflush(out) == 0 && fdatasync(fileno(out)) == 0);
	}
	t = now_s() - t;
	fclose(out);
	return (double)FLOWS * batches / t;
}

/* ---- reading ---- */

struct scan {
	double first;
	uint64_t packets;
};

static int see_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct scan *s = arg;
	s->first = s->first == 0 ? now_s() : s->first;
	for (size_t i = 0; i < n; i++)
		s->packets += flows[i].packets;
	return 0;
}

static atomic_bool cancel;
static double cancelled_at;

static void *cancel_soon(void *arg)
{
	usleep(30000);
	cancelled_at = now_s();
	atomic_store(&cancel, true);
	return NULL;
}

static void scans(struct store *s)
{
	struct scan seen = { 0 };
	struct store_scan scan = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .fn = see_flows, .arg = &seen };
	pthread_t thread;
	double t = now_s();
	ENSURE(store_scan_flows(s, &scan, NULL) == 0);
	double all = now_s() - t;
	scan.cancel = &cancel;
	pthread_create(&thread, NULL, cancel_soon, NULL);
	int rc = 0;
	while (!rc)
		rc = store_scan_flows(s, &scan, NULL);
	double late = now_s() - cancelled_at;
	pthread_join(thread, NULL);
	printf("scan: %.1f M flows/s on one core, first answer after %.1f ms, cancelled after %.1f ms\n",
		(double)seen.packets / all / 1e6, 1e3 * (seen.first - t), 1e3 * late);
}

struct total {
	uint64_t packets, rows;
};

static int add_sum(void *arg, const struct store_sum *sum)
{
	struct total *t = arg;
	t->packets += sum->packets;
	t->rows++;
	return 0;
}

static void overview(struct store *s)
{
	struct total t = { 0 };
	double best = 1e9;
	for (int k = 0; k < 5; k++) {
		double start = now_s();
		t = (struct total){ 0 };
		for (int d = 0; d < ROLLUP_DIM_N; d++) {
			struct store_rollup q = { ROLLUP_HOUR, (enum rollup_dim)d, (FIRST_DAY + 40) * 86400000000000,
				(FIRST_DAY + 41) * 86400000000000, NULL, add_sum, &t };
			ENSURE(store_rollup(s, &q) == 0);
		}
		double one = now_s() - start;
		best = one < best ? one : best;
	}
	printf("overview: all roll-ups of 24 hours, %" PRIu64 " rows of %" PRIu64 " M packets: %.1f ms\n", t.rows,
		t.packets / ROLLUP_DIM_N / 1000000, 1e3 * best);
}

static void make_day(struct store *s)
{
	for (int64_t h = 0; h < 26; h++) {
		struct rollup *r = rollup_new();
		int64_t hour = (FIRST_DAY + 40) * 24 + h;
		char key[16];
		for (int d = 0; d < ROLLUP_DIM_N; d++)
			for (int k = 0; k < KEYS; k++)
				for (int i = 0; i < 4; i++) {
					struct addr a = addr_from4((uint32_t)next());
					snprintf(key, sizeof key, "%d", k);
					rollup_add(r, hour, (enum rollup_dim)d, key, &a, 400000000 / 24 / KEYS / 4);
				}
		struct store_batch b = { .sensor = "bench", .rollup = r };
		ENSURE(store_commit(s, &b, NULL) == 0);
		rollup_free(r);
	}
}

static int count_span(void *arg, const char *sensor, enum history_span span, const struct source *src)
{
	struct total *t = arg;
	t->packets += src->packets;
	t->rows++;
	return 0;
}

static int count_source(void *arg, const char *sensor, const struct source *src)
{
	return count_span(arg, sensor, HISTORY_MINUTE, src);
}

static void history(struct store *s, size_t per_minute)
{
	struct source *v = mem_new(60 * per_minute * sizeof *v);
	struct total quick = { 0 }, slow = { 0 };
	int64_t first = (FIRST_DAY + 100) * 24;
	double t = now_s(), longest = 0;
	for (int64_t h = 0; h < DAYS * 24; h++) {
		for (int64_t m = 0; m < 60; m++)
			make_sources(v + (size_t)m * per_minute, per_minute, 900001u + (uint32_t)(next() % 3),
				(first + h) * 60 + m);
		/* The address that is asked for. */
		for (size_t m = 0; m < 60; m++)
			v[m * per_minute].addr = addr_from4(0);
		struct store_batch b = { .sensor = "bench", .sources = v, .sources_n = 60 * per_minute };
		double c = now_s();
		ENSURE(store_commit(s, &b, NULL) == 0);
		c = now_s() - c;
		longest = c > longest ? c : longest;
	}
	double made = now_s() - t;
	struct addr a = addr_from4(0);
	struct prefix p = { a, 128 };
	int64_t from = first * 60 * MINUTE_NS, to = (first + (int64_t)DAYS * 24) * 60 * MINUTE_NS;
	t = now_s();
	ENSURE(store_history(s, &a, from, to, count_span, &quick) == 0);
	double q = now_s() - t;
	t = now_s();
	ENSURE(store_each_source(s, from, to, &p, count_source, &slow) == 0);
	double n = now_s() - t;
	ENSURE(quick.packets == slow.packets);
	printf("history: one source over %d days of %zu sources a minute: %.1f ms (%" PRIu64
	       " rows); minute by minute %.0f ms: %.0f times; made in %.0f s, longest commit %.0f ms for an hour\n",
		DAYS, per_minute, 1e3 * q, quick.rows, 1e3 * n, n / q, made, 1e3 * longest);
	free(v);
}

int main(int argc, char **argv)
{
	struct err err = { "" };
	int batches = argc > 2 ? atoi(argv[2]) : 100;
	size_t per_minute = argc > 3 ? strtoul(argv[3], NULL, 10) : 300;
	if (argc < 2 || access(argv[1], F_OK) == 0 || batches < 1 || per_minute < 1 || per_minute > 8192) {
		fprintf(stderr, "usage: bench_keeper NEW-DIR [BATCHES [SOURCES_A_MINUTE]]\n");
		return 2;
	}
	snprintf(dir, sizeof dir, "%s", argv[1]);
	struct store *s = store_open(dir, STORE_WRITE, NULL, &err);
	if (!s) {
		fprintf(stderr, "bench_keeper: %s\n", err.text);
		return 3;
	}
	struct flow *flows = mem_map(FLOWS * sizeof *flows);
	printf("disk: 4 KiB written and synced in %.2f ms (median of 50)\n", fsync_ms());
	double keeper = commits(s, flows, batches);
	int few = batches < 10 ? batches : 10;
	double sql = plain_sqlite(flows, few), csv = plain_csv(flows, few);
	printf("the same flows alone: plain SQLite %.2f M/s (%.1f times slower), CSV %.2f M/s (%.1f times slower)\n",
		sql / 1e6, keeper / sql, csv / 1e6, keeper / csv);
	scans(s);
	make_day(s);
	overview(s);
	history(s, per_minute);
	store_close(s);
	return 0;
}
