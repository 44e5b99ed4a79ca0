// SPDX-License-Identifier: Apache-2.0
/* Addresses and prefixes. IPv4 addresses are kept IPv4-mapped (RFC 4291 section 2.5.5.2), so one type orders and hashes
 * both. */
#pragma once
#include "base/bytes.h"
#include "base/err.h"
#include "base/random.h"

#define ADDR_TEXT_MAX 64

struct addr {
	uint8_t b[16]; /* network order */
};

struct prefix {
	struct addr addr; /* host bits zero */
	uint8_t bits;	  /* 0..128, counted in the mapped form: an IPv4 /16 has 112 */
};

static inline struct addr addr_from4(uint32_t host_order)
{
	struct addr a = { .b = { [10] = 0xff, [11] = 0xff } };
	store_be32(a.b + 12, host_order);
	return a;
}
struct addr addr_from6(const uint8_t b[16]);

/*
 * The address of an IPv6 packet. IPv4-mapped ones have no place on the wire (RFC 4942 section 2.2); so that nobody can
 * pose as an IPv4 host with them they are shown in the IPv4-translated form ::ffff:0:a.b.c.d.
 */
static inline struct addr addr_from_packet6(const uint8_t b[16])
{
	struct addr a;
	memcpy(a.b, b, 16);
	if (__builtin_expect(load_be64(b) == 0 && load_be32(b + 8) == 0x0000ffff, 0))
		store_be32(a.b + 8, 0xffff0000);
	return a;
}
static inline bool addr_is4(const struct addr *a)
{
	uint64_t high;
	memcpy(&high, a->b, 8);
	return high == 0 && load_be32(a->b + 8) == 0x0000ffff;
}

/* Host order; only of IPv4. */
static inline uint32_t addr_to4(const struct addr *a)
{
	return load_be32(a->b + 12);
}
static inline bool addr_same(const struct addr *a, const struct addr *b)
{
	uint64_t x[2], y[2];
	memcpy(x, a, 16);
	memcpy(y, b, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}
int addr_cmp(const struct addr *a, const struct addr *b); /* like memcmp: IPv4 sorts as ::ffff:a.b.c.d */
static inline uint64_t addr_hash(const struct addr *a, uint64_t key)
{
	uint64_t w[2];
	memcpy(w, a, 16);
	return random_mix(random_mix(w[0] ^ key) ^ w[1]);
}

/* Text in the usual form (RFC 5952); returns `out`. */
const char *addr_text(char out[ADDR_TEXT_MAX], const struct addr *a);
const char *prefix_text(char out[ADDR_TEXT_MAX], const struct prefix *p);

/* "192.0.2.1", "2001:db8::1". Returns 0 or -1 with a reason. */
int addr_parse(const char *text, struct addr *out, struct err *err) NODISCARD;

/* "192.0.2.0/24", or an address alone as /32 or /128. Host bits that are set are an error that names the right prefix.
 */
int prefix_parse(const char *text, struct prefix *out, struct err *err) NODISCARD;
bool prefix_holds(const struct prefix *p, const struct addr *a);

/* How many addresses the prefix has; saturates at UINT64_MAX. */
uint64_t prefix_size(const struct prefix *p);
