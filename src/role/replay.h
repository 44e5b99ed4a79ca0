// SPDX-License-Identifier: Apache-2.0
/* A capture file in place of an interface, at its own pace, N times as fast, or as fast as the rest keeps up. */
#pragma once
#include "role/pipeline.h"
#include "sensor/telescope/signals.h"

struct replay; /* opaque */

struct replay_params {
	const char *path;
	const char *speed; /* "max" or a number above 0; NULL: max */
	struct loop *loop;
};

/* Opens the file; nothing of it is read but its first octets, which name it. */
struct replay *replay_open(const struct replay_params *p, struct err *err);
void replay_close(struct replay *r);

/* Names the file by its content: the same file is not counted twice. */
const char *replay_name(const struct replay *r);

/* What reads it. `p` and `s` are waited for when too much lies there. */
void replay_feed(struct replay *r, const struct telescope_params *t, const struct signals_params *signals,
	struct pipeline *p, struct sender *s);
void replay_start(struct replay *r);

/* Every record as it is read. */
void replay_on_records(struct replay *r,
	void (*fn)(void *arg, unsigned worker, const struct capfile_record *recs, size_t n,
		const struct telescope_counts *c),	 /* as struct live_params has it */
	bool (*wait)(void *arg, int64_t ns), void *arg); /* wait: true before a record that shall come later; may be
							    NULL */
const struct telescope_counts *replay_counts(const struct replay *r);

/* Ends early. The minute that was begun is not told: a later replay of the file goes on with it. */
void replay_stop(struct replay *r);
void replay_on_end(struct replay *r, void (*fn)(void *arg, int64_t until_ns), void *arg);
