// SPDX-License-Identifier: Apache-2.0
/*
 * One end of a SOCK_SEQPACKET pair between two roles. What comes is looked at before anybody gets it: a message that is
 * too long, of another version, of a kind that the edge may not carry or with a descriptor where none belongs closes
 * the channel, for good, and is counted. What goes is queued up to a limit; nothing blocks.
 */
#pragma once
#include "base/loop.h"
#include "model/message.h"

struct channel; /* opaque; one thread */

struct channel_handler {
	void *arg;
	/* `fd`: came along, the receiver's own; -1: none. */
	void (*message)(void *arg, struct channel *c, const struct message *m, int fd);
	void (*drained)(void *arg, struct channel *c);		       /* the queue is empty again; may be NULL */
	void (*closed)(void *arg, struct channel *c, const char *why); /* once; channel_free() may be called in it */
};

struct channel_params {
	struct loop *loop;
	int fd;		  /* becomes the channel's */
	uint64_t kinds;	  /* that may come: MESSAGE_BIT()s */
	uint64_t fds;	  /* kinds that bring a descriptor */
	size_t queue_max; /* octets that wait to be sent; 0: 8 MiB */
	struct channel_handler handler;
};

/* A pair of sockets with room for large messages. Returns 0 or -1 with errno. */
int channel_pair(int pair[2]);

struct channel *channel_new(const struct channel_params *p);
void channel_free(struct channel *c);

/* Becomes another's, with what is queued. */
void channel_hand_over(struct channel *c, const struct channel_handler *handler);

/* Queues a message and sends what can be sent. `fd` goes along (the caller keeps his), -1: none. Returns 0, -1 when the
 * channel is closed or its queue full. */
int channel_send_fd(struct channel *c, const struct message *m, int fd);
int channel_send(struct channel *c, const struct message *m);

/* A message without rows. */
int channel_tell(struct channel *c, enum message_kind kind, uint64_t sequence);

/* Takes one message that is there already. False: none, or the channel is closed. */
bool channel_drain(struct channel *c);

size_t channel_queued(const struct channel *c); /* octets */

/* Not reading for a while: the peer is held up by the kernel's buffer. */
void channel_pause(struct channel *c, bool pause);

struct channel_counts {
	uint64_t received, sent, refused, full; /* messages */
	uint16_t last_kind;			/* that was received */
};
extern struct channel_counts channel_counts; /* of all channels of this process */

/* What came was against rules that only its receiver knows. */
void channel_refused(void);
