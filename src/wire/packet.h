// SPDX-License-Identifier: Apache-2.0
/*
 * One captured frame decoded down to its transport header, in one pass and without copying: IPv4 (RFC 791), IPv6 (RFC
 * 8200), TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792), ICMPv6 (RFC 4443). The outermost IP header decides; tunnels are
 * "other".
 */
#pragma once
#include "wire/link.h"

/* What the frame carries; every packet has exactly one. */
enum packet_layer {
	LAYER_IP4,
	LAYER_IP6,
	LAYER_ARP,
	LAYER_NONIP,   /* any other EtherType, 802.3 length field */
	LAYER_BADIP,   /* wrong version, header longer than captured, lengths that can't be */
	LAYER_BADL2,   /* link header cut off */
	LAYER_UNKNOWN, /* link type that isn't decoded */
	LAYER_N
};

/* The nine classes of the NICTER figure, then what they leave over. IPv4 and IPv6 packets have exactly one. */
enum packet_class {
	CLASS_TCP_SYN,	   /* flags & 0x3f == 0x02 */
	CLASS_TCP_SYN_ACK, /* 0x12 */
	CLASS_TCP_ACK,	   /* 0x10 */
	CLASS_TCP_FIN,	   /* 0x01, 0x11 */
	CLASS_TCP_RST,	   /* 0x04, 0x14 */
	CLASS_TCP_PUSH,	   /* 0x08, 0x18 */
	CLASS_TCP_OTHER,
	CLASS_UDP,
	CLASS_ICMP,
	CLASS_OTHER, /* any other protocol */
	CLASS_SHORT, /* transport header not whole: < 20 bytes of TCP, 8 of UDP, 4 of ICMP, data offset < 5 */
	CLASS_FRAG,  /* fragment offset > 0: no transport header inside */
	CLASS_N
};

const char *packet_class_name(enum packet_class c);
const char *packet_layer_name(enum packet_layer l);

enum {
	PROTO_ICMP = 1,
	PROTO_IPIP = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IPV6 = 41,
	PROTO_GRE = 47,
	PROTO_ICMPV6 = 58
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32, TCP_ECE = 64, TCP_CWR = 128 };

/* Fields behind the class are set only where the class has them; the rest is zero. */
struct packet {
	uint8_t layer; /* enum packet_layer */
	uint8_t cls;   /* enum packet_class, meaningful for IPv4 and IPv6 */
	uint8_t vlans;
	uint8_t proto; /* last header of the chain for IPv6 */
	uint8_t ttl;   /* hop limit */
	uint8_t tcp_flags;
	uint8_t tcp_words;     /* data offset: header length in 32-bit words */
	bool dont_fragment;    /* IPv4 DF */
	uint16_t sport, dport; /* ICMP: type, code */
	uint16_t ip_len; /* IPv4 total length, IPv6 40 + payload length, as claimed; 0 replaced by what was captured */
	uint16_t ip_id;	 /* IPv4 only */
	uint16_t window;
	uint32_t seq;
	uint32_t src4, dst4;	    /* IPv4, host order */
	const uint8_t *src6, *dst6; /* IPv6, 16 bytes each inside the frame */
	struct bytes options;	    /* TCP options as far as captured */
	struct bytes
		payload; /* behind the transport header (ICMP: behind type, code, checksum), bounded by the IP length */
};

/*
 * Decodes `frame`, the captured bytes of one packet. Never fails: what can't be read is told by layer and class. Views
 * point into `frame`. Counting rules in docs/counting-rules.md.
 */
void packet_decode(int linktype, struct bytes frame, struct packet *out);

/* The same from the network layer on, for payloads that a link layer or an ICMP error carries. */
void packet_decode_ip(uint16_t ethertype, struct bytes ip, struct packet *out);

/*
 * Unwraps one level of a tunnel: `p` must have been decoded from it and `unwrap` names what is allowed (UNWRAP_*).
 * Returns true when `out` now holds the inner packet. GRE (RFC 2784, with key and sequence of RFC 2890), IP in IP (RFC
 * 2003), IPv6 in IPv4 (RFC 4213).
 */
enum { UNWRAP_GRE = 1, UNWRAP_IPIP = 2 };
bool packet_unwrap(const struct packet *p, unsigned unwrap, struct packet *out);
