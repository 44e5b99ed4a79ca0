// SPDX-License-Identifier: Apache-2.0
/*
 * The demo's half hour: who is planted is one table. All addresses are of documentation (RFC 5737) and benchmark (RFC
 * 2544) space, so no report of the demo ever names a real host.
 */
#include "range/profile.h"

#include "base/mem.h"

#include <stdlib.h>

#define A(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define OWN(host)     (host) /* place in the operator's live range */
#define MINUTE	      60000000000
#define NOISE_BASE    A(198, 19, 0, 0)
#define NOISE_BITS    16
#define NOISE_PACKETS 3 /* a noisy source stays far below what makes a scanner */
#define NMAP_PORTS    1000

enum aim {
	AIM_TELNET, /* all addresses, ports 23 and 2323 as 9:1 */
	AIM_PORT,   /* all addresses, one port */
	AIM_LIST,   /* all addresses, the port list in turn */
	AIM_RANGE,  /* one address, ports 1, 2, 3 ... in another order */
	AIM_ONE,    /* one address, one port, again and again */
	AIM_ANSWER, /* all addresses, whatever port the forged packet had */
};

struct plant {
	const char *name;
	uint32_t addr;
	uint8_t probe, second; /* every fifth packet is of the kind `second`, if not 0 */
	uint8_t aim;
	bool own, research;
	uint16_t port;
	uint16_t per_mille, fixed; /* packets: share, or a fixed number */
	uint8_t from, to;	   /* minutes */
	const char *kind;	   /* instead of the probe's finding */
	const char *tool;	   /* instead of the probe's tool */
	const char *note;
};

static const struct plant plants[] = {
	{ "mirai-1", A(192, 0, 2, 11), PROBE_MIRAI, .aim = AIM_TELNET, .per_mille = 60, .to = 30 },
	{ "mirai-2", A(192, 0, 2, 23), PROBE_MIRAI, .aim = AIM_TELNET, .per_mille = 45, .to = 30 },
	{ "mirai-3", A(192, 0, 2, 57), PROBE_MIRAI, .aim = AIM_TELNET, .per_mille = 40, .from = 4, .to = 30 },
	{ "mirai-4", A(192, 0, 2, 88), PROBE_MIRAI, .aim = AIM_TELNET, .per_mille = 35, .to = 21 },
	{ "mirai-5", A(192, 0, 2, 131), PROBE_MIRAI, .aim = AIM_TELNET, .per_mille = 25, .from = 12, .to = 30 },
	{ "mirai-6", A(192, 0, 2, 164), PROBE_MIRAI, .aim = AIM_PORT, .port = 37215, .per_mille = 20, .from = 8,
		.to = 30, .note = "a variant that keeps the mark and looks for another port" },
	{ "telnet-bot", A(192, 0, 2, 77), PROBE_TELNET, .aim = AIM_TELNET, .per_mille = 50, .to = 30 },
	{ "zmap-classic", A(198, 51, 100, 10), PROBE_ZMAP_CLASSIC, .aim = AIM_PORT, .port = 443, .per_mille = 100,
		.from = 2, .to = 17 },
	{ "zmap-new", A(198, 51, 100, 20), PROBE_ZMAP, .aim = AIM_PORT, .port = 8080, .per_mille = 100, .from = 9,
		.to = 28 },
	{ "masscan", A(198, 51, 100, 30), PROBE_MASSCAN, .aim = AIM_LIST, .per_mille = 110, .from = 5, .to = 25 },
	{ "nmap", A(198, 51, 100, 40), PROBE_NMAP, .aim = AIM_RANGE, .fixed = NMAP_PORTS, .from = 11, .to = 13,
		.note = "1,000 ports of one address" },
	{ "constant-key", A(198, 51, 100, 50), PROBE_CONSTANT, .aim = AIM_PORT, .port = 5900, .per_mille = 20,
		.from = 1, .to = 30 },
	{ "research", A(198, 51, 100, 60), PROBE_ZMAP, .aim = AIM_LIST, .research = true, .per_mille = 90, .to = 30,
		.note = "a scanner of acknowledged research" },
	{ "xmas", A(198, 51, 100, 66), PROBE_XMAS, .aim = AIM_PORT, .port = 22, .fixed = 40, .from = 6, .to = 24 },
	{ "victim", A(198, 51, 100, 80), PROBE_SYN_ACK, PROBE_RST, AIM_ANSWER, .port = 443, .per_mille = 80, .from = 10,
		.to = 22, .note = "a server under a flood of SYNs with invented sources" },
	{ "unreachable", A(198, 51, 100, 91), PROBE_UNREACH, .aim = AIM_ANSWER, .port = 80, .per_mille = 20, .from = 14,
		.to = 26,
		.note = "a router in front of a victim quotes packets that dark addresses never "
			"sent" },
	{ "dns-probe", A(192, 0, 2, 200), PROBE_UDP, .aim = AIM_PORT, .port = 53, .per_mille = 20, .to = 30,
		.note = "looks for open resolvers to amplify with" },
	{ "ntp-probe", A(192, 0, 2, 210), PROBE_UDP, .aim = AIM_PORT, .port = 123, .per_mille = 20, .from = 3, .to = 30,
		.note = "looks for time servers that answer monlist" },
	{ "ping", A(192, 0, 2, 220), PROBE_PING, .aim = AIM_PORT, .per_mille = 20, .to = 30 },
	{ "misconfigured", A(192, 0, 2, 240), PROBE_UDP, .aim = AIM_ONE, .port = 53, .per_mille = 5, .to = 30,
		.kind = "noise", .note = "asks a resolver that is no more" },
	{ "own-suspect", OWN(25), PROBE_MIRAI, .aim = AIM_TELNET, .own = true, .fixed = 40, .from = 7, .to = 29,
		.kind = "own-suspect", .tool = "mirai", .note = "an infected host of the operator's own" },
	{ "own-forged", OWN(99), PROBE_FORGED, .aim = AIM_TELNET, .own = true, .fixed = 1000, .from = 15, .to = 19,
		.kind = "own-watch", .tool = "mirai",
		.note = "somebody else writes the operator's customer into 1,000 packets: TTLs "
			"differ" },
	{ "own-attacked", OWN(80), PROBE_SYN_ACK, PROBE_RST, AIM_ANSWER, .own = true, .port = 80, .per_mille = 12,
		.from = 18, .to = 27, .kind = "own-attacked",
		.note = "the operator's server is being attacked; it is not infected" },
};
#define PLANTS (sizeof plants / sizeof *plants)
#define NOISE  PLANTS

struct event {
	int64_t ns;
	uint32_t actor;
};

static uint32_t plant_addr(const struct plant *p, const struct prefix *own)
{
	return p->own ? addr_to4(&own->addr) + p->addr : p->addr;
}

int demo_check(const struct traffic_params *p, struct err *err)
{
	char text[ADDR_TEXT_MAX];
	if (p->packets < TRAFFIC_DEMO_MIN || p->packets > TRAFFIC_DEMO_MAX)
		return err_set(err, -1, "the demo has %u to %u packets", TRAFFIC_DEMO_MIN, TRAFFIC_DEMO_MAX);
	if (!addr_is4(&p->own.addr) || p->own.bits > 96 + 25)
		return err_set(err, -1, "the demo's own range must be an IPv4 /25 or shorter");
	for (size_t i = 0; i < PLANTS; i++) {
		struct addr a = addr_from4(plant_addr(&plants[i], &p->own));
		if (prefix_holds(&p->dark, &a))
			return err_set(err, -1, "the dark prefix holds %s, the address of the actor %s",
				addr_text(text, &a), plants[i].name);
		if (!plants[i].own && prefix_holds(&p->own, &a))
			return err_set(err, -1, "the own range holds %s, the address of the actor %s",
				addr_text(text, &a), plants[i].name);
	}
	struct addr noise = addr_from4(NOISE_BASE);
	if (prefix_holds(&p->dark, &noise))
		return err_set(
			err, -1, "the dark prefix holds %s, where the noise comes from", addr_text(text, &noise));
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return (x->actor > y->actor) - (x->actor < y->actor);
}

static size_t schedule_one(struct traffic *t, struct event *events, uint32_t actor, uint64_t n)
{
	int64_t from = actor < PLANTS ? plants[actor].from * MINUTE : 0,
		to = actor < PLANTS ? plants[actor].to * MINUTE : 30 * MINUTE;
	for (uint64_t i = 0; i < n; i++) {
		events[i].ns = t->params.start_ns + from + (int64_t)random_below(&t->random, (uint64_t)(to - from));
		events[i].actor = actor;
	}
	return n;
}

/* Everybody's packets, drawn over their minutes, in order of time. What the plants leave is noise. */
static struct event *schedule(struct traffic *t)
{
	uint64_t total = t->params.packets, at = 0;
	struct event *events = mem_map(total * sizeof *events);
	for (uint32_t i = 0; i < PLANTS; i++) {
		uint64_t n = plants[i].fixed ? plants[i].fixed : total * plants[i].per_mille / 1000;
		ENSURE(at + n <= total);
		at += schedule_one(t, events + at, i, n);
	}
	schedule_one(t, events + at, NOISE, total - at);
	qsort(events, total, sizeof *events, by_time);
	return events;
}

static void plant_all(struct traffic *t, struct sender *senders)
{
	static const struct probe_row noise = { .finding = "noise" };
	for (size_t i = 0; i < PLANTS; i++) {
		const struct plant *p = &plants[i];
		struct probe_row row = *probe_row(p->probe);
		row.finding = p->kind ? p->kind : row.finding;
		row.tool = p->kind ? p->tool : row.tool;
		uint32_t addr = plant_addr(p, &t->params.own);
		struct addr a = addr_from4(addr);
		struct traffic_actor *actor = &t->actors[profile_actor(t, p->name, &row)];
		addr_text(actor->address, &a);
		actor->sources = 1;
		actor->research = p->research;
		actor->note = p->note;
		sender_init(&senders[i], p->probe, addr, &t->random);
		senders[i].port = p->port;
	}
	size_t i = profile_actor(t, "noise", &noise);
	t->actors[i].note = "lost and stray packets, at most three of each source";
}

static void aim(
	const struct traffic *t, const struct plant *p, struct sender *s, uint16_t *dport, struct profile_packet *out)
{
	uint32_t i = s->count;
	*dport = p->port;
	switch (p->aim) {
	case AIM_TELNET:
		*dport = i % 10 ? 23 : 2323;
		break;
	case AIM_LIST:
		*dport = profile_ports[i % PROFILE_PORTS];
		break;
	case AIM_RANGE:
		/* 7 and 1000 have no common divisor. */
		*dport = (uint16_t)(1 + i * 7 % NMAP_PORTS);
		i = 0;
		break;
	case AIM_ONE:
		i = 0;
		break;
	case AIM_ANSWER:
		*dport = (uint16_t)(1024 + profile_order(i, 15, s->key));
		break;
	}
	s->kind = p->second && i % 5 == 4 ? p->second : p->probe;
	out->target = profile_order(i, t->dark_bits, s->key);
	out->port = profile_port(s, *dport);
}

/* Stray packets: old worms' ports, peer-to-peer, closed services; each source at most three. */
static void stray(struct traffic *t, uint32_t i, struct frame *f, struct profile_packet *out)
{
	static const uint16_t udp[] = { 137, 1900, 6881, 30303, 27015, 5683 };
	uint32_t key = (uint32_t)t->params.seed;
	uint64_t bits = random_u64(&t->random);
	struct sender s;
	struct probe_target to;
	/* Kind and place belong to the source, so that it is the same host in all its packets. */
	uint32_t host = profile_order(i / NOISE_PACKETS, NOISE_BITS, key);
	bool is_udp = random_mix(host ^ t->params.seed) % 3 == 0;
	sender_init(&s, is_udp ? PROBE_UDP : PROBE_SYN, NOISE_BASE + host, &t->random);
	s.hops = (uint8_t)(6 + random_mix(host) % 20);
	to = (struct probe_target){ .dport = is_udp ? udp[bits % 6] : profile_ports[bits % PROFILE_PORTS] };
	out->target = bits >> 16 & (((uint64_t)1 << t->dark_bits) - 1);
	out->port = to.dport;
	to.dst = t->dark_base + (uint32_t)out->target;
	probe_build(f, &s, &to, &t->random);
	t->actors[NOISE].sources += i % NOISE_PACKETS == 0;
}

int demo_run(struct traffic *t)
{
	struct sender senders[PLANTS];
	struct frame f;
	uint32_t strays = 0;
	int rc = 0;
	plant_all(t, senders);
	struct event *events = schedule(t);
	for (uint64_t i = 0; i < t->params.packets && !rc; i++) {
		struct profile_packet p = { .actor = events[i].actor, .ns = events[i].ns };
		struct probe_target to = { 0 };
		if (p.actor == NOISE) {
			stray(t, strays++, &f, &p);
		} else {
			struct sender *s = &senders[p.actor];
			aim(t, &plants[p.actor], s, &to.dport, &p);
			to.dst = t->dark_base + (uint32_t)p.target;
			probe_build(&f, s, &to, &t->random);
			s->count++;
		}
		rc = profile_send(t, &p, &f);
	}
	mem_unmap(events, t->params.packets * sizeof *events);
	return rc;
}
