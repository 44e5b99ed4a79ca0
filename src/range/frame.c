// SPDX-License-Identifier: Apache-2.0
#include "range/frame.h"

#include "base/err.h"
#include "wire/packet.h"

#define ETHER 14
#define IP4   20
#define IP6   40

/* Locally administered addresses: no card has them. */
static const uint8_t ethernet[12] = { 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2 };

static uint32_t sum_octets(const uint8_t *p, size_t n, uint32_t sum)
{
	size_t i;
	for (i = 0; i + 1 < n; i += 2)
		sum += load_be16(p + i);
	return i < n ? sum + ((uint32_t)p[i] << 8) : sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint8_t *transport(struct frame *f, const struct frame_net *net)
{
	return f->b + ETHER + (net->src6 ? IP6 : IP4);
}

/* Both write the header in front of `n` octets and return the sum of the addresses, for the pseudo-header. */
static uint32_t header4(struct frame *f, const struct frame_net *net, uint8_t proto, size_t n)
{
	uint8_t *p = f->b + ETHER;
	store_be16(f->b + 12, ETHER_IPV4);
	store_be16(p, 0x4500);
	store_be16(p + 2, (uint16_t)(IP4 + n));
	store_be16(p + 4, net->id);
	store_be16(p + 6, net->df ? 0x4000 : 0);
	p[8] = net->ttl;
	p[9] = proto;
	store_be16(p + 10, 0);
	store_be32(p + 12, net->src);
	store_be32(p + 16, net->dst);
	store_be16(p + 10, sum_fold(sum_octets(p, IP4, 0)));
	return sum_octets(p + 12, 8, 0);
}

static uint32_t header6(struct frame *f, const struct frame_net *net, uint8_t proto, size_t n)
{
	uint8_t *p = f->b + ETHER;
	store_be16(f->b + 12, ETHER_IPV6);
	store_be32(p, 0x60000000);
	store_be16(p + 4, (uint16_t)n);
	p[6] = proto;
	p[7] = net->ttl;
	memcpy(p + 8, net->src6, 16);
	memcpy(p + 24, net->dst6, 16);
	return sum_octets(p + 8, 32, 0);
}

/* Everything around the `n` octets of a transport packet whose checksum lies at `at`. */
static void finish(struct frame *f, const struct frame_net *net, uint8_t proto, size_t n, size_t at)
{
	uint8_t *t = transport(f, net);
	memcpy(f->b, ethernet, sizeof ethernet);
	uint32_t sum = net->src6 ? header6(f, net, proto, n) : header4(f, net, proto, n);
	sum = proto == PROTO_ICMP ? 0 : sum + proto + (uint32_t)n;
	store_be16(t + at, 0);
	uint16_t checksum = sum_fold(sum_octets(t, n, sum));
	store_be16(t + at, proto == PROTO_UDP && !checksum ? 0xffff : checksum);
	f->n = (size_t)(t - f->b) + n;
	if (f->n < FRAME_MIN) {
		memset(f->b + f->n, 0, FRAME_MIN - f->n);
		f->n = FRAME_MIN;
	}
}

static void append(uint8_t *to, struct bytes data)
{
	ENSURE(data.n <= FRAME_DATA_MAX);
	if (data.n)
		memcpy(to, data.p, data.n);
}

void frame_tcp(struct frame *f, const struct frame_net *net, const struct frame_tcp *tcp)
{
	uint8_t *t = transport(f, net);
	size_t n = 20 + tcp->options.n;
	ENSURE(n <= 60 && n % 4 == 0);
	store_be16(t, tcp->sport);
	store_be16(t + 2, tcp->dport);
	store_be32(t + 4, tcp->seq);
	store_be32(t + 8, tcp->ack);
	t[12] = (uint8_t)(n / 4 << 4);
	t[13] = tcp->flags;
	store_be16(t + 14, tcp->window);
	store_be16(t + 18, 0);
	append(t + 20, tcp->options);
	finish(f, net, PROTO_TCP, n, 16);
}

void frame_udp(struct frame *f, const struct frame_net *net, uint16_t sport, uint16_t dport, struct bytes data)
{
	uint8_t *t = transport(f, net);
	store_be16(t, sport);
	store_be16(t + 2, dport);
	store_be16(t + 4, (uint16_t)(8 + data.n));
	append(t + 8, data);
	finish(f, net, PROTO_UDP, 8 + data.n, 6);
}

void frame_icmp(struct frame *f, const struct frame_net *net, const struct frame_icmp *icmp, struct bytes data)
{
	uint8_t *t = transport(f, net);
	t[0] = icmp->type;
	t[1] = icmp->code;
	store_be32(t + 4, icmp->rest);
	append(t + 8, data);
	finish(f, net, net->src6 ? PROTO_ICMPV6 : PROTO_ICMP, 8 + data.n, 2);
}

struct bytes frame_quote(const struct frame *f)
{
	bool six = load_be16(f->b + 12) == ETHER_IPV6;
	return (struct bytes){ f->b + ETHER, six ? FRAME_QUOTE6 : FRAME_QUOTE4 };
}
