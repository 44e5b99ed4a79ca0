// SPDX-License-Identifier: Apache-2.0
/* Frames of every link type through link_parse, packet_decode and packet_unwrap: byte 0 picks the type. */
#include "base/err.h"
#include "wire/packet.h"

static void inside(struct bytes view, struct bytes frame)
{
	if (view.n)
		ENSURE(view.p >= frame.p && view.p + view.n <= frame.p + frame.n);
}

static void sane(const struct packet *p, struct bytes frame)
{
	ENSURE(p->layer < LAYER_N);
	if (p->layer == LAYER_IP4 || p->layer == LAYER_IP6)
		ENSURE(p->cls < CLASS_N && packet_class_name(p->cls));
	ENSURE(packet_layer_name(p->layer));
	inside(p->options, frame);
	inside(p->payload, frame);
	if (p->src6)
		inside((struct bytes){ p->src6, 16 }, frame);
	if (p->dst6)
		inside((struct bytes){ p->dst6, 16 }, frame);
}

/* The short way of packet_decode() for usual frames must say what the long way says. size-ok: a list of fields */
static void same(const struct packet *a, const struct packet *b)
{
	ENSURE(a->layer == b->layer && a->cls == b->cls && a->proto == b->proto && a->ttl == b->ttl);
	ENSURE(a->tcp_flags == b->tcp_flags && a->tcp_words == b->tcp_words && a->dont_fragment == b->dont_fragment);
	ENSURE(a->sport == b->sport && a->dport == b->dport && a->ip_len == b->ip_len && a->ip_id == b->ip_id);
	ENSURE(a->window == b->window && a->seq == b->seq && a->src4 == b->src4 && a->dst4 == b->dst4);
	ENSURE(a->src6 == b->src6 && a->dst6 == b->dst6);
	ENSURE(a->options.n == b->options.n && (!a->options.n || a->options.p == b->options.p));
	ENSURE(a->payload.n == b->payload.n && (!a->payload.n || a->payload.p == b->payload.p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = { LINK_ETHERNET, LINK_NULL, LINK_RAW_12, LINK_RAW_14, LINK_RAW, LINK_LOOP, LINK_SLL,
		LINK_IPV4, LINK_IPV6, LINK_SLL2, 147 };
	if (size < 1)
		return 0;
	int type = types[data[0] % (sizeof types / sizeof *types)];
	struct bytes frame = { data + 1, size - 1 };
	ENSURE(link_name(type));
	struct link link;
	if (link_known(type) && link_parse(type, frame, &link) == 0)
		inside(link.payload, frame);
	struct packet p, inner;
	packet_decode(type, frame, &p);
	sane(&p, frame);
	if (type == LINK_ETHERNET && link_parse(type, frame, &link) == 0) {
		struct packet slow;
		packet_decode_ip(link.ethertype, link.payload, &slow);
		same(&p, &slow);
	}
	if (packet_unwrap(&p, UNWRAP_GRE | UNWRAP_IPIP, &inner))
		sane(&inner, frame);
	return 0;
}
