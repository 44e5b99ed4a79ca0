// SPDX-License-Identifier: Apache-2.0
#include "know/geo.h"
#include "know/middle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include "mmdbmake.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The library forgets memory when it refuses a file with damaged metadata. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libmaxminddb";
}

static char folder[64], path_city[96], path_asn[96], path_flat[96], path_bad[96];

static void write_file(const char *path, const uint8_t *p, size_t n)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	static uint8_t *(*const make[])(size_t *) = { mmdb_city, mmdb_asn, mmdb_flat };
	static char *const paths[] = { path_city, path_asn, path_flat };
	snprintf(folder, sizeof folder, "/tmp/sakimori-geo-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path_city, sizeof path_city, "%s/city.mmdb", folder);
	snprintf(path_asn, sizeof path_asn, "%s/asn.mmdb", folder);
	snprintf(path_flat, sizeof path_flat, "%s/flat.mmdb", folder);
	snprintf(path_bad, sizeof path_bad, "%s/bad", folder);
	for (int i = 0; i < 3; i++) {
		size_t n;
		uint8_t *p = make[i](&n);
		write_file(paths[i], p, n);
		free(p);
	}
	return 0;
}

static int tear_down(void **state)
{
	unlink(path_city);
	unlink(path_asn);
	unlink(path_flat);
	unlink(path_bad);
	return rmdir(folder);
}

static struct location ask(struct geo *g, const char *text)
{
	struct addr a;
	struct location out;
	assert_int_equal(addr_parse(text, &a, NULL), 0);
	geo_find(g, &a, &out);
	return out;
}

static struct geo *with(const char *a, const char *b, const char *c)
{
	struct geo *g = geo_new();
	struct err err = { "" };
	const char *paths[] = { a, b, c };
	for (int i = 0; i < 3; i++)
		if (paths[i] && geo_add_file(g, paths[i], &err) < 0)
			fail_msg("%s", err.text);
	return g;
}

static void layouts(void **state)
{
	static const struct {
		const char *name, *addr, *country, *city, *as_name;
		uint32_t asn;
		double latitude, longitude; /* 0: none */
	} cases[] = {
		{ "nested", "192.0.2.200", "JP", "Tokyo", "", 0, 35.5, 139.75 },
		{ "IPv6", "2001:db8:7::1", "JP", "Tokyo", "", 0, 35.5, 139.75 },
		{ "two files", "192.0.2.1", "JP", "Tokyo", "Example \xe7\xb6\xb2 Net", 64496, 35.5, 139.75 },
		{ "flat, small letters", "203.0.113.7", "FR", "", "Example \xe7\xb6\xb2 Net", 64496, 0, 0 },
		{ "registered country, half a position, texts", "198.51.100.1", "DE", "Springfield",
			"A name that is so long that it does not fit into the field that it is read into, so that it "
			"is",
			64500, -1.5, 2 },
		{ "unknown country, no city", "198.51.100.200", "DE", "", "", 0, 0, 0 },
		{ "nothing", "10.0.0.1", "", "", "", 0, 0, 0 },
		{ "nothing in IPv6", "2001:db9::", "", "", "", 0, 0, 0 },
	};
	struct geo *g = with(path_city, path_asn, path_flat);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct location a = ask(g, cases[i].addr);
		print_message("%s\n", cases[i].name);
		assert_string_equal(a.country, cases[i].country);
		assert_string_equal(a.city, cases[i].city);
		assert_int_equal(strncmp(a.as_name, cases[i].as_name, 90), 0);
		assert_true(strlen(a.as_name) < sizeof a.as_name);
		assert_int_equal(a.has_asn, cases[i].asn != 0);
		assert_int_equal(a.asn, cases[i].asn);
		assert_int_equal(a.has_position, cases[i].latitude != 0);
		assert_true(a.latitude == cases[i].latitude && a.longitude == cases[i].longitude);
	}
	struct geo_counts c = geo_counts(g);
	assert_int_equal(c.asked, 8);
	assert_int_equal(c.without_country, 2);
	assert_int_equal(c.without_as, 5);
	assert_int_equal(c.damaged, 0);
	assert_int_equal(geo_files(g), 3);
	assert_string_equal(geo_file(g, 1).type, "DBIP-ASN-Lite");
	assert_string_equal(geo_file(g, 0).path, path_city);
	assert_int_equal(geo_file(g, 0).built_s, 1767225600);
	geo_free(g);
}

static void first_file_is_believed(void **state)
{
	struct geo *g = with(path_flat, path_city, NULL);
	assert_string_equal(ask(g, "192.0.2.1").country, "FR");
	assert_string_equal(ask(g, "192.0.2.1").city, "Tokyo");
	geo_free(g);
}

static void without_files(void **state)
{
	struct geo *g = geo_new();
	struct err err = { "" };
	assert_int_equal(geo_add_folder(g, "/nonexistent/geo", &err), 0);
	struct location a = ask(g, "192.0.2.1");
	assert_string_equal(a.country, "");
	assert_false(a.has_asn || a.has_position);
	assert_int_equal(geo_counts(g).without_country, 1);
	geo_free(g);
}

static void folders(void **state)
{
	struct geo *g = geo_new();
	struct err err = { "" };
	write_file(path_bad, (const uint8_t *)"no", 2); /* not named .mmdb */
	assert_int_equal(geo_add_folder(g, folder, &err), 0);
	assert_int_equal(geo_files(g), 3);
	assert_string_equal(geo_file(g, 0).path, path_asn);
	geo_free(g);
}

static void errors(void **state)
{
	struct geo *g = geo_new();
	struct err err = { "" };
	assert_int_equal(geo_add_file(g, "/nonexistent/x.mmdb", &err), -1);
	assert_string_equal(err.text, "/nonexistent/x.mmdb: No such file or directory");
	assert_int_equal(geo_add_file(g, folder, &err), -1);
	assert_non_null(strstr(err.text, ": not a file"));
	write_file(path_bad, (const uint8_t *)"country,city\n", 13);
	assert_int_equal(geo_add_file(g, path_bad, &err), -1);
	assert_ptr_equal(strstr(err.text, path_bad), err.text);
	assert_non_null(strstr(err.text, "no MMDB file"));
	write_file(path_bad, (const uint8_t *)"", 0);
	assert_int_equal(geo_add_file(g, path_bad, &err), -1);
	for (int i = 0; i < GEO_MAX_FILES; i++)
		assert_int_equal(geo_add_file(g, path_asn, &err), 0);
	assert_int_equal(geo_add_file(g, path_asn, &err), -1);
	geo_free(g);
}

/* What opens must answer, whatever it says. */
static void probe(const uint8_t *p, size_t n, uint64_t *opened)
{
	static const char *const addrs[] = { "192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1",
		"::", "255.255.255.255" };
	struct geo *g = geo_new();
	write_file(path_bad, p, n);
	if (geo_add_file(g, path_bad, NULL) == 0) {
		++*opened;
		for (size_t i = 0; i < sizeof addrs / sizeof *addrs; i++) {
			struct location a = ask(g, addrs[i]);
			assert_true(strlen(a.city) < sizeof a.city && strlen(a.country) < 3);
		}
	}
	geo_free(g);
}

static void cut_and_damaged(void **state)
{
	uint64_t whole = 0, cut = 0, damaged = 0;
	size_t n;
	struct random r;
	uint8_t *p = mmdb_flat(&n);
	random_init(&r, 1);
	probe(p, n, &whole);
	assert_int_equal(whole, 1);
	for (size_t k = 0; k < n; k += k < n - 600 ? 37 : 1)
		probe(p, k, &cut);
	for (int i = 0; i < 1500; i++) {
		size_t at = i % 3 ? n - 1 - (size_t)random_below(&r, 900) : (size_t)random_below(&r, n);
		uint8_t old = p[at];
		p[at] = (uint8_t)random_u64(&r);
		probe(p, n, &damaged);
		p[at] = old;
	}
	/* The tree's end is known only from the metadata: without it nothing opens, with a hurt record much does. */
	print_message("opened: %u cut, %u damaged\n", (unsigned)cut, (unsigned)damaged);
	assert_true(cut < 10 && damaged > 300);
	free(p);
}

static void middles(void **state)
{
	double latitude = 0, longitude = 0;
	assert_true(middle_of("JP", &latitude, &longitude));
	assert_true(latitude == 36 && longitude == 138);
	assert_true(middle_of("AD", &latitude, &longitude));
	assert_true(middle_of("ZW", &latitude, &longitude));
	assert_true(latitude == -19 && longitude == 30);
	assert_false(middle_of("", &latitude, &longitude));
	assert_false(middle_of("ZZ", &latitude, &longitude));
	/* The table is in order: each country is found, and lies on the globe. */
	unsigned n = 0;
	for (char a = 'A'; a <= 'Z'; a++)
		for (char b = 'A'; b <= 'Z'; b++)
			if (middle_of((char[]){ a, b, '\0' }, &latitude, &longitude)) {
				n++;
				assert_in_range((int)latitude + 90, 0, 180);
				assert_in_range((int)longitude + 180, 0, 360);
			}
	assert_int_equal(n, 250);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(layouts), cmocka_unit_test(first_file_is_believed),
		cmocka_unit_test(without_files), cmocka_unit_test(folders), cmocka_unit_test(errors),
		cmocka_unit_test(cut_and_damaged), cmocka_unit_test(middles) };
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
