// SPDX-License-Identifier: Apache-2.0
/* Events for open pages: who sees which, what is resumed, what is lost. */
#include "console/live.h"
#include "console/sessionjson.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000000)

static int64_t now;
static unsigned woken;

static int64_t fake_now(void)
{
	return now;
}

static void wake(void *arg)
{
	woken++;
}

static struct live_view see(const char *a, const char *b, unsigned rights)
{
	struct live_view v = { .sensors = mem_new(2 * 64), .rights = rights };
	if (a)
		snprintf(v.sensors[v.n++], 64, "%s", a);
	if (b)
		snprintf(v.sensors[v.n++], 64, "%s", b);
	return v;
}

/* All that waits for it. */
static const char *taken(struct live_client *c)
{
	static char text[1 << 20];
	size_t n = 0, k;
	bool ended;
	/* In pieces of odd sizes: an event is cut anywhere. */
	while ((k = live_take(c, text + n, n % 7 + 5, now, &ended)))
		n += k;
	text[n] = '\0';
	return text;
}

static struct live *fresh(void)
{
	static const char *const names[] = { "west", "east" };
	live_now = fake_now;
	now = 1000 * SECOND;
	struct live *l = live_new(0xabcd1234);
	live_sensors(l, names, 2);
	return l;
}

static void join(struct live *l, struct live_client *c, struct live_view v, const char *last)
{
	*c = (struct live_client){ .wake = wake };
	assert_true(live_join(l, c, v, last));
}

static void event(struct live *l, const char *name, const char *sensor, unsigned needs, const char *json)
{
	live_event(l, name, sensor, needs, json, strlen(json));
}

static void shows_what_one_may_see(void **state)
{
	struct live *l = fresh();
	struct live_client a, b, all;
	join(l, &a, see("west", NULL, 0), "");
	join(l, &b, see("east", NULL, LIVE_SEE_SUBSCRIBER), "");
	join(l, &all, (struct live_view){ .all = true }, "");
	assert_string_equal(taken(&a), ":\n\n");
	taken(&b);
	taken(&all);
	woken = 0;
	event(l, "finding", "west", 0, "{\"n\":1}");
	assert_int_equal(woken, 2);
	event(l, "finding", "east", LIVE_SEE_SUBSCRIBER, "{\"n\":2}");
	event(l, "gap", NULL, 0, "{\"n\":3}");
	event(l, "gap", NULL, 0, "{\n}"); /* no line */
	assert_string_equal(taken(&a),
		"id: abcd1234-1\nevent: finding\ndata: {\"n\":1}\n\nid: abcd1234-3\nevent: gap\ndata: {\"n\":3}\n\n");
	assert_string_equal(taken(&b),
		"id: abcd1234-2\nevent: finding\ndata: {\"n\":2}\n\nid: abcd1234-3\nevent: gap\ndata: {\"n\":3}\n\n");
	assert_string_equal(taken(&all),
		"id: abcd1234-1\nevent: finding\ndata: {\"n\":1}\n\nid: abcd1234-3\nevent: gap\ndata: {\"n\":3}\n\n");
	/* A right that is gone is gone at once. */
	live_look(&b, see("east", NULL, 0));
	event(l, "finding", "east", LIVE_SEE_SUBSCRIBER, "{\"n\":4}");
	assert_string_equal(taken(&b), "");
	live_leave(&a);
	live_leave(&b);
	live_leave(&all);
	live_leave(&all);
	live_free(l);
}

static void gives_one_map_a_set(void **state)
{
	struct live *l = fresh();
	struct live_client a, b, both;
	uint64_t masks[8];
	join(l, &a, see("west", NULL, 0), "");
	join(l, &b, see("west", "other", 0), "");
	join(l, &both, see("east", "west", 0), "");
	assert_int_equal(live_masks(l, masks, 8), 2);
	assert_int_equal(masks[0], 1);
	assert_int_equal(masks[1], 3);
	taken(&a), taken(&b), taken(&both);
	live_map(l, 3, "{}", 2);
	assert_string_equal(taken(&a), "");
	assert_string_equal(taken(&both), "id: abcd1234-1\nevent: map\ndata: {}\n\n");
	live_leave(&a), live_leave(&b), live_leave(&both);
	live_free(l);
}

static void goes_on_where_it_was(void **state)
{
	struct live *l = fresh();
	struct live_client c;
	for (int i = 0; i < 5; i++)
		event(l, "gap", NULL, 0, "{}");
	join(l, &c, see("west", NULL, 0), "abcd1234-4");
	assert_string_equal(taken(&c), ":\n\nid: abcd1234-5\nevent: gap\ndata: {}\n\n");
	live_leave(&c);
	static const char *const unknown[] = { "abcd1235-4", "abcd1234-6", "abcd1234-", "x", "abcd1234-4x", "-" };
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		join(l, &c, see("west", NULL, 0), unknown[i]);
		assert_string_equal(taken(&c), "event: reset\ndata: {}\n\n:\n\n");
		live_leave(&c);
	}
	/* Maps are no loss, events are. */
	live_map(l, 1, "{}", 2);
	now += LIVE_MAP_NS + SECOND;
	live_tick(l, now);
	join(l, &c, see("west", NULL, 0), "abcd1234-5");
	assert_string_equal(taken(&c), ":\n\n");
	live_leave(&c);
	now += LIVE_AGE_NS;
	live_tick(l, now);
	join(l, &c, see("west", NULL, 0), "abcd1234-3");
	assert_string_equal(taken(&c), "event: reset\ndata: {}\n\n:\n\n");
	live_leave(&c);
	live_free(l);
}

static void forgets_the_oldest(void **state)
{
	struct live *l = fresh();
	struct live_client slow, fast;
	static char big[LIVE_EVENT + 1];
	memset(big, ' ', sizeof big);
	join(l, &slow, see("west", NULL, 0), "");
	join(l, &fast, see("west", NULL, 0), "");
	taken(&fast);
	for (size_t i = 0; i < 3 * LIVE_OCTETS / LIVE_EVENT; i++) {
		live_event(l, "gap", NULL, 0, big, LIVE_EVENT);
		assert_true(strlen(taken(&fast)) > LIVE_EVENT);
	}
	live_event(l, "gap", NULL, 0, big, LIVE_EVENT + 1); /* too long for any */
	assert_string_equal(taken(&fast), "");
	const char *text = taken(&slow);
	assert_string_equal(text, ":\n\nevent: reset\ndata: {}\n\n");
	event(l, "gap", NULL, 0, "{}");
	assert_non_null(strstr(taken(&slow), "event: gap\ndata: {}\n\n"));
	for (size_t i = 0; i < LIVE_SLOTS + 10; i++)
		event(l, "gap", NULL, 0, "{}");
	assert_non_null(strstr(taken(&slow), "event: reset"));
	live_leave(&slow), live_leave(&fast);
	live_free(l);
}

static void says_state_and_end(void **state)
{
	struct live *l = fresh();
	struct live_client c;
	bool ended;
	char byte;
	live_state(l, "{\"keeper\":true}");
	join(l, &c, see("west", NULL, 0), "");
	assert_string_equal(taken(&c), "event: state\ndata: {\"keeper\":true}\n\n:\n\n");
	now += LIVE_COMMENT_NS + 1;
	live_tick(l, now);
	assert_string_equal(taken(&c), ":\n\n");
	c.over = true;
	event(l, "gap", NULL, 0, "{}");
	assert_string_equal(taken(&c), "event: over\ndata: {}\n\n");
	assert_int_equal(live_take(&c, &byte, 1, now, &ended), 0);
	assert_true(ended);
	live_leave(&c);
	struct live_client *many = mem_new((LIVE_CLIENTS + 1) * sizeof *many);
	for (size_t i = 0; i < LIVE_CLIENTS; i++)
		join(l, &many[i], see(NULL, NULL, 0), "");
	assert_false(live_join(l, &many[LIVE_CLIENTS], see(NULL, NULL, 0), ""));
	for (size_t i = 0; i < LIVE_CLIENTS; i++)
		live_leave(&many[i]);
	free(many);
	live_free(l);
}

static void reads_a_session(void **state)
{
	struct live_view v;
	static const char good[] =
		"{\"user\":\"ada\",\"rights\":[\"see-subscriber\",\"x\"],\"sensors\":[\"west\",7,\"east\"],"
		"\"tenants\":[{\"tenant\":\"a\"}]}";
	assert_int_equal(sessionjson_parse(good, sizeof good - 1, &v), 0);
	assert_int_equal(v.n, 2);
	assert_string_equal(v.sensors[1], "east");
	assert_int_equal(v.rights, LIVE_SEE_SUBSCRIBER);
	assert_false(v.all);
	free(v.sensors);
	static const char all[] = "{\"sensors\":[],\"tenants\":[{\"tenant\":\"*\"}]}";
	assert_int_equal(sessionjson_parse(all, sizeof all - 1, &v), 0);
	assert_true(v.all);
	free(v.sensors);
	static const char *const bad[] = { "", "{", "[]", "{}", "{\"sensors\":1}", "{\"sensors\":[],\"sensors\":[]}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(sessionjson_parse(bad[i], strlen(bad[i]), &v), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_what_one_may_see),
		cmocka_unit_test(gives_one_map_a_set),
		cmocka_unit_test(goes_on_where_it_was),
		cmocka_unit_test(forgets_the_oldest),
		cmocka_unit_test(says_state_and_end),
		cmocka_unit_test(reads_a_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
