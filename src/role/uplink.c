// SPDX-License-Identifier: Apache-2.0
#include "role/uplink.h"

#include "base/mem.h"
#include "base/random.h"
#include "role/counters.h"
#include "role/resolve.h"
#include "role/sender.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKOFF_MIN 500		      /* ms */
#define BACKOFF_MAX 60000	      /* ms */
#define CONNECT_MS  15000	      /* until TLS is up */
#define UNANSWERED  256		      /* HELLOs and batches */
#define FEED	    ((size_t)1 << 20) /* octets in the link at once, but for a batch that is larger */

struct question {
	bool hello;
	struct spool_record batch; /* of a HELLO the sender alone */
};

struct uplink {
	struct uplink_params p;
	struct random random;
	struct resolve *resolve;
	struct resolve_answer addresses;
	int address;
	struct tlslink *link;
	int timer; /* -1: none */
	int backoff_ms;
	bool trying, welcome; /* welcome: the present link has been answered */
	/* of the present link */
	uint64_t speaking; /* whose batches follow */
	uint64_t known[SPOOL_SENDERS_MAX];
	size_t known_n;
	struct question asked[UNANSWERED];
	size_t asked_at, asked_n;
	struct spool_record held; /* waits for its sender's welcome */
	bool holds;
};

static void begin(void *arg);
static void pump(struct uplink *u);

/* ---- up and down ---- */

static void again(struct uplink *u, const char *why)
{
	tlslink_free(u->link);
	u->link = NULL;
	if (u->welcome)
		counters_add(COUNTER_LINK_LOST, 1);
	counters_set(COUNTER_LINK, 0);
	u->welcome = u->holds = u->trying = false;
	u->asked_n = u->known_n = 0;
	u->speaking = 0;
	loop_cancel(u->p.loop, u->timer);
	/* Half of it by chance: a hundred sensors shall not come back at once. */
	int wait = u->backoff_ms / 2 + (int)random_below(&u->random, (uint64_t)u->backoff_ms / 2 + 1);
	u->timer = loop_after(u->p.loop, wait, begin, u);
	u->backoff_ms = u->backoff_ms * 2 > BACKOFF_MAX ? BACKOFF_MAX : u->backoff_ms * 2;
	u->p.down(u->p.arg, why);
}

static bool known(const struct uplink *u, uint64_t sender)
{
	for (size_t i = 0; i < u->known_n; i++)
		if (u->known[i] == sender)
			return true;
	return false;
}

static void ask(struct uplink *u, bool hello, const struct spool_record *r)
{
	struct question *q = &u->asked[(u->asked_at + u->asked_n++) % UNANSWERED];
	*q = (struct question){ hello, *r };
	q->batch.frames = (struct bytes){ 0 };
}

static void greet(struct uplink *u, uint64_t sender, const char *sensor)
{
	struct message_buf b = { 0 };
	struct sender_hello h = { .id = sender };
	struct spool_record r = { .sender = sender };
	if (!known(u, sender))
		h.flags = u->p.flags(u->p.arg, sender);
	snprintf(h.sensor, sizeof h.sensor, "%s", sensor);
	sender_hello_put(&b, &h);
	tlslink_tell(u->link, &(struct message){ .kind = MESSAGE_HELLO, .body = { b.p, b.n } });
	free(b.p);
	ask(u, true, &r);
	u->speaking = sender;
}

/* ---- giving ---- */

static void give(struct uplink *u, const struct spool_record *r)
{
	if (u->speaking != r->sender)
		greet(u, r->sender, r->sensor);
	ENSURE(tlslink_send(u->link, r->frames) == 0);
	ask(u, false, r);
	counters_add(COUNTER_BATCHES, 1);
}

static bool has_it(const struct uplink *u, const struct spool_record *r)
{
	const struct spool_sender *s = spool_sender(u->p.spool, r->sender);
	return s && r->sequence <= s->acked;
}

static void pump(struct uplink *u)
{
	struct err err = { "" };
	while (u->link && tlslink_up(u->link) && u->asked_n + 2 < UNANSWERED && tlslink_queued(u->link) < FEED) {
		if (!u->holds) {
			int r = spool_next(u->p.spool, &u->held, &err);
			if (r < 0)
				u->p.failed(u->p.arg, err.text);
			if (r <= 0)
				return;
			u->holds = true;
		}
		if (!known(u, u->held.sender)) {
			if (u->speaking != u->held.sender)
				greet(u, u->held.sender, u->held.sensor);
			return;
		}
		if (!has_it(u, &u->held))
			give(u, &u->held);
		u->holds = false;
	}
}

void uplink_kick(struct uplink *u)
{
	pump(u);
}

/* ---- answers ---- */

static bool answered(struct uplink *u, const struct message *m, struct question *q)
{
	if (!u->asked_n)
		return false;
	*q = u->asked[u->asked_at];
	u->asked_at = (u->asked_at + 1) % UNANSWERED;
	u->asked_n--;
	return q->hello == (m->kind == MESSAGE_WELCOME) && (q->hello || q->batch.sequence == m->sequence);
}

static void on_welcome(struct uplink *u, uint64_t sender, uint64_t last)
{
	if (!u->welcome)
		counters_set(COUNTER_LINK, 1);
	u->welcome = true;
	u->backoff_ms = BACKOFF_MIN;
	if (!known(u, sender) && u->known_n < SPOOL_SENDERS_MAX) {
		u->known[u->known_n++] = sender;
		u->p.welcomed(u->p.arg, sender, last);
	}
	spool_acked(u->p.spool, sender, last);
}

static void on_message(void *arg, struct tlslink *l, const struct message *m, struct bytes frame)
{
	struct uplink *u = arg;
	struct question q;
	if (!answered(u, m, &q)) {
		again(u, "it answered what was not asked");
		return;
	}
	if (m->kind == MESSAGE_WELCOME) {
		on_welcome(u, q.batch.sender, m->sequence);
	} else {
		struct message_reader in = { .in = m->body };
		char why[256];
		message_get_u32(&in);
		message_get_text(&in, why, sizeof why);
		if (m->kind == MESSAGE_REFUSE)
			u->p.refused(u->p.arg, &q.batch, message_whole(&in) ? why : "");
		spool_acked(u->p.spool, q.batch.sender, q.batch.sequence);
	}
	u->p.settled(u->p.arg);
	pump(u);
}

static void on_drained(void *arg, struct tlslink *l)
{
	pump(arg);
}

static void on_closed(void *arg, struct tlslink *l, const char *why)
{
	again(arg, why);
}

static void on_up(void *arg, struct tlslink *l)
{
	struct uplink *u = arg;
	const struct spool_sender *first = spool_sender_at(u->p.spool, 0);
	loop_cancel(u->p.loop, u->timer);
	u->timer = -1;
	spool_rewind(u->p.spool);
	pump(u);
	/* Also with nothing to give: only an answer shows that the peer takes this certificate. */
	if (u->link && !u->asked_n && first)
		greet(u, first->id, first->sensor);
}

/* ---- connecting ---- */

static void on_deadline(void *arg)
{
	struct uplink *u = arg;
	u->timer = -1;
	again(u, "no answer");
}

static void try_next(struct uplink *u)
{
	struct tlslink_params p = { .loop = u->p.loop,
		.keys = u->p.keys,
		.host = u->p.host,
		.kinds = MESSAGE_BIT(MESSAGE_WELCOME) | MESSAGE_BIT(MESSAGE_ACK) | MESSAGE_BIT(MESSAGE_REFUSE),
		.queue_max = FRAMES_BATCH + 2 * FEED,
		.handler = { u, on_up, on_message, on_drained, on_closed } };
	int i = u->address++ % u->addresses.n;
	const struct sockaddr *to = (const struct sockaddr *)&u->addresses.v[i].to;
	p.fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p.fd < 0 || (connect(p.fd, to, u->addresses.v[i].n) != 0 && errno != EINPROGRESS)) {
		int why = errno;
		if (p.fd >= 0)
			close(p.fd);
		again(u, strerror(why));
		return;
	}
	u->link = tlslink_new(&p);
	u->timer = loop_after(u->p.loop, CONNECT_MS, on_deadline, u);
}

static void on_resolved(void *arg, const struct resolve_answer *a)
{
	struct uplink *u = arg;
	u->resolve = NULL;
	u->addresses = *a;
	u->address = 0;
	if (a->n)
		try_next(u);
	else
		again(u, a->why);
}

static void begin(void *arg)
{
	struct uplink *u = arg;
	u->timer = -1;
	u->trying = true;
	/* Each address once, then the name is asked again. */
	if (u->addresses.n && u->address % u->addresses.n)
		try_next(u);
	else
		u->resolve = resolve_start(u->p.loop, u->p.host, u->p.port, on_resolved, u);
}

struct uplink *uplink_new(const struct uplink_params *p)
{
	struct uplink *u = mem_new(sizeof *u);
	u->p = *p;
	u->timer = -1;
	u->backoff_ms = BACKOFF_MIN;
	random_init(&u->random, random_key());
	u->trying = true;
	u->timer = loop_after(p->loop, 0, begin, u);
	return u;
}

void uplink_free(struct uplink *u)
{
	if (!u)
		return;
	loop_cancel(u->p.loop, u->timer);
	resolve_cancel(u->resolve);
	tlslink_free(u->link);
	free(u);
}

bool uplink_trying(const struct uplink *u)
{
	return u->trying;
}
