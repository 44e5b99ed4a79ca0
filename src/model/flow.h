// SPDX-License-Identifier: Apache-2.0
/*
 * The flow noun: the flowtuple of one minute. Key: minute, source, destination, ports, protocol, TTL, TCP flags, IP
 * length (the key of CAIDA's flowtuple v3). It has no id: (segment, block, row) names it.
 */
#pragma once
#include "model/addr.h"
#include "wire/packet.h"

#define MINUTE_NS 60000000000

/* What single packets of the flow showed. Tool tags say "a packet matched", never "this is the tool": tools are
 * concluded from a source. */
enum {
	FLOW_ZMAP_ID = 1 << 0,	/* IP ID 54321 (ZMap until March 2024) */
	FLOW_ZMAP_SYN = 1 << 1, /* SYN, window 65535, DF clear, one of the option sets of ZMap since April 2024 */
	FLOW_MASSCAN = 1 << 2,	/* IP ID == (dst ^ dport ^ seq) & 0xffff */
	FLOW_MIRAI = 1 << 3,	/* TCP SYN, sequence number == destination address */
	FLOW_NMAP = 1 << 4,	/* SYN, only MSS 1460, window 1024, 2048, 3072 or 4096, DF clear */
	FLOW_PROBE = 1 << 5,	/* UDP datagram that is empty or the known question of a protocol */
	FLOW_FRAGMENT = 1 << 6, /* later fragments */
	FLOW_QUOTE = 1 << 7,	/* ICMP error that quotes a packet */
	FLOW_PROTO_SHIFT = 8,	/* bits 8..15: enum udp_protocol the first payload speaks, 0 unknown */
};

struct flow {
	struct addr src, dst;
	uint16_t sport, dport; /* ICMP: type, code; fragments and other protocols: 0 */
	uint16_t ip_len;
	uint8_t proto, ttl, tcp_flags;
	uint8_t cls;   /* enum packet_class */
	uint16_t tags; /* FLOW_* */
	uint64_t packets;
	uint64_t bytes; /* packets x ip_len: octets from the IP header on */
	int64_t first_ns, last_ns;
};

/* The ends of an IPv4 or IPv6 packet. */
static inline struct addr flow_packet_src(const struct packet *p)
{
	return p->layer == LAYER_IP4 ? addr_from4(p->src4) : addr_from_packet6(p->src6);
}

static inline struct addr flow_packet_dst(const struct packet *p)
{
	return p->layer == LAYER_IP4 ? addr_from4(p->dst4) : addr_from_packet6(p->dst6);
}

/* The order of closed minutes: IPv4 before IPv6, then source, destination port, destination, rest of the key. */
int flow_cmp(const struct flow *a, const struct flow *b);

static inline unsigned flow_protocol(const struct flow *f)
{
	return f->tags >> FLOW_PROTO_SHIFT;
}
