// SPDX-License-Identifier: Apache-2.0
/* Findings, signals and gaps become events; what is none of them or cut short does not. */
#include "console/livefeed.h"

#include "base/mem.h"
#include "model/finding.h"
#include "model/gap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static void wake(void *arg)
{
}

static const char *taken(struct live_client *c)
{
	static char text[1 << 16];
	bool ended;
	size_t n = live_take(c, text, sizeof text - 1, 0, &ended);
	text[n] = '\0';
	return text;
}

static struct message_buf finding_body(enum finding_kind kind)
{
	struct message_buf b = { 0 };
	struct finding *f = mem_new(sizeof *f);
	f->kind = kind;
	snprintf(f->subject, sizeof f->subject, "203.0.113.7");
	snprintf(f->sensor, sizeof f->sensor, "west");
	f->severity = finding_word("high");
	f->tool = finding_word("zmap");
	f->confidence = 90;
	f->packets = 7;
	f->first_ns = 1;
	f->last_ns = 2;
	finding_identify(f);
	message_finding(&b, f);
	free(f);
	return b;
}

static void tells(void **state)
{
	struct live *l = live_new(1);
	struct live_client seer = { .wake = wake }, other = { .wake = wake };
	assert_true(live_join(l, &seer, (struct live_view){ .all = true, .rights = LIVE_SEE_SUBSCRIBER }, ""));
	assert_true(live_join(l, &other, (struct live_view){ .all = true }, ""));
	taken(&seer), taken(&other);
	struct message_buf b = finding_body(FINDING_SCAN);
	struct message m = { .kind = MESSAGE_FINDING, .count = 1, .body = { b.p, b.n } };
	assert_int_equal(livefeed_take(l, NULL, &m), 0);
	const char *text = taken(&other);
	assert_non_null(strstr(text, "event: finding\ndata: {\"id\":\""));
	assert_non_null(
		strstr(text, "\"kind\":\"scan\",\"subject\":\"203.0.113.7\",\"sensor\":\"west\",\"tool\":\"zmap\","
			     "\"severity\":\"high\",\"confidence\":90,\"spoofable\":false,\"packets\":7,"
			     "\"first_ns\":1,\"last_ns\":2}\n\n"));
	taken(&seer);
	for (size_t n = 0; n < b.n; n++) {
		m.body.n = n;
		assert_int_equal(livefeed_take(l, NULL, &m), -1);
	}
	free(b.p);
	assert_string_equal(taken(&other), "");
	/* Who is behind an address is not for all. */
	b = finding_body(FINDING_OWN_SUSPECT);
	m.body = (struct bytes){ b.p, b.n };
	assert_int_equal(livefeed_take(l, NULL, &m), 0);
	assert_string_equal(taken(&other), "");
	assert_non_null(strstr(taken(&seer), "own-suspect"));
	b.n = 0;
	struct gap g = { .sensor = "west", .from_ns = 5, .to_ns = 6, .reason = "killed", .dropped = 3 };
	message_row(&b, &gap_kind, &g);
	m = (struct message){ .kind = MESSAGE_GAP, .count = 1, .body = { b.p, b.n } };
	assert_int_equal(livefeed_take(l, NULL, &m), 0);
	assert_non_null(strstr(taken(&other),
		"event: gap\ndata: "
		"{\"sensor\":\"west\",\"from_ns\":5,\"to_ns\":6,\"reason\":\"killed\",\"dropped\":3}"));
	b.n = 0;
	struct signal s = {
		.at_ns = 9, .sensor = "west", .source = "203.0.113.7", .kind = "scan", .value = 5, .threshold = 4
	};
	message_signal(&b, &s);
	m = (struct message){ .kind = MESSAGE_SIGNAL, .count = 1, .body = { b.p, b.n } };
	assert_int_equal(livefeed_take(l, NULL, &m), 0);
	assert_non_null(strstr(taken(&other), "event: signal\ndata: {\"at_ns\":9,"));
	m.kind = MESSAGE_REPLY;
	assert_int_equal(livefeed_take(l, NULL, &m), -1);
	free(b.p);
	live_leave(&seer);
	live_leave(&other);
	live_free(l);
}

/* What other rules find of an own address says as much. */
static void own_addresses(void **state)
{
	struct live *l = live_new(1);
	struct live_client seer = { .wake = wake }, other = { .wake = wake };
	struct prefix ranges[2];
	struct livefeed_own own = { ranges, 2 };
	assert_int_equal(prefix_parse("198.51.100.0/24", &ranges[0], NULL), 0);
	assert_int_equal(prefix_parse("203.0.113.0/29", &ranges[1], NULL), 0);
	assert_true(live_join(l, &seer, (struct live_view){ .all = true, .rights = LIVE_SEE_SUBSCRIBER }, ""));
	assert_true(live_join(l, &other, (struct live_view){ .all = true }, ""));
	taken(&seer), taken(&other);
	struct message_buf b = finding_body(FINDING_SCAN);
	struct message m = { .kind = MESSAGE_FINDING, .count = 1, .body = { b.p, b.n } };
	assert_int_equal(livefeed_take(l, &own, &m), 0);
	b.n = 0;
	struct signal s = { .at_ns = 9, .sensor = "west", .source = "203.0.113.7", .kind = "scan" };
	message_signal(&b, &s);
	m = (struct message){ .kind = MESSAGE_SIGNAL, .count = 1, .body = { b.p, b.n } };
	assert_int_equal(livefeed_take(l, &own, &m), 0);
	assert_string_equal(taken(&other), "");
	assert_non_null(strstr(taken(&seer), "event: signal"));
	own.n = 1;
	assert_int_equal(livefeed_take(l, &own, &m), 0);
	assert_non_null(strstr(taken(&other), "event: signal"));
	free(b.p);
	live_leave(&seer);
	live_leave(&other);
	live_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tells), cmocka_unit_test(own_addresses) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
