// SPDX-License-Identifier: Apache-2.0
/* Ethernet frames: the short way to a tuple must say what decoding the packet says. */
#include "base/err.h"
#include "sensor/telescope/tuple.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes frame = { data, size };
	struct packet p;
	struct tuple fast = { 0 }, slow;
	if (!tuple_usual(frame, &fast))
		return 0;
	packet_decode(LINK_ETHERNET, frame, &p);
	ENSURE(p.layer == LAYER_IP4);
	tuple_of(&p, 0, &slow);
	ENSURE(fast.word[0] == slow.word[0] && fast.word[1] == slow.word[1]);
	ENSURE(fast.tags == slow.tags && fast.flags == slow.flags && !fast.addrs && !slow.addrs);
	ENSURE(tuple_pack(tuple_unpack(slow.tags), p.cls) == slow.tags);
	if (p.cls <= CLASS_TCP_OTHER)
		ENSURE(fast.constants_low == slow.constants_low && fast.constants_high == slow.constants_high);
	return 0;
}
