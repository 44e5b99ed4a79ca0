// SPDX-License-Identifier: Apache-2.0
/*
 * Segments: files of one hour of packet time each, "YYYYMMDDHH.seg" in UTC, a small header and then blocks of archive.h
 * in the order of their commits. They only grow. Whoever reads one stays within the committed length; behind it may lie
 * what a killed writer left.
 */
#pragma once
#include "base/err.h"
#include "store/archive.h"

#include <stdatomic.h>

#define SEGMENT_HEADER	 64
#define SEGMENT_NAME_MAX 32
/* Minutes that have a segment: the years 1000 to 9999. */
#define SEGMENT_MINUTE_MIN (-INT64_C(510170400))
#define SEGMENT_MINUTE_MAX INT64_C(4223371679)
#define SEGMENT_BLOCKS_MAX 65536u /* a scan refuses more in one hour */

enum { SEGMENT_IO = 1, SEGMENT_FULL = 2, SEGMENT_STOPPED = 3, SEGMENT_CROWDED = 4 };

/* The hour (since 1970) of a minute and of a time; the name of an hour's segment; the hour that a name says, or -1 when
 * it is none. */
int64_t segment_hour(int64_t minute);
int64_t segment_hour_ns(int64_t ns);
const char *segment_name(char out[SEGMENT_NAME_MAX], int64_t hour);
int segment_parse_name(const char *name, int64_t *hour) NODISCARD;

/*
 * Writes `blocks` at `*length`, the committed length (0: no file yet, the header goes first), and waits until the disk
 * has them; `*length` is then the new length. On failure what was written is cut off again: -SEGMENT_FULL when the disk
 * or a limit is full, else -SEGMENT_IO.
 */
int segment_append(int dirfd, int64_t hour, struct bytes blocks, uint64_t *length, struct err *err) NODISCARD;

/* Cuts the file to `length` when it is longer. Returns 0 (also without a file) or -SEGMENT_IO. `*missing` = octets the
 * file lacks. */
int segment_cut(int dirfd, int64_t hour, uint64_t length, uint64_t *missing, struct err *err) NODISCARD;

struct segment_counts {
	uint64_t blocks, skipped; /* in the segments looked at; left alone for their header alone */
	uint64_t broken;	  /* blocks or stretches of bytes that are no block */
	uint64_t broken_bytes;
	uint64_t flows; /* handed out */
};

struct segment_scan {
	struct archive_query query;
	struct archive_decoder *decoder;
	struct segment_counts counts;
	/* Asked with `query.arg` before a block is read: true passes over it; see struct store_scan. NULL: none. */
	bool (*block)(void *arg, const struct archive_header *h, bool whole);
	const atomic_bool *cancel; /* looked at before each block: true ends the scan like a callback; NULL: none */
	/* Told of everything broken, with where it lies; may be NULL. */
	void (*broken)(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason);
	void *arg;
};

/*
 * Hands out the flows that fit, by minute, then sensor, family and archive order, from the first `length` octets of the
 * file. What is broken is counted, told and passed over. `name` is for messages. Returns 0, -SEGMENT_IO,
 * -SEGMENT_STOPPED, -SEGMENT_CROWDED.
 */
int segment_scan(struct segment_scan *s, int fd, const char *name, uint64_t length, struct err *err) NODISCARD;
