// SPDX-License-Identifier: Apache-2.0
/*
 * Who has logged in, in memory alone: a start of the desk ends all sessions. Of a session's token SHA-256 alone is
 * kept. The caller locks, and gives the times: `now_ns` of a clock that never goes back.
 */
#pragma once
#include "base/bytes.h"
#include "role/proof.h"

#define SESSIONS_MAX	1000
#define SESSIONS_A_USER 10

struct session {
	uint8_t sha[PROOF_SHA]; /* of the token */
	char user[USER_NAME_MAX];
	char csrf[PROOF_KEY + 1];
	int64_t since_ns;	   /* since 1970: a password that was set after this ends it */
	int64_t begun_ns, seen_ns; /* of the clock that never goes back */
	bool must_change;	   /* it began with a password for one login */
};

struct sessions; /* opaque */

/* `idle_ns`: without a call; `longest_ns`: in all. */
struct sessions *sessions_new(int64_t idle_ns, int64_t longest_ns);
void sessions_free(struct sessions *s);

/* Fills `user`'s session and its token. The user's session that was seen least lately goes when he has too many, or
 * that of anybody. */
void sessions_begin(struct sessions *s, struct session *session, char token[PROOF_KEY + 1], int64_t now_ns);

/* The session of a token, a copy; false: none, or it is over. `touch`: it was used. */
bool sessions_find(struct sessions *s, const char *token, bool touch, int64_t now_ns, struct session *out);

/* When it ends, of the same clock. */
int64_t sessions_until(const struct sessions *s, const struct session *of);

/* Puts a copy that was changed back. */
void sessions_put(struct sessions *s, const struct session *session);
void sessions_end(struct sessions *s, const struct session *session);

/* All of a user but this one; NULL: all. */
void sessions_end_others(struct sessions *s, const char *user, const struct session *but);
size_t sessions_count(const struct sessions *s);
