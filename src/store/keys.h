// SPDX-License-Identifier: Apache-2.0
/*
 * The keys of one installation, in STORE/keys (0700, files 0600): the one place that makes, lists, rotates and revokes
 * them. What each is for and what is lost with it: docs/keys.md.
 *
 * Files (PEM with lines of text before it, RFC 7468 section 2; openssl reads them all):
 *	KIND.pem		the current certificate and its private key
 *	KIND-SERIAL.pem		a retired one: certificate with "Sakimori-Retired: TIME", no private key (but a retired
 *				authority keeps it: it still has to sign its revocation list)
 *	sensors/NAME-SERIAL.pem	certificates issued to sensors; their private keys are in the bundle alone
 *	crl.pem, trust.pem	the revocation lists (RFC 5280 section 5), one an authority, and the authorities that
 *				are trusted; both made from the files above
 * "Sakimori-Revoked: TIME" marks what was revoked. Each change is one rename, synced with its directory: a process that
 * is killed leaves the state before or after it, keys_make() mends what is derived.
 *
 * Evidence and policy keys are Ed25519 (RFC 8032, RFC 8410) in a certificate that they signed themselves, so that they
 * have dates like all others; TLS keys are ECDSA P-256. Serial numbers are 128 random bits.
 *
 * Secrets: a private key is in memory only inside a struct keys_pem, which is kept out of core dumps and wiped by
 * keys_pem_free(); it is never part of an error's text. A process that loads one should call keys_guard() first.
 *
 * All functions return 0 or more, or a negative enum keys_error with a reason in `err`.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

enum keys_error {
	KEYS_IO = 1, /* a file could not be read or written */
	KEYS_OPEN,   /* others could read or change the keys: directory or file has wrong owner or mode */
	KEYS_ABSENT, /* no such key, no such certificate */
	KEYS_BAD,    /* a file is no key, or a name is none */
	KEYS_BUSY,   /* another process changes keys */
	KEYS_CRYPTO, /* the library refused */
	KEYS_LIMIT,  /* too many files */
};

enum keys_kind { KEYS_CA, KEYS_COLLECT, KEYS_CONSOLE, KEYS_EVIDENCE, KEYS_POLICY, KEYS_SENSOR, KEYS_KIND_N };

const char *keys_kind_name(enum keys_kind kind); /* "ca", "collect" .. */
int keys_kind_parse(const char *text, enum keys_kind *out) NODISCARD;

#define KEYS_FILES_MAX	4096  /* of one directory; more is told as KEYS_LIMIT */
#define KEYS_FILE_MAX	65536 /* octets of a file */
#define KEYS_HOSTS_MAX	16    /* names and addresses of a server certificate */
#define KEYS_HOST_SIZE	256
#define KEYS_NAME_MAX	63 /* of a sensor: A-Z a-z 0-9 . _ -, beginning with a letter or digit */
#define KEYS_SERIAL_HEX 32
#define KEYS_SIGNATURE	64 /* octets of an Ed25519 signature */

/* PEM text with a NUL behind it, in memory of its own that no core dump shows. */
struct keys_pem {
	char *text;
	size_t n, room;
};
void keys_pem_free(struct keys_pem *p);

/* No core dump, no ptrace of this process by its own user. For good. */
void keys_guard(void);

struct keys; /* opaque */

enum keys_mode { KEYS_READ, KEYS_WRITE };

/*
 * Opens STORE/keys; for writing makes both directories when they are absent and waits up to 5 s for the lock.
 * -KEYS_OPEN when the directory isn't the caller's own or is open to others. `now_s`: seconds since 1970, for validity
 * dates and states. NULL with the reason in `*code` (may be NULL) and `err`.
 */
struct keys *keys_open(const char *store, enum keys_mode mode, int64_t now_s, int *code, struct err *err) NODISCARD;
void keys_close(struct keys *k);

/* Names and addresses for server certificates. NULL or n 0: those of the certificate before, else the host's name and
 * localhost. */
struct keys_hosts {
	char v[KEYS_HOSTS_MAX][KEYS_HOST_SIZE];
	size_t n;
};

/* ---- changing ---- */

/* Makes every kind that is missing, and the revocation lists. Returns how many keys were made. */
int keys_make(struct keys *k, const struct keys_hosts *hosts, struct err *err) NODISCARD;

/*
 * A new key takes the place of the current one, which is retired: its signatures stay good. A new authority doesn't
 * change what the old one issued: see docs/keys.md for the order. Not for sensors: issue again.
 */
int keys_rotate(struct keys *k, enum keys_kind kind, const struct keys_hosts *hosts, struct err *err) NODISCARD;

/*
 * Sensors: revokes the certificates of that name (with `serial` only that one). Other kinds: the current key is retired
 * as revoked and a new one made, or with `serial` that retired one is marked; `name` is NULL. Returns how many were
 * newly revoked; -KEYS_ABSENT when there is no such.
 */
int keys_revoke(struct keys *k, enum keys_kind kind, const char *name, const char *serial, struct err *err) NODISCARD;

/* What a sensor needs to forward: the authorities to trust, its certificate, its key. */
struct keys_bundle {
	struct keys_pem ca, certificate, key;
	char serial[KEYS_SERIAL_HEX + 1];
};

/* Issues a client certificate (common name NAME) with a new key. Earlier ones stay good until revoked. */
int keys_issue(struct keys *k, const char *name, struct keys_bundle *out, struct err *err) NODISCARD;
void keys_bundle_free(struct keys_bundle *b);

/* ---- using ---- */

enum keys_state { KEYS_CURRENT, KEYS_RETIRED, KEYS_EXPIRED, KEYS_REVOKED };
const char *keys_state_name(enum keys_state state);

struct keys_info {
	enum keys_kind kind;
	char name[KEYS_NAME_MAX + 1];	  /* of the sensor, else the kind */
	char serial[KEYS_SERIAL_HEX + 1]; /* hex */
	char id[65];			  /* SHA-256 of the public key (SubjectPublicKeyInfo, DER), hex */
	int64_t from_s, to_s;		  /* validity */
	int64_t retired_s, revoked_s;	  /* 0: not */
	enum keys_state state;
	bool soon; /* current and near its end (30 days, an authority 180) */
};

/* All keys by kind, name, from. `fn` returns 0 to go on. Returns what fn returned last. */
int keys_each(struct keys *k, int (*fn)(void *arg, const struct keys_info *), void *arg, struct err *err) NODISCARD;

/* The current certificate and private key of a kind; `key` may be NULL. */
int keys_load(struct keys *k, enum keys_kind kind, struct keys_pem *certificate, struct keys_pem *key,
	struct err *err) NODISCARD;

/* Certificates (serial NULL: the current one) without any private key, for showing. `name` for sensors. */
int keys_show(struct keys *k, enum keys_kind kind, const char *name, const char *serial, struct keys_pem *out,
	struct err *err) NODISCARD;

/* The authorities that are neither revoked nor expired: what collect trusts its clients by. */
int keys_trust(struct keys *k, struct keys_pem *out, struct err *err) NODISCARD;

/* The revocation lists, one an authority; never empty. */
int keys_crl(struct keys *k, struct keys_pem *out, struct err *err) NODISCARD;

/* The public key ("BEGIN PUBLIC KEY") and its id; of evidence and policy, current. */
int keys_public(struct keys *k, enum keys_kind kind, struct keys_pem *out, char id[65], struct err *err) NODISCARD;

/* Signs with the current Ed25519 key of evidence or policy. */
int keys_sign(struct keys *k, enum keys_kind kind, struct bytes data, uint8_t signature[KEYS_SIGNATURE],
	struct err *err) NODISCARD;

/* ---- without a store ---- */

/* Does the Ed25519 public key (PEM: public key or certificate) have signed this? 0; -KEYS_CRYPTO: no; -KEYS_BAD: no
 * such key. `id` as in keys_info, set when the key could be read. */
int keys_verify(
	struct bytes public_pem, struct bytes data, struct bytes signature, char id[65], struct err *err) NODISCARD;

/* Reads the public part's dates and names of one certificate in PEM. */
int keys_describe(struct bytes pem, struct keys_info *out, struct err *err) NODISCARD;
