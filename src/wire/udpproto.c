// SPDX-License-Identifier: Apache-2.0
#include "wire/udpproto.h"

enum { QUESTION = 1, ANSWER = 2, ANY = 3 };

/*
 * One row a shape: `port` 0 means the shape alone says it (first rows); else one of the two ports must be it. `at` and
 * `magic` are compared byte by byte where `mask` has a bit. The direction tells questions that scanners ask from all
 * else: what ordinary programs send to silent peers by themselves (QUIC, STUN, DHT, WireGuard, DHCP) is no probe.
 */
struct shape {
	enum udp_protocol proto;
	uint16_t port;
	uint8_t direction;
	uint8_t at, n;
	uint8_t min;		  /* shortest payload */
	const char *magic, *mask; /* mask NULL: all bits */
};

static const struct shape shapes[] = {
	{ UDP_PROTO_SSDP, 0, QUESTION, 0, 8, 8, "M-SEARCH", NULL },
	{ UDP_PROTO_SSDP, 0, ANSWER, 0, 7, 7, "NOTIFY ", NULL },
	{ UDP_PROTO_SIP, 0, QUESTION, 0, 12, 12, "OPTIONS sip:", NULL },
	{ UDP_PROTO_SIP, 0, QUESTION, 0, 13, 13, "REGISTER sip:", NULL },
	{ UDP_PROTO_SIP, 0, QUESTION, 0, 11, 11, "INVITE sip:", NULL },
	{ UDP_PROTO_SIP, 0, ANSWER, 0, 8, 8, "SIP/2.0 ", NULL },
	{ UDP_PROTO_STUN, 0, ANSWER, 0, 8, 20, "\0\1\0\0\x21\x12\xa4\x42", "\xff\xff\0\3\xff\xff\xff\xff" },
	{ UDP_PROTO_STUN, 0, ANSWER, 4, 4, 20, "\x21\x12\xa4\x42", NULL },
	{ UDP_PROTO_BITTORRENT, 0, ANSWER, 0, 12, 12, "d1:ad2:id20:", NULL },
	{ UDP_PROTO_BITTORRENT, 0, ANSWER, 0, 12, 12, "d1:rd2:id20:", NULL },
	{ UDP_PROTO_QUAKE, 0, QUESTION, 0, 7, 7, "\xff\xff\xff\xffget", NULL },
	{ UDP_PROTO_QUAKE, 0, QUESTION, 0, 25, 25, "\xff\xff\xff\xffTSource Engine Query", NULL },
	{ UDP_PROTO_QUAKE, 0, ANSWER, 0, 4, 5, "\xff\xff\xff\xff", NULL },
	{ UDP_PROTO_DTLS, 0, QUESTION, 0, 3, 14, "\x16\xfe\xff", "\xff\xff\xfd" },
	/* From here on ascending by port. */
	{ UDP_PROTO_CHARGEN, 19, ANY, 0, 0, 1, "", NULL },
	{ UDP_PROTO_DNS, 53, QUESTION, 2, 6, 12, "\0\0\0\0\0\0", "\x80\0\xff\xfe\xff\xff" },
	{ UDP_PROTO_DNS, 53, ANSWER, 2, 1, 12, "\x80", "\x80" },
	{ UDP_PROTO_DHCP, 67, ANSWER, 0, 2, 236, "\1\1", NULL },
	{ UDP_PROTO_DHCP, 67, ANSWER, 0, 2, 236, "\2\1", NULL },
	{ UDP_PROTO_TFTP, 69, QUESTION, 0, 2, 6, "\0\1", NULL },
	{ UDP_PROTO_TFTP, 69, QUESTION, 0, 2, 6, "\0\2", NULL },
	{ UDP_PROTO_TFTP, 69, ANSWER, 0, 2, 4, "\0\5", NULL },
	{ UDP_PROTO_PORTMAP, 111, QUESTION, 4, 12, 40, "\0\0\0\0\0\0\0\2\0\1\x86\xa0", NULL },
	{ UDP_PROTO_PORTMAP, 111, ANSWER, 4, 4, 24, "\0\0\0\1", NULL },
	{ UDP_PROTO_NTP, 123, QUESTION, 0, 1, 48, "\1", "\5" }, /* modes 1 and 3 */
	{ UDP_PROTO_NTP, 123, QUESTION, 0, 4, 8, "\7\0\3\0", "\7\0\xff\0" },
	{ UDP_PROTO_NTP, 123, QUESTION, 0, 2, 12, "\6\0", "\7\x80" },
	{ UDP_PROTO_NTP, 123, ANSWER, 0, 1, 48, "\4", "\7" },
	{ UDP_PROTO_NTP, 123, ANSWER, 0, 1, 8, "\x80", "\x80" },
	{ UDP_PROTO_NTP, 123, ANSWER, 0, 2, 12, "\6\x80", "\7\x80" },
	{ UDP_PROTO_NETBIOS, 137, QUESTION, 2, 10, 50, "\0\0\0\1\0\0\0\0\0\0",
		"\x80\0\xff\xff\xff\xff\xff\xff\xff\xff" },
	{ UDP_PROTO_NETBIOS, 137, ANSWER, 2, 1, 12, "\x80", "\x80" },
	{ UDP_PROTO_SNMP, 161, ANY, 0, 1, 20, "\x30", NULL },
	{ UDP_PROTO_SNMP, 162, ANSWER, 0, 1, 20, "\x30", NULL },
	{ UDP_PROTO_CLDAP, 389, QUESTION, 0, 1, 20, "\x30", NULL },
	{ UDP_PROTO_QUIC, 443, ANSWER, 0, 1, 21, "\xc0", "\xc0" },
	{ UDP_PROTO_ISAKMP, 500, QUESTION, 8, 8, 28, "\0\0\0\0\0\0\0\0", NULL },
	{ UDP_PROTO_ISAKMP, 500, ANSWER, 17, 1, 28, "\x10", "\xf0" },
	{ UDP_PROTO_SYSLOG, 514, ANSWER, 0, 1, 4, "<", NULL },
	{ UDP_PROTO_RIP, 520, QUESTION, 0, 2, 24, "\1\0", "\xff\0" },
	{ UDP_PROTO_RIP, 520, ANSWER, 0, 1, 24, "\2", NULL },
	{ UDP_PROTO_IPMI, 623, QUESTION, 0, 4, 12, "\6\0\xff\7", "\xff\0\xff\x7f" },
	{ UDP_PROTO_OPENVPN, 1194, QUESTION, 0, 1, 14, "\x38", NULL },
	{ UDP_PROTO_OPENVPN, 1194, ANSWER, 0, 1, 14, "\x40", NULL },
	{ UDP_PROTO_SSDP, 1900, ANSWER, 0, 5, 5, "HTTP/", NULL },
	{ UDP_PROTO_WSD, 3702, ANY, 0, 1, 20, "<", NULL },
	{ UDP_PROTO_ISAKMP, 4500, QUESTION, 0, 12, 32, "\0\0\0\0\0\0\0\0\0\0\0\0", "\xff\xff\xff\xff\0\0\0\0\0\0\0\0" },
	{ UDP_PROTO_ISAKMP, 4500, ANSWER, 0, 0, 1, "", NULL },
	{ UDP_PROTO_MDNS, 5353, QUESTION, 2, 1, 12, "\0", "\x80" },
	{ UDP_PROTO_MDNS, 5353, ANSWER, 2, 1, 12, "\x80", "\x80" },
	{ UDP_PROTO_COAP, 5683, QUESTION, 0, 2, 4, "\x40\1", "\xc0\xff" },
	{ UDP_PROTO_COAP, 5683, ANSWER, 0, 1, 4, "\x40", "\xc0" },
	{ UDP_PROTO_UBNT, 10001, QUESTION, 0, 4, 4, "\1\0\0\0", NULL },
	{ UDP_PROTO_MEMCACHED, 11211, QUESTION, 8, 5, 13, "stats", NULL },
	{ UDP_PROTO_MEMCACHED, 11211, QUESTION, 8, 4, 12, "get ", NULL },
	{ UDP_PROTO_MEMCACHED, 11211, QUESTION, 8, 5, 13, "gets ", NULL },
	{ UDP_PROTO_MEMCACHED, 11211, QUESTION, 8, 7, 13, "version", NULL },
	{ UDP_PROTO_MEMCACHED, 11211, ANSWER, 0, 0, 8, "", NULL },
	{ UDP_PROTO_BACNET, 47808, QUESTION, 0, 2, 8, "\x81\0", "\xff\0" },
	{ UDP_PROTO_WIREGUARD, 51820, ANSWER, 0, 4, 148, "\1\0\0\0", NULL },
};

static const char *const names[UDP_PROTO_N] = { NULL, "dns", "ntp", "snmp", "ssdp", "sip", "mdns", "coap", "memcached",
	"chargen", "netbios", "tftp", "isakmp", "stun", "rip", "portmap", "ipmi", "cldap", "bittorrent", "quake",
	"ubnt", "bacnet", "wsd", "quic", "dtls", "openvpn", "wireguard", "dhcp", "syslog" };

const char *udp_protocol_name(enum udp_protocol p)
{
	return p < UDP_PROTO_N ? names[p] : NULL;
}

static bool fits(const struct shape *s, uint16_t sport, uint16_t dport, struct bytes payload)
{
	if (s->port && sport != s->port && dport != s->port)
		return false;
	const uint8_t *p = bytes_need(payload, s->at, s->n);
	if (!p || payload.n < s->min)
		return false;
	for (unsigned i = 0; i < s->n; i++)
		if (((p[i] ^ (uint8_t)s->magic[i]) & (s->mask ? (uint8_t)s->mask[i] : 0xff)) != 0)
			return false;
	return true;
}

#define SHAPES	 (sizeof shapes / sizeof *shapes)
#define ANY_PORT 14 /* rows before those with a port */

/* First row of each port, found without searching: udp_protocol_index_ok() tells when a new row makes this wrong. */
#define AT(port) (((port) ^ (port) >> 8) & 255)
static const struct {
	uint16_t port;
	uint8_t row;
} first_rows[256] = {
	[AT(19)] = { 19, 14 },
	[AT(53)] = { 53, 15 },
	[AT(67)] = { 67, 17 },
	[AT(69)] = { 69, 19 },
	[AT(111)] = { 111, 22 },
	[AT(123)] = { 123, 24 },
	[AT(137)] = { 137, 30 },
	[AT(161)] = { 161, 32 },
	[AT(162)] = { 162, 33 },
	[AT(389)] = { 389, 34 },
	[AT(443)] = { 443, 35 },
	[AT(500)] = { 500, 36 },
	[AT(514)] = { 514, 38 },
	[AT(520)] = { 520, 39 },
	[AT(623)] = { 623, 41 },
	[AT(1194)] = { 1194, 42 },
	[AT(1900)] = { 1900, 44 },
	[AT(3702)] = { 3702, 45 },
	[AT(4500)] = { 4500, 46 },
	[AT(5353)] = { 5353, 48 },
	[AT(5683)] = { 5683, 50 },
	[AT(10001)] = { 10001, 52 },
	[AT(11211)] = { 11211, 53 },
	[AT(47808)] = { 47808, 58 },
	[AT(51820)] = { 51820, 59 },
};

static inline size_t rows_of(uint16_t port)
{
	return first_rows[AT(port)].port == port && port ? first_rows[AT(port)].row : SHAPES;
}

bool udp_protocol_index_ok(void)
{
	for (size_t i = 0; i < SHAPES; i++) {
		bool first = i >= ANY_PORT && shapes[i].port != shapes[i - 1].port;
		if ((shapes[i].port == 0) != (i < ANY_PORT) || (first && rows_of(shapes[i].port) != i))
			return false;
	}
	return true;
}

static const struct shape *at_port(uint16_t port, uint16_t sport, uint16_t dport, struct bytes payload)
{
	for (size_t i = rows_of(port); i < SHAPES && shapes[i].port == port; i++)
		if (fits(&shapes[i], sport, dport, payload))
			return &shapes[i];
	return NULL;
}

/* The shapes that need no port begin with one of these bytes. */
static bool may_begin(uint8_t first)
{
	switch (first) {
	case 'M':
	case 'N':
	case 'O':
	case 'R':
	case 'I':
	case 'S':
	case 'd':
	case 0x00:
	case 0x01:
	case 0x16:
	case 0xff:
		return true;
	default:
		return false;
	}
}

static const struct shape *shape_of(uint16_t sport, uint16_t dport, struct bytes payload)
{
	if (payload.n == 0)
		return NULL;
	for (size_t i = 0; may_begin(payload.p[0]) && i < ANY_PORT; i++)
		if (fits(&shapes[i], sport, dport, payload))
			return &shapes[i];
	const struct shape *s = at_port(dport, sport, dport, payload);
	return s ? s : at_port(sport, sport, dport, payload);
}

enum udp_protocol udp_protocol_of(uint16_t sport, uint16_t dport, struct bytes payload)
{
	const struct shape *s = shape_of(sport, dport, payload);
	return s ? s->proto : UDP_PROTO_NONE;
}

/* An SNMP message asks when its PDU is a get, get-next or get-bulk (RFC 3416): it follows version and community. */
static bool snmp_asks(struct bytes b)
{
	size_t at = 2;
	const uint8_t *p = bytes_need(b, 0, 2);
	if (p && p[1] & 0x80)
		at += p[1] & 0x7f;
	for (int i = 0; i < 2; i++) {
		p = bytes_need(b, at, 2);
		if (!p || p[1] & 0x80)
			return false;
		/* Version 3 (RFC 3412): what it asks may be encrypted; that it goes to an agent says enough. */
		if (i == 0 && bytes_need(b, at, 4) && b.p[at + 2] == 3)
			return b.p[at + 3] == 0x30;
		at += 2u + p[1];
	}
	p = bytes_need(b, at, 1);
	return p && (p[0] == 0xa0 || p[0] == 0xa1 || p[0] == 0xa5);
}

static bool asks(const struct shape *s, uint16_t dport, struct bytes payload)
{
	if (!(s->direction & QUESTION))
		return false;
	if (s->port && dport != s->port)
		return false;
	if (s->proto == UDP_PROTO_SNMP)
		return snmp_asks(payload);
	if (s->proto == UDP_PROTO_CHARGEN)
		return payload.n <= 8;
	return true;
}

enum udp_protocol udp_protocol_and_probe(uint16_t sport, uint16_t dport, struct bytes payload, bool *probe)
{
	const struct shape *s = shape_of(sport, dport, payload);
	*probe = s && asks(s, dport, payload);
	return s ? s->proto : UDP_PROTO_NONE;
}

bool udp_protocol_is_probe(uint16_t sport, uint16_t dport, struct bytes payload)
{
	bool probe;
	udp_protocol_and_probe(sport, dport, payload, &probe);
	return probe;
}
