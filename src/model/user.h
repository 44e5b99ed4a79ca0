// SPDX-License-Identifier: Apache-2.0
/*
 * The user noun: who may see and do what in which tenant, in the console. Beside it what proves who somebody is, which
 * is kept apart and never shown, and tokens of programs.
 */
#pragma once
#include "model/row.h"

#define USER_NAME_MAX 64

struct user {
	char name[USER_NAME_MAX]; /* letters, digits, . _ - @ */
	char roles[2048];	  /* list: "TENANT ROLE" */
	char rights[128];	  /* list: see-subscriber, see-dark */
	char language[8];
	char state[16]; /* active, disabled */
	int64_t created_ns, changed_ns;
};

struct token {
	char id[24]; /* 16 hex digits; the token is "sak_" ID "_" 43 characters of base64url */
	char user[USER_NAME_MAX];
	char label[128];
	char roles[2048];
	char scope[256]; /* list: read, write */
	int64_t since_ns, until_ns;
};

struct credential {
	char subject[96]; /* "user NAME", "token ID" */
	char hash[160];
	int64_t since_ns;
	bool once;
	int64_t until_ns; /* 0: no end */
};

extern const struct row_kind user_kind, token_kind, credential_kind;
