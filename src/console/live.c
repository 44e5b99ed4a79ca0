// SPDX-License-Identifier: Apache-2.0
#include "console/live.h"

#include "base/loop.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_HEAD 96

int64_t (*live_now)(void) = loop_now_ns;

/* One event as it goes out; shared. */
struct live_text {
	unsigned users; /* the ring and clients in the middle of it */
	bool map;
	uint64_t mask; /* of a map */
	char sensor[64];
	unsigned needs;
	int64_t at_ns;
	size_t n;
	char octets[];
};

struct live {
	uint32_t epoch;
	uint64_t first, next; /* sequences in the ring: [first, next) */
	uint64_t lost;	      /* the latest event that is no map and is no longer there */
	struct live_text *ring[LIVE_SLOTS];
	size_t octets;
	struct live_client *clients[LIVE_CLIENTS];
	size_t n;
	char sensors[64][64];
	size_t sensors_n;
	char state[512];
};

static void release(struct live_text *t)
{
	if (t && --t->users == 0)
		free(t);
}

static struct live_text **slot(struct live *l, uint64_t seq)
{
	return &l->ring[seq % LIVE_SLOTS];
}

static void drop(struct live *l, uint64_t seq)
{
	struct live_text **t = slot(l, seq);
	if (!*t)
		return;
	if (!(*t)->map && seq > l->lost)
		l->lost = seq;
	l->octets -= (*t)->n;
	release(*t);
	*t = NULL;
}

static void drop_first(struct live *l)
{
	drop(l, l->first++);
}

static void prune(struct live *l, int64_t now)
{
	while (l->first < l->next) {
		struct live_text *t = *slot(l, l->first);
		if (t && l->octets <= LIVE_OCTETS && now - t->at_ns <= (t->map ? LIVE_MAP_NS : LIVE_AGE_NS))
			break;
		drop_first(l);
	}
	/* Maps behind an event that stays. */
	for (uint64_t s = l->first; s < l->next; s++) {
		struct live_text *t = *slot(l, s);
		if (t && t->map && now - t->at_ns > LIVE_MAP_NS)
			drop(l, s);
	}
}

static uint64_t mask_of(const struct live *l, const struct live_view *v)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < l->sensors_n; i++) {
		bool seen = v->all;
		for (size_t k = 0; k < v->n && !seen; k++)
			seen = strcmp(v->sensors[k], l->sensors[i]) == 0;
		if (seen)
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

static bool visible(const struct live_client *c, const struct live_text *t)
{
	if (t->map)
		return t->mask == mask_of(c->live, &c->view);
	if (t->needs & ~c->view.rights)
		return false;
	if (!t->sensor[0] || c->view.all)
		return true;
	for (size_t i = 0; i < c->view.n; i++)
		if (strcmp(c->view.sensors[i], t->sensor) == 0)
			return true;
	return false;
}

static void add(struct live *l, const char *event, struct live_text meta, const char *json, size_t n)
{
	if (n > LIVE_EVENT || memchr(json, '\n', n) || memchr(json, '\r', n))
		return;
	if (l->next - l->first == LIVE_SLOTS)
		drop_first(l);
	struct live_text *t = mem_new(sizeof *t + n + TEXT_HEAD);
	*t = meta;
	t->users = 1;
	t->at_ns = live_now();
	int head = snprintf(
		t->octets, TEXT_HEAD, "id: %08" PRIx32 "-%" PRIu64 "\nevent: %.32s\ndata: ", l->epoch, l->next, event);
	t->n = (size_t)head;
	memcpy(t->octets + t->n, json, n);
	t->n += n;
	memcpy(t->octets + t->n, "\n\n", 2);
	t->n += 2;
	*slot(l, l->next++) = t;
	l->octets += t->n;
	while (l->octets > LIVE_OCTETS)
		drop_first(l);
	for (size_t i = 0; i < l->n; i++)
		if (visible(l->clients[i], t))
			l->clients[i]->wake(l->clients[i]->arg);
}

void live_event(struct live *l, const char *event, const char *sensor, unsigned needs, const char *json, size_t n)
{
	struct live_text meta = { .needs = needs };
	snprintf(meta.sensor, sizeof meta.sensor, "%s", sensor ? sensor : "");
	add(l, event, meta, json, n);
}

void live_map(struct live *l, uint64_t mask, const char *json, size_t n)
{
	add(l, "map", (struct live_text){ .map = true, .mask = mask }, json, n);
}

void live_sensors(struct live *l, const char *const *names, size_t n)
{
	for (l->sensors_n = 0; l->sensors_n < n && l->sensors_n < 64; l->sensors_n++)
		snprintf(l->sensors[l->sensors_n], sizeof l->sensors[0], "%s", names[l->sensors_n]);
}

size_t live_masks(const struct live *l, uint64_t *out, size_t most)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++) {
		uint64_t mask = mask_of(l, &l->clients[i]->view);
		size_t k = 0;
		while (k < n && out[k] != mask)
			k++;
		if (k == n && n < most && mask)
			out[n++] = mask;
	}
	return n;
}

void live_state(struct live *l, const char *json)
{
	snprintf(l->state, sizeof l->state, "%s", json);
	live_event(l, "state", NULL, 0, json, strlen(json));
}

/* ---- clients ---- */

static bool take_up(struct live *l, struct live_client *c, const char *last)
{
	uint32_t epoch;
	uint64_t seq;
	int end = 0;
	c->next = l->next;
	if (!last[0])
		return true;
	if (sscanf(last, "%8" SCNx32 "-%" SCNu64 "%n", &epoch, &seq, &end) != 2 || last[end] || epoch != l->epoch ||
		seq >= l->next || seq < l->lost)
		return false;
	c->next = seq + 1;
	return true;
}

bool live_join(struct live *l, struct live_client *c, struct live_view view, const char *last)
{
	if (l->n == LIVE_CLIENTS) {
		free(view.sensors);
		return false;
	}
	c->live = l;
	c->view = view;
	c->state = l->state[0];
	c->comment = true;
	c->reset = !take_up(l, c, last);
	l->clients[l->n++] = c;
	return true;
}

void live_leave(struct live_client *c)
{
	struct live *l = c->live;
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (l->clients[i] == c) {
			l->clients[i] = l->clients[--l->n];
			break;
		}
	release(c->text);
	free(c->view.sensors);
	c->text = NULL;
	c->live = NULL;
}

void live_look(struct live_client *c, struct live_view view)
{
	free(c->view.sensors);
	c->view = view;
}

/* The next of the ring that is for this client. */
static struct live_text *next_text(struct live_client *c)
{
	struct live *l = c->live;
	if (c->next < l->first || c->next <= l->lost) {
		c->reset = c->reset || c->next <= l->lost;
		c->next = c->reset ? l->next : l->first;
	}
	while (c->next < l->next) {
		struct live_text *t = *slot(l, c->next++);
		if (t && visible(c, t)) {
			t->users++;
			return t;
		}
	}
	return NULL;
}

static struct live_text *own_text(const char *text, size_t n)
{
	struct live_text *t = mem_new(sizeof *t + n);
	*t = (struct live_text){ .users = 1, .n = n };
	memcpy(t->octets, text, n);
	return t;
}

static struct live_text *next_own(struct live_client *c)
{
	char text[sizeof c->live->state + 64];
	int n = 0;
	if (c->over && !c->ended) {
		c->ended = true;
		n = snprintf(text, sizeof text, "event: over\ndata: {}\n\n");
	} else if (c->reset) {
		c->reset = false;
		n = snprintf(text, sizeof text, "event: reset\ndata: {}\n\n");
	} else if (c->state) {
		c->state = false;
		n = snprintf(text, sizeof text, "event: state\ndata: %s\n\n", c->live->state);
	} else if (c->comment) {
		c->comment = false;
		n = snprintf(text, sizeof text, ":\n\n");
	}
	return n ? own_text(text, (size_t)n) : NULL;
}

size_t live_take(struct live_client *c, void *out, size_t most, int64_t now_ns, bool *ended)
{
	size_t n = 0;
	*ended = false;
	while (n < most) {
		if (!c->text) {
			if (c->ended)
				break;
			c->text = next_own(c);
			if (!c->text && !c->over)
				c->text = next_text(c);
			if (!c->text && c->reset)
				continue;
			c->at = 0;
		}
		if (!c->text)
			break;
		size_t part = c->text->n - c->at < most - n ? c->text->n - c->at : most - n;
		memcpy((char *)out + n, c->text->octets + c->at, part);
		n += part;
		c->at += part;
		if (c->at == c->text->n) {
			release(c->text);
			c->text = NULL;
		}
	}
	if (n)
		c->heard_ns = now_ns;
	*ended = n == 0 && c->ended;
	return n;
}

void live_tick(struct live *l, int64_t now_ns)
{
	prune(l, now_ns);
	for (size_t i = 0; i < l->n; i++) {
		struct live_client *c = l->clients[i];
		if (now_ns - c->heard_ns > LIVE_COMMENT_NS)
			c->comment = true;
		if (c->comment || c->over)
			c->wake(c->arg);
	}
}

size_t live_count(const struct live *l)
{
	return l->n;
}

struct live *live_new(uint32_t epoch)
{
	struct live *l = mem_new(sizeof *l);
	l->epoch = epoch;
	l->first = l->next = 1;
	return l;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	for (uint64_t s = l->first; s < l->next; s++)
		release(*slot(l, s));
	free(l);
}
