// SPDX-License-Identifier: Apache-2.0
/* range: traffic.c with its senders in mix.c, probe.c and scan6.c, frames by frame.c. */
#include "range/traffic.h"

#include "wire/packet.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#define PACKETS 30000
#define HOUR	((int64_t)3600 * 1000000000)

struct seen {
	uint64_t n, hash, bad_sums, wrong_order, outside;
	int64_t last_ns, first_ns;
	size_t shortest, longest;
	struct prefix dark;
	struct packet *packets; /* decoded, with copies of nothing: only plain fields are looked at */
	int64_t *times;
	size_t keep;
};

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return s;
}

static bool zero(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s == 0xffff;
}

/* All checksums as a receiver would check them. */
static bool sums_hold(struct bytes frame, const struct packet *p)
{
	const uint8_t *ip = frame.p + 14;
	bool six = p->layer == LAYER_IP6;
	size_t head = six ? 40 : 20, n = p->ip_len - head;
	uint32_t pseudo = six ? sum(ip + 8, 32, 0) : sum(ip + 12, 8, 0);
	if (p->proto == PROTO_ICMP)
		pseudo = 0;
	else
		pseudo += p->proto + (uint32_t)n;
	return (six || zero(sum(ip, 20, 0))) && zero(sum(ip + head, n, pseudo));
}

static int look(void *arg, int64_t ns, struct bytes frame)
{
	struct seen *s = arg;
	struct packet p;
	packet_decode(LINK_ETHERNET, frame, &p);
	for (size_t i = 0; i < frame.n; i++)
		s->hash = (s->hash ^ frame.p[i]) * 0x100000001b3;
	s->hash = (s->hash ^ (uint64_t)ns) * 0x100000001b3;
	struct addr dst = p.layer == LAYER_IP6 ? addr_from6(p.dst6) : addr_from4(p.dst4);
	s->outside += !prefix_holds(&s->dark, &dst);
	s->bad_sums += (p.layer != LAYER_IP4 && p.layer != LAYER_IP6) || p.cls >= CLASS_OTHER || !sums_hold(frame, &p);
	s->wrong_order += s->n && ns < s->last_ns;
	if (!s->n) {
		s->first_ns = ns;
		s->shortest = frame.n;
	}
	s->shortest = frame.n < s->shortest ? frame.n : s->shortest;
	s->longest = frame.n > s->longest ? frame.n : s->longest;
	s->last_ns = ns;
	if (s->n < s->keep) {
		s->packets[s->n] = p;
		s->times[s->n] = ns;
	}
	s->n++;
	return 0;
}

static struct traffic *generate(struct traffic_params params, struct seen *s)
{
	struct err err = {};
	struct traffic *t = traffic_new(&params, &err);
	if (!t)
		fail_msg("%s", err.text);
	s->hash = 0xcbf29ce484222325;
	s->dark = params.dark;
	assert_int_equal(traffic_run(t, look, s), 0);
	return t;
}

static void seen_keep(struct seen *s, size_t n)
{
	s->packets = malloc(n * sizeof *s->packets);
	s->times = malloc(n * sizeof *s->times);
	s->keep = n;
}

static void seen_drop(struct seen *s)
{
	free(s->packets);
	free(s->times);
}

/* Every profile: exactly as many packets as asked for, in order, all checksums right, all into the dark; a seed is the
 * bytes. */
static void every_profile(void **state)
{
	for (int i = 0; i < TRAFFIC_PROFILE_N; i++) {
		struct traffic_params params;
		struct seen a = { 0 }, b = { 0 }, c = { 0 };
		traffic_params_init(&params, i);
		params.packets = PACKETS;
		traffic_free(generate(params, &a));
		traffic_free(generate(params, &b));
		params.seed = 2;
		traffic_free(generate(params, &c));
		const char *name = traffic_profile_name(i);
		if (a.n != PACKETS || a.bad_sums || a.wrong_order || a.outside)
			fail_msg("%s: %" PRIu64 " packets, %" PRIu64 " bad sums, %" PRIu64 " out of order, %" PRIu64
				 " outside",
				name, a.n, a.bad_sums, a.wrong_order, a.outside);
		if (a.hash != b.hash)
			fail_msg("%s: the same seed gave other bytes", name);
		if (a.hash == c.hash)
			fail_msg("%s: another seed gave the same bytes", name);
		if (a.shortest != (i == TRAFFIC_IP6 ? 74 : 60) || a.first_ns < params.start_ns)
			fail_msg("%s: shortest frame %zu, first at %" PRId64, name, a.shortest, a.first_ns);
		assert_int_equal(traffic_profile_find(name), i);
	}
	assert_int_equal(traffic_profile_find("worse"), -1);
}

/* The same on every machine: a change of these numbers changes every generated capture, so it must be meant. */
static void bytes_are_fixed(void **state)
{
	static const struct {
		enum traffic_profile profile;
		uint64_t want;
	} cases[] = {
		{ TRAFFIC_WORST, 0x8511eb7980f8c23c },
		{ TRAFFIC_DEMO, 0x444507f6b573dc3a },
		{ TRAFFIC_IP6, 0xa81d70b66d6936f4 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct traffic_params params;
		struct seen s = { 0 };
		traffic_params_init(&params, cases[i].profile);
		params.packets = PACKETS;
		traffic_free(generate(params, &s));
		if (s.hash != cases[i].want)
			fail_msg("%s: 0x%016" PRIx64, traffic_profile_name(cases[i].profile), s.hash);
	}
}

/* Which tool's mark a packet carries, by the published rules, as bits. */
enum { M_MIRAI = 1, M_ID = 2, M_ZMAP = 4, M_MASSCAN = 8, M_NMAP = 16 };

static unsigned marks(const struct packet *p)
{
	static const uint8_t windows[] = { 2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2 }, mss[] = { 2, 4, 5, 0xb4 };
	unsigned m = 0;
	if (p->proto == PROTO_TCP && p->ip_id == (uint16_t)(p->dst4 ^ p->dport ^ p->seq))
		m |= M_MASSCAN;
	if (p->ip_id == 54321)
		m |= M_ID;
	if (p->cls != CLASS_TCP_SYN)
		return m;
	if (p->seq == p->dst4)
		m |= M_MIRAI;
	if (p->window == 65535 && !p->dont_fragment && p->options.n == sizeof windows &&
		!memcmp(p->options.p, windows, sizeof windows))
		m |= M_ZMAP;
	if (p->window == 1024 && !p->dont_fragment && p->options.n == sizeof mss &&
		!memcmp(p->options.p, mss, sizeof mss))
		m |= M_NMAP;
	return m;
}

static const struct traffic_actor *actor(const struct traffic *t, const char *name, size_t *index)
{
	const struct traffic_actor *a;
	size_t n = traffic_actors(t, &a);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(a[i].name, name)) {
			*index = i;
			return &a[i];
		}
	}
	fail_msg("no actor %s", name);
	return NULL;
}

struct tally {
	uint64_t n, targets, ports, marked[5], syns, resets, acks, to_2323;
	uint32_t seqs, sports; /* changes of the value */
	int ttl_min, ttl_max;
	int64_t first_ns, last_ns;
	uint8_t target_set[65536], port_set[65536];
};

/* What a receiver counts of one source. Options live in frames that are gone, so marks were taken when the frame was
 * there. */
struct marked {
	struct seen seen;
	uint8_t *marks;
};

static int look_marked(void *arg, int64_t ns, struct bytes frame)
{
	struct marked *m = arg;
	struct packet p;
	packet_decode(LINK_ETHERNET, frame, &p);
	m->marks[m->seen.n] = (uint8_t)marks(&p);
	return look(&m->seen, ns, frame);
}

static void tally(const struct marked *m, uint32_t src, bool answers, struct tally *t)
{
	uint32_t seq = 0;
	uint16_t sport = 0;
	memset(t, 0, sizeof *t);
	t->ttl_min = 255;
	for (size_t i = 0; i < m->seen.n; i++) {
		const struct packet *p = &m->seen.packets[i];
		if (p->src4 != src)
			continue;
		if (!t->n++)
			t->first_ns = m->seen.times[i];
		t->last_ns = m->seen.times[i];
		for (int k = 0; k < 5; k++)
			t->marked[k] += m->marks[i] >> k & 1;
		t->targets += !t->target_set[p->dst4 & 0xffff];
		t->target_set[p->dst4 & 0xffff] = 1;
		if (p->proto == PROTO_TCP || p->proto == PROTO_UDP) {
			uint8_t *port = &t->port_set[answers ? p->sport : p->dport];
			t->ports += !*port;
			*port = 1;
		}
		t->ttl_min = p->ttl < t->ttl_min ? p->ttl : t->ttl_min;
		t->ttl_max = p->ttl > t->ttl_max ? p->ttl : t->ttl_max;
		t->to_2323 += p->dport == 2323;
		t->syns += p->cls == CLASS_TCP_SYN;
		t->acks += p->cls == CLASS_TCP_SYN_ACK;
		t->resets += p->cls == CLASS_TCP_RST;
		t->seqs += p->seq != seq;
		t->sports += p->sport != sport;
		seq = p->seq;
		sport = p->sport;
	}
}

/* `all`: marks of every packet; TTL: spread of what arrives. */
static const struct {
	const char *name, *address;
	unsigned all;
	int ttl_spread;
	uint64_t fixed;
	bool answers;
} planted[] = {
	{ "mirai-1", "192.0.2.11", M_MIRAI, 0, 0, false },
	{ "mirai-6", "192.0.2.164", M_MIRAI, 0, 0, false },
	{ "telnet-bot", "192.0.2.77", 0, 0, 0, false },
	{ "zmap-classic", "198.51.100.10", M_ID, 0, 0, false },
	{ "zmap-new", "198.51.100.20", M_ZMAP, 0, 0, false },
	{ "masscan", "198.51.100.30", M_MASSCAN, 0, 0, false },
	{ "nmap", "198.51.100.40", M_NMAP, 23, 1000, false },
	{ "constant-key", "198.51.100.50", 0, 0, 0, false },
	{ "research", "198.51.100.60", M_ZMAP, 0, 0, false },
	{ "xmas", "198.51.100.66", 0, 0, 40, false },
	{ "victim", "198.51.100.80", 0, 0, 0, true },
	{ "unreachable", "198.51.100.91", 0, 0, 0, true },
	{ "dns-probe", "192.0.2.200", 0, 0, 0, false },
	{ "ntp-probe", "192.0.2.210", 0, 0, 0, false },
	{ "own-suspect", "203.0.113.25", M_MIRAI, 0, 40, false },
	{ "own-forged", "203.0.113.99", M_MIRAI, 219, 1000, false },
	{ "own-attacked", "203.0.113.80", 0, 0, 0, true },
};

static struct traffic *generate_demo(struct marked *m)
{
	struct traffic_params params;
	traffic_params_init(&params, TRAFFIC_DEMO);
	struct traffic *t = traffic_new(&params, NULL);
	assert_non_null(t);
	m->seen.dark = params.dark;
	seen_keep(&m->seen, 60000);
	m->marks = calloc(60000, 1);
	assert_int_equal(traffic_run(t, look_marked, m), 0);
	assert_int_equal(m->seen.n, 60000);
	return t;
}

static void same_counts(const struct traffic *t, size_t index, const struct traffic_actor *a, const struct tally *c)
{
	if (c->n != a->packets || c->targets != a->targets || c->ports != a->ports || c->first_ns != a->first_ns ||
		c->last_ns != a->last_ns)
		fail_msg("%s: counted %" PRIu64 " packets %" PRIu64 " targets %" PRIu64 " ports, truth %" PRIu64
			 " %" PRIu64 " %" PRIu64,
			a->name, c->n, c->targets, c->ports, a->packets, a->targets, a->ports);
	for (unsigned port = 0; port < 65536; port++)
		if (traffic_actor_port(t, index, (uint16_t)port) != (c->port_set[port] != 0))
			fail_msg("%s: port %u", a->name, port);
}

/* The truth is what a receiver counts, and the marks are those of the tools. */
static void truth_is_true(void **state)
{
	struct marked m = { 0 };
	struct traffic *t = generate_demo(&m);
	struct tally *c = malloc(sizeof *c);
	for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
		size_t index = 0;
		const struct traffic_actor *a = actor(t, planted[i].name, &index);
		struct addr addr;
		assert_int_equal(addr_parse(planted[i].address, &addr, NULL), 0);
		assert_string_equal(a->address, planted[i].address);
		tally(&m, addr_to4(&addr), planted[i].answers, c);
		same_counts(t, index, a, c);
		if (!c->n || (planted[i].fixed && c->n != planted[i].fixed))
			fail_msg("%s: %" PRIu64 " packets", a->name, c->n);
		for (int k = 0; k < 5; k++)
			if (planted[i].all >> k & 1 ? c->marked[k] != c->n : c->marked[k] > 2)
				fail_msg("%s: mark %d on %" PRIu64 " of %" PRIu64, a->name, k, c->marked[k], c->n);
		if (c->ttl_max - c->ttl_min != planted[i].ttl_spread)
			fail_msg("%s: TTL %d..%d", a->name, c->ttl_min, c->ttl_max);
	}
	free(c);
	seen_drop(&m.seen);
	free(m.marks);
	traffic_free(t);
}

/* What the marks don't say: shapes of each actor. */
static void demo_shapes(void **state)
{
	struct marked m = { 0 };
	struct traffic *t = generate_demo(&m);
	struct tally *c = malloc(sizeof *c);
	tally(&m, 0xc000020b, false, c); /* mirai-1: nine to one */
	assert_int_equal(c->ports, 2);
	assert_true(c->port_set[23] && c->port_set[2323]);
	assert_in_range(c->to_2323 * 10, c->n - 10, c->n + 10);
	tally(&m, 0xc6336428, false, c); /* nmap: one seq, one source port, one target */
	assert_int_equal(c->seqs, 1);
	assert_int_equal(c->sports, 1);
	assert_int_equal(c->targets, 1);
	assert_int_equal(c->ports, 1000);
	tally(&m, 0xc6336450, true, c); /* victim: SYN-ACKs and resets of one port to many */
	assert_int_equal(c->syns, 0);
	assert_int_equal(c->acks + c->resets, c->n);
	assert_true(c->resets * 4 <= c->acks + 4 && c->resets > c->n / 6 && c->targets > 3000);
	for (size_t i = 0, n = 0; i < m.seen.n; i++) { /* constant-key */
		static uint32_t key;
		const struct packet *p = &m.seen.packets[i];
		uint32_t k = p->seq ^ p->dst4 ^ ((uint32_t)p->dport << 16 | p->sport);
		if (p->src4 == 0xc6336432) {
			assert_true(n++ == 0 || k == key);
			key = k;
		}
	}
	tally(&m, 0xcb007119, false, c); /* own suspect */
	assert_true(c->n >= 3 && c->targets >= 2 && c->ttl_max - c->ttl_min <= 2);
	free(c);
	seen_drop(&m.seen);
	free(m.marks);
	traffic_free(t);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, 24);
}

static uint64_t distinct_keys(const struct seen *s)
{
	uint8_t(*keys)[24] = calloc(s->n, sizeof *keys);
	uint64_t distinct = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct packet *p = &s->packets[i];
		store_be32(keys[i], (uint32_t)(s->times[i] / 60000000000));
		store_be32(keys[i] + 4, p->src4);
		store_be32(keys[i] + 8, p->dst4);
		store_be16(keys[i] + 12, p->sport);
		store_be16(keys[i] + 14, p->dport);
		keys[i][16] = p->proto;
		keys[i][17] = p->ttl;
		keys[i][18] = p->tcp_flags;
		store_be16(keys[i] + 20, p->ip_len);
	}
	qsort(keys, s->n, sizeof *keys, by_key);
	for (size_t i = 0; i < s->n; i++)
		distinct += i == 0 || memcmp(keys[i], keys[i - 1], sizeof *keys) != 0;
	free(keys);
	return distinct;
}

/* `worst` hardly repeats a flow, `repeat` has about 20 packets in each; both keep to the shares. */
static void worst_and_repeat(void **state)
{
	enum { N = 400000 };
	for (int i = 0; i < 2; i++) {
		struct traffic_params params;
		struct seen s = { 0 };
		traffic_params_init(&params, i ? TRAFFIC_REPEAT : TRAFFIC_WORST);
		params.packets = N;
		seen_keep(&s, N);
		struct traffic *t = generate(params, &s);
		uint64_t keys = distinct_keys(&s);
		if (i ? keys < N / 22 || keys > N / 18 : keys < N * 0.995)
			fail_msg("%s: %" PRIu64 " keys", traffic_profile_name(params.profile), keys);
		assert_true(s.longest <= 74);
		size_t index;
		assert_in_range(actor(t, "mirai", &index)->packets, N * 0.22, N * 0.26);
		assert_in_range(actor(t, "masscan", &index)->packets, N * 0.095, N * 0.125);
		assert_in_range(actor(t, "syn-ack", &index)->packets, N * 0.075, N * 0.105);
		assert_int_equal(s.times[N - 1] / 600000000000, params.start_ns / 600000000000);
		traffic_free(t);
		seen_drop(&s);
	}
}

static void times(void **state)
{
	struct traffic_params params;
	struct seen s = { 0 };
	traffic_params_init(&params, TRAFFIC_SPARSE);
	traffic_free(generate(params, &s));
	assert_int_equal(s.n, 240);
	assert_int_equal(s.last_ns - s.first_ns, 239 * HOUR);
	s = (struct seen){ 0 };
	traffic_params_init(&params, TRAFFIC_JUMP);
	params.packets = 1000;
	traffic_free(generate(params, &s));
	assert_in_range((s.last_ns - s.first_ns) / HOUR / 24, 3652, 3653);
}

static int stop_at_ten(void *arg, int64_t ns, struct bytes frame)
{
	return ++*(int *)arg == 10 ? -7 : 0;
}

static void emit_can_stop(void **state)
{
	for (int i = 0; i < TRAFFIC_PROFILE_N; i++) {
		struct traffic_params params;
		int n = 0;
		traffic_params_init(&params, i);
		struct traffic *t = traffic_new(&params, NULL);
		assert_int_equal(traffic_run(t, stop_at_ten, &n), -7);
		assert_int_equal(n, 10);
		traffic_free(t);
	}
}

static const struct {
	const char *name;
	enum traffic_profile profile;
	const char *dark, *own;
	uint64_t packets;
	int64_t start_ns;
	bool good;
} limits[] = {
	{ "a /24", TRAFFIC_DEMO, "198.18.7.0/24", "203.0.113.0/24", 60000, 0, true },
	{ "the largest", TRAFFIC_WORST, "10.0.0.0/8", "203.0.113.0/24", 10, 0, true },
	{ "one address", TRAFFIC_WORST, "10.0.0.1", "203.0.113.0/24", 10, 0, true },
	{ "too large", TRAFFIC_WORST, "10.0.0.0/7", "203.0.113.0/24", 10, 0, false },
	{ "IPv6 where IPv4 is needed", TRAFFIC_WORST, "2001:db8::/32", "203.0.113.0/24", 10, 0, false },
	{ "IPv4 where IPv6 is needed", TRAFFIC_IP6, "10.0.0.0/8", "203.0.113.0/24", 10, 0, false },
	{ "IPv6 /64", TRAFFIC_IP6, "2001:db8::/64", "203.0.113.0/24", 10, 0, true },
	{ "IPv6 /65", TRAFFIC_IP6, "2001:db8::/65", "203.0.113.0/24", 10, 0, false },
	{ "an actor in the dark", TRAFFIC_DEMO, "198.51.100.0/24", "203.0.113.0/24", 60000, 0, false },
	{ "noise in the dark", TRAFFIC_DEMO, "198.18.0.0/15", "203.0.113.0/24", 60000, 0, false },
	{ "an actor in the own range", TRAFFIC_DEMO, "198.18.0.0/16", "192.0.2.0/24", 60000, 0, false },
	{ "own range too small", TRAFFIC_DEMO, "198.18.0.0/16", "203.0.113.0/26", 60000, 0, false },
	{ "too few for the demo", TRAFFIC_DEMO, "198.18.0.0/16", "203.0.113.0/24", TRAFFIC_DEMO_MIN - 1, 0, false },
	{ "just enough", TRAFFIC_DEMO, "198.18.0.0/16", "203.0.113.0/24", TRAFFIC_DEMO_MIN, 0, true },
	{ "too many", TRAFFIC_WORST, "10.0.0.0/8", "203.0.113.0/24", (uint64_t)TRAFFIC_PACKETS_MAX + 1, 0, false },
	{ "before 1970", TRAFFIC_WORST, "10.0.0.0/8", "203.0.113.0/24", 10, -1, false },
	{ "beyond 2106", TRAFFIC_JUMP, "10.0.0.0/8", "203.0.113.0/24", 10, (int64_t)4294967000 * 1000000000, false },
	{ "sparse beyond 2106", TRAFFIC_SPARSE, "10.0.0.0/8", "203.0.113.0/24", 2000000, 0, false },
};

static void parameters(void **state)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct traffic_params params;
		struct seen s = { 0 };
		struct err err = {};
		traffic_params_init(&params, limits[i].profile);
		params.packets = limits[i].packets;
		params.start_ns = limits[i].start_ns;
		if (prefix_parse(limits[i].dark, &params.dark, NULL))
			params.dark = (struct prefix){ addr_from4(0x0a000000), 103 };
		assert_int_equal(prefix_parse(limits[i].own, &params.own, NULL), 0);
		struct traffic *t = traffic_new(&params, &err);
		if (!t != !limits[i].good || !*err.text != limits[i].good)
			fail_msg("%s: %s", limits[i].name, err.text);
		if (t) {
			s.dark = params.dark;
			assert_int_equal(traffic_run(t, look, &s), 0);
			assert_int_equal(s.outside, 0);
		}
		traffic_free(t);
	}
}

static void truth_json(void **state)
{
	struct traffic_params params;
	struct seen s = { 0 };
	char *text = NULL;
	size_t n = 0;
	traffic_params_init(&params, TRAFFIC_DEMO);
	struct traffic *t = generate(params, &s);
	FILE *f = open_memstream(&text, &n);
	traffic_truth(t, f);
	fclose(f);
	assert_non_null(strstr(text, "\"profile\":\"demo\""));
	assert_non_null(strstr(text, "\"name\":\"own-forged\",\"address\":\"203.0.113.99\","
				     "\"kind\":\"own-watch\",\"tool\":\"mirai\""));
	assert_non_null(strstr(text, "\"packets\":1000"));
	free(text);
	traffic_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_profile),
		cmocka_unit_test(bytes_are_fixed),
		cmocka_unit_test(truth_is_true),
		cmocka_unit_test(demo_shapes),
		cmocka_unit_test(worst_and_repeat),
		cmocka_unit_test(times),
		cmocka_unit_test(emit_can_stop),
		cmocka_unit_test(parameters),
		cmocka_unit_test(truth_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
