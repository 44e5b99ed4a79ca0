// SPDX-License-Identifier: Apache-2.0
/*
 * Live packets: TPACKET_V3 rings of AF_PACKET sockets (packet(7)). One ring a worker; the kernel spreads packets over
 * the rings by their IP source address, so that a worker sees whole sources (packets without one, or with more than
 * four VLAN tags before it, go to any ring, but always to the same). Records point into the ring: nothing is copied. A
 * VLAN tag that the kernel took out of the frame is put back.
 *
 * Needs CAP_NET_RAW to open, nothing afterwards.
 */
#pragma once
#include "base/err.h"
#include "wire/capfile.h"

#define CAPTURE_BLOCK	    (1u << 20) /* octets */
#define CAPTURE_BLOCKS	    64u	       /* a ring, when not asked otherwise */
#define CAPTURE_BLOCKS_MAX  1024u
#define CAPTURE_WORKERS_MAX 16u
#define CAPTURE_TIMEOUT_MS  20 /* a block that isn't full is handed out after this */

struct capture; /* opaque */

struct capture_params {
	const char *interface;
	unsigned workers; /* rings; 0: 1 */
	unsigned blocks;  /* of CAPTURE_BLOCK a ring, at least 2; 0: CAPTURE_BLOCKS */
	uint32_t snaplen; /* 0: whole packets, up to what a block holds */
	bool promiscuous;
	bool outgoing; /* also what this host sends */
};

/* Returns 0; -1 with the reason, and nothing is open. Packets are kept from here on; none is seen twice. */
int capture_open(struct capture **out, const struct capture_params *p, struct err *err) NODISCARD;
void capture_close(struct capture *c);

int capture_linktype(const struct capture *c); /* LINKTYPE_ number of the interface's hardware type */
unsigned capture_workers(const struct capture *c);

/*
 * Up to `max` records of ring `w`, in order of arrival. They live until the next call for this ring, which gives their
 * block back when it was the last of it. 0: nothing there now, see capture_wait(). Each ring may be read by a thread of
 * its own.
 */
size_t capture_read(struct capture *c, unsigned w, struct capfile_record *recs, size_t max);

/* Waits for a block of ring `w`. Returns 1 (something is there), 0 (time is over or a signal came), -1 (the interface
 * is gone or down). */
int capture_wait(struct capture *c, unsigned w, int timeout_ms);

/*
 * No packet is kept after this; what was kept is still read. A ring is at its end when capture_done() says so. The
 * kernel hands the last block out after CAPTURE_TIMEOUT_MS: a reader that doesn't wait for it loses it.
 */
void capture_stop(struct capture *c);
bool capture_done(struct capture *c, unsigned w);

/* Sums since the opening. */
struct capture_stats {
	uint64_t kept;	   /* put into the rings */
	uint64_t dropped;  /* seen by the socket, but the rings were full */
	uint64_t read;	   /* handed out by capture_read() */
	uint64_t bad;	   /* ring entries that lie about their length: a fault of the kernel; not handed out */
	uint64_t outgoing; /* own packets that were passed over */
};

/* Asks the kernel. Threads may call it beside capture_read(), one at a time. */
struct capture_stats capture_stats(struct capture *c);
