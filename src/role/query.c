// SPDX-License-Identifier: Apache-2.0
/* The query role: reads the store for others, and can't write it. */
#include "base/mem.h"
#include "role/asking.h"
#include "role/members.h"
#include "role/reading.h"
#include "store/packetpin.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WANTS 256 /* questions of the analysis that wait */

struct query_role {
	struct member *m;
	struct store *store;
	struct asking *asking;
	struct channel *analysis, *keeper;
	int packets; /* STORE/packets, -1: not yet */
	struct reading *reading;
	struct reading_params wants[WANTS];
	size_t n;
	bool again; /* a timer waits to look whether there is a store */
};

/* The keeper makes the store; a first start has to wait for it. */
static int open_store(struct query_role *q, struct err *err)
{
	if (q->store)
		return 0;
	q->store = store_open(member_store(q->m), STORE_READ, NULL, err);
	return q->store ? 0 : -1;
}

static void next(void *arg);

static void look_again(void *arg)
{
	struct query_role *q = arg;
	q->again = false;
	next(q);
}

static void on_done(void *arg)
{
	struct query_role *q = arg;
	reading_free(q->reading);
	q->reading = NULL;
	counters_add(COUNTER_QUERIES, 1);
	next(q);
}

static void next(void *arg)
{
	struct query_role *q = arg;
	struct err err = { "" };
	if (q->reading || !q->n || !q->analysis)
		return;
	if (open_store(q, &err) < 0) {
		/* One timer, however many questions come meanwhile. */
		if (!q->again)
			loop_after(q->m->loop, 200, look_again, q);
		q->again = true;
		return;
	}
	struct reading_params p = q->wants[0];
	q->n--;
	memmove(q->wants, q->wants + 1, q->n * sizeof *q->wants);
	p.store = q->store;
	q->reading = reading_new(&p);
	reading_go_on(q->reading);
}

static void on_message(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct query_role *q = arg;
	struct message_reader in = { .in = m->body };
	struct reading_params p = { .loop = q->m->loop, .to = c, .done = on_done, .arg = q };
	p.from_ns = (int64_t)message_get_u64(&in);
	p.to_ns = (int64_t)message_get_u64(&in);
	message_get_text(&in, p.sensor, sizeof p.sensor);
	if (!message_whole(&in) || q->n == WANTS || p.from_ns > p.to_ns) {
		channel_refused();
		return;
	}
	q->wants[q->n++] = p;
	next(q);
}

static void on_drained(void *arg, struct channel *c)
{
	struct query_role *q = arg;
	if (q->reading)
		reading_go_on(q->reading);
}

static void forget(struct query_role *q)
{
	reading_free(q->reading);
	q->reading = NULL;
	q->n = 0;
	channel_free(q->analysis);
	q->analysis = NULL;
}

static void on_closed(void *arg, struct channel *c, const char *why)
{
	forget(arg);
}

/* Packets of a finding into the file that the keeper opened. */
static void on_pin(void *arg, struct channel *c, const struct message *m, int fd)
{
	static struct finding f;
	struct query_role *q = arg;
	struct message_reader in = { .in = m->body };
	struct packetring_found found = { 0 };
	struct err err = { "" };
	message_get_finding(&in, &f);
	if (q->packets < 0)
		q->packets = packetring_dir(member_store(q->m), false, &err);
	bool good = message_whole(&in) && q->packets >= 0 && packetpin_fill(q->packets, &f, fd, &found, &err) == 0;
	if (!good)
		member_say(q->m, "packets of a finding can't be read: %s", err.text);
	close(fd);
	uint32_t n = good && found.packets < UINT32_MAX ? (uint32_t)found.packets : 0;
	channel_send(c, &(struct message){ .kind = MESSAGE_END, .count = n });
}

static void keeper_closed(void *arg, struct channel *c, const char *why)
{
	struct query_role *q = arg;
	channel_free(c);
	q->keeper = NULL;
}

static int query_open(struct member *m, struct err *err)
{
	struct query_role *q = mem_new(sizeof *q);
	q->m = m;
	q->packets = -1;
	m->state = q;
	q->asking = asking_open(m, err);
	return q->asking ? 0 : -1;
}

static int query_ready(struct member *m, struct err *err)
{
	struct err why = { "" };
	struct query_role *q = m->state;
	/* Not there yet, or still to be migrated: asked again with the first question. */
	if (open_store(q, &why) < 0)
		q->store = NULL;
	return asking_ready(q->asking, err);
}

static void query_edge(struct member *m, enum role_id peer, unsigned index, int fd)
{
	struct query_role *q = m->state;
	if (peer == ROLE_KEEPER) {
		struct channel_handler pin = { .arg = q, .message = on_pin, .closed = keeper_closed };
		channel_free(q->keeper);
		q->keeper = member_channel(m, peer, fd, &pin, 0);
		return;
	}
	struct channel_handler h = { .arg = q, .message = on_message, .drained = on_drained, .closed = on_closed };
	forget(q);
	q->analysis = member_channel(m, peer, fd, &h, 0);
}

static void query_close(struct member *m)
{
	struct query_role *q = m->state;
	forget(q);
	asking_close(q->asking);
	channel_free(q->keeper);
	if (q->packets >= 0)
		close(q->packets);
	store_close(q->store);
	free(q);
}

/* Landlock: the directory is there to be read. */
static const struct sandbox_paths *query_paths(struct member *m)
{
	static const char *read[2];
	static struct sandbox_paths paths = { .read = read };
	read[0] = member_store(m);
	return &paths;
}

const struct member_role query_role = {
	.open = query_open,
	.ready = query_ready,
	.edge = query_edge,
	.close = query_close,
	.paths = query_paths,
};
