// SPDX-License-Identifier: Apache-2.0
/*
 * The capture role's side of the live map: a sampler, and the console to which it gives a glimpse four times a second.
 * Without a console nothing is drawn. What the console does not take in time is lost and counted, never waited for.
 */
#pragma once
#include "role/channel.h"
#include "sensor/telescope/sampler.h"

#define GLIMPSER_INTERVAL_MS 250
#define GLIMPSER_WAITING     (64u << 10) /* octets that may wait for the console: some seconds */

struct glimpser; /* opaque */

struct glimpser *glimpser_new(struct loop *loop, const char *sensor, unsigned workers, unsigned unwrap);
void glimpser_free(struct glimpser *g);

/* In the worker's thread; as struct live_params has it. */
void glimpser_records(struct glimpser *g, unsigned worker, const struct capfile_record *recs, size_t n,
	const struct telescope_counts *c);

/* A replay has no threads: called before each turn, so that what was read goes when its time is there. NULL: live. */
void glimpser_turn(struct glimpser *g, void (*fn)(void *arg), void *arg);

/* Whoever made the channel gives this handler; it ends with the channel. A later channel takes the earlier one's place.
 */
struct channel_handler glimpser_handler(struct glimpser *g);
void glimpser_attach(struct glimpser *g, struct channel *c);
