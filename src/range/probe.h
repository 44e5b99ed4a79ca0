// SPDX-License-Identifier: Apache-2.0
/*
 * What the packets of scanners, bots, victims and plain hosts look like when they arrive at a darknet: one row a kind
 * of sender. Header fields are those of the tools' published sources and of runs of the tools; docs/counting-rules.md
 * and the tool rules read them back.
 */
#pragma once
#include "base/random.h"
#include "range/frame.h"

enum probe {
	PROBE_MIRAI,	    /* seq = destination, no options, TTL start 64, window and source port kept for a run */
	PROBE_FORGED,	    /* the same mark under somebody else's address: TTLs all over */
	PROBE_TELNET,	    /* a bot for telnet without that mark */
	PROBE_ZMAP_CLASSIC, /* until March 2024: IP ID 54321, TTL start 255, window 65535, no options */
	PROBE_ZMAP,	    /* since April 2024: random ID, TTL start 64, options of Windows, DF clear */
	PROBE_MASSCAN,	    /* IP ID = (dst ^ dport ^ seq) & 0xffff, TTL start 255, window 1024, no options */
	PROBE_NMAP,	    /* MSS 1460 alone, window 1024, one seq and source port a run, TTL changes, DF clear */
	PROBE_CONSTANT,	    /* seq ^ dst ^ ports is one key for all of a run */
	PROBE_XMAS,	    /* FIN, PSH, URG */
	PROBE_SYN,	    /* an ordinary Linux client: DF, MSS, SACK, timestamps, window scale */
	PROBE_UDP,	    /* what the port's protocol expects as a request, else nothing or noise */
	PROBE_PING,
	PROBE_SYN_ACK, /* a server answers a SYN that carried a dark source */
	PROBE_RST,     /* the same, closed port */
	PROBE_UNREACH, /* ICMP error that quotes a packet with a dark source */
	PROBE_N
};

struct probe_row {
	const char *name;    /* of the kind of sender */
	const char *finding; /* kind of finding it should lead to, by its published name */
	const char *tool;    /* tool of that finding, NULL where it has no meaning */
	uint8_t ttl;	     /* at the sender; 0: another for each packet */
	bool answers;	     /* backscatter: its own port is the interesting one */
};
const struct probe_row *probe_row(enum probe kind);

/* One host and its habits. Addresses in host order. */
struct sender {
	uint32_t addr;
	uint32_t key; /* what stays the same over its packets: sequence number, cookie; UNREACH: the quoted destination
		       */
	uint32_t count; /* packets so far */
	uint16_t sport, window;
	uint16_t port; /* it looks for this one; victims answer from it */
	uint8_t kind;  /* enum probe */
	uint8_t hops;  /* routers between it and the sensor */
};

/* Draws the habits of a host of this kind. */
void sender_init(struct sender *s, enum probe kind, uint32_t addr, struct random *r);

struct probe_target {
	uint32_t dst;
	uint16_t dport;			      /* victims: the port that the forged packet came from */
	const uint8_t *src6, *dst6, *quoted6; /* IPv6 instead; `quoted6` for UNREACH */
};

/* Builds the next packet of `s`. The caller counts. */
void probe_build(struct frame *f, const struct sender *s, const struct probe_target *to, struct random *r);
