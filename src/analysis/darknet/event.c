// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/event.h"

#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>

#define MAX_ADDRS   ((size_t)4 << 20)
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
	idmap_init(&d->watched_map, EVENT_MAX, seed + 10);
	idmap_init(&d->own_map, MAX_ADDRS, seed + 11);
	d->hours_begin = UINT64_MAX;
	d->now = INT64_MIN;
	d->polls = 1;
}

void event_fini(struct darknet *d)
{
	struct idmap *maps[] = { &d->addr_map, &d->conn_map, &d->peer_map, &d->pair_map, &d->port_map, &d->flag_map,
		&d->open_map, &d->head_map, &d->hour_map, &d->hour_source_map, &d->watched_map, &d->own_map };
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
	free(d->owns);
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
		d->addrs[id] = (struct address){ .a = *a, .flags = is_own(d, a) ? ADDR_OWN : 0, .seen = INT32_MIN };
	}
	return id;
}

uint32_t event_find(const struct darknet *d, const struct addr *a)
{
	return idmap_find(&d->addr_map, addr_key(d, a));
}

uint64_t event_sample_key(const struct darknet *d, const struct sample_ref *r)
{
	uint64_t src = d->addr_map.keys[r->src], dst = d->addr_map.keys[r->dst];
	return random_mix(random_mix(random_mix(src) ^ dst) ^ (uint64_t)r->ns) ^ ((uint64_t)r->sport << 16 | r->dport);
}

/* Numbers change, addresses don't: the lower address is the first end. */
static uint64_t conn_key(const struct darknet *d, const struct flow *f, uint32_t src, uint32_t dst, int *direction)
{
	int order = addr_cmp(&d->addrs[src].a, &d->addrs[dst].a);
	*direction = order > 0 || (order == 0 && f->sport > f->dport);
	uint64_t low = addr_key(d, &d->addrs[*direction ? dst : src].a);
	uint64_t high = addr_key(d, &d->addrs[*direction ? src : dst].a);
	uint16_t low_port = *direction ? f->dport : f->sport, high_port = *direction ? f->sport : f->dport;
	uint64_t ends = (low | high) >> 32 ? random_mix(low) ^ high : low << 32 | high;
	return random_mix(ends * 0x9e3779b97f4a7c15u ^ d->p.seed) ^
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
	d->conns[c].seen = event_minute(f->last_ns);
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

/* b - a, without overflow. */
static int64_t gap(int64_t a, int64_t b)
{
	int64_t g;
	return __builtin_sub_overflow(b, a, &g) ? b > a ? INT64_MAX : INT64_MIN : g;
}

/* An own address has few events and is told as one: its age is no reason to cut it. */
static int64_t age(const struct darknet *d, enum event_type type, uint32_t addr)
{
	return type == EVENT_OWN || d->addrs[addr].flags & ADDR_OWN || !d->p.max_age_ns ? INT64_MAX : d->p.max_age_ns;
}

bool event_over(const struct darknet *d, const struct event *e, int64_t ns)
{
	return gap(e->last, ns) > event_patience(d, e->type) || gap(e->first, ns) > age(d, e->type, e->addr);
}

void event_kill(struct darknet *d, uint32_t number)
{
	struct event *e = &d->events[number];
	uint32_t *current = &d->addrs[e->addr].event[e->type];
	e->dead = true;
	d->n_dead++;
	while (*current && d->events[*current - 1].dead)
		*current = d->events[*current - 1].earlier;
}

/* Does the event stay young enough with [first, last]? */
static bool young(const struct darknet *d, const struct event *e, int64_t first, int64_t last)
{
	int64_t limit = age(d, e->type, e->addr);
	return limit == INT64_MAX || (gap(e->first, first) <= limit && gap(last, e->last) <= limit);
}

/* Does [first, last] lie within the patience around the event? */
static inline bool belongs(const struct darknet *d, const struct event *e, int64_t first, int64_t last)
{
	int64_t patience = event_patience(d, e->type);
	if (patience != INT64_MAX && (gap(e->last, first) > patience || gap(last, e->first) > patience))
		return false;
	return !d->p.max_age_ns || young(d, e, first, last);
}

static inline struct event *find_event(
	struct darknet *d, enum event_type type, uint32_t subject, int64_t first, int64_t last)
{
	int tries = 0;
	for (uint32_t n = d->addrs[subject].event[type]; n && tries < MAX_EARLIER; tries++) {
		struct event *e = &d->events[n - 1];
		if (!e->dead && belongs(d, e, first, last))
			return e;
		n = e->earlier;
	}
	return NULL;
}

struct event *event_at(struct darknet *d, enum event_type type, uint32_t subject, int64_t first, int64_t last)
{
	return find_event(d, type, subject, first, last);
}

static void take_own(struct darknet *d, uint32_t addr)
{
	bool fresh;
	uint32_t k = idmap_take(&d->own_map, addr, &fresh);
	if (!fresh)
		return;
	d->owns = idmap_room(d->owns, d->own_map.n, &d->room_owns, sizeof *d->owns);
	d->owns[k] = (struct told){ 0 };
}

struct event *event_new(struct darknet *d, enum event_type type, uint32_t subject, const struct flow *f)
{
	if (d->n_events - d->n_dead >= d->p.max_events || d->n_events >= UINT32_MAX / 2) {
		d->refused++;
		return NULL;
	}
	d->events = idmap_room(d->events, d->n_events + 1, &d->room_events, sizeof *d->events);
	struct event *e = &d->events[d->n_events++];
	*e = (struct event){
		.addr = subject,
		.type = (uint8_t)type,
		.first = f->first_ns,
		.last = f->last_ns,
		.ttl_min = f->ttl,
		.ttl_max = f->ttl,
		.constants = 0xff,
		.earlier = d->addrs[subject].event[type],
		.known_last = INT64_MIN,
	};
	if (d->addrs[subject].flags & ADDR_OWN)
		take_own(d, subject);
	d->addrs[subject].event[type] = (uint32_t)d->n_events;
	return e;
}

static struct event *current(struct darknet *d, enum event_type type, const struct event_add *in)
{
	struct event *known = find_event(d, type, in->subject, in->flow->first_ns, in->flow->last_ns);
	return known ? known : event_new(d, type, in->subject, in->flow);
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

static inline void put_port(struct darknet *d, struct event *e, uint16_t port, const struct flow *f)
{
	uint64_t number = (uint64_t)(e - d->events);
	e->n_ports += count_member(&d->port_map, &d->ports, &d->room_ports, number << 16 | port, &e->ports, f);
}

void event_put_port(struct darknet *d, struct event *e, uint16_t port, const struct flow *f)
{
	put_port(d, e, port, f);
}

static inline void put_flags(struct darknet *d, struct event *e, uint8_t flags, const struct flow *f)
{
	uint64_t number = (uint64_t)(e - d->events);
	(void)count_member(&d->flag_map, &d->flags, &d->room_flags, number << 16 | flags, &e->flags, f);
}

void event_put_flags(struct darknet *d, struct event *e, uint8_t flags, const struct flow *f)
{
	put_flags(d, e, flags, f);
}

/* A packet that the finding had already counted before the restart: whom it went to is new here, its number is not. */
static struct event *add_known(struct darknet *d, struct event *e, const struct event_add *in)
{
	struct flow none = *in->flow;
	struct event_add again = *in;
	none.packets = none.bytes = 0;
	again.flow = &none;
	add_peer(d, e, (uint32_t)(e - d->events), &again);
	if (in->has_port)
		event_put_port(d, e, in->port, &none);
	return NULL;
}

struct event *event_add(struct darknet *d, enum event_type type, const struct event_add *in)
{
	const struct flow *f = in->flow;
	struct event *e = current(d, type, in);
	if (!e)
		return NULL;
	if (f->last_ns <= e->known_last)
		return add_known(d, e, in);
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
	if (in->has_port)
		put_port(d, e, in->port, f);
	if (f->proto == PROTO_TCP && f->cls <= CLASS_TCP_OTHER)
		put_flags(d, e, f->tcp_flags & 0x3f, f);
	add_ref(e, &in->ref);
	return e;
}
