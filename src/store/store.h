// SPDX-License-Identifier: Apache-2.0
/*
 * The store: a directory with `store.db` (SQLite, WAL, synchronous FULL), `flows/YYYYMMDDHH.seg` (the flow archive) and
 * `lock`. One process writes, others may read beside it.
 *
 * Exactly once: store_commit() appends the blocks, waits for the disk, then one transaction holds everything else
 * together with the lengths of the segments and the sender's sequence number. When it has returned 0 the batch is
 * acknowledged. A writer that starts cuts what lies behind the committed lengths; a sequence number that was committed
 * before is answered with STORE_REPEATED and changes nothing.
 */
#pragma once
#include "model/case.h"
#include "model/decision.h"
#include "model/gap.h"
#include "model/sensor.h"
#include "model/signal.h"
#include "model/source.h"
#include "store/archive.h"
#include "store/rollup.h"

#include <stdatomic.h>

/* Failures, negative. STORE_BUSY is told with the pid of the writer: a command then exits with 3. */
enum store_error {
	STORE_IO = 1,
	STORE_FULL,   /* disk or limit full: what was there is kept, later commits can go on */
	STORE_BUSY,   /* another process writes */
	STORE_NEWER,  /* made by a newer program */
	STORE_OLDER,  /* a reader found a schema that a writer has to migrate first */
	STORE_ABSENT, /* a reader found no store */
	STORE_DAMAGED,
	STORE_BAD,     /* the batch is not what it says */
	STORE_STOPPED, /* a callback returned other than 0 */
};
#define STORE_REPEATED 1 /* success: this sequence number was committed before */

enum store_mode { STORE_READ, STORE_WRITE };

struct store; /* opaque; one thread */

/*
 * Opens or, for writing, makes the store. For writing it takes the lock, migrates with a backup (`store.db.before-vN`),
 * cuts the segments. Returns NULL with the reason in `*code` (negative, may be NULL) and `err`.
 */
struct store *store_open(const char *dir, enum store_mode mode, int *code, struct err *err) NODISCARD;
void store_close(struct store *s);

/* The version of the schema as opening found it (a reader may stay with that of the version before, a writer migrates),
 * and this program's. */
int store_schema(const struct store *s);
int store_schema_of_program(void);

/* What opening found: octets of unacknowledged blocks that were cut, and octets that committed segments lack. */
struct store_recovery {
	uint64_t cut, missing;
	uint32_t segments;
};
struct store_recovery store_recovery(const struct store *s);

/* Each hour of a batch is a file of its own, made safe by itself: more changes of the hour among the blocks of a batch
 * are -STORE_BAD. */
#define STORE_BATCH_HOURS 1024u

/* What one sender has to say. Everything may be empty. Pointers are used only during the call. */
struct store_batch {
	uint64_t sender, sequence;    /* sequence from 1 on, ascending; sender 0: not numbered, every commit counts */
	const char *sensor;	      /* of sources and roll-ups */
	struct bytes blocks;	      /* archive_encode(), of any hours, with the same sender and sequence */
	const struct source *sources; /* any order; by minute and address costs no sorting */
	size_t sources_n;
	const struct finding *findings; /* a finding with a known id takes the old one's place */
	size_t findings_n;
	const struct signal *signals;
	size_t signals_n;
	const struct gap *gaps;
	size_t gaps_n;
	struct rollup *rollup; /* NULL: none */
	int64_t until_ns;      /* everything the sender saw before this is in; 0: not said */
	bool ended;	       /* on purpose it sees nothing from then on */
};

/* 0, STORE_REPEATED, or a negative code: then nothing of the batch is in the store. */
int store_commit(struct store *s, const struct store_batch *b, struct err *err) NODISCARD;

/* The last sequence number of the sender that is committed, 0 when there is none. */
uint64_t store_sequence(struct store *s, uint64_t sender);

/* How far a sender's batches go: its last `until_ns`, 0 when it never said. */
int64_t store_progress(struct store *s, uint64_t sender, bool *ended);

/* Of each sensor, how far the batches of its senders go. */
void store_each_progress(struct store *s, void (*fn)(void *arg, const char *sensor, int64_t until_ns), void *arg);

/* Nouns with a row table: put takes the place of the record with the same key. `kind` is one of row_kinds. */
int store_put(struct store *s, const struct row_kind *kind, const void *record, struct err *err) NODISCARD;
int store_each(struct store *s, const struct row_kind *kind, int (*fn)(void *arg, const void *record), void *arg,
	struct err *err) NODISCARD;

/* The record with this key (of a kind whose key is one text). 0, 1: there is none, or a negative code. */
int store_find(struct store *s, const struct row_kind *kind, const char *key, void *record, struct err *err) NODISCARD;

/* Gives back what reading still holds, so that a store that stays open between questions shows what is new. */
void store_rest(struct store *s);

/* What a scan met. `broken` is called for everything unreadable, with file and offset. */
struct store_scan {
	int64_t from_ns, to_ns;	  /* of a flow's first packet: [from, to) */
	const struct prefix *src; /* NULL: any */
	int (*fn)(void *arg, const struct archive_header *block, const struct flow *flows, size_t n);
	/*
	 * Asked before a block is read: true passes over it. `whole`: all of its flows fit the time and prefix, so that
	 * its header counts them. A block that is passed over is not checked. NULL: none is passed over.
	 */
	bool (*block)(void *arg, const struct archive_header *block, bool whole);
	void (*broken)(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason);
	void *arg;
	const atomic_bool *cancel; /* looked at before each block: true ends the scan with -STORE_STOPPED; NULL: none */
	uint64_t flows, blocks, skipped, broken_n; /* results; blocks and skipped only for who may see all tenants */
};

/*
 * Hands out flows by minute, then sensor, family and archive order (source, port, destination ..), in chunks. Returns 0
 * or a negative code; broken blocks are counted, told and passed over.
 */
int store_scan_flows(struct store *s, struct store_scan *scan, struct err *err) NODISCARD;

/*
 * The sources of the minutes that [from, to) touches and that were seen in it, by minute, sensor, address: as they were
 * committed. A minute that was committed in pieces comes in pieces. -STORE_DAMAGED when a block is broken.
 */
int store_each_source(struct store *s, int64_t from_ns, int64_t to_ns, const struct prefix *src,
	int (*fn)(void *arg, const char *sensor, const struct source *), void *arg) NODISCARD;

/* The findings that overlap [from, to), by first, then id. */
int store_each_finding(struct store *s, int64_t from_ns, int64_t to_ns, int (*fn)(void *arg, const struct finding *),
	void *arg) NODISCARD;

/* The signals of [from, to), by time. */
int store_each_signal(struct store *s, int64_t from_ns, int64_t to_ns, int (*fn)(void *arg, const struct signal *),
	void *arg) NODISCARD;

/* One sum of an hour or day. */
struct store_sum {
	int64_t start_ns, end_ns;
	char sensor[64], key[ROLLUP_KEY_MAX];
	uint64_t packets, sources;
	bool estimate; /* `sources` is */
};

struct store_rollup {
	enum rollup_span span;
	enum rollup_dim dim;
	int64_t from_ns, to_ns;
	const char *sensor; /* NULL: any */
	int (*fn)(void *arg, const struct store_sum *);
	void *arg;
};

/* By time, sensor, then packets descending. */
int store_rollup(struct store *s, const struct store_rollup *q) NODISCARD;

/* A line in the audit table, chained to the one before it: who did what to what. */
int store_audit(struct store *s, int64_t at_ns, const char *who, const char *what, const char *subject,
	struct err *err) NODISCARD;

/* A record with its line, both or none. `kind` NULL: the line alone. */
struct store_note {
	int64_t at_ns;
	const char *who, *what, *subject;
};
int store_put_noted(struct store *s, const struct row_kind *kind, const void *record, const struct store_note *note,
	struct err *err) NODISCARD;

/* What the audit chain is like; `reason` (static text) is NULL when every row fits. */
struct store_audit_state {
	uint64_t rows;
	int64_t bad_seq; /* the first row that doesn't fit */
	const char *reason;
	int64_t head_seq; /* number and hash of the last row, as kept apart */
	uint8_t head[32];
};

/* 0, or -STORE_DAMAGED with the first row that doesn't fit. */
int store_audit_verify(struct store *s, struct store_audit_state *out, struct err *err) NODISCARD;

/* Octets of all segments as far as they are committed. */
uint64_t store_archive_octets(struct store *s);

/* Drops the segments of the hours before `ns` with their records of sources: files whole, nothing else. */
int store_drop(struct store *s, int64_t ns, uint32_t *dropped, struct err *err) NODISCARD;

/* For tests: called after each step of a commit. NULL in production. */
enum store_step { STORE_APPENDED, STORE_WRITTEN, STORE_COMMITTED };
extern void (*store_step)(enum store_step step);
