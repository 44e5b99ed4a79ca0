// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "base/random.h"
#include "store/segment.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR   INT64_C(460000)
#define BLOCKS 6
#define FLOWS  50

static void names(void **state)
{
	static const struct {
		const char *name;
		int64_t hour;
		bool good;
	} cases[] = {
		{ "1970010100.seg", 0, true },
		{ "2022062316.seg", HOUR, true },
		{ "2106020706.seg", 1193046, true },
		{ "1969123123.seg", -1, true },
		{ "2022062324.seg", 0, false },
		{ "2022022901.seg", 0, false },
		{ "2022062316.sig", 0, false },
		{ "notes", 0, false },
		{ "2022062316.seg.old", 0, false },
		{ "../2062316.seg", 0, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t hour = 0;
		char out[SEGMENT_NAME_MAX];
		assert_int_equal(segment_parse_name(cases[i].name, &hour), cases[i].good ? 0 : -1);
		if (!cases[i].good)
			continue;
		assert_int_equal(hour, cases[i].hour);
		assert_string_equal(segment_name(out, cases[i].hour), cases[i].name);
	}
	assert_int_equal(segment_hour(59), 0);
	assert_int_equal(segment_hour(60), 1);
	assert_int_equal(segment_hour(-1), -1);
	assert_int_equal(segment_hour(-60), -1);
	assert_int_equal(segment_hour(-61), -2);
}

/* Blocks of minutes HOUR * 60 + BLOCKS - 1 down to HOUR * 60, of FLOWS flows each. starts[] tells where they begin. */
static uint64_t make_segment(int dirfd, uint64_t starts[BLOCKS + 1])
{
	struct archive_encoder *e = archive_encoder_new();
	struct column_buf out = { 0 };
	uint64_t length = 0;
	for (uint32_t k = 0; k < BLOCKS; k++) {
		struct flow flows[FLOWS] = { 0 };
		struct archive_batch b = {
			.flows = flows, .n = FLOWS, .minute = HOUR * 60 + BLOCKS - 1 - k, .sensor = "s"
		};
		for (uint32_t i = 0; i < FLOWS; i++) {
			flows[i].src = addr_from4(0x0a000000 + k);
			flows[i].dst = addr_from4(i);
			flows[i].packets = 1;
			flows[i].first_ns = flows[i].last_ns = b.minute * MINUTE_NS + i;
		}
		out.n = 0;
		archive_encode(e, &b, &out);
		starts[k] = length ? length : SEGMENT_HEADER;
		assert_int_equal(segment_append(dirfd, HOUR, (struct bytes){ out.p, out.n }, &length, NULL), 0);
	}
	starts[BLOCKS] = length;
	column_buf_free(&out);
	archive_encoder_free(e);
	return length;
}

static struct archive_decoder *decoder; /* of all scans */

struct seen {
	int64_t last_ns;
	size_t n, broken;
	uint64_t first_broken;
};

static int see(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct seen *s = arg;
	for (size_t i = 0; i < n; i++) {
		assert_true(flows[i].first_ns > s->last_ns);
		s->last_ns = flows[i].first_ns;
	}
	s->n += n;
	return 0;
}

static void told(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	struct seen *s = arg;
	assert_string_equal(file, "test");
	if (!s->broken++)
		s->first_broken = offset;
}

static struct seen scan(int fd, uint64_t length, struct segment_counts *counts)
{
	struct seen seen = { .last_ns = INT64_MIN };
	struct segment_scan s = { .query = { INT64_MIN, INT64_MAX, NULL, see, &seen }, .broken = told, .arg = &seen };
	s.decoder = decoder = decoder ? decoder : archive_decoder_new();
	assert_int_equal(segment_scan(&s, fd, "test", length, NULL), 0);
	assert_int_equal(s.counts.broken, seen.broken);
	*counts = s.counts;
	return seen;
}

static int temp_dir(char path[64])
{
	snprintf(path, 64, "/tmp/test_segment.XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_DIRECTORY | O_RDONLY);
}

static void remove_dir(int dirfd, const char *path)
{
	char name[SEGMENT_NAME_MAX];
	unlinkat(dirfd, segment_name(name, HOUR), 0);
	close(dirfd);
	assert_int_equal(rmdir(path), 0);
}

/* In order of time whatever the order of commits; cut anywhere, all whole blocks still come. */
static void truncation(void **state)
{
	char path[64], name[SEGMENT_NAME_MAX];
	uint64_t starts[BLOCKS + 1];
	int dirfd = temp_dir(path);
	uint64_t length = make_segment(dirfd, starts);
	int fd = openat(dirfd, segment_name(name, HOUR), O_RDONLY);
	for (uint64_t cut = 0; cut <= length; cut++) {
		struct segment_counts counts;
		struct seen seen = scan(fd, cut, &counts);
		size_t whole = 0;
		while (whole < BLOCKS && starts[whole + 1] <= cut)
			whole++;
		assert_int_equal(seen.n, whole * FLOWS);
		assert_int_equal(seen.broken, cut > SEGMENT_HEADER && cut != starts[whole]);
	}
	close(fd);
	remove_dir(dirfd, path);
}

/* One wrong octet costs the block it lies in and no other; file and offset are told. */
static void one_octet(void **state)
{
	char path[64], name[SEGMENT_NAME_MAX];
	uint64_t starts[BLOCKS + 1];
	int dirfd = temp_dir(path);
	uint64_t length = make_segment(dirfd, starts);
	int fd = openat(dirfd, segment_name(name, HOUR), O_RDWR);
	for (uint64_t at = SEGMENT_HEADER; at < length; at += 7) {
		struct segment_counts counts;
		uint8_t was, now;
		assert_int_equal(pread(fd, &was, 1, (off_t)at), 1);
		now = was ^ 0x40;
		assert_int_equal(pwrite(fd, &now, 1, (off_t)at), 1);
		struct seen seen = scan(fd, length, &counts);
		assert_int_equal(seen.n, (BLOCKS - 1) * FLOWS);
		assert_int_equal(seen.broken, 1);
		size_t hit = 0;
		while (starts[hit + 1] <= at)
			hit++;
		assert_int_equal(seen.first_broken, starts[hit]);
		assert_int_equal(counts.broken_bytes, starts[hit + 1] - starts[hit]);
		assert_int_equal(pwrite(fd, &was, 1, (off_t)at), 1);
	}
	close(fd);
	remove_dir(dirfd, path);
}

static void cutting(void **state)
{
	char path[64], name[SEGMENT_NAME_MAX];
	uint64_t starts[BLOCKS + 1], missing;
	int dirfd = temp_dir(path);
	uint64_t length = make_segment(dirfd, starts);
	struct stat st;
	assert_int_equal(segment_cut(dirfd, HOUR, starts[2], &missing, NULL), 0);
	assert_int_equal(missing, 0);
	assert_int_equal(fstatat(dirfd, segment_name(name, HOUR), &st, 0), 0);
	assert_int_equal(st.st_size, starts[2]);
	assert_int_equal(segment_cut(dirfd, HOUR, length, &missing, NULL), 0);
	assert_int_equal(missing, length - starts[2]);
	assert_int_equal(segment_cut(dirfd, HOUR + 1, 0, &missing, NULL), 0);
	remove_dir(dirfd, path);
}

/* Appends until a limit stops it: what was half written is gone at once, what was there stays. */
static int append_to_limit(int dirfd)
{
	static const uint8_t blocks[1000];
	struct rlimit l = { 2500, RLIM_INFINITY };
	char name[SEGMENT_NAME_MAX];
	uint64_t length = 0;
	struct stat st;
	struct err err = { "" };
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &l))
		return 1;
	for (int k = 0; k < 2; k++)
		if (segment_append(dirfd, HOUR, (struct bytes){ blocks, sizeof blocks }, &length, &err))
			return 2;
	if (segment_append(dirfd, HOUR, (struct bytes){ blocks, sizeof blocks }, &length, &err) != -SEGMENT_FULL)
		return 3;
	if (length != SEGMENT_HEADER + 2000 || fstatat(dirfd, segment_name(name, HOUR), &st, 0) ||
		st.st_size != (off_t)length)
		return 4;
	return strstr(err.text, name) ? 0 : 5;
}

static void limits(void **state)
{
	char path[64];
	int status, dirfd = temp_dir(path);
	pid_t pid = fork();
	if (pid == 0)
		_exit(append_to_limit(dirfd));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	remove_dir(dirfd, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(truncation),
		cmocka_unit_test(one_octet), cmocka_unit_test(cutting), cmocka_unit_test(limits) };
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	archive_decoder_free(decoder);
	return rc;
}
