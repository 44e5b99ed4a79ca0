// SPDX-License-Identifier: Apache-2.0
/* wire/capfile.c and capfile_pcapng.c on files made here, in both byte orders. */
#include "wire/capfile.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* A file in the making. */
static struct {
	uint8_t b[1 << 20];
	size_t n;
	bool big;
} file;

static void begin(bool big)
{
	file.n = 0;
	file.big = big;
}

static void put(uint64_t v, size_t width)
{
	for (size_t i = 0; i < width; i++)
		file.b[file.n++] = (uint8_t)(v >> 8 * (file.big ? width - 1 - i : i));
}

static void zeros(size_t n)
{
	memset(file.b + file.n, 0, n);
	file.n += n;
}

static void put_data(const char *s, size_t n)
{
	memcpy(file.b + file.n, s, n);
	file.n += n;
}

static void pcap_header(uint32_t magic, uint32_t linktype)
{
	put(magic, 4);
	put(2, 2);
	put(4, 2);
	zeros(8);
	put(65535, 4);
	put(linktype, 4);
}

static void pcap_record(uint32_t s, uint32_t fraction, uint32_t caplen, uint32_t len, size_t extra)
{
	put(s, 4);
	put(fraction, 4);
	put(caplen, 4);
	put(len, 4);
	zeros(extra);
}

/* Opens a block; its length is filled in by block_end(). */
static size_t block(uint32_t type)
{
	size_t at = file.n;
	put(type, 4);
	put(0, 4);
	return at;
}

static void block_end(size_t at)
{
	zeros((4 - file.n % 4) % 4);
	size_t length = file.n + 4 - at, end = file.n;
	file.n = at + 4;
	put(length, 4);
	file.n = end;
	put(length, 4);
}

static void section(void)
{
	size_t at = block(0x0a0d0d0a);
	put(0x1a2b3c4d, 4);
	put(1, 2);
	put(0, 2);
	put(UINT64_MAX, 8);
	block_end(at);
}

/* tsresol 6 and tsoffset 0 are the defaults and left out. */
static void interface(uint16_t linktype, uint32_t snaplen, uint8_t tsresol, int64_t tsoffset)
{
	size_t at = block(1);
	put(linktype, 2);
	put(0, 2);
	put(snaplen, 4);
	if (tsresol != 6) {
		put(9, 2);
		put(1, 2);
		put(tsresol, 1);
		zeros(3);
	}
	if (tsoffset) {
		put(14, 2);
		put(8, 2);
		put((uint64_t)tsoffset, 8);
	}
	block_end(at);
}

static void enhanced(uint32_t id, uint64_t ticks, const char *data, size_t n, uint32_t caplen)
{
	size_t at = block(6);
	put(id, 4);
	put(ticks >> 32, 4);
	put(ticks & 0xffffffff, 4);
	put(caplen, 4);
	put(n, 4);
	put_data(data, n);
	block_end(at);
}

static struct capfile_record recs[64];
static struct capfile *c;

/* Reads what was made, up to `n` bytes of it, from one window. */
static enum capfile_status read_n(size_t n, size_t *records, size_t *used)
{
	enum capfile_status s;
	capfile_free(c);
	c = capfile_new();
	assert_non_null(c);
	*records = *used = 0;
	do {
		size_t got, took;
		s = capfile_read(
			c, (struct bytes){ file.b + *used, n - *used }, recs + *records, 64 - *records, &got, &took);
		*records += got;
		*used += took;
	} while (s == CAPFILE_RECORDS);
	return s;
}

static void read_whole(size_t want_records)
{
	size_t n, used;
	assert_int_equal(read_n(file.n, &n, &used), CAPFILE_MORE);
	assert_int_equal(n, want_records);
	assert_int_equal(used, file.n);
}

static int teardown(void **state)
{
	capfile_free(c);
	c = NULL;
	return 0;
}

static void classic(void **state)
{
	static const struct {
		uint32_t magic, unit;
		size_t extra;
	} kinds[] = {
		{ 0xa1b2c3d4, 1000, 0 },
		{ 0xa1b23c4d, 1, 0 },
		{ 0xa1b2cd34, 1000, 8 },
		{ 0xa1b234cd, 1000, 8 },
		{ 0xa12b3c4d, 1000, 0 },
	};
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (int big = 0; big < 2; big++) {
			begin(big);
			pcap_header(kinds[k].magic, 0x14000071);
			pcap_record(1, 2, 3, 60, kinds[k].extra);
			put_data("abc", 3);
			pcap_record(0xffffffff, 999999, 0, 0, kinds[k].extra);
			assert_true(capfile_recognise((struct bytes){ file.b, file.n }));
			read_whole(2);
			assert_string_equal(capfile_format(c), "pcap");
			assert_int_equal(recs[0].linktype, 0x71);
			assert_true(recs[0].time_ns == 1000000000 + 2 * (int64_t)kinds[k].unit && recs[0].has_time);
			assert_int_equal(recs[0].data.n, 3);
			assert_memory_equal(recs[0].data.p, "abc", 3);
			assert_int_equal(recs[0].wire_len, 60);
			assert_true(recs[1].time_ns == 4294967295 * 1000000000 + 999999 * (int64_t)kinds[k].unit);
			const int *types;
			assert_int_equal(capfile_linktypes(c, &types), 1);
			assert_int_equal(types[0], 0x71);
		}
}

static void second_file_behind(void **state)
{
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	pcap_record(1, 0, 2, 2, 0);
	put_data("ab", 2);
	file.big = true;
	pcap_header(0xa1b23c4d, 101);
	pcap_record(2, 5, 2, 2, 0);
	put_data("cd", 2);
	read_whole(2);
	assert_int_equal(recs[0].linktype, 1);
	assert_int_equal(recs[1].linktype, 101);
	assert_true(recs[1].time_ns == 2000000005);

	/* Also when the window ends in the middle of that header. */
	for (size_t cut = 42; cut < 66; cut++) {
		size_t n, used;
		assert_int_equal(read_n(cut, &n, &used), CAPFILE_MORE);
		assert_true(n == 1 && used == 42);
	}
}

static void limits_and_lies(void **state)
{
	size_t n, used;
	begin(false);
	pcap_header(0xa1b2c3d4, 1);
	pcap_record(1, 0, CAPFILE_MAX_CAPLEN, 70000, 0);
	file.n += CAPFILE_MAX_CAPLEN;
	read_whole(1);
	assert_int_equal(recs[0].data.n, CAPFILE_MAX_CAPLEN);

	size_t good = file.n;
	pcap_record(1, 0, CAPFILE_MAX_CAPLEN + 1, 70000, 0);
	assert_int_equal(read_n(file.n, &n, &used), CAPFILE_BAD);
	assert_int_equal(n, 1);
	assert_int_equal(used, good);
	assert_string_equal(capfile_error(c), "a record claims 262145 captured bytes");
	assert_int_equal(capfile_read(c, (struct bytes){ file.b, file.n }, recs, 64, &n, &used), CAPFILE_BAD);

	begin(false);
	put(0x04034b50, 4);
	assert_int_equal(read_n(file.n, &n, &used), CAPFILE_BAD);
	assert_string_equal(capfile_error(c), "not a capture: starts with 0x504b0304");
	assert_null(capfile_format(c));
	assert_false(capfile_recognise((struct bytes){ file.b, 4 }));
	assert_false(capfile_recognise((struct bytes){ file.b, 0 }));
}

static void block_times(void **state)
{
	static const struct {
		uint8_t tsresol;
		int64_t tsoffset;
		uint64_t ticks;
		int64_t want;
	} cases[] = {
		{ 6, 0, 1700000000000001, 1700000000000001000 },
		{ 9, 0, 1700000000000000001, 1700000000000000001 },
		{ 0, 0, 1700000000, 1700000000000000000 },
		{ 3, 100, 1700000000001, 1700000100001000000 },
		{ 6, -100, 200000000, 100000000000 },
		{ 6, -100, 0, -100000000000 },
		{ 0, INT64_MIN, 0, INT64_MIN / 2 },
		{ 12, 0, 1000000000001999, 1000000000001 },
		{ 0x80 | 1, 0, 3, 1500000000 },
		{ 0x80 | 20, 0, ((uint64_t)5 << 20) + (1 << 19), 5500000000 },
		{ 0x80 | 32, 0, ((uint64_t)1 << 32) + 1, 1000000000 },
		{ 0x80 | 63, 0, (uint64_t)1 << 62, 500000000 },
		{ 0x80 | 64, 0, UINT64_MAX, 0 },
		{ 19, 0, UINT64_MAX, 1844674407 },
		{ 30, 0, UINT64_MAX, 0 },
		{ 127, 0, UINT64_MAX, 0 },
		{ 0, 0, UINT64_MAX, INT64_MAX },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int big = 0; big < 2; big++) {
			begin(big);
			section();
			interface(1, 0, cases[i].tsresol, cases[i].tsoffset);
			enhanced(0, cases[i].ticks, "abcde", 5, 5);
			read_whole(1);
			if (recs[0].time_ns != cases[i].want)
				fail_msg("case %zu: %lld", i, (long long)recs[0].time_ns);
			int64_t s;
			uint32_t ns;
			assert_true(capfile_far(c, &s, &ns) == (cases[i].want == INT64_MAX));
		}
}

static void blocks(void **state)
{
	for (int big = 0; big < 2; big++) {
		begin(big);
		section();
		interface(1, 3, 6, 0);
		interface(113, 0, 6, 0);
		size_t at = block(3); /* simple: as much as the snap length lets through */
		put(5, 4);
		put_data("abc", 3);
		block_end(at);
		at = block(2); /* the old one: 16 bits of interface, 16 of drops */
		put(1, 2);
		put(9, 2);
		put(0, 4);
		put(7000000, 4);
		put(2, 4);
		put(60, 4);
		put_data("xy", 2);
		block_end(at);
		at = block(0xbad); /* unknown */
		put_data("custom", 6);
		block_end(at);
		at = block(5); /* statistics */
		put(1, 4);
		zeros(8);
		put(5, 2);
		put(8, 2);
		put(77, 8);
		block_end(at);
		read_whole(2);
		assert_string_equal(capfile_format(c), "pcapng");
		assert_false(recs[0].has_time);
		assert_int_equal(recs[0].data.n, 3);
		assert_int_equal(recs[0].wire_len, 5);
		assert_int_equal(recs[1].linktype, 113);
		assert_true(recs[1].time_ns == 7000000000);
		assert_int_equal(recs[1].wire_len, 60);
		assert_true(capfile_drops(c) == 77 && capfile_oddities(c) == 0);
	}
}

static void sections(void **state)
{
	begin(false);
	section();
	interface(1, 0, 6, 0);
	enhanced(0, 1, "a", 1, 1);
	file.big = true;
	section();
	interface(101, 0, 6, 0);
	enhanced(0, 2, "b", 1, 1);
	enhanced(1, 3, "c", 1, 1);   /* no such interface in this section */
	enhanced(0, 4, "d", 1, 999); /* more than the block holds */
	read_whole(3);
	assert_int_equal(recs[1].linktype, 101);
	assert_int_equal(recs[2].data.n, 4); /* with the padding: what is there */
	assert_true(capfile_oddities(c) == 2);
	const int *types;
	assert_int_equal(capfile_linktypes(c, &types), 2);
}

static void bad_blocks(void **state)
{
	size_t n, used;
	begin(false);
	section();
	size_t good = file.n;
	put(6, 4);
	put(8, 4);
	zeros(8);
	assert_int_equal(read_n(file.n, &n, &used), CAPFILE_BAD);
	assert_int_equal(used, good);
	assert_string_equal(capfile_error(c), "a block of 8 bytes");

	file.n = good;
	put(6, 4);
	put(CAPFILE_MAX_BLOCK + 1, 4);
	zeros(8);
	assert_int_equal(read_n(file.n, &n, &used), CAPFILE_BAD);

	begin(false);
	put(0x0a0d0d0a, 4);
	put(28, 4);
	put(0x11223344, 4);
	zeros(16);
	assert_int_equal(read_n(file.n, &n, &used), CAPFILE_BAD);
	assert_string_equal(capfile_error(c), "a section header with the byte-order magic 0x11223344");
}

/* A block that claims 29 bytes takes 32, and counts as odd once, however often a small window is offered. */
static void odd_length_counts_once(void **state)
{
	begin(false);
	section();
	put(0xbad, 4);
	put(29, 4);
	zeros(20);
	put(29, 4);
	struct capfile *small = capfile_new();
	size_t used = 0;
	for (size_t end = 1; end <= file.n; end++) {
		size_t n, took;
		enum capfile_status s =
			capfile_read(small, (struct bytes){ file.b + used, end - used }, recs, 64, &n, &took);
		if (s == CAPFILE_RECORDS)
			s = capfile_read(small, (struct bytes){ file.b + used, end - used }, recs, 64, &n, &took);
		assert_int_equal(s, CAPFILE_MORE);
		used += took;
	}
	assert_int_equal(used, file.n);
	assert_true(capfile_oddities(small) == 1);
	capfile_free(small);
}

static void many_interfaces(void **state)
{
	begin(false);
	section();
	for (int i = 0; i < 10000; i++)
		interface((uint16_t)(i % 300), 0, 6, 0);
	enhanced(9999, 1, "a", 1, 1);
	read_whole(1);
	assert_int_equal(recs[0].linktype, 9999 % 300);
	const int *types;
	assert_int_equal(capfile_linktypes(c, &types), 300); /* each once: a stream of declarations takes no memory */
}

/* Whatever byte a file ends at: the records before it come out, and the rest is told. */
static void cut_at_each_byte(void **state)
{
	for (int ng = 0; ng < 2; ng++) {
		size_t ends[4] = { 0 }, n, used;
		begin(false);
		if (ng) {
			section();
			interface(1, 0, 6, 0);
		} else {
			pcap_header(0xa1b2c3d4, 1);
		}
		for (int i = 0; i < 3; i++) {
			if (ng) {
				enhanced(0, 1, "abcd", 4, 4);
			} else {
				pcap_record(1, 0, 4, 4, 0);
				put_data("abcd", 4);
			}
			ends[i] = file.n;
		}
		for (size_t cut = 0; cut < file.n; cut++) {
			assert_int_equal(read_n(cut, &n, &used), CAPFILE_MORE);
			assert_int_equal(n, (cut >= ends[0]) + (cut >= ends[1]) + (cut >= ends[2]));
			assert_true(used <= cut);
			char want[64];
			snprintf(want, sizeof want, "cut off after %zu of", cut - used);
			assert_non_null(strstr(capfile_cut(c, (struct bytes){ file.b + used, cut - used }), want));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(classic, teardown),
		cmocka_unit_test_teardown(second_file_behind, teardown),
		cmocka_unit_test_teardown(limits_and_lies, teardown),
		cmocka_unit_test_teardown(block_times, teardown),
		cmocka_unit_test_teardown(blocks, teardown),
		cmocka_unit_test_teardown(sections, teardown),
		cmocka_unit_test_teardown(bad_blocks, teardown),
		cmocka_unit_test(odd_length_counts_once),
		cmocka_unit_test_teardown(many_interfaces, teardown),
		cmocka_unit_test_teardown(cut_at_each_byte, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
