// SPDX-License-Identifier: Apache-2.0
/* The capture role's glimpses, with a bare socket as the console: it reads, it doesn't, it sends, it goes. */
#include "range/frame.h"
#include "role/counters.h"
#include "role/glimpser.h"
#include "role/roles.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct rig {
	struct loop *loop;
	struct glimpser *glimpser;
	struct telescope *telescope;
	int peer;
	struct frame frame;
	struct capfile_record rec;
	pthread_t thread;
	_Atomic uint64_t fed;
	_Atomic bool stop;
};

/* A worker: as many packets as it can, in steps of 32. */
static void *work(void *arg)
{
	struct rig *r = arg;
	struct capfile_record recs[32];
	for (size_t i = 0; i < 32; i++)
		recs[i] = r->rec;
	while (!atomic_load(&r->stop)) {
		for (size_t i = 0; i < 32; i++)
			recs[i].time_ns = loop_clock_ns();
		telescope_add(r->telescope, recs, 32);
		atomic_fetch_add(&r->fed, 32);
		glimpser_records(r->glimpser, 0, recs, 32, telescope_counts(r->telescope));
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
	return NULL;
}

static void attach(struct rig *r)
{
	int pair[2];
	assert_int_equal(channel_pair(pair), 0);
	if (r->peer >= 0)
		close(r->peer);
	r->peer = pair[1];
	struct channel_params p = { .loop = r->loop,
		.fd = pair[0],
		.kinds = edges_kinds(ROLE_CONSOLE, ROLE_CAPTURE),
		.handler = glimpser_handler(r->glimpser) };
	glimpser_attach(r->glimpser, channel_new(&p));
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	struct telescope_params t = { .count_only = true };
	struct frame_net net = { .src = 0xcb007101, .dst = 0xc6336401, .ttl = 60 };
	frame_udp(&r->frame, &net, 5000, 53, (struct bytes){ 0 });
	r->rec = (struct capfile_record){
		.data = { r->frame.b, r->frame.n }, .wire_len = 60, .linktype = LINK_ETHERNET, .has_time = true
	};
	r->peer = -1;
	r->loop = loop_new();
	r->telescope = telescope_new(&t);
	r->glimpser = glimpser_new(r->loop, "west", 1, 0);
	counters_set(COUNTER_GLIMPSES, 0);
	counters_set(COUNTER_GLIMPSES_LOST, 0);
	*state = r;
	return pthread_create(&r->thread, NULL, work, r);
}

static int tear_down(void **state)
{
	struct rig *r = *state;
	atomic_store(&r->stop, true);
	pthread_join(r->thread, NULL);
	glimpser_free(r->glimpser);
	telescope_free(r->telescope);
	loop_free(r->loop);
	if (r->peer >= 0)
		close(r->peer);
	free(r);
	return 0;
}

static void on_end(void *arg)
{
	loop_stop(((struct rig *)arg)->loop);
}

static void run(struct rig *r, int ms)
{
	int timer = loop_after(r->loop, ms, on_end, r);
	loop_run(r->loop);
	loop_cancel(r->loop, timer);
}

/* The next glimpse that lies in the socket. */
static bool get(struct rig *r, struct glimpse *g)
{
	static uint8_t octets[MESSAGE_MAX];
	struct message m;
	ssize_t n = recv(r->peer, octets, sizeof octets, MSG_DONTWAIT);
	if (n <= 0)
		return false;
	assert_int_equal(message_parse((struct bytes){ octets, (size_t)n }, &m), 0);
	assert_int_equal(m.kind, MESSAGE_GLIMPSE);
	assert_int_equal(glimpse_parse(m.body, g), 0);
	return true;
}

static void four_a_second(void **state)
{
	struct rig *r = *state;
	static struct glimpse g;
	uint64_t packets = 0;
	int n = 0;
	run(r, 100);
	attach(r);
	uint64_t before = atomic_load(&r->fed);
	run(r, 2100);
	uint64_t after = atomic_load(&r->fed);
	int64_t now = loop_clock_ns(), until = 0;
	for (; get(r, &g); n++) {
		packets += g.packets;
		assert_string_equal(g.sensor, "west");
		assert_int_equal(g.packets, g.by_class[CLASS_UDP]);
		assert_int_equal(g.n, GLIMPSE_POINTS);
		assert_true(g.to_ns - g.from_ns < INT64_C(2000000000) && g.to_ns <= now);
		assert_true(n == 0 || g.from_ns == until);
		until = g.to_ns;
	}
	assert_in_range(n, 4, 8);
	/* What came since the last glimpse is not told yet. */
	assert_in_range(packets, (after - before) * n / 10, after - before);
	assert_true(now - g.to_ns < INT64_C(900000000));
	assert_int_equal(counters_get(counters, COUNTER_GLIMPSES), n);
	assert_int_equal(counters_get(counters, COUNTER_GLIMPSES_LOST), 0);
}

/* A console that reads nothing costs what lies in the socket and a few that wait, never more. */
static void nobody_reads(void **state)
{
	struct rig *r = *state;
	static struct glimpse g;
	int size = 4096, pair[2];
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	struct channel_params p = { .loop = r->loop, .fd = pair[0], .handler = glimpser_handler(r->glimpser) };
	struct channel *c = channel_new(&p);
	r->peer = pair[1];
	glimpser_attach(r->glimpser, c);
	run(r, 5000);
	assert_in_range(channel_queued(c), GLIMPSER_WAITING / 2, GLIMPSER_WAITING + 8192);
	uint64_t lost = counters_get(counters, COUNTER_GLIMPSES_LOST), sent = counters_get(counters, COUNTER_GLIMPSES);
	assert_true(lost >= 1 && sent >= 8);
	uint64_t n = 0;
	for (int turn = 0; turn < 30; turn++) {
		while (get(r, &g))
			n++;
		run(r, 10);
	}
	assert_true(n >= sent);
	assert_int_equal(counters_get(counters, COUNTER_GLIMPSES_LOST), lost);
}

/* The next one is served as the first was; one that says a word is not. */
static void goes_and_comes(void **state)
{
	struct rig *r = *state;
	static struct glimpse g;
	attach(r);
	run(r, 700);
	assert_true(get(r, &g));
	close(r->peer);
	r->peer = -1;
	run(r, 700);
	uint64_t sent = counters_get(counters, COUNTER_GLIMPSES);
	run(r, 700);
	assert_int_equal(counters_get(counters, COUNTER_GLIMPSES), sent);
	attach(r);
	run(r, 700);
	assert_true(get(r, &g));
	uint8_t word[MESSAGE_HEADER];
	message_header_build(word, &(struct message){ .kind = MESSAGE_GLIMPSE });
	assert_int_equal(send(r->peer, word, sizeof word, 0), sizeof word);
	run(r, 100);
	while (get(r, &g))
		;
	run(r, 700);
	assert_false(get(r, &g));
	attach(r);
	run(r, 700);
	assert_true(get(r, &g));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = { T(four_a_second), T(nobody_reads), T(goes_and_comes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
