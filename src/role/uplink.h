// SPDX-License-Identifier: Apache-2.0
/*
 * From a spool over a link to the collector: connects, again and again, later and later with jitter; asks what the
 * collector has of each sender, gives the rest in the order of the spool, and frees what is acknowledged. Several
 * senders share the link: `hello` says whose batches follow. Answers come in the order of what was asked.
 */
#pragma once
#include "role/tlslink.h"
#include "store/spool.h"

struct uplink; /* opaque */

struct uplink_params {
	struct loop *loop;
	struct spool *spool;
	const struct tlslink_keys *keys;
	const char *host;
	uint16_t port;
	void *arg;
	uint32_t (*flags)(void *arg, uint64_t sender); /* of its HELLO */
	/* The collector has given its answer to a HELLO: `last` is what it has. Called before the spool takes it. */
	void (*welcomed)(void *arg, uint64_t sender, uint64_t last);
	void (*refused)(void *arg, const struct spool_record *r, const char *why); /* for good; no frames */
	void (*settled)(void *arg);						   /* less waits than before */
	void (*down)(void *arg, const char *why);				   /* or it could not be made */
	void (*failed)(void *arg, const char *why);				   /* the spool can't be read */
};

struct uplink *uplink_new(const struct uplink_params *p);
void uplink_free(struct uplink *u);

/* There is more in the spool. */
void uplink_kick(struct uplink *u);

/* Connected, or an attempt is under way. */
bool uplink_trying(const struct uplink *u);
