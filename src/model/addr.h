// SPDX-License-Identifier: Apache-2.0
/* Addresses and prefixes. IPv4 addresses are kept IPv4-mapped (RFC 4291 section 2.5.5.2), so one type orders and hashes both. */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#define ADDR_TEXT_MAX 64

struct addr {
	uint8_t b[16];	/* network order */
};

struct prefix {
	struct addr addr;	/* host bits zero */
	uint8_t bits;		/* 0..128, counted in the mapped form: an IPv4 /16 has 112 */
};

struct addr addr_from4(uint32_t host_order);
struct addr addr_from6(const uint8_t b[16]);
bool addr_is4(const struct addr *a);
uint32_t addr_to4(const struct addr *a);	/* host order; only of IPv4 */
int addr_cmp(const struct addr *a, const struct addr *b);	/* like memcmp: IPv4 sorts as ::ffff:a.b.c.d */
uint64_t addr_hash(const struct addr *a, uint64_t key);

/* Text in the usual form (RFC 5952); returns `out`. */
const char *addr_text(char out[ADDR_TEXT_MAX], const struct addr *a);
const char *prefix_text(char out[ADDR_TEXT_MAX], const struct prefix *p);

/* "192.0.2.1", "2001:db8::1". Returns 0 or -1 with a reason. */
int addr_parse(const char *text, struct addr *out, struct err *err) NODISCARD;

/* "192.0.2.0/24", or an address alone as /32 or /128. Host bits that are set are an error that names the right prefix. */
int prefix_parse(const char *text, struct prefix *out, struct err *err) NODISCARD;
bool prefix_holds(const struct prefix *p, const struct addr *a);

/* How many addresses the prefix has; saturates at UINT64_MAX. */
uint64_t prefix_size(const struct prefix *p);
