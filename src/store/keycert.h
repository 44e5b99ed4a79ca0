// SPDX-License-Identifier: Apache-2.0
/*
 * Certificates, private keys and revocation lists by GnuTLS (RFC 5280, RFC 8410), in memory. For use by store/keys.c
 * alone. Functions return 0 or a negative keys_error.
 */
#pragma once
#include "store/keys.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>

/* A certificate with its private key when that is known, and what the text before it says. */
struct keycert {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;    /* NULL: unknown */
	int64_t retired_s, revoked_s; /* 0: not */
};
void keycert_free(struct keycert *c);

struct keycert_want {
	enum keys_kind kind;
	const char *name; /* common name of a sensor; NULL: the kind's */
	int64_t now_s;
	const struct keys_hosts *hosts; /* of servers */
	const struct keycert *issuer;	/* NULL: signs itself */
};
int keycert_make(const struct keycert_want *want, struct keycert *out, struct err *err) NODISCARD;

/* `what` names the file in errors. */
int keycert_read(struct bytes pem, const char *what, struct keycert *out, struct err *err) NODISCARD;

enum keycert_part { KEYCERT_MARKS = 1, KEYCERT_CERTIFICATE = 2, KEYCERT_KEY = 4, KEYCERT_PUBLIC = 8 };

/* Appends the parts (bits), in this order, as PEM. A key that isn't known is left out. */
int keycert_write(const struct keycert *c, unsigned parts, struct keys_pem *out, struct err *err) NODISCARD;

/* Name, serial, id, dates; kind and state stay the caller's. */
int keycert_info(const struct keycert *c, struct keys_info *out, struct err *err) NODISCARD;

/* The names and addresses of a server certificate; n 0 when it has none. */
void keycert_hosts(const struct keycert *c, struct keys_hosts *out);

/* Was `c` issued by this authority? By its key, not by its name. */
bool keycert_issued(const struct keycert *authority, const struct keycert *c);

/* Appends the authority's revocation list of `n` certificates, as PEM. It is valid as long as the authority. */
int keycert_crl(const struct keycert *authority, const struct keycert *const *revoked, size_t n, int64_t now_s,
	struct keys_pem *out, struct err *err) NODISCARD;

/* Ed25519. */
int keycert_sign(
	const struct keycert *c, struct bytes data, uint8_t signature[KEYS_SIGNATURE], struct err *err) NODISCARD;

void keycert_hex(char *out, const uint8_t *p, size_t n); /* 2n digits and a NUL */
