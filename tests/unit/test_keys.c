// SPDX-License-Identifier: Apache-2.0
/* Keys with their parts keycert and keyfile. */
#include "store/keys.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1795000000
#define DAY 86400

static char store[64];

static int make_store(void **state)
{
	snprintf(store, sizeof store, "/tmp/sakimori-keys-XXXXXX");
	return mkdtemp(store) ? 0 : -1;
}

static void empty(const char *dir)
{
	DIR *d = opendir(dir);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
}

static int drop_store(void **state)
{
	char path[128];
	snprintf(path, sizeof path, "%s/keys/sensors", store);
	empty(path);
	snprintf(path, sizeof path, "%s/keys", store);
	empty(path);
	empty(store);
	return 0;
}

static struct keys *at(int64_t now)
{
	struct err err = { "" };
	struct keys *k = keys_open(store, KEYS_WRITE, now, NULL, &err);
	if (!k)
		fail_msg("%s", err.text);
	return k;
}

struct count {
	int n[4], soon;
	struct keys_info last;
};

static int count_one(void *arg, const struct keys_info *i)
{
	struct count *c = arg;
	c->n[i->state]++;
	c->soon += i->soon;
	c->last = *i;
	return 0;
}

static struct count count(struct keys *k)
{
	struct count c = { { 0 } };
	struct err err = { "" };
	if (keys_each(k, count_one, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

static void making_is_idempotent(void **state)
{
	struct keys *k = at(NOW);
	struct keys_pem a, b;
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	assert_int_equal(keys_load(k, KEYS_EVIDENCE, &a, NULL, NULL), 0);
	assert_int_equal(keys_make(k, NULL, NULL), 0);
	assert_int_equal(keys_load(k, KEYS_EVIDENCE, &b, NULL, NULL), 0);
	assert_string_equal(a.text, b.text);
	assert_int_equal(count(k).n[KEYS_CURRENT], 5);
	keys_pem_free(&a);
	keys_pem_free(&b);
	keys_close(k);
}

/* What the certificate's subject or issuer can't know must not be in it: a self-signed key names itself, no more. */
static void key_ids_have_their_length(void **state)
{
	struct keys *k = at(NOW);
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	for (enum keys_kind kind = KEYS_CA; kind < KEYS_SENSOR; kind++) {
		struct keys_pem pem;
		uint8_t id[64];
		size_t n = sizeof id;
		gnutls_x509_crt_t crt;
		assert_int_equal(keys_load(k, kind, &pem, NULL, NULL), 0);
		gnutls_datum_t d = { (unsigned char *)pem.text, (unsigned)pem.n };
		assert_true(gnutls_x509_crt_init(&crt) >= 0);
		assert_true(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM) >= 0);
		assert_true(gnutls_x509_crt_get_authority_key_id(crt, id, &n, NULL) >= 0);
		assert_int_equal(n, 20);
		gnutls_x509_crt_deinit(crt);
		keys_pem_free(&pem);
	}
	keys_close(k);
}

static void old_signatures_stay_good(void **state)
{
	struct keys *k = at(NOW);
	struct bytes data = { (const uint8_t *)"manifest", 8 };
	uint8_t sig[KEYS_SIGNATURE];
	struct keys_pem old, now;
	char id[65], again[65];
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	assert_int_equal(keys_public(k, KEYS_EVIDENCE, &old, id, NULL), 0);
	assert_int_equal(keys_sign(k, KEYS_EVIDENCE, data, sig, NULL), 0);
	assert_int_equal(keys_rotate(k, KEYS_EVIDENCE, NULL, NULL), 0);
	assert_int_equal(keys_public(k, KEYS_EVIDENCE, &now, again, NULL), 0);
	assert_string_not_equal(id, again);
	struct bytes oldb = { (uint8_t *)old.text, old.n }, nowb = { (uint8_t *)now.text, now.n };
	assert_int_equal(keys_verify(oldb, data, (struct bytes){ sig, sizeof sig }, again, NULL), 0);
	assert_string_equal(id, again);
	assert_int_equal(keys_verify(nowb, data, (struct bytes){ sig, sizeof sig }, again, NULL), -KEYS_CRYPTO);
	assert_int_equal(
		keys_verify(oldb, bytes_head(data, 7), (struct bytes){ sig, sizeof sig }, again, NULL), -KEYS_CRYPTO);
	assert_int_equal(keys_verify(data, data, (struct bytes){ sig, sizeof sig }, again, NULL), -KEYS_BAD);
	assert_int_equal(count(k).n[KEYS_RETIRED], 1);
	keys_pem_free(&old);
	keys_pem_free(&now);
	keys_close(k);
}

/* 0: good, else the bits of GnuTLS. Checks as a collector does. */
static unsigned client_status(struct keys *k, const struct keys_bundle *b, int64_t now)
{
	struct keys_pem trust, crl;
	unsigned status = ~0u;
	assert_int_equal(keys_trust(k, &trust, NULL), 0);
	assert_int_equal(keys_crl(k, &crl, NULL), 0);
	gnutls_x509_trust_list_t list;
	gnutls_x509_crt_t crt;
	gnutls_datum_t ca = { (unsigned char *)trust.text, (unsigned)trust.n },
		       revoked = { (unsigned char *)crl.text, (unsigned)crl.n },
		       pem = { (unsigned char *)b->certificate.text, (unsigned)b->certificate.n };
	assert_true(gnutls_x509_trust_list_init(&list, 0) >= 0);
	assert_true(gnutls_x509_trust_list_add_trust_mem(list, &ca, &revoked, GNUTLS_X509_FMT_PEM, 0, 0) >= 1);
	assert_true(gnutls_x509_crt_init(&crt) >= 0);
	assert_true(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) >= 0);
	assert_true(gnutls_x509_trust_list_verify_crt(
			    list, &crt, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status, NULL) >= 0);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_trust_list_deinit(list, 1);
	keys_pem_free(&trust);
	keys_pem_free(&crl);
	return status;
}

static void a_revoked_sensor_is_refused(void **state)
{
	struct keys *k = at(NOW);
	struct keys_bundle a, b, c;
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	assert_int_equal(keys_issue(k, "tokyo-1", &a, NULL), 0);
	assert_int_equal(keys_issue(k, "tokyo-1", &b, NULL), 0);
	assert_int_equal(keys_issue(k, "osaka", &c, NULL), 0);
	assert_non_null(strstr(a.key.text, "PRIVATE KEY"));
	assert_null(strstr(a.certificate.text, "PRIVATE"));
	assert_int_equal(client_status(k, &a, NOW), 0);
	assert_int_equal(keys_revoke(k, KEYS_SENSOR, "tokyo-1", a.serial, NULL), 1);
	assert_int_not_equal(client_status(k, &a, NOW) & GNUTLS_CERT_REVOKED, 0);
	assert_int_equal(client_status(k, &b, NOW), 0);
	assert_int_equal(keys_revoke(k, KEYS_SENSOR, "tokyo-1", NULL, NULL), 1);
	assert_int_equal(keys_revoke(k, KEYS_SENSOR, "tokyo-1", NULL, NULL), 0);
	assert_int_not_equal(client_status(k, &b, NOW) & GNUTLS_CERT_REVOKED, 0);
	assert_int_equal(client_status(k, &c, NOW), 0);
	assert_int_equal(keys_revoke(k, KEYS_SENSOR, "nagoya", NULL, NULL), -KEYS_ABSENT);
	/* Another authority: what the old one issued holds, and can still be revoked. */
	assert_int_equal(keys_rotate(k, KEYS_CA, NULL, NULL), 0);
	assert_int_equal(client_status(k, &c, NOW), 0);
	assert_int_not_equal(client_status(k, &a, NOW) & GNUTLS_CERT_REVOKED, 0);
	assert_int_equal(keys_revoke(k, KEYS_SENSOR, "osaka", NULL, NULL), 1);
	assert_int_not_equal(client_status(k, &c, NOW) & GNUTLS_CERT_REVOKED, 0);
	keys_bundle_free(&a);
	keys_bundle_free(&b);
	keys_bundle_free(&c);
	keys_close(k);
}

static void a_revoked_authority_is_no_longer_trusted(void **state)
{
	struct keys *k = at(NOW);
	struct keys_bundle a;
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	assert_int_equal(keys_issue(k, "tokyo-1", &a, NULL), 0);
	assert_int_equal(keys_revoke(k, KEYS_CA, NULL, NULL, NULL), 1);
	assert_int_not_equal(client_status(k, &a, NOW), 0);
	assert_int_equal(count(k).n[KEYS_REVOKED], 1);
	keys_bundle_free(&a);
	keys_close(k);
}

static void the_end_is_told_before(void **state)
{
	static const struct {
		int64_t days;
		int current, soon, expired;
	} cases[] = { { 0, 5, 0, 0 }, { 790, 5, 0, 0 }, { 800, 5, 2, 0 }, { 826, 3, 0, 2 }, { 1800, 3, 2, 2 } };
	struct keys *k = at(NOW);
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	keys_close(k);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		k = at(NOW + cases[i].days * DAY);
		struct count c = count(k);
		keys_close(k);
		if (c.n[KEYS_CURRENT] != cases[i].current || c.soon != cases[i].soon ||
			c.n[KEYS_EXPIRED] != cases[i].expired)
			fail_msg("after %d days: %d current, %d soon, %d expired", (int)cases[i].days,
				c.n[KEYS_CURRENT], c.soon, c.n[KEYS_EXPIRED]);
	}
}

static void what_others_could_read_is_refused(void **state)
{
	char path[128];
	int code;
	struct err err = { "" };
	struct keys *k = at(NOW);
	struct keys_pem pem;
	struct stat st;
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	snprintf(path, sizeof path, "%s/keys/policy.pem", store);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	chmod(path, 0640);
	assert_int_equal(keys_load(k, KEYS_POLICY, &pem, NULL, &err), -KEYS_OPEN);
	chmod(path, 0600);
	keys_close(k);
	snprintf(path, sizeof path, "%s/keys", store);
	chmod(path, 0755);
	assert_null(keys_open(store, KEYS_READ, NOW, &code, &err));
	assert_int_equal(code, -KEYS_OPEN);
	chmod(path, 0700);
}

static void names_of_sensors(void **state)
{
	static const char *const bad[] = { "", ".", "../x", "a/b", "-a", "a b", "a\n",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	struct keys *k = at(NOW);
	struct keys_bundle b;
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (keys_issue(k, bad[i], &b, NULL) != -KEYS_BAD)
			fail_msg("issued to '%s'", bad[i]);
	keys_close(k);
}

/* Killed between writing the retired certificate and replacing the key. */
static void a_half_rotation_is_mended(void **state)
{
	struct keys *k = at(NOW);
	struct keys_pem pem;
	char path[256];
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	assert_int_equal(keys_load(k, KEYS_EVIDENCE, &pem, NULL, NULL), 0);
	struct keys_info info;
	assert_int_equal(keys_describe((struct bytes){ (uint8_t *)pem.text, pem.n }, &info, NULL), 0);
	snprintf(path, sizeof path, "%s/keys/evidence-%s.pem", store, info.serial);
	FILE *f = fopen(path, "w");
	fprintf(f, "Sakimori-Retired: 2026-11-25T00:00:00Z\n%s", pem.text);
	fclose(f);
	chmod(path, 0600);
	assert_int_equal(count(k).n[KEYS_RETIRED], 0);
	assert_int_equal(keys_make(k, NULL, NULL), 0);
	snprintf(path, sizeof path, "%s/keys/evidence-%s.pem", store, info.serial);
	assert_int_equal(access(path, F_OK), -1);
	keys_pem_free(&pem);
	keys_close(k);
}

static void damaged_files_are_told_never_replaced(void **state)
{
	char path[128];
	struct err err = { "" };
	struct keys *k = at(NOW);
	assert_int_equal(keys_make(k, NULL, NULL), 5);
	snprintf(path, sizeof path, "%s/keys/evidence.pem", store);
	assert_int_equal(truncate(path, 300), 0);
	assert_int_equal(keys_make(k, NULL, &err), -KEYS_BAD);
	assert_non_null(strstr(err.text, "evidence.pem"));
	keys_close(k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_store, drop_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(making_is_idempotent),
		TEST(key_ids_have_their_length),
		TEST(old_signatures_stay_good),
		TEST(a_revoked_sensor_is_refused),
		TEST(a_revoked_authority_is_no_longer_trusted),
		TEST(the_end_is_told_before),
		TEST(what_others_could_read_is_refused),
		TEST(names_of_sensors),
		TEST(a_half_rotation_is_mended),
		TEST(damaged_files_are_told_never_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
