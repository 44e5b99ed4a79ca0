// SPDX-License-Identifier: Apache-2.0
/*
 * What somebody asks over HTTP, as the console hands it on: nothing of it is understood there. The body of
 * MESSAGE_CALL; every field is bounded, and what doesn't fit is refused before it is sent.
 */
#pragma once
#include "model/message.h"

#define CALL_PATH_MAX  1024
#define CALL_QUERY_MAX 8192
#define CALL_BODY_MAX  65536

enum call_proof {
	CALL_NOBODY, /* `token` is empty */
	CALL_COOKIE, /* of a session: a browser sends it without being asked, so commands need `csrf` too */
	CALL_BEARER, /* of a program */
};

struct call {
	char method[8];		  /* GET, POST */
	char path[CALL_PATH_MAX]; /* behind /api/v1, decoded once, no NUL: "/findings" */
	struct bytes query;	  /* as it stood behind "?" */
	struct bytes body;	  /* application/x-www-form-urlencoded */
	enum call_proof proof;
	char token[128], csrf[64]; /* csrf: of the header X-CSRF-Token, or the field `csrf` of a form */
	char peer[64];		   /* address it comes from */
	char language[8];	   /* en or ja: what the browser would like best */
	bool same_site;		   /* the browser says it comes from our own page, or it is no browser */
};

void call_build(struct message_buf *b, const struct call *c);

/* `query` and `body` are views of the message. Returns 0, -1 when it is none. */
int call_parse(struct bytes in, struct call *out) NODISCARD;

/* MESSAGE_REPLY. The first of an answer has the status and type; further ones have status 0. */
struct reply {
	uint16_t status; /* of HTTP; 0: more of what began */
	bool last;
	char type[64];	   /* media type; empty: none */
	char session[128]; /* a new session's token; "-": it is over; empty: as it was */
	char name[96];	   /* of a file to be saved; empty: shown */
	struct bytes octets;
};
void reply_build(struct message_buf *b, const struct reply *r);
int reply_parse(struct bytes in, struct reply *out) NODISCARD;

#define REPLY_OCTETS 32768u	  /* of one message at most */
#define REPLY_WINDOW (256u << 10) /* octets on their way before credit is needed */
