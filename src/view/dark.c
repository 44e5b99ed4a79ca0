// SPDX-License-Identifier: Apache-2.0
#include "view/dark.h"

#include "wire/packet.h"

#include <strings.h>

#define IP4_HEADER 20
#define IP6_HEADER 40
#define TEXT_LEAST 4 /* octets of a text at the end that may be an address's */

static bool sees_all(const struct view_call *c)
{
	return c->who->principal.rights & PRINCIPAL_SEE_DARK;
}

/* A 16-bit word of what a checksum covers changes (RFC 1624, equation 3). */
static void adjust(uint8_t *sum, uint16_t old, uint16_t new)
{
	uint32_t v = (uint32_t)(uint16_t)~load_be16(sum) + (uint16_t)~old + new;
	v = (v & 0xffff) + (v >> 16);
	v = (v & 0xffff) + (v >> 16);
	store_be16(sum, (uint16_t)~v);
}

/* What a checksum covers: [from, to) and, of a pseudo header, the addresses of its IP header. */
struct cover {
	size_t sum, from, to, addresses, addresses_end;
};

#define COVERS 4

/* Covers of a quoted packet stand before those of the packet that quotes it. */
struct places {
	uint8_t *ip;
	size_t n;
	struct cover v[COVERS];
	size_t covers;
	size_t size; /* of an address */
};

static bool covers(const struct cover *c, size_t at)
{
	return at != c->sum && ((at >= c->from && at < c->to) || (at >= c->addresses && at < c->addresses_end));
}

/*
 * Writes two octets at an even offset and makes right what covers them, and what covers those checksums. A last octet
 * that stands alone counts as if a zero was behind it.
 */
static void put_word(struct places *p, size_t at, uint16_t new)
{
	bool alone = at + 1 == p->n;
	uint16_t old = alone ? (uint16_t)(p->ip[at] << 8) : load_be16(p->ip + at);
	p->ip[at] = (uint8_t)(new >> 8);
	if (!alone)
		p->ip[at + 1] = (uint8_t) new;
	for (size_t i = 0; i < p->covers; i++) {
		uint8_t *sum = p->ip + p->v[i].sum;
		uint16_t before = load_be16(sum);
		if (!covers(&p->v[i], at))
			continue;
		adjust(sum, old, new);
		for (size_t k = i + 1; k < p->covers; k++)
			if (covers(&p->v[k], p->v[i].sum))
				adjust(p->ip + p->v[k].sum, before, load_be16(sum));
	}
}

/* The same for octets anywhere. */
static void put_octets(struct places *p, size_t at, const uint8_t *new, size_t n)
{
	for (size_t w = at & ~(size_t)1; w < at + n; w += 2) {
		uint8_t word[2] = { p->ip[w], w + 1 < p->n ? p->ip[w + 1] : 0 };
		for (size_t i = 0; i < 2; i++)
			if (w + i >= at && w + i < at + n)
				word[i] = new[w + i - at];
		put_word(p, w, load_be16(word));
	}
}

/* Behind the addresses of the header. */
static size_t behind(const struct places *p)
{
	return p->size == 4 ? IP4_HEADER : IP6_HEADER;
}

/* Every place that holds the address, wherever it stands. */
static void replace(struct places *p, const uint8_t *old, const uint8_t *new)
{
	for (size_t at = behind(p) - p->size; at + p->size <= p->n; at++)
		if (memcmp(p->ip + at, old, p->size) == 0) {
			put_octets(p, at, new, p->size);
			at += p->size - 1;
		}
	/* A copy that the end goes through; what covers it can't be checked any more. */
	for (size_t k = p->size - 1; k > 1; k--)
		if (p->n >= behind(p) + k && memcmp(p->ip + p->n - k, old, k) == 0)
			memcpy(p->ip + p->n - k, new, k);
}

/* The address as people write it ("OPTIONS sip:100@192.0.2.7"), or as much of it as there is before the end. */
static void hide_text(struct places *p, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	uint8_t stars[ADDR_TEXT_MAX];
	size_t n = strlen(addr_text(text, a));
	memset(stars, '*', sizeof stars);
	for (size_t at = behind(p); at + TEXT_LEAST <= p->n; at++) {
		size_t k = n < p->n - at ? n : p->n - at;
		if (strncasecmp((const char *)p->ip + at, text, k) == 0)
			put_octets(p, at, stars, k);
	}
}

/* The checksum of the transport header at `at`, when the packet has one and it wasn't cut off. */
static void cover_transport(struct places *p, size_t ip, size_t at, unsigned proto, bool four)
{
	size_t offset = proto == PROTO_TCP ? 16 : proto == PROTO_UDP ? 6 : 2;
	if (proto != PROTO_TCP && proto != PROTO_UDP && proto != PROTO_ICMP && proto != PROTO_ICMPV6)
		return;
	if (p->n == at + offset + 1)
		p->ip[at + offset] = 0;
	if (p->n < at + offset + 2 || (proto == PROTO_UDP && load_be16(p->ip + at + offset) == 0))
		return;
	struct cover c = { .sum = at + offset, .from = at, .to = p->n };
	if (proto != PROTO_ICMP) {
		c.addresses = ip + (four ? 12 : 8);
		c.addresses_end = ip + (four ? 20 : IP6_HEADER);
	}
	p->v[p->covers++] = c;
}

/* One header and what it carries; the other one's length is checked before. Returns where its payload begins. */
static size_t cover(struct places *p, size_t at)
{
	const uint8_t *ip = p->ip + at;
	if (ip[0] >> 4 == 6) {
		cover_transport(p, at, at + IP6_HEADER, ip[6], false);
		return at + IP6_HEADER;
	}
	size_t header = (size_t)(ip[0] & 15) * 4;
	if (header < IP4_HEADER || at + header > p->n)
		header = IP4_HEADER;
	if ((load_be16(ip + 6) & 0x1fff) == 0)
		cover_transport(p, at, at + header, ip[9], true);
	p->v[p->covers++] = (struct cover){ .sum = at + 10, .from = at, .to = at + header };
	return at + header;
}

static bool is_packet(const struct places *p, size_t at)
{
	return (p->n >= at + IP4_HEADER && p->ip[at] >> 4 == 4) || (p->n >= at + IP6_HEADER && p->ip[at] >> 4 == 6);
}

/* Where an ICMP error quotes a packet; 0: it doesn't. */
static size_t quoted(const struct places *p)
{
	bool four = p->size == 4;
	size_t at = four ? (size_t)(p->ip[0] & 15) * 4 : IP6_HEADER;
	if (p->ip[four ? 9 : 6] != (four ? PROTO_ICMP : PROTO_ICMPV6) || p->n < at + 8)
		return 0;
	unsigned type = p->ip[at];
	bool error = four ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12 : type >= 1 && type <= 4;
	return error && is_packet(p, at + 8) ? at + 8 : 0;
}

static void mask4(struct places *p, const uint8_t *old, const uint8_t *new)
{
	size_t at = (size_t)(p->ip[0] & 15) * 4;
	bool whole = p->ip[9] == PROTO_TCP && p->n >= at + 8;
	uint32_t key = whole ? load_be16(p->ip + at + 2) ^ load_be32(p->ip + at + 4) : 0;
	bool masscan = whole && load_be16(p->ip + 4) == ((load_be32(old) ^ key) & 0xffff);
	replace(p, old, new);
	key = masscan ? load_be16(p->ip + at + 2) ^ load_be32(p->ip + at + 4) : 0;
	if (masscan)
		put_word(p, 4, (uint16_t)(load_be32(new) ^ key));
}

static void mask(struct places *p, struct addr (*stand_in)(void *arg, const struct addr *a), void *arg)
{
	uint8_t old[16];
	bool four = p->size == 4;
	struct addr from = four ? addr_from4(load_be32(p->ip + 16)) : addr_from_packet6(p->ip + 24);
	struct addr to = stand_in(arg, &from);
	size_t quote = quoted(p);
	if (quote)
		cover(p, quote);
	cover(p, 0);
	memcpy(old, p->ip + (four ? 16 : 24), p->size);
	hide_text(p, &from);
	if (four)
		mask4(p, old, to.b + 12);
	else
		replace(p, old, to.b);
}

void dark_rewrite(uint8_t *ip, size_t n, struct addr (*stand_in)(void *arg, const struct addr *a), void *arg)
{
	struct places p = { .ip = ip, .n = n, .size = n && ip[0] >> 4 == 6 ? 16 : 4 };
	if (n && is_packet(&p, 0))
		mask(&p, stand_in, arg);
	else
		memset(ip, 0, n);
}

struct asking {
	const struct view_call *c;
};

static struct addr ask(void *arg, const struct addr *a)
{
	const struct asking *by = arg;
	return view_dark(by->c, a);
}

void dark_mask(const struct view_call *c, uint8_t *ip, size_t n)
{
	struct asking by = { c };
	if (!sees_all(c))
		dark_rewrite(ip, n, ask, &by);
}

void dark_mask_finding(const struct view_call *c, struct finding *f)
{
	for (uint32_t i = 0; i < f->samples_n && !sees_all(c); i++) {
		struct finding_sample *s = &f->samples[i];
		s->dst = view_dark(c, &s->dst);
		if (s->head_len)
			dark_mask(c, s->head, s->head_len);
	}
}
