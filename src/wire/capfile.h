// SPDX-License-Identifier: Apache-2.0
/*
 * Capture files, as a pull parser over memory: classic pcap (draft-ietf-opsawg-pcap) in both byte orders with micro- and nanoseconds and
 * the modified variants met in practice, pcapng (draft-ietf-opsawg-pcapng) with many sections and interfaces. The caller owns
 * the bytes and slides a window over them; the parser keeps only its own state, so a file may be mapped, read or still growing.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#define CAPFILE_MAX_CAPLEN 262144u	/* larger records are malformed */
#define CAPFILE_MAX_BLOCK (16u << 20)	/* larger pcapng blocks are malformed */
#define CAPFILE_MAX_INTERFACES 65536u	/* per section; later ones are counted in `interfaces_dropped` */

struct capfile; /* opaque */

/* One packet. `data` points into the window and lives until the next call. */
struct capfile_record {
	struct bytes data;	/* captured bytes */
	uint32_t wire_len;	/* as the record claims; for SPB the original length */
	int linktype;		/* LINKTYPE_ number, without FCS bits */
	int64_t time_ns;	/* since 1970, offset and resolution applied; 0 when the record has no time (SPB) */
	bool has_time;
};

enum capfile_status {
	CAPFILE_RECORD,		/* *rec is filled, *used bytes are done with */
	CAPFILE_MORE,		/* the window holds no whole record: slide (drop *used bytes) and offer more, or call it the end */
	CAPFILE_SKIP,		/* *used bytes of something that is no packet were consumed; call again */
	CAPFILE_BAD,		/* malformed from here on: capfile_error() says what; nothing more can be read */
};

struct capfile *capfile_new(void);
void capfile_free(struct capfile *c);

/* Looks at the first 4 bytes of a file: pcap or pcapng of any kind? */
bool capfile_recognise(struct bytes head);

/*
 * Takes the next thing from the front of `window`. `*used` is always set. A concatenated second pcap header (`cat a b`) is noticed
 * where the next record would start. Never reads beyond the window, never keeps a pointer into it.
 */
enum capfile_status capfile_next(struct capfile *c, struct bytes window, struct capfile_record *rec, size_t *used);

/* Bytes wanted for the next whole record as far as known (at least 1), for growing a window. Bounded by CAPFILE_MAX_BLOCK + 64. */
size_t capfile_want(const struct capfile *c);

/* Reason text after CAPFILE_BAD. */
const char *capfile_error(const struct capfile *c);

/* "pcap" or "pcapng" once recognised, else NULL. */
const char *capfile_format(const struct capfile *c);

/* Interface types declared so far, in order: returns how many; `*types` lives as long as the parser. Classic pcap declares one. */
size_t capfile_linktypes(const struct capfile *c, const int **types);

/* Sum of isb_ifdrop over interface statistics blocks (the last statistics of each interface count). */
uint64_t capfile_drops(const struct capfile *c);
