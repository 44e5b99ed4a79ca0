// SPDX-License-Identifier: Apache-2.0
/*
 * The power fails at any write (store, storefiles, segment): what a file got since its last sync may be lost, whole or
 * in sectors, in any combination; a new file is there only when its directory was synced. Every acknowledged batch must
 * be there after each such cut, and nothing half. The calls of the C library are taken over below; a disk that keeps
 * just that much is made beside the real one and opened.
 */
#include "base/mem.h"
#include "base/random.h"
#include "store/check.h"
#include "store/segment.h"
#include "store/store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES	32
#define OPS	4096
#define SECTOR	512
#define BATCHES 150
#define START	(INT64_C(460000) * 60)
#define FLOWS	20

static char dir[64], after[80];

/* ---- the disk ---- */

struct file {
	char name[64]; /* below the store */
	uint8_t *p;    /* what is surely on the disk */
	size_t n;
	bool named; /* so is its name */
	bool gone;  /* removed; surely so once the directory was synced */
};

struct op {
	struct file *file;
	uint8_t *data; /* NULL: cut the file to `at` */
	size_t n;
	uint64_t at;
};

static struct {
	bool on;
	struct file files[FILES];
	size_t files_n;
	struct op ops[OPS];
	size_t ops_n;
	struct random random;
	uint64_t acknowledged, cuts, every;
} disk;

static struct file *file_of(int fd)
{
	char link[32], path[256];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	size_t skip = strlen(dir);
	if (n < (ssize_t)skip)
		return NULL;
	path[n] = 0;
	if (strncmp(path, dir, skip) != 0 || path[skip] != '/' || strstr(path, "-shm") || strstr(path, "/lock"))
		return NULL;
	for (size_t i = 0; i < disk.files_n; i++)
		if (strcmp(disk.files[i].name, path + skip + 1) == 0)
			return &disk.files[i];
	ENSURE(disk.files_n < FILES);
	struct file *f = &disk.files[disk.files_n++];
	snprintf(f->name, sizeof f->name, "%s", path + skip + 1);
	return f;
}

static void apply(uint8_t **p, size_t *n, const struct op *op, size_t from, size_t to)
{
	size_t end = op->data ? op->at + to : op->at;
	if (!op->data || end > *n) {
		*p = mem_grow(*p, end + 1);
		if (end > *n)
			memset(*p + *n, 0, end - *n);
		*n = end;
	}
	if (op->data)
		memcpy(*p + op->at + from, op->data + from, to - from);
}

/* Everything of one file is on the disk. */
static void synced(int fd)
{
	struct stat st;
	size_t kept = 0;
	if (!disk.on || fstat(fd, &st))
		return;
	if (S_ISDIR(st.st_mode)) {
		char link[32], path[256];
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, path, sizeof path - 1);
		path[n > 0 ? n : 0] = 0;
		bool flows = strstr(path, "/flows");
		for (size_t i = 0; i < disk.files_n; i++)
			if (flows == (strncmp(disk.files[i].name, "flows/", 6) == 0))
				disk.files[i].named = !disk.files[i].gone;
		return;
	}
	struct file *f = file_of(fd);
	for (size_t i = 0; f && i < disk.ops_n; i++) {
		if (disk.ops[i].file == f) {
			apply(&f->p, &f->n, &disk.ops[i], 0, disk.ops[i].n);
			free(disk.ops[i].data);
		} else {
			disk.ops[kept++] = disk.ops[i];
		}
	}
	disk.ops_n = f ? kept : disk.ops_n;
}

/* What a cut leaves of a file. */
static void leave(struct file *f)
{
	uint8_t *p = mem_new(f->n + 1);
	size_t n = f->n;
	char path[200];
	memcpy(p, f->p ? f->p : p, f->n);
	for (size_t i = 0; i < disk.ops_n; i++) {
		const struct op *op = &disk.ops[i];
		uint64_t luck = random_below(&disk.random, 4);
		if (op->file != f || luck == 0)
			continue;
		if (luck == 1 && op->data) { /* torn: a part of its sectors */
			size_t sectors = (op->n + SECTOR - 1) / SECTOR, k = random_below(&disk.random, sectors + 1);
			size_t from = luck & (uint64_t)i ? k * SECTOR : 0, to = from ? op->n : k * SECTOR;
			from = from < op->n ? from : op->n;
			apply(&p, &n, op, from, to < op->n ? to : op->n);
		} else {
			apply(&p, &n, op, 0, op->n);
		}
	}
	snprintf(path, sizeof path, "%s/%s", after, f->name);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(p, 1, n, out), n);
	fclose(out);
	free(p);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

struct tally {
	uint64_t flows, last, wrong, sources;
};

static int tally_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct tally *t = arg;
	t->wrong += h->sequence != t->last + 1 || n != FLOWS;
	t->last = h->sequence;
	t->flows += n;
	return 0;
}

static int tally_source(void *arg, const char *sensor, const struct source *src)
{
	((struct tally *)arg)->sources++;
	return 0;
}

static void told(void *arg, const char *text)
{
	print_error("%s\n", text);
}

static int commit(struct store *s, uint64_t sequence);

/* Exactly the batches 1..n, where n is what was acknowledged or one more; and the store goes on. */
static void judge(void)
{
	struct err err = { "" };
	struct tally t = { 0 };
	struct store_check check = { .problem = told };
	struct store_scan scan = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .fn = tally_flows, .arg = &t };
	struct store *s = store_open(after, STORE_WRITE, NULL, &err);
	if (!s)
		fail_msg("cut %d: %s", (int)disk.cuts, err.text);
	uint64_t n = store_sequence(s, 9);
	if (n != disk.acknowledged && n != disk.acknowledged + 1)
		fail_msg("cut %d: %d batches of %d acknowledged", (int)disk.cuts, (int)n, (int)disk.acknowledged);
	assert_int_equal(store_recovery(s).missing, 0);
	assert_int_equal(store_scan_flows(s, &scan, NULL), 0);
	assert_int_equal(store_each_source(s, INT64_MIN, INT64_MAX, NULL, tally_source, &t), 0);
	assert_int_equal(t.wrong + scan.broken_n, 0);
	assert_int_equal(t.flows, n * FLOWS);
	assert_int_equal(t.sources, n);
	assert_int_equal(commit(s, n + 1), 0);
	store_close(s);
	s = store_open(after, STORE_READ, NULL, NULL);
	assert_int_equal(store_check(s, &check, NULL), 0);
	store_close(s);
}

static bool there(const struct file *f)
{
	return f->named == !f->gone ? f->named : random_below(&disk.random, 2);
}

static void cut(void)
{
	char flows[100];
	disk.on = false;
	disk.cuts++;
	snprintf(flows, sizeof flows, "%s/flows", after);
	assert_int_equal(mkdir(after, 0700), 0);
	assert_int_equal(mkdir(flows, 0700), 0);
	for (size_t i = 0; i < disk.files_n; i++)
		if (there(&disk.files[i]))
			leave(&disk.files[i]);
	judge();
	assert_int_equal(nftw(after, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	disk.on = true;
}

static void record(int fd, const void *data, size_t n, uint64_t at)
{
	struct file *f = disk.on ? file_of(fd) : NULL;
	if (!f)
		return;
	ENSURE(disk.ops_n < OPS);
	struct op *op = &disk.ops[disk.ops_n++];
	*op = (struct op){ f, data ? mem_new(n + 1) : NULL, n, at };
	if (data)
		memcpy(op->data, data, n);
	if (random_below(&disk.random, disk.every) == 0)
		cut();
}

/* ---- the calls that are taken over, of our own code and of SQLite (by their names for large files) ---- */

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	ssize_t done = syscall(SYS_pwrite64, fd, p, n, at);
	if (done > 0)
		record(fd, p, (size_t)done, (uint64_t)at);
	return done;
}

int ftruncate(int fd, off_t n)
{
	int rc = (int)syscall(SYS_ftruncate, fd, n);
	if (!rc)
		record(fd, NULL, 0, (uint64_t)n);
	return rc;
}

int unlink(const char *path)
{
	size_t skip = strlen(dir);
	for (size_t i = 0; disk.on && i < disk.files_n && strlen(path) > skip; i++)
		if (strcmp(disk.files[i].name, path + skip + 1) == 0)
			disk.files[i].gone = true;
	return (int)syscall(SYS_unlink, path);
}

int fsync(int fd)
{
	synced(fd);
	return 0;
}

int fdatasync(int fd)
{
	synced(fd);
	return 0;
}

/* ---- the test ---- */

static int commit(struct store *s, uint64_t sequence)
{
	struct flow flows[FLOWS] = { 0 };
	struct archive_encoder *e = archive_encoder_new();
	struct column_buf out = { 0 };
	struct archive_batch b = { .flows = flows,
		.n = FLOWS,
		.minute = START + (int64_t)sequence * 7,
		.sensor = "s1",
		.sender = 9,
		.sequence = sequence };
	struct source src = { .addr = addr_from4(7), .minute = b.minute, .first_ns = b.minute * MINUTE_NS };
	src.last_ns = src.first_ns;
	for (uint32_t i = 0; i < FLOWS; i++)
		flows[i] = (struct flow){ .src = addr_from4(i),
			.dst = addr_from4((uint32_t)sequence),
			.dport = 23,
			.proto = PROTO_TCP,
			.packets = 1,
			.first_ns = b.minute * MINUTE_NS + i };
	archive_encode(e, &b, &out);
	archive_encoder_free(e);
	struct rollup *r = rollup_new();
	rollup_add_flows(r, segment_hour(b.minute), flows, FLOWS);
	struct store_batch batch = { .sender = 9,
		.sequence = sequence,
		.sensor = "s1",
		.blocks = { out.p, out.n },
		.sources = &src,
		.sources_n = 1,
		.rollup = r };
	int rc = store_commit(s, &batch, NULL);
	rollup_free(r);
	column_buf_free(&out);
	return rc;
}

static void power_cuts(void **state)
{
	struct err err = { "" };
	random_init(&disk.random, 11);
	disk.every = 25;
	disk.on = true;
	struct store *s = store_open(dir, STORE_WRITE, NULL, &err);
	if (!s)
		fail_msg("%s", err.text);
	for (uint64_t n = 1; n <= BATCHES; n++) {
		assert_int_equal(commit(s, n), 0);
		disk.acknowledged = n;
		/* Also between two commits: all that was acknowledged, and no more. */
		if (n % 10 == 0)
			cut();
	}
	disk.on = false;
	store_close(s);
	print_message("%d cuts\n", (int)disk.cuts);
	assert_in_range(disk.cuts, BATCHES / 10 + 20, 100000);
}

static int set_up(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/test_powercut.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(after, sizeof after, "%s.after", dir);
	return 0;
}

static int tear_down(void **state)
{
	disk.on = false;
	for (size_t i = 0; i < disk.files_n; i++)
		free(disk.files[i].p);
	for (size_t i = 0; i < disk.ops_n; i++)
		free(disk.ops[i].data);
	(void)!nftw(after, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(power_cuts, set_up, tear_down) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
