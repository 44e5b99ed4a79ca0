// SPDX-License-Identifier: Apache-2.0
#include "model/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct addr addr_from6(const uint8_t b[16])
{
	struct addr a;
	memcpy(a.b, b, 16);
	return a;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, 16);
}

const char *addr_text(char out[ADDR_TEXT_MAX], const struct addr *a)
{
	if (addr_is4(a))
		inet_ntop(AF_INET, a->b + 12, out, ADDR_TEXT_MAX);
	else
		inet_ntop(AF_INET6, a->b, out, ADDR_TEXT_MAX);
	return out;
}

const char *prefix_text(char out[ADDR_TEXT_MAX], const struct prefix *p)
{
	addr_text(out, &p->addr);
	size_t n = strlen(out);
	snprintf(out + n, ADDR_TEXT_MAX - n, "/%d", addr_is4(&p->addr) && p->bits >= 96 ? p->bits - 96 : p->bits);
	return out;
}

int addr_parse(const char *text, struct addr *out, struct err *err)
{
	uint8_t b[16];
	if (inet_pton(AF_INET, text, b) == 1)
		*out = addr_from4(load_be32(b));
	else if (inet_pton(AF_INET6, text, b) == 1)
		*out = addr_from6(b);
	else
		return err_set(err, -1, "'%.64s' is not an IPv4 or IPv6 address", text);
	return 0;
}

static struct addr masked(const struct addr *a, unsigned bits)
{
	struct addr out = *a;
	for (unsigned i = 0; i < 16; i++) {
		unsigned left = bits > i * 8 ? bits - i * 8 : 0;
		if (left < 8)
			out.b[i] &= (uint8_t)(0xff00 >> left);
	}
	return out;
}

int prefix_parse(const char *text, struct prefix *out, struct err *err)
{
	char host[ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof host)
		return err_set(err, -1, "'%.64s' is not an address or prefix", text);
	memcpy(host, text, n);
	host[n] = 0;
	struct prefix p = { 0 };
	if (addr_parse(host, &p.addr, err) < 0)
		return -1;
	unsigned base = addr_is4(&p.addr) ? 96 : 0;
	p.bits = 128;
	if (slash) {
		char *end;
		unsigned long bits = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || bits > 128 - base)
			return err_set(err, -1, "'%.64s': the prefix length must be 0 to %u", text, 128 - base);
		p.bits = (uint8_t)(bits + base);
	}
	struct addr host_free = masked(&p.addr, p.bits);
	if (addr_cmp(&host_free, &p.addr) != 0) {
		struct prefix right = { host_free, p.bits };
		return err_set(err, -1, "'%.64s' has host bits set; did you mean %s?", text, prefix_text(host, &right));
	}
	*out = p;
	return 0;
}

bool prefix_holds(const struct prefix *p, const struct addr *a)
{
	struct addr m = masked(a, p->bits);
	return addr_cmp(&m, &p->addr) == 0;
}

uint64_t prefix_size(const struct prefix *p)
{
	unsigned host = 128u - p->bits;
	return host >= 64 ? UINT64_MAX : (uint64_t)1 << host;
}
