// SPDX-License-Identifier: Apache-2.0
/* What waits for the desk: answers in pieces, credit, clients that go, a desk that goes or breaks the rules. */
#include "console/calls.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct member member;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct calls *calls;
static struct channel *desk;
static unsigned moves;

/* What the desk got last of each kind. */
static struct {
	unsigned calls, credits, cancels;
	uint64_t number;
	struct call call;
	uint32_t credit;
} got;

static void on_call(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct message_reader r = { .in = m->body };
	got.number = m->sequence;
	if (m->kind == MESSAGE_CALL) {
		assert_int_equal(call_parse(m->body, &got.call), 0);
		got.calls++;
	} else if (m->kind == MESSAGE_CREDIT) {
		got.credit += message_get_u32(&r);
		got.credits++;
	} else {
		got.cancels++;
	}
}

static void on_gone(void *arg, struct channel *c, const char *why)
{
}

static void on_moved(struct ask *a)
{
	moves++;
}

static void stop(void *arg)
{
	loop_stop(member.loop);
}

/* Everything on its way arrives. */
static void settle(void)
{
	loop_after(member.loop, 20, stop, NULL);
	loop_run(member.loop);
}

static void begin_desk(void)
{
	int pair[2];
	assert_int_equal(channel_pair(pair), 0);
	struct channel_params p = { .loop = member.loop,
		.fd = pair[1],
		.kinds = edges_kinds(ROLE_CONSOLE, ROLE_DESK),
		.handler = { .message = on_call, .closed = on_gone } };
	desk = channel_new(&p);
	calls_desk(calls, pair[0]);
}

static int set_up(void **state)
{
	member = (struct member){ .id = ROLE_CONSOLE, .name = "console", .loop = loop_new() };
	memset(&got, 0, sizeof got);
	moves = 0;
	calls = calls_new(&member, &lock);
	calls_begin(calls);
	begin_desk();
	return 0;
}

static int tear_down(void **state)
{
	calls_free(calls);
	channel_free(desk);
	loop_free(member.loop);
	return 0;
}

static void put(struct ask *a)
{
	struct call c = { .method = "GET", .path = "/findings", .query = { (const uint8_t *)"limit=5", 7 } };
	*a = (struct ask){ .moved = on_moved };
	pthread_mutex_lock(&lock);
	calls_put(calls, a, &c);
	pthread_mutex_unlock(&lock);
}

static void reply(uint64_t number, uint16_t status, size_t n, bool last)
{
	static uint8_t octets[REPLY_OCTETS];
	struct message_buf b = { 0 };
	struct reply r = { .status = status, .last = last, .octets = { octets, n } };
	snprintf(r.type, sizeof r.type, "%s", status ? "application/json" : "");
	reply_build(&b, &r);
	struct message m = { .kind = MESSAGE_REPLY, .sequence = number, .body = { b.p, b.n } };
	assert_int_equal(channel_send(desk, &m), 0);
	free(b.p);
}

static size_t take(struct ask *a, size_t most)
{
	static uint8_t out[1 << 20];
	pthread_mutex_lock(&lock);
	size_t n = calls_take(calls, a, out, most);
	pthread_mutex_unlock(&lock);
	return n;
}

static void drop(struct ask *a)
{
	pthread_mutex_lock(&lock);
	calls_drop(calls, a);
	pthread_mutex_unlock(&lock);
}

static void answers(void **state)
{
	struct ask a, b;
	put(&a);
	put(&b);
	settle();
	assert_int_equal(got.calls, 2);
	assert_string_equal(got.call.path, "/findings");
	assert_int_equal(got.number, b.number);
	reply(b.number, 404, 10, true);
	reply(a.number, 200, 100, false);
	reply(a.number, 0, 50, true);
	settle();
	assert_int_equal(b.status, 404);
	assert_true(b.whole && a.whole && !a.lost);
	assert_string_equal(a.type, "application/json");
	assert_int_equal(take(&a, 120), 120);
	assert_int_equal(take(&a, 120), 30);
	assert_int_equal(take(&a, 120), 0);
	assert_int_equal(moves, 3);
	drop(&a);
	drop(&b);
	settle();
	assert_int_equal(got.cancels, 0);
}

static void credits_what_is_read(void **state)
{
	struct ask a;
	put(&a);
	settle();
	for (unsigned i = 0; i < REPLY_WINDOW / REPLY_OCTETS; i++)
		reply(a.number, i ? 0 : 200, REPLY_OCTETS, false);
	settle();
	assert_int_equal(a.queued, REPLY_WINDOW);
	assert_int_equal(take(&a, 1000), 1000);
	settle();
	assert_int_equal(got.credits, 0);
	assert_int_equal(take(&a, 100000), 100000);
	settle();
	assert_int_equal(got.credit, 101000);
	drop(&a);
	settle();
	assert_int_equal(got.cancels, 1);
	assert_int_equal(got.number % CALLS_MAX, 0);
	/* What was still on its way is none's. */
	reply(got.number, 0, 10, true);
	settle();
	assert_int_equal(a.queued, 0);
}

static void ends_a_desk_that_breaks_rules(void **state)
{
	struct ask a, b, c;
	put(&a), put(&b), put(&c);
	settle();
	reply(a.number, 0, 10, false); /* no status */
	reply(b.number, 200, 10, false);
	reply(b.number, 200, 10, false); /* a second one */
	for (unsigned i = 0; i < REPLY_WINDOW / REPLY_OCTETS + 2; i++)
		reply(c.number, i ? 0 : 200, REPLY_OCTETS, false); /* more than it may */
	settle();
	assert_true(a.lost && b.lost && c.lost);
	assert_int_equal(got.cancels, 3);
	drop(&a), drop(&b), drop(&c);
}

static void outlives_the_desk(void **state)
{
	struct ask a, b, c;
	put(&a), put(&b);
	settle();
	reply(a.number, 200, 10, true);
	settle();
	channel_free(desk);
	desk = NULL;
	settle();
	assert_true(a.whole && !a.lost);
	assert_true(b.lost);
	assert_int_equal(take(&a, 100), 10);
	put(&c);
	assert_true(c.lost);
	drop(&a), drop(&b), drop(&c);
	begin_desk();
	put(&c);
	settle();
	reply(c.number, 200, 0, true);
	settle();
	assert_true(c.whole);
	drop(&c);
}

static void has_room_for_so_many(void **state)
{
	static struct ask many[CALLS_MAX + 1];
	for (size_t i = 0; i <= CALLS_MAX; i++)
		put(&many[i]);
	assert_false(many[CALLS_MAX - 1].lost);
	assert_true(many[CALLS_MAX].lost);
	settle();
	assert_int_equal(got.calls, CALLS_MAX);
	drop(&many[5]);
	put(&many[CALLS_MAX]);
	assert_false(many[CALLS_MAX].lost);
	for (size_t i = 0; i <= CALLS_MAX; i++)
		drop(&many[i]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers),
		TEST(credits_what_is_read),
		TEST(ends_a_desk_that_breaks_rules),
		TEST(outlives_the_desk),
		TEST(has_room_for_so_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
