// SPDX-License-Identifier: Apache-2.0
/*
 * The desk: answers the console's calls. Private to its files:
 *   desk.c        its life, its peers
 *   deskqueue.c   calls that wait, the threads that answer them, octets on their way to the console
 *   deskrecord.c  what goes to the keeper
 *   deskgate.c    who calls, and whether he may
 *   deskanswer.c  from a call to an answer
 *   deskviews.c   its own questions: login, users, tokens
 *   deskaudit.c   what is noted without being kept otherwise: downloads, failed logins
 *
 * One lock for the queue and the keeper (`lock`), one for all that is known of users (`accounts`); whoever holds the
 * second never waits for the first but to send. `login` is held from the look at a password to the session.
 */
#pragma once
#include "know/knowing.h"
#include "model/call.h"
#include "role/accounts.h"
#include "role/member.h"
#include "role/session.h"
#include "role/throttle.h"
#include <pthread.h>

#define DESK_THREADS  4
#define DESK_JOBS     64 /* calls that wait or run */
#define DESK_EACH     32 /* of them with one token, or with none */
#define DESK_LOGINS   16 /* of them, those with a password to be reckoned; one runs */
#define DESK_TIME_MS  60000
#define DESK_STALL_MS 60000 /* a reader who takes nothing for so long is left */
#define DESK_CROWD_MS                                                                                                  \
	2000		  /* who waits so long for a thread gets that of a reader who isn't done, when all are theirs */
#define DESK_KEEPER_S 10  /* how long the keeper is waited for */
#define DESK_IDLE_S   120 /* a store that nobody asks is closed */

/* Beside those of view.h. */
enum { DESK_NOBODY = -401, DESK_METHOD = -405, DESK_TOO_OFTEN = -429, DESK_MUST_CHANGE = -4030, DESK_BUSY = -5030 };

enum desk_state { JOB_WAITS, JOB_RUNS, JOB_DONE };

struct desk_out {
	struct desk_out *next;
	size_t n, octets; /* of the message; of the answer in it */
	uint8_t p[];
};

/* A call from its arrival to its last octet. */
struct desk_job {
	struct desk *desk;
	uint64_t number;
	uint8_t *body; /* `call` points into it */
	size_t body_n;
	struct call call;
	bool password; /* one is to be reckoned */
	bool download; /* deskaudit_download() */
	int64_t came_ns;
	uint8_t sha[PROOF_SHA]; /* of the token */
	/* Under desk->lock. */
	enum desk_state state;
	bool orphan;		  /* its console is gone */
	char user[USER_NAME_MAX]; /* who calls; empty: not known yet */
	bool known;
	size_t window; /* octets that may still be sent */
	struct desk_out *first, **last;
	int64_t begun_ns, moved_ns;
	/* Its thread's. */
	atomic_bool cancel;
	struct message_buf part; /* octets of the answer that are not a message yet */
	bool begun, failed;	 /* something was sent; the rest is not wanted */
	uint16_t status;
	char session[PROOF_KEY + 1]; /* for the cookie; "-": it is over */
	struct view_call *view;
};

/* What a thread keeps between calls. */
struct desk_worker {
	struct desk *desk;
	pthread_t thread;
	struct knowing know;
	struct store *store; /* opened as `as` */
	struct principal as;
};

struct desk_note {
	uint64_t key;
	char who[USER_NAME_MAX], what[40], subject[96];
	unsigned n; /* not told yet */
	int64_t since_ns;
};
#define DESK_NOTES 64

struct desk_record {
	struct desk_record *next;
	uint64_t number;
	uint8_t *p;
	size_t n;
	bool sent, done, nobody; /* nobody waits for the answer: free it */
	int code;		 /* enum view_error or 0 */
	char why[256];
};

struct desk {
	struct member *m;
	struct channel *console, *keeper;
	int wake;
	pthread_mutex_t lock;
	pthread_cond_t work, room, kept; /* CLOCK_MONOTONIC */
	bool quit;
	struct desk_job *jobs[DESK_JOBS];
	unsigned turn;
	unsigned started;
	struct desk_worker workers[DESK_THREADS];
	struct desk_record *records;
	uint64_t record_number;
	uint64_t seed;

	pthread_mutex_t accounts;
	struct store *book; /* users, tokens and credentials, read as nobody in particular */
	struct sessions *sessions;
	struct throttle *throttle;
	_Atomic uint64_t logins[2]; /* good, bad */
	_Atomic uint64_t cut;	    /* answers that were not sent to their end */
	struct desk_note notes[DESK_NOTES];
	pthread_mutex_t login;
};

/* ---- deskqueue.c ---- */

int deskqueue_start(struct desk *d, struct err *err) NODISCARD;
void deskqueue_end(struct desk *d);

/* In the role's thread. */
void deskqueue_call(struct desk *d, const struct message *m);
void deskqueue_credit(struct desk *d, uint64_t number, uint32_t octets);
void deskqueue_cancel(struct desk *d, uint64_t number);
void deskqueue_forget(struct desk *d); /* the console is gone */
void deskqueue_feed(struct desk *d);
void deskqueue_late(struct desk *d); /* once a second */

void desk_wake(struct desk *d);

/* In a job's thread: octets of the answer; blocks for credit. -1: nobody wants them. */
int deskqueue_put(struct desk_job *k, const void *p, size_t n) NODISCARD;
/* The end of it, which is not sent twice. `whole`: false cuts it off where the console can see it. */
void deskqueue_last(struct desk_job *k, bool whole);

/* Who it is, is known now. False: he has enough threads, another time. */
bool deskqueue_user(struct desk_job *k, const char *user);

/* ---- deskrecord.c ---- */

/* Waits until the keeper has it. `kind` NULL: a line in the audit alone. 0 or an enum view_error. Any thread. */
int desk_record(struct desk *d, const struct store_note *note, const struct row_kind *kind, const void *record,
	struct err *err) NODISCARD;
/* The line alone, and nobody waits. */
void desk_note_late(struct desk *d, const struct store_note *note);
void deskrecord_send(struct desk *d); /* in the role's thread */
void deskrecord_answer(struct desk *d, const struct message *m);
void deskrecord_lost(struct desk *d); /* the keeper is gone */

/* ---- deskgate.c ---- */

struct desk_caller {
	struct view_who who;
	struct user user;
	bool by_session, by_token;
	struct session session;
	struct token token;
	bool stale; /* a cookie came that is of no session */
};

/* Reads users, tokens and sessions. 0, VIEW_AWAY. `out->who.user` is empty when it is nobody. */
int deskgate_who(struct desk *d, const struct call *call, struct desk_caller *out, struct err *err) NODISCARD;

/* May he ask this? 0 or a code. */
int deskgate_may(
	const struct call *call, const struct desk_caller *by, const struct view *v, struct err *err) NODISCARD;

/* A look at the book, under the lock. 0, 1: there is none, or VIEW_AWAY. */
int deskgate_find(
	struct desk *d, const struct row_kind *kind, const char *key, void *record, struct err *err) NODISCARD;
int deskgate_each(struct desk *d, const struct row_kind *kind, int (*fn)(void *arg, const void *record), void *arg,
	struct err *err) NODISCARD;

/* ---- deskanswer.c ---- */

/* Everything that a thread does with a job. False: it has to wait, its user has enough threads. */
bool deskanswer(struct desk_worker *w, struct desk_job *k);
void deskanswer_rest(struct desk_worker *w); /* nothing to do for a while */

/* ---- deskaudit.c ---- */

/* Before an answer begins. 0, or VIEW_AWAY: without its line it is not given. */
int deskaudit_view(struct desk *d, const struct view_call *c, struct err *err) NODISCARD;
/* What leaves with many addresses in it, and may be long. */
bool deskaudit_download(const char *path);
/* `user`: empty when there is no such user. */
void deskaudit_failed(struct desk *d, const char *user, const char *peer);
void deskaudit_tell(struct desk *d); /* once a second, in the role's thread */

/* ---- deskviews.c ---- */

/* What a view of the desk's own finds at c->put_arg. */
struct desk_call {
	struct desk *desk;
	struct desk_job *job;
	struct desk_caller by;
	unsigned retry_s; /* DESK_TOO_OFTEN */
};
