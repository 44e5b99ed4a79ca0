// SPDX-License-Identifier: Apache-2.0
/*
 * The console's certificate: the one that the configuration names, else STORE/console/{cert,key}.pem, made at the first
 * start (ECDSA P-256, a year, signed by itself) and made anew when less than CERTIFICATE_RENEW_S of it is left.
 * Privileged: before the role gives its rights away.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"
#include "store/keys.h"

#define CERTIFICATE_DAYS    365
#define CERTIFICATE_RENEW_S (30 * 86400)

struct certificate {
	struct keys_pem cert, key; /* PEM */
	char print[65];		   /* SHA-256 of the certificate, hex */
	int64_t ends_s;		   /* since 1970 */
	bool own;		   /* made by us: renewed by us */
	bool made;		   /* just now */
};

struct certificate_want {
	const char *certificate, *key; /* files; NULL: our own */
	const char *store;
	const struct keys_hosts *hosts; /* names of our own */
	int64_t now_s;
};

/* Returns 0, or -1 with the reason: unreadable, not a pair, another host's names are not looked at. */
int certificate_load(struct certificate *out, const struct certificate_want *w, struct err *err) NODISCARD;
void certificate_free(struct certificate *c);

/* The texts alone: the server has read them. */
void certificate_forget(struct certificate *c);

enum certificate_state { CERTIFICATE_GOOD, CERTIFICATE_RENEW, CERTIFICATE_OVER };

/* RENEW: our own, time to begin anew; OVER: a given one that nobody replaced. */
enum certificate_state certificate_state(const struct certificate *c, int64_t now_s);
