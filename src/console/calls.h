// SPDX-License-Identifier: Apache-2.0
/*
 * What waits for the desk. Asks are put, read and dropped by the server's thread (or the loop's own); the channel to
 * the desk lives in the loop's thread. Between them: one lock, a queue and an eventfd.
 *
 * An answer comes in pieces, REPLY_WINDOW octets ahead of whoever reads it; what is read is credited back. A desk that
 * sends more than it may loses the ask. When the desk goes away, everything that is not whole is lost.
 */
#pragma once
#include "model/call.h"
#include "role/member.h"
#include <pthread.h>

#define CALLS_MAX	512		     /* that wait at once */
#define CALLS_ANSWER_NS INT64_C(90000000000) /* until an answer begins; then it is lost */

struct calls; /* opaque */

struct ask {
	/* The asker's. `moved`: an answer began, grew, ended or is lost; in the loop's thread, with the lock held. */
	void (*moved)(struct ask *a);
	/* Under the lock. */
	uint64_t number; /* 0: not asked, or over */
	uint16_t status; /* 0: no answer yet */
	char type[64], session[128], name[96];
	struct piece {
		struct piece *next;
		size_t n, at;
		uint8_t octets[];
	} * first, **last;
	size_t queued;	 /* octets that came and were not taken */
	uint32_t credit; /* taken, and not yet told to the desk */
	bool whole;	 /* the last of it came */
	bool lost;	 /* no more of it comes */
	int64_t since_ns;
};

/* `lock` also guards whatever the askers' own threads share. */
struct calls *calls_new(struct member *m, pthread_mutex_t *lock);
void calls_free(struct calls *c);

/* The loop's: when it is sealed, and when a desk is there. */
void calls_begin(struct calls *c);
void calls_desk(struct calls *c, int fd);
void calls_tick(struct calls *c);
bool calls_there(const struct calls *c); /* lock held */

/* All with the lock held. */
void calls_put(struct calls *c, struct ask *a, const struct call *what);

/* Takes octets of the answer; 0: none are there now (or none come: `whole`, `lost`). */
size_t calls_take(struct calls *c, struct ask *a, void *out, size_t most);

/* Nobody wants it any more. Everything of it is freed; may be called again. */
void calls_drop(struct calls *c, struct ask *a);
