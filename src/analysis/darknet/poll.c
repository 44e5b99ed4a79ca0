// SPDX-License-Identifier: Apache-2.0
/* darknet_poll(): what is new, changed or over since the last call, in an order that is the same everywhere. */
#include "analysis/darknet/compact.h"
#include "analysis/darknet/emit.h"
#include "analysis/darknet/poll.h"
#include "analysis/darknet/ports.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

enum item_of { OF_EVENT, OF_OWN, OF_LONE, OF_PORT };

struct item {
	enum darknet_news news;
	enum finding_kind kind;
	enum item_of of;
	uint32_t number; /* event, own_map entry, lone packet, port hour */
	uint8_t type;
	uint32_t at; /* when it was told last */
	int64_t first;
	uint64_t look;
	struct addr subject;
	bool over, moved; /* moved: withdrawn because it begins at another time now */
};

struct poll {
	struct darknet *d;
	int64_t over_ns; /* what ended before is over */
	struct item *items;
	size_t n, room;
	uint32_t *over; /* events that may be forgotten */
	size_t n_over, room_over;
};

static struct told *told_of(struct darknet *d, const struct item *i)
{
	return i->of == OF_EVENT  ? &d->events[i->number].told
	       : i->of == OF_OWN  ? &d->owns[i->number]
	       : i->of == OF_PORT ? &d->hours[i->number].told
				  : NULL;
}

static void propose(struct poll *p, const struct item *i)
{
	p->items = idmap_room(p->items, p->n + 1, &p->room, sizeof *p->items);
	p->items[p->n++] = *i;
}

static void may_forget(struct poll *p, uint32_t event)
{
	p->over = idmap_room(p->over, p->n_over + 1, &p->room_over, sizeof *p->over);
	p->over[p->n_over++] = event;
}

/* What there is to tell of one subject, given whether it makes a finding now. Returns whether anything is. */
static bool consider(struct poll *p, struct item *i, bool yes)
{
	struct told *t = told_of(p->d, i);
	size_t before = p->n;
	i->at = t->at;
	i->first = t->at ? t->first : i->first;
	if (t->kind && (!yes || t->kind != i->kind + 1)) {
		struct item gone = *i;
		gone.news = DARKNET_WITHDRAWN;
		gone.kind = (enum finding_kind)(t->kind - 1);
		propose(p, &gone);
	}
	bool fresh = t->kind != i->kind + 1;
	if (!yes) {
		t->look = t->kind ? t->look : i->look;
	} else if (fresh || t->look != i->look || (i->over && !t->ended)) {
		i->news = i->over ? DARKNET_ENDED : fresh ? DARKNET_NEW : DARKNET_CHANGED;
		propose(p, i);
	}
	return p->n > before;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return random_mix(random_mix(h) ^ v) + 1;
}

/* In ordinary traffic what others do changes the numbers too: a door opens, the rest of the traffic grows. */
static uint64_t look_around(const struct darknet *d, const struct event *e)
{
	uint64_t h = mix(e->packets, d->addrs[e->addr].flags & ADDR_HANDSHAKE), silent = 0;
	if (e->type <= EVENT_UDP && (e->n_peers >= d->p.min_targets || e->max_ports >= d->p.min_ports)) {
		for (uint32_t k = e->peers; k; k = d->peers[k - 1].next)
			silent += emit_silent(d, e, &d->peers[k - 1]);
		h = mix(h, silent);
	}
	uint32_t in = d->addrs[e->addr].event[EVENT_INFLOW];
	if ((e->type == EVENT_REFLECT_UDP || e->type == EVENT_REFLECT_SYNACK) && in)
		h = mix(h, d->events[in - 1].packets);
	return h;
}

uint64_t poll_look(const struct darknet *d, const struct event *e)
{
	return d->p.n_dark ? e->packets * 2 + (d->quotes > 0) : look_around(d, e);
}

static void poll_events(struct poll *p)
{
	struct darknet *d = p->d;
	for (size_t n = 0; n < d->n_events; n++) {
		struct event *e = &d->events[n];
		if (e->dead)
			continue;
		struct item i = { .of = OF_EVENT, .number = (uint32_t)n, .type = e->type, .first = e->first };
		i.over = event_over(d, e, p->over_ns);
		i.look = poll_look(d, e);
		/* In ordinary traffic a door that opens may undo a conclusion without changing its numbers. */
		if (!i.over && e->told.look == i.look && (d->p.n_dark || !e->told.kind))
			continue;
		i.subject = d->addrs[e->addr].a;
		bool yes = emit_qualifies(d, e, &i.kind);
		if (!consider(p, &i, yes) && i.over)
			may_forget(p, (uint32_t)n);
	}
}

/* Are all events of an own address over? They are told as one. */
static bool own_over(const struct poll *p, uint32_t addr)
{
	for (int type = 0; type < EVENT_TYPES; type++) {
		uint32_t n = p->d->addrs[addr].event[type];
		if (n && !event_over(p->d, &p->d->events[n - 1], p->over_ns))
			return false;
	}
	return true;
}

static uint64_t look_own(const struct fill_own *own)
{
	uint64_t h = mix(mix(own->packets, own->targets), (uint64_t)own->last);
	return mix(h, (uint64_t)own->attacked << 16 | (uint64_t)own->ttl_min << 8 | own->ttl_max);
}

uint64_t poll_look_own(const struct darknet *d, uint32_t addr)
{
	struct fill_own own;
	(void)fill_own_sum(d, addr, &own);
	return look_own(&own);
}

/*
 * In ordinary traffic an own address's probes count while their targets are silent: when the first ones don't any more,
 * or do after all, the finding begins at another time and has another id. True when the old one goes.
 */
static bool moves(struct poll *p, struct item *i, bool yes)
{
	struct told *t = told_of(p->d, i);
	if (p->d->p.n_dark || !yes || !t->at || t->first == i->first)
		return false;
	if (!t->kind) {
		*t = (struct told){ 0 };
		return false;
	}
	struct item gone = *i;
	gone.news = DARKNET_WITHDRAWN;
	gone.kind = (enum finding_kind)(t->kind - 1);
	gone.first = t->first;
	gone.moved = true;
	gone.at = i->at = t->at;
	i->news = i->over ? DARKNET_ENDED : DARKNET_NEW;
	propose(p, &gone);
	propose(p, i);
	return true;
}

static void poll_own(struct poll *p)
{
	struct darknet *d = p->d;
	struct fill_own own;
	for (size_t k = 0; k < d->own_map.n; k++) {
		uint32_t a = (uint32_t)d->own_map.keys[k];
		struct item i = { .of = OF_OWN, .number = (uint32_t)k, .type = EVENT_OWN, .subject = d->addrs[a].a };
		bool yes = emit_qualifies_own(d, a, &i.kind, &own);
		int64_t patience = event_patience(d, EVENT_OWN);
		/* Its events were followed by others: what was told is history. */
		if (yes && d->owns[k].at && own.first > d->owns[k].first && own.first - d->owns[k].first > patience)
			d->owns[k] = (struct told){ 0 };
		i.first = own.first;
		i.over = own_over(p, a);
		i.look = look_own(&own);
		if (!moves(p, &i, yes))
			consider(p, &i, yes);
	}
}

/* The first few of an event, over all minutes. */
static void poll_lones(struct poll *p)
{
	struct darknet *d = p->d;
	size_t kept = 0;
	emit_sort_lones(d);
	for (size_t n = 0; n < d->n_lones; n++) {
		struct lone l = d->lones[n];
		int kind = l.flags == 0 ? 0 : l.flags == TCP_FIN ? 1 : 2;
		if (!l.chosen && (!l.event || d->events[l.event - 1].lones[kind] == EMIT_MAX_LONE))
			continue;
		if (!l.chosen)
			d->events[l.event - 1].lones[kind]++;
		l.chosen = true;
		d->lones[kept] = l;
		propose(p, &(struct item){ .news = DARKNET_ENDED,
				   .kind = FINDING_SCAN_TYPE,
				   .of = OF_LONE,
				   .number = (uint32_t)kept++,
				   .first = l.ref.ns,
				   .subject = d->addrs[l.ref.src].a });
	}
	d->n_lones = kept;
}

static void poll_port(void *arg, bool yes, enum finding_kind kind, uint32_t hour)
{
	struct poll *p = arg;
	struct darknet *d = p->d;
	struct item i = { .of = OF_PORT, .kind = kind, .number = hour, .first = d->hours[hour].first };
	/* No address: the port itself orders findings of the same moment. */
	i.subject = addr_from4((uint32_t)(d->hour_map.keys[hour] >> 24));
	i.look = mix(d->hours[hour].packets, d->hours[hour].sources);
	i.over = ports_over(d, hour, p->over_ns);
	if (yes || d->hours[hour].told.kind == kind + 1)
		consider(p, &i, yes);
}

static int compare(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	int gone = (b->news == DARKNET_WITHDRAWN) - (a->news == DARKNET_WITHDRAWN);
	if (gone)
		return gone;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	int r = addr_cmp(&a->subject, &b->subject);
	return r ? r : a->type != b->type ? (int)a->type - (int)b->type : a->number < b->number ? -1 : 1;
}

/* What was withdrawn may have nothing left to be filled with: its name is enough. */
static void fill(struct darknet *d, const struct item *i, struct finding *f)
{
	uint32_t number = i->of == OF_OWN ? (uint32_t)d->own_map.keys[i->number] : i->number;
	memset(f, 0, sizeof *f);
	f->kind = i->kind;
	emit_fill(d, i->of == OF_OWN, number, f);
	if (!f->id[0]) {
		addr_text(f->subject, &i->subject);
		snprintf(f->sensor, sizeof f->sensor, "%s", d->sensor);
		f->first_ns = f->last_ns = i->first;
		f->severity = "info";
		finding_identify(f);
	}
	if (d->p.place)
		d->p.place(d->p.arg, &i->subject, &f->place);
}

static void note(struct poll *p, const struct item *i, int64_t first)
{
	struct told *t = told_of(p->d, i);
	if (i->of == OF_LONE) {
		p->d->lones[i->number].told = true;
		return;
	}
	if (i->news == DARKNET_WITHDRAWN) {
		t->kind = 0;
		if (i->moved)
			*t = (struct told){ 0 };
		return;
	}
	*t = (struct told){ .first = first,
		.look = i->look,
		.at = p->d->polls,
		.kind = (uint8_t)(i->kind + 1),
		.ended = i->news == DARKNET_ENDED };
	if (i->of == OF_EVENT && t->ended)
		may_forget(p, i->number);
}

/* Events of an own address stay until its own finding was told for the last time. */
static bool held(const struct poll *p, uint32_t number)
{
	const struct darknet *d = p->d;
	const struct event *e = &d->events[number];
	if (!(d->addrs[e->addr].flags & ADDR_OWN) || d->addrs[e->addr].event[e->type] != number + 1)
		return false;
	uint32_t k = idmap_find(&d->own_map, e->addr);
	if (!own_over(p, e->addr))
		return true;
	return k != IDMAP_NONE && d->owns[k].kind && !d->owns[k].ended;
}

static void forget(struct poll *p)
{
	struct darknet *d = p->d;
	size_t n = 0;
	/* All are judged before the first one goes: they hold each other. */
	for (size_t i = 0; i < p->n_over; i++)
		if (!held(p, p->over[i]))
			p->over[n++] = p->over[i];
	for (size_t i = 0; i < n; i++) {
		const struct address *a = &d->addrs[d->events[p->over[i]].addr];
		uint32_t addr = d->events[p->over[i]].addr, any = 0;
		event_kill(d, p->over[i]);
		if (!(a->flags & ADDR_OWN))
			continue;
		for (int type = 0; type < EVENT_TYPES; type++)
			any |= a->event[type];
		uint32_t k = idmap_find(&d->own_map, addr);
		if (!any && k != IDMAP_NONE)
			d->owns[k] = (struct told){ 0 };
	}
	ports_close(d, p->over_ns);
	n = 0;
	for (size_t i = 0; i < d->n_lones; i++)
		if (!d->lones[i].told)
			d->lones[n++] = d->lones[i];
	d->n_lones = n;
}

static void begin(struct darknet *d, int64_t now_ns)
{
	if (d->now == INT64_MIN) {
		/* Names that answers gave came without a time. */
		for (size_t a = 0; a < d->addr_map.n; a++)
			if (d->addrs[a].flags & ADDR_NAMED && d->addrs[a].seen < event_minute(now_ns))
				d->addrs[a].seen = event_minute(now_ns);
		d->p.max_idle_ns = d->p.max_idle_ns ? d->p.max_idle_ns : DARKNET_IDLE_NS;
		d->p.max_age_ns = d->p.max_age_ns ? d->p.max_age_ns : DARKNET_AGE_NS;
	}
	d->now = now_ns > d->now ? now_ns : d->now;
	d->polls++;
}

size_t darknet_poll(struct darknet *d, int64_t now_ns, size_t max, darknet_tell *tell, void *arg)
{
	begin(d, now_ns);
	struct poll p = { .d = d, .over_ns = d->now < INT64_MIN + DARKNET_LATE_NS ? d->now : d->now - DARKNET_LATE_NS };
	struct finding *f = mem_new(sizeof *f);
	poll_events(&p);
	poll_own(&p);
	poll_lones(&p);
	ports_judge(d, poll_port, &p);
	if (p.n)
		qsort(p.items, p.n, sizeof *p.items, compare);
	size_t n = max && max < p.n ? max : p.n;
	for (size_t i = 0; i < n; i++) {
		fill(d, &p.items[i], f);
		tell(arg, f, p.items[i].news);
		note(&p, &p.items[i], f->first_ns);
	}
	d->waiting = p.n - n;
	forget(&p);
	free(f);
	free(p.items);
	free(p.over);
	compact(d);
	return n;
}

uint64_t darknet_waiting(const struct darknet *d)
{
	return d->waiting;
}

size_t darknet_open(const struct darknet *d)
{
	return d->n_events - d->n_dead;
}
