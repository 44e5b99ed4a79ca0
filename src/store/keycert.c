// SPDX-License-Identifier: Apache-2.0
#include "store/keycert.h"

#include "base/random.h"
#include "base/text.h"
#include "base/zone.h"
#include "store/keyfile.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <time.h>

#define DAY	86400
#define SERIAL	(KEYS_SERIAL_HEX / 2)
#define RETIRED "Sakimori-Retired: "
#define REVOKED "Sakimori-Revoked: "

/* What each kind's certificate is. A sensor's clock may be behind: TLS certificates are valid from a day before. */
static const struct keycert_rule {
	const char *common_name;
	gnutls_pk_algorithm_t algorithm;
	unsigned usage;
	const char *purpose; /* extended key usage, NULL: none */
	int days, before_s;
} rules[KEYS_KIND_N] = {
	[KEYS_CA] = { "sakimori sensors", GNUTLS_PK_ECDSA, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN, NULL, 3650,
		DAY },
	[KEYS_COLLECT] = { "sakimori collect", GNUTLS_PK_ECDSA, GNUTLS_KEY_DIGITAL_SIGNATURE, GNUTLS_KP_TLS_WWW_SERVER,
		825, DAY },
	[KEYS_CONSOLE] = { "sakimori console", GNUTLS_PK_ECDSA, GNUTLS_KEY_DIGITAL_SIGNATURE, GNUTLS_KP_TLS_WWW_SERVER,
		825, DAY },
	[KEYS_EVIDENCE] = { "sakimori evidence", GNUTLS_PK_EDDSA_ED25519, GNUTLS_KEY_DIGITAL_SIGNATURE, NULL, 1826, 0 },
	[KEYS_POLICY] = { "sakimori policy", GNUTLS_PK_EDDSA_ED25519, GNUTLS_KEY_DIGITAL_SIGNATURE, NULL, 1826, 0 },
	[KEYS_SENSOR] = { NULL, GNUTLS_PK_ECDSA, GNUTLS_KEY_DIGITAL_SIGNATURE, GNUTLS_KP_TLS_WWW_CLIENT, 825, DAY },
};

static int refused(struct err *err, const char *doing, int rc)
{
	return err_set(err, -KEYS_CRYPTO, "%s: %s", doing, gnutls_strerror(rc));
}

void keycert_free(struct keycert *c)
{
	if (c->crt)
		gnutls_x509_crt_deinit(c->crt);
	if (c->key)
		gnutls_x509_privkey_deinit(c->key);
	*c = (struct keycert){ 0 };
}

void keycert_hex(char *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
	out[2 * n] = '\0';
}

/* ---- making ---- */

static int set_names(gnutls_x509_crt_t crt, const struct keycert_want *want, const char *name)
{
	int rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "sakimori", 8);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	for (size_t i = 0; rc >= 0 && want->hosts && i < want->hosts->n; i++) {
		const char *host = want->hosts->v[i];
		uint8_t ip[16];
		unsigned n = inet_pton(AF_INET, host, ip) == 1 ? 4 : inet_pton(AF_INET6, host, ip) == 1 ? 16 : 0;
		rc = n ? gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, n, GNUTLS_FSAN_APPEND)
		       : gnutls_x509_crt_set_subject_alt_name(
				 crt, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
	}
	return rc;
}

static int set_key_ids(gnutls_x509_crt_t crt, const struct keycert *issuer)
{
	uint8_t own[20], above[64];
	size_t own_n = sizeof own, above_n = sizeof above;
	int rc = gnutls_x509_crt_get_key_id(crt, 0, own, &own_n);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_subject_key_id(crt, own, own_n);
	if (rc < 0)
		return rc;
	if (!issuer)
		return gnutls_x509_crt_set_authority_key_id(crt, own, own_n);
	rc = gnutls_x509_crt_get_subject_key_id(issuer->crt, above, &above_n, NULL);
	return rc < 0 ? rc : gnutls_x509_crt_set_authority_key_id(crt, above, above_n);
}

static int set_dates(gnutls_x509_crt_t crt, const struct keycert_want *want, const struct keycert_rule *rule)
{
	time_t end = (time_t)(want->now_s + (int64_t)rule->days * DAY);
	/* Nothing outlives its authority: verifiers would refuse it anyway. */
	if (want->issuer && end > gnutls_x509_crt_get_expiration_time(want->issuer->crt))
		end = gnutls_x509_crt_get_expiration_time(want->issuer->crt);
	int rc = gnutls_x509_crt_set_activation_time(crt, (time_t)want->now_s - rule->before_s);
	return rc < 0 ? rc : gnutls_x509_crt_set_expiration_time(crt, end);
}

static int set_rest(gnutls_x509_crt_t crt, const struct keycert_want *want, const struct keycert_rule *rule)
{
	uint8_t serial[SERIAL];
	int rc = gnutls_rnd(GNUTLS_RND_KEY, serial, sizeof serial);
	/* Positive and always of the same length. */
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_version(crt, 3);
	if (rc >= 0)
		rc = want->kind == KEYS_CA ? gnutls_x509_crt_set_basic_constraints(crt, 1, 0)
					   : gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_key_usage(crt, rule->usage);
	if (rc >= 0 && rule->purpose)
		rc = gnutls_x509_crt_set_key_purpose_oid(crt, rule->purpose, 0);
	return rc < 0 ? rc : set_dates(crt, want, rule);
}

/* A private key as the abstract kind that signs. */
static int signer(gnutls_x509_privkey_t key, gnutls_privkey_t *out)
{
	int rc = gnutls_privkey_init(out);
	if (rc >= 0 && (rc = gnutls_privkey_import_x509(*out, key, 0)) < 0)
		gnutls_privkey_deinit(*out);
	return rc;
}

static gnutls_digest_algorithm_t digest_of(gnutls_x509_privkey_t key)
{
	return gnutls_x509_privkey_get_pk_algorithm(key) == GNUTLS_PK_EDDSA_ED25519 ? GNUTLS_DIG_SHA512
										    : GNUTLS_DIG_SHA256;
}

static int sign_certificate(const struct keycert *issuer, gnutls_x509_crt_t crt)
{
	gnutls_privkey_t key;
	int rc = signer(issuer->key, &key);
	if (rc < 0)
		return rc;
	rc = gnutls_x509_crt_privkey_sign(crt, issuer->crt, key, digest_of(issuer->key), 0);
	gnutls_privkey_deinit(key);
	return rc;
}

/* Each authority has a name of its own: verifiers find authority and revocation list by name alone. */
static void common_name(char out[KEYS_NAME_MAX + 1], const struct keycert_want *want)
{
	if (want->kind == KEYS_CA)
		snprintf(out, KEYS_NAME_MAX + 1, "%s %08x", rules[want->kind].common_name, (unsigned)random_key());
	else
		snprintf(out, KEYS_NAME_MAX + 1, "%s", want->name ? want->name : rules[want->kind].common_name);
}

int keycert_make(const struct keycert_want *want, struct keycert *out, struct err *err)
{
	const struct keycert_rule *rule = &rules[want->kind];
	char name[KEYS_NAME_MAX + 1];
	*out = (struct keycert){ 0 };
	common_name(name, want);
	int rc = gnutls_x509_privkey_init(&out->key);
	if (rc >= 0)
		rc = gnutls_x509_privkey_generate(out->key, rule->algorithm,
			rule->algorithm == GNUTLS_PK_ECDSA ? GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) : 0, 0);
	if (rc >= 0)
		rc = gnutls_x509_crt_init(&out->crt);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_key(out->crt, out->key);
	if (rc >= 0)
		rc = set_names(out->crt, want, name);
	if (rc >= 0)
		rc = set_rest(out->crt, want, rule);
	if (rc >= 0)
		rc = set_key_ids(out->crt, want->issuer);
	if (rc >= 0)
		rc = sign_certificate(want->issuer ? want->issuer : out, out->crt);
	if (rc >= 0)
		return 0;
	keycert_free(out);
	return refused(err, "can't make a certificate", rc);
}

/* ---- reading and writing ---- */

/* The time of a mark in the text before the first PEM block. */
static int64_t mark(struct bytes pem, const char *word)
{
	const char *text = (const char *)pem.p, *end = memmem(text, pem.n, "-----BEGIN", 10);
	const char *at = end ? memmem(text, (size_t)(end - text), word, strlen(word)) : NULL;
	char time[TEXT_TIME_MAX];
	int64_t ns;
	if (!at)
		return 0;
	at += strlen(word);
	size_t n = 0;
	while (n < sizeof time - 1 && at + n < end && at[n] != '\n')
		n++;
	memcpy(time, at, n);
	time[n] = '\0';
	/* A mark that can't be read counts from the beginning of time. */
	return zone_parse(time, &ns) || ns < 1000000000 ? 1 : ns / 1000000000;
}

int keycert_read(struct bytes pem, const char *what, struct keycert *out, struct err *err)
{
	gnutls_datum_t data = { (unsigned char *)pem.p, (unsigned)pem.n };
	*out = (struct keycert){ .retired_s = mark(pem, RETIRED), .revoked_s = mark(pem, REVOKED) };
	int rc = gnutls_x509_crt_init(&out->crt);
	if (rc >= 0)
		rc = gnutls_x509_crt_import(out->crt, &data, GNUTLS_X509_FMT_PEM);
	if (rc >= 0 && memmem(pem.p, pem.n, "PRIVATE KEY", 11)) {
		rc = gnutls_x509_privkey_init(&out->key);
		if (rc >= 0)
			rc = gnutls_x509_privkey_import(out->key, &data, GNUTLS_X509_FMT_PEM);
	}
	if (rc >= 0)
		return 0;
	keycert_free(out);
	return err_set(err, -KEYS_BAD, "%s: %s", what, gnutls_strerror(rc));
}

static void add_mark(struct keys_pem *out, const char *word, int64_t s)
{
	char time[TEXT_TIME_MAX], line[TEXT_TIME_MAX + 32];
	if (!s)
		return;
	text_time(time, s * 1000000000);
	int n = snprintf(line, sizeof line, "%s%.19sZ\n", word, time);
	keyfile_add(out, line, (size_t)n);
}

static int add_public(const struct keycert *c, gnutls_datum_t *out)
{
	gnutls_pubkey_t key;
	int rc = gnutls_pubkey_init(&key);
	if (rc < 0)
		return rc;
	rc = gnutls_pubkey_import_x509(key, c->crt, 0);
	if (rc >= 0)
		rc = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_PEM, out);
	gnutls_pubkey_deinit(key);
	return rc;
}

static void take(struct keys_pem *out, gnutls_datum_t *data)
{
	keyfile_add(out, (const char *)data->data, data->size);
	explicit_bzero(data->data, data->size);
	gnutls_free(data->data);
	data->data = NULL;
}

int keycert_write(const struct keycert *c, unsigned parts, struct keys_pem *out, struct err *err)
{
	gnutls_datum_t data = { NULL, 0 };
	int rc = 0;
	if (parts & KEYCERT_MARKS) {
		add_mark(out, RETIRED, c->retired_s);
		add_mark(out, REVOKED, c->revoked_s);
	}
	if (parts & KEYCERT_CERTIFICATE && (rc = gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_PEM, &data)) >= 0)
		take(out, &data);
	if (rc >= 0 && parts & KEYCERT_KEY && c->key &&
		(rc = gnutls_x509_privkey_export2_pkcs8(c->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &data)) >=
			0)
		take(out, &data);
	if (rc >= 0 && parts & KEYCERT_PUBLIC && (rc = add_public(c, &data)) >= 0)
		take(out, &data);
	return rc < 0 ? refused(err, "can't write a key", rc) : 0;
}

int keycert_info(const struct keycert *c, struct keys_info *out, struct err *err)
{
	uint8_t bytes[64];
	size_t n = sizeof out->name;
	int rc = gnutls_x509_crt_get_dn_by_oid(c->crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out->name, &n);
	if (rc == GNUTLS_E_SHORT_MEMORY_BUFFER || rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
		out->name[0] = '\0';
		rc = 0;
	}
	n = SERIAL;
	if (rc >= 0)
		rc = gnutls_x509_crt_get_serial(c->crt, bytes, &n);
	if (rc >= 0)
		keycert_hex(out->serial, bytes, n);
	n = sizeof bytes;
	if (rc >= 0)
		rc = gnutls_x509_crt_get_key_id(c->crt, GNUTLS_KEYID_USE_SHA256, bytes, &n);
	if (rc < 0)
		return err_set(err, -KEYS_BAD, "a certificate that is none of ours: %s", gnutls_strerror(rc));
	keycert_hex(out->id, bytes, 32);
	out->from_s = gnutls_x509_crt_get_activation_time(c->crt);
	out->to_s = gnutls_x509_crt_get_expiration_time(c->crt);
	out->retired_s = c->retired_s;
	out->revoked_s = c->revoked_s;
	return 0;
}

void keycert_hosts(const struct keycert *c, struct keys_hosts *out)
{
	out->n = 0;
	for (unsigned i = 0; out->n < KEYS_HOSTS_MAX; i++) {
		char name[KEYS_HOST_SIZE];
		size_t n = sizeof name - 1;
		int type = gnutls_x509_crt_get_subject_alt_name(c->crt, i, name, &n, NULL);
		if (type < 0)
			break;
		name[n < sizeof name ? n : sizeof name - 1] = '\0';
		char *to = out->v[out->n];
		if (type == GNUTLS_SAN_DNSNAME)
			memcpy(to, name, sizeof name);
		else if (type != GNUTLS_SAN_IPADDRESS ||
			 !inet_ntop(n == 4 ? AF_INET : AF_INET6, name, to, KEYS_HOST_SIZE))
			continue;
		out->n++;
	}
}

/* ---- revocation, signatures ---- */

bool keycert_issued(const struct keycert *authority, const struct keycert *c)
{
	uint8_t a[64], b[64];
	size_t an = sizeof a, bn = sizeof b;
	return gnutls_x509_crt_get_subject_key_id(authority->crt, a, &an, NULL) >= 0 &&
	       gnutls_x509_crt_get_authority_key_id(c->crt, b, &bn, NULL) >= 0 && an == bn && memcmp(a, b, an) == 0;
}

static int fill_crl(gnutls_x509_crl_t crl, const struct keycert *authority, const struct keycert *const *revoked,
	size_t n, int64_t now_s)
{
	uint8_t id[64], number[8];
	size_t id_n = sizeof id;
	int rc = gnutls_x509_crl_set_version(crl, 2);
	if (rc >= 0)
		rc = gnutls_x509_crl_set_this_update(crl, (time_t)now_s - DAY);
	if (rc >= 0)
		rc = gnutls_x509_crl_set_next_update(crl, gnutls_x509_crt_get_expiration_time(authority->crt));
	for (size_t i = 0; rc >= 0 && i < n; i++)
		rc = gnutls_x509_crl_set_crt(crl, revoked[i]->crt, (time_t)revoked[i]->revoked_s);
	if (rc >= 0)
		rc = gnutls_x509_crt_get_subject_key_id(authority->crt, id, &id_n, NULL);
	if (rc >= 0)
		rc = gnutls_x509_crl_set_authority_key_id(crl, id, id_n);
	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)((uint64_t)now_s >> (56 - 8 * i));
	return rc < 0 ? rc : gnutls_x509_crl_set_number(crl, number, sizeof number);
}

int keycert_crl(const struct keycert *authority, const struct keycert *const *revoked, size_t n, int64_t now_s,
	struct keys_pem *out, struct err *err)
{
	gnutls_x509_crl_t crl;
	gnutls_privkey_t key;
	gnutls_datum_t data = { NULL, 0 };
	int rc = gnutls_x509_crl_init(&crl);
	if (rc < 0)
		return refused(err, "can't make a revocation list", rc);
	rc = fill_crl(crl, authority, revoked, n, now_s);
	if (rc >= 0 && (rc = signer(authority->key, &key)) >= 0) {
		rc = gnutls_x509_crl_privkey_sign(crl, authority->crt, key, digest_of(authority->key), 0);
		gnutls_privkey_deinit(key);
	}
	if (rc >= 0 && (rc = gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &data)) >= 0)
		take(out, &data);
	gnutls_x509_crl_deinit(crl);
	return rc < 0 ? refused(err, "can't make a revocation list", rc) : 0;
}

int keycert_sign(const struct keycert *c, struct bytes data, uint8_t signature[KEYS_SIGNATURE], struct err *err)
{
	gnutls_privkey_t key;
	gnutls_datum_t in = { (unsigned char *)data.p, (unsigned)data.n }, out = { NULL, 0 };
	if (!c->key)
		return err_set(err, -KEYS_ABSENT, "the private key is missing");
	int rc = signer(c->key, &key);
	if (rc < 0)
		return refused(err, "can't sign", rc);
	rc = gnutls_privkey_sign_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &in, &out);
	gnutls_privkey_deinit(key);
	if (rc >= 0 && out.size == KEYS_SIGNATURE)
		memcpy(signature, out.data, KEYS_SIGNATURE);
	else if (rc >= 0)
		rc = GNUTLS_E_INTERNAL_ERROR;
	gnutls_free(out.data);
	return rc < 0 ? refused(err, "can't sign", rc) : 0;
}

static int read_public(struct bytes pem, gnutls_pubkey_t key)
{
	gnutls_datum_t data = { (unsigned char *)pem.p, (unsigned)pem.n };
	gnutls_x509_crt_t crt;
	if (!memmem(pem.p, pem.n, "BEGIN CERTIFICATE", 17))
		return gnutls_pubkey_import(key, &data, GNUTLS_X509_FMT_PEM);
	int rc = gnutls_x509_crt_init(&crt);
	if (rc < 0)
		return rc;
	rc = gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_PEM);
	if (rc >= 0)
		rc = gnutls_pubkey_import_x509(key, crt, 0);
	gnutls_x509_crt_deinit(crt);
	return rc;
}

int keys_verify(struct bytes public_pem, struct bytes data, struct bytes signature, char id[65], struct err *err)
{
	gnutls_pubkey_t key;
	gnutls_datum_t in = { (unsigned char *)data.p, (unsigned)data.n },
		       sig = { (unsigned char *)signature.p, (unsigned)signature.n };
	uint8_t digest[64];
	size_t n = sizeof digest;
	id[0] = '\0';
	if (public_pem.n > KEYS_FILE_MAX || data.n > UINT32_MAX || signature.n > KEYS_FILE_MAX)
		return err_set(err, -KEYS_BAD, "too long for a key");
	int rc = gnutls_pubkey_init(&key);
	if (rc < 0)
		return refused(err, "can't read a key", rc);
	rc = read_public(public_pem, key);
	if (rc >= 0)
		rc = gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, digest, &n);
	if (rc < 0)
		rc = err_set(err, -KEYS_BAD, "no public key in PEM: %s", gnutls_strerror(rc));
	else if (keycert_hex(id, digest, 32), gnutls_pubkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_EDDSA_ED25519)
		rc = err_set(err, -KEYS_BAD, "the key is no Ed25519 key");
	else if (gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &in, &sig) < 0)
		rc = err_set(err, -KEYS_CRYPTO, "the signature doesn't fit");
	gnutls_pubkey_deinit(key);
	return rc < 0 ? rc : 0;
}
