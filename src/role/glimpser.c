// SPDX-License-Identifier: Apache-2.0
#include "role/glimpser.h"

#include "base/mem.h"
#include "base/random.h"
#include "role/counters.h"
#include <stdlib.h>

#define TURN_MS 50 /* between an answer of the workers and its way to the console */

struct glimpser {
	struct loop *loop;
	struct sampler *sampler;
	struct channel *console; /* NULL: there is none */
	int timer;
	uint64_t number;
	int64_t until_ns; /* of the last glimpse; 0: none yet */
	void (*turn)(void *arg);
	void *turn_arg;
	struct glimpse glimpse;
};

struct glimpser *glimpser_new(struct loop *loop, const char *sensor, unsigned workers, unsigned unwrap)
{
	struct glimpser *g = mem_new(sizeof *g);
	struct sampler_params p = { .sensor = sensor,
		.workers = workers,
		.unwrap = unwrap,
		.seed = random_key(),
		.interval_ns = GLIMPSER_INTERVAL_MS * INT64_C(1000000) };
	g->loop = loop;
	g->sampler = sampler_new(&p);
	g->timer = -1;
	return g;
}

static void detach(struct glimpser *g)
{
	sampler_watch(g->sampler, false);
	if (g->timer >= 0)
		loop_cancel(g->loop, g->timer);
	g->timer = -1;
	channel_free(g->console);
	g->console = NULL;
}

void glimpser_free(struct glimpser *g)
{
	if (!g)
		return;
	detach(g);
	sampler_free(g->sampler);
	free(g);
}

void glimpser_records(struct glimpser *g, unsigned worker, const struct capfile_record *recs, size_t n,
	const struct telescope_counts *c)
{
	sampler_records(g->sampler, worker, recs, n, c);
}

void glimpser_turn(struct glimpser *g, void (*fn)(void *arg), void *arg)
{
	g->turn = fn;
	g->turn_arg = arg;
}

static bool send(struct glimpser *g)
{
	struct message_buf b = { 0 };
	bool sent = false;
	if (channel_queued(g->console) < GLIMPSER_WAITING) {
		glimpse_build(&b, &g->glimpse);
		struct message m = {
			.kind = MESSAGE_GLIMPSE, .count = g->glimpse.n, .sequence = ++g->number, .body = { b.p, b.n }
		};
		sent = channel_send(g->console, &m) == 0;
		free(b.p);
	}
	return sent;
}

/*
 * One follows the other, so that counts have a time that they belong to: at an interface from clock to clock, in a file
 * from the last packet to the last.
 */
static void stretch(struct glimpser *g)
{
	struct glimpse *v = &g->glimpse;
	if (!g->turn)
		v->to_ns = loop_clock_ns();
	if (!g->turn || (g->until_ns && g->until_ns < v->from_ns))
		v->from_ns = g->until_ns < v->to_ns ? g->until_ns : v->to_ns;
	if (v->to_ns)
		g->until_ns = v->to_ns;
}

static void on_turn(void *arg)
{
	struct glimpser *g = arg;
	if (g->turn)
		g->turn(g->turn_arg);
	if (!sampler_take(g->sampler, loop_now_ns(), &g->glimpse))
		return;
	stretch(g);
	if (g->glimpse.packets)
		counters_add(send(g) ? COUNTER_GLIMPSES : COUNTER_GLIMPSES_LOST, 1);
}

/* The edge carries nothing to this side: the channel refuses it and ends. */
static void on_message(void *arg, struct channel *c, const struct message *m, int fd)
{
}

static void on_closed(void *arg, struct channel *c, const char *why)
{
	struct glimpser *g = arg;
	if (c == g->console)
		detach(g);
	else
		channel_free(c);
}

struct channel_handler glimpser_handler(struct glimpser *g)
{
	return (struct channel_handler){ .arg = g, .message = on_message, .closed = on_closed };
}

void glimpser_attach(struct glimpser *g, struct channel *c)
{
	detach(g);
	g->console = c;
	g->timer = loop_timer(g->loop, TURN_MS, on_turn, g);
	g->until_ns = g->turn ? 0 : loop_clock_ns();
	sampler_watch(g->sampler, true);
}
