// SPDX-License-Identifier: Apache-2.0
/*
 * The glimpse: what one sensor saw in a fraction of a second. True counts, and a few of the packets in person, each as
 * likely as any other. For eyes, not for statistics: it is sent once, and lost when nobody takes it.
 */
#pragma once
#include "model/addr.h"
#include "model/message.h"
#include "wire/packet.h"

#define GLIMPSE_POINTS 128

struct glimpse_point {
	int64_t ns;
	struct addr src, dst;
	uint16_t sport, dport;
	uint8_t proto, cls; /* enum packet_class */
};

struct glimpse {
	char sensor[64];
	int64_t from_ns, to_ns; /* packet time, [from, to); some that lay in a queue may be of just before */
	uint64_t packets, by_class[CLASS_N];
	struct glimpse_point points[GLIMPSE_POINTS];
	uint32_t n;
};

void glimpse_build(struct message_buf *b, const struct glimpse *g);
int glimpse_parse(struct bytes in, struct glimpse *out) NODISCARD;
