// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/event.h"

#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>

#define MAX_ADDRS   ((size_t)4 << 20)
#define EVENT_MAX   ((size_t)2 << 20)
#define MAX_EARLIER 64 /* events of a subject that are looked through for one that a packet out of order belongs to */
#define MAX_MEMBERS ((size_t)16 << 20)
#define MAX_HEADS   ((size_t)1 << 18)

void event_init(struct darknet *d)
{
	uint64_t seed = d->p.seed;
	idmap_init(&d->addr_map, MAX_ADDRS, seed);
	idmap_init(&d->conn_map, MAX_ADDRS, seed + 1);
	idmap_init(&d->peer_map, MAX_MEMBERS, seed + 2);
	idmap_init(&d->pair_map, MAX_MEMBERS, seed + 3);
	idmap_init(&d->port_map, MAX_MEMBERS, seed + 4);
	idmap_init(&d->flag_map, MAX_MEMBERS, seed + 5);
	idmap_init(&d->open_map, MAX_MEMBERS, seed + 6);
	idmap_init(&d->head_map, MAX_HEADS, seed + 7);
	idmap_init(&d->hour_map, EVENT_MAX, seed + 8);
	idmap_init(&d->hour_source_map, MAX_MEMBERS, seed + 9);
}

void event_fini(struct darknet *d)
{
	struct idmap *maps[] = { &d->addr_map, &d->conn_map, &d->peer_map, &d->pair_map, &d->port_map, &d->flag_map,
		&d->open_map, &d->head_map, &d->hour_map, &d->hour_source_map };
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		idmap_fini(maps[i]);
	free(d->addrs);
	free(d->conns);
	free(d->peers);
	free(d->pairs);
	free(d->ports);
	free(d->flags);
	free(d->heads);
	free(d->events);
	free(d->lones);
	free(d->hours);
}

/* IPv4 addresses are their own key. The 63-bit hash of an IPv6 address is keyed: a sender can't pick one that another
 * has. */
static uint64_t addr_key(const struct darknet *d, const struct addr *a)
{
	return addr_is4(a) ? addr_to4(a) : addr_hash(a, d->p.seed) | (uint64_t)1 << 63;
}

static bool is_own(const struct darknet *d, const struct addr *a)
{
	return prefixset_holds(&d->own, a, 0);
}

uint32_t event_address(struct darknet *d, const struct addr *a)
{
	bool fresh;
	uint32_t id = idmap_take(&d->addr_map, addr_key(d, a), &fresh);
	if (fresh) {
		d->addrs = idmap_room(d->addrs, d->addr_map.n, &d->room_addrs, sizeof *d->addrs);
		d->addrs[id].a = *a;
		d->addrs[id].flags = is_own(d, a) ? ADDR_OWN : 0;
	}
	return id;
}

uint32_t event_find(const struct darknet *d, const struct addr *a)
{
	return idmap_find(&d->addr_map, addr_key(d, a));
}

uint64_t event_sample_key(const struct darknet *d, const struct sample_ref *r)
{
	return random_mix(random_mix((uint64_t)r->src << 32 | r->dst) ^ (uint64_t)r->ns) ^
	       ((uint64_t)r->sport << 16 | r->dport);
}

/* Numbers depend on the order of arrival, addresses don't: the lower address is the first end. */
static uint64_t conn_key(const struct darknet *d, const struct flow *f, uint32_t src, uint32_t dst, int *direction)
{
	int order = addr_cmp(&d->addrs[src].a, &d->addrs[dst].a);
	*direction = order > 0 || (order == 0 && f->sport > f->dport);
	uint32_t low = *direction ? dst : src, high = *direction ? src : dst;
	uint16_t low_port = *direction ? f->dport : f->sport, high_port = *direction ? f->sport : f->dport;
	return random_mix(((uint64_t)low << 32 | high) * 0x9e3779b97f4a7c15u ^ d->p.seed) ^
	       random_mix((uint64_t)low_port << 32 | (uint64_t)high_port << 16 | f->proto);
}

struct conn *event_conn(struct darknet *d, const struct flow *f, uint32_t src, uint32_t dst, int *direction)
{
	bool fresh;
	uint32_t c = idmap_take(&d->conn_map, conn_key(d, f, src, dst, direction), &fresh);
	if (c == IDMAP_NONE)
		return NULL;
	if (fresh) {
		d->conns = idmap_room(d->conns, d->conn_map.n, &d->room_conns, sizeof *d->conns);
		d->conns[c] = (struct conn){ .first = { INT64_MAX, INT64_MAX } };
	}
	return &d->conns[c];
}

void event_open(struct darknet *d, uint32_t addr, uint16_t port)
{
	bool fresh;
	(void)idmap_take(&d->open_map, (uint64_t)addr << 16 | port, &fresh);
}

bool event_is_open(const struct darknet *d, uint32_t addr, uint16_t port)
{
	return idmap_find(&d->open_map, (uint64_t)addr << 16 | port) != IDMAP_NONE;
}

/* Keeps the earliest packets to different ends. */
static void add_ref(struct event *e, const struct sample_ref *r)
{
	uint32_t worst = 0;
	for (uint32_t i = 0; i < e->n_refs; i++) {
		if (e->refs[i].src == r->src && e->refs[i].dst == r->dst && e->refs[i].dport == r->dport) {
			if (r->ns < e->refs[i].ns)
				e->refs[i] = *r;
			return;
		}
		if (e->refs[i].ns > e->refs[worst].ns)
			worst = i;
	}
	if (e->n_refs < FINDING_SAMPLES)
		e->refs[e->n_refs++] = *r;
	else if (r->ns < e->refs[worst].ns)
		e->refs[worst] = *r;
}

struct event *event_at(struct darknet *d, enum event_type type, uint32_t subject, int64_t first, int64_t last)
{
	int tries = 0;
	for (uint32_t n = d->addrs[subject].event[type]; n && tries < MAX_EARLIER; tries++) {
		struct event *e = &d->events[n - 1];
		if (d->p.n_dark == 0 || type == EVENT_OWN ||
			(first - e->last <= d->p.timeout_ns && e->first - last <= d->p.timeout_ns))
			return e;
		n = e->earlier;
	}
	return NULL;
}

static struct event *current(struct darknet *d, enum event_type type, const struct event_add *in)
{
	struct event *known = event_at(d, type, in->subject, in->flow->first_ns, in->flow->last_ns);
	if (known)
		return known;
	if (d->n_events >= d->p.max_events) {
		d->refused++;
		return NULL;
	}
	d->events = idmap_room(d->events, d->n_events + 1, &d->room_events, sizeof *d->events);
	struct event *e = &d->events[d->n_events++];
	*e = (struct event){
		.addr = in->subject,
		.type = (uint8_t)type,
		.first = in->flow->first_ns,
		.last = in->flow->last_ns,
		.ttl_min = in->flow->ttl,
		.ttl_max = in->flow->ttl,
		.constants = 0xff,
		.earlier = d->addrs[in->subject].event[type],
	};
	d->addrs[in->subject].event[type] = (uint32_t)d->n_events;
	return e;
}

/* Counts `value` in the chain whose head is *head; true when it is new. */
static bool count_member(
	struct idmap *map, struct member **all, size_t *room, uint64_t key, uint32_t *head, const struct flow *f)
{
	bool fresh;
	uint32_t m = idmap_take(map, key, &fresh);
	if (m == IDMAP_NONE)
		return false;
	if (fresh) {
		*all = idmap_room(*all, map->n, room, sizeof **all);
		(*all)[m] = (struct member){ .value = (uint16_t)key, .next = *head, .first = f->first_ns };
		*head = m + 1;
	}
	(*all)[m].packets += f->packets;
	if (f->first_ns < (*all)[m].first)
		(*all)[m].first = f->first_ns;
	return fresh;
}

static void add_peer(struct darknet *d, struct event *e, uint32_t number, const struct event_add *in)
{
	bool fresh;
	uint32_t k = idmap_take(&d->peer_map, (uint64_t)number << 32 | in->peer, &fresh);
	if (k == IDMAP_NONE)
		return;
	if (fresh) {
		d->peers = idmap_room(d->peers, d->peer_map.n, &d->room_peers, sizeof *d->peers);
		d->peers[k] = (struct peer){ .addr = in->peer, .next = e->peers };
		e->peers = k + 1;
		e->n_peers++;
	}
	struct peer *p = &d->peers[k];
	p->packets += in->flow->packets;
	if (!in->has_port || e->type > EVENT_UDP)
		return;
	if (count_member(&d->pair_map, &d->pairs, &d->room_pairs, (uint64_t)k << 16 | in->port, &p->ports, in->flow))
		p->n_ports++;
	if (p->n_ports > e->max_ports)
		e->max_ports = p->n_ports;
}

/* Each late packet is a flow of its own, so its marks are exact; the source's record is another minute's. */
static void add_marks(const struct darknet *d, struct event *e, const struct flow *f)
{
	for (int m = 0; m < MARK_N; m++) {
		if (!(f->tags >> m & 1))
			continue;
		e->tagged[m] += f->packets;
		if (d->late)
			e->marked[m] += f->packets;
	}
}

struct event *event_add(struct darknet *d, enum event_type type, const struct event_add *in)
{
	const struct flow *f = in->flow;
	struct event *e = current(d, type, in);
	if (!e)
		return NULL;
	uint32_t number = (uint32_t)(e - d->events);
	e->first = f->first_ns < e->first ? f->first_ns : e->first;
	e->last = f->last_ns > e->last ? f->last_ns : e->last;
	e->ttl_min = f->ttl < e->ttl_min ? f->ttl : e->ttl_min;
	e->ttl_max = f->ttl > e->ttl_max ? f->ttl : e->ttl_max;
	e->packets += f->packets;
	e->bytes += f->bytes;
	if (!e->udp_proto && f->proto == PROTO_UDP)
		e->udp_proto = (uint8_t)flow_protocol(f);
	add_marks(d, e, f);
	add_peer(d, e, number, in);
	if (in->has_port &&
		count_member(&d->port_map, &d->ports, &d->room_ports, (uint64_t)number << 16 | in->port, &e->ports, f))
		e->n_ports++;
	if (f->proto == PROTO_TCP && f->cls <= CLASS_TCP_OTHER)
		count_member(&d->flag_map, &d->flags, &d->room_flags, (uint64_t)number << 16 | (f->tcp_flags & 0x3f),
			&e->flags, f);
	add_ref(e, &in->ref);
	return e;
}
