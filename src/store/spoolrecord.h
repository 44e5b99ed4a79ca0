// SPDX-License-Identifier: Apache-2.0
/*
 * What lies in a file of the spool, pure: a header of 32 octets, then records of a header of 136 octets each and what
 * they carry. docs/messages.md has them octet by octet. Both headers and what is carried have checksums (XXH64), so a
 * write that a crash cut short is told from one that is whole.
 */
#pragma once
#include "base/bytes.h"

#define SPOOL_FILE_HEADER   32u
#define SPOOL_RECORD_HEADER 136u
#define SPOOL_BATCH_MAX	    (128u << 20) /* octets of a batch's frames */

enum spool_kind {
	SPOOL_BATCH = 1, /* a batch: its frames as they go over the link */
	SPOOL_STATE = 2, /* how far a sender is, without frames: sequence = the last that was spooled, packets = the
			    last that the peer has */
	SPOOL_VOID = 3,	 /* was a batch that can't be read any more; that was told */
};

struct spool_record {
	enum spool_kind kind;
	bool ended;		   /* on purpose nothing is watched from `until_ns` on */
	uint64_t sender, sequence; /* neither is 0 in a batch */
	uint64_t packets;	   /* of its flows: what is lost with it */
	int64_t from_ns, until_ns;
	char sensor[64];
	struct bytes frames;
};

void spool_file_build(uint8_t out[SPOOL_FILE_HEADER], uint64_t number);
int spool_file_parse(struct bytes in, uint64_t *number) NODISCARD;

void spool_record_build(uint8_t out[SPOOL_RECORD_HEADER], const struct spool_record *r);

enum { SPOOL_SHORT = 1 /* it goes on behind the end */, SPOOL_BROKEN = 2 /* no record begins here */, SPOOL_SUM = 3 };

/*
 * The record at the front. Returns 0; -SPOOL_SHORT, -SPOOL_BROKEN: nothing can be said of it or of what follows;
 * -SPOOL_SUM: the header holds but not what it carries, `*size` leads to the next one. `frames` lies in `in`; those
 * of SPOOL_VOID are not looked at. With `header_only` none are looked at or needed: `frames.p` is NULL.
 */
int spool_record_parse(struct bytes in, bool header_only, struct spool_record *out, size_t *size) NODISCARD;
