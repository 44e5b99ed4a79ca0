// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/compact.h"

#include "analysis/darknet/ports.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define LEAST	  ((size_t)4096) /* records; below it isn't worth the work */
#define FULL_WAIT 10		 /* calls between two sweeps for the sake of a table that is full */

/* Where the records of a table go: number + 1, 0: they go away. */
struct moves {
	uint32_t *addrs, *events, *peers;
	uint32_t *heads;
};

static size_t records(const struct darknet *d)
{
	return d->addr_map.n + d->conn_map.n + d->peer_map.n + d->pair_map.n + d->port_map.n + d->n_events +
	       d->open_map.n + d->head_map.n + d->hour_map.n + d->hour_source_map.n;
}

/* Makes an array that is mostly empty smaller; it grows again by doubling. */
static void *shrink(void *array, size_t n, size_t *room, size_t size)
{
	if (*room <= 4 * (n + 64))
		return array;
	*room = 2 * (n + 64);
	array = mem_grow(array, *room * size);
	memset((uint8_t *)array + n * size, 0, (*room - n) * size);
	return array;
}

static void mark_ref(struct darknet *d, struct moves *m, const struct sample_ref *r)
{
	uint32_t h = idmap_find(&d->head_map, event_sample_key(d, r));
	m->addrs[r->src] = m->addrs[r->dst] = 1;
	if (h != IDMAP_NONE)
		m->heads[h] = 1;
}

static void mark(struct darknet *d, struct moves *m)
{
	for (size_t i = 0; i < d->n_events; i++) {
		const struct event *e = &d->events[i];
		if (e->dead)
			continue;
		m->addrs[e->addr] = 1;
		for (uint32_t r = 0; r < e->n_refs; r++)
			mark_ref(d, m, &e->refs[r]);
		for (uint32_t k = e->peers; k; k = d->peers[k - 1].next) {
			m->addrs[d->peers[k - 1].addr] = 1;
			m->peers[k - 1] = 1;
		}
	}
	for (size_t i = 0; i < d->n_lones; i++)
		mark_ref(d, m, &d->lones[i].ref);
	for (size_t i = d->hours_open; i < d->hour_map.n; i++)
		mark_ref(d, m, &d->hours[i].ref);
	for (size_t i = 0; i < d->hour_source_map.n; i++)
		if (d->hour_source_map.keys[i] >> 32 >= d->hours_open)
			m->addrs[(uint32_t)d->hour_source_map.keys[i]] = 1;
	/* What spoke lately may be asked for soon: samples come before their flows, answers after their questions. */
	int64_t patience = event_patience(d, d->p.n_dark ? EVENT_TCP : EVENT_INFLOW);
	int64_t minutes = patience / MINUTE_NS + 2, now = event_minute(d->now);
	for (size_t a = 0; a < d->addr_map.n; a++)
		m->addrs[a] |= d->addrs[a].seen >= now - minutes;
	for (size_t h = 0; h < d->head_map.n; h++)
		m->heads[h] |= d->heads[h].seen >= now - 2;
}

static uint32_t number(uint32_t *kept, size_t n)
{
	uint32_t next = 0;
	for (size_t i = 0; i < n; i++)
		kept[i] = kept[i] ? ++next : 0;
	return next;
}

/* Dead events stand for the living one that was opened before them. */
static void number_events(struct darknet *d, uint32_t *to)
{
	uint32_t next = 0;
	for (size_t i = 0; i < d->n_events; i++) {
		const struct event *e = &d->events[i];
		to[i] = !e->dead ? ++next : e->earlier ? to[e->earlier - 1] : 0;
	}
}

static uint32_t moved(const uint32_t *to, uint32_t one_more)
{
	return one_more ? to[one_more - 1] : 0;
}

static void move_ref(const struct moves *m, struct sample_ref *r)
{
	r->src = m->addrs[r->src] - 1;
	r->dst = m->addrs[r->dst] - 1;
}

/*
 * A table of counted members whose key is owner << 16 | value. Heads of chains are given to the caller by `to`, which
 * he frees.
 */
static uint32_t *move_members(
	struct idmap *map, struct member **all, size_t *room, const uint32_t *owners, const bool *gone)
{
	uint32_t *to = mem_new((map->n + 1) * sizeof *to);
	uint32_t n = 0;
	for (size_t i = 0; i < map->n; i++) {
		uint64_t owner = map->keys[i] >> 16;
		if (!owners[owner] || (gone && gone[owner]))
			continue;
		/* A chain runs from its newest member to its oldest: the next one has its place already. */
		struct member one = (*all)[i];
		one.next = moved(to, one.next);
		(*all)[n] = one;
		map->keys[n] = (uint64_t)(owners[owner] - 1) << 16 | (map->keys[i] & 0xffff);
		to[i] = ++n;
	}
	idmap_rebuild(map, n);
	*all = shrink(*all, n, room, sizeof **all);
	return to;
}

static void move_peers(struct darknet *d, const struct moves *m)
{
	uint32_t *pairs = move_members(&d->pair_map, &d->pairs, &d->room_pairs, m->peers, NULL);
	size_t n = 0;
	for (size_t i = 0; i < d->peer_map.n; i++) {
		if (!m->peers[i])
			continue;
		struct peer p = d->peers[i];
		uint64_t event = d->peer_map.keys[i] >> 32;
		p.addr = m->addrs[p.addr] - 1;
		p.next = moved(m->peers, p.next);
		p.ports = moved(pairs, p.ports);
		d->peer_map.keys[n] = (uint64_t)(m->events[event] - 1) << 32 | p.addr;
		d->peers[n++] = p;
	}
	idmap_rebuild(&d->peer_map, n);
	d->peers = shrink(d->peers, n, &d->room_peers, sizeof *d->peers);
	free(pairs);
}

static void move_events(struct darknet *d, const struct moves *m)
{
	bool *gone = mem_new(d->n_events + 1);
	for (size_t i = 0; i < d->n_events; i++)
		gone[i] = d->events[i].dead;
	uint32_t *ports = move_members(&d->port_map, &d->ports, &d->room_ports, m->events, gone);
	uint32_t *flags = move_members(&d->flag_map, &d->flags, &d->room_flags, m->events, gone);
	size_t n = 0;
	for (size_t i = 0; i < d->n_events; i++) {
		if (gone[i])
			continue;
		struct event *e = &d->events[n++];
		memmove(e, &d->events[i], sizeof *e);
		e->addr = m->addrs[e->addr] - 1;
		e->earlier = moved(m->events, e->earlier);
		e->peers = moved(m->peers, e->peers);
		e->ports = moved(ports, e->ports);
		e->flags = moved(flags, e->flags);
		for (uint32_t r = 0; r < e->n_refs; r++)
			move_ref(m, &e->refs[r]);
	}
	for (size_t i = 0; i < d->n_lones; i++) {
		uint32_t *event = &d->lones[i].event;
		*event = *event && !gone[*event - 1] ? m->events[*event - 1] : 0;
		move_ref(m, &d->lones[i].ref);
	}
	d->n_events = n;
	d->n_dead = 0;
	d->events = shrink(d->events, n, &d->room_events, sizeof *d->events);
	free(gone);
	free(ports);
	free(flags);
}

static void move_addresses(struct darknet *d, const struct moves *m)
{
	size_t n = 0;
	for (size_t i = 0; i < d->addr_map.n; i++) {
		if (!m->addrs[i])
			continue;
		struct address a = d->addrs[i];
		for (int type = 0; type < EVENT_TYPES; type++)
			a.event[type] = moved(m->events, a.event[type]);
		/* Who named it is gone, and with it the only one for whom it would still be a target. */
		if (a.named_by && a.named_by != ADDR_NAMED_BY_SEVERAL && !(a.named_by = moved(m->addrs, a.named_by)))
			a.named_by = ADDR_NAMED_BY_SEVERAL;
		d->addr_map.keys[n] = d->addr_map.keys[i];
		d->addrs[n++] = a;
	}
	idmap_rebuild(&d->addr_map, n);
	d->addrs = shrink(d->addrs, n, &d->room_addrs, sizeof *d->addrs);
	size_t owns = 0, open = 0;
	for (size_t i = 0; i < d->own_map.n; i++) {
		uint32_t a = m->addrs[d->own_map.keys[i]], any = 0;
		for (int type = 0; a && type < EVENT_TYPES; type++)
			any |= d->addrs[a - 1].event[type];
		if (!any)
			continue;
		d->own_map.keys[owns] = a - 1;
		d->owns[owns++] = d->owns[i];
	}
	idmap_rebuild(&d->own_map, owns);
	for (size_t i = 0; i < d->open_map.n; i++) {
		uint32_t a = m->addrs[d->open_map.keys[i] >> 16];
		if (a)
			d->open_map.keys[open++] = (uint64_t)(a - 1) << 16 | (d->open_map.keys[i] & 0xffff);
	}
	idmap_rebuild(&d->open_map, open);
}

static void move_hours(struct darknet *d, const struct moves *m)
{
	uint32_t *to = mem_new((d->hour_map.n + 1) * sizeof *to);
	size_t n = 0, open = 0, watched = 0, sources = 0;
	for (size_t i = 0; i < d->hour_map.n; i++) {
		bool closed = i < d->hours_open;
		if (ports_stale(d, (uint32_t)i, d->now))
			continue;
		open += closed;
		struct port_hour h = d->hours[i];
		if (closed)
			h.ref.src = h.ref.dst = 0; /* nobody asks for it again */
		else
			move_ref(m, &h.ref);
		d->hour_map.keys[n] = d->hour_map.keys[i];
		d->hours[n++] = h;
		to[i] = (uint32_t)n;
	}
	for (size_t i = 0; i < d->hour_source_map.n; i++) {
		uint64_t key = d->hour_source_map.keys[i];
		if (key >> 32 >= d->hours_open)
			d->hour_source_map.keys[sources++] =
				(uint64_t)(to[key >> 32] - 1) << 32 | (m->addrs[(uint32_t)key] - 1);
	}
	for (size_t i = 0; i < d->watched_map.n; i++)
		if (!ports_unwatched(d->watched_map.keys[i], d->now))
			d->watched_map.keys[watched++] = d->watched_map.keys[i];
	d->hours_open = open;
	idmap_rebuild(&d->hour_map, n);
	idmap_rebuild(&d->hour_source_map, sources);
	idmap_rebuild(&d->watched_map, watched);
	d->hours = shrink(d->hours, n, &d->room_hours, sizeof *d->hours);
	free(to);
}

/* Tables whose keys don't depend on other numbers. */
static void move_rest(struct darknet *d, const struct moves *m)
{
	size_t n = 0, conns = 0;
	int64_t oldest = event_minute(d->now) - event_patience(d, EVENT_INFLOW) / MINUTE_NS - 2;
	for (size_t i = 0; i < d->head_map.n; i++) {
		if (!m->heads[i])
			continue;
		d->head_map.keys[n] = d->head_map.keys[i];
		d->heads[n++] = d->heads[i];
	}
	idmap_rebuild(&d->head_map, n);
	d->heads = shrink(d->heads, n, &d->room_heads, sizeof *d->heads);
	for (size_t i = 0; i < d->conn_map.n; i++) {
		if (d->conns[i].seen < oldest)
			continue;
		d->conn_map.keys[conns] = d->conn_map.keys[i];
		d->conns[conns++] = d->conns[i];
	}
	idmap_rebuild(&d->conn_map, conns);
	d->conns = shrink(d->conns, conns, &d->room_conns, sizeof *d->conns);
}

static bool needed(const struct darknet *d)
{
	size_t n = records(d);
	if (d->n_dead > LEAST / 4 && d->n_dead * 2 > d->n_events)
		return true;
	if (n > LEAST && n > 2 * d->kept_after)
		return true;
	return darknet_refused(d) != d->refused_before && d->polls - d->compact_at >= FULL_WAIT;
}

void compact(struct darknet *d)
{
	if (!needed(d))
		return;
	struct moves m = {
		.addrs = mem_new((d->addr_map.n + 1) * sizeof *m.addrs),
		.events = mem_new((d->n_events + 1) * sizeof *m.events),
		.peers = mem_new((d->peer_map.n + 1) * sizeof *m.peers),
		.heads = mem_new((d->head_map.n + 1) * sizeof *m.heads),
	};
	mark(d, &m);
	number(m.addrs, d->addr_map.n);
	number(m.peers, d->peer_map.n);
	number_events(d, m.events);
	move_rest(d, &m);
	move_peers(d, &m);
	move_events(d, &m);
	move_hours(d, &m);
	move_addresses(d, &m);
	d->lones = shrink(d->lones, d->n_lones, &d->room_lones, sizeof *d->lones);
	d->flows = shrink(d->flows, d->n_flows, &d->room_flows, sizeof *d->flows);
	d->sources = shrink(d->sources, d->n_sources, &d->room_sources, sizeof *d->sources);
	d->lates = shrink(d->lates, d->n_lates, &d->room_lates, sizeof *d->lates);
	d->kept_after = records(d);
	d->compact_at = d->polls;
	d->refused_before = darknet_refused(d);
	free(m.addrs);
	free(m.events);
	free(m.peers);
	free(m.heads);
}

size_t darknet_memory(const struct darknet *d)
{
	const struct idmap *maps[] = { &d->addr_map, &d->conn_map, &d->peer_map, &d->pair_map, &d->port_map,
		&d->flag_map, &d->open_map, &d->head_map, &d->hour_map, &d->hour_source_map, &d->watched_map,
		&d->own_map };
	size_t n = sizeof *d;
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		n += idmap_bytes(maps[i]);
	return n + d->room_addrs * sizeof *d->addrs + d->room_conns * sizeof *d->conns +
	       d->room_peers * sizeof *d->peers + (d->room_pairs + d->room_ports + d->room_flags) * sizeof *d->pairs +
	       d->room_heads * sizeof *d->heads + d->room_events * sizeof *d->events +
	       d->room_lones * sizeof *d->lones + d->room_hours * sizeof *d->hours + d->room_owns * sizeof *d->owns +
	       (d->room_flows + d->room_lates) * sizeof *d->flows + d->room_sources * sizeof *d->sources;
}
