// SPDX-License-Identifier: Apache-2.0
/* What the files of the console role share. */
#pragma once
#include "console/admit.h"
#include "console/calls.h"
#include "console/certificate.h"
#include "console/live.h"
#include "console/livefeed.h"
#include "console/request.h"
#include "know/knowing.h"
#include <microhttpd.h>

struct console {
	struct member *m;
	int listener;
	struct certificate certificate;
	struct request_site site;
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock; /* guests, exchanges, asks, live */
	struct admit admit;
	struct calls *calls;
	struct live *live;
	struct exchange *exchanges; /* that are suspended or may be */
	bool closing;
	bool keeper;
	struct channel *keeper_channel, *captures[CONFIG_SENSORS_MAX];
	struct livemap *map; /* the loop's */
	struct knowing knows;
	struct livefeed_own own;
};

/* One request from its first line to the end of its answer. The server's thread makes and frees it. */
struct exchange {
	struct console *x;
	struct exchange *next, **back;
	struct MHD_Connection *connection;
	struct guest *guest;
	int fd;
	char *target;
	struct request rq;
	bool judged, answered, asked;
	uint8_t *body;
	size_t body_n;
	/* Under the lock. */
	struct ask ask;
	bool suspended, gone; /* gone: its client went away, or we end */
	struct live_client live;
	struct ask again; /* is the session still good? */
	bool checking;
	int64_t checked_ns, unchecked_ns;
};

/* ---- answer.c: what is said; all return what the server's handler returns ---- */

enum MHD_Result answer_error(struct exchange *e, unsigned status, const char *code);
enum MHD_Result answer_asset(struct exchange *e);
enum MHD_Result answer_ask(struct exchange *e);	 /* the desk's, as far as it came */
enum MHD_Result answer_form(struct exchange *e); /* the desk's, to a form */
enum MHD_Result answer_live(struct exchange *e);

/* ---- serve.c ---- */

int serve_start(struct console *x, struct err *err) NODISCARD;
void serve_stop(struct console *x);
void serve_resume(struct exchange *e); /* lock held */

/* The server's thread waits for more. Lock held. */
void serve_suspend(struct exchange *e);

/* Looks after those whose client went away. */
void serve_tick(struct console *x);

/* ---- session.c: what a live page may see ---- */

/* Asks again for those whose turn it is. */
void session_tick(struct console *x);
void session_ask(struct exchange *e, struct ask *a); /* lock held */
