// SPDX-License-Identifier: Apache-2.0
/*
 * Gives batches to whoever keeps them (keeper, forward) and holds each until it is acknowledged. A peer that dies and
 * comes back says what it has; the rest is given again. What finds no room in memory is lost, counted, and told.
 */
#pragma once
#include "role/batch.h"
#include "role/member.h"

/* Flags of HELLO. */
#define SENDER_LIVE  1u /* it begins to watch: time in which nobody did is a gap */
#define SENDER_SINCE 2u /* and says since when */

struct sender; /* opaque */

struct sender_params {
	uint64_t id;
	const char *sensor; /* NULL: for several */
	uint32_t flags;
	bool again; /* batches are numbered from 1 on with every start, the same ones: those that are committed are
		       passed over */
	size_t max_bytes; /* waiting; 0: 128 MiB */
	void *arg;
	/* The peer has answered: batches may be numbered from now on. Called once. */
	void (*welcome)(void *arg);
	/* This batch is lost: no room, or refused (`why`). It lives during the call. */
	void (*lost)(void *arg, const struct batch *b, const char *why);
	/* Nothing waits any more. May be NULL. */
	void (*empty)(void *arg);
	/* Other kinds than those of the protocol; `fd` as in channel.h. May be NULL. */
	void (*message)(void *arg, struct channel *c, const struct message *m, int fd);
	/* The peer is gone; another will come. May be NULL. */
	void (*closed)(void *arg, const char *why);
};

struct sender *sender_new(const struct sender_params *p);
void sender_free(struct sender *s);

/* What a channel to the peer needs; then sender_attach(). */
struct channel_handler sender_handler(struct sender *s);
void sender_attach(struct sender *s, struct channel *c);
struct channel *sender_channel(struct sender *s); /* NULL: none now */

bool sender_welcomed(const struct sender *s);

/* Since when it watches: when the first peer comes all is open. 0: nobody came yet. */
int64_t sender_since(const struct sender *s);

/* The number of the next batch. */
uint64_t sender_sequence(const struct sender *s);

/* Takes a closed batch with the number of sender_sequence(). */
void sender_give(struct sender *s, struct batch *b);

size_t sender_waiting(const struct sender *s); /* octets */
bool sender_idle(const struct sender *s);

/* HELLO's body, for those who speak it by themselves, and its reader: returns 0, -1. */
struct sender_hello {
	uint64_t id;
	uint32_t flags;
	char sensor[64];
	int64_t since_ns; /* with SENDER_SINCE */
};
void sender_hello_put(struct message_buf *b, const struct sender_hello *h);
int sender_hello_get(const struct message *m, struct sender_hello *out);

/* A sensor's number as a sender: the same wherever it is asked. Its upper half tells the sensor, so that nobody can
 * number batches in the name of another's. */
uint64_t sender_id(const char *sensor, const char *what);
bool sender_id_of(uint64_t id, const char *sensor);
