// SPDX-License-Identifier: Apache-2.0
#include "role/sender.h"

#include "base/mem.h"
#include "base/random.h"
#include <stdio.h>
#include <stdlib.h>

#define MAX_BYTES ((size_t)128 << 20)
#define FEED	  ((size_t)1 << 20) /* octets in the channel at once */

struct sender {
	struct sender_params p;
	struct channel *channel;
	struct batch *first, *last, *next; /* waiting; next: the first that is not wholly given */
	size_t waiting;
	uint64_t committed, sequence; /* as the peer said; of the last batch */
	int64_t since_ns;
	bool welcomed, greeted; /* greeted: the present peer has answered */
};

struct sender *sender_new(const struct sender_params *p)
{
	struct sender *s = mem_new(sizeof *s);
	s->p = *p;
	if (!s->p.max_bytes)
		s->p.max_bytes = MAX_BYTES;
	return s;
}

void sender_free(struct sender *s)
{
	if (!s)
		return;
	channel_free(s->channel);
	while (s->first) {
		struct batch *b = s->first;
		s->first = b->next;
		batch_free(b);
	}
	free(s);
}

static uint32_t number_of(const char *text)
{
	uint64_t h = random_mix(0x73656e646572u);
	for (; *text; text++)
		h = random_mix(h ^ (uint8_t)*text);
	return (uint32_t)(h >> 32);
}

/* Below 2^63: SQLite's numbers. */
uint64_t sender_id(const char *sensor, const char *what)
{
	uint64_t h = (uint64_t)(number_of(sensor) & INT32_MAX) << 32 | number_of(what);
	return h ? h : 1;
}

bool sender_id_of(uint64_t id, const char *sensor)
{
	return id >> 32 == (number_of(sensor) & INT32_MAX);
}

void sender_hello_put(struct message_buf *b, const struct sender_hello *h)
{
	message_u64(b, h->id);
	message_u32(b, h->flags);
	message_text(b, h->sensor);
	if (h->flags & SENDER_SINCE)
		message_u64(b, (uint64_t)h->since_ns);
}

int sender_hello_get(const struct message *m, struct sender_hello *out)
{
	struct message_reader in = { .in = m->body };
	out->id = message_get_u64(&in);
	out->flags = message_get_u32(&in);
	message_get_text(&in, out->sensor, sizeof out->sensor);
	out->since_ns = out->flags & SENDER_SINCE ? (int64_t)message_get_u64(&in) : 0;
	return message_whole(&in) && out->id && out->id <= INT64_MAX ? 0 : -1;
}

/* As much as the channel takes now. */
static void pump(struct sender *s)
{
	while (s->channel && s->greeted && s->next && channel_queued(s->channel) < FEED) {
		struct batch *b = s->next;
		struct message m;
		size_t at = b->sent;
		if (!batch_next((struct bytes){ b->frames.p, b->frames.n }, &at, &m)) {
			s->next = b->next;
			continue;
		}
		if (channel_send(s->channel, &m) < 0)
			return;
		b->sent = at;
	}
}

static void note_waiting(struct sender *s)
{
	counters_set(COUNTER_WAITING, s->waiting);
	if (s->waiting > counters_get(counters, COUNTER_WAITING_MAX))
		counters_set(COUNTER_WAITING_MAX, s->waiting);
}

static void forget_upto(struct sender *s, uint64_t sequence)
{
	while (s->first && s->first->sequence <= sequence) {
		struct batch *b = s->first;
		s->first = b->next;
		if (s->next == b)
			s->next = b->next;
		s->waiting -= b->frames.n;
		batch_free(b);
	}
	if (!s->first)
		s->last = NULL;
	note_waiting(s);
	if (!s->first && s->p.empty)
		s->p.empty(s->p.arg);
}

static void greeted(struct sender *s, uint64_t last)
{
	bool first = !s->welcomed;
	if (last > s->sequence && !s->p.again)
		s->sequence = last;
	if (last > s->committed)
		s->committed = last;
	/* Before anybody is told, who might give more. */
	s->next = s->first;
	for (struct batch *b = s->first; b; b = b->next)
		b->sent = 0;
	s->welcomed = s->greeted = true;
	forget_upto(s, last);
	if (first && s->p.welcome)
		s->p.welcome(s->p.arg);
	pump(s);
}

static void refused(struct sender *s, const struct message *m)
{
	struct message_reader in = { .in = m->body };
	char why[256];
	message_get_u32(&in);
	message_get_text(&in, why, sizeof why);
	for (struct batch *b = s->first; b; b = b->next)
		if (b->sequence == m->sequence && s->p.lost) {
			counters_add(COUNTER_BATCHES_LOST, 1);
			s->p.lost(s->p.arg, b, why);
		}
	forget_upto(s, m->sequence);
}

static void on_message(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct sender *s = arg;
	switch (m->kind) {
	case MESSAGE_WELCOME:
		greeted(s, m->sequence);
		break;
	case MESSAGE_ACK:
		forget_upto(s, m->sequence);
		break;
	case MESSAGE_REFUSE:
		refused(s, m);
		break;
	default:
		if (s->p.message)
			s->p.message(s->p.arg, c, m, fd);
	}
}

static void on_drained(void *arg, struct channel *c)
{
	pump(arg);
}

static void on_closed(void *arg, struct channel *c, const char *why)
{
	struct sender *s = arg;
	channel_free(c);
	s->channel = NULL;
	s->greeted = false;
	if (s->p.closed)
		s->p.closed(s->p.arg, why);
}

struct channel_handler sender_handler(struct sender *s)
{
	return (struct channel_handler){ .arg = s, .message = on_message, .drained = on_drained, .closed = on_closed };
}

void sender_attach(struct sender *s, struct channel *c)
{
	struct message_buf b = { 0 };
	struct sender_hello hello = { .id = s->p.id, .flags = s->p.flags };
	/* A peer that comes back finds one that has watched all the time. */
	if (s->welcomed)
		hello.flags &= ~SENDER_LIVE;
	if (!s->since_ns)
		s->since_ns = loop_clock_ns();
	if (hello.flags & SENDER_LIVE) {
		hello.flags |= SENDER_SINCE;
		hello.since_ns = s->since_ns;
	}
	channel_free(s->channel);
	s->channel = c;
	s->greeted = false;
	snprintf(hello.sensor, sizeof hello.sensor, "%s", s->p.sensor ? s->p.sensor : "");
	sender_hello_put(&b, &hello);
	channel_send(c, &(struct message){ .kind = MESSAGE_HELLO, .body = { b.p, b.n } });
	free(b.p);
}

struct channel *sender_channel(struct sender *s)
{
	return s->channel;
}

bool sender_welcomed(const struct sender *s)
{
	return s->welcomed;
}

int64_t sender_since(const struct sender *s)
{
	return s->since_ns;
}

uint64_t sender_sequence(const struct sender *s)
{
	return s->sequence + 1;
}

void sender_give(struct sender *s, struct batch *b)
{
	ENSURE(s->welcomed && b->sequence == s->sequence + 1);
	s->sequence = b->sequence;
	counters_add(COUNTER_BATCHES, 1);
	if (b->sequence <= s->committed) {
		batch_free(b);
		return;
	}
	if (s->waiting + b->frames.n > s->p.max_bytes && s->first) {
		counters_add(COUNTER_BATCHES_LOST, 1);
		if (s->p.lost)
			s->p.lost(s->p.arg, b, "no room");
		batch_free(b);
		return;
	}
	if (s->last)
		s->last->next = b;
	else
		s->first = b;
	s->last = b;
	if (!s->next)
		s->next = b;
	s->waiting += b->frames.n;
	note_waiting(s);
	pump(s);
}

size_t sender_waiting(const struct sender *s)
{
	return s->waiting;
}

bool sender_idle(const struct sender *s)
{
	return !s->first;
}
