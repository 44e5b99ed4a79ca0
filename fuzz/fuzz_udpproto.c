// SPDX-License-Identifier: Apache-2.0
/* UDP payloads of every port: bytes 0..3 are the ports. */
#include "base/err.h"
#include "wire/udpproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };
	const uint8_t *p = bytes_need(in, 0, 4);
	if (!p)
		return 0;
	uint16_t sport = load_be16(p), dport = load_be16(p + 2);
	struct bytes payload = bytes_from(in, 4);
	enum udp_protocol protocol = udp_protocol_of(sport, dport, payload);
	ENSURE(protocol < UDP_PROTO_N && (protocol == UDP_PROTO_NONE || udp_protocol_name(protocol)));
	bool probe = udp_protocol_is_probe(sport, dport, payload);
	/* The same bytes, the same answer; empty asks nothing. */
	ENSURE(probe == udp_protocol_is_probe(sport, dport, payload));
	ENSURE(protocol == udp_protocol_of(sport, dport, payload));
	return 0;
}
