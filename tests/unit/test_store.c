// SPDX-License-Identifier: Apache-2.0
/* The commit and what may go wrong with it (store, storefiles, schema, sql). */
#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "store/schema.h"
#include "store/segment.h"
#include "store/store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MINUTE (INT64_C(460000) * 60)
#define FLOWS	     20
#define KILLS	     60

static char dir[64];

static int set_up(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/test_store.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	store_step = NULL;
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct store *must_open(enum store_mode mode)
{
	struct err err = { "" };
	int code;
	struct store *s = store_open(dir, mode, &code, &err);
	if (!s)
		print_error("%d: %s\n", code, err.text);
	assert_non_null(s);
	return s;
}

/* The batch of a sequence number: one minute of FLOWS flows, a source, a roll-up, a gap. Sixty of them fill an hour. */
struct made {
	struct column_buf blocks;
	struct source source;
	struct rollup *rollup;
	struct gap gap;
	struct store_batch batch;
};

static void make(struct made *m, uint64_t sequence)
{
	struct flow flows[FLOWS] = { 0 };
	struct archive_encoder *e = archive_encoder_new();
	struct archive_batch b = { .flows = flows,
		.n = FLOWS,
		.minute = START_MINUTE + (int64_t)sequence * 7,
		.sensor = "s1",
		.sender = 9,
		.sequence = sequence };
	memset(m, 0, sizeof *m);
	for (uint32_t i = 0; i < FLOWS; i++) {
		flows[i].src = addr_from4(0x0a000000 + i);
		flows[i].dst = addr_from4((uint32_t)sequence);
		flows[i].dport = 23;
		flows[i].proto = PROTO_TCP;
		flows[i].packets = 1;
		flows[i].first_ns = flows[i].last_ns = b.minute * MINUTE_NS + i;
	}
	archive_encode(e, &b, &m->blocks);
	archive_encoder_free(e);
	m->source = (struct source){ .addr = addr_from4(0x0a000001),
		.minute = b.minute,
		.first_ns = b.minute * MINUTE_NS,
		.last_ns = b.minute * MINUTE_NS,
		.packets = 1,
		.bytes = 40 };
	m->rollup = rollup_new();
	rollup_add_flows(m->rollup, segment_hour(b.minute), flows, FLOWS);
	m->gap = (struct gap){
		.sensor = "s1", .from_ns = (int64_t)sequence, .to_ns = (int64_t)sequence + 1, .reason = "test"
	};
	m->batch = (struct store_batch){ .sender = 9,
		.sequence = sequence,
		.sensor = "s1",
		.blocks = { m->blocks.p, m->blocks.n },
		.sources = &m->source,
		.sources_n = 1,
		.gaps = &m->gap,
		.gaps_n = 1,
		.rollup = m->rollup };
}

static void unmake(struct made *m)
{
	column_buf_free(&m->blocks);
	rollup_free(m->rollup);
}

static int commit(struct store *s, uint64_t sequence, struct err *err)
{
	struct made m;
	make(&m, sequence);
	int rc = store_commit(s, &m.batch, err);
	unmake(&m);
	return rc;
}

struct tally {
	uint64_t last, flows, broken, sum, gaps, packets, wrong;
	int64_t last_ns;
};

/* Every sequence number's flows are there once, in order. */
static int tally_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct tally *t = arg;
	t->wrong += h->sequence != t->last + 1 || n != FLOWS || flows[0].first_ns <= t->last_ns;
	t->last = h->sequence;
	t->flows += n;
	t->last_ns = flows[n - 1].first_ns;
	return 0;
}

static void tally_broken(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	((struct tally *)arg)->broken++;
}

static int tally_source(void *arg, const char *sensor, const struct source *src)
{
	((struct tally *)arg)->packets += src->packets;
	return 0;
}

static int tally_sum(void *arg, const struct store_sum *sum)
{
	((struct tally *)arg)->sum += sum->packets;
	return 0;
}

static int tally_gap(void *arg, const void *record)
{
	((struct tally *)arg)->gaps++;
	return 0;
}

static struct tally tally(struct store *s)
{
	struct tally t = { .last_ns = INT64_MIN };
	struct store_scan scan = {
		.from_ns = INT64_MIN, .to_ns = INT64_MAX, .fn = tally_flows, .broken = tally_broken, .arg = &t
	};
	struct store_rollup q = { ROLLUP_HOUR, ROLLUP_PORT, INT64_MIN, INT64_MAX, NULL, tally_sum, &t };
	t.wrong += store_scan_flows(s, &scan, NULL) != 0;
	t.wrong += scan.broken_n != t.broken;
	t.wrong += store_each_source(s, INT64_MIN, INT64_MAX, NULL, tally_source, &t) != 0;
	t.wrong += store_rollup(s, &q) != 0;
	t.wrong += store_each(s, &gap_kind, tally_gap, &t, NULL) != 0;
	return t;
}

/* Exactly the batches 1..n, in every part of the store. */
static bool holds(struct store *s, uint64_t n)
{
	struct tally t = tally(s);
	bool good = !t.wrong && !t.broken && store_sequence(s, 9) == n && t.last == n && t.flows == n * FLOWS &&
		    t.packets == n && t.sum == n * FLOWS && t.gaps == n;
	if (!good)
		print_error("%d batches: sequence %d, last %d, flows %d, sources %d, sums %d, gaps %d, broken %d, "
			    "wrong %d\n",
			(int)n, (int)store_sequence(s, 9), (int)t.last, (int)t.flows, (int)t.packets, (int)t.sum,
			(int)t.gaps, (int)t.broken, (int)t.wrong);
	return good;
}

static void assert_holds(struct store *s, uint64_t n)
{
	assert_true(holds(s, n));
}

static void repeats(void **state)
{
	struct store *s = must_open(STORE_WRITE);
	for (uint64_t k = 1; k <= 5; k++)
		assert_int_equal(commit(s, k, NULL), 0);
	for (uint64_t k = 1; k <= 5; k++)
		assert_int_equal(commit(s, k, NULL), STORE_REPEATED);
	assert_holds(s, 5);
	store_close(s);
	s = must_open(STORE_WRITE);
	assert_int_equal(store_recovery(s).cut, 0);
	assert_int_equal(commit(s, 5, NULL), STORE_REPEATED);
	assert_int_equal(commit(s, 6, NULL), 0);
	assert_holds(s, 6);
	store_close(s);
}

static int kill_at_step, kill_after;

static void die(enum store_step at)
{
	if ((int)at == kill_at_step && --kill_after == 0)
		kill(getpid(), SIGKILL);
}

/* Commits until it is killed; each acknowledged number goes into the pipe. */
static _Noreturn void committer(int out)
{
	struct err err = { "" };
	struct store *s = store_open(dir, STORE_WRITE, NULL, &err);
	if (!s)
		_exit(1);
	for (uint64_t k = store_sequence(s, 9) + 1;; k++) {
		if (commit(s, k, &err) || write(out, &k, sizeof k) != sizeof k)
			_exit(2);
	}
}

/* Killed between steps and at any time: nothing acknowledged is lost, nothing is there twice. */
static void kills(void **state)
{
	struct random r;
	uint64_t acknowledged = 0, cuts = 0;
	random_init(&r, 11);
	for (int round = 0; round < KILLS; round++) {
		int fd[2], status;
		assert_int_equal(pipe(fd), 0);
		kill_at_step = round % 4; /* the fourth is none: killed from outside */
		kill_after = 1 + (int)random_below(&r, 4);
		store_step = die;
		pid_t pid = fork();
		if (pid == 0) {
			close(fd[0]);
			committer(fd[1]);
		}
		close(fd[1]);
		if (kill_at_step == 3) {
			usleep((useconds_t)(8000 + random_below(&r, 25000)));
			kill(pid, SIGKILL);
		}
		for (uint64_t k; read(fd[0], &k, sizeof k) == sizeof k;)
			acknowledged = k;
		close(fd[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		store_step = NULL;
		struct store *s = must_open(STORE_WRITE);
		uint64_t has = store_sequence(s, 9);
		cuts += store_recovery(s).cut > 0;
		assert_int_equal(store_recovery(s).missing, 0);
		assert_true(has >= acknowledged && has <= acknowledged + 1);
		assert_holds(s, has);
		/* What was committed but not told counts as told from now on: the sender asks for it. */
		acknowledged = has;
		store_close(s);
	}
	print_message("%d kills, %d batches, %d starts cut a tail\n", KILLS, (int)acknowledged, (int)cuts);
	assert_true(cuts > 5);
}

static void second_writer(void **state)
{
	struct store *s = must_open(STORE_WRITE);
	struct err err = { "" };
	char pid[32];
	int code = 0;
	assert_null(store_open(dir, STORE_WRITE, &code, &err));
	assert_int_equal(code, -STORE_BUSY);
	snprintf(pid, sizeof pid, "process %d", (int)getpid());
	assert_non_null(strstr(err.text, pid));
	store_close(s);
	store_close(must_open(STORE_WRITE));
}

static void readers(void **state)
{
	int code = 0;
	struct err err = { "" };
	char none[128];
	snprintf(none, sizeof none, "%s/none", dir);
	assert_null(store_open(none, STORE_READ, &code, &err));
	assert_int_equal(code, -STORE_ABSENT);
	struct store *w = must_open(STORE_WRITE);
	assert_int_equal(commit(w, 1, NULL), 0);
	struct store *r = must_open(STORE_READ);
	assert_holds(r, 1);
	assert_int_equal(commit(w, 2, NULL), 0);
	assert_holds(r, 2);
	store_close(w);
	assert_holds(r, 2);
	store_close(r);
	r = must_open(STORE_READ);
	assert_holds(r, 2);
	store_close(r);
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

static off_t segment_size(int64_t hour)
{
	char path[160], name[SEGMENT_NAME_MAX];
	struct stat st;
	snprintf(path, sizeof path, "%s/flows/%s", dir, segment_name(name, hour));
	return stat(path, &st) ? -1 : st.st_size;
}

/* Without its database, or with one that can't be asked, a store is not opened for writing: every segment would look
 * uncommitted. */
static void damaged_database(void **state)
{
	static const char *const harm[] = { NULL, "drop table segment",
		"pragma writable_schema = on; update sqlite_schema set sql = 'create nonsense' where name = "
		"'finding_time'" };
	for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
		struct store *s = must_open(STORE_WRITE);
		for (uint64_t k = store_sequence(s, 9) + 1; k <= 3; k++)
			assert_int_equal(commit(s, k, NULL), 0);
		store_close(s);
		off_t size = segment_size(460000);
		assert_true(size > 0);
		if (harm[i]) {
			exec_sql(harm[i]);
		} else {
			char path[128];
			snprintf(path, sizeof path, "%s/store.db", dir);
			assert_int_equal(unlink(path), 0);
		}
		for (int again = 0; again < 2; again++) {
			struct err err = { "" };
			int code = 0;
			assert_null(store_open(dir, STORE_WRITE, &code, &err));
			assert_int_equal(code, -STORE_DAMAGED);
			assert_null(store_open(dir, STORE_READ, &code, &err));
			assert_int_equal(code, harm[i] ? -STORE_DAMAGED : -STORE_ABSENT);
			assert_true(segment_size(460000) == size);
		}
		tear_down(state);
		set_up(state);
	}
}

static void newer_store(void **state)
{
	store_close(must_open(STORE_WRITE));
	exec_sql("pragma user_version = 999");
	for (enum store_mode mode = STORE_READ; mode <= STORE_WRITE; mode++) {
		struct err err = { "" };
		int code = 0;
		assert_null(store_open(dir, mode, &code, &err));
		assert_int_equal(code, -STORE_NEWER);
		assert_non_null(strstr(err.text, "schema 999"));
	}
}

/* A migration copies the database first; one that fails leaves it as it was. */
static void migration(void **state)
{
	static const struct schema_step good[] = { { "create table a (x)" },
		{ "create table b (x); insert into b values (1)" } };
	static const struct schema_step bad[] = { { "" }, { "" }, { "create table c (x); create table a (x)" } };
	char path[128], copy[160];
	struct sql sql, old;
	struct err err = { "" };
	snprintf(path, sizeof path, "%s/m.db", dir);
	snprintf(copy, sizeof copy, "%s.before-v2", path);
	assert_int_equal(sql_open(&sql, path, true, NULL), 0);
	assert_int_equal(schema_migrate(&sql, path, good, 1, NULL), 0);
	assert_int_equal(access(copy, F_OK), -1);
	assert_int_equal(sql_exec(&sql, "insert into a values (7)", NULL), 0);
	assert_int_equal(schema_migrate(&sql, path, good, 2, NULL), 0);
	assert_int_equal(schema_version(&sql), 2);
	assert_int_equal(sql_open(&old, copy, false, NULL), 0);
	assert_int_equal(schema_version(&old), 1);
	assert_int_equal(sql_number(sql_get(&old, "select x from a"), 0), 7);
	sql_close(&old);
	assert_true(schema_migrate(&sql, path, bad, 3, &err) < 0);
	assert_int_equal(schema_version(&sql), 2);
	assert_int_equal(sql_number(sql_get(&sql, "select count(*) from sqlite_master where name = 'c'"), 9), 0);
	sql_close(&sql);
}

static void damage(const char *what, int64_t hour, off_t size)
{
	char path[160], name[SEGMENT_NAME_MAX];
	snprintf(path, sizeof path, "%s/flows/%s", dir, segment_name(name, hour));
	if (size < 0)
		assert_int_equal(unlink(path), 0);
	else
		assert_int_equal(truncate(path, size), 0);
}

/* Nine batches an hour: what a segment lost is told, the rest is read, and the next commits go on. */
static void damaged_segments(void **state)
{
	struct store *s = must_open(STORE_WRITE);
	for (uint64_t k = 1; k <= 40; k++)
		assert_int_equal(commit(s, k, NULL), 0);
	assert_holds(s, 40);
	store_close(s);
	damage("cut", 460001, 1000);
	damage("gone", 460002, -1);
	struct err err = { "" };
	int code;
	s = store_open(dir, STORE_WRITE, &code, &err);
	assert_non_null(s);
	assert_true(store_recovery(s).missing > 1000);
	struct tally t = { .last_ns = INT64_MIN };
	struct store_scan scan = { .from_ns = START_MINUTE * MINUTE_NS,
		.to_ns = (START_MINUTE + 60) * MINUTE_NS,
		.fn = tally_flows,
		.broken = tally_broken,
		.arg = &t };
	assert_int_equal(store_scan_flows(s, &scan, NULL), 0);
	assert_int_equal(t.last, 8);
	assert_int_equal(t.broken, 0);
	t = (struct tally){ .last = 25, .last_ns = INT64_MIN };
	scan.from_ns = (START_MINUTE + 180) * MINUTE_NS;
	scan.to_ns = INT64_MAX;
	assert_int_equal(store_scan_flows(s, &scan, NULL), 0);
	assert_int_equal(t.last, 40);
	scan.from_ns = (START_MINUTE + 60) * MINUTE_NS;
	scan.to_ns = (START_MINUTE + 180) * MINUTE_NS;
	t = (struct tally){ .last = 8, .last_ns = INT64_MIN };
	assert_int_equal(store_scan_flows(s, &scan, NULL), 0);
	assert_true(t.broken >= 2);
	assert_int_equal(commit(s, 41, NULL), 0);
	store_close(s);
}

/* A tail that was never acknowledged goes at the next start, so does a file nobody knows. */
static void tails(void **state)
{
	struct store *s = must_open(STORE_WRITE);
	assert_int_equal(commit(s, 1, NULL), 0);
	store_close(s);
	damage("longer", 460000, 100000);
	char path[160];
	snprintf(path, sizeof path, "%s/flows/2031010100.seg", dir);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "left", 4), 4);
	close(fd);
	s = must_open(STORE_WRITE);
	assert_true(store_recovery(s).cut > 90000);
	assert_int_equal(access(path, F_OK), -1);
	assert_holds(s, 1);
	assert_int_equal(commit(s, 2, NULL), 0);
	assert_holds(s, 2);
	store_close(s);
}

static struct store *open_again(struct store *s)
{
	store_close(s);
	return store_open(dir, STORE_WRITE, NULL, NULL);
}

/* Commits until the disk is full. Returns the number that found no room, 0 when that was not told right. */
static uint64_t fill_up(struct store *s)
{
	struct err err = { "" };
	uint64_t k = 1;
	int rc = 0;
	while (k < 20000 && (rc = commit(s, k, &err)) == 0)
		k++;
	bool told = strstr(err.text, "full") || strstr(err.text, "space") || strstr(err.text, "large");
	if (rc == -STORE_FULL && k > 3 && told && holds(s, k - 1))
		return k;
	print_error("after %d commits: %d, %s\n", (int)k, rc, err.text);
	return 0;
}

/* What was there is kept, also over a start; then room is made and it goes on. Returns 0 when all was right. */
static int fill_and_go_on(int (*relieve)(void))
{
	struct store *s = store_open(dir, STORE_WRITE, NULL, NULL);
	uint64_t k = s ? fill_up(s) : 0;
	if (!k)
		return 11;
	s = open_again(s);
	if (!s || store_recovery(s).cut || !holds(s, k - 1))
		return 12;
	if (relieve() || commit(s, k, NULL) || !holds(s, k))
		return 13;
	s = open_again(s);
	int rc = s && holds(s, k) ? 0 : 14;
	store_close(s);
	return rc;
}

static int lift_limit(void)
{
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };
	return setrlimit(RLIMIT_FSIZE, &l);
}

static int grow_disk(void)
{
	return mount("none", dir, "tmpfs", MS_REMOUNT, "size=64m");
}

static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static int limited(void)
{
	struct rlimit l = { 1 << 20, RLIM_INFINITY };
	signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &l) ? 77 : fill_and_go_on(lift_limit);
}

static int small_disk(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("none", dir, "tmpfs", 0, "size=2m"))
		return 77;
	return fill_and_go_on(grow_disk);
}

static void file_limit(void **state)
{
	assert_int_equal(in_child(limited), 0);
}

static void full_disk(void **state)
{
	int rc = in_child(small_disk);
	if (rc == 77) {
		print_message("skipped: needs a mount namespace\n");
		skip();
	}
	assert_int_equal(rc, 0);
}

static void bad_batches(void **state)
{
	struct store *s = must_open(STORE_WRITE);
	struct made m;
	struct err err = { "" };
	make(&m, 1);
	m.batch.sequence = 2;
	assert_int_equal(store_commit(s, &m.batch, &err), -STORE_BAD);
	m.batch.sequence = 0;
	assert_int_equal(store_commit(s, &m.batch, &err), -STORE_BAD);
	m.batch.sequence = 1;
	for (size_t cut = 1; cut < m.blocks.n; cut += 13) {
		m.batch.blocks.n = cut;
		assert_int_equal(store_commit(s, &m.batch, &err), -STORE_BAD);
	}
	m.batch.blocks.n = m.blocks.n;
	assert_holds(s, 0);
	assert_int_equal(store_commit(s, &m.batch, &err), 0);
	assert_holds(s, 1);
	unmake(&m);
	store_close(s);
}

/* Each hour is a file that is made safe by itself: a batch of thousands would hold up whoever else has something. */
static void too_many_hours(void **state)
{
	struct store *s = must_open(STORE_WRITE);
	struct archive_encoder *e = archive_encoder_new();
	for (int64_t hours = STORE_BATCH_HOURS; hours <= STORE_BATCH_HOURS + 1; hours++) {
		struct column_buf blocks = { 0 };
		struct err err = { "" };
		for (int64_t i = 0; i < hours; i++) {
			struct flow f = { .packets = 1, .first_ns = (START_MINUTE + 60 * i) * MINUTE_NS };
			struct archive_batch a = { .flows = &f,
				.n = 1,
				.minute = START_MINUTE + 60 * i,
				.sensor = "s1",
				.sender = 9,
				.sequence = (uint64_t)(hours - STORE_BATCH_HOURS) + 1 };
			f.last_ns = f.first_ns;
			archive_encode(e, &a, &blocks);
		}
		struct store_batch b = { .sender = 9,
			.sequence = (uint64_t)(hours - STORE_BATCH_HOURS) + 1,
			.sensor = "s1",
			.blocks = { blocks.p, blocks.n } };
		assert_int_equal(store_commit(s, &b, &err), hours == STORE_BATCH_HOURS ? 0 : -STORE_BAD);
		column_buf_free(&blocks);
	}
	assert_int_equal(store_sequence(s, 9), 1);
	archive_encoder_free(e);
	store_close(s);
}

/* What lies in the store's directory may be another user's doing. */
static void lock_is_a_link(void **state)
{
	char victim[128], path[128];
	struct err err = { "" };
	struct stat st;
	snprintf(victim, sizeof victim, "%s/victim", dir);
	snprintf(path, sizeof path, "%s/lock", dir);
	int fd = open(victim, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	close(fd);
	assert_int_equal(symlink("victim", path), 0);
	assert_null(store_open(dir, STORE_WRITE, NULL, &err));
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 10);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = { T(repeats), T(kills), T(second_writer), T(readers), T(damaged_database),
		T(newer_store), T(migration), T(damaged_segments), T(tails), T(file_limit), T(full_disk),
		T(bad_batches), T(too_many_hours), T(lock_is_a_link) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
