// SPDX-License-Identifier: Apache-2.0
#include "base/loop.h"

#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct entry {
	loop_fd_fn *fn;
	void *arg;
	uint64_t serial; /* a descriptor's number may be used again within one round */
};

struct timer {
	loop_timer_fn *fn; /* NULL: free */
	void *arg;
	int64_t due_ns, every_ns;
};

struct loop {
	struct pollfd fds[LOOP_FDS];
	struct entry entries[LOOP_FDS];
	size_t n;
	struct timer timers[LOOP_TIMERS];
	uint64_t serial;
	bool stop;
};

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t loop_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t loop_clock_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

struct loop *loop_new(void)
{
	return mem_new(sizeof(struct loop));
}

void loop_free(struct loop *l)
{
	free(l);
}

static size_t find(const struct loop *l, int fd)
{
	size_t i = 0;
	while (i < l->n && l->fds[i].fd != fd)
		i++;
	return i;
}

void loop_add(struct loop *l, int fd, short events, loop_fd_fn *fn, void *arg)
{
	ENSURE(fd >= 0 && l->n < LOOP_FDS && find(l, fd) == l->n);
	l->fds[l->n] = (struct pollfd){ .fd = fd, .events = events };
	l->entries[l->n++] = (struct entry){ fn, arg, ++l->serial };
}

void loop_events(struct loop *l, int fd, short events)
{
	size_t i = find(l, fd);
	ENSURE(i < l->n);
	l->fds[i].events = events;
}

void loop_remove(struct loop *l, int fd)
{
	size_t i = find(l, fd);
	if (i == l->n)
		return;
	l->n--;
	l->fds[i] = l->fds[l->n];
	l->entries[i] = l->entries[l->n];
}

static int add_timer(struct loop *l, int64_t in_ms, int64_t every_ms, loop_timer_fn *fn, void *arg)
{
	int i = 0;
	while (i < LOOP_TIMERS && l->timers[i].fn)
		i++;
	ENSURE(i < LOOP_TIMERS);
	l->timers[i] = (struct timer){ fn, arg, loop_now_ns() + in_ms * 1000000, every_ms * 1000000 };
	return i;
}

int loop_timer(struct loop *l, int every_ms, loop_timer_fn *fn, void *arg)
{
	return add_timer(l, every_ms, every_ms, fn, arg);
}

int loop_after(struct loop *l, int in_ms, loop_timer_fn *fn, void *arg)
{
	return add_timer(l, in_ms, 0, fn, arg);
}

void loop_cancel(struct loop *l, int timer)
{
	if (timer >= 0 && timer < LOOP_TIMERS)
		l->timers[timer].fn = NULL;
}

static int wait_ms(const struct loop *l)
{
	int64_t least = INT64_MAX, now = loop_now_ns();
	for (int i = 0; i < LOOP_TIMERS; i++)
		if (l->timers[i].fn && l->timers[i].due_ns < least)
			least = l->timers[i].due_ns;
	if (least == INT64_MAX)
		return -1;
	int64_t left = (least - now + 999999) / 1000000;
	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void run_timers(struct loop *l)
{
	int64_t now = loop_now_ns();
	for (int i = 0; i < LOOP_TIMERS && !l->stop; i++) {
		struct timer *t = &l->timers[i];
		if (!t->fn || t->due_ns > now)
			continue;
		loop_timer_fn *fn = t->fn;
		if (t->every_ns)
			t->due_ns = now + t->every_ns;
		else
			t->fn = NULL;
		fn(t->arg);
	}
}

static void run_fds(struct loop *l)
{
	uint64_t newest = l->serial;
	for (size_t i = 0; i < l->n && !l->stop; i++) {
		short came = l->fds[i].revents;
		uint64_t serial = l->entries[i].serial;
		l->fds[i].revents = 0;
		if (!came || serial > newest)
			continue;
		l->entries[i].fn(l->entries[i].arg, l->fds[i].fd, came);
		/* It removed itself: another took its place. */
		if (i < l->n && l->entries[i].serial != serial)
			i--;
	}
}

void loop_run(struct loop *l)
{
	l->stop = false;
	while (!l->stop) {
		int n = poll(l->fds, l->n, wait_ms(l));
		ENSURE(n >= 0 || errno == EINTR || errno == EAGAIN);
		if (n > 0)
			run_fds(l);
		if (!l->stop)
			run_timers(l);
	}
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
