// SPDX-License-Identifier: Apache-2.0
#include "range/probe.h"

#include "base/err.h"
#include "wire/packet.h"

static const struct probe_row rows[PROBE_N] = {
	[PROBE_MIRAI] = { "mirai", "scan", "mirai", 64, false },
	[PROBE_FORGED] = { "forged", "scan", "mirai", 0, false },
	[PROBE_TELNET] = { "telnet-bot", "scan", "telnet-bot", 64, false },
	[PROBE_ZMAP_CLASSIC] = { "zmap-classic", "scan", "zmap", 255, false },
	[PROBE_ZMAP] = { "zmap", "scan", "zmap", 64, false },
	[PROBE_MASSCAN] = { "masscan", "scan", "masscan", 255, false },
	[PROBE_NMAP] = { "nmap", "scan", "nmap", 0, false },
	[PROBE_CONSTANT] = { "constant-key", "scan", "constant-key", 64, false },
	[PROBE_XMAS] = { "xmas", "scan-type", NULL, 64, false },
	[PROBE_SYN] = { "syn", "scan", "none", 64, false },
	[PROBE_UDP] = { "udp", "scan", "none", 128, false },
	[PROBE_PING] = { "ping", "scan", "none", 64, false },
	[PROBE_SYN_ACK] = { "syn-ack", "backscatter", NULL, 64, true },
	[PROBE_RST] = { "rst", "backscatter", NULL, 64, true },
	[PROBE_UNREACH] = { "unreachable", "icmp-quote", NULL, 255, true },
};

/* MSS 1460, then what Windows adds (window scale 8, SACK permitted), in the order that ZMap writes. */
static const uint8_t windows_options[] = { 2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2 };
static const uint8_t mss_option[] = { 2, 4, 5, 0xb4 };

/* Requests that scanners for open services send. `id_at`: two octets that differ from packet to packet, -1: none. */
static const uint8_t dns_any[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0xff, 0, 1, 0, 0, 0x29, 0x10, 0, 0, 0, 0,
	0, 0, 0 }; /* "." */
static const uint8_t ntp_monlist[] = { 0x17, 0, 3, 0x2a, 0, 0, 0, 0 };
static const uint8_t snmp_get[] = { 0x30, 0x26, 2, 1, 0, 4, 6, 'p', 'u', 'b', 'l', 'i', 'c', 0xa0, 0x19, 2, 4, 0, 0, 0,
	1, 2, 1, 0, 2, 1, 0, 0x30, 0x0b, 0x30, 9, 6, 5, 0x2b, 6, 1, 2, 1, 5, 0 };
static const uint8_t coap_get[] = { 0x40, 1, 0, 0, 0xbb, '.', 'w', 'e', 'l', 'l', '-', 'k', 'n', 'o', 'w', 'n', 4, 'c',
	'o', 'r', 'e' };
static const uint8_t memcached_stats[] = { 0, 1, 0, 0, 0, 1, 0, 0, 's', 't', 'a', 't', 's', '\r', '\n' };
static const char ssdp_search[] = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"
				  "MX: 1\r\nST: ssdp:all\r\n\r\n";

static const struct {
	uint16_t port;
	int id_at;
	struct bytes data;
} requests[] = {
	{ 53, 0, { dns_any, sizeof dns_any } },
	{ 123, -1, { ntp_monlist, sizeof ntp_monlist } },
	{ 161, 17, { snmp_get, sizeof snmp_get } },
	{ 1900, -1, { (const uint8_t *)ssdp_search, sizeof ssdp_search - 1 } },
	{ 5683, 2, { coap_get, sizeof coap_get } },
	{ 11211, 0, { memcached_stats, sizeof memcached_stats } },
};

const struct probe_row *probe_row(enum probe kind)
{
	ENSURE((unsigned)kind < PROBE_N);
	return &rows[kind];
}

void sender_init(struct sender *s, enum probe kind, uint32_t addr, struct random *r)
{
	uint64_t bits = random_u64(r);
	*s = (struct sender){ .addr = addr, .key = (uint32_t)bits, .kind = (uint8_t)kind };
	s->sport = (uint16_t)(32768 + (bits >> 32 & 0x3fff));
	s->window = (uint16_t)(bits >> 46 | 1);
	s->hops = (uint8_t)(6 + random_below(r, 20));
	if (kind == PROBE_UNREACH)
		s->key = addr ^ 1;
}

static uint8_t ttl_of(const struct sender *s, struct random *r)
{
	if (s->kind == PROBE_NMAP)
		return (uint8_t)(37 + random_below(r, 24) - s->hops);
	if (s->kind == PROBE_FORGED)
		return (uint8_t)(30 + random_below(r, 220));
	return (uint8_t)(rows[s->kind].ttl - s->hops);
}

/* Scanners' SYNs and the one XMAS: what all have in common is that nothing was asked for with a socket. */
static void build_syn(
	struct frame *f, const struct sender *s, struct frame_net *net, struct frame_tcp *tcp, struct random *r)
{
	uint64_t bits = random_u64(r);
	tcp->seq = (uint32_t)bits;
	tcp->sport = s->sport;
	tcp->window = s->window;
	tcp->flags = TCP_SYN;
	net->id = (uint16_t)(bits >> 32);
	switch (s->kind) {
	case PROBE_MIRAI:
	case PROBE_FORGED:
		tcp->seq = net->dst;
		break;
	case PROBE_ZMAP_CLASSIC:
	case PROBE_ZMAP:
		tcp->window = 65535;
		tcp->sport = (uint16_t)(32768 + (bits >> 48) % 28233);
		if (s->kind == PROBE_ZMAP)
			tcp->options = (struct bytes){ windows_options, sizeof windows_options };
		else
			net->id = 54321;
		break;
	case PROBE_MASSCAN:
		tcp->window = 1024;
		net->id = (uint16_t)(net->dst ^ tcp->dport ^ tcp->seq);
		break;
	case PROBE_NMAP:
		tcp->window = 1024;
		tcp->seq = s->key;
		tcp->options = (struct bytes){ mss_option, sizeof mss_option };
		break;
	case PROBE_CONSTANT:
		tcp->seq = s->key ^ net->dst ^ ((uint32_t)tcp->dport << 16 | tcp->sport);
		break;
	case PROBE_XMAS:
		tcp->flags = TCP_FIN | TCP_PSH | TCP_URG;
		break;
	}
	frame_tcp(f, net, tcp);
}

static void build_client(struct frame *f, struct frame_net *net, struct frame_tcp *tcp, struct random *r)
{
	uint8_t options[20] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7 };
	uint64_t bits = random_u64(r);
	store_be32(options + 8, (uint32_t)random_u64(r));
	tcp->seq = (uint32_t)bits;
	tcp->sport = (uint16_t)(32768 + (bits >> 48) % 28232);
	tcp->window = 64240;
	tcp->flags = TCP_SYN;
	tcp->options = (struct bytes){ options, sizeof options };
	net->id = (uint16_t)(bits >> 32);
	net->df = true;
	frame_tcp(f, net, tcp);
	tcp->options = (struct bytes){ NULL, 0 }; /* the local array ends here */
}

static void build_answer(
	struct frame *f, const struct sender *s, struct frame_net *net, struct frame_tcp *tcp, struct random *r)
{
	uint64_t bits = random_u64(r);
	tcp->sport = s->port;
	tcp->ack = (uint32_t)bits;
	net->df = true;
	if (s->kind == PROBE_SYN_ACK) {
		tcp->seq = (uint32_t)(bits >> 32);
		tcp->flags = TCP_SYN | TCP_ACK;
		tcp->window = 29200;
		tcp->options = (struct bytes){ mss_option, sizeof mss_option };
	} else {
		tcp->flags = TCP_RST | TCP_ACK;
	}
	frame_tcp(f, net, tcp);
}

static void build_udp(struct frame *f, const struct sender *s, struct frame_net *net, uint16_t dport, struct random *r)
{
	uint64_t bits = random_u64(r);
	uint8_t data[FRAME_DATA_MAX];
	size_t n = s->key & 1 ? 8 : 0;
	memset(data, 0, 8);
	store_be32(data, (uint32_t)random_mix(bits));
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		if (requests[i].port != dport)
			continue;
		n = requests[i].data.n;
		memcpy(data, requests[i].data.p, n);
		if (requests[i].id_at >= 0)
			store_be16(data + requests[i].id_at, (uint16_t)bits);
	}
	net->id = (uint16_t)(bits >> 32);
	frame_udp(f, net, (uint16_t)(1024 + (bits >> 48) % 64512), dport, (struct bytes){ data, n });
}

/* The quoted packet is a SYN from the dark address to what lies behind the router `s`. */
static void build_unreach(
	struct frame *f, const struct sender *s, struct frame_net *net, const struct probe_target *to, struct random *r)
{
	struct frame quoted;
	struct frame_net inner = { .src = net->dst, .dst = s->key, .src6 = net->dst6, .dst6 = to->quoted6, .ttl = 52 };
	struct frame_tcp tcp = {
		.sport = to->dport, .dport = s->port, .seq = (uint32_t)random_u64(r), .flags = TCP_SYN
	};
	frame_tcp(&quoted, &inner, &tcp);
	struct frame_icmp icmp = { net->src6 ? 1 : 3, net->src6 ? 3 : 1, 0 };
	net->id = (uint16_t)random_u64(r);
	frame_icmp(f, net, &icmp, frame_quote(&quoted));
}

static void build_ping(struct frame *f, const struct sender *s, struct frame_net *net, struct random *r)
{
	uint8_t data[16] = { 0 };
	uint64_t bits = random_u64(r);
	struct frame_icmp icmp = { net->src6 ? 128 : 8, 0, s->key << 16 | (uint16_t)s->count };
	store_be32(data, (uint32_t)(bits >> 16));
	net->id = (uint16_t)bits;
	frame_icmp(f, net, &icmp, (struct bytes){ data, sizeof data });
}

void probe_build(struct frame *f, const struct sender *s, const struct probe_target *to, struct random *r)
{
	struct frame_net net = {
		.src = s->addr, .dst = to->dst, .src6 = to->src6, .dst6 = to->dst6, .ttl = ttl_of(s, r)
	};
	struct frame_tcp tcp = { .dport = to->dport };
	switch (s->kind) {
	case PROBE_SYN:
		build_client(f, &net, &tcp, r);
		break;
	case PROBE_UDP:
		build_udp(f, s, &net, to->dport, r);
		break;
	case PROBE_PING:
		build_ping(f, s, &net, r);
		break;
	case PROBE_SYN_ACK:
	case PROBE_RST:
		build_answer(f, s, &net, &tcp, r);
		break;
	case PROBE_UNREACH:
		build_unreach(f, s, &net, to, r);
		break;
	default:
		build_syn(f, s, &net, &tcp, r);
		break;
	}
}
