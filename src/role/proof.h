// SPDX-License-Identifier: Apache-2.0
/*
 * What proves who somebody is: passwords as argon2id (RFC 9106) with the parameters that OWASP asks for (19 MiB, two
 * passes), session and interface tokens of 256 random bits, of which SHA-256 alone is kept. By libsodium. Any thread.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"
#include "model/user.h"

#define PROOF_KEY	43 /* characters of base64url: 32 octets */
#define PROOF_TOKEN_MAX 72 /* "sak_" ID "_" KEY and NUL */
#define PROOF_ONCE	24 /* 20 characters in groups of five, and NUL */
#define PROOF_SHA	32

#define PROOF_PASSWORD_MIN 12  /* characters */
#define PROOF_PASSWORD_MAX 256 /* characters; each may have four octets */

/* A hash that no password has: of a password that was good for one login, and had it. */
#define PROOF_NONE "!"

/* Once a process, before the others. Ends the process when there is no randomness. */
void proof_init(void);

/* One is reckoned at a time, whoever asks: memory stays bounded. -1: no memory. */
int proof_password(char out[sizeof((struct credential *)0)->hash], const char *password, struct err *err) NODISCARD;

/* Takes as long for a `hash` that is NULL or none: then it is always false. */
bool proof_password_is(const char *hash, const char *password);

/* Why this can't be the user's new password, a sentence; NULL: it can. */
const char *proof_password_fault(const char *user, const char *password);

/* 256 random bits. */
void proof_key(char out[PROOF_KEY + 1]);

/* 100 random bits that people can read to each other: no 0, 1, i, l, o. */
void proof_once(char out[PROOF_ONCE]);

/* A new interface token: its id and the whole of it. */
void proof_token(char id[sizeof((struct token *)0)->id], char out[PROOF_TOKEN_MAX]);

/* The id in a token; -1: it has not the form of one. */
int proof_token_id(const char *token, char id[sizeof((struct token *)0)->id]) NODISCARD;

void proof_sha(uint8_t out[PROOF_SHA], const char *text);
void proof_sha_hex(char out[2 * PROOF_SHA + 1], const char *text);

/* Equal texts, without telling by time where they differ; two empty ones are not. */
bool proof_same(const char *a, const char *b);

void proof_wipe(void *p, size_t n);
