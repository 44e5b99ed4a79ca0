// SPDX-License-Identifier: Apache-2.0
/*
 * From what a telescope tells to batches: a minute's flows sealed into blocks, its sources, its sums for the roll-ups;
 * signals at once; gaps. All are numbered and given to a sender.
 */
#pragma once
#include "role/sender.h"
#include "sensor/telescope/telescope.h"

struct pipeline; /* opaque */

struct pipeline_params {
	const char *sensor;
	uint64_t sender_id;
	struct sender *sender;
	/* Where a source is: country code or "", AS number or 0. May be NULL. */
	void (*place)(void *arg, const struct addr *a, char country[3], uint32_t *asn);
	/* What a source's packets of a minute look like, NULL: nothing known. May be NULL. */
	const char *(*tool)(const struct source *s);
	void *arg;
};

struct pipeline *pipeline_new(const struct pipeline_params *p);
void pipeline_free(struct pipeline *l);

/* Takes flows (late ones, too), sources and minutes. */
struct telescope_sink pipeline_sink(struct pipeline *l);
void pipeline_signal(struct pipeline *l, const struct signal *s);
void pipeline_gap(struct pipeline *l, int64_t from_ns, int64_t to_ns, const char *reason, uint64_t dropped);
void pipeline_row(struct pipeline *l, enum message_kind kind, const struct row_kind *row, const void *record);

/* Gives what waits (signals, gaps) now. */
void pipeline_tick(struct pipeline *l);

/* Live: everything before `ns` was told, also when nothing came. A sensor that hears nothing says so once a minute. */
void pipeline_upto(struct pipeline *l, int64_t ns);

/* The clock was put back: what comes is told for a second time. */
void pipeline_back(struct pipeline *l, int64_t now_ns);

/* Gives all there is. `ended`: nobody watches from `until_ns` on, and that is meant. */
void pipeline_finish(struct pipeline *l, int64_t until_ns, bool ended);

/* For the sender: its welcome, and what it lost. `since_ns`: live, since when it watches, which is told at once; 0: a
 * replay. */
void pipeline_welcome(struct pipeline *l, int64_t since_ns);
void pipeline_lost(struct pipeline *l, const struct batch *b, const char *why);
