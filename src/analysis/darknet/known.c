// SPDX-License-Identifier: Apache-2.0
/* darknet_known(): an event goes on where an earlier life of the process left it. */
#include "analysis/darknet/poll.h"
#include "analysis/darknet/tools.h"

#include <stdlib.h>

static uint64_t count_of(const struct finding *f, const char *name)
{
	for (uint32_t i = 0; i < f->counts_n; i++)
		if (strcmp(f->counts[i].name, name) == 0)
			return f->counts[i].n;
	return 0;
}

/* -1: the kind doesn't go on. */
static int type_of(const struct darknet *d, const struct finding *f)
{
	switch (f->kind) {
	case FINDING_SCAN:
		return f->by_flags_n ? EVENT_TCP : f->ports ? EVENT_UDP : EVENT_ICMP;
	case FINDING_BACKSCATTER:
	case FINDING_OWN_ATTACKED:
		return EVENT_BACKSCATTER;
	case FINDING_AMPLIFICATION:
		return count_of(f, "main_protocol") == PROTO_TCP ? EVENT_REFLECT_SYNACK : EVENT_REFLECT_UDP;
	case FINDING_ICMP_QUOTE:
		return EVENT_QUOTE;
	case FINDING_OWN_WATCH:
	case FINDING_OWN_SUSPECT:
		return d->p.n_dark && !count_of(f, "backscatter") ? EVENT_OWN : -1;
	default:
		return -1;
	}
}

static uint64_t top_packets(const struct finding *f, uint16_t port)
{
	for (uint32_t i = 0; i < f->top_ports_n; i++)
		if (strtoul(f->top_ports[i].name, NULL, 10) == port)
			return f->top_ports[i].n;
	return 0;
}

static void put_counts(struct darknet *d, struct event *e, const struct finding *f)
{
	struct flow one = { .first_ns = f->first_ns };
	for (uint32_t i = 0; i < f->port_list_n; i++) {
		one.packets = top_packets(f, f->port_list[i]);
		event_put_port(d, e, f->port_list[i], &one);
	}
	for (uint32_t i = 0; i < f->top_ports_n; i++) {
		uint16_t port = (uint16_t)strtoul(f->top_ports[i].name, NULL, 10);
		one.packets = f->top_ports[i].n;
		if (f->port_list_n == FINDING_PORT_LIST && port > f->port_list[FINDING_PORT_LIST - 1])
			event_put_port(d, e, port, &one);
	}
	e->n_ports = f->ports > e->n_ports ? (uint32_t)f->ports : e->n_ports;
	for (uint32_t i = 0; i < f->by_flags_n; i++) {
		one.packets = f->by_flags[i].n;
		event_put_flags(d, e, (uint8_t)strtoul(f->by_flags[i].name, NULL, 16), &one);
	}
	for (int m = 0; m < MARK_N; m++)
		if (f->tool && tools_leaves(f->tool, m))
			e->marked[m] = e->tagged[m] = count_of(f, "tool_matches");
	if (e->type == EVENT_BACKSCATTER) {
		e->by_kind[0] = count_of(f, "tcp");
		e->by_kind[1] = count_of(f, "icmp");
		e->by_kind[2] = count_of(f, "udp");
	} else if (e->type == EVENT_REFLECT_UDP) {
		e->by_kind[0] = count_of(f, "later_fragments");
	}
}

static void put_samples(struct darknet *d, struct event *e, const struct finding *f)
{
	for (uint32_t i = 0; i < f->samples_n && i < FINDING_SAMPLES; i++) {
		const struct finding_sample *s = &f->samples[i];
		uint32_t src = event_address(d, &s->src), dst = event_address(d, &s->dst);
		if (src == IDMAP_NONE || dst == IDMAP_NONE)
			continue;
		e->refs[e->n_refs++] = (struct sample_ref){ s->ns, src, dst, s->sport, s->dport, s->proto };
		if (s->head_len)
			darknet_sample(d, s);
	}
}

static void widen_ttl(struct event *e, const struct finding *f)
{
	e->ttl_min = 255;
	e->ttl_max = 0;
	for (uint32_t i = 0; i < f->counts_n; i++) {
		if (strcmp(f->counts[i].name, "ttl_min") == 0)
			e->ttl_min = (uint8_t)f->counts[i].n;
		if (strcmp(f->counts[i].name, "ttl_max") == 0)
			e->ttl_max = (uint8_t)f->counts[i].n;
	}
}

/* An event with these totals, none when there is no room. */
static struct event *reopen(
	struct darknet *d, uint32_t addr, enum event_type type, const struct finding *f, uint64_t packets)
{
	struct flow span = { .first_ns = f->first_ns, .last_ns = f->last_ns };
	struct event *e = event_new(d, type, addr, &span);
	if (!e)
		return NULL;
	e->packets = packets;
	e->bytes = count_of(f, "bytes");
	e->resumed = true;
	e->known_last = f->last_ns;
	widen_ttl(e, f);
	return e;
}

/* What flowed to the victim is an event of its own. */
static bool reopen_inflow(struct darknet *d, uint32_t addr, const struct finding *f)
{
	if (f->kind != FINDING_AMPLIFICATION)
		return true;
	struct event *in = reopen(d, addr, EVENT_INFLOW, f, count_of(f, "packets_to_victim"));
	if (in)
		in->known_peers = count_of(f, "sources_to_victim");
	return in != NULL;
}

bool darknet_known(struct darknet *d, const struct finding *f)
{
	struct addr subject;
	int type = type_of(d, f);
	if (type < 0 || strcmp(f->sensor, d->sensor) != 0 || addr_parse(f->subject, &subject, NULL) < 0)
		return false;
	if (d->p.max_age_ns && f->last_ns - f->first_ns >= d->p.max_age_ns)
		return false;
	uint32_t addr = event_address(d, &subject);
	if (addr == IDMAP_NONE || d->addrs[addr].event[type])
		return false;
	struct event *e = reopen_inflow(d, addr, f) ? reopen(d, addr, (enum event_type)type, f, f->packets) : NULL;
	if (!e)
		return false;
	e->known_peers = f->kind == FINDING_AMPLIFICATION ? count_of(f, "main_sources")
			 : f->has_targets		  ? f->targets
							  : f->destinations;
	e->max_ports = (uint32_t)count_of(f, "most_ports_of_one_target");
	put_counts(d, e, f);
	put_samples(d, e, f);
	struct told t = { .first = f->first_ns, .at = 1, .kind = (uint8_t)(f->kind + 1) };
	uint32_t own = type == EVENT_OWN ? idmap_find(&d->own_map, addr) : IDMAP_NONE;
	t.look = own == IDMAP_NONE ? poll_look(d, e) : poll_look_own(d, addr);
	*(own == IDMAP_NONE ? &e->told : &d->owns[own]) = t;
	return true;
}
