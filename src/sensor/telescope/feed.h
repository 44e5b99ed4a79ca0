// SPDX-License-Identifier: Apache-2.0
/*
 * Capture files into telescopes: one or several workers walk the same window of bytes and each takes its share of the
 * sources. With several workers the closed minutes are put together again in order, so that a sink sees the same calls
 * for any number of them.
 */
#pragma once
#include "base/input.h"
#include "sensor/telescope/telescope.h"

struct feed; /* opaque */

struct feed_params {
	struct telescope_params telescope; /* worker and workers are set here */
	unsigned workers;		   /* 1..16; 1 with unwrap or a packet function */
};

struct feed *feed_new(const struct feed_params *p);
void feed_free(struct feed *f);

/* What one file had that its packets don't tell. */
struct feed_file {
	const char *format; /* "pcap", "pcapng" or NULL: not recognised */
	bool truncated;	    /* ended in the middle of something, or turned malformed */
	uint64_t offset;    /* in decompressed bytes: where the last whole record ended */
	char reason[512];
	uint64_t drops, oddities;
	bool far; /* a time beyond 64 bits of nanoseconds: the latest one */
	int64_t far_s;
	uint32_t far_ns;
};

/* Called now and then while a file is read, with the position in decompressed bytes. Returning false stops the reading.
 */
typedef bool feed_progress(void *arg, uint64_t offset);

/*
 * Feeds one file to its end. Returns 0, or -1 when it was not recognised as a capture at all (then nothing was
 * counted). A file that is cut or damaged counts up to there: `out` tells.
 */
int feed_file(struct feed *f, struct input *in, struct feed_file *out, feed_progress *progress, void *arg) NODISCARD;

/* The end of all input: open minutes are closed. */
void feed_finish(struct feed *f);

/* Sums over workers. */
struct telescope_counts feed_counts(const struct feed *f);
/* Different sources of a family; `*exact` is cleared when it is an estimate. */
uint64_t feed_distinct(const struct feed *f, bool ip6, bool *exact);
size_t feed_source_count(const struct feed *f);
void feed_each_source(struct feed *f, void (*fn)(void *arg, const struct source *), void *arg);
size_t feed_memory(const struct feed *f);

/* Packets of each declared link type, ascending by type: calls fn also for types without packets. */
void feed_each_linktype(const struct feed *f, void (*fn)(void *arg, int linktype, uint64_t packets), void *arg);
