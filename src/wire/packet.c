// SPDX-License-Identifier: Apache-2.0
#include "wire/packet.h"

#include "wire/usual.h"

#define IPV6_MAX_HEADERS 16

static const char *const class_names[CLASS_N] = { "tcp_syn", "tcp_syn_ack", "tcp_ack", "tcp_fin", "tcp_rst", "tcp_push",
	"tcp_other", "udp", "icmp", "other", "short", "frag" };
static const char *const layer_names[LAYER_N] = { "ip4", "ip6", "arp", "nonip", "badip", "badl2", "unknown" };

const char *packet_class_name(enum packet_class c)
{
	return class_names[c];
}

const char *packet_layer_name(enum packet_layer l)
{
	return layer_names[l];
}

/* Rule 9: by flags & 0x3f; ECE and CWR are not looked at. */
const uint8_t packet_tcp_classes[64] = {
	[0 ... 63] = CLASS_TCP_OTHER,
	[TCP_SYN] = CLASS_TCP_SYN,
	[TCP_SYN | TCP_ACK] = CLASS_TCP_SYN_ACK,
	[TCP_ACK] = CLASS_TCP_ACK,
	[TCP_FIN] = CLASS_TCP_FIN,
	[TCP_FIN | TCP_ACK] = CLASS_TCP_FIN,
	[TCP_RST] = CLASS_TCP_RST,
	[TCP_RST | TCP_ACK] = CLASS_TCP_RST,
	[TCP_PSH] = CLASS_TCP_PUSH,
	[TCP_PSH | TCP_ACK] = CLASS_TCP_PUSH,
};

static void transport(struct bytes b, struct packet *out)
{
	const uint8_t *p;
	out->cls = CLASS_SHORT;
	switch (out->proto) {
	case PROTO_TCP:
		p = bytes_need(b, 0, 20);
		if (!p || p[12] >> 4 < 5)
			return;
		out->sport = load_be16(p);
		out->dport = load_be16(p + 2);
		out->seq = load_be32(p + 4);
		out->tcp_words = p[12] >> 4;
		out->tcp_flags = p[13];
		out->window = load_be16(p + 14);
		out->options = bytes_head(bytes_from(b, 20), (size_t)out->tcp_words * 4 - 20);
		out->payload = bytes_from(b, (size_t)out->tcp_words * 4);
		out->cls = packet_tcp_classes[p[13] & 0x3f];
		return;
	case PROTO_UDP:
		p = bytes_need(b, 0, 8);
		if (!p)
			return;
		out->sport = load_be16(p);
		out->dport = load_be16(p + 2);
		out->payload = bytes_from(b, 8);
		out->cls = CLASS_UDP;
		return;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		p = bytes_need(b, 0, 4);
		if (!p)
			return;
		out->sport = p[0];
		out->dport = p[1];
		out->payload = bytes_from(b, 4);
		out->cls = CLASS_ICMP;
		return;
	default:
		out->payload = b;
		out->cls = CLASS_OTHER;
	}
}

static void bad(struct packet *out)
{
	uint8_t vlans = out->vlans;
	*out = (struct packet){ .layer = LAYER_BADIP, .cls = CLASS_N, .vlans = vlans };
}

static void ipv4(struct bytes b, struct packet *out)
{
	const uint8_t *p = bytes_need(b, 0, 20);
	if (!p || p[0] >> 4 != 4) {
		bad(out);
		return;
	}
	size_t header = (size_t)(p[0] & 15) * 4, total = load_be16(p + 2);
	if (total == 0)
		total = b.n;
	if (header < 20 || header > b.n || total < header) {
		bad(out);
		return;
	}
	out->layer = LAYER_IP4;
	out->proto = p[9];
	out->ttl = p[8];
	out->ip_id = load_be16(p + 4);
	out->ip_len = (uint16_t)(total > 0xffff ? 0xffff : total);
	out->dont_fragment = p[6] & 0x40;
	out->src4 = load_be32(p + 12);
	out->dst4 = load_be32(p + 16);
	struct bytes inner = bytes_from(bytes_head(b, total), header);
	if (load_be16(p + 6) & 0x1fff) {
		out->cls = CLASS_FRAG;
		out->payload = inner;
	} else if (out->proto == PROTO_ICMPV6) {
		out->cls = CLASS_OTHER;
		out->payload = inner;
	} else {
		transport(inner, out);
	}
}

/* Walks the extension headers (RFC 8200 section 4). Returns false for a later fragment or a header that was cut off. */
static bool ipv6_walk(struct bytes *b, struct packet *out)
{
	for (int i = 0; i < IPV6_MAX_HEADERS; i++) {
		const uint8_t *p;
		size_t n = 8;
		if (out->proto != 0 && out->proto != 43 && out->proto != 60 && out->proto != 44)
			return true;
		p = bytes_need(*b, 0, 8);
		if (!p) {
			out->cls = CLASS_SHORT;
			return false;
		}
		if (out->proto == 44) {
			out->proto = p[0];
			if (load_be16(p + 2) & 0xfff8) {
				out->cls = CLASS_FRAG;
				*b = bytes_from(*b, 8);
				return false;
			}
		} else {
			n = (size_t)p[1] * 8 + 8;
			out->proto = p[0];
		}
		if (n > b->n) {
			out->cls = CLASS_SHORT;
			return false;
		}
		*b = bytes_from(*b, n);
	}
	out->cls = CLASS_OTHER;
	return false;
}

static void ipv6(struct bytes b, struct packet *out)
{
	const uint8_t *p = bytes_need(b, 0, 40);
	if (!p || p[0] >> 4 != 6) {
		bad(out);
		return;
	}
	size_t length = load_be16(p + 4);
	if (length == 0)
		length = b.n - 40;
	out->layer = LAYER_IP6;
	out->proto = p[6];
	out->ttl = p[7];
	out->ip_len = (uint16_t)(length + 40 > 0xffff ? 0xffff : length + 40);
	out->src6 = p + 8;
	out->dst6 = p + 24;
	struct bytes inner = bytes_head(bytes_from(b, 40), length);
	if (!ipv6_walk(&inner, out)) {
		out->payload = inner;
	} else if (out->proto == PROTO_ICMP) {
		out->cls = CLASS_OTHER;
		out->payload = inner;
	} else {
		transport(inner, out);
	}
}

void packet_decode_ip(uint16_t ethertype, struct bytes ip, struct packet *out)
{
	*out = (struct packet){ .cls = CLASS_N };
	if (ethertype == ETHER_IPV4)
		ipv4(ip, out);
	else if (ethertype == ETHER_IPV6)
		ipv6(ip, out);
	else
		out->layer = ethertype == ETHER_ARP ? LAYER_ARP : LAYER_NONIP;
}

/* The usual frame in one go: each case writes the whole struct once. False: not usual. */
static inline bool usual(struct bytes frame, struct packet *out)
{
	struct usual u;
	if (!usual_network(frame, &u))
		return false;
	int cls = usual_class(&u);
	if (cls < 0)
		return false;
	struct packet p = {
		.layer = LAYER_IP4,
		.cls = (uint8_t)cls,
		.proto = (uint8_t)usual_proto(&u),
		.ttl = (uint8_t)u.proto_ttl,
		.dont_fragment = usual_dont_fragment(&u),
		.sport = load_be16(u.t),
		.dport = load_be16(u.t + 2),
		.ip_len = (uint16_t)usual_total(&u),
		.ip_id = (uint16_t)usual_id(&u),
		.src4 = (uint32_t)(u.addrs >> 32),
		.dst4 = (uint32_t)u.addrs,
	};
	if (p.proto == PROTO_TCP) {
		size_t header = (size_t)(u.t[12] >> 4) * 4, left = u.have - 20;
		size_t whole = header < left ? header : left;
		p.tcp_flags = u.t[13];
		p.tcp_words = u.t[12] >> 4;
		p.window = load_be16(u.t + 14);
		p.seq = load_be32(u.t + 4);
		p.options = (struct bytes){ u.t + 20, whole - 20 };
		p.payload = (struct bytes){ u.t + whole, left - whole };
	} else if (p.proto == PROTO_UDP) {
		p.payload = (struct bytes){ u.t + 8, u.have - 28 };
	} else {
		p.sport = u.t[0];
		p.dport = u.t[1];
		p.payload = (struct bytes){ u.t + 4, u.have - 24 };
	}
	*out = p;
	return true;
}

void packet_decode(int linktype, struct bytes frame, struct packet *out)
{
	struct link link;
	if (__builtin_expect(linktype == LINK_ETHERNET && usual(frame, out), 1))
		return;
	if (!link_known(linktype)) {
		*out = (struct packet){ .layer = LAYER_UNKNOWN, .cls = CLASS_N };
		return;
	}
	if (link_parse(linktype, frame, &link) < 0) {
		*out = (struct packet){ .layer = LAYER_BADL2, .cls = CLASS_N, .vlans = link.vlans };
		return;
	}
	packet_decode_ip(link.ethertype, link.payload, out);
	out->vlans = link.vlans;
	if (link.bad_raw)
		out->layer = LAYER_BADIP;
}

static bool unwrap_gre(struct bytes b, struct packet *out)
{
	const uint8_t *p = bytes_need(b, 0, 4);
	if (!p || p[1] & 7)
		return false;
	size_t header = 4 + (p[0] & 0x80 ? 4 : 0) + (p[0] & 0x20 ? 4 : 0) + (p[0] & 0x10 ? 4 : 0);
	uint16_t type = load_be16(p + 2);
	if (header > b.n || (type != ETHER_IPV4 && type != ETHER_IPV6))
		return false;
	packet_decode_ip(type, bytes_from(b, header), out);
	return true;
}

bool packet_unwrap(const struct packet *p, unsigned unwrap, struct packet *out)
{
	if (p->cls != CLASS_OTHER)
		return false;
	struct bytes inner = p->payload;
	uint8_t vlans = p->vlans;
	if (p->proto == PROTO_GRE && unwrap & UNWRAP_GRE) {
		if (!unwrap_gre(inner, out))
			return false;
	} else if (p->proto == PROTO_IPIP && unwrap & UNWRAP_IPIP) {
		packet_decode_ip(ETHER_IPV4, inner, out);
	} else if (p->proto == PROTO_IPV6 && unwrap & UNWRAP_IPIP) {
		packet_decode_ip(ETHER_IPV6, inner, out);
	} else {
		return false;
	}
	out->vlans = vlans;
	return true;
}
