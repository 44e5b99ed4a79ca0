// SPDX-License-Identifier: Apache-2.0
/* A darknet's mix over IPv6: few sources, targets by the patterns that address plans have (low numbers, EUI-64,
 * random). */
#include "range/profile.h"

#define SENDERS 300

/* Per mille of the senders. Mirai has no IPv6; masscan's ID rule needs an IPv4 header. */
static const struct {
	uint8_t probe;
	uint16_t share;
} habits[] = {
	{ PROBE_ZMAP_CLASSIC, 150 },
	{ PROBE_ZMAP, 250 },
	{ PROBE_NMAP, 60 },
	{ PROBE_SYN, 150 },
	{ PROBE_UDP, 120 },
	{ PROBE_PING, 120 },
	{ PROBE_SYN_ACK, 80 },
	{ PROBE_RST, 30 },
	{ PROBE_UNREACH, 40 },
};
#define HABITS (sizeof habits / sizeof *habits)

struct sender6 {
	struct sender s;
	uint8_t addr[16];
	uint8_t pattern;
};

/* Documentation space (RFC 9637) for the senders. */
static void make_address(uint8_t out[16], uint64_t high, uint64_t low)
{
	store_be32(out, 0x3fff0000);
	store_be32(out + 4, (uint32_t)high);
	store_be32(out + 8, (uint32_t)(low >> 32));
	store_be32(out + 12, (uint32_t)low);
}

static void make_senders(struct traffic *t, struct sender6 *senders, size_t actor[PROBE_N])
{
	static const uint16_t answer_ports[] = { 80, 443, 53, 22 };
	size_t h = 0, until = habits[0].share;
	for (size_t i = 0; i < HABITS; i++)
		actor[habits[i].probe] = profile_actor(t, probe_row(habits[i].probe)->name, probe_row(habits[i].probe));
	for (size_t i = 0; i < SENDERS; i++) {
		struct sender6 *x = &senders[i];
		if (i * 1000 >= until * SENDERS)
			until += habits[++h].share;
		sender_init(&x->s, habits[h].probe, 0, &t->random);
		uint64_t site = random_below(&t->random, 65536), host = random_u64(&t->random);
		make_address(x->addr, i << 16 | site, host);
		x->pattern = (uint8_t)random_below(&t->random, 3);
		x->s.port = profile_ports[random_below(&t->random, PROFILE_PORTS)];
		if (x->s.kind == PROBE_UDP)
			x->s.port = i % 2 ? 53 : 161;
		else if (probe_row(x->s.kind)->answers)
			x->s.port = answer_ports[i % 4];
	}
}

/* The interface identifier by the sender's pattern; what lies between prefix and it is a subnet number. */
static void target(struct traffic *t, const struct sender6 *x, uint8_t dst[16])
{
	uint64_t bits = random_u64(&t->random), place = profile_order(x->s.count, 24, x->s.key);
	unsigned dark = t->params.dark.bits;
	uint64_t subnet = dark < 64 ? (place >> 8) & (((uint64_t)1 << (64 - dark > 16 ? 16 : 64 - dark)) - 1) : 0;
	memcpy(dst, t->params.dark.addr.b, 16);
	uint64_t high = load_be64(dst) | subnet, low = 1 + (place & 0xff);
	if (x->pattern == 1)
		low = 0x020000fffe000000 | (bits & 0xffffff) | (bits >> 24 & 0xffff) << 40;
	else if (x->pattern == 2)
		low = bits;
	store_be32(dst, (uint32_t)(high >> 32));
	store_be32(dst + 4, (uint32_t)high);
	store_be32(dst + 8, (uint32_t)(low >> 32));
	store_be32(dst + 12, (uint32_t)low);
}

int scan6_run(struct traffic *t)
{
	struct sender6 senders[SENDERS];
	size_t actor[PROBE_N] = { 0 };
	struct frame f;
	int rc = 0;
	make_senders(t, senders, actor);
	for (uint64_t i = 0; i < t->params.packets && !rc; i++) {
		/* The smaller of two draws gives a head and a tail. */
		uint64_t a = random_below(&t->random, SENDERS), b = random_below(&t->random, SENDERS);
		struct sender6 *x = &senders[(a < b ? a : b) * 7 % SENDERS];
		uint8_t dst[16], quoted[16];
		struct probe_target to = { .dport = x->s.port, .src6 = x->addr, .dst6 = dst, .quoted6 = quoted };
		target(t, x, dst);
		make_address(quoted, 0xfeed0000, x->s.key);
		if (probe_row(x->s.kind)->answers)
			to.dport = (uint16_t)(1024 + random_below(&t->random, 64512));
		struct profile_packet p = {
			.actor = actor[x->s.kind], .ns = profile_time(t, i), .target = load_be16(dst + 14)
		};
		p.port = profile_port(&x->s, to.dport);
		probe_build(&f, &x->s, &to, &t->random);
		t->actors[p.actor].sources += x->s.count++ == 0;
		rc = profile_send(t, &p, &f);
	}
	return rc;
}
