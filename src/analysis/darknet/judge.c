// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/judge.h"

#include "analysis/darknet/ports.h"
#include "wire/udpproto.h"

#define MAX_LONES 65536u

bool judge_dark(const struct darknet *d, const struct addr *a, int64_t ns)
{
	return d->p.n_dark == 0 || prefixset_holds(&d->dark, a, ns);
}

/* One end that many listen to is no target. */
static bool to_many(const struct addr *a)
{
	if (!addr_is4(a))
		return a->b[0] == 0xff;
	uint32_t v = addr_to4(a);
	return v >> 28 == 14 || v == UINT32_MAX || v == 0;
}

static unsigned scan_flags(const struct flow *f)
{
	return f->proto == PROTO_TCP && f->cls <= CLASS_TCP_OTHER ? f->tcp_flags & 0x3fu : 0xffu;
}

/* NULL, FIN alone, XMAS: flags that no system sends first. */
static bool is_stealth(const struct flow *f)
{
	unsigned flags = scan_flags(f);
	return flags == 0 || flags == TCP_FIN || flags == (TCP_FIN | TCP_PSH | TCP_URG);
}

void judge_note(struct darknet *d, const struct flow *f)
{
	int way;
	uint32_t src = event_address(d, &f->src), dst = event_address(d, &f->dst);
	if (src == IDMAP_NONE || dst == IDMAP_NONE || (f->cls > CLASS_TCP_OTHER && f->cls != CLASS_UDP))
		return;
	event_see(&d->addrs[src], f->last_ns);
	event_see(&d->addrs[dst], f->last_ns);
	struct conn *c = event_conn(d, f, src, dst, &way);
	if (!c)
		return;
	if (f->first_ns < c->first[way])
		c->first[way] = f->first_ns;
	c->sent[way] |= f->cls == CLASS_TCP_SYN	      ? CONN_SYN
			: f->cls == CLASS_TCP_SYN_ACK ? CONN_SYN_ACK
			: f->cls == CLASS_TCP_RST     ? CONN_RST
						      : CONN_ANY;
	if (f->cls == CLASS_TCP_PUSH || f->cls == CLASS_TCP_ACK)
		c->sent[way] |= CONN_DATA;
	if (f->cls == CLASS_TCP_SYN_ACK) {
		d->addrs[src].flags |= ADDR_SYN_ACK;
		event_open(d, src, f->sport);
	}
}

struct context {
	const struct flow *f;
	uint32_t src, dst;
	const struct conn *conn;
	int way;
};

/* Did the other end start? Without the connection (table full) nothing may be called unasked. */
static bool asked_for(const struct darknet *d, const struct context *x)
{
	if (d->p.n_dark)
		return false;
	if (!x->conn)
		return true;
	if (x->f->cls == CLASS_TCP_SYN_ACK)
		return x->conn->sent[!x->way] & CONN_SYN;
	/* Who opened the connection himself, or talked on it, resets what is his. */
	if (x->f->cls == CLASS_TCP_RST && x->conn->sent[x->way] & (CONN_SYN | CONN_DATA | CONN_ANY))
		return true;
	return x->conn->first[!x->way] <= x->conn->first[x->way];
}

/* No packet of the connection in either direction came before this flow. */
static bool comes_first(const struct context *x)
{
	return !x->conn || (x->conn->first[x->way] >= x->f->first_ns && x->conn->first[!x->way] >= x->f->first_ns);
}

static struct event_add about(const struct context *x, uint32_t subject, uint32_t peer)
{
	return (struct event_add){
		.subject = subject,
		.peer = peer,
		.flow = x->f,
		.ref = { x->f->first_ns, x->src, x->dst, x->f->sport, x->f->dport, x->f->proto },
	};
}

/* Returns the event, NULL when there is none. */
static struct event *add_probe(struct darknet *d, const struct context *x, enum event_type type)
{
	struct event_add in = about(x, x->src, x->dst);
	in.port = x->f->dport;
	in.has_port = type != EVENT_ICMP;
	if (d->p.n_dark == 0 && to_many(&x->f->dst))
		return NULL;
	struct event *e = event_add(d, type, &in);
	if (d->p.n_dark && type != EVENT_ICMP)
		ports_add(d, x->f, x->src, x->dst);
	return e;
}

static void add_lone(struct darknet *d, const struct context *x, const struct event *e)
{
	if (d->n_lones == MAX_LONES) {
		d->lones_left_out++;
		return;
	}
	d->lones = idmap_room(d->lones, d->n_lones + 1, &d->room_lones, sizeof *d->lones);
	d->lones[d->n_lones++] = (struct lone){
		.ref = about(x, x->src, x->dst).ref,
		.packets = x->f->packets,
		.event = e ? (uint32_t)(e - d->events) + 1 : 0,
		.flags = x->f->tcp_flags & 0x3f,
	};
}

static void add_backscatter(struct darknet *d, const struct context *x, int kind)
{
	struct event_add in = about(x, x->src, x->dst);
	in.port = x->f->sport;
	in.has_port = kind != 1;
	struct event *e = event_add(d, EVENT_BACKSCATTER, &in);
	if (e)
		e->by_kind[kind] += x->f->packets;
	if (e && x->f->tags & FLOW_QUOTE)
		e->quoting += x->f->packets;
}

/* Packets that reach a victim by way of many innocent reflectors. */
static void add_inflow(struct darknet *d, const struct context *x)
{
	const struct flow *f = x->f;
	struct event_add in = about(x, x->dst, x->src);
	bool fragment = f->cls == CLASS_FRAG && f->proto == PROTO_UDP;
	if (to_many(&f->dst))
		return;
	event_add(d, EVENT_INFLOW, &in);
	in.port = f->sport;
	in.has_port = !fragment;
	if (f->cls == CLASS_TCP_SYN_ACK && !asked_for(d, x)) {
		event_add(d, EVENT_REFLECT_SYNACK, &in);
	} else if (fragment || (f->cls == CLASS_UDP && f->sport != f->dport && !asked_for(d, x))) {
		/* The same port at both ends is the chatter of equals: broadcasts, routing, time. */
		struct event *e = event_add(d, EVENT_REFLECT_UDP, &in);
		if (e && fragment)
			e->by_kind[0] += f->packets;
	}
}

/* A UDP datagram that answers rather than asks: a reflector's or a victim's. */
static bool udp_answers(const struct flow *f)
{
	if (f->tags & FLOW_PROBE)
		return false;
	switch (f->sport) {
	case 17:
	case 19:
	case 53:
	case 111:
	case 123:
	case 137:
	case 161:
	case 389:
	case 1900:
	case 3702:
	case 5353:
	case 11211:
		return f->dport != f->sport || flow_protocol(f) != UDP_PROTO_NONE;
	default:
		return false;
	}
}

static void judge_tcp(struct darknet *d, const struct context *x)
{
	const struct flow *f = x->f;
	if (f->cls == CLASS_TCP_SYN)
		add_probe(d, x, EVENT_TCP);
	else if (is_stealth(f) && (d->p.n_dark || comes_first(x))) {
		add_lone(d, x, add_probe(d, x, EVENT_TCP));
	} else if ((f->cls == CLASS_TCP_SYN_ACK || f->cls == CLASS_TCP_RST) && !asked_for(d, x))
		add_backscatter(d, x, 0);
	else if (x->conn && x->conn->sent[x->way] & CONN_SYN && x->conn->sent[x->way] & CONN_DATA &&
		 x->conn->sent[!x->way] & CONN_SYN_ACK)
		d->addrs[x->src].flags |= ADDR_HANDSHAKE;
}

static void judge_udp(struct darknet *d, const struct context *x)
{
	const struct flow *f = x->f;
	if (d->p.n_dark) {
		if (udp_answers(f))
			add_backscatter(d, x, 2);
		else
			add_probe(d, x, EVENT_UDP);
		return;
	}
	if (x->conn && x->conn->first[!x->way] < x->conn->first[x->way])
		d->addrs[x->src].flags |= ADDR_UDP_ANSWER;
	if (f->tags & FLOW_PROBE)
		add_probe(d, x, EVENT_UDP);
}

static void judge_icmp(struct darknet *d, const struct context *x)
{
	const struct flow *f = x->f;
	uint8_t request = f->proto == PROTO_ICMP ? 8 : 128, reply = f->proto == PROTO_ICMP ? 0 : 129;
	if (!d->p.n_dark)
		return;
	if (f->sport == request || (f->proto == PROTO_ICMP && (f->sport == 13 || f->sport == 17)))
		add_probe(d, x, EVENT_ICMP);
	else if (f->sport == reply || f->tags & FLOW_QUOTE)
		add_backscatter(d, x, 1);
}

void judge_flow(struct darknet *d, const struct flow *f)
{
	struct context x = { .f = f };
	if (!judge_dark(d, &f->dst, f->first_ns))
		return;
	x.src = event_address(d, &f->src);
	x.dst = event_address(d, &f->dst);
	if (x.src == IDMAP_NONE || x.dst == IDMAP_NONE)
		return;
	if (d->p.n_dark == 0) {
		if (f->cls <= CLASS_TCP_OTHER || f->cls == CLASS_UDP)
			x.conn = event_conn(d, f, x.src, x.dst, &x.way);
		add_inflow(d, &x);
	}
	if (f->cls <= CLASS_TCP_OTHER)
		judge_tcp(d, &x);
	else if (f->cls == CLASS_UDP)
		judge_udp(d, &x);
	else if (f->cls == CLASS_ICMP)
		judge_icmp(d, &x);
	if (d->p.n_dark && d->addrs[x.src].flags & ADDR_OWN) {
		struct event_add in = about(&x, x.src, x.dst);
		in.port = f->dport;
		in.has_port = f->cls <= CLASS_UDP;
		event_add(d, EVENT_OWN, &in);
	}
}

void judge_source(struct darknet *d, const struct source *s)
{
	uint32_t a = event_find(d, &s->addr);
	if (a == IDMAP_NONE)
		return;
	for (int type = EVENT_TCP; type <= EVENT_ICMP; type++) {
		struct event *e = event_at(d, (enum event_type)type, a, s->first_ns, s->last_ns);
		if (!e)
			continue;
		for (int m = 0; m < MARK_N; m++)
			e->marked[m] += s->marks[m];
		if (s->syns >= 2) {
			e->constants &= (uint8_t)s->constants;
			e->constant_syns += s->syns;
		}
	}
}
