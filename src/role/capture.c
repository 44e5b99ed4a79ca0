// SPDX-License-Identifier: Apache-2.0
/* The capture role: an interface, or a capture file in its place, to batches for the keeper or the link. */
#include "role/members.h"

#include "analysis/darknet/darknet.h"
#include "base/clocksync.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "model/sensor.h"
#include "know/knowing.h"
#include "model/clock.h"
#include "role/glimpser.h"
#include "role/pipeline.h"
#include "role/replay.h"
#include "role/ring.h"
#include "sensor/telescope/live.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 100
/* An idle sensor takes little; a busy one touches more with its first minutes. */
#define TOUCH_FLOWS   ((size_t)8 << 10)
#define TOUCH_SOURCES ((size_t)4 << 10)
#define STEP_NS	      500000000 /* a smaller one is no jump: minutes close ten seconds late */

struct capture_role {
	struct member *m;
	const struct config_sensor *sensor;
	struct sender *sender;
	struct pipeline *pipeline;
	struct ring *ring; /* NULL: no packets are kept */
	struct glimpser *glimpser;
	struct live *live;     /* NULL: a replay */
	struct replay *replay; /* NULL: live */
	struct knowing knows;  /* geography alone */
	struct prefix *dark;
	size_t dark_n, dark_last; /* dark_last: where the packet before lay */
	struct telescope_sink next;
	struct clocksync_steps steps;
	int64_t clock_minute; /* whose state was told */
	bool down, finished;
};

/* All is kept. A replay that was stopped goes on at the next start. */
static void end(struct capture_role *c)
{
	if (c->replay && !c->m->stopping)
		channel_tell(c->m->control, MESSAGE_END, 0);
	member_end(c->m, 0);
}

static void finish(struct capture_role *c, int64_t until_ns, bool ended)
{
	c->finished = true;
	pipeline_finish(c->pipeline, until_ns, ended);
	if (sender_idle(c->sender))
		end(c);
}

/* ---- sender ---- */

static void list_dark(const struct darknet_dark *d, char *list, size_t size)
{
	char prefix[ADDR_TEXT_MAX + 8], text[256], from[TEXT_TIME_MAX] = "-", to[TEXT_TIME_MAX] = "-";
	if (d->from_ns != INT64_MIN)
		text_time(from, d->from_ns);
	if (d->to_ns != INT64_MAX)
		text_time(to, d->to_ns);
	snprintf(text, sizeof text, "%s %.10s %.10s", prefix_text(prefix, &d->prefix), from, to);
	row_list_add(list, size, text); /* those that find no room are known to the configuration */
}

/* Who watches. */
static void tell_sensor(struct capture_role *c)
{
	const struct config_sensor *s = c->sensor;
	struct sensor row = { 0 };
	struct clocksync now = clocksync_now();
	snprintf(row.id, sizeof row.id, "%s", s->name);
	snprintf(row.tenant, sizeof row.tenant, "%s", s->tenant);
	snprintf(row.place, sizeof row.place, "%s", s->place ? s->place : "");
	snprintf(row.clock_state, sizeof row.clock_state, "%s", clocksync_name(now.state));
	row.clock_offset_ns = now.offset_ns;
	for (size_t i = 0; i < s->dark.n; i++)
		list_dark(&s->dark.v[i], row.dark, sizeof row.dark);
	pipeline_row(c->pipeline, MESSAGE_SENSOR, &sensor_kind, &row);
}

static void on_welcome(void *arg)
{
	struct capture_role *c = arg;
	tell_sensor(c);
	pipeline_welcome(c->pipeline, c->live ? sender_since(c->sender) : 0);
	if (c->replay)
		replay_start(c->replay);
}

static void on_lost(void *arg, const struct batch *b, const char *why)
{
	struct capture_role *c = arg;
	pipeline_lost(c->pipeline, b, why);
}

static void on_empty(void *arg)
{
	struct capture_role *c = arg;
	if (c->finished)
		end(c);
}

/* ---- live ---- */

static void on_signal(void *arg, const struct signal *s)
{
	struct capture_role *c = arg;
	pipeline_signal(c->pipeline, s);
}

static void on_records(
	void *arg, unsigned worker, const struct capfile_record *recs, size_t n, const struct telescope_counts *counts)
{
	struct capture_role *c = arg;
	if (c->ring)
		ring_records(c->ring, worker, recs, n);
	glimpser_records(c->glimpser, worker, recs, n, counts);
}

/* What a replay read last is not kept back until it reads more. */
static void on_turn(void *arg)
{
	struct capture_role *c = arg;
	glimpser_records(c->glimpser, 0, NULL, 0, replay_counts(c->replay));
}

static bool ring_behind(void *arg, int64_t ns)
{
	struct capture_role *c = arg;
	bool wait = ring_wait(c->ring, ns);
	if (wait)
		ring_ask(c->ring, c->m->config->forward.to.host ? NULL : sender_channel(c->sender));
	return wait;
}

static void wake_ring(void *arg)
{
	struct capture_role *c = arg;
	if (c->live)
		live_wake(c->live);
}

static void on_other(void *arg, struct channel *ch, const struct message *m, int fd)
{
	struct capture_role *c = arg;
	if (m->kind == MESSAGE_RING_FILE && c->ring)
		ring_file(c->ring, m, fd);
	else if (fd >= 0)
		close(fd);
}

static void tend_ring(struct capture_role *c)
{
	if (!c->ring)
		return;
	/* A sensor elsewhere has its ring where its store is. */
	ring_ask(c->ring, c->m->config->forward.to.host ? NULL : sender_channel(c->sender));
	ring_publish(c->ring);
}

static void on_dropped(void *arg, int64_t from_ns, int64_t to_ns, uint64_t packets)
{
	struct capture_role *c = arg;
	pipeline_gap(c->pipeline, from_ns, to_ns, "kernel-drop", packets);
}

static void publish(struct capture_role *c)
{
	struct live_status s = live_status(c->live);
	counters_set(COUNTER_PACKETS, s.counts.packets);
	counters_set(COUNTER_BYTES, s.counts.bytes);
	counters_set(COUNTER_DROPPED, s.capture.dropped);
	counters_set(COUNTER_LATE, s.counts.late);
	counters_set(COUNTER_FOLDED, s.counts.folded);
	if (s.counts.timed)
		counters_set(COUNTER_LAST_PACKET, (uint64_t)s.counts.last_ns);
}

/* Once a minute what the kernel says of the clock, and every step that it took. */
static void watch_clock(struct capture_role *c)
{
	int64_t now = loop_clock_ns(), step = clocksync_step(&c->steps, now, loop_now_ns(), STEP_NS);
	if (step) {
		member_say(c->m, "the clock was stepped by %lld ms", (long long)(step / 1000000));
		pipeline_gap(c->pipeline, step > 0 ? now - step : now, step > 0 ? now : now - step, "clock-jump", 0);
		pipeline_back(c->pipeline, now);
	}
	if (now / MINUTE_NS == c->clock_minute)
		return;
	c->clock_minute = now / MINUTE_NS;
	struct clocksync s = clocksync_now();
	struct clock_minute row = { .minute = c->clock_minute, .offset_ns = s.offset_ns };
	snprintf(row.sensor, sizeof row.sensor, "%s", c->sensor->name);
	snprintf(row.state, sizeof row.state, "%s", clocksync_name(s.state));
	snprintf(row.source, sizeof row.source, "%s", s.leap ? "adjtimex, leap second" : "adjtimex");
	counters_set(COUNTER_CLOCK_STATE, s.state);
	counters_set(COUNTER_CLOCK_OFFSET, (uint64_t)s.offset_ns);
	pipeline_row(c->pipeline, MESSAGE_CLOCK, &clock_kind, &row);
	if (s.state != CLOCKSYNC_SYNCHRONISED)
		member_note("the clock is not synchronised");
	else
		counters->note[0] = '\0';
}

/* When something came to each dark prefix last: one that is withdrawn falls silent. */
static void take_flow(void *arg, const struct flow *f, bool late)
{
	struct capture_role *c = arg;
	if (c->dark_n && !prefix_holds(&c->dark[c->dark_last], &f->dst))
		for (size_t i = 0; i < c->dark_n; i++)
			if (prefix_holds(&c->dark[i], &f->dst)) {
				c->dark_last = i;
				break;
			}
	/* Flows of a minute don't come in order of their last packets. */
	if (c->dark_last < COUNTERS_PREFIXES && c->dark_last < c->dark_n &&
		prefix_holds(&c->dark[c->dark_last], &f->dst) &&
		f->last_ns > atomic_load_explicit(&counters->prefix_last_ns[c->dark_last], memory_order_relaxed))
		atomic_store_explicit(&counters->prefix_last_ns[c->dark_last], f->last_ns, memory_order_relaxed);
	c->next.flow(c->next.arg, f, late);
}

static void take_source(void *arg, const struct source *s)
{
	struct capture_role *c = arg;
	c->next.source(c->next.arg, s);
}

static void take_minute(void *arg, int64_t minute_ns)
{
	struct capture_role *c = arg;
	c->next.minute(c->next.arg, minute_ns);
}

static struct telescope_sink sink(struct capture_role *c)
{
	c->next = pipeline_sink(c->pipeline);
	return (struct telescope_sink){ .arg = c, .flow = take_flow, .source = take_source, .minute = take_minute };
}

static void poll_live(struct capture_role *c)
{
	if (c->finished)
		return;
	bool down = live_poll(c->live, 0) < 0;
	if (down != c->down)
		member_say(c->m, "%s: the interface went down", c->sensor->interface);
	c->down = down;
	watch_clock(c);
	tend_ring(c);
	pipeline_tick(c->pipeline);
	publish(c);
	int64_t read_ns = live_status(c->live).read_ns;
	if (read_ns)
		pipeline_upto(c->pipeline, read_ns - TELESCOPE_GRACE_NS);
	if (down)
		member_end(c->m, 3); /* tried again, later and later */
}

static void on_wake(void *arg, int fd, short events)
{
	poll_live(arg);
}

static void on_tick(void *arg)
{
	struct capture_role *c = arg;
	if (c->live)
		poll_live(c);
	else
		tend_ring(c);
}

static size_t dark_now(struct capture_role *c)
{
	int64_t now = loop_clock_ns();
	size_t n = 0;
	c->dark = mem_new((c->sensor->dark.n + 1) * sizeof *c->dark);
	for (size_t i = 0; i < c->sensor->dark.n; i++) {
		const struct darknet_dark *d = &c->sensor->dark.v[i];
		if (c->replay || (now >= d->from_ns && now < d->to_ns))
			c->dark[n++] = d->prefix;
	}
	c->dark_n = n;
	for (size_t i = 0; i < n && i < COUNTERS_PREFIXES; i++)
		prefix_text(counters->prefix[i], &c->dark[i]);
	counters->prefixes_n = (uint32_t)(n < COUNTERS_PREFIXES ? n : COUNTERS_PREFIXES);
	return n;
}

static unsigned unwraps(const struct config_sensor *s)
{
	unsigned bits = 0;
	for (size_t i = 0; i < s->unwrap.n; i++)
		bits |= s->unwrap.v[i] == CONFIG_GRE ? UNWRAP_GRE : UNWRAP_IPIP;
	return bits;
}

static struct signals_params signals_of(struct capture_role *c)
{
	size_t n = dark_now(c);
	return (struct signals_params){
		.sensor = c->sensor->name,
		.dark_n = n,
		.dark = c->dark,
		.min_destinations = (unsigned)c->sensor->signals.min_destinations,
		.min_ports = (unsigned)c->sensor->signals.min_ports,
		.seed = random_key(),
	};
}

static void place(void *arg, const struct addr *a, char country[3], uint32_t *asn)
{
	struct capture_role *c = arg;
	struct location l;
	knowing_place(&c->knows, a, &l);
	memcpy(country, l.country, sizeof l.country);
	*asn = l.has_asn ? l.asn : 0;
}

static void make_pipeline(struct capture_role *c, const char *what)
{
	struct sender_params sp = {
		.id = sender_id(c->sensor->name, what),
		.sensor = c->sensor->name,
		.flags = c->replay ? 0 : SENDER_LIVE,
		.again = c->replay != NULL,
		.arg = c,
		.welcome = on_welcome,
		.lost = on_lost,
		.empty = on_empty,
		.message = on_other,
	};
	c->sender = sender_new(&sp);
	struct pipeline_params pp = { .sensor = c->sensor->name,
		.sender_id = sp.id,
		.sender = c->sender,
		.place = place,
		.tool = darknet_tool_of,
		.arg = c };
	c->pipeline = pipeline_new(&pp);
}

static void make_ring(struct capture_role *c, unsigned workers)
{
	struct ring_params p = { .sensor = c->sensor,
		.snaplen = (uint32_t)c->m->config->packets.snaplen,
		.linktype = -1,
		.workers = workers,
		.now_ns = c->replay ? 0 : loop_clock_ns(),
		.wake = wake_ring,
		.arg = c };
	if (c->m->config->packets.keep && !c->m->config->forward.to.host)
		c->ring = ring_new(&p);
}

static int open_live(struct capture_role *c, struct err *err)
{
	const struct config_sensor *s = c->sensor;
	/* Most sensors see little for most of their lives. */
	mem_lean();
	make_pipeline(c, "live");
	make_ring(c, (unsigned)s->workers);
	c->glimpser = glimpser_new(c->m->loop, s->name, s->workers ? (unsigned)s->workers : 1, unwraps(s));
	struct live_params p = {
		.capture = { .interface = s->interface,
			.workers = (unsigned)s->workers,
			.blocks = (unsigned)(s->ring / CAPTURE_BLOCK),
			.snaplen = (uint32_t)s->snaplen,
			.promiscuous = s->promiscuous },
		.telescope = { .unwrap = unwraps(s),
			.touch_flows = TOUCH_FLOWS,
			.touch_sources = TOUCH_SOURCES,
			.seed = random_key(),
			.sink = sink(c) },
		.signal = on_signal,
		.records = on_records,
		.dropped = on_dropped,
	};
	p.signals = signals_of(c);
	return live_open(&c->live, &p, err) < 0 ? err_prefix(err, -1, "%s", s->interface) : 0;
}

static int open_replay(struct capture_role *c, struct err *err)
{
	struct replay_params p = { .path = c->m->options.replay, .speed = c->m->options.speed, .loop = c->m->loop };
	c->replay = replay_open(&p, err);
	if (!c->replay)
		return -1;
	make_pipeline(c, replay_name(c->replay));
	make_ring(c, 1);
	c->glimpser = glimpser_new(c->m->loop, c->sensor->name, 1, unwraps(c->sensor));
	glimpser_turn(c->glimpser, on_turn, c);
	replay_on_records(c->replay, on_records, c->ring ? ring_behind : NULL, c);
	struct telescope_params t = {
		.unwrap = unwraps(c->sensor), .seed = random_key(), .sorted = true, .sink = sink(c)
	};
	struct signals_params s = signals_of(c);
	replay_feed(c->replay, &t, &s, c->pipeline, c->sender);
	return 0;
}

static int capture_open_role(struct member *m, struct err *err)
{
	struct capture_role *c = mem_new(sizeof *c);
	if (m->index >= m->config->sensors.n)
		return err_set(err, -1, "there is no sensor %u", m->index);
	c->m = m;
	c->sensor = &m->config->sensors.v[m->index];
	m->state = c;
	return m->options.replay ? open_replay(c, err) : open_live(c, err);
}

static void replay_is_over(void *arg, int64_t until_ns)
{
	finish(arg, until_ns, false);
}

/* Threads start before the filter comes; what they read waits until the keeper has answered. */
static int capture_ready(struct member *m, struct err *err)
{
	struct capture_role *c = m->state;
	struct knowing_params known = { .geo = { m->config->analysis.geo.v, m->config->analysis.geo.n } };
	if (knowing_open(&c->knows, &known, err) < 0)
		return -1;
	loop_timer(m->loop, TICK_MS, on_tick, c);
	if (c->replay) {
		replay_on_end(c->replay, replay_is_over, c);
		return 0;
	}
	loop_add(m->loop, live_fd(c->live), POLLIN, on_wake, c);
	return live_start(c->live, err);
}

static void capture_edge(struct member *m, enum role_id peer, unsigned index, int fd)
{
	struct capture_role *c = m->state;
	if (peer == ROLE_CONSOLE) {
		struct channel_handler eyes = glimpser_handler(c->glimpser);
		glimpser_attach(c->glimpser, member_channel(m, peer, fd, &eyes, 0));
		return;
	}
	struct channel_handler h = sender_handler(c->sender);
	sender_attach(c->sender, member_channel(m, peer, fd, &h, 0));
}

static void capture_stop_role(struct member *m)
{
	struct capture_role *c = m->state;
	if (c->finished)
		return;
	if (c->live) {
		/* What comes while the workers end may be kept or not: the gap begins here. */
		int64_t until_ns = loop_clock_ns();
		live_stop(c->live);
		publish(c);
		finish(c, until_ns, true);
	} else {
		c->finished = true;
		replay_stop(c->replay);
		if (sender_idle(c->sender))
			member_end(m, 0);
	}
}

static void capture_close_role(struct member *m)
{
	struct capture_role *c = m->state;
	if (c->live && !c->finished)
		live_stop(c->live);
	live_close(c->live);
	replay_close(c->replay);
	ring_free(c->ring);
	glimpser_free(c->glimpser);
	pipeline_free(c->pipeline);
	sender_free(c->sender);
	knowing_close(&c->knows);
	free(c->dark);
	free(c);
}

const struct member_role capture_role = {
	.open = capture_open_role,
	.ready = capture_ready,
	.edge = capture_edge,
	.stop = capture_stop_role,
	.close = capture_close_role,
};
