// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/fill.h"

#include "analysis/darknet/emit.h"
#include "analysis/darknet/ports.h"
#include "analysis/darknet/tools.h"
#include "base/text.h"
#include "wire/udpproto.h"

#include <stdio.h>
#include <stdlib.h>

/* More packets first, then who came first, then the lower number. */
static bool before(const struct member *a, const struct member *b)
{
	if (a->packets != b->packets)
		return a->packets > b->packets;
	return a->first != b->first ? a->first < b->first : a->value < b->value;
}

void fill_top_ports(const struct darknet *d, const struct event *e, struct fill_top *out)
{
	const struct member *top[FINDING_TOP];
	out->n = 0;
	for (uint32_t m = e->ports; m; m = d->ports[m - 1].next) {
		const struct member *p = &d->ports[m - 1];
		uint32_t at = out->n;
		while (at && before(p, top[at - 1]))
			at--;
		if (at == FINDING_TOP)
			continue;
		out->n += out->n < FINDING_TOP;
		for (uint32_t k = out->n - 1; k > at; k--)
			top[k] = top[k - 1];
		top[at] = p;
	}
	for (uint32_t i = 0; i < out->n; i++) {
		out->port[i] = top[i]->value;
		out->packets[i] = top[i]->packets;
	}
}

static int compare_ports(const void *x, const void *y)
{
	return (int)*(const uint16_t *)x - (int)*(const uint16_t *)y;
}

/* The lowest ports, ascending: sorted when they are few, which is nearly always, else by a map of all. */
static void list_ports(const struct darknet *d, const struct event *e, struct finding *f)
{
	uint64_t seen[1024] = { 0 };
	if (e->n_ports <= FINDING_PORT_LIST) {
		for (uint32_t m = e->ports; m; m = d->ports[m - 1].next)
			f->port_list[f->port_list_n++] = d->ports[m - 1].value;
		if (f->port_list_n > 1)
			qsort(f->port_list, f->port_list_n, sizeof *f->port_list, compare_ports);
		return;
	}
	for (uint32_t m = e->ports; m; m = d->ports[m - 1].next)
		seen[d->ports[m - 1].value >> 6] |= (uint64_t)1 << (d->ports[m - 1].value & 63);
	for (uint32_t p = 0; p < 65536 && f->port_list_n < FINDING_PORT_LIST; p++)
		if (seen[p >> 6] >> (p & 63) & 1)
			f->port_list[f->port_list_n++] = (uint16_t)p;
}

static void ports(const struct darknet *d, const struct event *e, struct finding *f)
{
	struct fill_top top;
	fill_top_ports(d, e, &top);
	for (uint32_t i = 0; i < top.n; i++) {
		snprintf(f->top_ports[i].name, sizeof f->top_ports[i].name, "%u", top.port[i]);
		f->top_ports[i].n = top.packets[i];
	}
	f->top_ports_n = top.n;
	list_ports(d, e, f);
	f->ports = e->n_ports;
	f->has_ports = true;
}

static int compare_counts(const void *x, const void *y)
{
	return strcmp(((const struct finding_count *)x)->name, ((const struct finding_count *)y)->name);
}

static void flags(const struct darknet *d, const struct event *e, struct finding *f)
{
	for (uint32_t m = e->flags; m && f->by_flags_n < 64; m = d->flags[m - 1].next) {
		struct finding_count *c = &f->by_flags[f->by_flags_n++];
		snprintf(c->name, sizeof c->name, "0x%02x", d->flags[m - 1].value);
		c->n = d->flags[m - 1].packets;
	}
	if (f->by_flags_n)
		qsort(f->by_flags, f->by_flags_n, sizeof *f->by_flags, compare_counts);
}

static void add_sample(const struct darknet *d, const struct sample_ref *r, struct finding *f)
{
	struct finding_sample *s = &f->samples[f->samples_n++];
	*s = (struct finding_sample){ .ns = r->ns,
		.src = d->addrs[r->src].a,
		.dst = d->addrs[r->dst].a,
		.sport = r->sport,
		.dport = r->dport,
		.proto = r->proto };
	uint32_t k = idmap_find(&d->head_map, event_sample_key(d, r));
	if (k == IDMAP_NONE)
		return;
	s->head_len = d->heads[k].n;
	memcpy(s->head, d->heads[k].bytes, s->head_len);
}

static int compare_samples(const void *x, const void *y)
{
	const struct finding_sample *a = x, *b = y;
	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	int r = addr_cmp(&a->dst, &b->dst);
	if (r == 0)
		r = addr_cmp(&a->src, &b->src);
	return r ? r : (int)a->dport - (int)b->dport;
}

static void samples(const struct darknet *d, const struct event *e, struct finding *f)
{
	for (uint32_t i = 0; i < e->n_refs; i++)
		add_sample(d, &e->refs[i], f);
	if (f->samples_n)
		qsort(f->samples, f->samples_n, sizeof *f->samples, compare_samples);
}

static void base(const struct darknet *d, const struct event *e, struct finding *f)
{
	addr_text(f->subject, &d->addrs[e->addr].a);
	snprintf(f->sensor, sizeof f->sensor, "%s", d->sensor);
	f->packets = e->packets;
	f->first_ns = event_first(e);
	f->last_ns = e->last;
	f->spoofable = !(d->addrs[e->addr].flags & ADDR_HANDSHAKE) || d->p.n_dark;
	flags(d, e, f);
	samples(d, e, f);
}

/* More targets, more packets: more sure. 50 for the least that counts, 95 at most. */
static uint8_t grow_sure(uint64_t n, uint64_t least)
{
	unsigned sure = 50;
	for (uint64_t k = least; k < n && sure < 95; k *= 2)
		sure += 5;
	return (uint8_t)sure;
}

static uint32_t silent_targets(const struct darknet *d, const struct event *e)
{
	uint32_t n = 0;
	for (uint32_t k = e->peers; k; k = d->peers[k - 1].next)
		n += emit_silent(d, e, &d->peers[k - 1]);
	return n;
}

static void scan(struct darknet *d, const struct event *e, struct finding *f)
{
	static const char *const transports[] = { "tcp", "udp", "icmp" };
	struct tools_match tool = tools_of(d, e);
	const char *research = d->p.research ? d->p.research(d->p.arg, &d->addrs[e->addr].a, e->first) : NULL;
	const char *speaks = udp_protocol_name(e->udp_proto);
	f->tool = tool.tool;
	f->targets = event_peers(e);
	f->has_targets = true;
	ports(d, e, f);
	f->shape = f->targets == 1 ? SHAPE_VERTICAL : f->targets > f->ports ? SHAPE_HORIZONTAL : SHAPE_BLOCK;
	f->confidence = grow_sure(f->targets > e->max_ports ? f->targets : e->max_ports, d->p.min_targets);
	if (tool.confidence > f->confidence)
		f->confidence = tool.confidence;
	f->severity = strcmp(tool.tool, "mirai") == 0 || strcmp(tool.tool, "telnet-bot") == 0 ? "medium" : "low";
	if (research)
		f->severity = "info";
	if (research)
		snprintf(f->detail, sizeof f->detail, "research scanner: %.*s", text_cut(research, 200), research);
	else if (e->type == EVENT_UDP && speaks)
		snprintf(f->detail, sizeof f->detail, "udp, payload speaks %s", speaks);
	else
		snprintf(f->detail, sizeof f->detail, "%s", transports[e->type]);
	finding_add_count(f, "tool_matches", tool.matches);
	finding_add_count(f, "tool_in_date", tool.in_date);
	finding_add_count(f, "silent_targets", silent_targets(d, e));
	finding_add_count(f, "most_ports_of_one_target", e->max_ports);
	finding_add_count(f, "ttl_min", e->ttl_min);
	finding_add_count(f, "ttl_max", e->ttl_max);
	finding_add_count(f, "bytes", e->bytes);
	finding_add_count(f, "research", research != NULL);
}

static void backscatter(struct darknet *d, const struct event *e, struct finding *f)
{
	int64_t span = e->last - e->first;
	ports(d, e, f);
	f->destinations = event_peers(e);
	f->has_destinations = true;
	f->confidence = grow_sure(e->packets, 5);
	f->severity = f->kind == FINDING_OWN_ATTACKED ? "medium" : "info";
	const char *owner = f->kind == FINDING_OWN_ATTACKED && d->p.owner
				    ? d->p.owner(d->p.arg, &d->addrs[e->addr].a, e->last)
				    : NULL;
	if (f->kind == FINDING_OWN_ATTACKED)
		snprintf(f->detail, sizeof f->detail, "you are being attacked from forged addresses%s%.*s",
			owner ? "; owner " : "", owner ? text_cut(owner, 180) : 0, owner ? owner : "");
	else
		snprintf(f->detail, sizeof f->detail, "%s flood",
			e->by_kind[0] >= e->by_kind[1] && e->by_kind[0] >= e->by_kind[2] ? "tcp"
			: e->by_kind[1] >= e->by_kind[2]				 ? "icmp"
											 : "udp");
	finding_add_count(f, "tcp", e->by_kind[0]);
	finding_add_count(f, "icmp", e->by_kind[1]);
	finding_add_count(f, "udp", e->by_kind[2]);
	finding_add_count(f, "port", f->top_ports_n ? strtoull(f->top_ports[0].name, NULL, 10) : 0);
	finding_add_count(f, "duration_ms", (uint64_t)(span / 1000000));
	finding_add_count(f, "packets_per_hour", span > 0 ? (uint64_t)((double)e->packets * 3.6e12 / (double)span) : 0);
}

/*
 * Four of five packets to the victim are the attack's: then the rest (resets, ICMP errors of the reflectors) is its
 * wake, and all senders are counted. Else only those of the attack's own protocol.
 */
static void amplification(struct darknet *d, const struct event *e, struct finding *f)
{
	const struct event *in = e;
	if (d->addrs[e->addr].event[EVENT_INFLOW])
		in = &d->events[d->addrs[e->addr].event[EVENT_INFLOW] - 1];
	bool all = e->packets * 5 >= in->packets * 4;
	ports(d, e, f);
	f->sources = event_peers(all ? in : e);
	f->has_sources = true;
	f->destinations = 1;
	f->has_destinations = true;
	f->confidence = grow_sure(event_peers(e), 10);
	f->severity = "high";
	snprintf(f->detail, sizeof f->detail, "%s from source port %s",
		e->type == EVENT_REFLECT_SYNACK ? "tcp syn-ack reflection" : "udp amplification",
		f->top_ports_n ? f->top_ports[0].name : "0");
	finding_add_count(f, "main_protocol", e->type == EVENT_REFLECT_SYNACK ? PROTO_TCP : PROTO_UDP);
	finding_add_count(f, "main_packets", e->packets);
	finding_add_count(f, "main_sources", event_peers(e));
	finding_add_count(f, "packets_to_victim", in->packets);
	finding_add_count(f, "sources_to_victim", event_peers(in));
	finding_add_count(f, "later_fragments", e->by_kind[0]);
	finding_add_count(f, "bytes", e->bytes);
}

static void quote(struct darknet *d, const struct event *e, struct finding *f)
{
	ports(d, e, f);
	f->destinations = event_peers(e);
	f->has_destinations = true;
	f->confidence = grow_sure(e->packets, 1);
	f->severity = "info";
	snprintf(f->detail, sizeof f->detail, "packets forged in our name went there");
}

void fill_event(struct darknet *d, const struct event *e, struct finding *f)
{
	base(d, e, f);
	if (f->kind == FINDING_SCAN)
		scan(d, e, f);
	else if (f->kind == FINDING_BACKSCATTER || f->kind == FINDING_OWN_ATTACKED)
		backscatter(d, e, f);
	else if (f->kind == FINDING_AMPLIFICATION)
		amplification(d, e, f);
	else
		quote(d, e, f);
	if (e->resumed)
		finding_add_count(f, "resumed", 1);
	finding_identify(f);
}

void fill_lone(struct darknet *d, const struct lone *l, struct finding *f)
{
	char src[ADDR_TEXT_MAX];
	addr_text(src, &d->addrs[l->ref.src].a);
	snprintf(f->subject, sizeof f->subject, "%s %u>%u", src, l->ref.sport, l->ref.dport);
	snprintf(f->sensor, sizeof f->sensor, "%s", d->sensor);
	snprintf(f->detail, sizeof f->detail, "%s scan", l->flags == 0 ? "NULL" : l->flags == TCP_FIN ? "FIN" : "XMAS");
	f->packets = l->packets;
	f->targets = f->ports = 1;
	f->has_targets = f->has_ports = true;
	f->port_list[0] = l->ref.dport;
	f->port_list_n = 1;
	snprintf(f->top_ports[0].name, sizeof f->top_ports[0].name, "%u", l->ref.dport);
	f->top_ports[0].n = l->packets;
	f->top_ports_n = 1;
	snprintf(f->by_flags[0].name, sizeof f->by_flags[0].name, "0x%02x", l->flags);
	f->by_flags[0].n = l->packets;
	f->by_flags_n = 1;
	f->first_ns = f->last_ns = l->ref.ns;
	f->confidence = 70;
	f->severity = "low";
	f->spoofable = true;
	add_sample(d, &l->ref, f);
	finding_identify(f);
}

void fill_port(struct darknet *d, uint32_t hour, struct finding *f)
{
	ports_fill(d, hour, f);
	add_sample(d, &d->hours[hour].ref, f);
	finding_identify(f);
}

/* The ends of what was counted before and of this event. */
static void widen_own(struct fill_own *out, const struct event *e)
{
	bool some = out->packets != 0;
	out->first = some && out->first < e->first ? out->first : e->first;
	out->last = some && out->last > e->last ? out->last : e->last;
	out->ttl_min = some && out->ttl_min < e->ttl_min ? out->ttl_min : e->ttl_min;
	out->ttl_max = some && out->ttl_max > e->ttl_max ? out->ttl_max : e->ttl_max;
}

static void own_of(const struct darknet *d, const struct event *e, bool all, struct fill_own *out)
{
	uint64_t packets = all ? e->packets : 0;
	out->targets += all ? event_peers(e) : 0;
	for (uint32_t k = all ? 0 : e->peers; k; k = d->peers[k - 1].next) {
		if (!emit_silent(d, e, &d->peers[k - 1]))
			continue;
		packets += d->peers[k - 1].packets;
		out->targets++;
	}
	if (packets == 0)
		return;
	if (!out->event || e->packets > out->event->packets)
		out->event = e;
	widen_own(out, e);
	out->packets += packets;
}

bool fill_own_sum(const struct darknet *d, uint32_t addr, struct fill_own *out)
{
	const uint32_t *event = d->addrs[addr].event;
	*out = (struct fill_own){ 0 };
	if (d->p.n_dark && event[EVENT_OWN]) {
		const struct event *e = &d->events[event[EVENT_OWN] - 1];
		own_of(d, e, true, out);
		out->attacked = event[EVENT_BACKSCATTER];
		/* Answers it was made to give are no sign of its own doing. */
		if (out->attacked) {
			uint64_t answers = d->events[event[EVENT_BACKSCATTER] - 1].packets;
			out->packets = out->packets > answers ? out->packets - answers : 0;
		}
	} else if (d->p.n_dark == 0) {
		for (int type = EVENT_TCP; type <= EVENT_UDP; type++)
			if (event[type])
				own_of(d, &d->events[event[type] - 1], false, out);
		out->attacked = event[EVENT_BACKSCATTER] && d->events[event[EVENT_BACKSCATTER] - 1].packets >= 25;
	}
	return out->event;
}

void fill_own(struct darknet *d, uint32_t addr, struct finding *f)
{
	struct fill_own own;
	if (!fill_own_sum(d, addr, &own))
		return;
	const struct event *e = own.event;
	const char *owner = d->p.owner ? d->p.owner(d->p.arg, &d->addrs[addr].a, own.last) : NULL;
	struct tools_match tool = { "none", 0, true, 0 };
	for (int type = EVENT_TCP; type <= EVENT_ICMP && strcmp(tool.tool, "none") == 0; type++)
		if (d->addrs[addr].event[type])
			tool = tools_of(d, &d->events[d->addrs[addr].event[type] - 1]);
	base(d, e, f);
	ports(d, e, f);
	f->tool = tool.tool;
	f->packets = own.packets;
	f->targets = f->destinations = own.targets;
	f->has_targets = f->has_destinations = true;
	uint32_t k = idmap_find(&d->own_map, addr);
	f->first_ns = k != IDMAP_NONE && d->owns[k].at ? d->owns[k].first : own.first;
	f->last_ns = own.last;
	f->confidence = f->kind == FINDING_OWN_WATCH ? 20 : tool.confidence > 80 ? 75 : 60;
	f->severity = f->kind == FINDING_OWN_WATCH ? "low" : "high";
	if (owner)
		snprintf(f->detail, sizeof f->detail, "owner %.*s", text_cut(owner, 200), owner);
	finding_add_count(f, "ttl_min", own.ttl_min);
	finding_add_count(f, "ttl_max", own.ttl_max);
	finding_add_count(f, "tool_matches", tool.matches);
	finding_add_count(f, "backscatter", own.attacked);
	if (e->resumed)
		finding_add_count(f, "resumed", 1);
	finding_identify(f);
}
