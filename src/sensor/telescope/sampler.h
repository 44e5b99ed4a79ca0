// SPDX-License-Identifier: Apache-2.0
/*
 * Some of the packets of the last moment, in person, and how many there were of each class: struct glimpse. Each worker
 * draws a reservoir of its own, each packet as likely as any other (Vitter, "Random Sampling with a Reservoir", 1985;
 * what is not drawn is skipped as in Li, "Reservoir-Sampling Algorithms of Time Complexity O(n(1 + log(N/n)))", 1994,
 * so that it costs nothing); the caller's thread draws one out of all by how much each saw. Counts are the
 * telescope's: true, and only what was drawn is decoded here.
 *
 * No lock and no memory is taken over a packet: the caller's thread asks by a number, each worker puts its share aside
 * and says so.
 */
#pragma once
#include "model/glimpse.h"
#include "sensor/telescope/telescope.h"

struct sampler; /* opaque */

struct sampler_params {
	const char *sensor;
	unsigned workers; /* 1 .. CAPTURE_WORKERS_MAX */
	unsigned unwrap;  /* UNWRAP_*, as the telescope's */
	uint64_t seed;
	int64_t interval_ns; /* by the clock of sampler_take() */
};

struct sampler *sampler_new(const struct sampler_params *p);
void sampler_free(struct sampler *s);

/* Does anybody look? At first nobody does; then sampler_records() is the load of a number. */
void sampler_watch(struct sampler *s, bool on);

/* In the worker's thread, behind telescope_add() of the same records: `c` counts them already. n 0: none came. */
void sampler_records(struct sampler *s, unsigned worker, const struct capfile_record *recs, size_t n,
	const struct telescope_counts *c);

/*
 * In the caller's thread, several times an interval: true once an interval is over and all workers have given what they
 * have. `out` may be of no packets. `now_ns` is monotonic; points are in order of time.
 */
bool sampler_take(struct sampler *s, int64_t now_ns, struct glimpse *out);
