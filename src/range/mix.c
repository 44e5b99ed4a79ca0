// SPDX-License-Identifier: Apache-2.0
/*
 * A darknet's ordinary mix: many sources by Zipf's law with exponent 1, each with one fixed habit. Integers only, so
 * that no machine's floating point can change the bytes.
 */
#include "range/profile.h"

#include "base/mem.h"

#include <stdlib.h>

#define SENDERS	 200000u
#define SCALE	 ((uint64_t)1 << 40)
#define RING_MAX 8192u
#define REPEATS	 20u /* packets a flow and minute in `repeat` */
#define MINUTES	 10u

/* Shares of the packets, of 1001: a darknet's mix as percentages with one decimal, rounded. */
#define SHARES 1001
static const struct {
	uint8_t probe;
	uint16_t share;
} habits[] = {
	{ PROBE_MIRAI, 240 },
	{ PROBE_ZMAP_CLASSIC, 95 },
	{ PROBE_ZMAP, 95 },
	{ PROBE_MASSCAN, 110 },
	{ PROBE_SYN, 180 },
	{ PROBE_NMAP, 30 },
	{ PROBE_UDP, 80 },
	{ PROBE_PING, 40 },
	{ PROBE_SYN_ACK, 90 },
	{ PROBE_RST, 25 },
	{ PROBE_UNREACH, 16 },
};
#define HABITS (sizeof habits / sizeof *habits)

static const uint16_t udp_ports[] = { 53, 123, 5683, 11211, 19, 389, 500, 5060, 30303, 3478 };
static const uint16_t server_ports[] = { 80, 443, 22, 25565, 53, 8080 };

/* Walker's alias method over integers: sender `k` when a number below `total` lies under cut[k], else alias[k]. */
struct mix {
	struct sender *senders;
	uint64_t *cut;
	uint32_t *alias;
	uint64_t total;
	size_t actor[PROBE_N];
};

/* True for addresses that route on the Internet: no private, shared, documentation, test or multicast space, nothing
 * dark. */
static bool routes(const struct traffic *t, uint32_t a)
{
	static const struct {
		uint32_t base;
		uint8_t bits;
	} not [] = {
		{ 0x00000000, 8 },
		{ 0x0a000000, 8 },
		{ 0x64400000, 10 },
		{ 0x7f000000, 8 },
		{ 0xa9fe0000, 16 },
		{ 0xac100000, 12 },
		{ 0xc0000000, 24 },
		{ 0xc0000200, 24 },
		{ 0xc0586300, 24 },
		{ 0xc0a80000, 16 },
		{ 0xc6120000, 15 },
		{ 0xc6336400, 24 },
		{ 0xcb007100, 24 },
		{ 0xe0000000, 3 },
	};
	for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
		if ((a ^ not [i].base) >> (32 - not [i].bits) == 0)
			return false;
	return (uint64_t)(a ^ t->dark_base) >> t->dark_bits != 0;
}

/* Gives each sender in turn the habit that lags most behind its share, so that the packets, not the senders, follow the
 * shares. */
static enum probe next_habit(uint64_t got[HABITS], uint64_t sum, uint64_t weight)
{
	size_t best = 0;
	int64_t lag = INT64_MIN;
	for (size_t i = 0; i < HABITS; i++) {
		int64_t l = (int64_t)(habits[i].share * (sum + weight)) - (int64_t)(SHARES * got[i]);
		if (l > lag) {
			lag = l;
			best = i;
		}
	}
	got[best] += weight;
	return habits[best].probe;
}

static uint16_t wanted_port(enum probe kind, struct random *r)
{
	switch (kind) {
	case PROBE_UDP:
		return udp_ports[random_below(r, sizeof udp_ports / sizeof *udp_ports)];
	case PROBE_SYN_ACK:
	case PROBE_RST:
	case PROBE_UNREACH:
		return server_ports[random_below(r, sizeof server_ports / sizeof *server_ports)];
	default:
		/* The smaller of two draws: popular ports come more often. */
		;
		uint64_t a = random_below(r, PROFILE_PORTS), b = random_below(r, PROFILE_PORTS);
		return profile_ports[a < b ? a : b];
	}
}

static void make_senders(struct traffic *t, struct mix *m)
{
	uint64_t got[HABITS] = { 0 }, sum = 0;
	uint32_t key = (uint32_t)random_u64(&t->random), at = 0;
	for (uint32_t k = 0; k < SENDERS; k++) {
		/* A hundredth of the scale is precise enough, and keeps the products of next_habit() in 64 bits. */
		uint64_t weight = SCALE / (k + 1) / 128;
		uint32_t addr;
		do
			addr = profile_order(at++, 32, key);
		while (!routes(t, addr));
		enum probe kind = next_habit(got, sum, weight);
		sender_init(&m->senders[k], kind, addr, &t->random);
		m->senders[k].port = wanted_port(kind, &t->random);
		sum += weight;
	}
	for (size_t i = 0; i < HABITS; i++)
		m->actor[habits[i].probe] =
			profile_actor(t, probe_row(habits[i].probe)->name, probe_row(habits[i].probe));
}

static void make_alias(struct mix *m)
{
	uint32_t *order = mem_new(SENDERS * sizeof *order);
	uint32_t small = 0, large = SENDERS;
	m->total = 0;
	for (uint32_t k = 0; k < SENDERS; k++)
		m->total += SCALE / (k + 1);
	for (uint32_t k = 0; k < SENDERS; k++) {
		m->cut[k] = SCALE / (k + 1) * SENDERS;
		m->alias[k] = k;
		if (m->cut[k] < m->total)
			order[small++] = k;
		else
			order[--large] = k;
	}
	/* Fill each sender that has too little from one that has too much. */
	while (small > 0 && large < SENDERS) {
		uint32_t s = order[--small], l = order[large];
		m->alias[s] = l;
		m->cut[l] -= m->total - m->cut[s];
		if (m->cut[l] < m->total) {
			large++;
			order[small++] = l;
		}
	}
	while (small > 0)
		m->cut[order[--small]] = m->total;
	free(order);
}

static struct mix *mix_new(struct traffic *t)
{
	struct mix *m = mem_new(sizeof *m);
	m->senders = mem_map(SENDERS * sizeof *m->senders);
	m->cut = mem_map(SENDERS * sizeof *m->cut);
	m->alias = mem_map(SENDERS * sizeof *m->alias);
	make_senders(t, m);
	make_alias(m);
	return m;
}

static void mix_free(struct mix *m)
{
	mem_unmap(m->senders, SENDERS * sizeof *m->senders);
	mem_unmap(m->cut, SENDERS * sizeof *m->cut);
	mem_unmap(m->alias, SENDERS * sizeof *m->alias);
	free(m);
}

/* Where this packet of the sender goes: each dark address once before any comes again, but for nmap, which stays 16
 * ports long. */
static void aim(
	const struct traffic *t, const struct sender *s, uint64_t bits, struct profile_packet *p, uint16_t *dport)
{
	uint32_t i = s->count;
	*dport = s->port;
	switch (s->kind) {
	case PROBE_MIRAI:
		*dport = i % 10 ? 23 : 2323;
		break;
	case PROBE_MASSCAN:
		*dport = profile_ports[(s->port + i) % PROFILE_PORTS];
		break;
	case PROBE_NMAP:
		*dport = (uint16_t)(1 + profile_order(i, 10, s->key));
		i /= 16;
		break;
	case PROBE_SYN_ACK:
	case PROBE_RST:
	case PROBE_UNREACH:
		*dport = (uint16_t)(1024 + (bits & 0xffff) % 64512);
		break;
	}
	p->target = profile_order(i, t->dark_bits, s->key);
	p->port = profile_port(s, *dport);
}

static void mix_next(struct traffic *t, struct mix *m, struct frame *f, struct profile_packet *p)
{
	uint64_t k = random_below(&t->random, SENDERS);
	if (random_below(&t->random, m->total) >= m->cut[k])
		k = m->alias[k];
	struct sender *s = &m->senders[k];
	struct probe_target to = { 0 };
	p->actor = m->actor[s->kind];
	aim(t, s, random_u64(&t->random), p, &to.dport);
	to.dst = t->dark_base + (uint32_t)p->target;
	probe_build(f, s, &to, &t->random);
	t->actors[p->actor].sources += s->count++ == 0;
}

int mix_run(struct traffic *t)
{
	struct mix *m = mix_new(t);
	struct frame f;
	int rc = 0;
	for (uint64_t i = 0; i < t->params.packets && !rc; i++) {
		struct profile_packet p = { .ns = profile_time(t, i) };
		mix_next(t, m, &f, &p);
		rc = profile_send(t, &p, &f);
	}
	mix_free(m);
	return rc;
}

/*
 * Packets come from a ring of live flows; a few replace one by a new flow. With M packets a minute and R live flows, a
 * minute sees the R that it began with and the new ones: M / REPEATS together.
 */
int repeat_run(struct traffic *t)
{
	struct ringed {
		struct frame f;
		struct profile_packet p;
	} * ring;
	uint64_t minute = t->params.packets / MINUTES;
	size_t size = minute / (3 * REPEATS) < RING_MAX ? minute / (3 * REPEATS) + 1 : RING_MAX;
	uint64_t fresh = minute / REPEATS > size ? minute / REPEATS - size : 1;
	struct mix *m = mix_new(t);
	size_t used = 0;
	int rc = 0;
	ring = mem_map(size * sizeof *ring);
	for (uint64_t i = 0; i < t->params.packets && !rc; i++) {
		struct ringed *x = &ring[random_below(&t->random, size)];
		bool fill = used < size;
		if (fill)
			x = &ring[used++];
		if (fill || random_below(&t->random, minute + 1) < fresh)
			mix_next(t, m, &x->f, &x->p);
		x->p.ns = profile_time(t, i);
		rc = profile_send(t, &x->p, &x->f);
	}
	mem_unmap(ring, size * sizeof *ring);
	mix_free(m);
	return rc;
}

int flood_run(struct traffic *t)
{
	struct probe_row row = *probe_row(PROBE_SYN);
	row.finding = "noise";
	row.tool = NULL;
	size_t actor = profile_actor(t, "flood", &row);
	struct frame f;
	int rc = 0;
	t->actors[actor].note = "invented sources, each used once as a rule";
	for (uint64_t i = 0; i < t->params.packets && !rc; i++) {
		struct profile_packet p = { .actor = actor, .ns = profile_time(t, i), .port = 80 };
		uint64_t bits;
		do
			bits = random_u64(&t->random);
		while (!routes(t, (uint32_t)bits));
		p.target = bits >> 32 & (((uint64_t)1 << t->dark_bits) - 1);
		struct frame_net net = { .src = (uint32_t)bits, .dst = t->dark_base + (uint32_t)p.target };
		uint64_t more = random_u64(&t->random);
		net.id = (uint16_t)more;
		net.ttl = (uint8_t)(32 + (more >> 16) % 200);
		struct frame_tcp tcp = {
			.sport = (uint16_t)(1024 + (more >> 32) % 64512), .dport = 80, .flags = 2, .window = 512
		};
		tcp.seq = (uint32_t)random_u64(&t->random);
		frame_tcp(&f, &net, &tcp);
		rc = profile_send(t, &p, &f);
	}
	return rc;
}
