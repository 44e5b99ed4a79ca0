// SPDX-License-Identifier: Apache-2.0
/* The console's certificate over the years, and files that are replaced. */
#include "console/certificate.h"
#include "role/replaced.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1795000000)
#define DAY 86400

static char folder[64];

static int set_up(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/sakimori-certificate-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char text[128];
	snprintf(text, sizeof text, "rm -r '%s'", folder);
	return system(text);
}

static const char *at(const char *name)
{
	static char paths[4][160];
	static int i;
	snprintf(paths[i = (i + 1) % 4], sizeof paths[0], "%s/%s", folder, name);
	return paths[i];
}

static struct certificate_want want(int64_t now_s)
{
	static const struct keys_hosts hosts = { { "localhost", "127.0.0.1", "::1", "console.example.net" }, 4 };
	return (struct certificate_want){ .store = folder, .hosts = &hosts, .now_s = now_s };
}

static void keeps_its_own(void **state)
{
	struct certificate a, b;
	struct certificate_want w = want(NOW);
	struct err err = { "" };
	struct stat st;
	assert_int_equal(certificate_load(&a, &w, &err), 0);
	assert_true(a.own && a.made);
	assert_int_equal(a.ends_s, NOW + CERTIFICATE_DAYS * DAY);
	assert_int_equal(strlen(a.print), 64);
	assert_int_equal(stat(at("console/key.pem"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	w.now_s = NOW + (CERTIFICATE_DAYS - 31) * DAY;
	assert_int_equal(certificate_load(&b, &w, &err), 0);
	assert_true(b.own && !b.made);
	assert_string_equal(a.print, b.print);
	certificate_free(&b);
	/* The last month of it. */
	w.now_s = NOW + (CERTIFICATE_DAYS - 29) * DAY;
	assert_int_equal(certificate_load(&b, &w, &err), 0);
	assert_true(b.made);
	assert_string_not_equal(a.print, b.print);
	certificate_free(&a);
	certificate_free(&b);
}

static void tells_its_state(void **state)
{
	struct certificate c = { .ends_s = NOW, .own = true };
	assert_int_equal(certificate_state(&c, NOW - CERTIFICATE_RENEW_S), CERTIFICATE_GOOD);
	assert_int_equal(certificate_state(&c, NOW - CERTIFICATE_RENEW_S + 1), CERTIFICATE_RENEW);
	c.own = false;
	assert_int_equal(certificate_state(&c, NOW - 1), CERTIFICATE_GOOD);
	assert_int_equal(certificate_state(&c, NOW), CERTIFICATE_OVER);
}

static void spoil(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void makes_good_what_is_broken(void **state)
{
	struct certificate a;
	struct certificate_want w = want(NOW);
	struct err err = { "" };
	assert_int_equal(certificate_load(&a, &w, &err), 0);
	certificate_free(&a);
	spoil(at("console/cert.pem"), "nonsense\n");
	assert_int_equal(certificate_load(&a, &w, &err), 0);
	assert_true(a.made);
	certificate_free(&a);
	assert_int_equal(unlink(at("console/key.pem")), 0);
	assert_int_equal(certificate_load(&a, &w, &err), 0);
	assert_true(a.made);
	certificate_free(&a);
	/* Others could have put it there. */
	assert_int_equal(chmod(at("console"), 0777), 0);
	assert_int_equal(certificate_load(&a, &w, &err), -1);
	assert_int_equal(chmod(at("console"), 0700), 0);
}

static void takes_what_is_given(void **state)
{
	struct certificate a, b;
	struct certificate_want w = want(NOW);
	struct err err = { "" };
	assert_int_equal(certificate_load(&a, &w, &err), 0);
	w.certificate = at("console/cert.pem");
	w.key = at("console/key.pem");
	w.now_s = NOW + 1000 * DAY;
	assert_int_equal(certificate_load(&b, &w, &err), 0);
	assert_false(b.own);
	assert_string_equal(a.print, b.print);
	assert_int_equal(certificate_state(&b, w.now_s), CERTIFICATE_OVER);
	certificate_free(&b);
	w.key = w.certificate;
	assert_int_equal(certificate_load(&b, &w, &err), -1);
	assert_non_null(strstr(err.text, "console.tls"));
	w.key = at("none.pem");
	assert_int_equal(certificate_load(&b, &w, &err), -1);
	assert_non_null(strstr(err.text, "none.pem"));
	w.key = folder;
	assert_int_equal(certificate_load(&b, &w, &err), -1);
	certificate_free(&a);
}

static void notices_new_files(void **state)
{
	struct replaced r = { .begun = false };
	const char *a = at("a"), *b = at("b");
	assert_false(replaced_look(&r, NULL, NULL));
	spoil(a, "1");
	spoil(b, "1");
	for (int i = 0; i < 3; i++)
		assert_false(replaced_look(&r, a, b));
	/* While one is written it is waited for. */
	spoil(a, "22");
	assert_false(replaced_look(&r, a, b));
	spoil(b, "333");
	assert_false(replaced_look(&r, a, b));
	assert_true(replaced_look(&r, a, b));
	assert_false(replaced_look(&r, a, b));
	assert_int_equal(unlink(b), 0);
	for (int i = 0; i < 3; i++)
		assert_false(replaced_look(&r, a, b));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_its_own),
		TEST(makes_good_what_is_broken),
		TEST(takes_what_is_given),
		TEST(notices_new_files),
		cmocka_unit_test(tells_its_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
