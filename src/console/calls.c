// SPDX-License-Identifier: Apache-2.0
#include "console/calls.h"

#include "base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CREDIT_MIN (32u << 10)
#define OUT_MAX	   4096 /* messages that wait for the loop */

struct out {
	struct out *next;
	enum message_kind kind;
	uint64_t number;
	struct message_buf body;
};

struct calls {
	struct member *m;
	pthread_mutex_t *lock;
	int wake;
	struct channel *desk; /* the loop's */
	bool there;	      /* under the lock */
	struct ask *asks[CALLS_MAX];
	uint64_t turn;
	struct out *first, **last;
	size_t out_n;
};

static void wake(struct calls *c)
{
	uint64_t one = 1;
	if (write(c->wake, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

static void put(struct calls *c, enum message_kind kind, uint64_t number, struct message_buf *body)
{
	struct out *o = mem_new(sizeof *o);
	*o = (struct out){ .kind = kind, .number = number };
	if (body)
		o->body = *body;
	*c->last = o;
	c->last = &o->next;
	c->out_n++;
	wake(c);
}

static struct out *take_out(struct calls *c)
{
	struct out *o = c->first;
	if (!o)
		return NULL;
	c->first = o->next;
	if (!c->first)
		c->last = &c->first;
	c->out_n--;
	return o;
}

/* ---- askers ---- */

static void forget(struct calls *c, struct ask *a)
{
	if (a->number)
		c->asks[a->number % CALLS_MAX] = NULL;
	a->number = 0;
}

static void lose(struct calls *c, struct ask *a)
{
	forget(c, a);
	if (a->whole || a->lost)
		return;
	a->lost = true;
	a->moved(a);
}

void calls_put(struct calls *c, struct ask *a, const struct call *what)
{
	struct message_buf body = { 0 };
	size_t slot = 0;
	while (slot < CALLS_MAX && c->asks[slot])
		slot++;
	a->last = &a->first;
	a->since_ns = loop_now_ns();
	if (slot == CALLS_MAX || !c->there || c->out_n >= OUT_MAX) {
		a->lost = true; /* its asker looks before it waits */
		return;
	}
	a->number = ++c->turn * CALLS_MAX + slot;
	c->asks[slot] = a;
	call_build(&body, what);
	put(c, MESSAGE_CALL, a->number, &body);
}

size_t calls_take(struct calls *c, struct ask *a, void *out, size_t most)
{
	size_t n = 0;
	while (a->first && n < most) {
		struct piece *p = a->first;
		size_t part = p->n - p->at < most - n ? p->n - p->at : most - n;
		memcpy((uint8_t *)out + n, p->octets + p->at, part);
		p->at += part;
		n += part;
		if (p->at < p->n)
			break;
		a->first = p->next;
		if (!a->first)
			a->last = &a->first;
		free(p);
	}
	a->queued -= n;
	a->credit += (uint32_t)n;
	if (a->number && !a->whole && a->credit >= CREDIT_MIN) {
		struct message_buf body = { 0 };
		message_u32(&body, a->credit);
		put(c, MESSAGE_CREDIT, a->number, &body);
		a->credit = 0;
	}
	return n;
}

void calls_drop(struct calls *c, struct ask *a)
{
	if (a->number && !a->whole)
		put(c, MESSAGE_CANCEL, a->number, NULL);
	forget(c, a);
	a->lost = !a->whole;
	while (a->first) {
		struct piece *p = a->first;
		a->first = p->next;
		free(p);
	}
	a->last = &a->first;
	a->queued = 0;
}

/* ---- the loop ---- */

static void begin_answer(struct ask *a, const struct reply *r)
{
	a->status = r->status;
	memcpy(a->type, r->type, sizeof a->type);
	memcpy(a->session, r->session, sizeof a->session);
	memcpy(a->name, r->name, sizeof a->name);
}

/* The first piece has a status, no other one has. */
static bool take_reply(struct ask *a, const struct reply *r)
{
	if ((a->status == 0) != (r->status != 0) || a->whole || a->queued + r->octets.n > REPLY_WINDOW + REPLY_OCTETS)
		return false;
	if (r->status)
		begin_answer(a, r);
	if (r->octets.n) {
		struct piece *p = mem_new(sizeof *p + r->octets.n);
		p->n = r->octets.n;
		memcpy(p->octets, r->octets.p, r->octets.n);
		*a->last = p;
		a->last = &p->next;
		a->queued += r->octets.n;
	}
	a->whole = r->last;
	return true;
}

static void on_message(void *arg, struct channel *ch, const struct message *m, int fd)
{
	struct calls *c = arg;
	struct reply r;
	if (fd >= 0)
		close(fd);
	if (m->kind != MESSAGE_REPLY || reply_parse(m->body, &r) < 0) {
		channel_refused();
		return;
	}
	pthread_mutex_lock(c->lock);
	struct ask *a = c->asks[m->sequence % CALLS_MAX];
	/* What was cancelled meanwhile is none's. */
	if (a && a->number == m->sequence) {
		if (!take_reply(a, &r)) {
			channel_refused();
			put(c, MESSAGE_CANCEL, a->number, NULL);
			lose(c, a);
		} else {
			if (a->whole)
				forget(c, a);
			a->moved(a);
		}
	}
	pthread_mutex_unlock(c->lock);
}

static void lose_all(struct calls *c)
{
	struct out *o;
	while ((o = take_out(c))) {
		free(o->body.p);
		free(o);
	}
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (c->asks[i])
			lose(c, c->asks[i]);
}

static void on_closed(void *arg, struct channel *ch, const char *why)
{
	struct calls *c = arg;
	channel_free(ch);
	c->desk = NULL;
	pthread_mutex_lock(c->lock);
	c->there = false;
	lose_all(c);
	pthread_mutex_unlock(c->lock);
}

static void on_wake(void *arg, int fd, short events)
{
	struct calls *c = arg;
	uint64_t drain;
	struct out *o;
	if (read(fd, &drain, sizeof drain) < 0)
		drain = 0;
	for (;;) {
		pthread_mutex_lock(c->lock);
		o = take_out(c);
		pthread_mutex_unlock(c->lock);
		if (!o)
			break;
		struct message m = { .kind = o->kind, .sequence = o->number, .body = { o->body.p, o->body.n } };
		if (c->desk && channel_send(c->desk, &m) < 0 && o->kind == MESSAGE_CALL) {
			pthread_mutex_lock(c->lock);
			struct ask *a = c->asks[o->number % CALLS_MAX];
			if (a && a->number == o->number)
				lose(c, a);
			pthread_mutex_unlock(c->lock);
		}
		free(o->body.p);
		free(o);
	}
}

void calls_tick(struct calls *c)
{
	int64_t now = loop_now_ns();
	pthread_mutex_lock(c->lock);
	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct ask *a = c->asks[i];
		if (a && !a->status && now - a->since_ns > CALLS_ANSWER_NS) {
			put(c, MESSAGE_CANCEL, a->number, NULL);
			lose(c, a);
		}
	}
	pthread_mutex_unlock(c->lock);
}

bool calls_there(const struct calls *c)
{
	return c->there;
}

void calls_desk(struct calls *c, int fd)
{
	struct channel_handler h = { .arg = c, .message = on_message, .closed = on_closed };
	pthread_mutex_lock(c->lock);
	lose_all(c);
	c->there = true;
	pthread_mutex_unlock(c->lock);
	channel_free(c->desk);
	c->desk = member_channel(c->m, ROLE_DESK, fd, &h, 0);
}

struct calls *calls_new(struct member *m, pthread_mutex_t *lock)
{
	struct calls *c = mem_new(sizeof *c);
	c->m = m;
	c->lock = lock;
	c->last = &c->first;
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ENSURE(c->wake >= 0);
	return c;
}

void calls_begin(struct calls *c)
{
	loop_add(c->m->loop, c->wake, POLLIN, on_wake, c);
}

void calls_free(struct calls *c)
{
	if (!c)
		return;
	channel_free(c->desk);
	pthread_mutex_lock(c->lock);
	c->there = false;
	lose_all(c);
	pthread_mutex_unlock(c->lock);
	close(c->wake);
	free(c);
}
