// SPDX-License-Identifier: Apache-2.0
/*
 * Builds Ethernet frames with valid lengths and checksums: IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC
 * 768), ICMP (RFC 792), ICMPv6 (RFC 4443). For captures that are made, never for sending.
 */
#pragma once
#include "base/bytes.h"

#define FRAME_MAX      320
#define FRAME_DATA_MAX 160 /* longest payload */
#define FRAME_MIN      60  /* shorter frames get the padding that a network card adds */
#define FRAME_QUOTE4   28  /* octets of an IPv4 packet that an ICMP error quotes: header and 64 bits (RFC 792) */
#define FRAME_QUOTE6   48

struct frame {
	size_t n;
	uint8_t b[FRAME_MAX];
};

/* The network layer. Not used beyond the call. */
struct frame_net {
	uint32_t src, dst;	    /* IPv4 in host order */
	const uint8_t *src6, *dst6; /* both set: IPv6, 16 bytes each */
	uint16_t id;		    /* IPv4 only */
	uint8_t ttl;		    /* hop limit */
	bool df;		    /* IPv4: don't fragment */
};

struct frame_tcp {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;
	struct bytes options; /* a multiple of 4, at most 40 */
};

void frame_tcp(struct frame *f, const struct frame_net *net, const struct frame_tcp *tcp);

void frame_udp(struct frame *f, const struct frame_net *net, uint16_t sport, uint16_t dport, struct bytes data);

/* ICMP over IPv4, ICMPv6 over IPv6. `rest` are the second four octets of the header. */
struct frame_icmp {
	uint8_t type, code;
	uint32_t rest;
};
void frame_icmp(struct frame *f, const struct frame_net *net, const struct frame_icmp *icmp, struct bytes data);

/* What an ICMP error quotes of `f`: its IP header and the first 64 bits behind. Lives as long as `f`. */
struct bytes frame_quote(const struct frame *f);
