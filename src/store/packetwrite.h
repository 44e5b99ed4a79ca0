// SPDX-License-Identifier: Apache-2.0
/*
 * The capture's side of the packet ring: packets to dark prefixes into a nanosecond pcap file that somebody else opened
 * for appending. One thread; memory is taken at the start, none in the packet path.
 *
 * Files change by asking: at max_bytes or max_ns `ask` is called once; the next descriptor comes by packetwrite_give(),
 * within the call or later. Until then the current file goes on, up to four times max_bytes, then packets are lost
 * and counted. A full disk loses packets and ends the file; the next is asked for ten seconds later.
 */
#pragma once
#include "model/prefixset.h"
#include "wire/packet.h"

#define PACKETWRITE_BYTES    (64u << 20)  /* usual size of a file */
#define PACKETWRITE_NS	     600000000000 /* and its usual time */
#define PACKETWRITE_RETRY_NS 10000000000

struct packetwrite_params {
	const struct prefixset *dark; /* sealed; the caller's */
	int linktype;
	uint32_t snaplen;   /* octets kept of each packet; 0: all */
	uint64_t max_bytes; /* 0: PACKETWRITE_BYTES */
	int64_t max_ns;	    /* 0: PACKETWRITE_NS */
	void (*ask)(void *arg, int64_t ns);
	void *arg;
};

struct packetwrite_counts {
	uint64_t packets, bytes; /* written or buffered; bytes with record headers */
	uint64_t elsewhere;	 /* not to a dark prefix: never kept */
	uint64_t lost;		 /* no file, or the disk was full */
	uint64_t failures;	 /* of writing */
	uint64_t files;
	int error; /* negative errno of the last failure, 0: none */
};

struct packetwrite; /* opaque */

/* Calls `ask` at the first packet. */
struct packetwrite *packetwrite_new(const struct packetwrite_params *p);

/* Flushes what is buffered and closes the file. NULL is fine. */
void packetwrite_free(struct packetwrite *w);

/* The next file, empty, open for appending; closed by the writer. What is buffered goes to the file before. */
void packetwrite_give(struct packetwrite *w, int fd);

/* One packet; `p` is `frame` decoded. Not to be kept: counted, no more. */
void packetwrite_packet(
	struct packetwrite *w, const struct packet *p, int64_t ns, struct bytes frame, uint32_t wire_len);

/* Hands the buffer to the file, so that readers see it: once a second or so. */
void packetwrite_flush(struct packetwrite *w);

struct packetwrite_counts packetwrite_counts(const struct packetwrite *w);
