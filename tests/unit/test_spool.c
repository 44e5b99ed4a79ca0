// SPDX-License-Identifier: Apache-2.0
/* The spool with its spoolrecord. */
#include "base/random.h"
#include "store/spool.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUOTA ((uint64_t)16 << 20)

static char dir[64];
static struct spool_record lost[64];
static size_t lost_n;
static uint8_t octets[200000];

static void on_lost(void *arg, const struct spool_record *r, const char *why)
{
	assert_true(lost_n < 64);
	lost[lost_n++] = *r;
}

static void clean(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	lost_n = 0;
}

static int begin(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/spool-XXXXXX");
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 31);
	lost_n = 0;
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	clean();
	return rmdir(dir);
}

static struct spool *open_it(uint64_t quota, uint64_t file_max)
{
	struct err err;
	struct spool *s;
	struct spool_params p = { .dir = dir, .quota = quota, .file_max = file_max, .lost = on_lost };
	if (spool_open(&s, &p, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static int put(struct spool *s, uint64_t sender, uint64_t sequence, size_t n)
{
	struct spool_record r = { .kind = SPOOL_BATCH,
		.sender = sender,
		.sequence = sequence,
		.packets = sequence * 10,
		.from_ns = (int64_t)sequence * 100,
		.until_ns = (int64_t)sequence * 100 + 99,
		.sensor = "north",
		.frames = { octets + sequence % 1000, n } };
	struct err err;
	if (!spool_sender(s, sender))
		assert_int_equal(spool_begin(s, sender, "north", 0, &err), 0);
	return spool_append(s, &r, false, &err);
}

/* The next must be this one, with its octets. */
static void expect(struct spool *s, uint64_t sender, uint64_t sequence, size_t n)
{
	struct spool_record r;
	struct err err;
	assert_int_equal(spool_next(s, &r, &err), 1);
	assert_int_equal(r.sender, sender);
	assert_int_equal(r.sequence, sequence);
	assert_int_equal(r.packets, sequence * 10);
	assert_int_equal(r.frames.n, n);
	assert_memory_equal(r.frames.p, octets + sequence % 1000, n);
}

static void expect_end(struct spool *s)
{
	struct spool_record r;
	assert_int_equal(spool_next(s, &r, NULL), 0);
}

static size_t files(void)
{
	size_t n = 0;
	DIR *d = opendir(dir);
	struct dirent *e;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void in_order_once(void **state)
{
	struct spool *s = open_it(QUOTA, 0);
	expect_end(s);
	assert_int_equal(spool_waiting(s), 0);
	assert_int_equal(put(s, 5, 1, 100), 0);
	assert_int_equal(put(s, 6, 1, 50), 0);
	assert_int_equal(put(s, 5, 9, 70), 0);
	assert_int_equal(spool_waiting(s), 100 + 50 + 70 + 3 * SPOOL_RECORD_HEADER + SPOOL_RECORD_HEADER);
	expect(s, 5, 1, 100);
	expect(s, 6, 1, 50);
	spool_rewind(s);
	expect(s, 5, 1, 100);
	spool_acked(s, 5, 1);
	spool_rewind(s);
	expect(s, 6, 1, 50);
	spool_acked(s, 6, 1);
	expect(s, 5, 9, 70);
	expect_end(s);
	assert_int_equal(put(s, 5, 10, 1), 0);
	expect(s, 5, 10, 1);
	spool_acked(s, 5, 10);
	assert_int_equal(spool_waiting(s), 0);
	spool_rewind(s);
	expect_end(s);
	spool_close(s);
}

static void a_start_knows_all(void **state)
{
	struct spool *s = open_it(QUOTA, 2000);
	struct err err;
	for (uint64_t i = 1; i <= 30; i++)
		assert_int_equal(put(s, 5 + i % 2, i, 500), 0);
	assert_true(files() > 5);
	spool_acked(s, 5, 30);
	spool_acked(s, 6, 29);
	assert_int_equal(files(), 1); /* all but the last are gone, and what they said is known */
	assert_int_equal(put(s, 6, 31, 20), 0);
	assert_int_equal(spool_resume(s, 6, 99999, &err), 0);
	spool_close(s);
	s = open_it(QUOTA, 2000);
	assert_int_equal(spool_cut(s), 0);
	assert_int_equal(spool_sender(s, 5)->last, 30);
	assert_int_equal(spool_sender(s, 6)->last, 31);
	assert_int_equal(spool_sender(s, 6)->until_ns, 99999);
	assert_string_equal(spool_sender(s, 6)->sensor, "north");
	assert_null(spool_sender(s, 7));
	/* How far the peer is, it says again. */
	spool_acked(s, 5, 30);
	spool_acked(s, 6, 29);
	expect(s, 6, 31, 20);
	expect_end(s);
	assert_int_equal(lost_n, 0);
	spool_close(s);
}

static void path_of(char *out, size_t size, uint64_t number)
{
	snprintf(out, size, "%s/%016llx.spool", dir, (unsigned long long)number);
}

static off_t size_of(uint64_t number)
{
	char path[128];
	struct stat st;
	path_of(path, sizeof path, number);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void cut_at_each_octet(void **state)
{
	char path[128];
	path_of(path, sizeof path, 1);
	struct spool *s = open_it(QUOTA, 0);
	assert_int_equal(put(s, 5, 1, 40), 0);
	off_t whole = size_of(1);
	assert_int_equal(put(s, 5, 2, 300), 0);
	off_t full = size_of(1);
	spool_close(s);
	for (off_t n = full - 1; n >= whole; n--) {
		assert_int_equal(truncate(path, n), 0);
		s = open_it(QUOTA, 0);
		assert_int_equal(spool_cut(s), n - whole);
		assert_int_equal(spool_sender(s, 5)->last, 1);
		expect(s, 5, 1, 40);
		expect_end(s);
		assert_int_equal(put(s, 5, 2, 300), 0);
		spool_close(s);
	}
	for (off_t n = whole - 1; n >= 0; n--) {
		assert_int_equal(truncate(path, n), 0);
		s = open_it(QUOTA, 0);
		expect_end(s);
		spool_close(s);
		clean();
		s = open_it(QUOTA, 0);
		assert_int_equal(put(s, 5, 1, 40), 0);
		spool_close(s);
	}
	assert_int_equal(lost_n, 0);
}

static void flip(uint64_t number, off_t at)
{
	char path[128];
	uint8_t c;
	path_of(path, sizeof path, number);
	int fd = open(path, O_RDWR);
	assert_true(pread(fd, &c, 1, at) == 1);
	c ^= 0x10;
	assert_true(pwrite(fd, &c, 1, at) == 1);
	close(fd);
}

static void damage_is_told_once(void **state)
{
	struct spool *s = open_it(QUOTA, 0);
	assert_int_equal(put(s, 5, 1, 40), 0);
	off_t first = size_of(1);
	assert_int_equal(put(s, 5, 2, 300), 0);
	assert_int_equal(put(s, 5, 3, 30), 0);
	spool_close(s);
	flip(1, first + SPOOL_RECORD_HEADER + 7);
	for (int round = 0; round < 2; round++) {
		s = open_it(QUOTA, 0);
		expect(s, 5, 1, 40);
		expect(s, 5, 3, 30);
		expect_end(s);
		assert_int_equal(lost_n, 1);
		assert_int_equal(lost[0].sequence, 2);
		assert_int_equal(lost[0].packets, 20);
		spool_close(s);
	}
}

/* The last of all: a start can't know whether it was acknowledged, so it is told, and its number not given again. */
static void damage_at_the_end(void **state)
{
	struct spool *s = open_it(QUOTA, 0);
	assert_int_equal(put(s, 5, 1, 40), 0);
	assert_int_equal(put(s, 5, 2, 300), 0);
	spool_close(s);
	flip(1, size_of(1) - 1);
	s = open_it(QUOTA, 0);
	assert_int_equal(spool_sender(s, 5)->last, 2);
	expect(s, 5, 1, 40);
	expect_end(s);
	assert_true(lost_n == 1 && lost[0].sequence == 2);
	spool_acked(s, 5, 1);
	assert_int_equal(spool_waiting(s), 0);
	spool_close(s);
}

/* A header in the middle that can't be read takes the rest of its file along; the next file says how far it went. */
static void damage_of_a_header(void **state)
{
	struct spool *s = open_it(QUOTA, 2000);
	for (uint64_t i = 1; i <= 9; i++)
		assert_int_equal(put(s, 5, i, 800), 0);
	spool_close(s);
	flip(1, SPOOL_FILE_HEADER + SPOOL_RECORD_HEADER + 3); /* of batch 1, 2, 3 .. of the first file */
	s = open_it(QUOTA, 2000);
	assert_true(spool_cut(s) > 0);
	assert_int_equal(lost_n, 1);
	assert_int_equal(lost[0].sensor[0], 'n');
	uint64_t next = lost[0].sequence + 1;
	assert_true(next > 1 && next < 9);
	for (; next <= 9; next++)
		expect(s, 5, next, 800);
	expect_end(s);
	spool_close(s);
}

static void a_full_spool(void **state)
{
	struct spool *s = open_it((uint64_t)1 << 20, 0);
	struct err err;
	uint64_t n = 1, kept;
	while (put(s, 5, n, 50000) == 0)
		n++;
	kept = n - 1;
	assert_true(kept >= 19 && kept <= 21 && spool_size(s) <= (uint64_t)1 << 20);
	assert_int_equal(put(s, 5, n, 100), -SPOOL_FULL); /* full is full, until an eighth is free */
	struct spool_record gap = { .kind = SPOOL_BATCH, .sender = 6, .sequence = 1, .frames = { octets, 90 } };
	assert_int_equal(spool_begin(s, 6, "north", 0, &err), 0);
	uint64_t small = 0;
	while (spool_append(s, &gap, true, &err) == 0) {
		gap.sequence++;
		small++;
	}
	assert_true(small > 100 && spool_size(s) <= ((uint64_t)1 << 20) * 17 / 16);
	spool_acked(s, 5, 2);
	assert_int_equal(put(s, 5, n + 1, 100), -SPOOL_FULL);
	spool_acked(s, 5, 8);
	assert_int_equal(put(s, 5, n + 2, 100), 0);
	spool_close(s);
	assert_int_equal(lost_n, 0);
}

/* SIGKILL at any moment: what was acknowledged is there, in order, and nothing that is half. */
static void killed(void **state)
{
	struct random r;
	uint64_t last = 0;
	random_init(&r, 7);
	for (int round = 0; round < 40; round++) {
		int pipes[2];
		assert_int_equal(pipe(pipes), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct spool *s = open_it((uint64_t)1 << 30, 100000);
			const struct spool_sender *of = spool_sender(s, 5);
			for (uint64_t n = of ? of->last + 1 : 1;; n++)
				if (put(s, 5, n, 20 + n * 977 % 30000) != 0 ||
					write(pipes[1], &n, sizeof n) != sizeof n)
					_exit(1);
		}
		close(pipes[1]);
		usleep((useconds_t)(2000 + random_below(&r, 15000)));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		for (uint64_t n; read(pipes[0], &n, sizeof n) == sizeof n;)
			last = n;
		close(pipes[0]);
	}
	struct spool *s = open_it((uint64_t)1 << 30, 100000);
	assert_true(last > 40 && spool_sender(s, 5)->last >= last);
	for (uint64_t n = 1; n <= last; n++)
		expect(s, 5, n, 20 + n * 977 % 30000);
	assert_int_equal(lost_n, 0);
	spool_close(s);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(in_order_once),
		CASE(a_start_knows_all),
		CASE(cut_at_each_octet),
		CASE(damage_is_told_once),
		CASE(damage_at_the_end),
		CASE(damage_of_a_header),
		CASE(a_full_spool),
		CASE(killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
