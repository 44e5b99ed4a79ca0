// SPDX-License-Identifier: Apache-2.0
/*
 * The telescope on a live interface: one worker thread a ring, sharing nothing, each with its own tables. Whatever is
 * told is told from live_poll() in the thread that calls it, so a sink needs no locks.
 *
 * Sorting flows for a sink costs more than counting them: leave telescope.sink.flow unset when only their number
 * matters. Minutes close by the clock, TELESCOPE_GRACE_NS after their end, also when nothing comes. After a step of the
 * system clock a minute may be told in two parts; one that puts it back closes all minutes.
 */
#pragma once
#include "sensor/telescope/capture.h"
#include "sensor/telescope/signals.h"
#include "sensor/telescope/telescope.h"

struct live; /* opaque */

struct live_params {
	struct capture_params capture;
	struct telescope_params telescope; /* worker, workers and sorted are set here, so are touch_*
				       when they are 0; packet must be unset */
	struct signals_params signals;
	uint64_t max_packets; /* ends after so many; what is in the rings by then still counts. 0: no limit */
	void (*signal)(void *arg, const struct signal *s); /* arg is telescope.sink.arg */
	/* Before a minute's sources and the minute itself, once a worker: how many flows it had, also without a flow
	 * sink. */
	void (*flows)(void *arg, int64_t minute_ns, uint64_t n);
	/* Every record, in the worker's thread, `n` 0 when nothing came for a while. `c`: what this worker counted,
	 * these included. May be NULL. */
	void (*records)(void *arg, unsigned worker, const struct capfile_record *recs, size_t n,
		const struct telescope_counts *c);
	void (*dropped)(void *arg, int64_t from_ns, int64_t to_ns, uint64_t packets); /* by the kernel */
};

/* Opens the rings and takes all memory. Needs CAP_NET_RAW. Returns 0, or -1 with the reason. */
int live_open(struct live **out, const struct live_params *p, struct err *err) NODISCARD;
void live_close(struct live *l);

int live_linktype(const struct live *l);

/* Starts the workers. Signals (of processes) are blocked in them. */
int live_start(struct live *l, struct err *err) NODISCARD;

/*
 * Waits up to `timeout_ms` for something to tell, and tells it. Returns 0; 1 when `max_packets` is reached; -1 when the
 * interface went down or away. A signal or live_wake() ends the wait.
 */
int live_poll(struct live *l, int timeout_ms);

/* Readable when live_poll() has something to tell before its time is over. */
int live_fd(const struct live *l);

/* May be called from a signal handler. */
void live_wake(const struct live *l);

/* Stops, reads what is left, closes all minutes and tells them. */
void live_stop(struct live *l);

/* As of about the last second, exact after live_stop(). */
struct live_status {
	struct telescope_counts counts;
	struct capture_stats capture;
	struct signals_counts signals;
	uint64_t signals_lost; /* found but not told: too many at once */
	uint64_t sources;      /* different ones of the minutes that are closed */
	bool exact;	       /* `sources` is no estimate */
	int64_t read_ns;       /* before it everything was read, and minutes that ended TELESCOPE_GRACE_NS before it are
				  told; 0: not known yet, or the clock was put back */
	uint64_t busy_ns;      /* processor time of the workers; after live_stop() */
};
struct live_status live_status(const struct live *l);
