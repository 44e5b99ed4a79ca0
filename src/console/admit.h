// SPDX-License-Identifier: Apache-2.0
/*
 * Who may be connected. The role accepts by itself and gives connections to the server, so that it decides who goes
 * when there are too many: slow and silent ones first, and of whoever has most.
 *
 * A connection is NEW until its first request is whole (TLS, request line and fields), then ASKS, and RESTS between
 * requests. Limits: ADMIT_ALL in all; ADMIT_NEW of them NEW; of one address (IPv6: one /64) ADMIT_EACH, and a quarter
 * of that NEW; an address of this machine ADMIT_EACH_LOCAL. When a limit is reached the oldest NEW connection that
 * counts against it is ended, then the oldest that RESTS; if there is none the one that comes is turned away. So as
 * long as ADMIT_NEW connections begin more slowly than a handshake lasts, nobody is locked out by however many slow
 * ones.
 *
 * Deadlines, whatever moves meanwhile: NEW 10 s; RESTS 30 s; a request with its answer 60 s, of the API 15 min; live
 * ones have none. Beside them the server ends what is idle for 10 s.
 */
#pragma once
#include "base/bytes.h"
#include "base/loop.h"
#include <pthread.h>
#include <sys/socket.h>

#define ADMIT_ALL	 1024
#define ADMIT_NEW	 256
#define ADMIT_EACH	 64
#define ADMIT_EACH_LOCAL 512
#define ADMIT_REQUESTS	 1000 /* of one connection */

enum guest_phase { GUEST_FREE, GUEST_NEW, GUEST_ASKS, GUEST_ASKS_LONG, GUEST_LIVE, GUEST_RESTS };

struct guest {
	int fd;
	enum guest_phase phase;
	bool known;  /* to the server */
	bool ending; /* shut down; its end comes */
	bool local;
	uint8_t key[16];  /* whose it counts as */
	char text[64];	  /* address */
	int64_t since_ns; /* it is in this phase */
	unsigned requests;
};

struct admit {
	struct guest guests[ADMIT_ALL];
	uint64_t taken, refused, ended; /* connections; refused: turned away at once; ended: to make room or too slow */
};

/* All with the lock held that guards the guests. */
void admit_init(struct admit *a);

/* Makes room for one more from there. NULL: turned away. The socket stays the caller's. */
struct guest *admit_one(struct admit *a, int fd, const struct sockaddr *from, int64_t now_ns);

struct guest *admit_find(struct admit *a, int fd); /* one that is not known yet */
void admit_phase(struct guest *g, enum guest_phase phase, int64_t now_ns);
void admit_free(struct guest *g);

/* Ends those whose time is over. */
void admit_tick(struct admit *a, int64_t now_ns);
size_t admit_count(const struct admit *a);
