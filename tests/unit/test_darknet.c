// SPDX-License-Identifier: Apache-2.0
/* The conclusions (darknet, judge, event, emit, fill, tools, ports) from flows made by hand: a case is a few rows and
 * what must come of them. */
#include "analysis/darknet/darknet.h"
#include "wire/packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define SEC  ((int64_t)1000000000)
#define T0   (1767225600 * SEC)
#define DARK 0xc6120000u /* 198.18.0.0 */
#define MAX  64

static struct finding *found;
static size_t n_found;

static void take(void *arg, const struct finding *f)
{
	assert_true(n_found < MAX);
	found[n_found++] = *f;
}

static size_t count(enum finding_kind kind)
{
	size_t n = 0;
	for (size_t i = 0; i < n_found; i++)
		n += found[i].kind == kind;
	return n;
}

static const struct finding *only(enum finding_kind kind)
{
	const struct finding *f = NULL;
	for (size_t i = 0; i < n_found; i++)
		if (found[i].kind == kind)
			f = &found[i];
	if (count(kind) != 1)
		fail_msg("%zu findings of kind %s", count(kind), finding_kind_name(kind));
	return f;
}

static struct flow flow(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport, int64_t at_s)
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
		.first_ns = T0 + at_s * SEC,
		.last_ns = T0 + at_s * SEC };
}

static void flags(struct flow *f, uint8_t tcp_flags, enum packet_class cls)
{
	f->tcp_flags = tcp_flags;
	f->cls = (uint8_t)cls;
}

static struct darknet *start(bool dark, const char *own)
{
	static struct darknet_dark space;
	static struct prefix mine;
	struct darknet_params p = { .seed = 7 };
	space = (struct darknet_dark){ .from_ns = INT64_MIN, .to_ns = INT64_MAX };
	assert_int_equal(prefix_parse("198.18.0.0/16", &space.prefix, NULL), 0);
	if (dark) {
		p.dark = &space;
		p.n_dark = 1;
	}
	if (own) {
		assert_int_equal(prefix_parse(own, &mine, NULL), 0);
		p.own = &mine;
		p.n_own = 1;
	}
	n_found = 0;
	return darknet_new(&p);
}

static void end(struct darknet *d)
{
	darknet_finish(d, take, NULL);
	assert_true(darknet_refused(d) == 0);
	darknet_free(d);
}

/* 5 targets or 15 ports make a scan in dark space, one less doesn't. */
static void thresholds(void **state)
{
	static const struct {
		uint32_t targets, ports;
		size_t want;
		enum finding_shape shape;
	} cases[] = {
		{ 4, 1, 0, SHAPE_NONE },
		{ 5, 1, 1, SHAPE_HORIZONTAL },
		{ 1, 14, 0, SHAPE_NONE },
		{ 1, 15, 1, SHAPE_VERTICAL },
		{ 6, 6, 1, SHAPE_BLOCK },
		{ 300, 2, 1, SHAPE_HORIZONTAL },
	};
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct darknet *d = start(true, NULL);
		for (uint32_t t = 0; t < cases[c].targets; t++)
			for (uint32_t p = 0; p < cases[c].ports; p++) {
				struct flow f = flow(0x0a000001, DARK + t, 40000, (uint16_t)(1000 + p), 1);
				darknet_flow(d, &f);
			}
		end(d);
		assert_int_equal(count(FINDING_SCAN), cases[c].want);
		if (!cases[c].want)
			continue;
		const struct finding *f = only(FINDING_SCAN);
		assert_true(f->targets == cases[c].targets && f->ports == cases[c].ports && f->shape == cases[c].shape);
		assert_true(f->packets == (uint64_t)cases[c].targets * cases[c].ports && f->spoofable);
	}
}

/* Silence beyond the timeout ends an event; a packet outside the dark space or before its date is none. */
static void events_end(void **state)
{
	struct darknet *d = start(true, NULL);
	for (int part = 0; part < 2; part++) {
		for (uint32_t t = 0; t < 6; t++) {
			struct flow f = flow(0x0a000001, DARK + t, 40000, 23, part * 2000);
			darknet_flow(d, &f);
		}
		darknet_minute(d);
	}
	end(d);
	assert_int_equal(count(FINDING_SCAN), 2);
	assert_string_not_equal(found[0].id, found[1].id);
	d = start(true, NULL);
	for (uint32_t t = 0; t < 6; t++) {
		struct flow f = flow(0x0a000001, 0x08080800 + t, 40000, 23, 1);
		darknet_flow(d, &f);
	}
	end(d);
	assert_int_equal(n_found, 0);
}

/* Without dark space: targets that open, answer UDP or were asked for by name don't count. */
static void silent_targets(void **state)
{
	static const struct {
		const char *name;
		int open, named;
		size_t want;
		bool self;
	} cases[] = {
		{ "all silent", 0, 0, 1, false },
		{ "one opens, five are silent", 1, 0, 1, false },
		{ "two open", 2, 0, 0, false },
		{ "two are named", 0, 2, 0, false },
		{ "named by the prober himself", 0, 6, 1, true },
	};
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct addr server = addr_from4(cases[c].self ? 0x0a000001 : 0x09090909);
		struct darknet *d = start(false, NULL);
		for (int t = 0; t < 6; t++) {
			struct addr a = addr_from4(0x08080800 + (uint32_t)t);
			struct flow f = flow(0x0a000001, 0x08080800 + (uint32_t)t, (uint16_t)(40000 + t), 23, 1);
			darknet_flow(d, &f);
			if (t < cases[c].open) {
				f = flow(0x08080800 + (uint32_t)t, 0x0a000001, 23, (uint16_t)(40000 + t), 2);
				flags(&f, TCP_SYN | TCP_ACK, CLASS_TCP_SYN_ACK);
				darknet_flow(d, &f);
			}
			if (t < cases[c].named)
				darknet_named(d, &a, &server);
		}
		end(d);
		if (count(FINDING_SCAN) != cases[c].want)
			fail_msg("%s: %zu scans", cases[c].name, count(FINDING_SCAN));
	}
}

/* The order within a minute changes nothing, not even an id. */
static void order(void **state)
{
	char ids[2][MAX][33];
	size_t n[2];
	for (int turn = 0; turn < 2; turn++) {
		struct darknet *d = start(false, NULL);
		for (int i = 0; i < 40; i++) {
			int t = turn ? 39 - i : i;
			struct flow f = flow(
				0x0a000001, 0x08080800 + (uint32_t)t / 2, (uint16_t)(40000 + t / 2), 23, 1 + t / 2);
			if (t % 2) {
				f = flow(0x08080800 + (uint32_t)t / 2, 0x0a000001, 23, (uint16_t)(40000 + t / 2),
					2 + t / 2);
				flags(&f, TCP_RST | TCP_ACK, CLASS_TCP_RST);
			}
			darknet_flow(d, &f);
		}
		end(d);
		n[turn] = n_found;
		for (size_t i = 0; i < n_found; i++)
			strcpy(ids[turn][i], found[i].id);
	}
	assert_int_equal(n[0], 1);
	assert_int_equal(n[0], n[1]);
	assert_memory_equal(ids[0][0], ids[1][0], 33);
}

/* One packet: watch. Three to two places with one TTL: suspect. TTLs all over: forged, watch. Answers: attacked, never
 * infected. */
static void own_addresses(void **state)
{
	static const struct {
		const char *name;
		int packets, targets, ttl_step;
		bool answers;
		enum finding_kind want;
	} cases[] = {
		{ "one packet", 1, 1, 0, false, FINDING_OWN_WATCH },
		{ "three to one", 3, 1, 0, false, FINDING_OWN_WATCH },
		{ "three to two", 3, 2, 0, false, FINDING_OWN_SUSPECT },
		{ "TTL within two", 3, 3, 1, false, FINDING_OWN_SUSPECT },
		{ "forged: TTLs differ", 50, 50, 1, false, FINDING_OWN_WATCH },
		{ "SYN-ACKs", 30, 30, 0, true, FINDING_OWN_ATTACKED },
	};
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct darknet *d = start(true, "203.0.113.0/24");
		for (int i = 0; i < cases[c].packets; i++) {
			struct flow f =
				flow(0xcb007119, DARK + (uint32_t)(i % cases[c].targets), (uint16_t)(40000 + i), 23, 1);
			f.ttl = (uint8_t)(50 + i * cases[c].ttl_step);
			if (cases[c].answers)
				flags(&f, TCP_SYN | TCP_ACK, CLASS_TCP_SYN_ACK);
			darknet_flow(d, &f);
		}
		end(d);
		size_t own = count(FINDING_OWN_WATCH) + count(FINDING_OWN_SUSPECT) + count(FINDING_OWN_ATTACKED);
		if (own != 1 || count(cases[c].want) != 1)
			fail_msg("%s: %zu own findings, %zu as wanted", cases[c].name, own, count(cases[c].want));
		assert_true(only(cases[c].want)->spoofable);
		assert_string_equal(only(cases[c].want)->subject, "203.0.113.25");
	}
}

/* A lone NULL, FIN or XMAS packet is told; one that ends a connection is not. */
static void lone_packets(void **state)
{
	static const struct {
		uint8_t flags;
		const char *detail;
	} cases[] = { { 0, "NULL scan" }, { TCP_FIN, "FIN scan" }, { TCP_FIN | TCP_PSH | TCP_URG, "XMAS scan" } };
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
		for (int before = 0; before < 2; before++) {
			struct darknet *d = start(false, NULL);
			struct flow f = flow(0x0a000001, 0x08080808, 40000, 80, 1);
			if (before)
				darknet_flow(d, &f);
			f = flow(0x0a000001, 0x08080808, 40000, 80, 5);
			flags(&f, cases[c].flags, cases[c].flags == TCP_FIN ? CLASS_TCP_FIN : CLASS_TCP_OTHER);
			darknet_flow(d, &f);
			end(d);
			assert_int_equal(count(FINDING_SCAN_TYPE), !before);
			if (before)
				continue;
			assert_string_equal(only(FINDING_SCAN_TYPE)->detail, cases[c].detail);
			assert_string_equal(only(FINDING_SCAN_TYPE)->subject, "10.0.0.1 40000>80");
		}
}

/* A mark must be matched three times and by half; exact counts come from the source record. */
static void tools(void **state)
{
	static const struct {
		const char *name;
		uint16_t tag;
		int mark;
		uint32_t matches;
		const char *want;
	} cases[] = {
		{ "all", FLOW_MIRAI, MARK_MIRAI, 10, "mirai" },
		{ "three of ten", FLOW_MIRAI, MARK_MIRAI, 3, "telnet-bot" },
		{ "two by chance", FLOW_ZMAP_ID, MARK_ZMAP_ID, 2, "telnet-bot" },
		{ "masscan", FLOW_MASSCAN, MARK_MASSCAN, 10, "masscan" },
		{ "zmap by options", FLOW_ZMAP_SYN, MARK_ZMAP_SYN, 10, "zmap" },
	};
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct darknet *d = start(true, NULL);
		struct source s = { .addr = addr_from4(0x0a000001),
			.minute = T0 / MINUTE_NS,
			.first_ns = T0,
			.last_ns = T0 + 59 * SEC,
			.packets = 10,
			.syns = 10 };
		for (uint32_t t = 0; t < 10; t++) {
			struct flow f = flow(0x0a000001, DARK + t, 40000, 23, 1);
			f.tags = cases[c].tag;
			darknet_flow(d, &f);
		}
		s.marks[cases[c].mark] = cases[c].matches;
		darknet_source(d, &s);
		end(d);
		if (strcmp(only(FINDING_SCAN)->tool, cases[c].want) != 0)
			fail_msg("%s: %s", cases[c].name, only(FINDING_SCAN)->tool);
	}
}

/* A day of history, then a port nobody asked for and one that many more ask for. */
static void ports(void **state)
{
	struct darknet *d = start(true, NULL);
	for (int hour = 0; hour < 26; hour++) {
		for (uint32_t s = 0; s < (hour == 25 ? 60u : 4u); s++) {
			struct flow f = flow(0x0a000100 + s, DARK + s % 4, 40000, 80, hour * 3600);
			darknet_flow(d, &f);
			f = flow(0x0b000000 + s, DARK + s % 4, 40000, 7547, hour * 3600);
			if (hour == 25)
				darknet_flow(d, &f);
		}
		darknet_minute(d);
	}
	end(d);
	assert_string_equal(only(FINDING_PORT_NEW)->subject, "7547/tcp");
	assert_string_equal(only(FINDING_PORT_SURGE)->subject, "80/tcp");
	assert_true(only(FINDING_PORT_SURGE)->sources == 60);
}

/* Many reflectors, one victim; the same datagrams after the victim asked are no attack. */
static void reflection(void **state)
{
	for (int asked = 0; asked < 2; asked++) {
		struct darknet *d = start(false, NULL);
		for (uint32_t s = 0; s < 40; s++) {
			struct flow f = flow(0x0a000001, 0x08080800 + s, 5000, 123, 1);
			f.proto = PROTO_UDP;
			f.tcp_flags = 0;
			f.cls = CLASS_UDP;
			if (asked)
				darknet_flow(d, &f);
			f = flow(0x08080800 + s, 0x0a000001, 123, 5000, 2);
			f.proto = PROTO_UDP;
			f.tcp_flags = 0;
			f.cls = CLASS_UDP;
			f.packets = 10;
			darknet_flow(d, &f);
		}
		end(d);
		assert_int_equal(count(FINDING_AMPLIFICATION), !asked);
	}
	assert_true(darknet_timeout(65536) == (int64_t)(3.0 * 4294967296.0 / (160.0 * 65536) * 1e9));
	assert_true(darknet_timeout(1 << 24) == 600 * SEC && darknet_timeout(1) == 86400 * SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(thresholds), cmocka_unit_test(events_end),
		cmocka_unit_test(silent_targets), cmocka_unit_test(order), cmocka_unit_test(own_addresses),
		cmocka_unit_test(lone_packets), cmocka_unit_test(tools), cmocka_unit_test(ports),
		cmocka_unit_test(reflection) };
	found = calloc(MAX, sizeof *found);
	assert_non_null(found);
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	free(found);
	return r;
}
