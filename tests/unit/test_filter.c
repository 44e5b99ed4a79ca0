// SPDX-License-Identifier: Apache-2.0
/* Filters of flows: each parameter against flows that fit it and flows that differ in just that. */
#include "view/filter.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static int nothing(struct view_call *c, struct err *err)
{
	return 0;
}

static const struct view_param params[] = { FILTER_PARAMS };
static const struct view thing = { "GET", "/things", VIEW_VIEWER, "Things", params, sizeof params / sizeof *params,
	"{a: text}", nothing };
static const struct view *const extra[] = { &thing, NULL };

static int start(struct filter *f, const char *query, unsigned rights, struct err *err)
{
	struct view_who who = { .level = VIEW_VIEWER, .principal = { .rights = rights } };
	struct view_call c = { .now_ns = INT64_C(1700000000000000000), .who = &who };
	struct bytes text = { (const uint8_t *)query, strlen(query) };
	memset(f, 0, sizeof *f);
	int rc = view_find(&c, extra, &(struct view_ask){ "GET", "/things", text, { 0 } }, err);
	rc = rc ? rc : filter_init(f, &c, err);
	view_done(&c);
	return rc;
}

static struct flow flow_of(const char *src, const char *dst)
{
	struct flow f = { .sport = 40000, .dport = 23, .proto = PROTO_TCP, .cls = CLASS_TCP_SYN, .packets = 1 };
	assert_int_equal(addr_parse(src, &f.src, NULL), 0);
	assert_int_equal(addr_parse(dst, &f.dst, NULL), 0);
	return f;
}

static void fits(void **state)
{
	static const struct {
		const char *query;
		bool syn, udp, ping6;
	} rows[] = {
		{ "", true, true, true },
		{ "src=203.0.113.0/24", true, false, false },
		{ "src=2001:db8::/32", false, false, true },
		{ "src=::/0", true, true, true },
		{ "dst=198.18.1.0/24", false, true, false },
		{ "dport=23", true, false, false },
		{ "dport=0", false, false, true },
		{ "sport=128", false, false, true },
		{ "proto=tcp", true, false, false },
		{ "proto=UDP", false, true, false },
		{ "proto=icmp", false, false, true },
		{ "proto=58", false, false, true },
		{ "class=udp", false, true, false },
		{ "class=tcp_syn,icmp", true, false, true },
		{ "mark=mirai", true, false, false },
		{ "mark=zmap", false, true, false },
		{ "mark=nmap", false, false, false },
		{ "country=JP", false, false, false },
		{ "asn=0", false, false, false },
		{ "research=exclude", true, true, true },
		{ "src=203.0.113.0/24&dport=53", false, false, false },
	};
	struct flow syn = flow_of("203.0.113.9", "198.18.0.1"), udp = flow_of("192.0.2.1", "198.18.1.1"),
		    ping = flow_of("2001:db8::1", "2001:db8:d::1");
	syn.tags = FLOW_MIRAI;
	udp.proto = PROTO_UDP;
	udp.cls = CLASS_UDP;
	udp.dport = 53;
	udp.tags = FLOW_ZMAP_ID;
	ping.proto = PROTO_ICMPV6;
	ping.cls = CLASS_ICMP;
	ping.sport = 128;
	ping.dport = 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct filter f;
		struct err err = { "" };
		if (start(&f, rows[i].query, PRINCIPAL_SEE_DARK, &err))
			fail_msg("%s: %s", rows[i].query, err.text);
		if (filter_flow(&f, &syn) != rows[i].syn || filter_flow(&f, &udp) != rows[i].udp ||
			filter_flow(&f, &ping) != rows[i].ping6)
			fail_msg("%s fits others", rows[i].query);
		assert_int_equal(f.open, rows[i].query[0] == 0);
		filter_fini(&f);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *query;
		int code;
		const char *word;
	} rows[] = {
		{ "from=2024-01-02&to=2024-01-02", VIEW_BAD, "from" },
		{ "dst=198.18.0.1", VIEW_REFUSED, "dst" },
		{ "sport=65536", VIEW_BAD, "sport" },
		{ "dport=65536", VIEW_BAD, "dport" },
		{ "asn=4294967296", VIEW_BAD, "asn" },
		{ "proto=256", VIEW_BAD, "proto" },
		{ "proto=0017", VIEW_BAD, "proto" },
		{ "proto=", 0, "" },
		{ "proto=tcp6", VIEW_BAD, "proto" },
		{ "country=J", VIEW_BAD, "country" },
		{ "country=J%C3%84", VIEW_BAD, "country" },
		{ "class=syn", VIEW_BAD, "class" },
		{ "mark=zmap,nmap", VIEW_BAD, "mark" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct filter f;
		struct err err = { "" };
		int rc = start(&f, rows[i].query, 0, &err);
		if (rc != rows[i].code || !strstr(err.text, rows[i].word))
			fail_msg("%s: %d, %s", rows[i].query, rc, err.text);
		filter_fini(&f);
	}
}

/* More sources than there is room for are judged all the same. */
static void many(void **state)
{
	struct filter f;
	struct err err = { "" };
	struct flow flow = flow_of("203.0.113.9", "198.18.0.1");
	assert_int_equal(start(&f, "country=JP", 0, &err), 0);
	f.seen.max = 4;
	for (uint32_t i = 0; i < 100; i++) {
		flow.src = addr_from4(i * 2654435761u);
		assert_false(filter_flow(&f, &flow));
		assert_false(filter_flow(&f, &flow));
	}
	assert_int_equal(f.seen.n, 4);
	filter_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(fits), cmocka_unit_test(refused), cmocka_unit_test(many) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
