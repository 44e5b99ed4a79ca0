// SPDX-License-Identifier: Apache-2.0
/*
 * The usual frame of a telescope, read without filling a struct packet: Ethernet without a tag, IPv4 without options
 * that is no later fragment, a whole TCP, UDP or ICMP header. Everything else is "not usual" and takes packet_decode().
 * What is said here is what packet_decode() says of the same bytes; a property test holds both together.
 */
#pragma once
#include "wire/packet.h"

/* Class by TCP flags & 0x3f. */
extern const uint8_t packet_tcp_classes[64];

/* Two fields, loaded at once: the four and eight bytes at `p`, network order to host order. */
static inline uint32_t usual_be32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t usual_be64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

/* The header words of a usual frame. `have`: octets from the IP header on, as captured and as the IP length allows,
 * >= 28. */
struct usual {
	uint64_t head;	  /* IP header octets 0..7: version .. total length, identification, fragment */
	uint64_t addrs;	  /* source << 32 | destination */
	const uint8_t *t; /* transport header */
	size_t have;
	uint16_t proto_ttl; /* protocol << 8 | TTL */
};

static inline unsigned usual_proto(const struct usual *u)
{
	return u->proto_ttl >> 8;
}

static inline unsigned usual_total(const struct usual *u)
{
	return (unsigned)(u->head >> 32) & 0xffff;
}

static inline unsigned usual_id(const struct usual *u)
{
	return (unsigned)(u->head >> 16) & 0xffff;
}

static inline bool usual_dont_fragment(const struct usual *u)
{
	return u->head & 0x4000;
}

/* True for Ethernet, IPv4 without options, no later fragment, 28 octets of it at least. Any protocol. */
static inline __attribute__((always_inline)) bool usual_network(struct bytes frame, struct usual *u)
{
	const uint8_t *e = frame.p;
	/* EtherType 0x0800, version 4, header length 5. */
	if (frame.n < 42 || usual_be32(e + 12) >> 8 != 0x080045)
		return false;
	size_t captured = frame.n - 14;
	u->head = usual_be64(e + 14);
	u->have = usual_total(u) < captured ? usual_total(u) : captured;
	u->proto_ttl = load_le16(e + 22);
	u->addrs = usual_be64(e + 26);
	u->t = e + 34;
	return u->have >= 28 && (u->head & 0x1fff) == 0;
}

/* The class of a usual frame, or -1: not usual. */
static inline __attribute__((always_inline)) int usual_class(const struct usual *u)
{
	if (__builtin_expect(usual_proto(u) == PROTO_TCP, 1))
		return u->have >= 40 && u->t[12] >= 0x50 ? packet_tcp_classes[u->t[13] & 0x3f] : -1;
	return usual_proto(u) == PROTO_UDP ? CLASS_UDP : usual_proto(u) == PROTO_ICMP ? CLASS_ICMP : -1;
}
