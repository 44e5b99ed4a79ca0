// SPDX-License-Identifier: Apache-2.0
/*
 * What a single packet shows of the tool that made it: the FLOW_* bits of model/flow.h. A mark is a match, never a
 * conclusion; random packets match too (ZMap's and Masscan's IP ID once in 65,536). Sources of the rules: ZMap
 * src/probe_modules, Masscan src/templ-pkt.c, the published Mirai scanner, and packets of genuine runs.
 */
#pragma once
#include "wire/packet.h"

/* FLOW_* bits and the UDP protocol of an IPv4 or IPv6 packet. */
uint16_t marks_of(const struct packet *p);

/* Parts of it: UDP alone; options and window of a SYN with DF clear. */
uint16_t marks_of_udp(uint16_t sport, uint16_t dport, struct bytes payload);
uint16_t marks_of_options(uint16_t window, struct bytes options);

/* NULL, FIN and XMAS packets: Nmap's have its windows, no options, DF clear. `tcp_words`: data offset. */
uint16_t marks_of_stealth(uint16_t window, unsigned tcp_words, bool dont_fragment);
static inline bool marks_stealth(unsigned tcp_flags)
{
	unsigned f = tcp_flags & 0x3f;
	return (f == 0) | (f == TCP_FIN) | (f == (TCP_FIN | TCP_PSH | TCP_URG));
}
