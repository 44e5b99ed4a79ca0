// SPDX-License-Identifier: Apache-2.0
/*
 * Link layers: from a captured frame to an EtherType and what lies behind it. Numbers are the LINKTYPE_ values of
 * https://www.tcpdump.org/linktypes.html. VLAN tags (0x8100, 0x88a8, 0x9100, 0x9200) are unwrapped, any number.
 */
#pragma once
#include "base/bytes.h"

enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_12 = 12,
	LINK_RAW_14 = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

enum {
	ETHER_IPV4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_IPV6 = 0x86dd,
};

struct link {
	uint16_t ethertype; /* of the innermost tag; 0 when the link layer names no EtherType (802.3 length, other
			       families) */
	uint8_t vlans;	    /* VLAN tags seen, at most 255 counted */
	bool bad_raw;	    /* raw IP whose version nibble is neither 4 nor 6 */
	struct bytes payload;
};

/* True when link_parse() knows the type; packets of any other type are named and counted only. */
bool link_known(int linktype);

/* The LINKTYPE_ name for people, "linktype N" when it has none here. */
const char *link_name(int linktype);

/* Returns 0, or -1 when the link header (or a VLAN tag) was cut off. The type must be a known one. */
int link_parse(int linktype, struct bytes frame, struct link *out) NODISCARD;
