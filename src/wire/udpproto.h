// SPDX-License-Identifier: Apache-2.0
/* Which protocol a UDP payload speaks, by the shape of its first bytes; ports only break ties. */
#pragma once
#include "base/bytes.h"

enum udp_protocol {
	UDP_PROTO_NONE, /* empty or unknown */
	UDP_PROTO_DNS,
	UDP_PROTO_NTP,
	UDP_PROTO_SNMP,
	UDP_PROTO_SSDP,
	UDP_PROTO_SIP,
	UDP_PROTO_MDNS,
	UDP_PROTO_COAP,
	UDP_PROTO_MEMCACHED,
	UDP_PROTO_CHARGEN,
	UDP_PROTO_NETBIOS,
	UDP_PROTO_TFTP,
	UDP_PROTO_ISAKMP,
	UDP_PROTO_STUN,
	UDP_PROTO_RIP,
	UDP_PROTO_PORTMAP,
	UDP_PROTO_IPMI,
	UDP_PROTO_CLDAP,
	UDP_PROTO_BITTORRENT,
	UDP_PROTO_QUAKE,
	UDP_PROTO_UBNT,
	UDP_PROTO_BACNET,
	UDP_PROTO_WSD,
	UDP_PROTO_QUIC,
	UDP_PROTO_DTLS,
	UDP_PROTO_OPENVPN,
	UDP_PROTO_WIREGUARD,
	UDP_PROTO_DHCP,
	UDP_PROTO_SYSLOG,
	UDP_PROTO_N
};

const char *udp_protocol_name(enum udp_protocol p);

enum udp_protocol udp_protocol_of(uint16_t sport, uint16_t dport, struct bytes payload);

/* True for a payload that asks: the known request of a protocol that scanners send (DNS query, SNMP get, SSDP M-SEARCH
 * ...). */
bool udp_protocol_is_probe(uint16_t sport, uint16_t dport, struct bytes payload);

/* Both at once. */
enum udp_protocol udp_protocol_and_probe(uint16_t sport, uint16_t dport, struct bytes payload, bool *probe);

/* The index over the rows finds every row: for the test that guards new ones. */
bool udp_protocol_index_ok(void);
