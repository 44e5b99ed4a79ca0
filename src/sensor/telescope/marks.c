// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/marks.h"

#include "model/flow.h"
#include "wire/udpproto.h"

#define ZMAP_IP_ID 54321
#define SYN_MASK   (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG)

/* Options of ZMap's --probe-args since April 2024: Windows (the default), Linux, BSD, MSS alone; the values inside
 * timestamps vary. */
static bool zmap_options(struct bytes o)
{
	static const uint8_t windows[] = { 2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2 };
	static const uint8_t linux_head[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10 };
	static const uint8_t bsd_head[] = { 2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10 };
	if (o.n == 12 && memcmp(o.p, windows, 12) == 0)
		return true;
	if (o.n == 20 && memcmp(o.p, linux_head, 8) == 0)
		return true;
	if (o.n >= 20 && memcmp(o.p, bsd_head, 12) == 0)
		return true;
	return o.n == 4 && memcmp(o.p, windows, 4) == 0;
}

static bool nmap_window(uint16_t window)
{
	return window == 1024 || window == 2048 || window == 3072 || window == 4096;
}

uint16_t marks_of_stealth(uint16_t window, unsigned tcp_words, bool dont_fragment)
{
	return tcp_words == 5 && !dont_fragment && nmap_window(window) ? FLOW_NMAP : 0;
}

uint16_t marks_of_options(uint16_t window, struct bytes options)
{
	uint16_t m = 0;
	if (window == 65535 && zmap_options(options))
		m |= FLOW_ZMAP_SYN;
	if (nmap_window(window) && options.n == 4 && options.p[0] == 2 && options.p[1] == 4)
		m |= FLOW_NMAP;
	return m;
}

static uint16_t syn_marks(const struct packet *p)
{
	uint16_t m = 0;
	if (p->layer != LAYER_IP4)
		return 0;
	if (p->seq == p->dst4)
		m |= FLOW_MIRAI;
	/* A system that sets these options also sets DF; a program that writes its own packets forgets it. */
	if (!p->dont_fragment && p->tcp_words > 5)
		m |= marks_of_options(p->window, p->options);
	return m;
}

uint16_t marks_of_udp(uint16_t sport, uint16_t dport, struct bytes payload)
{
	bool probe;
	if (payload.n == 0)
		return FLOW_PROBE;
	enum udp_protocol proto = udp_protocol_and_probe(sport, dport, payload, &probe);
	return (uint16_t)(proto << FLOW_PROTO_SHIFT | (probe ? FLOW_PROBE : 0));
}

static bool quotes(const struct packet *p)
{
	if (p->cls != CLASS_ICMP)
		return false;
	return p->proto == PROTO_ICMP
		       ? p->sport == 3 || p->sport == 4 || p->sport == 5 || p->sport == 11 || p->sport == 12
		       : p->sport >= 1 && p->sport <= 4;
}

uint16_t marks_of(const struct packet *p)
{
	uint16_t m = 0;
	if (p->layer == LAYER_IP4) {
		if (p->ip_id == ZMAP_IP_ID)
			m |= FLOW_ZMAP_ID;
		if ((p->cls <= CLASS_UDP) &&
			p->ip_id == (uint16_t)(p->dst4 ^ p->dport ^ (p->proto == PROTO_TCP ? p->seq : 0)))
			m |= FLOW_MASSCAN;
	}
	if (p->cls == CLASS_TCP_SYN)
		m |= syn_marks(p);
	else if (p->cls <= CLASS_TCP_OTHER && p->layer == LAYER_IP4 && marks_stealth(p->tcp_flags))
		m |= marks_of_stealth(p->window, p->tcp_words, p->dont_fragment);
	else if (p->cls == CLASS_UDP)
		m |= marks_of_udp(p->sport, p->dport, p->payload);
	else if (p->cls == CLASS_FRAG)
		m |= FLOW_FRAGMENT;
	else if (quotes(p))
		m |= FLOW_QUOTE;
	return m;
}
