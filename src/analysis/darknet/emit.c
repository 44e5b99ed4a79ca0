// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/emit.h"

#include "analysis/darknet/fill.h"
#include "analysis/darknet/ports.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define MIN_REFLECT_PACKETS	100
#define MIN_REFLECT_SOURCES	10
#define MIN_BACKSCATTER_PACKETS 25
#define MIN_BACKSCATTER_PEERS	5

/* Ports of one peer that did not open. */
static uint32_t closed_ports(const struct darknet *d, const struct event *e, const struct peer *p)
{
	uint32_t n = 0;
	if (d->p.n_dark)
		return p->n_ports;
	if (e->type == EVENT_UDP)
		return d->addrs[p->addr].flags & ADDR_UDP_ANSWER ? 0 : p->n_ports;
	for (uint32_t m = p->ports; m; m = d->pairs[m - 1].next)
		n += !event_is_open(d, p->addr, d->pairs[m - 1].value);
	return n;
}

/*
 * Does the peer count as a silent target? In dark space all do. Elsewhere one whose name nobody asked for, that
 * answered no UDP, and one of whose probed ports stayed shut: a worm that finds 445 open on every host still knocks at
 * 139 in vain.
 */
bool emit_silent(const struct darknet *d, const struct event *e, const struct peer *p)
{
	if (d->p.n_dark)
		return true;
	const struct address *a = &d->addrs[p->addr];
	bool named = a->flags & ADDR_NAMED && a->named_by != e->addr + 1;
	return !named && !(a->flags & ADDR_UDP_ANSWER) && closed_ports(d, e, p) > 0;
}

static bool is_scan(const struct darknet *d, const struct event *e)
{
	uint32_t quiet = 0;
	for (uint32_t k = e->peers; k && quiet < d->p.min_targets; k = d->peers[k - 1].next)
		quiet += emit_silent(d, e, &d->peers[k - 1]);
	if (quiet >= d->p.min_targets)
		return true;
	if (e->max_ports < d->p.min_ports)
		return false;
	for (uint32_t k = e->peers; k; k = d->peers[k - 1].next)
		if (d->peers[k - 1].n_ports >= d->p.min_ports && closed_ports(d, e, &d->peers[k - 1]) >= d->p.min_ports)
			return true;
	return false;
}

/* Who only tells of others' packets is no victim: whom they went to is told as icmp-quote, where the packets themselves
 * were seen. */
static bool is_backscatter(const struct darknet *d, const struct event *e)
{
	if (d->quotes && e->quoting == e->packets)
		return false;
	if (d->p.n_dark)
		return e->packets >= MIN_BACKSCATTER_PACKETS || (e->packets >= 5 && event_peers(e) >= 2);
	return e->packets >= MIN_BACKSCATTER_PACKETS && e->n_peers >= MIN_BACKSCATTER_PEERS;
}

static bool is_amplification(const struct darknet *d, const struct event *e)
{
	struct fill_top top;
	if (e->packets < MIN_REFLECT_PACKETS || e->n_peers < MIN_REFLECT_SOURCES)
		return false;
	/* One service of the senders makes most of what isn't a later fragment; reflected SYN-ACKs come from a few
	 * well-known ones. */
	fill_top_ports(d, e, &top);
	uint64_t whole = e->packets - e->by_kind[0];
	return top.n && whole && top.packets[0] * 10 >= whole * (e->type == EVENT_REFLECT_UDP ? 5 : 3);
}

bool emit_qualifies(const struct darknet *d, const struct event *e, enum finding_kind *kind)
{
	*kind = FINDING_SCAN;
	switch (e->type) {
	case EVENT_TCP:
	case EVENT_UDP:
	case EVENT_ICMP:
		return e->resumed || is_scan(d, e);
	case EVENT_BACKSCATTER:
		*kind = d->addrs[e->addr].flags & ADDR_OWN ? FINDING_OWN_ATTACKED : FINDING_BACKSCATTER;
		return e->resumed || is_backscatter(d, e) || (d->p.n_dark && *kind == FINDING_OWN_ATTACKED);
	case EVENT_REFLECT_UDP:
	case EVENT_REFLECT_SYNACK:
		*kind = FINDING_AMPLIFICATION;
		return e->resumed || is_amplification(d, e);
	case EVENT_QUOTE:
		*kind = FINDING_ICMP_QUOTE;
		return true;
	default:
		return false;
	}
}

struct candidate {
	enum finding_kind kind;
	int64_t first;
	uint32_t event; /* or lone, or address for own findings */
	uint8_t type;
	struct addr subject;
};

struct candidates {
	struct candidate *v;
	size_t n, room;
};

static void propose(struct candidates *c, const struct candidate *one)
{
	c->v = idmap_room(c->v, c->n + 1, &c->room, sizeof *c->v);
	c->v[c->n++] = *one;
}

static void propose_events(struct darknet *d, struct candidates *c)
{
	for (size_t i = 0; i < d->n_events; i++) {
		const struct event *e = &d->events[i];
		enum finding_kind kind;
		if (!e->dead && emit_qualifies(d, e, &kind))
			propose(c,
				&(struct candidate){ kind, event_first(e), (uint32_t)i, e->type, d->addrs[e->addr].a });
	}
}

bool emit_qualifies_own(const struct darknet *d, uint32_t addr, enum finding_kind *kind, struct fill_own *own)
{
	bool any = fill_own_sum(d, addr, own) && own->packets;
	bool suspect = any && own->packets >= 3 && own->targets >= 2 && own->ttl_max - own->ttl_min <= 2;
	*kind = suspect && !own->attacked ? FINDING_OWN_SUSPECT : FINDING_OWN_WATCH;
	return any;
}

static void propose_own(struct darknet *d, struct candidates *c)
{
	struct fill_own own;
	enum finding_kind kind;
	for (size_t k = 0; k < d->own_map.n; k++) {
		uint32_t a = (uint32_t)d->own_map.keys[k];
		int64_t first = d->owns[k].at ? d->owns[k].first : 0;
		if (emit_qualifies_own(d, a, &kind, &own))
			propose(c, &(struct candidate){
					   kind, d->owns[k].at ? first : own.first, a, EVENT_OWN, d->addrs[a].a });
	}
}

static int compare_lones(const void *x, const void *y, void *arg)
{
	const struct darknet *d = arg;
	const struct sample_ref *a = &((const struct lone *)x)->ref, *b = &((const struct lone *)y)->ref;
	int r = addr_cmp(&d->addrs[a->src].a, &d->addrs[b->src].a);
	if (r == 0)
		r = (int)((const struct lone *)x)->flags - (int)((const struct lone *)y)->flags;
	if (r == 0 && ((const struct lone *)x)->event != ((const struct lone *)y)->event)
		r = ((const struct lone *)x)->event < ((const struct lone *)y)->event ? -1 : 1;
	if (r == 0)
		r = a->ns < b->ns ? -1 : a->ns > b->ns;
	if (r == 0)
		r = addr_cmp(&d->addrs[a->dst].a, &d->addrs[b->dst].a);
	return r ? r : (int)a->dport - (int)b->dport;
}

bool emit_same_group(const struct lone *a, const struct lone *b)
{
	return a->ref.src == b->ref.src && a->flags == b->flags && a->event == b->event;
}

void emit_sort_lones(struct darknet *d)
{
	if (d->n_lones)
		qsort_r(d->lones, d->n_lones, sizeof *d->lones, compare_lones, d);
}

/* The first few of each event are told one by one; the scan finding counts all. */
static void propose_lones(struct darknet *d, struct candidates *c)
{
	uint32_t of_source = 0;
	emit_sort_lones(d);
	for (size_t i = 0; i < d->n_lones; i++) {
		const struct lone *l = &d->lones[i];
		of_source = i && emit_same_group(&d->lones[i - 1], l) ? of_source + 1 : 0;
		if (of_source < EMIT_MAX_LONE)
			propose(c, &(struct candidate){
					   FINDING_SCAN_TYPE, l->ref.ns, (uint32_t)i, 0, d->addrs[l->ref.src].a });
	}
}

struct port_proposal {
	struct darknet *d;
	struct candidates *c;
};

static void propose_port(void *arg, bool yes, enum finding_kind kind, uint32_t hour)
{
	struct port_proposal *p = arg;
	/* No address: the port itself orders findings of the same moment. */
	struct addr order = addr_from4((uint32_t)(p->d->hour_map.keys[hour] >> 24));
	if (yes)
		propose(p->c, &(struct candidate){ kind, p->d->hours[hour].first, hour, 0, order });
}

static int compare(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	int r = addr_cmp(&a->subject, &b->subject);
	return r ? r : a->type != b->type ? (int)a->type - (int)b->type : (int)a->event - (int)b->event;
}

void emit_fill(struct darknet *d, bool own, uint32_t number, struct finding *f)
{
	if (f->kind == FINDING_SCAN_TYPE)
		fill_lone(d, &d->lones[number], f);
	else if (f->kind == FINDING_PORT_NEW || f->kind == FINDING_PORT_SURGE)
		fill_port(d, number, f);
	else if (own)
		fill_own(d, number, f);
	else
		fill_event(d, &d->events[number], f);
}

void emit_all(struct darknet *d, void (*emit)(void *arg, const struct finding *), void *arg)
{
	struct candidates c = { 0 };
	struct finding *f = mem_new(sizeof *f);
	propose_events(d, &c);
	propose_own(d, &c);
	propose_lones(d, &c);
	ports_judge(d, propose_port, &(struct port_proposal){ d, &c });
	if (c.n)
		qsort(c.v, c.n, sizeof *c.v, compare);
	for (size_t i = 0; i < c.n; i++) {
		const struct candidate *k = &c.v[i];
		memset(f, 0, sizeof *f);
		f->kind = k->kind;
		emit_fill(d, k->type == EVENT_OWN, k->event, f);
		if (d->p.place)
			d->p.place(d->p.arg, &k->subject, &f->place);
		emit(arg, f);
	}
	free(f);
	free(c.v);
}
