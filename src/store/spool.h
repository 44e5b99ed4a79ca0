// SPDX-License-Identifier: Apache-2.0
/*
 * Batches that wait for a link, in files of a directory of their own ("NUMBER.spool", 16 hexadecimal digits): they only
 * grow, and are removed whole once the peer has all that is in them. Each begins with the state of every sender, so the
 * numbers that were given out are known even when all files but the last are gone.
 *
 * spool_append() returns when the disk has the batch: only then may it be acknowledged. A start cuts what a crash left
 * half written at the end; what it left of earlier files is told by `lost`, never passed over in silence. How far the
 * peer is lies in memory, and in the head of each new file: after a start the peer says it anew, and spool_acked()
 * takes it. One process at a time; one thread.
 */
#pragma once
#include "base/err.h"
#include "store/spoolrecord.h"

#define SPOOL_SENDERS_MAX 192

struct spool; /* opaque */

struct spool_sender {
	uint64_t id, last, acked; /* numbers of batches: the last that was spooled; the last that the peer has */
	int64_t until_ns;	  /* everything before was spooled; 0: nothing yet */
	bool ended;		  /* on purpose nothing was watched from then on */
	char sensor[64];
};

struct spool_params {
	const char *dir;   /* is there */
	uint64_t quota;	   /* octets of all files */
	uint64_t file_max; /* octets of a file before the next is begun; 0: a 16th of the quota, 64 KiB to 64 MiB */
	/* A batch that can't be read any more; frames are not set. Called in spool_open() and spool_next(). May be
	 * NULL. */
	void (*lost)(void *arg, const struct spool_record *r, const char *why);
	void *arg;
};

enum { SPOOL_FULL = 1 /* quota or disk */, SPOOL_IO = 2, SPOOL_CROWDED = 3 /* too many senders */ };

/* Returns 0 or -SPOOL_IO with the reason. */
int spool_open(struct spool **out, const struct spool_params *p, struct err *err) NODISCARD;
void spool_close(struct spool *s);

/* The state of a sender; NULL: it is not known. Lives until the spool is changed. */
const struct spool_sender *spool_sender(const struct spool *s, uint64_t id);
const struct spool_sender *spool_sender_at(const struct spool *s, size_t i); /* NULL: there are no more */

/* A new sender, whose numbers begin behind `last`. Returns 0, -SPOOL_CROWDED, -SPOOL_IO. */
int spool_begin(struct spool *s, uint64_t id, const char *sensor, uint64_t last, struct err *err) NODISCARD;

/* What lies before `until_ns` was told otherwise: the sender goes on from there. */
int spool_resume(struct spool *s, uint64_t id, int64_t until_ns, struct err *err) NODISCARD;

/*
 * Puts a batch of a known sender at the end, with a number above its last. Once full, batches are refused until an
 * eighth of the quota is free. `small`: a 16th more than the quota is there for these, so that what was lost can be
 * told when there is no room for more. Returns 0, -SPOOL_FULL (nothing was kept), -SPOOL_IO (the spool has to be opened
 * anew).
 */
int spool_append(struct spool *s, const struct spool_record *r, bool small, struct err *err) NODISCARD;

/*
 * The next batch that the peer has not acknowledged. Its frames live until the next call. Returns 1, 0: there is none
 * now, -SPOOL_IO.
 */
int spool_next(struct spool *s, struct spool_record *out, struct err *err) NODISCARD;

/* From the oldest that was not acknowledged. */
void spool_rewind(struct spool *s);

/* The peer has this batch of the sender and all before it. Files that are done are removed. */
void spool_acked(struct spool *s, uint64_t sender, uint64_t sequence);

uint64_t spool_waiting(const struct spool *s); /* octets that are not acknowledged */
uint64_t spool_size(const struct spool *s);    /* octets of all files */
uint64_t spool_cut(const struct spool *s);     /* octets that were cut off at the start */
