// SPDX-License-Identifier: Apache-2.0
#include "know/document.h"
#include "know/owner.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY ((int64_t)86400 * 1000000000)
#define JAPANESE                                                                                                       \
	"\xe6\x8a\x80\xe8\xa1\x93\xe8\xa1\xa8" /* three characters, of which the last is 0x95 0x5c in CP932            \
						*/
#define JAPANESE_932 "\x8b\x5a\x8f\x70\x95\x5c"

static const char list[] = "# ours\n"
			   "prefix,owner,contact,from,to\n"
			   "203.0.113.0/24,Example network,noc@example.net\r\n"
			   "203.0.113.0/25,\"Example, west\",\"west@example.net\n(by day)\",1970-01-11,1970-01-21\n"
			   "203.0.113.7,Example host,,1970-01-11,9999-12-31\n"
			   "198.51.100.0/24,Example lab,,0025-01-01,1970-01-02\n"
			   "2001:db8:5::/48," JAPANESE ",noc@example.org\n";

static struct bytes bytes_of(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static void lines(void **state)
{
	static const struct {
		const char *addr;
		int day;
		const char *want;
	} cases[] = {
		{ "203.0.113.200", 0, "Example network, contact noc@example.net" },
		{ "203.0.113.1", 9, "Example network, contact noc@example.net" },
		{ "203.0.113.1", 10, "Example, west, contact west@example.net (by day)" },
		{ "203.0.113.1", 20, "Example network, contact noc@example.net" },
		{ "203.0.113.7", 10, "Example host" },
		{ "203.0.113.7", 9, "Example network, contact noc@example.net" },
		{ "2001:db8:5::1", 0, JAPANESE ", contact noc@example.org" },
		{ "203.0.113.7", 100000, "Example host" },
		{ "198.51.100.1", -100000, "Example lab" },
		{ "198.51.100.1", 1, NULL },
		{ "192.0.2.1", 0, NULL },
	};
	struct owner *o = owner_new();
	struct err err = { "" };
	assert_int_equal(owner_add_text(o, bytes_of(list), "owners", &err), 0);
	owner_seal(o);
	assert_int_equal(owner_rows(o), 5);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct addr a;
		print_message("%s, day %d\n", cases[i].addr, cases[i].day);
		assert_int_equal(addr_parse(cases[i].addr, &a, NULL), 0);
		const char *line = owner_line(o, &a, cases[i].day * DAY);
		if (cases[i].want)
			assert_string_equal(line, cases[i].want);
		else
			assert_null(line);
	}
	owner_free(o);
}

static void encodings(void **state)
{
	static const struct {
		const char *name, *text, *encoding;
	} cases[] = {
		{ "UTF-8", "203.0.113.0/24,\"" JAPANESE "\",x\n", "UTF-8" },
		{ "with a mark",
			"\xef\xbb\xbf"
			"203.0.113.0/24," JAPANESE ",x\n",
			"UTF-8" },
		{ "CP932", "203.0.113.0/24,\"" JAPANESE_932 "\",x\n", "CP932" },
		{ "CP932 without quotes", "203.0.113.0/24," JAPANESE_932 ",x\n", "CP932" },
	};
	struct addr a = addr_from4(0xcb007101);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct owner *o = owner_new();
		struct document d;
		struct err err = { "" };
		print_message("%s\n", cases[i].name);
		assert_int_equal(document_decode(&d, bytes_of(cases[i].text), "owners", &err), 0);
		assert_string_equal(d.encoding, cases[i].encoding);
		document_fini(&d);
		assert_int_equal(owner_add_text(o, bytes_of(cases[i].text), "owners", &err), 0);
		owner_seal(o);
		assert_string_equal(owner_line(o, &a, 0), JAPANESE ", contact x");
		owner_free(o);
	}
}

static void errors(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "203.0.113.0/24,A\n203.0.113.1/24,B\n",
			"owners:2: '203.0.113.1/24' has host bits set; did you mean 203.0.113.0/24?" },
		{ "\n\n203.0.113.0/24\n", "owners:3: wanted: prefix,owner,contact[,from[,to]]" },
		{ "203.0.113.0/24,,x\n", "owners:1: wanted: prefix,owner,contact[,from[,to]]" },
		{ "203.0.113.0/24,A,x,yesterday\n", "owners:1: 'yesterday' is not a date YYYY-MM-DD" },
		{ "203.0.113.0/24,A,x,2026-02-01,2026-01-01\n",
			"owners:1: '2026-02-01' to '2026-01-01' ends before it begins" },
		{ "a.example,A\n", "owners:1: 'a.example' is not an IPv4 or IPv6 address" },
		{ "203.0.113.0/24,A\nprefix,owner\n", "owners:2: 'prefix' is not an IPv4 or IPv6 address" },
		{ "203.0.113.0/24,\"A\n", "owners:1: the quote that opens here has no end" },
		{ "203.0.113.0/24,ok\n203.0.113.0/24,\xff\xff\n", "owners:2: neither UTF-8 nor CP932" },
		{ "\xef\xbb\xbf"
		  "203.0.113.0/24,\xff\n",
			"owners: a UTF-8 byte order mark in front, but not UTF-8 behind" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct owner *o = owner_new();
		struct err err = { "" };
		assert_int_equal(owner_add_text(o, bytes_of(cases[i].text), "owners", &err), -1);
		assert_string_equal(err.text, cases[i].want);
		owner_free(o);
	}
}

static void files(void **state)
{
	char path[] = "/tmp/sakimori-owner-XXXXXX";
	struct owner *o = owner_new();
	struct err err = { "" };
	struct addr a = addr_from4(0xcb0071c8);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, list, sizeof list - 1), sizeof list - 1);
	close(fd);
	assert_int_equal(owner_add_file(o, path, &err), 0);
	owner_seal(o);
	assert_string_equal(owner_line(o, &a, 0), "Example network, contact noc@example.net");
	owner_free(o);
	unlink(path);
	o = owner_new();
	assert_int_equal(owner_add_file(o, path, &err), -1);
	assert_ptr_equal(strstr(err.text, path), err.text);
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(owner_add_file(o, "/tmp", &err), -1);
	assert_string_equal(err.text, "/tmp: not a file");
	owner_free(o);
}

/* Longer than a line may be: cut between two characters. */
static void long_names(void **state)
{
	char text[2048] = "203.0.113.0/24,x";
	struct addr a = addr_from4(0xcb007101);
	struct err err = { "" };
	for (int i = 0; i < 200; i++)
		strcat(text, "\xe7\xb6\xb2");
	struct owner *o = owner_new();
	assert_int_equal(owner_add_text(o, bytes_of(text), "owners", &err), 0);
	owner_seal(o);
	const char *line = owner_line(o, &a, 0);
	assert_int_equal(strlen(line), 1 + 170 * 3);
	assert_memory_equal(line + strlen(line) - 3, "\xe7\xb6\xb2", 3);
	owner_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lines), cmocka_unit_test(encodings),
		cmocka_unit_test(errors), cmocka_unit_test(files), cmocka_unit_test(long_names) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
