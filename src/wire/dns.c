// SPDX-License-Identifier: Apache-2.0
#include "wire/dns.h"

enum { TYPE_A = 1, TYPE_AAAA = 28, CLASS_IN = 1 };

/* Where the name at `off` ends, 0 when it is cut off. A pointer (RFC 1035 section 4.1.4) ends a name. */
static size_t skip_name(struct bytes b, size_t off)
{
	for (;;) {
		const uint8_t *p = bytes_need(b, off, 1);
		if (!p)
			return 0;
		if (*p == 0)
			return off + 1;
		if (*p >= 0xc0)
			return bytes_need(b, off, 2) ? off + 2 : 0;
		if (*p >= 0x40)
			return 0;
		off += 1u + *p;
	}
}

int dns_addresses(struct bytes b, dns_address *fn, void *arg)
{
	const uint8_t *p = bytes_need(b, 0, 12);
	int found = 0;
	if (!p)
		return -1;
	if (!(p[2] & 0x80))
		return 0;
	unsigned questions = load_be16(p + 4), answers = load_be16(p + 6);
	size_t off = 12;
	for (unsigned i = 0; i < questions; i++) {
		off = skip_name(b, off);
		if (!off || !bytes_need(b, off, 4))
			return -1;
		off += 4;
	}
	for (unsigned i = 0; i < answers; i++) {
		off = skip_name(b, off);
		p = off ? bytes_need(b, off, 10) : NULL;
		if (!p)
			return -1;
		size_t n = load_be16(p + 8);
		const uint8_t *data = bytes_need(b, off + 10, n);
		if (!data)
			return -1;
		uint16_t type = load_be16(p), class = load_be16(p + 2) & 0x7fff;
		if (class == CLASS_IN && ((type == TYPE_A && n == 4) || (type == TYPE_AAAA && n == 16))) {
			fn(arg, data, n);
			found++;
		}
		off += 10 + n;
	}
	return found;
}
