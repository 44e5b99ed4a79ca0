// SPDX-License-Identifier: Apache-2.0
/*
 * The forward role: the keeper's place on a machine that only watches. Batches of the captures go into the spool and
 * are acknowledged when the disk has them; from there they go to the collector.
 *
 * A full spool keeps what is in it and drops the newest batch: in its place goes a gap ("spool-full", with the number
 * of packets), for which there is room beyond the quota. When that is full, too, the batch is refused, and the capture
 * tells the gap once there is room. Gaps that this role tells (also of time in which nobody watched, of batches that
 * the collector refused or the disk lost) are in batches of its own, numbered apart from those of the capture.
 */
#include "base/mem.h"
#include "base/text.h"
#include "model/gap.h"
#include "role/batch.h"
#include "role/members.h"
#include "role/resolve.h"
#include "role/sender.h"
#include "role/uplink.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DRAIN_MS 5000 /* at the end, for what waits */
#define SMALL	 4096 /* octets of a batch without flows: signals and gaps */
#define LOST_MAX 256  /* gaps that are told once the spool is open; later ones are one */

struct capture {
	struct forward *forward;
	unsigned index;
	struct channel *channel;
	struct assembly *assembly;
	struct message_buf frames;
	struct sender_hello hello;
	bool greeted;
	int64_t dropped_ns; /* where the last gap of a dropped batch begins */
};

struct forward {
	struct member *m;
	struct spool *spool;
	struct tlslink_keys *keys;
	struct uplink *uplink;
	struct capture *captures[CONFIG_SENSORS_MAX];
	uint64_t fresh[SPOOL_SENDERS_MAX]; /* live ones whose past only the collector knows */
	size_t fresh_n;
	struct gap *lost; /* found while the spool was opened */
	size_t lost_n;
	char down[200]; /* why the link is, as it was told */
	bool finishing;
};

static void publish(struct forward *f)
{
	counters_set(COUNTER_SPOOL_BYTES, spool_waiting(f->spool));
	counters_set(COUNTER_WAITING, spool_waiting(f->spool));
	if (spool_waiting(f->spool) > counters_get(counters, COUNTER_WAITING_MAX))
		counters_set(COUNTER_WAITING_MAX, spool_waiting(f->spool));
}

/* The spool is in an unknown state: a new process opens it anew; captures hold what was not acknowledged. */
static void give_up(struct forward *f, const char *why)
{
	member_say(f->m, "%s", why);
	member_end(f->m, 3);
}

/* Numbers of a sender that this spool doesn't know begin above all that it may have used before it was lost. */
static uint64_t first_number(void)
{
	int64_t s = loop_clock_ns() / 1000000000;
	return s > 0 ? (uint64_t)s << 16 : 0;
}

/* ---- gaps of one's own ---- */

static int put_gap(struct forward *f, const struct gap *g, struct err *err)
{
	uint64_t id = sender_id(g->sensor, "forward");
	if (!spool_sender(f->spool, id)) {
		int r = spool_begin(f->spool, id, g->sensor, first_number(), err);
		if (r < 0)
			return r;
	}
	struct batch *b = batch_new(spool_sender(f->spool, id)->last + 1);
	batch_row(b, MESSAGE_GAP, &gap_kind, g);
	batch_commit(b, g->to_ns, false);
	struct spool_record r = { .kind = SPOOL_BATCH,
		.sender = id,
		.sequence = b->sequence,
		.from_ns = g->from_ns,
		.until_ns = g->to_ns,
		.frames = { b->frames.p, b->frames.n } };
	snprintf(r.sensor, sizeof r.sensor, "%s", g->sensor);
	int code = spool_append(f->spool, &r, true, err);
	batch_free(b);
	return code;
}

static void tell_gap(struct forward *f, const struct gap *g)
{
	struct err err = { "" };
	if (put_gap(f, g, &err) < 0)
		member_say(f->m, "a gap of %s could not be kept: %s", g->sensor, err.text);
	publish(f);
}

static void gap_of(struct gap *out, const struct spool_record *r, const char *why)
{
	*out = (struct gap){ .from_ns = r->from_ns, .to_ns = r->until_ns, .dropped = r->packets };
	if (!out->from_ns || out->from_ns > out->to_ns)
		out->from_ns = out->to_ns;
	snprintf(out->sensor, sizeof out->sensor, "%s", r->sensor);
	snprintf(out->reason, sizeof out->reason, "%s", why);
}

static void on_lost(void *arg, const struct spool_record *r, const char *why)
{
	struct forward *f = arg;
	struct gap g;
	counters_add(COUNTER_BATCHES_LOST, 1);
	member_say(f->m, "a batch of %s in the spool can't be read any more", r->sensor);
	gap_of(&g, r, why);
	if (f->spool) {
		tell_gap(f, &g);
		return;
	}
	if (f->lost_n == LOST_MAX) {
		f->lost_n--;
		g.from_ns = f->lost[f->lost_n].from_ns;
	}
	f->lost = mem_grow(f->lost, LOST_MAX * sizeof *f->lost);
	f->lost[f->lost_n++] = g;
}

/* ---- captures ---- */

static void capture_free(struct capture *c)
{
	c->forward->captures[c->index] = NULL;
	channel_free(c->channel);
	assembly_free(c->assembly);
	free(c->frames.p);
	free(c);
}

static void dismiss(struct capture *c, const char *why)
{
	channel_refused();
	member_say(c->forward->m, "capture is cut off: it sent %s", why);
	capture_free(c);
}

static void refuse(struct capture *c, uint64_t sequence, const char *why)
{
	struct message_buf b = { 0 };
	message_u32(&b, SPOOL_FULL);
	message_text(&b, why);
	channel_send(
		c->channel, &(struct message){ .kind = MESSAGE_REFUSE, .sequence = sequence, .body = { b.p, b.n } });
	free(b.p);
}

/* A capture begins to watch: since when has nobody? */
static void tell_absence(struct forward *f, const struct spool_sender *s, int64_t since_ns)
{
	int64_t now = loop_clock_ns();
	if (since_ns && since_ns < now)
		now = since_ns;
	if (!s->until_ns || s->until_ns >= now)
		return;
	struct err err = { "" };
	struct gap g = { .from_ns = s->until_ns, .to_ns = now };
	snprintf(g.sensor, sizeof g.sensor, "%s", s->sensor);
	snprintf(g.reason, sizeof g.reason, "%s", s->ended ? "stopped" : "killed");
	tell_gap(f, &g);
	/* One that is killed at once after that has a gap of its own. */
	if (spool_resume(f->spool, s->id, now, &err) < 0)
		member_say(f->m, "%s", err.text);
}

static void on_hello(struct capture *c, const struct message *m)
{
	struct forward *f = c->forward;
	struct err err = { "" };
	if (sender_hello_get(m, &c->hello) < 0 ||
		strcmp(c->hello.sensor, f->m->config->sensors.v[c->index].name) != 0 ||
		!sender_id_of(c->hello.id, c->hello.sensor)) {
		dismiss(c, "a greeting that is none, or of another sensor");
		return;
	}
	const struct spool_sender *s = spool_sender(f->spool, c->hello.id);
	bool live = c->hello.flags & SENDER_LIVE;
	if (s && live)
		tell_absence(f, s, c->hello.since_ns);
	if (!s) {
		int r = spool_begin(f->spool, c->hello.id, c->hello.sensor, live ? first_number() : 0, &err);
		if (r < 0) {
			give_up(f, err.text);
			return;
		}
		if (live && f->fresh_n < SPOOL_SENDERS_MAX)
			f->fresh[f->fresh_n++] = c->hello.id;
	}
	s = spool_sender(f->spool, c->hello.id);
	assembly_begin(c->assembly, c->hello.id, c->hello.sensor);
	c->frames.n = 0;
	c->greeted = true;
	channel_tell(c->channel, MESSAGE_WELCOME, live && s->acked > s->last ? s->acked : s->last);
	uplink_kick(f->uplink);
}

/* A gap in the place of a batch. The store tells gaps apart by where they begin. */
static int drop(struct capture *c, const struct spool_record *r, struct err *err)
{
	struct gap g;
	counters_add(COUNTER_SPOOL_LOST, 1);
	gap_of(&g, r, "spool-full");
	if (g.from_ns == c->dropped_ns)
		g.from_ns++;
	if (g.to_ns < g.from_ns)
		g.to_ns = g.from_ns;
	c->dropped_ns = g.from_ns;
	return put_gap(c->forward, &g, err);
}

/* Returns 0 when it is dealt with, or a negative code of the spool. */
static int spool_it(struct capture *c, uint64_t sequence, struct err *err)
{
	const struct spool_sender *s = spool_sender(c->forward->spool, c->hello.id);
	if (sequence <= s->last)
		return 0; /* it is there already */
	struct spool_record r = { .kind = SPOOL_BATCH,
		.ended = assembly_ended(c->assembly),
		.sender = c->hello.id,
		.sequence = sequence,
		.packets = assembly_packets(c->assembly),
		.from_ns = assembly_first(c->assembly),
		.until_ns = assembly_until(c->assembly),
		.frames = { c->frames.p, c->frames.n } };
	snprintf(r.sensor, sizeof r.sensor, "%s", c->hello.sensor);
	if (!r.from_ns)
		r.from_ns = r.until_ns;
	int code = spool_append(c->forward->spool, &r, r.frames.n <= SMALL, err);
	return code == -SPOOL_FULL ? drop(c, &r, err) : code;
}

static void keep(struct capture *c, uint64_t sequence)
{
	struct forward *f = c->forward;
	struct err err = { "" };
	int r = spool_it(c, sequence, &err);
	if (r == -SPOOL_IO) {
		give_up(f, err.text);
		return;
	}
	if (r == 0) {
		channel_tell(c->channel, MESSAGE_ACK, sequence);
	} else {
		refuse(c, sequence, "spool-full");
	}
	assembly_clear(c->assembly);
	if (c->frames.cap > (4u << 20)) { /* one large batch shall not keep its memory */
		free(c->frames.p);
		c->frames = (struct message_buf){ 0 };
	}
	c->frames.n = 0;
	publish(f);
	uplink_kick(f->uplink);
}

static void on_message(void *arg, struct channel *channel, const struct message *m, int fd)
{
	struct capture *c = arg;
	const char *why;
	if (m->kind == MESSAGE_HELLO) {
		on_hello(c, m);
		return;
	}
	if (!c->greeted || !m->sequence || c->frames.n + FRAMES_MAX > FRAMES_BATCH) {
		dismiss(c, c->greeted ? "a batch beyond the limits" : "a batch before its greeting");
		return;
	}
	frames_put(&c->frames, m);
	int r = assembly_add(c->assembly, m, &why);
	if (r < 0)
		dismiss(c, why);
	else if (r > 0)
		keep(c, m->sequence);
}

static void on_closed(void *arg, struct channel *channel, const char *why)
{
	capture_free(arg);
}

static void forward_edge(struct member *m, enum role_id peer, unsigned index, int fd)
{
	struct forward *f = m->state;
	if (peer != ROLE_CAPTURE || index >= m->config->sensors.n) {
		close(fd);
		return;
	}
	if (f->captures[index])
		capture_free(f->captures[index]);
	struct capture *c = mem_new(sizeof *c);
	*c = (struct capture){ .forward = f, .index = index, .assembly = assembly_new() };
	struct channel_handler h = { .arg = c, .message = on_message, .closed = on_closed };
	c->channel = member_channel(m, peer, fd, &h, 0);
	f->captures[index] = c;
}

/* ---- the link ---- */

static size_t fresh_at(const struct forward *f, uint64_t sender)
{
	size_t i = 0;
	while (i < f->fresh_n && f->fresh[i] != sender)
		i++;
	return i;
}

static uint32_t flags_of(void *arg, uint64_t sender)
{
	const struct forward *f = arg;
	return fresh_at(f, sender) < f->fresh_n ? SENDER_LIVE : 0;
}

/* The collector has more than was ever numbered here: this spool is new, and the clock was behind when it began. What
 * waits has numbers that the collector takes for old ones. */
static void on_conflict(struct forward *f, const struct spool_sender *s, uint64_t last)
{
	struct gap g = { .to_ns = loop_clock_ns() };
	g.from_ns = s->until_ns && s->until_ns < g.to_ns ? s->until_ns : g.to_ns;
	snprintf(g.sensor, sizeof g.sensor, "%s", s->sensor);
	snprintf(g.reason, sizeof g.reason, "spool-lost");
	member_say(f->m, "%s: the collector has later batches than this spool: those that wait are lost", s->sensor);
	counters_add(COUNTER_BATCHES_LOST, 1);
	tell_gap(f, &g);
	for (size_t i = 0; i < CONFIG_SENSORS_MAX; i++) {
		struct capture *c = f->captures[i];
		if (c && c->greeted && c->hello.id == s->id)
			channel_tell(c->channel, MESSAGE_WELCOME, last);
	}
}

static void on_welcomed(void *arg, uint64_t sender, uint64_t last)
{
	struct forward *f = arg;
	const struct spool_sender *s = spool_sender(f->spool, sender);
	size_t at = fresh_at(f, sender);
	if (at < f->fresh_n)
		f->fresh[at] = f->fresh[--f->fresh_n];
	if (f->down[0])
		member_say(f->m, "the link is up");
	f->down[0] = '\0';
	if (s && last > s->last && sender == sender_id(s->sensor, "live"))
		on_conflict(f, s, last);
}

static void on_refused(void *arg, const struct spool_record *r, const char *why)
{
	struct forward *f = arg;
	char safe[512];
	struct gap g;
	counters_add(COUNTER_BATCHES_LOST, 1);
	member_say(f->m, "the collector refused a batch of %s: %s", r->sensor,
		text_escape(safe, sizeof safe, why, strlen(why)));
	gap_of(&g, r, "refused");
	if (r->sender != sender_id(r->sensor, "forward"))
		tell_gap(f, &g);
}

static void finish_when_done(struct forward *f)
{
	if (f->finishing && (spool_waiting(f->spool) == 0 || !uplink_trying(f->uplink)))
		member_end(f->m, 0);
}

static void on_settled(void *arg)
{
	struct forward *f = arg;
	publish(f);
	finish_when_done(f);
}

static void on_down(void *arg, const char *why)
{
	struct forward *f = arg;
	/* Tried again and again: the same reason is told once. */
	if (strcmp(f->down, why) != 0)
		member_say(f->m, "no link to %s: %s", f->m->config->forward.to.host, why);
	snprintf(f->down, sizeof f->down, "%s", why);
	finish_when_done(f);
}

static void on_failed(void *arg, const char *why)
{
	give_up(arg, why);
}

/* ---- life ---- */

static int check_names(struct forward *f, struct err *err)
{
	const struct config *c = f->m->config;
	for (size_t i = 0; i < c->sensors.n; i++)
		if (!tlslink_keys_name(f->keys, c->sensors.v[i].name))
			return err_set(err, -1,
				"%s: the certificate is for another sensor than %s: the collector would refuse it",
				c->forward.tls.certificate, c->sensors.v[i].name);
	return 0;
}

static int forward_open(struct member *m, struct err *err)
{
	struct forward *f = mem_new(sizeof *f);
	const struct config *c = m->config;
	char dir[4200];
	f->m = m;
	m->state = f;
	if (!c->forward.tls.ca || !c->forward.tls.certificate || !c->forward.tls.key)
		return err_set(err, -1, "forward needs ca, certificate and key");
	if (tlslink_keys_load(&f->keys, &c->forward.tls, NULL, false, err) < 0 || check_names(f, err) < 0)
		return -1;
	/* From here on by its place: the way to it is closed to this role's user. */
	snprintf(dir, sizeof dir, "%s/spool", m->options.store);
	return chdir(dir) == 0 ? 0 : err_set(err, -1, "%s: %m", dir);
}

static void on_tick(void *arg)
{
	struct statvfs fs;
	if (statvfs(".", &fs) == 0) {
		counters_set(COUNTER_DISK_FREE, (uint64_t)fs.f_bavail * fs.f_frsize);
		counters_set(COUNTER_DISK_TOTAL, (uint64_t)fs.f_blocks * fs.f_frsize);
	}
}

static int forward_ready(struct member *m, struct err *err)
{
	struct forward *f = m->state;
	struct spool_params sp = { .dir = ".", .quota = m->config->forward.spool.size, .lost = on_lost, .arg = f };
	if (spool_open(&f->spool, &sp, err) < 0)
		return -1;
	if (spool_cut(f->spool))
		member_say(m, "cut %llu octets that nobody had acknowledged", (unsigned long long)spool_cut(f->spool));
	for (size_t i = 0; i < f->lost_n; i++)
		tell_gap(f, &f->lost[i]);
	struct uplink_params up = { .loop = m->loop,
		.spool = f->spool,
		.keys = f->keys,
		.host = m->config->forward.to.host,
		.port = m->config->forward.to.port,
		.arg = f,
		.flags = flags_of,
		.welcomed = on_welcomed,
		.refused = on_refused,
		.settled = on_settled,
		.down = on_down,
		.failed = on_failed };
	f->uplink = uplink_new(&up);
	publish(f);
	on_tick(f);
	loop_timer(m->loop, 5000, on_tick, f);
	return 0;
}

static void at_last(void *arg)
{
	struct forward *f = arg;
	member_end(f->m, 0);
}

static void forward_stop(struct member *m)
{
	struct forward *f = m->state;
	f->finishing = true;
	loop_after(m->loop, DRAIN_MS, at_last, f);
	finish_when_done(f);
}

static void forward_close(struct member *m)
{
	struct forward *f = m->state;
	for (size_t i = 0; i < CONFIG_SENSORS_MAX; i++)
		if (f->captures[i])
			capture_free(f->captures[i]);
	uplink_free(f->uplink);
	spool_close(f->spool);
	tlslink_keys_free(f->keys);
	free(f->lost);
	free(f);
}

static const struct sandbox_paths *forward_paths(struct member *m)
{
	static const char *const write[] = { ".", NULL };
	static const char *const read[] = { RESOLVE_PATHS, NULL };
	static const struct sandbox_paths paths = { .write = write, .read = read, .tcp = true };
	return &paths;
}

const struct member_role forward_role = {
	.open = forward_open,
	.ready = forward_ready,
	.edge = forward_edge,
	.stop = forward_stop,
	.close = forward_close,
	.paths = forward_paths,
};
