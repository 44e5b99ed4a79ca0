// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/live.h"

#include "base/mem.h"
#include "sensor/telescope/collect.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define RECORDS	     64
#define QUEUE	     256 /* signals that wait to be told, per worker */
#define IDLE_WAIT_MS 50
#define TICK_NS	     1000000000
#define CLOSED	     4 /* minutes that can close between two ticks; more only when the clock jumps */
#define NAP_MS	     5
#define DRAIN_NS     1000000000 /* at the end: longest wait for packets that the kernel says it kept */
/* A darknet of one /16 at a few thousand packets a second; more is touched when it comes. */
#define TOUCH_FLOWS   ((size_t)256 << 10)
#define TOUCH_SOURCES ((size_t)64 << 10)

/*
 * A tick: the caller's thread numbers it and says what time it is; each worker, once it has read everything up to that
 * time, closes minutes, puts what it has aside for the caller and says that it is done. The caller takes all together.
 * No lock is held over a packet.
 */
struct closed {
	int64_t start;
	uint64_t flows;
};

struct worker {
	struct live *live;
	unsigned index;
	pthread_t thread;
	struct telescope *telescope;
	struct signals *signals;
	struct collect *filling, *aside;
	uint64_t seen;	       /* tick */
	int64_t seen_ns;       /* its time */
	_Atomic uint64_t done; /* tick: the members below are the caller's until the next */
	struct telescope_counts counts;
	struct signals_counts signal_counts;
	uint64_t sources, busy_ns;
	bool exact;
	struct closed closed[CLOSED], told[CLOSED]; /* being filled; the caller's */
	uint64_t flows_before;
	pthread_mutex_t lock; /* of the queue */
	struct signal *queue;
	unsigned queued;
	uint64_t lost, lost_told;
	struct capfile_record records[RECORDS];
};

struct live {
	struct live_params p;
	struct capture *capture;
	unsigned n, started;
	int wake; /* eventfd */
	_Atomic uint64_t tick;
	int64_t tick_ns, next_ns; /* of this tick; when the next is due */
	_Atomic uint64_t packets;
	_Atomic bool stop, gone;
	struct capture_stats stats;
	int64_t stats_ns;
	struct live_status status;
	struct worker workers[CAPTURE_WORKERS_MAX];
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

void live_wake(const struct live *l)
{
	uint64_t one = 1;
	if (write(l->wake, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

int live_fd(const struct live *l)
{
	return l->wake;
}

/* ---- worker threads ---- */

static void enqueue(void *arg, const struct signal *s)
{
	struct worker *w = arg;
	pthread_mutex_lock(&w->lock);
	if (w->queued < QUEUE)
		w->queue[w->queued++] = *s;
	else
		w->lost++;
	pthread_mutex_unlock(&w->lock);
	live_wake(w->live);
}

/* The sinks of a telescope are fixed; the collection behind them changes. */
static void to_flow(void *arg, const struct flow *f, bool late)
{
	struct worker *w = arg;
	struct telescope_sink s = collect_sink(w->filling, &w->live->p.telescope.sink);
	s.flow(s.arg, f, late);
}

static void to_source(void *arg, const struct source *source)
{
	struct worker *w = arg;
	struct telescope_sink s = collect_sink(w->filling, &w->live->p.telescope.sink);
	s.source(s.arg, source);
}

static void to_minute(void *arg, int64_t start)
{
	struct worker *w = arg;
	uint64_t flows = telescope_counts(w->telescope)->flows;
	for (int i = 0; i < CLOSED; i++)
		if (w->closed[i].flows == 0) {
			w->closed[i] = (struct closed){ start, flows - w->flows_before };
			break;
		}
	w->flows_before = flows;
	struct telescope_sink s = collect_sink(w->filling, &w->live->p.telescope.sink);
	s.minute(s.arg, start);
}

static void hand_over(struct worker *w, uint64_t tick)
{
	struct collect *c = w->filling;
	w->filling = w->aside;
	w->aside = c;
	memcpy(w->told, w->closed, sizeof w->told);
	memset(w->closed, 0, sizeof w->closed);
	w->counts = *telescope_counts(w->telescope);
	w->signal_counts = signals_counts(w->signals);
	w->sources = 0;
	w->exact = true;
	for (int ip6 = 0; ip6 < 2; ip6++) {
		const struct distinct *d = telescope_distinct(w->telescope, ip6);
		w->sources += distinct_count(d);
		w->exact = w->exact && distinct_exact(d);
	}
	w->busy_ns = (uint64_t)now_ns(CLOCK_THREAD_CPUTIME_ID);
	w->seen = tick;
	atomic_store_explicit(&w->done, tick, memory_order_release);
	live_wake(w->live);
}

/* `upto_ns`: everything before it was read. */
static void look_at_tick(struct worker *w, int64_t upto_ns)
{
	struct live *l = w->live;
	uint64_t tick = atomic_load_explicit(&l->tick, memory_order_acquire);
	if (tick == w->seen || upto_ns < l->tick_ns)
		return;
	/* The clock was put back: with minutes ahead open, everything would be late until it has caught up. */
	if (l->tick_ns < w->seen_ns)
		telescope_restart(w->telescope);
	w->seen_ns = l->tick_ns;
	telescope_advance(w->telescope, l->tick_ns);
	hand_over(w, tick);
}

static void take(struct worker *w, size_t n)
{
	struct live *l = w->live;
	telescope_add(w->telescope, w->records, n);
	signals_add(w->signals, w->records, n, enqueue, w);
	if (l->p.records)
		l->p.records(l->p.telescope.sink.arg, w->index, w->records, n, telescope_counts(w->telescope));
	if (!l->p.max_packets)
		return;
	uint64_t sum = atomic_fetch_add_explicit(&l->packets, n, memory_order_relaxed) + n;
	if (sum >= l->p.max_packets && sum - n < l->p.max_packets)
		live_wake(l);
}

/* Nothing is there. False: nothing will come any more. */
static bool wait_for_more(struct worker *w, int64_t *quiet_ns)
{
	struct live *l = w->live;
	struct timespec nap = { .tv_nsec = NAP_MS * 1000000 };
	if (!atomic_load(&l->stop)) {
		if (capture_wait(l->capture, w->index, IDLE_WAIT_MS) >= 0)
			return true;
		if (!atomic_exchange(&l->gone, true))
			live_wake(l);
		nanosleep(&nap, NULL);
		return true;
	}
	/* Also when the interface is gone: the last block is still to be handed out. */
	if (capture_done(l->capture, w->index) || *quiet_ns >= DRAIN_NS)
		return false;
	nanosleep(&nap, NULL);
	*quiet_ns += NAP_MS * 1000000;
	return true;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	int64_t quiet_ns = 0;
	for (;;) {
		size_t n = capture_read(w->live->capture, w->index, w->records, RECORDS);
		if (n) {
			take(w, n);
			look_at_tick(w, w->records[n - 1].time_ns);
			continue;
		}
		if (w->live->p.records)
			w->live->p.records(
				w->live->p.telescope.sink.arg, w->index, NULL, 0, telescope_counts(w->telescope));
		look_at_tick(w, INT64_MAX);
		if (!wait_for_more(w, &quiet_ns))
			break;
	}
	telescope_flush(w->telescope);
	hand_over(w, UINT64_MAX);
	return NULL;
}

/* ---- the caller's thread ---- */

static void new_worker(struct live *l, unsigned i)
{
	struct worker *w = &l->workers[i];
	const struct telescope_sink *final = &l->p.telescope.sink;
	struct telescope_params t = l->p.telescope;
	if (!t.touch_flows) {
		t.touch_flows = TOUCH_FLOWS;
		t.touch_sources = TOUCH_SOURCES;
	}
	w->live = l;
	w->index = i;
	w->filling = collect_new();
	w->aside = collect_new();
	w->queue = mem_new(QUEUE * sizeof *w->queue);
	struct telescope_sink s = collect_sink(w->filling, final);
	t.sink = (struct telescope_sink){
		.arg = w,
		.flow = s.flow ? to_flow : NULL,
		.source = s.source ? to_source : NULL,
		.minute = s.minute ? to_minute : NULL,
	};
	t.sorted = final->flow != NULL;
	t.worker = t.workers = 0; /* the kernel splits */
	w->telescope = telescope_new(&t);
	w->signals = signals_new(&l->p.signals);
	ENSURE(pthread_mutex_init(&w->lock, NULL) == 0);
}

int live_open(struct live **out, const struct live_params *p, struct err *err)
{
	struct capture *capture;
	*out = NULL;
	ENSURE(!p->telescope.sink.packet && !p->telescope.sum_sources && !p->telescope.count_only);
	if (capture_open(&capture, &p->capture, err) < 0)
		return -1;
	struct live *l = mem_new(sizeof *l);
	l->p = *p;
	l->capture = capture;
	l->n = capture_workers(capture);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ENSURE(l->wake >= 0);
	for (unsigned i = 0; i < l->n; i++)
		new_worker(l, i);
	l->stats_ns = now_ns(CLOCK_REALTIME);
	*out = l;
	return 0;
}

void live_close(struct live *l)
{
	if (!l)
		return;
	ENSURE(l->started == 0);
	for (unsigned i = 0; i < l->n; i++) {
		struct worker *w = &l->workers[i];
		telescope_free(w->telescope);
		signals_free(w->signals);
		collect_free(w->filling);
		collect_free(w->aside);
		pthread_mutex_destroy(&w->lock);
		free(w->queue);
	}
	close(l->wake);
	capture_close(l->capture);
	free(l);
}

int live_linktype(const struct live *l)
{
	return capture_linktype(l->capture);
}

int live_start(struct live *l, struct err *err)
{
	static const int faults[] = { SIGSYS, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	sigset_t all, before;
	int r = 0;
	/* Those that tell of a fault of the thread itself would end the process without a word. */
	sigfillset(&all);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; l->started < l->n && r == 0; l->started += r == 0)
		r = pthread_create(&l->workers[l->started].thread, NULL, run, &l->workers[l->started]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r == 0 ? 0 : err_set(err, -1, "can't start a thread: %s", strerror(r));
}

static void tell_signals(struct live *l)
{
	struct signal s;
	for (unsigned i = 0; i < l->n; i++) {
		struct worker *w = &l->workers[i];
		for (unsigned k = 0;; k++) {
			pthread_mutex_lock(&w->lock);
			bool more = k < w->queued;
			if (more)
				s = w->queue[k];
			else
				w->queued = 0;
			w->lost_told = w->lost;
			pthread_mutex_unlock(&w->lock);
			if (!more)
				break;
			if (l->p.signal)
				l->p.signal(l->p.telescope.sink.arg, &s);
		}
	}
}

static void tell_drops(struct live *l, int64_t now)
{
	uint64_t before = l->stats.dropped;
	l->stats = capture_stats(l->capture);
	if (l->stats.dropped > before && l->p.dropped)
		l->p.dropped(l->p.telescope.sink.arg, l->stats_ns, now, l->stats.dropped - before);
	l->stats_ns = now;
}

static bool all_done(struct live *l, uint64_t tick)
{
	for (unsigned i = 0; i < l->n; i++)
		if (atomic_load_explicit(&l->workers[i].done, memory_order_acquire) < tick)
			return false;
	return true;
}

/* What all have put aside, told as one. */
static void tell_minutes(struct live *l)
{
	struct collect *all[CAPTURE_WORKERS_MAX];
	for (unsigned i = 0; i < l->n; i++) {
		struct closed *told = l->workers[i].told;
		for (int k = 0; k < CLOSED && l->p.flows; k++)
			if (told[k].flows)
				l->p.flows(l->p.telescope.sink.arg, told[k].start, told[k].flows);
		memset(told, 0, sizeof l->workers[i].told);
		all[i] = l->workers[i].aside;
	}
	collect_merge(all, l->n, &l->p.telescope.sink);
}

/* While the workers' copies are the caller's. */
static void sum_up(struct live *l)
{
	struct live_status sum = { .capture = l->stats, .exact = true };
	for (unsigned i = 0; i < l->n; i++) {
		struct worker *w = &l->workers[i];
		uint64_t minutes = sum.counts.minutes;
		telescope_counts_add(&sum.counts, &w->counts);
		sum.counts.minutes = minutes > w->counts.minutes ? minutes : w->counts.minutes;
		sum.signals.told += w->signal_counts.told;
		sum.signals.evicted += w->signal_counts.evicted;
		sum.signals_lost += w->lost_told;
		sum.sources += w->sources;
		sum.exact = sum.exact && w->exact;
		sum.busy_ns += w->busy_ns;
	}
	l->status = sum;
}

static void tick(struct live *l)
{
	uint64_t number = atomic_load(&l->tick);
	int64_t clock = now_ns(CLOCK_MONOTONIC);
	if (clock < l->next_ns || !all_done(l, number))
		return;
	int64_t read_ns = l->tick_ns, now = now_ns(CLOCK_REALTIME);
	l->next_ns = clock + TICK_NS;
	tell_drops(l, now);
	tell_minutes(l);
	sum_up(l);
	l->status.read_ns = now < read_ns ? 0 : read_ns;
	l->tick_ns = now;
	atomic_store_explicit(&l->tick, number + 1, memory_order_release);
}

int live_poll(struct live *l, int timeout_ms)
{
	struct pollfd p = { .fd = l->wake, .events = POLLIN };
	uint64_t drain;
	int64_t left = (l->next_ns - now_ns(CLOCK_MONOTONIC)) / 1000000 + 1;
	if (timeout_ms < 0 || left < timeout_ms)
		timeout_ms = left < 0 ? 0 : (int)left;
	/* A worker that is behind wakes us when it is done. */
	if (!all_done(l, atomic_load(&l->tick)) && timeout_ms == 0)
		timeout_ms = IDLE_WAIT_MS;
	if (poll(&p, 1, timeout_ms) > 0 && read(l->wake, &drain, sizeof drain) < 0)
		return 0;
	tell_signals(l);
	tick(l);
	if (atomic_load(&l->gone))
		return -1;
	return l->p.max_packets && atomic_load(&l->packets) >= l->p.max_packets;
}

void live_stop(struct live *l)
{
	capture_stop(l->capture);
	/* What was put aside for a tick must be taken before the last is put there. */
	while (l->started == l->n && !all_done(l, atomic_load(&l->tick)))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	tell_minutes(l);
	atomic_store(&l->stop, true);
	for (unsigned i = 0; i < l->started; i++)
		pthread_join(l->workers[i].thread, NULL);
	l->started = 0;
	tell_signals(l);
	tell_drops(l, now_ns(CLOCK_REALTIME));
	tell_minutes(l);
	sum_up(l);
}

struct live_status live_status(const struct live *l)
{
	return l->status;
}
