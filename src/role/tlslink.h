// SPDX-License-Identifier: Apache-2.0
/*
 * One end of the connection between a sensor's machine and its collector: TLS 1.3 (RFC 8446), both with certificates,
 * messages as frames. Nothing blocks. What goes is queued; what comes is looked at before anybody gets it, as with
 * channel.h: a frame that is none or of a kind that may not come ends the link, for good. There are no tickets and no
 * resumption: every connection shows its certificate anew, and a revoked one gets nowhere.
 */
#pragma once
#include "base/err.h"
#include "base/loop.h"
#include "role/config.h"
#include "role/frames.h"

#define TLSLINK_NAMES	64
#define TLSLINK_ADDRESS 64

struct tlslink_keys; /* opaque: authorities, own certificate and key */

/* Reads the files; `revoked` may be NULL. `server` says whose end it is for. */
int tlslink_keys_load(struct tlslink_keys **out, const struct config_peer_files *files, const char *revoked,
	bool server, struct err *err) NODISCARD;
void tlslink_keys_free(struct tlslink_keys *k);

/* May the own certificate speak for this sensor: is it the common name or a DNS name in it? */
bool tlslink_keys_name(const struct tlslink_keys *k, const char *sensor);

struct tlslink; /* opaque; one thread */

struct tlslink_handler {
	void *arg;
	void (*up)(void *arg,
		struct tlslink *l); /* the peer's certificate is good (a server's: the client may yet refuse) */
	void (*message)(void *arg, struct tlslink *l, const struct message *m, struct bytes frame);
	void (*drained)(void *arg, struct tlslink *l);		       /* the queue is empty again; may be NULL */
	void (*closed)(void *arg, struct tlslink *l, const char *why); /* once; tlslink_free() may be called in it */
};

struct tlslink_params {
	struct loop *loop;
	int fd; /* non-blocking, connected or connecting; becomes the link's */
	const struct tlslink_keys *keys;
	const char *host; /* a client's: the server's name or address, as its certificate must have it */
	uint64_t kinds;	  /* that may come: MESSAGE_BIT()s */
	size_t queue_max; /* octets that may wait to be sent */
	struct tlslink_handler handler;
};

struct tlslink *tlslink_new(const struct tlslink_params *p);
void tlslink_free(struct tlslink *l);

bool tlslink_up(const struct tlslink *l);

/* May the peer speak for this sensor? As tlslink_keys_name(), of its certificate. */
bool tlslink_name(const struct tlslink *l, const char *sensor);
const char *tlslink_common_name(const struct tlslink *l); /* of the peer; "" before it is up */

/* Queues frames. -1: the queue is full or the link is closed. */
int tlslink_send(struct tlslink *l, struct bytes frames);
int tlslink_tell(struct tlslink *l, const struct message *m);
size_t tlslink_queued(const struct tlslink *l);

/* Not reading for a while: the peer is held up by the kernel's buffers. */
void tlslink_pause(struct tlslink *l, bool pause);

/* When it was made, and when the peer last took or gave anything (loop_now_ns()). */
int64_t tlslink_begun_ns(const struct tlslink *l);
int64_t tlslink_moved_ns(const struct tlslink *l);

/* Ends it as a fault does: `closed` is told. Not from its own callbacks: there the caller frees it. */
void tlslink_fail(struct tlslink *l, const char *why);
