// SPDX-License-Identifier: Apache-2.0
/*
 * The flow archive: blocks of sorted, compressed columns, as docs/flow-archive.md has them byte by byte. A block holds
 * at most ARCHIVE_BLOCK_FLOWS flows of one minute of one sensor, either IPv4 or IPv6. Encoding needs no file and no
 * lock: the thread that closes a minute hands plain arrays to a writer thread, which owns an encoder.
 */
#pragma once
#include "model/flow.h"
#include "store/column.h"

#define ARCHIVE_BLOCK_FLOWS COLUMN_MAX_VALUES
#define ARCHIVE_SENSOR_MAX  64		/* with the NUL */
#define ARCHIVE_HEADER	    256		/* octets before the columns of a block */
#define ARCHIVE_PAYLOAD_MAX (32u << 20) /* no block is larger */
#define ARCHIVE_CHUNK	    512		/* flows handed out at once */

/* ARCHIVE_KEY leaves out the times: flows read back have first = last = start of the minute. */
enum archive_level { ARCHIVE_ALL, ARCHIVE_KEY };

enum { ARCHIVE_SHORT = 1, ARCHIVE_BAD = 2, ARCHIVE_SUM = 3, ARCHIVE_STOPPED = 4, ARCHIVE_IO = 5 };

/* What one sender has to say at once; it keeps it until it is acknowledged. */
struct archive_batch {
	const struct flow *flows; /* any order; those of flowtable_each() cost no sorting */
	size_t n;		  /* <= UINT32_MAX */
	int64_t minute;		  /* since 1970 */
	char sensor[ARCHIVE_SENSOR_MAX];
	uint64_t sender, sequence; /* who numbers its batches, and the number: for exactly-once */
	enum archive_level level;
};

struct archive_header {
	bool wide; /* IPv6 */
	enum archive_level level;
	uint32_t flows, payload; /* count; octets behind the header */
	uint64_t sender, sequence;
	uint32_t part, parts; /* this block among those of its batch, from 0 */
	int64_t minute;
	uint64_t packets, bytes;
	int64_t first_ns, last_ns; /* the least and the greatest of the block */
	struct addr src_min, src_max;
	uint64_t unit_ns; /* the times are multiples of it, from the minute on */
	char sensor[ARCHIVE_SENSOR_MAX];
	uint64_t sum; /* XXH64 of the columns */
};

struct archive_encoder;
struct archive_encoder *archive_encoder_new(void);
void archive_encoder_free(struct archive_encoder *e);

/* Appends the blocks of the batch to `out`, one behind the other, and returns how many there are (0 for no flows). */
uint32_t archive_encode(struct archive_encoder *e, const struct archive_batch *b, struct column_buf *out);

/* The checksum of a block's columns: XXH64, seed 0. */
uint64_t archive_sum(struct bytes payload);

/* Reads a header. Returns 0, -ARCHIVE_SHORT or -ARCHIVE_BAD (not a header, wrong checksum, sizes beyond the limits). */
int archive_header_parse(struct bytes in, struct archive_header *out) NODISCARD;

/* May the block hold flows of [from_ns, to_ns) from `src` (NULL: any)? Looks at the header alone. */
bool archive_header_matches(const struct archive_header *h, int64_t from_ns, int64_t to_ns, const struct prefix *src);

/* What a scan asks for, and what is called with up to ARCHIVE_CHUNK flows in archive order. A result other than 0 ends
 * the scan. */
struct archive_query {
	int64_t from_ns, to_ns;	  /* of the flow's first packet; at the key level, of the minute's start */
	const struct prefix *src; /* NULL: any */
	int (*fn)(void *arg, const struct archive_header *h, const struct flow *flows, size_t n);
	void *arg;
};

struct archive_decoder;
struct archive_decoder *archive_decoder_new(void);
void archive_decoder_free(struct archive_decoder *d);

/*
 * Checks the columns behind a header and hands out those flows that fit the query. Safe on any bytes; nothing is handed
 * out of a block that is broken. Returns 0, -ARCHIVE_SUM, -ARCHIVE_BAD or -ARCHIVE_STOPPED.
 */
int archive_decode(struct archive_decoder *d, const struct archive_header *h, struct bytes payload,
	const struct archive_query *q) NODISCARD;
