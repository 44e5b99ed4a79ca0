// SPDX-License-Identifier: Apache-2.0
/*
 * A batch as it goes over an edge: messages of one sequence number, closed by `commit`. The one side builds it octet by
 * octet and keeps it until it is acknowledged; the other puts it together again, within limits, and checks that every
 * record speaks of the sensor that the sender may speak of.
 */
#pragma once
#include "model/message.h"
#include "model/source.h"
#include "store/store.h"

#define BATCH_FLOWS    ((size_t)256 << 10) /* more go into another batch */
#define BATCH_SOURCES  ((size_t)64 << 10)
#define BATCH_BLOCKS   ((size_t)64 << 20) /* octets taken */
#define BATCH_ROWS     65536u		  /* of signals, gaps, clocks, marks taken */
#define BATCH_FINDINGS 1024u
#define BATCH_ROLLUPS  131072u

/* ---- sending ---- */

/* One allocation a batch: frames of {length u32, header and body}. */
struct batch {
	struct batch *next;
	uint64_t sequence;
	uint64_t packets; /* of its flows: what is lost with it */
	uint64_t told;	  /* lost packets of earlier batches, in a gap in it */
	int64_t from_ns, until_ns;
	struct message_buf frames;
	size_t sent; /* octets of frames that a channel has taken */
};

struct batch *batch_new(uint64_t sequence);
void batch_free(struct batch *b);
void batch_add(struct batch *b, enum message_kind kind, uint32_t count, const void *body, size_t n);
void batch_blocks(struct batch *b, struct bytes blocks);
struct sourceblock;
void batch_sources(
	struct batch *b, struct sourceblock *encoder, const struct source *v, size_t n); /* by minute, address */
void batch_rollup(struct batch *b, struct rollup *r);					 /* folds it */
void batch_signal(struct batch *b, const struct signal *s);
void batch_row(struct batch *b, enum message_kind kind, const struct row_kind *row, const void *record);
void batch_finding(struct batch *b, const struct finding *f);

/* Everything before `until_ns` has been given with this batch and those before it. Closes it. `ended`: on purpose
 * nothing is watched from then on. */
void batch_commit(struct batch *b, int64_t until_ns, bool ended);

/* The frame at `*at`, which moves on. False at the end or when the rest is no frame. */
bool batch_next(struct bytes frames, size_t *at, struct message *out);

/* ---- receiving ---- */

struct assembly; /* opaque */

struct assembly *assembly_new(void);
void assembly_free(struct assembly *a);

/* A new sender speaks, for one sensor alone; NULL: for several, each record says. Forgets what was begun. Sender 0: the
 * batches are passed on by somebody else, blocks keep the numbers of whoever made them. */
void assembly_begin(struct assembly *a, uint64_t sender, const char *sensor);

/*
 * Takes a message of a batch. Returns 0; 1 when it was the commit that closes a batch: assembly_batch() has it; -1 with
 * the reason when it is against the rules: the peer is not to be believed.
 */
int assembly_add(struct assembly *a, const struct message *m, const char **why);

/* The batch that was closed; lives until assembly_clear(). */
const struct store_batch *assembly_batch(const struct assembly *a);
int64_t assembly_until(const struct assembly *a);
bool assembly_ended(const struct assembly *a);
uint64_t assembly_flows(const struct assembly *a);
uint64_t assembly_packets(const struct assembly *a); /* of the flows, as their blocks say */
int64_t assembly_first(const struct assembly *a);    /* the first packet's time; 0 without flows */

/* Records that come beside those of the batch: clocks, sensors, marks. Returns what `fn` returned when not 0, -1 for a
 * row that can't be read. */
int assembly_each(struct assembly *a, enum message_kind kind, const struct row_kind *row,
	int (*fn)(void *arg, const void *record), void *arg);

/* Ready for the next batch of the same sender. Memory is kept. */
void assembly_clear(struct assembly *a);
