// SPDX-License-Identifier: Apache-2.0
/*
 * The capture role's side of the packet ring: a writer a worker thread, and files that the keeper opens when one is
 * asked for. Asking and giving go through the role's own thread.
 */
#pragma once
#include "role/channel.h"
#include "role/config.h"
#include "wire/capfile.h"

struct ring; /* opaque */

struct ring_params {
	const struct config_sensor *sensor;
	uint32_t snaplen;
	int linktype; /* -1: that of the first packet */
	unsigned workers;
	int64_t now_ns; /* live: the first file is asked for at once, the ring of the kernel holds what comes till then;
			 * 0: when the first packet comes */
	void (*wake)(void *arg); /* something is to be asked for: ring_ask(). From any thread */
	void *arg;
};

/* NULL: no dark prefixes, so nothing is kept. */
struct ring *ring_new(const struct ring_params *p);
void ring_free(struct ring *r);

/* In the worker's thread; n 0: nothing came for a while. */
void ring_records(struct ring *r, unsigned worker, const struct capfile_record *recs, size_t n);

/* Without threads: is it better to wait, because the first file or one that was asked for has not come? Not for long.
 */
bool ring_wait(struct ring *r, int64_t ns);

/* In the role's thread: asks for the files that are wanted. `c` NULL: not now. */
void ring_ask(struct ring *r, struct channel *c);

/* A file came; it becomes the ring's. */
void ring_file(struct ring *r, const struct message *m, int fd);

/* Numbers to the counters. */
void ring_publish(struct ring *r);
