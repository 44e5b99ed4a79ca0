// SPDX-License-Identifier: Apache-2.0
/*
 * What the flow and source tables want of one packet, in one cache line: it is all that is kept of a packet between
 * decoding it and the moment when the tables' cache lines have come. Private to the telescope.
 */
#pragma once
#include "model/flow.h"
#include "sensor/telescope/marks.h"
#include "wire/usual.h"

/*
 * Tags are packed to 16 bits: FLOW_ bits 0..5, bit 6 FLOW_QUOTE, bits 7..11 the UDP protocol, bits 12..15 the class
 * (which says FLOW_FRAGMENT). Constants are 16-bit hashes of the fields that a tool may keep, in the order of enum
 * source_constant.
 */
struct tuple {
	uint64_t word[2];     /* IPv4 source, destination; then source port, destination port, IP length, protocol, TTL:
				 from the top */
	const uint8_t *addrs; /* IPv6: source and destination, 32 octets inside the frame; IPv4: NULL */
	uint64_t offset_ns;   /* since the start of the minute, < 60e9 */
	uint64_t constants_low;	 /* SEQ, SEQ_DST, SEQ_DST_PORTS, IP_ID from bit 0 on; TCP only */
	uint32_t constants_high; /* SPORT, WINDOW */
	uint16_t tags;
	uint8_t flags;		      /* TCP */
	uint32_t flow_slot, flow_tag; /* of the hashes; filled by flowtable_key() and sourcetable_key() */
	uint32_t source_slot, source_tag;
};
_Static_assert(sizeof(struct tuple) == 64, "one cache line a packet");

enum { TUPLE_TAGS = 0x7f, TUPLE_PROTO_SHIFT = 7, TUPLE_QUOTE = 1 << 6, TUPLE_CLASS_SHIFT = 12 };

/* FLOW_ bits of a packet and back. */
uint16_t tuple_pack(uint16_t tags, uint8_t cls);
uint16_t tuple_unpack(uint16_t packed);

/* The long way, for an IPv4 or IPv6 packet of any link type. */
void tuple_of(const struct packet *p, uint64_t offset_ns, struct tuple *out);

/* Marks that few frames can have; private to tuple_usual(). */
uint16_t tuple_udp_tags(struct bytes frame);
uint16_t tuple_syn_tags(struct bytes frame);

/* The same value, which the compiler can't trace back: a choice made by arithmetic on it stays arithmetic and isn't
 * turned into a branch. */
static inline uint32_t tuple_opaque(uint32_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

/* 16-bit hashes by folding, which commutes with XOR: both words are folded at once. */
static inline void tuple_constants(struct tuple *t, uint32_t seq, uint32_t ports, uint32_t id, uint32_t window)
{
	uint64_t both = (uint64_t)seq << 32 | (uint32_t)t->word[0];
	both ^= both >> 16;
	uint32_t f = (uint32_t)(both >> 32) & 0xffff, keyed = (f ^ (uint32_t)both) & 0xffff;
	uint32_t ported = keyed ^ ports ^ ports >> 16;
	t->constants_low = (uint64_t)(id << 16 | (ported & 0xffff)) << 32 | keyed << 16 | f;
	t->constants_high = ports >> 16 | window << 16;
}

static inline __attribute__((always_inline)) unsigned tuple_tcp(
	struct bytes frame, const struct usual *u, struct tuple *t, int cls)
{
	uint32_t ports = usual_be32(u->t);
	uint32_t seq = usual_be32(u->t + 4), rest = usual_be32(u->t + 12), dst = (uint32_t)u->addrs, id = usual_id(u);
	uint32_t syn = tuple_opaque(cls == CLASS_TCP_SYN);
	unsigned tags = (uint32_t)(((dst ^ ports ^ seq ^ id) & 0xffff) == 0) << 2 | (syn & (seq == dst)) << 3;
	t->flags = (uint8_t)(rest >> 16);
	tuple_constants(t, seq, ports, id, rest & 0xffff);
	/* A system that sets options also sets DF; a program that writes its own packets forgets it. */
	if (__builtin_expect(tuple_opaque(syn & (rest >> 28 > 5) & ((uint32_t)u->head >> 14 ^ 1)), 0))
		tags |= tuple_syn_tags(frame);
	if (__builtin_expect(tuple_opaque(marks_stealth(rest >> 16)), 0))
		tags |= marks_of_stealth((uint16_t)rest, rest >> 28, u->head >> 14 & 1);
	return tags;
}
_Static_assert(FLOW_MASSCAN == 1 << 2 && FLOW_MIRAI == 1 << 3 && CLASS_TCP_SYN == 0, "shifts in tuple_tcp()");

/*
 * The short way, from the bytes of an Ethernet frame: all but time and hashes. False when it isn't usual. Equal to
 * packet_decode() and tuple_of() on any bytes.
 */
static inline __attribute__((always_inline)) bool tuple_usual(struct bytes frame, struct tuple *t)
{
	struct usual u;
	if (__builtin_expect(!usual_network(frame, &u), 0))
		return false;
	int cls = usual_class(&u);
	if (__builtin_expect(cls < 0, 0))
		return false;
	uint32_t ports = usual_be32(u.t);
	unsigned tags = usual_id(&u) == 54321 ? FLOW_ZMAP_ID : 0;
	t->word[0] = u.addrs;
	t->addrs = NULL;
	t->flags = 0;
	if (__builtin_expect(usual_proto(&u) == PROTO_TCP, 1)) {
		tags |= tuple_tcp(frame, &u, t, cls);
	} else if (usual_proto(&u) == PROTO_UDP) {
		tags |= tuple_udp_tags(frame);
	} else {
		ports = (uint32_t)u.t[0] << 16 | u.t[1];
		/* Errors quote a packet: types 3, 4, 5, 11 and 12 (RFC 792). */
		tags |= u.t[0] < 32 && 0x1838u >> u.t[0] & 1 ? TUPLE_QUOTE : 0;
	}
	t->word[1] = (uint64_t)ports << 32 | usual_total(&u) << 16 | u.proto_ttl;
	t->tags = (uint16_t)(tags | (unsigned)cls << TUPLE_CLASS_SHIFT);
	return true;
}

/*
 * The high and low half of a 64 x 64 bit product, folded: one multiplication mixes both words (wyhash, Wang Yi). Of
 * keys in sequence it leaves sequences, hence a second, short step.
 */
static inline uint64_t tuple_mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	__extension__ unsigned __int128 m = (unsigned __int128)a * b;
	uint64_t h = (uint64_t)m ^ (uint64_t)(m >> 64);
#else
	uint64_t h = (a * 0x9e3779b97f4a7c15u ^ b) * 0xbf58476d1ce4e5b9u;
	h ^= h >> 32;
#endif
	h *= 0x9e3779b97f4a7c15u;
	return h << 32 | h >> 32; /* the better mixed half is used first */
}
