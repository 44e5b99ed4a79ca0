// SPDX-License-Identifier: Apache-2.0
/*
 * What a browser asks, judged before anything is done about it. Pure: no socket, no clock, no memory kept.
 *
 * Rules (RFC 9110, 9112, 6265 and the Fetch standard, narrowed to what our pages and programs need): GET, HEAD, POST;
 * HTTP/1.0 and 1.1; the target in origin form, its path decoded once, without NUL, control characters, encoded slashes,
 * backslashes, "." and ".." or empty segments; exactly one Host, one of ours, so that a page of another site whose name
 * was made to point here gets nothing; a body only with POST, announced by one Content-Length, of the one type that a
 * form has. Anything that two readers could understand in two ways is refused and the connection closed.
 */
#pragma once
#include "model/call.h"

#define REQUEST_HEADERS_MAX (16u << 10) /* octets of all names and values */
#define REQUEST_FIELDS_MAX  100u
#define REQUEST_NAMES	    40

struct request_field {
	struct bytes name, value;
};

struct request_head {
	const char *method, *target, *version; /* as they came */
	const struct request_field *fields;
	size_t n;
};

/* Who we are. */
struct request_site {
	char names[REQUEST_NAMES][256]; /* lower case; addresses without brackets */
	size_t n;
	bool any_address; /* listens on all: every address is ours */
	char language[8]; /* when the browser says none that we speak */
};

/* Adds a name; too many are left out. */
void request_site_add(struct request_site *s, const char *name);

enum request_kind {
	REQUEST_PAGE, /* or an asset */
	REQUEST_API,
	REQUEST_LIVE,
	REQUEST_FORM, /* the login page's, sent without a script */
};

struct request {
	enum request_kind kind;
	bool head, post;
	bool gzip, br;		  /* what the browser can unpack */
	char path[CALL_PATH_MAX]; /* decoded; of the API what is behind /api/v1 */
	struct bytes query;	  /* view of the target */
	uint32_t body_n;	  /* announced */
	enum call_proof proof;
	char token[128], csrf[64], language[8];
	bool same_site;
	char last_event[64]; /* of a browser that takes up where it was; empty: none */
	struct bytes match;  /* If-None-Match, view; p NULL: none */
};

/*
 * Returns 0, or the HTTP status of the refusal with a code for programs at `*why`. After a refusal of 400, 411 or 413
 * nobody knows where the next request begins: close.
 */
int request_check(
	const struct request_head *h, const struct request_site *s, struct request *out, const char **why) NODISCARD;

/* The one cookie of ours in a Cookie field. Returns its length; 0: none, two different ones, or not of our making. */
size_t request_cookie(struct bytes field, char out[128]);

#define REQUEST_COOKIE "__Host-sakimori"
