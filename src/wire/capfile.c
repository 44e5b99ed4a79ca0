// SPDX-License-Identifier: Apache-2.0
#include "wire/capfile.h"

#include "wire/capfile_impl.h"

#include <stdio.h>
#include <stdlib.h>

#define PCAP_HEADER 24u
#define PREFETCH    2048 /* octets ahead: some records, so that a page of the file that ends stops nothing */

/* Magic numbers as read little-endian; the swapped ones are what a big-endian writer leaves. */
static const struct {
	uint32_t magic;
	bool ns;
	uint8_t record; /* octets of a record header */
} magics[] = {
	{ 0xa1b2c3d4, false, 16 }, /* libpcap since 1998 */
	{ 0xa1b23c4d, true, 16 },  /* nanoseconds */
	{ 0xa1b2cd34, false, 24 }, /* Kuznetzov's: interface, protocol and packet type behind the lengths */
	{ 0xa1b234cd, false, 24 }, /* Mesquita's, the same layout */
	{ 0xa12b3c4d, false, 16 }, /* Navtel */
};

static bool find_magic(uint32_t value, size_t *at)
{
	for (*at = 0; *at < sizeof magics / sizeof *magics; (*at)++)
		if (magics[*at].magic == value)
			return true;
	return false;
}

struct capfile *capfile_new(void)
{
	return calloc(1, sizeof(struct capfile));
}

void capfile_free(struct capfile *c)
{
	if (!c)
		return;
	free(c->interfaces);
	free(c->types);
	free(c);
}

bool capfile_recognise(struct bytes head)
{
	size_t at;
	if (head.n < 4)
		return false;
	return load_le32(head.p) == 0x0a0d0d0a || find_magic(load_le32(head.p), &at) ||
	       find_magic(load_be32(head.p), &at);
}

enum capfile_status capfile_fail(struct capfile *c, const char *fmt, uint64_t value)
{
	c->bad = true;
	snprintf(c->why, sizeof c->why, fmt, (unsigned long long)value);
	return CAPFILE_BAD;
}

void capfile_declare(struct capfile *c, int linktype)
{
	uint64_t *known = &c->declared[(linktype & 0xffff) / 64], bit = (uint64_t)1 << (linktype & 63);
	if (*known & bit)
		return;
	if (c->n_types == c->room_types) {
		size_t room = c->room_types ? c->room_types * 2 : 4;
		int *types = realloc(c->types, room * sizeof *types);
		if (!types)
			return;
		c->types = types;
		c->room_types = room;
	}
	c->types[c->n_types++] = linktype;
	*known |= bit;
}

/* The file header, also that of a second file behind the first. Version, time zone and accuracy are junk in the wild.
 */
static void pcap_header(struct capfile *c, const uint8_t *p)
{
	size_t at;
	c->swapped = !find_magic(load_le32(p), &at);
	if (c->swapped)
		find_magic(load_be32(p), &at);
	c->format = CAPFILE_PCAP;
	c->ns = magics[at].ns;
	c->record_header = magics[at].record;
	/* The upper bits tell of the frame check sequence. */
	c->linktype = (int)((c->swapped ? load_be32(p + 20) : load_le32(p + 20)) & 0xffff);
	capfile_declare(c, c->linktype);
}

/*
 * A record whose "seconds" are a magic, whose "fraction" is version 2.4 and whose lengths are both 0 is the header of
 * another file, as far as its first 16 octets say; all 24 are wanted before it is believed.
 */
static bool is_header(const uint8_t *p)
{
	size_t at;
	uint32_t version = load_le32(p + 4);
	return (find_magic(load_le32(p), &at) || find_magic(load_be32(p), &at)) && load_le64(p + 8) == 0 &&
	       (version == 0x00040002 || version == 0x04000200);
}

static inline uint32_t get32(const uint8_t *p, bool swapped)
{
	return swapped ? load_be32(p) : load_le32(p);
}

/*
 * A record of no captured bytes or too many, which is rare. `*empty`: it is an ordinary packet without bytes. Else
 * RECORDS behind another file's header, MORE when that may be one and isn't all there.
 */
static enum capfile_status odd_record(struct capfile *c, struct bytes w, struct capfile_read *out, bool *empty)
{
	const uint8_t *p = w.p + out->used;
	uint32_t caplen = get32(p + 8, c->swapped), len = get32(p + 12, c->swapped);
	if (caplen > CAPFILE_MAX_CAPLEN)
		return capfile_fail(c, "a record claims %llu captured bytes", caplen);
	*empty = len != 0 || !is_header(p);
	if (*empty)
		return CAPFILE_RECORDS;
	if (!bytes_need(w, out->used, PCAP_HEADER)) {
		c->want = PCAP_HEADER;
		return CAPFILE_MORE;
	}
	pcap_header(c, p);
	out->used += PCAP_HEADER;
	return CAPFILE_RECORDS;
}

/* What a record costs here every packet costs: state is kept in locals, and each record is looked at once. */
static inline __attribute__((always_inline)) enum capfile_status pcap_records(
	struct capfile *c, struct bytes w, struct capfile_read *out, bool swapped)
{
	const uint8_t *p = w.p, *end = w.p + w.n;
	const size_t header = c->record_header;
	const uint32_t unit = c->ns ? 1 : 1000;
	const int linktype = c->linktype;
	struct capfile_record *r = out->recs, *last = out->recs + out->max;
	enum capfile_status status = CAPFILE_RECORDS;
	for (; r < last; r++) {
		size_t left = (size_t)(end - p);
		if (left < header) {
			c->want = header;
			status = CAPFILE_MORE;
			break;
		}
		__builtin_prefetch(p + PREFETCH);
		uint32_t caplen = get32(p + 8, swapped);
		if (__builtin_expect(caplen - 1 >= CAPFILE_MAX_CAPLEN, 0)) {
			out->used = (size_t)(p - w.p);
			bool empty = false;
			out->n = (size_t)(r - out->recs);
			status = odd_record(c, w, out, &empty);
			if (!empty)
				return status;
		}
		if (left - header < caplen) {
			c->want = header + caplen;
			status = CAPFILE_MORE;
			break;
		}
		r->data = (struct bytes){ p + header, caplen };
		r->wire_len = get32(p + 12, swapped);
		r->linktype = linktype;
		r->time_ns = (int64_t)get32(p, swapped) * 1000000000 + (int64_t)get32(p + 4, swapped) * unit;
		r->has_time = true;
		p += header + caplen;
	}
	out->used = (size_t)(p - w.p);
	out->n = (size_t)(r - out->recs);
	return status;
}

static enum capfile_status start(struct capfile *c, struct bytes w, struct capfile_read *out)
{
	const uint8_t *p = bytes_need(w, 0, 4);
	if (!p) {
		c->want = 4;
		return CAPFILE_MORE;
	}
	if (load_le32(p) == 0x0a0d0d0a) {
		c->format = CAPFILE_PCAPNG;
		return CAPFILE_RECORDS;
	}
	if (!capfile_recognise(w))
		return capfile_fail(c, "not a capture: starts with 0x%08llx", load_be32(p));
	p = bytes_need(w, 0, PCAP_HEADER);
	if (!p) {
		c->want = PCAP_HEADER;
		return CAPFILE_MORE;
	}
	pcap_header(c, p);
	out->used = PCAP_HEADER;
	return CAPFILE_RECORDS;
}

enum capfile_status capfile_read(
	struct capfile *c, struct bytes window, struct capfile_record *recs, size_t max, size_t *n, size_t *used)
{
	struct capfile_read out = { .recs = recs, .max = max };
	enum capfile_status s;
	if (c->bad)
		s = CAPFILE_BAD;
	else if (c->format == CAPFILE_UNKNOWN)
		s = start(c, window, &out);
	else if (c->format == CAPFILE_PCAPNG)
		s = capfile_pcapng(c, window, &out);
	else
		s = c->swapped ? pcap_records(c, window, &out, true) : pcap_records(c, window, &out, false);
	*n = out.n;
	*used = out.used;
	return s;
}

size_t capfile_want(const struct capfile *c)
{
	return c->want ? c->want : 1;
}

const char *capfile_error(const struct capfile *c)
{
	return c->why;
}

const char *capfile_cut(struct capfile *c, struct bytes left)
{
	const char *what = c->format == CAPFILE_UNKNOWN ? "file header"
			   : c->format == CAPFILE_PCAP	? "record"
							: "block";
	snprintf(c->why, sizeof c->why, "%s cut off after %zu of %s%zu bytes", what, left.n,
		left.n < c->record_header || c->format != CAPFILE_PCAP ? "at least " : "", capfile_want(c));
	return c->why;
}

const char *capfile_format(const struct capfile *c)
{
	return c->format == CAPFILE_PCAP ? "pcap" : c->format == CAPFILE_PCAPNG ? "pcapng" : NULL;
}

size_t capfile_linktypes(const struct capfile *c, const int **types)
{
	*types = c->types;
	return c->n_types;
}

uint64_t capfile_oddities(const struct capfile *c)
{
	return c->oddities;
}

bool capfile_far(const struct capfile *c, int64_t *s, uint32_t *ns)
{
	*s = c->far_s;
	*ns = c->far_ns;
	return c->far;
}

uint64_t capfile_drops(const struct capfile *c)
{
	uint64_t sum = c->drops_before;
	for (size_t i = 0; i < c->n_interfaces; i++)
		sum += c->interfaces[i].drops;
	return sum;
}
