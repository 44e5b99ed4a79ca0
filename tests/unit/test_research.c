// SPDX-License-Identifier: Apache-2.0
#include "know/research.h"
#include "know/suffixes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)86400 * 1000000000)

static struct bytes bytes_of(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static const char csv[] = "prefix,organisation,from,to\n"
			  "198.51.100.0/24,Wide\n"
			  "198.51.100.60,Narrow,1970-01-11,1970-01-21\n"
			  "2001:db8:60::/48,Six\n"
			  "scan.example.net,Example scans,1970-01-11\n"
			  "example.net,Example\n";
static const char warning_list[] =
	"\n{\"name\": \"Listed scanners\", \"type\": \"cidr\", \"version\": 1,\n"
	"\"list\": [\"192.0.2.0/28\", \"192.0.2.33\", \"192.0.2.77/24\", \"no.example.org\", 7]}";
static const char hostnames[] =
	"{\"name\": \"Named scanners\", \"type\": \"hostname\", \"list\": [\".probe.example.org\"]}";
static const char names[] = "address,name\n"
			    "203.0.113.1,a.scan.example.net.\n"
			    "203.0.113.2,b.EXAMPLE.net\n"
			    "203.0.113.3,badexample.net\n"
			    "203.0.113.4,x.probe.example.org\n"
			    "203.0.113.5,\"not a name\"\n"
			    "198.51.100.9,c.example.net\n";

static void looks_up(void **state)
{
	static const struct {
		const char *name, *addr;
		int day;
		const char *want;
	} cases[] = {
		{ "prefix", "198.51.100.1", 0, "Wide" },
		{ "longest prefix", "198.51.100.60", 15, "Narrow" },
		{ "not yet", "198.51.100.60", 9, "Wide" },
		{ "no longer", "198.51.100.60", 20, "Wide" },
		{ "IPv6", "2001:db8:60:1::1", 0, "Six" },
		{ "warning list, prefix", "192.0.2.15", 0, "Listed scanners" },
		{ "warning list, address", "192.0.2.33", 0, "Listed scanners" },
		{ "warning list, host bits set", "192.0.2.78", 0, NULL },
		{ "name, longest suffix", "203.0.113.1", 10, "Example scans" },
		{ "name, the longer one not yet", "203.0.113.1", 9, "Example" },
		{ "name in capitals", "203.0.113.2", 0, "Example" },
		{ "no border of a label", "203.0.113.3", 0, NULL },
		{ "name of a warning list", "203.0.113.4", 0, "Named scanners" },
		{ "no name", "203.0.113.5", 0, NULL },
		{ "list before name", "198.51.100.9", 0, "Wide" },
		{ "unknown", "203.0.113.200", 0, NULL },
	};
	struct research *r = research_new();
	struct err err = { "" };
	assert_int_equal(research_add_names_text(r, bytes_of(names), "names", &err), 0);
	assert_int_equal(research_add_text(r, bytes_of(csv), "list", &err), 0);
	assert_int_equal(research_add_text(r, bytes_of(warning_list), "list.json", &err), 0);
	assert_int_equal(research_add_text(r, bytes_of(hostnames), "list.json", &err), 0);
	research_seal(r);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct addr a;
		print_message("%s\n", cases[i].name);
		assert_int_equal(addr_parse(cases[i].addr, &a, NULL), 0);
		const char *got = research_name(r, &a, cases[i].day * DAY);
		if (cases[i].want)
			assert_string_equal(got, cases[i].want);
		else
			assert_null(got);
	}
	struct research_counts c = research_counts(r);
	assert_int_equal(c.prefixes, 5);
	assert_int_equal(c.suffixes, 3);
	assert_int_equal(c.names, 5);
	assert_int_equal(c.named, 4);
	assert_int_equal(c.skipped, 4);
	research_free(r);
}

static void errors(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "198.51.100.0/24\n", "list:1: wanted: prefix or suffix,organisation[,from[,to]]" },
		{ "a.example.net,A\nlocalhost,B\n", "list:2: 'localhost' is not an IPv4 or IPv6 address" },
		{ "\n300.1.2.3,A\n", "list:2: '300.1.2.3' is not an IPv4 or IPv6 address" },
		{ "198.51.100.0/33,A\n", "list:1: '198.51.100.0/33': the prefix length must be 0 to 32" },
		{ "198.51.100.0/24,A,1.1.2026\n", "list:1: '1.1.2026' is not a date YYYY-MM-DD" },
		{ "{\"list\": []}", "list: no warning list: it has no \"name\" or no \"list\"" },
		{ "{\"name\": \"x\",\n\"list\": [}", "list:2: " },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct research *r = research_new();
		struct err err = { "" };
		assert_int_equal(research_add_text(r, bytes_of(cases[i].text), "list", &err), -1);
		assert_int_equal(strncmp(err.text, cases[i].want, strlen(cases[i].want)), 0);
		research_free(r);
	}
	struct research *r = research_new();
	struct err err = { "" };
	assert_int_equal(research_add_names_text(r, bytes_of("192.0.2.1,a.example\nb.example,c\n"), "names", &err), -1);
	assert_string_equal(err.text, "names:2: 'b.example' is not an IPv4 or IPv6 address");
	research_free(r);
}

static void builtin(void **state)
{
	static const char text[] =
		"192.0.2.1,scan-1.shadowserver.org\n192.0.2.2,pinger.census.shodan.io\n192.0.2.3,a.example.org\n";
	struct research *r = research_new();
	struct err err = { "" };
	struct addr a = addr_from4(0xc0000201);
	research_add_builtin(r);
	assert_int_equal(research_add_names_text(r, bytes_of(text), "names", &err), 0);
	research_seal(r);
	assert_true(research_counts(r).suffixes > 10);
	assert_string_equal(research_name(r, &a, 0), "The Shadowserver Foundation");
	assert_int_equal(research_counts(r).named, 2);
	research_free(r);
}

/* The warning lists that lie beside the source, when somebody put them there. */
static void real_lists(void **state)
{
	static const char *const lists[] = { "shodan-scanning", "shadowserver-nt-scanning", "onyphe-scanner",
		"internet-census-nt-scanning" };
	const char *data = getenv("SAKIMORI_DATA");
	struct research *r = research_new();
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		char path[512];
		struct err err = { "" };
		snprintf(path, sizeof path, "%s/control/misp-warninglists/lists/%s/list.json",
			data ? data : "../shared/data", lists[i]);
		FILE *f = fopen(path, "re");
		if (!f) {
			print_message("no %s: set SAKIMORI_DATA\n", path);
			research_free(r);
			skip();
		}
		fclose(f);
		if (research_add_file(r, path, &err) < 0)
			fail_msg("%s", err.text);
	}
	research_seal(r);
	assert_true(research_counts(r).prefixes > 100);
	assert_int_equal(research_counts(r).skipped, 0);
	research_free(r);
}

static void names_of_the_net(void **state)
{
	static const struct {
		const char *name, *want; /* NULL: none */
	} cases[] = {
		{ "Example.NET.", "example.net" },
		{ ".example.net", "example.net" },
		{ "a_b.example-1.org", "a_b.example-1.org" },
		{ "net", NULL },
		{ "", NULL },
		{ ".", NULL },
		{ "a..b", NULL },
		{ "..b.c", NULL },
		{ "192.0.2.1", NULL },
		{ "a b.example.net", NULL },
		{ "a.b*", NULL },
		{ "1.example.5g", "1.example.5g" },
	};
	char out[SUFFIXES_NAME_MAX], label[80] = "";
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool good = suffixes_normal(out, cases[i].name);
		print_message("'%s'\n", cases[i].name);
		assert_int_equal(good, cases[i].want != NULL);
		if (good)
			assert_string_equal(out, cases[i].want);
	}
	memset(label, 'a', 64);
	strcat(label, ".net");
	assert_false(suffixes_normal(out, label));
	assert_true(suffixes_normal(out, label + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(looks_up), cmocka_unit_test(errors),
		cmocka_unit_test(builtin), cmocka_unit_test(real_lists), cmocka_unit_test(names_of_the_net) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
