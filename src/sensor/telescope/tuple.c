// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/tuple.h"

#include "base/err.h"
#include "sensor/telescope/marks.h"

_Static_assert(CLASS_N <= 16 && FLOW_QUOTE == 1 << 7 && FLOW_PROTO_SHIFT == 8, "what tuple_pack() packs");

/* FLOW_FRAGMENT is left out (the class says it): that and three unused bits of protocol leave four for the class. */
uint16_t tuple_pack(uint16_t tags, uint8_t cls)
{
	unsigned low = tags & 0x3f, quote = tags & FLOW_QUOTE ? TUPLE_QUOTE : 0,
		 proto = tags >> FLOW_PROTO_SHIFT & 0x1f;
	return (uint16_t)(low | quote | proto << TUPLE_PROTO_SHIFT | (unsigned)cls << TUPLE_CLASS_SHIFT);
}

uint16_t tuple_unpack(uint16_t packed)
{
	unsigned cls = packed >> TUPLE_CLASS_SHIFT, tags = packed & 0x3f;
	tags |= (packed & TUPLE_QUOTE ? FLOW_QUOTE : 0) | (packed >> TUPLE_PROTO_SHIFT & 0x1fu) << FLOW_PROTO_SHIFT;
	return (uint16_t)(tags | (cls == CLASS_FRAG ? FLOW_FRAGMENT : 0));
}

void tuple_of(const struct packet *p, uint64_t offset_ns, struct tuple *out)
{
	bool ip4 = p->layer == LAYER_IP4;
	uint32_t ports = (uint32_t)p->sport << 16 | p->dport;
	*out = (struct tuple){
		.word = { ip4 ? (uint64_t)p->src4 << 32 | p->dst4 : 0,
			(uint64_t)ports << 32 | (uint32_t)p->ip_len << 16 | (unsigned)p->proto << 8 | p->ttl },
		.addrs = ip4 ? NULL : p->src6,
		.offset_ns = offset_ns,
		.tags = tuple_pack(marks_of(p), p->cls),
		.flags = p->tcp_flags,
	};
	if (p->cls <= CLASS_TCP_OTHER)
		tuple_constants(out, p->seq, ports, p->ip_id, p->window);
}

uint16_t tuple_udp_tags(struct bytes frame)
{
	struct usual u;
	ENSURE(usual_network(frame, &u));
	uint16_t sport = load_be16(u.t), dport = load_be16(u.t + 2);
	uint16_t tags = marks_of_udp(sport, dport, (struct bytes){ u.t + 8, u.have - 28 });
	if (usual_id(&u) == (((uint32_t)u.addrs ^ dport) & 0xffff))
		tags |= FLOW_MASSCAN;
	return tuple_pack(tags, 0);
}

uint16_t tuple_syn_tags(struct bytes frame)
{
	struct usual u;
	ENSURE(usual_network(frame, &u));
	size_t header = (size_t)(u.t[12] >> 4) * 4, left = u.have - 20;
	size_t whole = header < left ? header : left;
	return marks_of_options(load_be16(u.t + 14), (struct bytes){ u.t + 20, whole - 20 });
}
