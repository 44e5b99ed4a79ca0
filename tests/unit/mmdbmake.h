// SPDX-License-Identifier: Apache-2.0
/*
 * Makes small MMDB files (MaxMind DB format 2.0) in memory: a search tree of IPv6 depth with 24-bit records, a data
 * section, metadata. Call mmdb_data_*() to write a record, mmdb_prefix() to let a prefix lead to it, mmdb_finish() at
 * the end.
 */
#pragma once
#include "base/err.h"
#include "model/addr.h"

#include <stdlib.h>

#define MMDB_NODES   4096
#define MMDB_BYTES   8192
#define MMDB_IS_DATA 0x80000000u

struct mmdb {
	uint32_t node[MMDB_NODES][2]; /* 0: nothing, else a node or MMDB_IS_DATA | offset of a record */
	uint32_t n;
	uint8_t data[MMDB_BYTES];
	size_t n_data;
};

static inline void mmdb_init(struct mmdb *m)
{
	memset(m, 0, sizeof *m);
	m->n = 1;
}

static inline void mmdb_put(struct mmdb *m, const void *p, size_t n)
{
	ENSURE(m->n_data + n <= MMDB_BYTES);
	memcpy(m->data + m->n_data, p, n);
	m->n_data += n;
}

/* Control byte: three bits of type, five of size; types from 8 on stand in a second byte, sizes from 29 on in a further
 * one. */
static inline void mmdb_control(struct mmdb *m, unsigned type, size_t size)
{
	ENSURE(size < 29 + 256);
	uint8_t b[3], n = 0;
	b[n++] = (uint8_t)((type < 8 ? type << 5 : 0) | (size < 29 ? size : 29));
	if (type >= 8)
		b[n++] = (uint8_t)(type - 7);
	if (size >= 29)
		b[n++] = (uint8_t)(size - 29);
	mmdb_put(m, b, n);
}

static inline void mmdb_text(struct mmdb *m, const char *s)
{
	mmdb_control(m, 2, strlen(s));
	mmdb_put(m, s, strlen(s));
}

static inline void mmdb_map(struct mmdb *m, size_t pairs)
{
	mmdb_control(m, 7, pairs);
}

static inline void mmdb_number(struct mmdb *m, unsigned type, uint64_t v, size_t bytes)
{
	uint8_t b[8];
	for (size_t i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	mmdb_control(m, type, bytes);
	mmdb_put(m, b, bytes);
}

static inline void mmdb_u32(struct mmdb *m, uint32_t v)
{
	mmdb_number(m, 6, v, 4);
}

static inline void mmdb_double(struct mmdb *m, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, 8);
	mmdb_number(m, 3, bits, 8);
}

/* IPv4 lies below ::/96 in the tree. */
static inline void mmdb_prefix(struct mmdb *m, const char *text, size_t record)
{
	struct prefix p;
	ENSURE(prefix_parse(text, &p, NULL) == 0 && p.bits > 0);
	if (addr_is4(&p.addr))
		p.addr.b[10] = p.addr.b[11] = 0;
	uint32_t at = 0;
	for (unsigned bit = 0; bit + 1 < p.bits; bit++) {
		uint32_t *next = &m->node[at][p.addr.b[bit / 8] >> (7 - bit % 8) & 1];
		ENSURE(!(*next & MMDB_IS_DATA) && m->n < MMDB_NODES);
		if (!*next)
			*next = m->n++;
		at = *next;
	}
	unsigned last = p.bits - 1u;
	m->node[at][p.addr.b[last / 8] >> (7 - last % 8) & 1] = MMDB_IS_DATA | (uint32_t)record;
}

static inline void mmdb_meta(struct mmdb *m, uint32_t nodes, const char *type)
{
	mmdb_put(m, "\xab\xcd\xefMaxMind.com", 14);
	mmdb_map(m, 9);
	mmdb_text(m, "node_count");
	mmdb_u32(m, nodes);
	mmdb_text(m, "record_size");
	mmdb_number(m, 5, 24, 2);
	mmdb_text(m, "ip_version");
	mmdb_number(m, 5, 6, 2);
	mmdb_text(m, "database_type");
	mmdb_text(m, type);
	mmdb_text(m, "languages");
	mmdb_control(m, 11, 1);
	mmdb_text(m, "en");
	mmdb_text(m, "binary_format_major_version");
	mmdb_number(m, 5, 2, 2);
	mmdb_text(m, "binary_format_minor_version");
	mmdb_number(m, 5, 0, 2);
	mmdb_text(m, "build_epoch");
	mmdb_number(m, 9, 1767225600, 8);
	mmdb_text(m, "description");
	mmdb_map(m, 1);
	mmdb_text(m, "en");
	mmdb_text(m, "made for a test");
}

/* The file in a new allocation of *n bytes. */
static inline uint8_t *mmdb_finish(struct mmdb *m, const char *type, size_t *n)
{
	size_t data = m->n_data, at = 0;
	uint8_t *out = malloc(m->n * 6 + 16 + MMDB_BYTES);
	ENSURE(out);
	for (uint32_t i = 0; i < m->n; i++)
		for (int side = 0; side < 2; side++) {
			uint32_t v = m->node[i][side];
			v = !v ? m->n : v & MMDB_IS_DATA ? m->n + 16 + (v & ~MMDB_IS_DATA) : v;
			out[at++] = (uint8_t)(v >> 16);
			out[at++] = (uint8_t)(v >> 8);
			out[at++] = (uint8_t)v;
		}
	memset(out + at, 0, 16);
	at += 16;
	mmdb_meta(m, m->n, type);
	memcpy(out + at, m->data, m->n_data);
	*n = at + m->n_data;
	m->n_data = data;
	return out;
}

/* GeoLite2-City: nested maps. One record for 192.0.2.0/24 and 2001:db8::/32, another with little for 198.51.100.0/24.
 */
static inline uint8_t *mmdb_city(size_t *n)
{
	static struct mmdb m;
	mmdb_init(&m);
	mmdb_map(&m, 3);
	mmdb_text(&m, "city");
	mmdb_map(&m, 1);
	mmdb_text(&m, "names");
	mmdb_map(&m, 2);
	mmdb_text(&m, "ja");
	mmdb_text(&m, "\xe6\x9d\xb1\xe4\xba\xac");
	mmdb_text(&m, "en");
	mmdb_text(&m, "Tokyo");
	mmdb_text(&m, "country");
	mmdb_map(&m, 1);
	mmdb_text(&m, "iso_code");
	mmdb_text(&m, "JP");
	mmdb_text(&m, "location");
	mmdb_map(&m, 2);
	mmdb_text(&m, "latitude");
	mmdb_double(&m, 35.5);
	mmdb_text(&m, "longitude");
	mmdb_double(&m, 139.75);
	mmdb_prefix(&m, "192.0.2.0/24", 0);
	mmdb_prefix(&m, "2001:db8::/32", 0);
	size_t second = m.n_data;
	mmdb_map(&m, 2);
	mmdb_text(&m, "registered_country");
	mmdb_map(&m, 1);
	mmdb_text(&m, "iso_code");
	mmdb_text(&m, "DE");
	mmdb_text(&m, "location");
	mmdb_map(&m, 1);
	mmdb_text(&m, "latitude");
	mmdb_double(&m, 91);
	mmdb_prefix(&m, "198.51.100.0/24", second);
	return mmdb_finish(&m, "GeoLite2-City", n);
}

/* GeoLite2-ASN and ip-location-db: flat. */
static inline uint8_t *mmdb_asn(size_t *n)
{
	static struct mmdb m;
	mmdb_init(&m);
	mmdb_map(&m, 2);
	mmdb_text(&m, "autonomous_system_number");
	mmdb_u32(&m, 64496);
	mmdb_text(&m, "autonomous_system_organization");
	mmdb_text(&m, "Example \xe7\xb6\xb2\nNet");
	mmdb_prefix(&m, "192.0.2.0/25", 0);
	mmdb_prefix(&m, "203.0.113.0/24", 0);
	size_t second = m.n_data;
	mmdb_map(&m, 1);
	mmdb_text(&m, "autonomous_system_number");
	mmdb_u32(&m, 0);
	mmdb_prefix(&m, "198.51.100.0/24", second);
	return mmdb_finish(&m, "DBIP-ASN-Lite", n);
}

/* ip-location-db's country and city, IPinfo: flat with texts for numbers. */
static inline uint8_t *mmdb_flat(size_t *n)
{
	static struct mmdb m;
	mmdb_init(&m);
	mmdb_map(&m, 1);
	mmdb_text(&m, "country_code");
	mmdb_text(&m, "fr");
	mmdb_prefix(&m, "192.0.2.0/24", 0);
	mmdb_prefix(&m, "203.0.113.0/24", 0);
	size_t at = m.n_data;
	mmdb_map(&m, 6);
	mmdb_text(&m, "country");
	mmdb_text(&m, "US");
	mmdb_text(&m, "asn");
	mmdb_text(&m, "AS64500");
	mmdb_text(&m, "as_name");
	mmdb_text(&m, "A name that is so long that it does not fit into the field that it is "
		      "read into, so that it is cut between \xe7\xb6\xb2\xe7\xb6\xb2\xe7\xb6\xb2");
	mmdb_text(&m, "city");
	mmdb_text(&m, "Springfield");
	mmdb_text(&m, "lat");
	mmdb_text(&m, "-1.5");
	mmdb_text(&m, "lng");
	mmdb_text(&m, "2");
	mmdb_prefix(&m, "198.51.100.0/25", at);
	at = m.n_data;
	mmdb_map(&m, 2);
	mmdb_text(&m, "country_code");
	mmdb_text(&m, "ZZ");
	mmdb_text(&m, "city");
	mmdb_u32(&m, 5);
	mmdb_prefix(&m, "198.51.100.128/25", at);
	return mmdb_finish(&m, "ipinfo", n);
}
