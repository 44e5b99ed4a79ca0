// SPDX-License-Identifier: Apache-2.0
/* pcapng (draft-ietf-opsawg-pcapng): section numbers in comments are of that draft. */
#include "wire/capfile_impl.h"

#include <stdlib.h>

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE = 3,
	BLOCK_STATISTICS = 5,
	BLOCK_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum { OPT_END = 0, OPT_IF_TSRESOL = 9, OPT_IF_TSOFFSET = 14, OPT_ISB_IFDROP = 5 };

static uint16_t u16(const struct capfile *c, const uint8_t *p)
{
	return c->swapped ? load_be16(p) : load_le16(p);
}

static uint32_t u32(const struct capfile *c, const uint8_t *p)
{
	return c->swapped ? load_be32(p) : load_le32(p);
}

static uint64_t u64(const struct capfile *c, const uint8_t *p)
{
	return c->swapped ? load_be64(p) : load_le64(p);
}

struct option {
	uint16_t code;
	struct bytes value;
};

/* The option at the front of `*list` (section 3.5); false at the end or when the list is cut. */
static bool next_option(const struct capfile *c, struct bytes *list, struct option *o)
{
	const uint8_t *p = bytes_need(*list, 0, 4);
	if (!p)
		return false;
	o->code = u16(c, p);
	size_t n = u16(c, p + 2);
	if (o->code == OPT_END || !bytes_need(*list, 4, n))
		return false;
	o->value = (struct bytes){ p + 4, n };
	*list = bytes_from(*list, 4 + ((n + 3) & ~(size_t)3));
	return true;
}

static void section(struct capfile *c)
{
	for (size_t i = 0; i < c->n_interfaces; i++)
		c->drops_before += c->interfaces[i].drops;
	c->n_interfaces = 0;
	c->in_section = true;
}

static void interface(struct capfile *c, struct bytes body)
{
	const uint8_t *p = bytes_need(body, 0, 8);
	if (!p || c->n_interfaces == CAPFILE_MAX_INTERFACES) {
		c->oddities++;
		return;
	}
	if (c->n_interfaces == c->room_interfaces) {
		size_t room = c->room_interfaces ? c->room_interfaces * 2 : 4;
		void *grown = realloc(c->interfaces, room * sizeof *c->interfaces);
		if (!grown)
			return;
		c->interfaces = grown;
		c->room_interfaces = room;
	}
	struct capfile_interface *i = &c->interfaces[c->n_interfaces++];
	*i = (struct capfile_interface){ .linktype = u16(c, p), .snaplen = u32(c, p + 4), .tsresol = 6 };
	capfile_declare(c, i->linktype);
	struct bytes list = bytes_from(body, 8);
	struct option o;
	while (next_option(c, &list, &o)) {
		if (o.code == OPT_IF_TSRESOL && o.value.n >= 1)
			i->tsresol = o.value.p[0];
		else if (o.code == OPT_IF_TSOFFSET && o.value.n >= 8)
			i->tsoffset = (int64_t)u64(c, o.value.p);
	}
}

struct instant {
	uint64_t s;
	uint32_t ns;
};

/* Ticks of 10^-n seconds. Exponents beyond the ticks' own size leave nothing but 0. */
static struct instant decimal(uint64_t ticks, unsigned n)
{
	uint64_t unit = 1;
	for (unsigned i = 0; i < n && i < 19; i++)
		unit *= 10;
	if (n > 19) {
		for (unsigned i = n; i > 9 && ticks; i--)
			ticks /= 10;
		return (struct instant){ 0, (uint32_t)ticks };
	}
	uint64_t fraction = ticks % unit;
	for (; n < 9; n++)
		fraction *= 10;
	for (; n > 9; n--)
		fraction /= 10;
	return (struct instant){ ticks / unit, (uint32_t)fraction };
}

static struct instant binary(uint64_t ticks, unsigned n)
{
	if (n > 63)
		return (struct instant){ 0, 0 };
	uint64_t fraction = ticks & (((uint64_t)1 << n) - 1), s = ticks >> n;
	/* 34 bits of fraction times 10^9 still fit 64. */
	if (n > 34) {
		fraction >>= n - 34;
		n = 34;
	}
	return (struct instant){ s, (uint32_t)(fraction * 1000000000 >> n) };
}

/* In the year 1823: whoever goes back from any time by minutes or days stays within 64 bits. */
#define LEAST_NS (INT64_MIN / 2)

/* Nanoseconds since 1970; what doesn't fit is clamped, and the furthest remembered for capfile_far(). */
static int64_t to_ns(struct capfile *c, const struct capfile_interface *i, uint64_t ticks)
{
	if (i->tsresol == 6 && i->tsoffset == 0 && ticks < INT64_MAX / 1000)
		return (int64_t)ticks * 1000;
	struct instant t = i->tsresol & 0x80 ? binary(ticks, i->tsresol & 0x7f) : decimal(ticks, i->tsresol);
	int64_t s;
	if (t.s > INT64_MAX || __builtin_add_overflow((int64_t)t.s, i->tsoffset, &s))
		s = INT64_MAX;
	if (s >= INT64_MAX / 1000000000) {
		if (!c->far || s > c->far_s || (s == c->far_s && t.ns > c->far_ns)) {
			c->far_s = s;
			c->far_ns = t.ns;
		}
		c->far = true;
		return INT64_MAX;
	}
	return s <= LEAST_NS / 1000000000 ? LEAST_NS : s * 1000000000 + t.ns;
}

/* Captured bytes behind `head` octets of block body: no more than the block holds. */
static void record(struct capfile *c, struct bytes body, size_t head, uint32_t caplen, struct capfile_record *r)
{
	if (caplen > body.n - head) {
		caplen = (uint32_t)(body.n - head);
		c->oddities++;
	}
	r->data = (struct bytes){ body.p + head, caplen };
}

static const struct capfile_interface *interface_of(struct capfile *c, uint32_t id)
{
	if (id < c->n_interfaces)
		return &c->interfaces[id];
	c->oddities++;
	return NULL;
}

static bool enhanced(struct capfile *c, struct bytes body, bool old, struct capfile_record *r)
{
	const uint8_t *p = bytes_need(body, 0, 20);
	const struct capfile_interface *i = p ? interface_of(c, old ? u16(c, p) : u32(c, p)) : NULL;
	if (!i) {
		c->oddities += !p;
		return false;
	}
	record(c, body, 20, u32(c, p + 12), r);
	r->wire_len = u32(c, p + 16);
	r->linktype = i->linktype;
	r->time_ns = to_ns(c, i, (uint64_t)u32(c, p + 4) << 32 | u32(c, p + 8));
	r->has_time = true;
	return true;
}

static bool simple(struct capfile *c, struct bytes body, struct capfile_record *r)
{
	const uint8_t *p = bytes_need(body, 0, 4);
	const struct capfile_interface *i = p ? interface_of(c, 0) : NULL;
	if (!i) {
		c->oddities += !p;
		return false;
	}
	uint32_t len = u32(c, p), caplen = i->snaplen && i->snaplen < len ? i->snaplen : len;
	record(c, body, 4, caplen, r);
	r->wire_len = len;
	r->linktype = i->linktype;
	r->time_ns = 0;
	r->has_time = false;
	return true;
}

static void statistics(struct capfile *c, struct bytes body)
{
	const uint8_t *p = bytes_need(body, 0, 12);
	uint32_t id = p ? u32(c, p) : UINT32_MAX;
	if (id >= c->n_interfaces) {
		c->oddities++;
		return;
	}
	struct bytes list = bytes_from(body, 12);
	struct option o;
	while (next_option(c, &list, &o))
		if (o.code == OPT_ISB_IFDROP && o.value.n >= 8)
			c->interfaces[id].drops = u64(c, o.value.p);
}

static bool block(struct capfile *c, uint32_t type, struct bytes body, struct capfile_record *r)
{
	switch (type) {
	case BLOCK_INTERFACE:
		interface(c, body);
		return false;
	case BLOCK_ENHANCED:
		return enhanced(c, body, false, r);
	case BLOCK_PACKET:
		return enhanced(c, body, true, r);
	case BLOCK_SIMPLE:
		return simple(c, body, r);
	case BLOCK_STATISTICS:
		statistics(c, body);
		return false;
	default:
		return false; /* names, secrets, custom and unknown blocks are no packets */
	}
}

/* Byte order and length of a block at `p` (12 bytes at least); the section header brings its own byte order
 * (section 4.1). */
static enum capfile_status measure(struct capfile *c, const uint8_t *p, uint32_t *type, size_t *length)
{
	*type = load_le32(p);
	if (*type == BLOCK_SECTION) {
		uint32_t magic = load_le32(p + 8);
		if (magic != 0x1a2b3c4d && magic != 0x4d3c2b1a)
			return capfile_fail(c, "a section header with the byte-order magic 0x%08llx", magic);
		c->swapped = magic == 0x4d3c2b1a;
	} else if (!c->in_section) {
		return capfile_fail(c, "a block of type 0x%08llx before any section header", *type);
	}
	*type = u32(c, p);
	uint32_t claimed = u32(c, p + 4);
	if (claimed < (*type == BLOCK_SECTION ? 28u : 12u) || claimed > CAPFILE_MAX_BLOCK)
		return capfile_fail(c, "a block of %llu bytes", claimed);
	*length = ((size_t)claimed + 3) & ~(size_t)3;
	return CAPFILE_RECORDS;
}

enum capfile_status capfile_pcapng(struct capfile *c, struct bytes w, struct capfile_read *out)
{
	while (out->n < out->max) {
		const uint8_t *p = bytes_need(w, out->used, 12);
		uint32_t type;
		size_t length = 0;
		if (!p) {
			c->want = 12;
			return CAPFILE_MORE;
		}
		if (measure(c, p, &type, &length) == CAPFILE_BAD)
			return CAPFILE_BAD;
		if (!bytes_need(w, out->used, length)) {
			c->want = length;
			return CAPFILE_MORE;
		}
		/* Counted once the block is whole: a window that is still too small must not count it again. */
		c->oddities += u32(c, p + 4) % 4 != 0;
		c->oddities += u32(c, p + length - 4) != u32(c, p + 4);
		if (type == BLOCK_SECTION)
			section(c);
		else
			out->n += block(c, type, (struct bytes){ p + 8, length - 12 }, &out->recs[out->n]);
		out->used += length;
	}
	return CAPFILE_RECORDS;
}
