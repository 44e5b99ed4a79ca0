// SPDX-License-Identifier: Apache-2.0
#include "console/certificate.h"

#include "store/keyfile.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "console"
#define BACK_S	  86400 /* a browser's clock may be behind */

void certificate_forget(struct certificate *c)
{
	keys_pem_free(&c->cert);
	keys_pem_free(&c->key);
}

void certificate_free(struct certificate *c)
{
	certificate_forget(c);
	*c = (struct certificate){ 0 };
}

enum certificate_state certificate_state(const struct certificate *c, int64_t now_s)
{
	if (c->own && c->ends_s - now_s < CERTIFICATE_RENEW_S)
		return CERTIFICATE_RENEW;
	return c->ends_s <= now_s ? CERTIFICATE_OVER : CERTIFICATE_GOOD;
}

/* ---- looking ---- */

/* What the file's first certificate says of itself, and that the key is its own. */
static int look(struct certificate *c, struct err *err)
{
	gnutls_certificate_credentials_t cred = NULL;
	gnutls_x509_crt_t *crts = NULL;
	unsigned n = 0;
	uint8_t print[32];
	size_t print_n = sizeof print;
	gnutls_datum_t cert = { (unsigned char *)c->cert.text, (unsigned)c->cert.n };
	gnutls_datum_t key = { (unsigned char *)c->key.text, (unsigned)c->key.n };
	int rc = gnutls_certificate_allocate_credentials(&cred);
	if (rc >= 0)
		rc = gnutls_certificate_set_x509_key_mem2(cred, &cert, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc >= 0)
		rc = gnutls_x509_crt_list_import2(&crts, &n, &cert, GNUTLS_X509_FMT_PEM, 0);
	if (rc >= 0 && n)
		rc = gnutls_x509_crt_get_fingerprint(crts[0], GNUTLS_DIG_SHA256, print, &print_n);
	if (rc >= 0 && n) {
		c->ends_s = gnutls_x509_crt_get_expiration_time(crts[0]);
		for (size_t i = 0; i < sizeof print; i++)
			snprintf(c->print + 2 * i, 3, "%02x", print[i]);
	}
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(crts[i]);
	gnutls_free(crts);
	if (cred)
		gnutls_certificate_free_credentials(cred);
	if (rc < 0 || !n)
		return err_set(err, -1, "%s", rc < 0 ? gnutls_strerror(rc) : "no certificate");
	return 0;
}

/* ---- making ---- */

static int set_names(gnutls_x509_crt_t crt, const struct keys_hosts *hosts)
{
	int rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "sakimori", 8);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "sakimori console", 16);
	for (size_t i = 0; rc >= 0 && i < hosts->n; i++) {
		const char *host = hosts->v[i];
		uint8_t ip[16];
		unsigned n = inet_pton(AF_INET, host, ip) == 1 ? 4 : inet_pton(AF_INET6, host, ip) == 1 ? 16 : 0;
		rc = n ? gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, n, GNUTLS_FSAN_APPEND)
		       : gnutls_x509_crt_set_subject_alt_name(
				 crt, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
	}
	return rc;
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const struct certificate_want *w)
{
	uint8_t serial[16], id[20];
	size_t id_n = sizeof id;
	int rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and as long as it looks */
	if (rc >= 0)
		rc = gnutls_x509_crt_set_version(crt, 3);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
	if (rc >= 0)
		rc = set_names(crt, w->hosts);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_activation_time(crt, (time_t)(w->now_s - BACK_S));
	if (rc >= 0)
		rc = gnutls_x509_crt_set_expiration_time(crt, (time_t)(w->now_s + (int64_t)CERTIFICATE_DAYS * 86400));
	if (rc >= 0)
		rc = gnutls_x509_crt_set_key(crt, key);
	if (rc >= 0)
		rc = gnutls_x509_crt_get_key_id(crt, 0, id, &id_n);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_subject_key_id(crt, id, id_n);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	return rc < 0 ? rc : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static int make(struct certificate *c, const struct certificate_want *w, struct err *err)
{
	gnutls_x509_crt_t crt = NULL;
	gnutls_x509_privkey_t key = NULL;
	gnutls_datum_t cert_pem = { 0 }, key_pem = { 0 };
	int rc = gnutls_x509_crt_init(&crt);
	if (rc >= 0)
		rc = gnutls_x509_privkey_init(&key);
	if (rc >= 0)
		rc = gnutls_x509_privkey_generate(
			key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (rc >= 0)
		rc = fill(crt, key, w);
	if (rc >= 0)
		rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &cert_pem);
	if (rc >= 0)
		rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key_pem);
	if (rc >= 0) {
		certificate_free(c);
		keyfile_add(&c->cert, (char *)cert_pem.data, cert_pem.size);
		keyfile_add(&c->key, (char *)key_pem.data, key_pem.size);
	}
	if (key_pem.data)
		explicit_bzero(key_pem.data, key_pem.size);
	gnutls_free(key_pem.data);
	gnutls_free(cert_pem.data);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return rc < 0 ? err_set(err, -1, "can't make a certificate: %s", gnutls_strerror(rc)) : 0;
}

/* ---- files ---- */

static int read_given(const char *path, struct keys_pem *out, struct err *err)
{
	char buf[4096];
	struct stat st;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= KEYS_FILE_MAX;
	while (good && out->n <= KEYS_FILE_MAX && (n = read(fd, buf, sizeof buf)) > 0)
		keyfile_add(out, buf, (size_t)n);
	explicit_bzero(buf, sizeof buf);
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (fd < 0 || n < 0)
		return err_set(err, -1, "console.tls: %s: %s", path, strerror(why));
	return good && out->n ? 0 : err_set(err, -1, "console.tls: %s is no PEM file", path);
}

static int given(struct certificate *out, const struct certificate_want *w, struct err *err)
{
	if (read_given(w->certificate, &out->cert, err) < 0 || read_given(w->key, &out->key, err) < 0)
		return -1;
	return look(out, err) < 0 ? err_prefix(err, -1, "console.tls: %s, %s", w->certificate, w->key) : 0;
}

/* The key first: a certificate without its key is made anew. */
static int keep(int dir, const struct certificate *c, struct err *err)
{
	struct bytes key = { (const uint8_t *)c->key.text, c->key.n },
		     cert = { (const uint8_t *)c->cert.text, c->cert.n };
	return keyfile_write(dir, "key.pem", key, err) < 0 || keyfile_write(dir, "cert.pem", cert, err) < 0 ? -1 : 0;
}

static int ours(struct certificate *out, int dir, const struct certificate_want *w, struct err *err)
{
	struct err unread = { "" };
	bool there = keyfile_read(dir, "cert.pem", &out->cert, &unread) == 0 &&
		     keyfile_read(dir, "key.pem", &out->key, &unread) == 0 && look(out, &unread) == 0;
	out->own = true;
	if (there && certificate_state(out, w->now_s) == CERTIFICATE_GOOD)
		return 0;
	if (make(out, w, err) < 0 || keep(dir, out, err) < 0)
		return -1;
	out->own = out->made = true;
	return look(out, err);
}

int certificate_load(struct certificate *out, const struct certificate_want *w, struct err *err)
{
	*out = (struct certificate){ 0 };
	if (w->certificate) {
		if (given(out, w, err) == 0)
			return 0;
		certificate_free(out);
		return -1;
	}
	int store = open(w->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int dir = store >= 0 ? keyfile_dir(store, DIRECTORY, true, err) : -1;
	int lock = dir >= 0 ? keyfile_lock(dir, err) : -1, r = -1;
	if (store < 0)
		err_set(err, -1, "%s: %s", w->store, strerror(errno));
	if (lock >= 0)
		r = ours(out, dir, w, err);
	if (lock >= 0)
		close(lock);
	if (dir >= 0)
		close(dir);
	if (store >= 0)
		close(store);
	if (r < 0)
		certificate_free(out);
	return r;
}
