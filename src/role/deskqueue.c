// SPDX-License-Identifier: Apache-2.0
#include "role/desk.h"

#include "base/mem.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK (1u << 20) /* what is not touched takes no memory */
#define FEED  ((size_t)2 << 20)

static void free_outs(struct desk_job *k)
{
	while (k->first) {
		struct desk_out *o = k->first;
		k->first = o->next;
		free(o);
	}
	k->last = &k->first;
}

static void free_job(struct desk *d, struct desk_job *k)
{
	for (int i = 0; i < DESK_JOBS; i++)
		if (d->jobs[i] == k)
			d->jobs[i] = NULL;
	free_outs(k);
	/* Among it may be a password. */
	proof_wipe(k->body, k->body_n);
	free(k->body);
	free(k->part.p);
	proof_wipe(k, sizeof *k);
	free(k);
}

static struct desk_job *find(struct desk *d, uint64_t number)
{
	for (int i = 0; i < DESK_JOBS; i++)
		if (d->jobs[i] && d->jobs[i]->number == number && !d->jobs[i]->orphan)
			return d->jobs[i];
	return NULL;
}

/* ---- in a thread ---- */

/* With the lock. */
static bool wanted(const struct desk_job *k)
{
	return !k->orphan && !k->desk->quit && !atomic_load(&k->cancel);
}

static void send_part(struct desk_job *k, bool last)
{
	struct desk *d = k->desk;
	struct message_buf b = { 0 };
	struct reply r = { .status = k->begun ? 0 : k->status, .last = last, .octets = { k->part.p, k->part.n } };
	if (!k->begun) {
		snprintf(r.type, sizeof r.type, "%s", k->view && k->view->type[0] ? k->view->type : "application/json");
		snprintf(r.session, sizeof r.session, "%s", k->session);
		if (k->view && k->status == 200)
			snprintf(r.name, sizeof r.name, "%s", k->view->file);
	}
	reply_build(&b, &r);
	struct desk_out *o = mem_new(sizeof *o + b.n);
	*o = (struct desk_out){ .n = b.n, .octets = k->part.n };
	memcpy(o->p, b.p, b.n);
	free(b.p);
	k->begun = true;
	k->part.n = 0;
	pthread_mutex_lock(&d->lock);
	*k->last = o;
	k->last = &o->next;
	k->window -= o->octets < k->window ? o->octets : k->window;
	/* From then on it may be freed. */
	if (last)
		k->state = JOB_DONE;
	pthread_mutex_unlock(&d->lock);
	desk_wake(d);
}

/* For room to send a whole message. */
static int wait_for_credit(struct desk_job *k)
{
	struct desk *d = k->desk;
	pthread_mutex_lock(&d->lock);
	while (wanted(k) && k->window < REPLY_OCTETS)
		pthread_cond_wait(&d->room, &d->lock);
	bool go_on = wanted(k);
	pthread_mutex_unlock(&d->lock);
	return go_on ? 0 : -1;
}

/* A message is sent when there is more: so the last one is never empty, but for an answer that is, or is cut off. */
int deskqueue_put(struct desk_job *k, const void *p, size_t n)
{
	const uint8_t *from = p;
	while (n && !k->failed) {
		if (k->part.n == REPLY_OCTETS) {
			k->failed = wait_for_credit(k) < 0;
			if (k->failed)
				break;
			send_part(k, false);
		}
		size_t room = REPLY_OCTETS - k->part.n, piece = n < room ? n : room;
		message_octets(&k->part, from, piece);
		from += piece;
		n -= piece;
	}
	return k->failed ? -1 : 0;
}

void deskqueue_last(struct desk_job *k, bool whole)
{
	/* The first message needs no credit, the window is open. */
	if (k->begun && whole && !k->failed)
		k->failed = wait_for_credit(k) < 0;
	if (k->begun && (k->failed || !whole))
		k->part.n = 0;
	send_part(k, true);
}

static unsigned running(const struct desk *d, const char *user, const struct desk_job *but)
{
	unsigned n = 0;
	for (int i = 0; i < DESK_JOBS; i++) {
		const struct desk_job *k = d->jobs[i];
		n += k && k != but && k->state == JOB_RUNS && k->known && strcmp(k->user, user) == 0;
	}
	return n;
}

bool deskqueue_user(struct desk_job *k, const char *user)
{
	struct desk *d = k->desk;
	pthread_mutex_lock(&d->lock);
	snprintf(k->user, sizeof k->user, "%s", user);
	k->known = true;
	bool may = running(d, user, k) < DESK_THREADS - 1;
	pthread_mutex_unlock(&d->lock);
	return may;
}

static bool password_runs(const struct desk *d)
{
	for (int i = 0; i < DESK_JOBS; i++)
		if (d->jobs[i] && d->jobs[i]->state == JOB_RUNS && d->jobs[i]->password)
			return true;
	return false;
}

/* Files may take as long as their readers like: they never have all threads. */
static bool downloads_are_many(const struct desk *d)
{
	unsigned n = 0;
	for (int i = 0; i < DESK_JOBS; i++)
		n += d->jobs[i] && d->jobs[i]->state == JOB_RUNS && d->jobs[i]->download;
	return n >= DESK_THREADS - 1;
}

/* One user never has all threads either, and passwords never more than one. */
static bool startable(const struct desk *d, const struct desk_job *k)
{
	return k && k->state == JOB_WAITS && !(k->password && password_runs(d)) &&
	       !(k->download && downloads_are_many(d)) && (!k->known || running(d, k->user, k) < DESK_THREADS - 1);
}

/* In turn. */
static struct desk_job *next_job(struct desk *d)
{
	for (unsigned n = 0; n < DESK_JOBS; n++) {
		struct desk_job *k = d->jobs[d->turn++ % DESK_JOBS];
		if (startable(d, k))
			return k;
	}
	return NULL;
}

static void wait_for_work(struct desk_worker *w)
{
	struct desk *d = w->desk;
	struct timespec until;
	if (!w->store) {
		pthread_cond_wait(&d->work, &d->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += DESK_IDLE_S;
	if (pthread_cond_timedwait(&d->work, &d->lock, &until) == 0)
		return;
	pthread_mutex_unlock(&d->lock);
	deskanswer_rest(w);
	pthread_mutex_lock(&d->lock);
}

static void *work(void *arg)
{
	struct desk_worker *w = arg;
	struct desk *d = w->desk;
	pthread_mutex_lock(&d->lock);
	while (!d->quit) {
		struct desk_job *k = next_job(d);
		if (!k) {
			wait_for_work(w);
			continue;
		}
		k->state = JOB_RUNS;
		k->begun_ns = k->moved_ns = loop_now_ns();
		pthread_mutex_unlock(&d->lock);
		bool done = deskanswer(w, k);
		pthread_mutex_lock(&d->lock);
		if (!done)
			k->state = JOB_WAITS;
		/* Somebody may have waited for this one's end. */
		pthread_cond_broadcast(&d->work);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* ---- in the role's thread ---- */

static void busy(struct desk *d, uint64_t number)
{
	static const char text[] =
		"{\"error\":{\"code\":\"busy\",\"message\":\"too much is asked at once: try again\"}}\n";
	struct message_buf b = { 0 };
	struct reply r = { .status = 503,
		.last = true,
		.type = "application/json",
		.octets = { (const uint8_t *)text, sizeof text - 1 } };
	reply_build(&b, &r);
	channel_send(d->console, &(struct message){ .kind = MESSAGE_REPLY, .sequence = number, .body = { b.p, b.n } });
	free(b.p);
	counters_add(COUNTER_CALLS_BUSY, 1);
}

/* Is a password to be reckoned for it? */
static bool needs_password(const struct call *c)
{
	static const char end[] = "/password";
	size_t n = strlen(c->path);
	return strcmp(c->method, "POST") == 0 &&
	       (strcmp(c->path, "/login") == 0 || strcmp(c->path, "/users") == 0 ||
		       (n >= sizeof end - 1 && strcmp(c->path + n - (sizeof end - 1), end) == 0));
}

/* With the lock. A place for it, or -1. */
static int place(const struct desk *d, const struct desk_job *k)
{
	unsigned same = 0, passwords = 0;
	int at = -1;
	for (int i = 0; i < DESK_JOBS; i++) {
		const struct desk_job *o = d->jobs[i];
		if (!o) {
			at = at < 0 ? i : at;
			continue;
		}
		same += memcmp(o->sha, k->sha, sizeof k->sha) == 0;
		passwords += o->password;
	}
	return same >= DESK_EACH || (k->password && passwords >= DESK_LOGINS) ? -1 : at;
}

void deskqueue_call(struct desk *d, const struct message *m)
{
	struct desk_job *k = mem_new(sizeof *k);
	*k = (struct desk_job){ .desk = d, .number = m->sequence, .window = REPLY_WINDOW, .status = 200 };
	k->last = &k->first;
	k->body_n = m->body.n;
	k->body = mem_new(m->body.n + 1);
	memcpy(k->body, m->body.p, m->body.n);
	pthread_mutex_lock(&d->lock);
	bool good =
		call_parse((struct bytes){ k->body, m->body.n }, &k->call) == 0 && m->sequence && !find(d, m->sequence);
	int at = -1;
	if (good) {
		proof_sha(k->sha, k->call.token);
		k->password = needs_password(&k->call);
		k->download = deskaudit_download(k->call.path);
		k->came_ns = loop_now_ns();
		at = place(d, k);
	}
	if (at >= 0) {
		d->jobs[at] = k;
		pthread_cond_signal(&d->work);
	}
	pthread_mutex_unlock(&d->lock);
	counters_add(COUNTER_CALLS, 1);
	if (at >= 0)
		return;
	if (good)
		busy(d, m->sequence);
	else
		channel_refused();
	free_job(d, k);
}

void deskqueue_credit(struct desk *d, uint64_t number, uint32_t octets)
{
	pthread_mutex_lock(&d->lock);
	struct desk_job *k = find(d, number);
	if (k) {
		size_t room = REPLY_WINDOW - k->window;
		k->window += octets < room ? octets : room;
		k->moved_ns = loop_now_ns();
		pthread_cond_broadcast(&d->room);
	}
	pthread_mutex_unlock(&d->lock);
}

/* With the lock. */
static void leave(struct desk *d, struct desk_job *k)
{
	if (k->state == JOB_RUNS) {
		k->orphan = true;
		atomic_store(&k->cancel, true);
		free_outs(k);
		d->cut++;
		pthread_cond_broadcast(&d->room);
	} else {
		free_job(d, k);
	}
}

void deskqueue_cancel(struct desk *d, uint64_t number)
{
	pthread_mutex_lock(&d->lock);
	struct desk_job *k = find(d, number);
	if (k)
		leave(d, k);
	pthread_mutex_unlock(&d->lock);
}

void deskqueue_forget(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < DESK_JOBS; i++)
		if (d->jobs[i] && !d->jobs[i]->orphan)
			leave(d, d->jobs[i]);
	pthread_mutex_unlock(&d->lock);
}

/* With the lock. */
static void feed_one(struct desk *d, struct desk_job *k)
{
	while (k->first && d->console && !k->orphan && channel_queued(d->console) < FEED) {
		struct desk_out *o = k->first;
		struct message m = { .kind = MESSAGE_REPLY, .sequence = k->number, .body = { o->p, o->n } };
		if (channel_send(d->console, &m) < 0)
			return;
		k->first = o->next;
		if (!k->first)
			k->last = &k->first;
		free(o);
	}
}

void deskqueue_feed(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < DESK_JOBS; i++) {
		struct desk_job *k = d->jobs[i];
		if (!k)
			continue;
		feed_one(d, k);
		if (k->state == JOB_DONE && (!k->first || k->orphan))
			free_job(d, k);
	}
	pthread_mutex_unlock(&d->lock);
}

static void cut(struct desk *d, struct desk_job *k)
{
	atomic_store(&k->cancel, true);
	d->cut++;
	pthread_cond_broadcast(&d->room);
}

/*
 * With the lock. When every thread works and somebody could have had one for a while, the reader who has been at it for
 * longest gives his: else a few slow ones keep everybody out, also from logging in.
 */
static void make_way(struct desk *d, int64_t now)
{
	struct desk_job *longest = NULL;
	unsigned run = 0;
	bool crowd = false;
	for (int i = 0; i < DESK_JOBS; i++) {
		struct desk_job *k = d->jobs[i];
		crowd = crowd || (startable(d, k) && now - k->came_ns > (int64_t)DESK_CROWD_MS * 1000000);
		if (!k || k->state != JOB_RUNS)
			continue;
		run++;
		if (k->window < REPLY_OCTETS && !atomic_load(&k->cancel) &&
			(!longest || k->begun_ns < longest->begun_ns))
			longest = k;
	}
	if (crowd && longest && run >= DESK_THREADS)
		cut(d, longest);
}

void deskqueue_late(struct desk *d)
{
	int64_t now = loop_now_ns();
	pthread_mutex_lock(&d->lock);
	make_way(d, now);
	for (int i = 0; i < DESK_JOBS; i++) {
		struct desk_job *k = d->jobs[i];
		if (!k || k->state != JOB_RUNS || atomic_load(&k->cancel))
			continue;
		bool waits = k->window < REPLY_OCTETS;
		int64_t since = waits ? k->moved_ns : k->begun_ns > k->moved_ns ? k->begun_ns : k->moved_ns;
		if (now - since < (int64_t)(waits ? DESK_STALL_MS : DESK_TIME_MS) * 1000000)
			continue;
		cut(d, k);
	}
	pthread_mutex_unlock(&d->lock);
}

/* ---- life ---- */

int deskqueue_start(struct desk *d, struct err *err)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int r = 0;
	ENSURE(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK) == 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; d->started < DESK_THREADS && r == 0; d->started += r == 0) {
		d->workers[d->started].desk = d;
		r = pthread_create(&d->workers[d->started].thread, &attr, work, &d->workers[d->started]);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r ? err_set(err, -1, "can't start a thread: %s", strerror(r)) : 0;
}

void deskqueue_end(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	d->quit = true;
	for (int i = 0; i < DESK_JOBS; i++)
		if (d->jobs[i])
			atomic_store(&d->jobs[i]->cancel, true);
	pthread_cond_broadcast(&d->work);
	pthread_cond_broadcast(&d->room);
	pthread_cond_broadcast(&d->kept);
	pthread_mutex_unlock(&d->lock);
	for (unsigned i = 0; i < d->started; i++)
		pthread_join(d->workers[i].thread, NULL);
	for (int i = 0; i < DESK_JOBS; i++)
		if (d->jobs[i])
			free_job(d, d->jobs[i]);
}
