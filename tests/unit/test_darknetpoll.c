// SPDX-License-Identifier: Apache-2.0
/*
 * With darknet/compact.c, which takes back what is over.
 * darknet_poll(), darknet_known(): what is told minute by minute is in the end what darknet_finish() concludes from the
 * same records, and memory follows what is open.
 */
#include "analysis/darknet/darknet.h"
#include "base/idmap.h"
#include "base/random.h"
#include "range/traffic.h"
#include "sensor/telescope/telescope.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEC  ((int64_t)1000000000)
#define T0   (1767225600 * SEC)
#define DARK 0xc6120000u /* 198.18.0.0 */
#define OWN  0xcb007100u /* 203.0.113.0 */
#define MAX  65536

/* The last state of every id. */
struct book {
	struct {
		char id[33];
		char *text;
		enum darknet_news news;
		struct finding *f;
	} v[MAX];
	size_t n;
	bool afresh;  /* ids may be known from an earlier life */
	bool shrinks; /* ordinary traffic: an own address's probes count no more when their target answers */
};

static char *json_of(const struct finding *f)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct json j;
	json_init(&j, out);
	finding_json(&j, NULL, f);
	json_line(&j);
	fclose(out);
	return text;
}

static void told(void *arg, const struct finding *f, enum darknet_news news)
{
	struct book *b = arg;
	size_t i = 0;
	while (i < b->n && strcmp(b->v[i].id, f->id) != 0)
		i++;
	assert_true(i < MAX);
	if (i == b->n) {
		b->n++;
		strcpy(b->v[i].id, f->id);
		assert_true(b->afresh || news == DARKNET_NEW || news == DARKNET_ENDED);
	} else if (news == DARKNET_CHANGED) {
		/* Never the same twice. */
		char *text = json_of(f);
		assert_string_not_equal(text, b->v[i].text);
		assert_true(b->shrinks || f->packets >= b->v[i].f->packets);
		free(text);
	}
	free(b->v[i].text);
	b->v[i].text = json_of(f);
	b->v[i].news = news;
	b->v[i].f = b->v[i].f ? b->v[i].f : malloc(sizeof *f);
	*b->v[i].f = *f;
}

static void concluded(void *arg, const struct finding *f)
{
	told(arg, f, DARKNET_ENDED);
}

static struct book *book_new(void)
{
	return calloc(1, sizeof(struct book));
}

static void book_free(struct book *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->v[i].text);
		free(b->v[i].f);
	}
	free(b);
}

static const char *find(const struct book *b, const char *id)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->v[i].id, id) == 0 && b->v[i].news != DARKNET_WITHDRAWN)
			return b->v[i].text;
	return NULL;
}

/* The same ids with the same last states. */
static void same(const struct book *want, const struct book *got, const char *what)
{
	for (size_t i = 0; i < want->n; i++) {
		const char *text = find(got, want->v[i].id);
		if (!text || strcmp(text, want->v[i].text) != 0) {
			fprintf(stderr, "wanted %s\ngot %s\n", want->v[i].text, text ? text : "nothing");
			fail_msg("%s", what);
		}
	}
	for (size_t i = 0; i < got->n; i++)
		if (got->v[i].news != DARKNET_WITHDRAWN && !find(want, got->v[i].id))
			fail_msg("%s: nobody wanted %s", what, got->v[i].text);
}

static struct darknet *start(bool dark, bool own, int64_t max_idle_ns, uint64_t seed)
{
	static struct darknet_dark space = { .from_ns = INT64_MIN, .to_ns = INT64_MAX };
	static struct prefix mine;
	struct darknet_params p = { .seed = seed, .max_idle_ns = max_idle_ns, .timeout_ns = 1230 * SEC };
	assert_int_equal(prefix_parse("198.18.0.0/16", &space.prefix, NULL), 0);
	assert_int_equal(prefix_parse("203.0.113.0/24", &mine, NULL), 0);
	p.dark = &space;
	p.n_dark = dark;
	p.own = &mine;
	p.n_own = own;
	return darknet_new(&p);
}

/* The same records for two analyses: one concludes at the end, the other is polled each minute. */
struct pair {
	struct darknet *once, *polled;
	struct book *want, *got;
	size_t max, polls, most_open, most_memory;
	int64_t now;
};

static void pair_init(struct pair *p, bool dark, size_t max)
{
	*p = (struct pair){ .once = start(dark, true, 0, 1),
		.polled = start(dark, true, 0, 99),
		.want = book_new(),
		.got = book_new(),
		.max = max };
	p->got->shrinks = !dark;
}

static void poll_pair(struct pair *p, int64_t now)
{
	size_t n = darknet_poll(p->polled, now, p->max, told, p->got), memory = darknet_memory(p->polled);
	assert_true(!p->max || n <= p->max);
	p->polls++;
	p->now = now;
	p->most_open = darknet_open(p->polled) > p->most_open ? darknet_open(p->polled) : p->most_open;
	p->most_memory = memory > p->most_memory ? memory : p->most_memory;
}

static void pair_end(struct pair *p, const char *what)
{
	for (int turn = 0; turn < 100000 && darknet_waiting(p->polled); turn++)
		poll_pair(p, p->now);
	darknet_finish(p->once, concluded, p->want);
	assert_true(p->want->n > 0);
	same(p->want, p->got, what);
	assert_true(darknet_refused(p->polled) == 0);
	darknet_free(p->once);
	darknet_free(p->polled);
	book_free(p->want);
	book_free(p->got);
}

static void on_flow(void *arg, const struct flow *f, bool late)
{
	struct pair *p = arg;
	(late ? darknet_late : darknet_flow)(p->once, f);
	(late ? darknet_late : darknet_flow)(p->polled, f);
}

static void on_source(void *arg, const struct source *s)
{
	struct pair *p = arg;
	darknet_source(p->once, s);
	darknet_source(p->polled, s);
}

static void on_minute(void *arg, int64_t minute_ns)
{
	struct pair *p = arg;
	darknet_minute(p->once);
	darknet_minute(p->polled);
	poll_pair(p, minute_ns + MINUTE_NS);
}

static void on_packet(void *arg, const struct packet *k, int64_t ns)
{
	struct pair *p = arg;
	struct finding_sample s = { .ns = ns,
		.src = flow_packet_src(k),
		.dst = flow_packet_dst(k),
		.sport = k->sport,
		.dport = k->dport,
		.proto = k->proto,
		.head_len = 4,
		.head = "head" };
	struct darknet *both[] = { p->once, p->polled };
	for (int i = 0; i < 2; i++)
		if (darknet_wants_sample(both[i], &s.src, &s.dst, s.dport))
			darknet_sample(both[i], &s);
}

static int feed(void *arg, int64_t ns, struct bytes frame)
{
	struct capfile_record r = {
		.data = frame, .wire_len = (uint32_t)frame.n, .linktype = LINK_ETHERNET, .time_ns = ns, .has_time = true
	};
	telescope_add(arg, &r, 1);
	return 0;
}

/* The demo's half hour is shorter than any timeout. */
static void demo(void **state)
{
	static const struct {
		const char *name;
		bool dark;
		size_t max;
		uint64_t seed;
	} cases[] = {
		{ "dark space", true, 0, 1 },
		{ "dark space, another seed", true, 0, 77 },
		{ "dark space, three a minute", true, 3, 2 },
		{ "ordinary traffic", false, 0, 1 },
		{ "ordinary traffic, three a minute", false, 3, 2 },
	};
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct pair p;
		struct traffic_params tp;
		struct err err = { "" };
		pair_init(&p, cases[c].dark, cases[c].max);
		traffic_params_init(&tp, TRAFFIC_DEMO);
		tp.seed = cases[c].seed;
		tp.packets = TRAFFIC_DEMO_MIN;
		struct traffic *t = traffic_new(&tp, &err);
		assert_non_null(t);
		struct telescope_params sp = { .seed = 3,
			.sink = { .arg = &p,
				.flow = on_flow,
				.source = on_source,
				.minute = on_minute,
				.packet = on_packet } };
		struct telescope *s = telescope_new(&sp);
		assert_int_equal(traffic_run(t, feed, s), 0);
		telescope_flush(s);
		assert_true(p.polls >= 30);
		pair_end(&p, cases[c].name);
		telescope_free(s);
		traffic_free(t);
	}
}

static struct flow make(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport, int64_t ns)
{
	return (struct flow){ .src = addr_from4(src),
		.dst = addr_from4(dst),
		.sport = sport,
		.dport = dport,
		.proto = PROTO_TCP,
		.ttl = 50,
		.tcp_flags = TCP_SYN,
		.cls = CLASS_TCP_SYN,
		.ip_len = 40,
		.packets = 1,
		.bytes = 40,
		.first_ns = ns,
		.last_ns = ns };
}

/* A random packet to or within a small world: scans, answers, stealth packets, own addresses. */
static struct flow invent(struct random *r, int64_t ns, bool dark, uint32_t world)
{
	uint32_t src = random_below(r, 20) == 0 ? OWN + (uint32_t)random_below(r, 4)
						: 0x0a000000u + world + (uint32_t)random_below(r, 12);
	uint32_t dst = (dark ? DARK : 0x08080000u) + (uint32_t)random_below(r, 40);
	struct flow f = make(src, dst, (uint16_t)(40000 + random_below(r, 3)), (uint16_t)(20 + random_below(r, 5)), ns);
	switch (random_below(r, 8)) {
	case 0:
		f.cls = CLASS_TCP_SYN_ACK;
		f.tcp_flags = TCP_SYN | TCP_ACK;
		if (!dark) {
			f.src = addr_from4(dst);
			f.dst = addr_from4(src);
			f.sport = f.dport;
			f.dport = 40000;
		}
		break;
	case 1:
		f.cls = CLASS_TCP_OTHER;
		f.tcp_flags = random_below(r, 2) ? 0 : TCP_FIN | TCP_PSH | TCP_URG;
		break;
	case 2:
		f.cls = CLASS_UDP;
		f.proto = PROTO_UDP;
		f.tcp_flags = 0;
		f.tags = FLOW_PROBE;
		break;
	default:
		f.tags = addr_to4(&f.src) % 3 == 0 ? FLOW_MIRAI : 0;
		break;
	}
	f.packets = 1 + random_below(r, 3);
	return f;
}

static void both_flow(struct pair *p, const struct flow *f)
{
	darknet_flow(p->once, f);
	darknet_flow(p->polled, f);
	if (f->tags & FLOW_MIRAI) {
		struct source s = {
			.addr = f->src, .first_ns = f->first_ns, .last_ns = f->last_ns, .packets = f->packets
		};
		s.marks[MARK_MIRAI] = (uint32_t)f->packets;
		on_source(p, &s);
	}
}

/* Bursts with silences between them, longer and shorter than the timeout: the same ids, the same final counts. */
static void silences(void **state)
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		bool dark = seed % 4 != 3;
		struct pair p;
		struct random r;
		char name[64];
		int64_t minute = T0;
		random_init(&r, seed);
		pair_init(&p, dark, seed % 3 == 0 ? 2 : 0);
		for (int burst = 0; burst < 12; burst++) {
			for (int m = 0; m < 10; m++, minute += MINUTE_NS) {
				for (size_t k = random_below(&r, 30); k > 0; k--) {
					/* No two at the same time: TCP and UDP scans of a source that begin together
					 * share an id. */
					int64_t at = minute + (int64_t)random_below(&r, 60) * SEC + (int64_t)k;
					struct flow f = invent(&r, at, dark, 0);
					both_flow(&p, &f);
				}
				/* Many that come once: tables are swept again and again. */
				for (uint32_t k = 0; seed % 5 == 4 && k < 300; k++) {
					struct flow f = make(0x14000000u + (uint32_t)random_below(&r, 1 << 20),
						(dark ? DARK : 0x08080000u) + (uint32_t)random_below(&r, 4000), 40000,
						23, minute + 60 * SEC - k - 1);
					both_flow(&p, &f);
				}
				on_minute(&p, minute);
			}
			/* An own address's silence ends after a day only, which the one conclusion knows nothing of. */
			minute += (int64_t)random_below(&r, 60) * MINUTE_NS;
		}
		snprintf(name, sizeof name, "seed %d", (int)seed);
		pair_end(&p, name);
	}
}

/* Each look costs more under a sanitizer: fewer minutes then. */
#if defined(__SANITIZE_ADDRESS__)
#define STRIDE 10
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STRIDE 10
#endif
#endif
#ifndef STRIDE
#define STRIDE 1
#endif

/* 30 days, other sources every hour: what is held at the end is what was held after nine days. */
static void flat(void **state)
{
	for (int dark = 1; dark >= 0; dark--) {
		struct pair p = { .polled = start(dark, true, 4 * 3600 * SEC, 5), .got = book_new() };
		p.got->afresh = p.got->shrinks = true;
		size_t early_open = 0, early_memory = 0;
		struct random r;
		random_init(&r, 11);
		for (int m = 0; m < 30 * 1440; m += STRIDE) {
			int64_t ns = T0 + m * (int64_t)MINUTE_NS;
			for (int k = 0; k < 6; k++) {
				struct flow f = invent(&r, ns + k * SEC, dark, (uint32_t)(m / 60) << 8);
				if (k < 2) /* never seen again */
					f.src = addr_from4(0x10000000u + (uint32_t)m * 4 + (uint32_t)k);
				struct finding_sample s = { .ns = ns, .src = f.src, .dst = f.dst, .head_len = 4 };
				darknet_sample(p.polled, &s);
				darknet_flow(p.polled, &f);
			}
			darknet_minute(p.polled);
			/* Ids are counted, not kept. */
			poll_pair(&p, ns + MINUTE_NS);
			for (size_t i = 0; i < p.got->n; i++) {
				free(p.got->v[i].text);
				free(p.got->v[i].f);
			}
			p.got->n = 0;
			memset(p.got->v, 0, 64 * sizeof *p.got->v);
			if (m == 9 * 1440) {
				early_open = p.most_open;
				early_memory = p.most_memory;
			}
		}
		assert_true(early_open > 10 && p.most_open <= early_open * 3 / 2);
		if (p.most_memory > early_memory * 3 / 2)
			fail_msg("dark %d: %zu bytes after nine days, %zu in 30", dark, early_memory, p.most_memory);
		assert_true(darknet_refused(p.polled) == 0);
		darknet_free(p.polled);
		book_free(p.got);
	}
}

static size_t with_news(const struct book *b, enum finding_kind kind, enum darknet_news news)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		n += b->v[i].f->kind == kind && b->v[i].news == news;
	return n;
}

static void scan(struct darknet *d, uint32_t src, uint32_t from, uint32_t n, int64_t ns)
{
	for (uint32_t t = 0; t < n; t++) {
		struct flow f = make(src, DARK + from + t, 40000, 23, ns);
		darknet_flow(d, &f);
	}
	darknet_minute(d);
}

/* New, the same again, changed, silent, ended, forgotten; own-watch gives way to own-suspect. */
static void life(void **state)
{
	struct book *b = book_new();
	struct darknet *d = start(true, true, 0, 1);
	int64_t minute = MINUTE_NS;
	scan(d, 0x0a000001, 0, 6, T0);
	assert_int_equal(darknet_poll(d, T0 + minute, 0, told, b), 1);
	assert_int_equal(b->v[0].news, DARKNET_NEW);
	assert_int_equal(darknet_poll(d, T0 + 2 * minute, 0, told, b), 0);
	scan(d, 0x0a000001, 6, 1, T0 + 2 * minute);
	assert_int_equal(darknet_poll(d, T0 + 3 * minute, 0, told, b), 1);
	assert_int_equal(b->v[0].news, DARKNET_CHANGED);
	assert_true(b->v[0].f->targets == 7 && darknet_open(d) == 1);
	/* A packet that is older than the first: counted, the id stays. */
	struct flow late = make(0x0a000001, DARK + 9, 40000, 23, T0 - 5 * SEC);
	darknet_late(d, &late);
	darknet_minute(d);
	assert_int_equal(darknet_poll(d, T0 + 4 * minute, 0, told, b), 1);
	assert_true(b->n == 1 && b->v[0].f->targets == 8 && b->v[0].f->first_ns == T0);
	assert_int_equal(darknet_poll(d, T0 + 2 * minute + 1230 * SEC + DARKNET_LATE_NS, 0, told, b), 0);
	assert_int_equal(darknet_poll(d, T0 + 2 * minute + 1231 * SEC + DARKNET_LATE_NS, 0, told, b), 1);
	assert_true(b->v[0].news == DARKNET_ENDED && darknet_open(d) == 0);
	scan(d, OWN + 1, 0, 1, T0 + 60 * minute);
	assert_int_equal(darknet_poll(d, T0 + 61 * minute, 0, told, b), 1);
	assert_int_equal(with_news(b, FINDING_OWN_WATCH, DARKNET_NEW), 1);
	scan(d, OWN + 1, 0, 3, T0 + 61 * minute);
	assert_int_equal(darknet_poll(d, T0 + 62 * minute, 1, told, b), 1);
	assert_true(darknet_waiting(d) == 1);
	assert_int_equal(with_news(b, FINDING_OWN_WATCH, DARKNET_WITHDRAWN), 1);
	assert_int_equal(darknet_poll(d, T0 + 62 * minute, 1, told, b), 1);
	assert_int_equal(with_news(b, FINDING_OWN_SUSPECT, DARKNET_NEW), 1);
	assert_int_equal(darknet_poll(d, T0 + 62 * minute + DARKNET_IDLE_NS / 2, 0, told, b), 0);
	assert_int_equal(darknet_poll(d, T0 + 62 * minute + DARKNET_IDLE_NS * 2, 0, told, b), 1);
	assert_int_equal(with_news(b, FINDING_OWN_SUSPECT, DARKNET_ENDED), 1);
	assert_true(darknet_open(d) == 0);
	darknet_free(d);
	book_free(b);
}

/* Who never falls silent gets another finding when the first one is too old. */
static void age(void **state)
{
	struct book *b = book_new();
	struct darknet *d = start(true, false, 0, 1);
	for (int m = 0; m < 20 * 1440; m += 10) {
		scan(d, 0x0a000001, 0, 5, T0 + m * (int64_t)MINUTE_NS);
		darknet_poll(d, T0 + (m + 1) * (int64_t)MINUTE_NS, 0, told, b);
		assert_true(darknet_open(d) <= 2);
	}
	assert_int_equal(b->n, 3);
	assert_int_equal(with_news(b, FINDING_SCAN, DARKNET_ENDED), 2);
	darknet_free(d);
	book_free(b);
}

/* New and surging ports over five days, told within the hour; history is kept for a day alone. */
static void ports(void **state)
{
	struct pair p;
	pair_init(&p, true, 0);
	for (int hour = 0; hour < 120; hour++)
		for (int quarter = 0; quarter < 4; quarter++) {
			int64_t ns = T0 + (hour * 60 + quarter * 15) * (int64_t)MINUTE_NS;
			uint32_t n = hour % 40 == 39 || hour % 40 == 0 ? 60 : 4;
			for (uint32_t s = 0; s < n; s++) {
				struct flow f =
					make(0x0a000100 + s * 4 + (uint32_t)quarter, DARK + s % 4, 40000, 80, ns);
				both_flow(&p, &f);
				f = make(0x0b000000 + s, DARK + s % 4, 40000, (uint16_t)(7000 + hour), ns);
				if (hour % 30 == 29)
					both_flow(&p, &f);
			}
			on_minute(&p, ns);
		}
	darknet_poll(p.polled, p.now + 3600 * SEC * 2, 0, told, p.got);
	assert_int_equal(with_news(p.got, FINDING_PORT_SURGE, DARKNET_ENDED), 3);
	assert_true(with_news(p.got, FINDING_PORT_NEW, DARKNET_ENDED) >= 1);
	pair_end(&p, "ports");
}

#define STOP   (T0 + 60 * (int64_t)MINUTE_NS)
#define WINDOW (STOP - 1230 * SEC)

static void minute_of_three(int m, struct flow flows[3])
{
	int64_t ns = T0 + m * (int64_t)MINUTE_NS;
	flows[0] = make(0x0a000001, DARK + (uint32_t)m % 90, 40000, (uint16_t)(m % 7 + 20), ns);
	flows[1] = make(0x0a000002, DARK + (uint32_t)m, 40000, (uint16_t)(443 + m % 2), ns);
	flows[2] = make(OWN + 3, DARK + (uint32_t)m % 5, 40000, 23, ns);
	flows[1].cls = CLASS_TCP_SYN_ACK;
	flows[1].tcp_flags = TCP_SYN | TCP_ACK;
	flows[1].sport = flows[1].dport;
}

/* The minutes of [from, to); `b` NULL: nothing is told on the way. */
static void run_minutes(struct darknet *d, int64_t from, int64_t to, struct book *b)
{
	struct flow flows[3];
	for (int m = 0; m < 120; m++) {
		int64_t ns = T0 + m * (int64_t)MINUTE_NS;
		if (ns < from || ns >= to)
			continue;
		minute_of_three(m, flows);
		for (int i = 0; i < 3; i++)
			darknet_flow(d, &flows[i]);
		darknet_minute(d);
		if (b)
			darknet_poll(d, ns + MINUTE_NS, 0, told, b);
	}
}

static bool equal_counts(const struct finding_count *a, const struct finding_count *b, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (a[k].n != b[k].n || strcmp(a[k].name, b[k].name) != 0)
			return false;
	return true;
}

static bool goes_on(const struct finding *g, const struct finding *w)
{
	return g->packets == w->packets && g->ports == w->ports && g->first_ns == w->first_ns &&
	       g->last_ns == w->last_ns && g->port_list_n == w->port_list_n && g->by_flags_n == w->by_flags_n &&
	       g->top_ports_n == w->top_ports_n && g->samples_n == w->samples_n &&
	       equal_counts(g->top_ports, w->top_ports, w->top_ports_n) &&
	       equal_counts(g->by_flags, w->by_flags, w->by_flags_n);
}

/* Stopped in the middle and started again with the stored findings and the flows of the last timeout. */
static void restart(void **state)
{
	struct book *want = book_new(), *before = book_new(), *after = book_new();
	after->afresh = true;
	struct darknet *whole = start(true, true, 0, 1), *first = start(true, true, 0, 2),
		       *second = start(true, true, 0, 3);
	run_minutes(whole, INT64_MIN, INT64_MAX, NULL);
	run_minutes(first, INT64_MIN, STOP, before);
	for (size_t i = 0; i < before->n; i++)
		if (before->v[i].f->last_ns >= WINDOW - 1230 * SEC)
			(void)darknet_known(second, before->v[i].f);
	run_minutes(second, WINDOW, INT64_MAX, after);
	darknet_finish(whole, concluded, want);
	assert_int_equal(want->n, 4);
	assert_int_equal(after->n, 4);
	for (size_t i = 0; i < want->n; i++) {
		const struct finding *w = want->v[i].f, *g = NULL;
		for (size_t k = 0; k < after->n; k++)
			if (strcmp(after->v[k].id, want->v[i].id) == 0)
				g = after->v[k].f;
		if (!g)
			fail_msg("%s did not go on", want->v[i].text);
		if (!goes_on(g, w))
			fail_msg("wanted %s   got %s", want->v[i].text, json_of(g));
		/* Distinct ones are a lower bound: what was known, or what is seen since. */
		assert_true(g->targets <= w->targets && g->targets * 2 >= w->targets);
		assert_string_equal(g->counts[g->counts_n - 1].name, "resumed");
	}
	darknet_free(whole);
	darknet_free(first);
	darknet_free(second);
	book_free(want);
	book_free(before);
	book_free(after);
}

/* What is known and never heard of again ends with what was known. */
static void known_ends(void **state)
{
	struct book *before = book_new(), *after = book_new();
	struct darknet *d = start(true, false, 0, 1);
	scan(d, 0x0a000001, 0, 30, T0);
	darknet_poll(d, T0 + MINUTE_NS, 0, told, before);
	assert_int_equal(before->n, 1);
	darknet_free(d);
	d = start(true, false, 0, 2);
	assert_true(darknet_known(d, before->v[0].f));
	assert_false(darknet_known(d, before->v[0].f));
	darknet_poll(d, T0 + 2 * MINUTE_NS, 0, told, after);
	assert_int_equal(after->n, 0);
	darknet_poll(d, T0 + 60 * (int64_t)MINUTE_NS, 0, told, after);
	assert_int_equal(after->n, 1);
	assert_string_equal(after->v[0].id, before->v[0].id);
	assert_true(after->v[0].f->targets == 30 && after->v[0].f->packets == 30 && after->v[0].news == DARKNET_ENDED);
	struct finding other = *before->v[0].f;
	strcpy(other.sensor, "elsewhere");
	assert_false(darknet_known(d, &other));
	other = *before->v[0].f;
	other.kind = FINDING_PORT_NEW;
	assert_false(darknet_known(d, &other));
	darknet_free(d);
	book_free(before);
	book_free(after);
}

static void tool(void **state)
{
	static const struct {
		const char *name;
		int mark;
		uint32_t matches, packets, syns, constants;
		const char *want;
	} cases[] = {
		{ "mirai", MARK_MIRAI, 10, 10, 10, 0, "mirai" },
		{ "three are enough", MARK_ZMAP_ID, 3, 3, 3, 0, "zmap" },
		{ "two are not", MARK_ZMAP_ID, 2, 2, 2, 0, NULL },
		{ "less than half", MARK_MASSCAN, 4, 10, 10, 0, NULL },
		{ "half", MARK_MASSCAN, 5, 10, 10, 0, "masscan" },
		{ "options", MARK_ZMAP_SYN, 9, 10, 10, 0, "zmap" },
		{ "nmap", MARK_NMAP, 9, 10, 10, 0, "nmap" },
		{ "one key", MARK_NMAP, 0, 10, 10, 1u << CONST_SEQ_DST, "constant-key" },
		{ "one key, too few", MARK_NMAP, 0, 2, 2, 1u << CONST_SEQ_DST, NULL },
		{ "one window says nothing", MARK_NMAP, 0, 10, 10, 1u << CONST_WINDOW, NULL },
	};
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct source s = { .packets = cases[c].packets,
			.syns = cases[c].syns,
			.constants = cases[c].constants,
			.targets = cases[c].packets,
			.ports = 1 };
		s.marks[cases[c].mark] = cases[c].matches;
		const char *got = darknet_tool_of(&s);
		if (!got != !cases[c].want || (got && strcmp(got, cases[c].want) != 0))
			fail_msg("%s: %s", cases[c].name, got ? got : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(demo), cmocka_unit_test(silences), cmocka_unit_test(flat),
		cmocka_unit_test(life), cmocka_unit_test(age), cmocka_unit_test(ports), cmocka_unit_test(restart),
		cmocka_unit_test(known_ends), cmocka_unit_test(tool) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
