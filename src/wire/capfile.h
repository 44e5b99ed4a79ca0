// SPDX-License-Identifier: Apache-2.0
/*
 * Capture files, as a pull parser over memory: classic pcap (draft-ietf-opsawg-pcap) in both byte orders with micro-
 * and nanoseconds and the modified variants met in practice, pcapng (draft-ietf-opsawg-pcapng) with many sections and
 * interfaces. The caller owns the bytes and slides a window over them; the parser keeps only its own state, so a file
 * may be mapped, read or still growing.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#define CAPFILE_MAX_CAPLEN     262144u	   /* larger records are malformed */
#define CAPFILE_MAX_BLOCK      (16u << 20) /* larger pcapng blocks are malformed */
#define CAPFILE_MAX_INTERFACES 65536u	   /* per section; later ones are counted in `interfaces_dropped` */

struct capfile; /* opaque */

/* One packet. `data` points into the window and lives as long as that. */
struct capfile_record {
	struct bytes data; /* captured bytes */
	uint32_t wire_len; /* as the record claims; for SPB the original length */
	int linktype;	   /* LINKTYPE_ number, without FCS bits */
	int64_t time_ns;   /* since 1970, offset and resolution applied, clamped; 0 when the record has no time (SPB) */
	bool has_time;
};

enum capfile_status {
	CAPFILE_RECORDS, /* recs[0 .. n) are filled (n may be 0: something that is no packet was consumed); call again
			  */
	CAPFILE_MORE,	 /* as far as the window goes; slide it (drop `used` bytes) and offer capfile_want(), or call it
			    the end */
	CAPFILE_BAD,	 /* malformed behind `used`: capfile_error() says what; nothing more can be read */
};

struct capfile *capfile_new(void);
void capfile_free(struct capfile *c);

/* Looks at the first 4 bytes of a file: pcap or pcapng of any kind? */
bool capfile_recognise(struct bytes head);

/*
 * Takes up to `max` records from the front of `window`. `*n` and `*used` are always set, whatever is returned. A
 * concatenated second pcap header (`cat a b`) is noticed where the next record would start. Never reads beyond the
 * window, never keeps a pointer into it.
 */
enum capfile_status capfile_read(
	struct capfile *c, struct bytes window, struct capfile_record *recs, size_t max, size_t *n, size_t *used);

/* Bytes wanted for the next whole record as far as known (at least 1), for growing a window. Bounded by
 * CAPFILE_MAX_BLOCK + 64. */
size_t capfile_want(const struct capfile *c);

/* Reason text after CAPFILE_BAD. */
const char *capfile_error(const struct capfile *c);

/* "pcap" or "pcapng" once recognised, else NULL. */
const char *capfile_format(const struct capfile *c);

/* Interface types declared so far, each once, in order: returns how many; `*types` lives as long as the parser. Classic
 * pcap declares one. */
size_t capfile_linktypes(const struct capfile *c, const int **types);

/* What is missing when the input ends with a rest of `left` bytes that makes no record: "record cut off after 7 of 16
 * bytes". */
const char *capfile_cut(struct capfile *c, struct bytes left);

/* Odd things that were read over: blocks that refer to no interface, lengths that lie. */
uint64_t capfile_oddities(const struct capfile *c);

/* The latest time stamp that doesn't fit 64 bits of nanoseconds (after April 2262), as seconds and nanoseconds; false:
 * none. */
bool capfile_far(const struct capfile *c, int64_t *s, uint32_t *ns);

/* Sum of isb_ifdrop over interface statistics blocks (the last statistics of each interface count). */
uint64_t capfile_drops(const struct capfile *c);
