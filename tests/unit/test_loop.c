// SPDX-License-Identifier: Apache-2.0
#include "base/loop.h"

#include "base/clocksync.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct rig {
	struct loop *loop;
	char seen[64];
	int pipe[4][2], timer;
};

static void see(struct rig *r, char what)
{
	size_t n = strlen(r->seen);
	if (n + 1 < sizeof r->seen)
		r->seen[n] = what;
}

static void stop(void *arg)
{
	struct rig *r = arg;
	see(r, '.');
	loop_stop(r->loop);
}

static void see_a(void *arg)
{
	see(arg, 'a');
}

static void see_b(void *arg)
{
	see(arg, 'b');
}

static void cancel(void *arg)
{
	struct rig *r = arg;
	see(r, 'c');
	loop_cancel(r->loop, r->timer);
}

static void again(void *arg)
{
	struct rig *r = arg;
	see(r, 'r');
	/* Its own place is free already: the new one may take it, and must not run at once. */
	if (strlen(r->seen) < 3)
		loop_after(r->loop, 1, again, r);
	else
		loop_stop(r->loop);
}

static void timers(void **state)
{
	struct rig r = { .loop = loop_new() };
	loop_after(r.loop, 20, see_b, &r);
	loop_after(r.loop, 0, see_a, &r);
	r.timer = loop_after(r.loop, 15, see_a, &r);
	loop_after(r.loop, 5, cancel, &r);
	loop_after(r.loop, 40, stop, &r);
	loop_cancel(r.loop, -1);
	loop_cancel(r.loop, 1 << 20);
	loop_run(r.loop);
	assert_string_equal(r.seen, "acb.");
	memset(r.seen, 0, sizeof r.seen);
	loop_after(r.loop, 0, again, &r);
	loop_run(r.loop);
	assert_string_equal(r.seen, "rrr");
	loop_free(r.loop);
}

static void repeats(void **state)
{
	struct rig r = { .loop = loop_new() };
	r.timer = loop_timer(r.loop, 5, see_a, &r);
	loop_after(r.loop, 32, cancel, &r);
	loop_after(r.loop, 60, stop, &r);
	int64_t before = loop_now_ns();
	loop_run(r.loop);
	assert_true(loop_now_ns() - before >= 60 * 1000000);
	size_t n = strspn(r.seen, "a");
	assert_in_range(n, 1, 6);
	assert_string_equal(r.seen + n, "c.");
	loop_free(r.loop);
}

static void on_byte(void *arg, int fd, short events)
{
	struct rig *r = arg;
	char byte;
	assert_int_equal(read(fd, &byte, 1), 1);
	see(r, byte);
	for (int i = 0; i < 4; i++)
		if (byte == '0' + i && r->pipe[i][0] == fd)
			loop_remove(r->loop, fd); /* itself */
	if (byte == 'x')
		loop_remove(r->loop, r->pipe[2][0]); /* another that is ready */
	if (byte == 'y') {
		/* The number comes back within the round, as another's: what came is not for it. */
		loop_remove(r->loop, r->pipe[1][0]);
		loop_add(r->loop, r->pipe[1][0], 0, on_byte, r);
	}
}

static const struct {
	const char *name, *bytes, *want;
} rounds[] = {
	{ "all keep their place", "abcd", "abcd" },
	{ "each removes itself", "0123", "0321" },
	{ "the first removes itself, the last takes its place", "0bcd", "0dbc" },
	{ "the last removes itself", "abc3", "abc3" },
	{ "one removes another that is ready", "xbcd", "xbd" },
	{ "a number used again", "ybcd", "ydc" },
};

static void removals(void **state)
{
	for (size_t k = 0; k < sizeof rounds / sizeof *rounds; k++) {
		struct rig r = { .loop = loop_new() };
		for (int i = 0; i < 4; i++) {
			assert_int_equal(pipe2(r.pipe[i], O_CLOEXEC), 0);
			assert_int_equal(write(r.pipe[i][1], rounds[k].bytes + i, 1), 1);
			loop_add(r.loop, r.pipe[i][0], POLLIN, on_byte, &r);
		}
		loop_after(r.loop, 10, stop, &r);
		loop_run(r.loop);
		r.seen[strlen(r.seen) - 1] = '\0';
		if (strcmp(r.seen, rounds[k].want) != 0)
			fail_msg("%s: %s, not %s", rounds[k].name, r.seen, rounds[k].want);
		for (int i = 0; i < 4; i++) {
			close(r.pipe[i][0]);
			close(r.pipe[i][1]);
		}
		loop_remove(r.loop, 12345);
		loop_free(r.loop);
	}
}

/* Real time, monotonic time, what is told; in milliseconds, one behind the other, steps from 500 on. */
static const struct {
	const char *name;
	int64_t real, monotonic, want;
} steps[] = {
	{ "begins", 1000000, 5000, 0 },
	{ "runs", 1000100, 5100, 0 },
	{ "is slewed", 1000250, 5200, 0 },
	{ "is slewed back", 1000300, 5300, 0 },
	{ "jumps ahead", 1002400, 5400, 2000 },
	{ "runs on there", 1002500, 5500, 0 },
	{ "jumps back", 1001600, 5600, -1000 },
	{ "just below a step", 1002199, 5700, 0 },
	{ "from where it is", 1002799, 5800, 500 },
	{ "a process that slept", 1062799, 65800, 0 },
};

static void clock_steps(void **state)
{
	struct clocksync_steps s = { 0 };
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int64_t got = clocksync_step(&s, steps[i].real * 1000000, steps[i].monotonic * 1000000, 500000000);
		if (got != steps[i].want * 1000000)
			fail_msg("%s: %lld ms", steps[i].name, (long long)(got / 1000000));
	}
	assert_string_equal(clocksync_name(CLOCKSYNC_UNSYNCHRONISED), "unsynchronised");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(timers), cmocka_unit_test(repeats),
		cmocka_unit_test(removals), cmocka_unit_test(clock_steps) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
