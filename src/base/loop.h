// SPDX-License-Identifier: Apache-2.0
/*
 * One thread's waiting: descriptors and timers, by poll(2). Callbacks run in loop_run(), one after the other, and may
 * add and remove anything, themselves too.
 */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define LOOP_FDS    512
#define LOOP_TIMERS 64

struct loop; /* opaque; one thread */

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* `events` as in poll(2); `fn` gets what came. One registration a descriptor. It is not closed by the loop. */
typedef void loop_fd_fn(void *arg, int fd, short events);
void loop_add(struct loop *l, int fd, short events, loop_fd_fn *fn, void *arg);
void loop_events(struct loop *l, int fd, short events);
void loop_remove(struct loop *l, int fd);

/* Calls `fn` every `every_ms` from now on; 0: once, as soon as possible. Returns a number for loop_cancel(). */
typedef void loop_timer_fn(void *arg);
int loop_timer(struct loop *l, int every_ms, loop_timer_fn *fn, void *arg);

/* Calls `fn` once, in `in_ms`. */
int loop_after(struct loop *l, int in_ms, loop_timer_fn *fn, void *arg);
void loop_cancel(struct loop *l, int timer);

/* Until loop_stop(), from a callback. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Monotonic clock in nanoseconds. */
int64_t loop_now_ns(void);

/* Real time in nanoseconds since 1970. */
int64_t loop_clock_ns(void);
