// SPDX-License-Identifier: Apache-2.0
#include "wire/link.h"

#include <stdio.h>

static const struct {
	int type;
	bool decoded;
	const char *name;
} names[] = {
	{ LINK_NULL, true, "NULL" },
	{ LINK_ETHERNET, true, "ETHERNET" },
	{ LINK_RAW_12, true, "RAW" },
	{ LINK_RAW_14, true, "RAW" },
	{ LINK_RAW, true, "RAW" },
	{ LINK_LOOP, true, "LOOP" },
	{ LINK_SLL, true, "LINUX_SLL" },
	{ LINK_IPV4, true, "IPV4" },
	{ LINK_IPV6, true, "IPV6" },
	{ LINK_SLL2, true, "LINUX_SLL2" },
	{ 9, false, "PPP" },
	{ 8, false, "SLIP" },
	{ 104, false, "C_HDLC" },
	{ 105, false, "IEEE802_11" },
	{ 107, false, "FRELAY" },
	{ 119, false, "IEEE802_11_PRISM" },
	{ 123, false, "SUNATM" },
	{ 127, false, "IEEE802_11_RADIOTAP" },
	{ 50, false, "PPP_HDLC" },
	{ 149, false, "USER2" },
	{ 187, false, "BLUETOOTH_HCI_H4" },
	{ 189, false, "USB_LINUX" },
	{ 195, false, "IEEE802_15_4_WITHFCS" },
	{ 239, false, "NFLOG" },
	{ 220, false, "USB_LINUX_MMAPPED" },
};

bool link_known(int linktype)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].type == linktype)
			return names[i].decoded;
	return false;
}

const char *link_name(int linktype)
{
	static _Thread_local char text[32];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].type == linktype)
			return names[i].name;
	snprintf(text, sizeof text, "linktype %d", linktype);
	return text;
}

static bool is_vlan(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

/* The type at `off`, through any number of tags; the loop ends because each tag takes 4 bytes. */
static int tagged(struct bytes frame, size_t off, struct link *out)
{
	const uint8_t *p = bytes_need(frame, off, 2);
	if (!p)
		return -1;
	uint16_t type = load_be16(p);
	off += 2;
	while (__builtin_expect(is_vlan(type), 0)) {
		p = bytes_need(frame, off, 4);
		if (!p)
			return -1;
		type = load_be16(p + 2);
		off += 4;
		out->vlans += out->vlans < 255;
	}
	out->ethertype = type < 0x600 ? 0 : type;
	out->payload = bytes_from(frame, off);
	return 0;
}

static int raw(struct bytes frame, struct link *out)
{
	const uint8_t *p = bytes_need(frame, 0, 1);
	if (!p)
		return -1;
	out->payload = frame;
	out->bad_raw = p[0] >> 4 != 4 && p[0] >> 4 != 6;
	out->ethertype = p[0] >> 4 == 4 ? ETHER_IPV4 : p[0] >> 4 == 6 ? ETHER_IPV6 : 0;
	return 0;
}

static uint16_t family_type(uint32_t family)
{
	switch (family) {
	case 2:
		return ETHER_IPV4;
	case 10:
	case 24:
	case 28:
	case 30:
		return ETHER_IPV6;
	default:
		return 0;
	}
}

static int loopback(int linktype, struct bytes frame, struct link *out)
{
	const uint8_t *p = bytes_need(frame, 0, 4);
	if (!p)
		return -1;
	uint32_t family = load_be32(p);
	/* LINKTYPE_NULL is in the writer's byte order: a small family number in either reading. */
	if (linktype == LINK_NULL && family > 0xffff)
		family = load_le32(p);
	out->ethertype = family_type(family);
	out->payload = bytes_from(frame, 4);
	return 0;
}

int link_parse(int linktype, struct bytes frame, struct link *out)
{
	memset(out, 0, sizeof *out);
	switch (linktype) {
	case LINK_ETHERNET:
		return tagged(frame, 12, out);
	case LINK_SLL: {
		if (!bytes_need(frame, 0, 16))
			return -1;
		const uint8_t *p = bytes_need(frame, 14, 2);
		if (is_vlan(load_be16(p)))
			return tagged(frame, 14, out);
		out->ethertype = load_be16(p);
		out->payload = bytes_from(frame, 16);
		return 0;
	}
	case LINK_SLL2: {
		const uint8_t *p = bytes_need(frame, 0, 20);
		if (!p)
			return -1;
		out->ethertype = load_be16(p);
		out->payload = bytes_from(frame, 20);
		if (!is_vlan(out->ethertype))
			return 0;
		/* The tag's own type lies in the header, its control information starts the payload. */
		p = bytes_need(frame, 20, 4);
		if (!p)
			return -1;
		out->vlans = 1;
		return tagged(frame, 22, out);
	}
	case LINK_NULL:
	case LINK_LOOP:
		return loopback(linktype, frame, out);
	case LINK_IPV4:
		out->ethertype = ETHER_IPV4;
		out->payload = frame;
		return 0;
	case LINK_IPV6:
		out->ethertype = ETHER_IPV6;
		out->payload = frame;
		return 0;
	default:
		return raw(frame, out);
	}
}
