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
	if (packet_unwrap(&p, UNWRAP_GRE | UNWRAP_IPIP, &inner))
		sane(&inner, frame);
	return 0;
}
