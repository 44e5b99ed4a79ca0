// SPDX-License-Identifier: Apache-2.0
#include "view/packetout.h"

#include "view/dark.h"
#include "wire/link.h"

#include <stdio.h>

static void put32(FILE *out, uint32_t v)
{
	uint8_t b[4];
	store_le32(b, v);
	fwrite(b, 1, sizeof b, out);
}

void packetout_head(struct view_call *c, int linktype, const char *name)
{
	snprintf(c->type, sizeof c->type, "application/vnd.tcpdump.pcap");
	snprintf(c->file, sizeof c->file, "%s.pcap", name);
	put32(c->out, 0xa1b23c4d);
	put32(c->out, 4u << 16 | 2);
	put32(c->out, 0);
	put32(c->out, 0);
	put32(c->out, CAPFILE_MAX_CAPLEN);
	put32(c->out, (uint32_t)linktype);
}

void packetout_packet(const struct view_call *c, const struct capfile_record *r, uint8_t *room)
{
	struct link l = { 0 };
	memcpy(room, r->data.p, r->data.n);
	struct bytes frame = { room, r->data.n };
	/* What isn't understood may hold addresses anywhere. */
	if (!link_known(r->linktype) || link_parse(r->linktype, frame, &l) < 0)
		l.payload = frame;
	if (l.payload.n)
		dark_mask(c, room + (l.payload.p - room), l.payload.n);
	put32(c->out, (uint32_t)(r->time_ns / 1000000000));
	put32(c->out, (uint32_t)(r->time_ns % 1000000000));
	put32(c->out, (uint32_t)frame.n);
	put32(c->out, r->wire_len);
	fwrite(room, 1, frame.n, c->out);
}
