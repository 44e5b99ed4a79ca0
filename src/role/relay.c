// SPDX-License-Identifier: Apache-2.0
#include "role/relay.h"

#include "base/mem.h"
#include "model/sent.h"
#include "store/sourceblock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS	       256		 /* sensors */
#define FEED	       ((size_t)1 << 20) /* octets in a channel at once */
#define QUEUE_MAX      ((size_t)256 << 20)
#define PIECES_MAX     ((size_t)64 << 20) /* of the minutes that are not whole */
#define MARKS_SINCE    (INT64_C(30) * 86400 * 1000000000)
#define FINDINGS_SINCE (INT64_C(86400) * 1000000000)

/* What one sensor's batches are like, for an analysis that begins now. */
struct stream {
	char sensor[64];
	uint64_t id;
	int64_t until_ns;	     /* minutes before it are whole, and in the store */
	struct batch *first, **last; /* batches since then */
	size_t octets;
};

struct queue {
	struct feeder *to; /* NULL: nobody is there */
	struct batch *first, **last;
	size_t octets;
	struct batch *end; /* that was asked for, and waits */
	uint64_t speaking; /* id of the sensor that was named last */
};

struct relay {
	struct stream *streams;
	size_t n;
	struct queue analysis, alert;
	struct feeder *console; /* gets what is new, and nothing twice; NULL: nobody */
	struct sourceblock *encoder;
};

/* What it takes of memory: small ones take more for themselves than they hold. */
static size_t cost(const struct batch *b)
{
	return sizeof *b + b->frames.cap + 32;
}

static void drop_batches(struct batch **first, struct batch ***last)
{
	while (*first) {
		struct batch *b = *first;
		*first = b->next;
		batch_free(b);
	}
	*last = first;
}

static void clear_queue(struct queue *q)
{
	drop_batches(&q->first, &q->last);
	q->octets = 0;
	q->end = NULL;
	q->speaking = 0;
	q->to = NULL;
}

static void clear_pieces(struct stream *s)
{
	drop_batches(&s->first, &s->last);
	s->octets = 0;
}

void relay_free(struct keeper *k)
{
	struct relay *r = k->relay;
	if (!r)
		return;
	clear_queue(&r->analysis);
	clear_queue(&r->alert);
	for (size_t i = 0; i < r->n; i++)
		clear_pieces(&r->streams[i]);
	sourceblock_free(r->encoder);
	free(r->streams);
	free(r);
	k->relay = NULL;
}

/* NULL: too many sensors. */
static struct stream *stream_of(struct relay *r, const char *sensor)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->streams[i].sensor, sensor) == 0)
			return &r->streams[i];
	if (r->n == STREAMS)
		return NULL;
	struct stream *s = &r->streams[r->n++];
	*s = (struct stream){ .id = r->n };
	s->last = &s->first;
	snprintf(s->sensor, sizeof s->sensor, "%s", sensor);
	return s;
}

static void know_progress(void *arg, const char *sensor, int64_t until_ns)
{
	struct stream *s = sensor[0] ? stream_of(arg, sensor) : NULL;
	if (s && until_ns > s->until_ns)
		s->until_ns = until_ns;
}

/* Begins with what the store has of each sensor, whoever speaks first. */
static struct relay *get(struct keeper *k)
{
	if (k->relay)
		return k->relay;
	struct relay *r = mem_new(sizeof *r);
	r->streams = mem_new(STREAMS * sizeof *r->streams);
	r->encoder = sourceblock_new();
	r->analysis.last = &r->analysis.first;
	r->alert.last = &r->alert.first;
	k->relay = r;
	store_each_progress(k->store, know_progress, r);
	return r;
}

static void pump(struct queue *q)
{
	while (q->to && q->first && channel_queued(q->to->channel) < FEED) {
		struct batch *b = q->first;
		struct message m;
		size_t at = b->sent;
		if (batch_next((struct bytes){ b->frames.p, b->frames.n }, &at, &m)) {
			if (channel_send(q->to->channel, &m) < 0)
				return;
			b->sent = at;
			continue;
		}
		q->first = b->next;
		if (!q->first)
			q->last = &q->first;
		q->octets -= cost(b);
		if (q->end == b)
			q->end = NULL;
		batch_free(b);
	}
}

/* Takes the batch. Whoever can't follow begins anew and reads from the store. */
static void queue(struct queue *q, struct batch *b)
{
	if (q->octets + cost(b) > QUEUE_MAX) {
		member_say(q->to->keeper->m, "%s is too slow and begins anew", roles[q->to->role].name);
		batch_free(b);
		feeder_drop(q->to);
		return;
	}
	b->next = NULL;
	*q->last = b;
	q->last = &b->next;
	q->octets += cost(b);
	pump(q);
}

static struct batch *copy(const struct batch *b)
{
	struct batch *c = batch_new(b->sequence);
	message_octets(&c->frames, b->frames.p, b->frames.n);
	return c;
}

/* Names the sensor when another spoke before. */
static void speak(struct queue *q, const struct stream *s)
{
	struct sender_hello h = { .id = s->id };
	struct message_buf body = { 0 };
	if (q->speaking == s->id)
		return;
	q->speaking = s->id;
	snprintf(h.sensor, sizeof h.sensor, "%s", s->sensor);
	struct batch *b = batch_new(0);
	sender_hello_put(&body, &h);
	batch_add(b, MESSAGE_HELLO, 1, body.p, body.n);
	free(body.p);
	queue(q, b);
}

/* ---- to analysis ---- */

static void to_analysis(struct relay *r, const struct store_batch *b)
{
	struct stream *s = b->sensor && b->sensor[0] ? stream_of(r, b->sensor) : NULL;
	if (!s)
		return;
	struct batch *out = batch_new(b->sequence);
	batch_blocks(out, b->blocks);
	batch_sources(out, r->encoder, b->sources, b->sources_n);
	for (size_t i = 0; i < b->signals_n; i++)
		batch_signal(out, &b->signals[i]);
	batch_commit(out, b->until_ns, b->ended);
	if (b->until_ns > s->until_ns) {
		s->until_ns = b->until_ns;
		clear_pieces(s);
	} else if (s->octets + cost(out) <= PIECES_MAX) {
		struct batch *c = copy(out);
		*s->last = c;
		s->last = &c->next;
		s->octets += cost(c);
	}
	if (!r->analysis.to) {
		batch_free(out);
		return;
	}
	speak(&r->analysis, s);
	if (r->analysis.to)
		queue(&r->analysis, out);
	else
		batch_free(out);
}

static struct batch *end_of_all(void)
{
	struct batch *b = batch_new(0);
	batch_add(b, MESSAGE_END, 0, NULL, 0);
	return b;
}

/* Asked for again while the answer is the last that waits: it is one answer. */
void relay_end(struct keeper *k)
{
	struct queue *q = &get(k)->analysis;
	if (!q->to || (q->end && q->last == &q->end->next))
		return;
	struct batch *b = end_of_all();
	q->end = b;
	queue(q, b);
}

/* What lies before each `minute` is to be read from the store; what was given since comes now. */
static void begin_analysis(struct keeper *k, struct feeder *f)
{
	struct relay *r = get(k);
	bool ended;
	int64_t concluded = store_progress(k->store, sender_id("", "analysis"), &ended);
	clear_queue(&r->analysis);
	r->analysis.to = f;
	for (size_t i = 0; i < r->n && r->analysis.to; i++) {
		struct stream *s = &r->streams[i];
		struct message_buf body = { 0 };
		struct batch *b = batch_new(0);
		message_text(&body, s->sensor);
		message_u64(&body, (uint64_t)s->until_ns);
		message_u64(&body, (uint64_t)concluded);
		batch_add(b, MESSAGE_ATTACH, 1, body.p, body.n);
		free(body.p);
		queue(&r->analysis, b);
		if (s->first && r->analysis.to)
			speak(&r->analysis, s);
		for (struct batch *p = s->first; p && r->analysis.to; p = p->next)
			queue(&r->analysis, copy(p));
	}
	if (r->analysis.to)
		queue(&r->analysis, end_of_all());
}

/* ---- to alert ---- */

struct telling {
	struct relay *r;
	struct batch *out;
	int64_t since_ns;
	size_t n;
};

static int tell_mark(void *arg, const void *record)
{
	struct telling *t = arg;
	const struct sent *s = record;
	if (s->at_ns >= t->since_ns && t->n++ < BATCH_ROWS)
		batch_row(t->out, MESSAGE_SENT, &sent_kind, s);
	return 0;
}

static int tell_finding(void *arg, const struct finding *f)
{
	struct telling *t = arg;
	/* More than the queue takes would have the role begin anew without end. */
	if (t->n++ < BATCH_ROWS && t->out->frames.cap < QUEUE_MAX / 4)
		batch_finding(t->out, f);
	return 0;
}

/* What was told already, then what was concluded lately: an alert role that was away misses nothing. */
static void begin_alert(struct keeper *k, struct feeder *f)
{
	struct relay *r = get(k);
	struct err err = { "" };
	int64_t now = loop_clock_ns();
	struct telling t = { .r = r, .out = batch_new(0), .since_ns = now - MARKS_SINCE };
	clear_queue(&r->alert);
	r->alert.to = f;
	if (store_each(k->store, &sent_kind, tell_mark, &t, &err) < 0)
		member_say(k->m, "marks of alerts can't be read: %s", err.text);
	t.n = 0;
	if (store_each_finding(k->store, now - FINDINGS_SINCE, INT64_MAX, tell_finding, &t) < 0)
		member_say(k->m, "findings can't be read for the alerts");
	batch_add(t.out, MESSAGE_END, 0, NULL, 0);
	queue(&r->alert, t.out);
}

/* What somebody is told of a batch. */
static struct batch *news(const struct store_batch *b)
{
	struct batch *out = batch_new(0);
	for (size_t i = 0; i < b->findings_n; i++)
		batch_finding(out, &b->findings[i]);
	for (size_t i = 0; i < b->signals_n; i++)
		batch_signal(out, &b->signals[i]);
	for (size_t i = 0; i < b->gaps_n; i++)
		batch_row(out, MESSAGE_GAP, &gap_kind, &b->gaps[i]);
	return out;
}

static void to_alert(struct relay *r, const struct store_batch *b)
{
	if (!r->alert.to || !(b->findings_n || b->signals_n || b->gaps_n))
		return;
	queue(&r->alert, news(b));
}

/* ---- to the console ---- */

/* For eyes that look just now: what it has no room for is gone. */
static void to_console(struct relay *r, const struct store_batch *b)
{
	struct message m;
	size_t at = 0;
	if (!r->console || channel_queued(r->console->channel) > FEED || !(b->findings_n || b->signals_n || b->gaps_n))
		return;
	struct batch *out = news(b);
	while (batch_next((struct bytes){ out->frames.p, out->frames.n }, &at, &m))
		if (channel_queued(r->console->channel) > FEED || channel_send(r->console->channel, &m) < 0)
			break;
	batch_free(out);
}

/* ---- for the keeper ---- */

void relay_peer(struct keeper *k, struct feeder *f)
{
	if (f->role == ROLE_ANALYSIS)
		begin_analysis(k, f);
	else if (f->role == ROLE_ALERT)
		begin_alert(k, f);
	else if (f->role == ROLE_CONSOLE)
		get(k)->console = f;
}

void relay_forget(struct keeper *k, struct feeder *f)
{
	struct relay *r = k->relay;
	if (r && r->analysis.to == f)
		clear_queue(&r->analysis);
	if (r && r->alert.to == f)
		clear_queue(&r->alert);
	if (r && r->console == f)
		r->console = NULL;
}

void relay_batch(struct keeper *k, struct feeder *from, const struct store_batch *b)
{
	struct relay *r = get(k);
	/* A command concludes by itself. */
	if (from->role == ROLE_CAPTURE || from->role == ROLE_COLLECT)
		to_analysis(r, b);
	to_alert(r, b);
	to_console(r, b);
}

void relay_pump(struct keeper *k, struct feeder *f)
{
	struct relay *r = k->relay;
	if (r && r->analysis.to == f)
		pump(&r->analysis);
	if (r && r->alert.to == f)
		pump(&r->alert);
}
