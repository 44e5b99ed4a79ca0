// SPDX-License-Identifier: Apache-2.0
#include "model/match.h"

#include <stdio.h>
#include <string.h>

int match_init(struct match *m, const struct finding *f)
{
	char text[128];
	unsigned sport = 0, dport = 0;
	*m = (struct match){ .f = f, .is_target = f->kind == FINDING_AMPLIFICATION };
	snprintf(text, sizeof text, "%s", f->subject);
	char *space = strchr(text, ' ');
	if (space) {
		*space = 0;
		if (sscanf(space + 1, "%u>%u", &sport, &dport) != 2)
			return -1;
	}
	m->sport = (uint16_t)sport;
	m->dport = (uint16_t)dport;
	return addr_parse(text, &m->subject, NULL);
}

static bool has_flags(const struct finding *f, uint8_t flags)
{
	char name[8];
	snprintf(name, sizeof name, "0x%02x", flags & 0x3f);
	for (uint32_t i = 0; i < f->by_flags_n; i++)
		if (strcmp(f->by_flags[i].name, name) == 0)
			return true;
	return false;
}

static bool scan_packet(const struct finding *f, const struct packet *p)
{
	if (strncmp(f->detail, "udp", 3) == 0)
		return p->cls == CLASS_UDP;
	if (strncmp(f->detail, "icmp", 4) == 0)
		return p->cls == CLASS_ICMP;
	return p->cls <= CLASS_TCP_OTHER && has_flags(f, p->tcp_flags);
}

/* An ICMP error about a packet to the subject. */
static bool quotes(const struct match *m, const struct packet *p)
{
	struct packet in;
	packet_decode_ip(p->proto == PROTO_ICMP ? ETHER_IPV4 : ETHER_IPV6, bytes_from(p->payload, 4), &in);
	if (in.layer > LAYER_IP6)
		return false;
	struct addr dst = flow_packet_dst(&in);
	return addr_same(&dst, &m->subject);
}

static bool kind_fits(const struct match *m, const struct packet *p)
{
	const struct finding *f = m->f;
	bool tcp = p->cls <= CLASS_TCP_OTHER;
	switch (f->kind) {
	case FINDING_SCAN:
		return scan_packet(f, p);
	case FINDING_SCAN_TYPE:
		return tcp && p->sport == m->sport && p->dport == m->dport;
	case FINDING_BACKSCATTER:
	case FINDING_OWN_ATTACKED:
		return tcp ? has_flags(f, p->tcp_flags) : p->cls == CLASS_UDP || p->cls == CLASS_ICMP;
	case FINDING_AMPLIFICATION:
		return strncmp(f->detail, "tcp", 3) == 0 ? p->cls == CLASS_TCP_SYN_ACK : p->proto == PROTO_UDP;
	case FINDING_ICMP_QUOTE:
		return p->cls == CLASS_ICMP && quotes(m, p);
	default:
		return true;
	}
}

bool match_packet(const struct match *m, const struct packet *p, int64_t ns)
{
	if (p->layer > LAYER_IP6 || ns < m->f->first_ns || ns > m->f->last_ns)
		return false;
	struct addr src = flow_packet_src(p);
	struct addr dst = flow_packet_dst(p);
	if (m->f->kind != FINDING_ICMP_QUOTE && !addr_same(m->is_target ? &dst : &src, &m->subject))
		return false;
	return kind_fits(m, p);
}
