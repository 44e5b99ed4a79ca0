// SPDX-License-Identifier: Apache-2.0
#include "wire/pcapwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECOND 1000000000

static const struct {
	const char *name;
	enum pcapwrite_unit unit;
	int64_t ns;
	size_t n;
	uint32_t wire_len, sec, fraction, want_len;
} cases[] = {
	{ "microseconds are rounded down", PCAPWRITE_US, 5 * (int64_t)SECOND + 1999, 60, 60, 5, 1, 60 },
	{ "nanoseconds stay", PCAPWRITE_NS, 5 * (int64_t)SECOND + 1999, 60, 1500, 5, 1999, 1500 },
	{ "the first moment", PCAPWRITE_NS, 0, 14, 14, 0, 0, 14 },
	{ "the last moment", PCAPWRITE_NS, UINT32_MAX *(int64_t)SECOND + 999999999, 1, 1, UINT32_MAX, 999999999, 1 },
	{ "no bytes", PCAPWRITE_US, SECOND, 0, 40, 1, 0, 40 },
	{ "wire length below the captured", PCAPWRITE_US, SECOND, 70, 3, 1, 0, 70 },
};

static size_t slurp(int fd, uint8_t *out, size_t size)
{
	ssize_t n = pread(fd, out, size, 0);
	assert_true(n >= 0);
	return (size_t)n;
}

static void one_record(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t data[80], file[256];
		int fd = memfd_create("pcap", 0);
		for (size_t k = 0; k < sizeof data; k++)
			data[k] = (uint8_t)(k * 7 + 1);
		struct pcapwrite *w = pcapwrite_new(fd, cases[i].unit, 113);
		assert_int_equal(
			pcapwrite_packet(w, cases[i].ns, (struct bytes){ data, cases[i].n }, cases[i].wire_len), 0);
		assert_int_equal(pcapwrite_offset(w), 24 + 16 + cases[i].n);
		assert_int_equal(pcapwrite_free(w), 0);
		size_t n = slurp(fd, file, sizeof file);
		if (n != 24 + 16 + cases[i].n ||
			load_le32(file) != (cases[i].unit == PCAPWRITE_NS ? 0xa1b23c4d : 0xa1b2c3d4) ||
			load_le16(file + 4) != 2 || load_le16(file + 6) != 4 || load_le32(file + 20) != 113)
			fail_msg("%s: file header", cases[i].name);
		if (load_le32(file + 24) != cases[i].sec || load_le32(file + 28) != cases[i].fraction ||
			load_le32(file + 32) != cases[i].n || load_le32(file + 36) != cases[i].want_len ||
			memcmp(file + 40, data, cases[i].n))
			fail_msg("%s: record", cases[i].name);
		close(fd);
	}
}

/* More than the buffer holds, records of all lengths: nothing is lost or moved at the seams. */
static void many_records(void **state)
{
	enum { N = 40000 };
	int fd = memfd_create("pcap", 0);
	uint8_t data[200];
	struct pcapwrite *w = pcapwrite_new(fd, PCAPWRITE_NS, 1);
	for (uint32_t i = 0; i < N; i++) {
		memset(data, (int)(i % 251), sizeof data);
		assert_int_equal(pcapwrite_packet(w, i, (struct bytes){ data, i % 200 }, 0), 0);
	}
	uint64_t size = pcapwrite_offset(w);
	assert_int_equal(pcapwrite_free(w), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), size);
	const uint8_t *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0), *p = map + 24;
	assert_true(map != MAP_FAILED);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(load_le32(p + 4), i);
		assert_int_equal(load_le32(p + 8), i % 200);
		for (uint32_t k = 0; k < i % 200; k++)
			assert_int_equal(p[16 + k], i % 251);
		p += 16 + i % 200;
	}
	assert_int_equal(p - map, size);
	munmap((void *)map, size);
	close(fd);
}

static void long_packet_is_cut(void **state)
{
	int fd = memfd_create("pcap", 0);
	uint8_t *data = calloc(1, PCAPWRITE_SNAPLEN + 10), head[40];
	struct pcapwrite *w = pcapwrite_new(fd, PCAPWRITE_US, 1);
	assert_int_equal(
		pcapwrite_packet(w, 1, (struct bytes){ data, PCAPWRITE_SNAPLEN + 10 }, PCAPWRITE_SNAPLEN + 10), 0);
	assert_int_equal(pcapwrite_free(w), 0);
	slurp(fd, head, sizeof head);
	assert_int_equal(load_le32(head + 32), PCAPWRITE_SNAPLEN);
	assert_int_equal(load_le32(head + 36), PCAPWRITE_SNAPLEN + 10);
	free(data);
	close(fd);
}

static void times_that_do_not_fit(void **state)
{
	int fd = memfd_create("pcap", 0);
	struct pcapwrite *w = pcapwrite_new(fd, PCAPWRITE_US, 1);
	assert_int_equal(pcapwrite_packet(w, -1, (struct bytes){ (const uint8_t *)"x", 1 }, 1), -ERANGE);
	assert_int_equal(
		pcapwrite_packet(w, (UINT32_MAX + (int64_t)1) * SECOND, (struct bytes){ (const uint8_t *)"x", 1 }, 1),
		-ERANGE);
	assert_int_equal(pcapwrite_offset(w), 24);
	assert_int_equal(pcapwrite_free(w), 0);
	close(fd);
}

/* A full disk is told once it is met, and again at the end. */
static void failing_descriptor(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	if (fd < 0)
		skip();
	struct pcapwrite *w = pcapwrite_new(fd, PCAPWRITE_US, 1);
	assert_int_equal(pcapwrite_flush(w), -ENOSPC);
	assert_int_equal(pcapwrite_packet(w, 1, (struct bytes){ (const uint8_t *)"x", 1 }, 1), -ENOSPC);
	assert_int_equal(pcapwrite_free(w), -ENOSPC);
	assert_int_equal(pcapwrite_free(NULL), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_record),
		cmocka_unit_test(many_records),
		cmocka_unit_test(long_packet_is_cut),
		cmocka_unit_test(times_that_do_not_fit),
		cmocka_unit_test(failing_descriptor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
