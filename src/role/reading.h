// SPDX-License-Identifier: Apache-2.0
/* The past of a sensor, read out of the store for an analysis that begins: minute by minute, as its batches were. */
#pragma once
#include "role/batch.h"
#include "role/channel.h"

struct reading; /* opaque */

struct reading_params {
	struct loop *loop;
	struct store *store;
	struct channel *to;
	char sensor[64];
	int64_t from_ns, to_ns;
	void (*done)(void *arg); /* everything was given; may free it */
	void *arg;
};

struct reading *reading_new(const struct reading_params *p);
void reading_free(struct reading *r);

/* The channel can take more. */
void reading_go_on(struct reading *r);
