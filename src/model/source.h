// SPDX-License-Identifier: Apache-2.0
/* The source noun: what one address sent to one sensor within one minute of packet time. */
#pragma once
#include "model/flow.h"

/* Counts of packets of a source that matched a mark; the same order as the FLOW_ bits of the same name. */
enum source_mark { MARK_ZMAP_ID, MARK_ZMAP_SYN, MARK_MASSCAN, MARK_MIRAI, MARK_NMAP, MARK_N };

/*
 * Fields of TCP SYN packets that stayed the same over all of the source's SYNs in the minute: bit set while constant.
 * A tool that derives a field from the destination and a session key shows as a constant XOR (Ghiette et al. 2016).
 */
enum source_constant {
	CONST_SEQ,	     /* sequence number */
	CONST_SEQ_DST,	     /* seq ^ dst */
	CONST_SEQ_DST_PORTS, /* seq ^ dst ^ (dport << 16 | sport) */
	CONST_IP_ID,
	CONST_SPORT,
	CONST_WINDOW,
	CONST_N
};

struct source {
	struct addr addr;
	int64_t minute; /* minutes since 1970 */
	int64_t first_ns, last_ns;
	uint64_t packets, bytes; /* bytes from the IP header on */
	uint32_t by_class[CLASS_N];
	uint32_t marks[MARK_N];
	uint32_t syns; /* SYN packets: what `marks` and `constants` are relative to (MASSCAN: TCP and UDP probes) */
	uint32_t constants; /* bit k: source_constant k held for all SYNs of the minute (when syns >= 2) */
	uint32_t targets,
		ports; /* distinct destinations; distinct (protocol, port) of TCP and UDP; exact within the minute */
};
