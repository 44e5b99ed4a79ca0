// SPDX-License-Identifier: Apache-2.0
/* Collections, queues, retries. */
#include "response/alert/alert_impl.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

#define RESERVE		100 /* places in the queue for alarms and notices when findings have filled it */
#define NOTICE_EVERY	(3600 * ALERT_SECOND)
#define BEATS_TOLERATED 3

struct alert_view alert_queue_view(const struct alert *a, size_t channel, int64_t now_ns)
{
	enum alert_language l = a->chans[channel].c.language;
	return (struct alert_view){ .language = l ? l : a->p.language,
		.console_url = a->p.console_url,
		.host = a->p.host,
		.offset_s = a->p.offset_s(a->p.arg, now_ns) };
}

static void mark(struct alert *a, size_t channel, const struct alert_line *l, enum alert_state state, const char *why)
{
	struct alert_mark m = {
		.state = state, .event = l->event, .severity = l->severity, .since_ns = l->since_ns, .at_ns = a->now_ns
	};
	struct alert_entry e = { a->now_ns, (uint8_t)state, (uint8_t)l->severity, (uint8_t)l->event,
		(uint8_t)l->severity };
	snprintf(m.subject, sizeof m.subject, "%s", l->subject);
	snprintf(m.channel, sizeof m.channel, "%s", a->chans[channel].c.name);
	snprintf(m.text, sizeof m.text, "%s", why);
	/* What was decided since may be further than what went out just now. */
	const struct alert_entry *known = alert_memory_get(&a->memory, m.subject, m.channel);
	if (known) {
		e.event = known->event;
		e.severity = known->severity;
		e.told = known->told > e.told ? known->told : e.told;
	}
	m.severity = (enum alert_severity)e.told;
	if (l->event != ALERT_TEST && l->event != ALERT_NOTICE)
		alert_memory_put(&a->memory, m.subject, m.channel, &e);
	if (a->p.mark)
		a->p.mark(a->p.arg, &m);
}

static struct alert_line line_of(const struct alert *a, size_t channel, const struct alert_thing *t)
{
	struct alert_view v = alert_queue_view(a, channel, t->at_ns);
	struct alert_line l = { .event = t->event, .severity = t->severity, .since_ns = t->since_ns };
	snprintf(l.subject, sizeof l.subject, "%s", t->id);
	l.title = alert_compose_title(t, v.language);
	l.kind = strdup(alert_compose_kind(t));
	ENSURE(l.kind != NULL);
	return l;
}

static void free_lines(struct alert_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(lines[i].title);
		free(lines[i].kind);
	}
	free(lines);
}

static void free_out(struct alert_out *o)
{
	free(o->title);
	free(o->text);
	free(o->json);
	free_lines(o->lines, o->lines_n);
	free(o);
}

static void append(struct alert *a, size_t channel, struct alert_out *o)
{
	struct alert_chan *c = &a->chans[channel];
	o->next = NULL;
	*c->tail = o;
	c->tail = &o->next;
}

static void enqueue(struct alert *a, size_t channel, struct alert_out *o)
{
	o->due_ns = o->at_ns;
	append(a, channel, o);
	a->chans[channel].waiting += o->lines_n;
	a->waiting += o->lines_n;
	a->counts.queued++;
}

/* Beyond the limit: told to the marks alone. */
static bool has_room(struct alert *a, size_t channel, const struct alert_thing *t)
{
	bool important = t->alarm || t->notice || t->test;
	if (a->waiting < a->p.limits.queue_max + (important ? RESERVE : 0))
		return true;
	struct alert_line l = line_of(a, channel, t);
	a->counts.dropped++;
	mark(a, channel, &l, ALERT_DROPPED, "the queue is full");
	free(l.title);
	free(l.kind);
	return false;
}

void alert_queue_push(struct alert *a, size_t channel, const struct alert_thing *t)
{
	struct alert_view v = alert_queue_view(a, channel, t->at_ns);
	if (!has_room(a, channel, t))
		return;
	struct alert_out *o = mem_new(sizeof *o);
	snprintf(o->id, sizeof o->id, "%s", t->message_id);
	snprintf(o->thread, sizeof o->thread, "%s", t->thread);
	o->event = t->event;
	o->severity = t->severity;
	o->at_ns = t->at_ns;
	o->lines = mem_new(sizeof *o->lines);
	o->lines[0] = line_of(a, channel, t);
	o->lines_n = 1;
	o->title = alert_compose_title(t, v.language);
	o->text = alert_compose_text(t, &v);
	o->json = alert_compose_json(t, &v, o->title, o->text);
	enqueue(a, channel, o);
}

static void collect(struct alert *a, struct alert_bundle *b, size_t channel, const struct alert_thing *t)
{
	if (!has_room(a, channel, t))
		return;
	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 8;
		b->lines = mem_grow(b->lines, b->room * sizeof *b->lines);
	}
	a->bundles_used += b->n == 0;
	if (b->n == 0 || t->severity > b->severity)
		b->severity = t->severity;
	b->lines[b->n++] = line_of(a, channel, t);
	a->chans[channel].waiting++;
	a->waiting++;
}

/* When rule, channel and the whole let one more out; `now` when they do. */
static int64_t may_go(struct alert *a, size_t rule, size_t channel, int64_t now)
{
	int64_t when[3] = { alert_rule_when(&a->rule_buckets[rule], now),
		alert_rule_when(&a->chans[channel].bucket, now), alert_rule_when(&a->bucket, now) };
	int64_t latest = when[0];
	for (int i = 1; i < 3; i++)
		if (when[i] > latest)
			latest = when[i];
	return latest;
}

static void take(struct alert *a, size_t rule, size_t channel)
{
	alert_rule_take(&a->rule_buckets[rule]);
	alert_rule_take(&a->chans[channel].bucket);
	alert_rule_take(&a->bucket);
}

static int64_t quiet_end(const struct alert *a, size_t rule, enum alert_severity s, int64_t now)
{
	struct alert_clock clock = { a->p.offset_s, a->p.arg };
	return alert_rule_quiet(&a->rules[rule].quiet, s, now, &clock);
}

static void begin_bundle(struct alert_bundle *b, enum alert_reason reason, int64_t due)
{
	if (b->n)
		return;
	b->reason = reason;
	b->due_ns = due;
}

void alert_queue_offer(struct alert *a, size_t rule, size_t channel, const struct alert_thing *t)
{
	struct alert_bundle *b = &a->bundles[rule * a->chans_n + channel];
	int64_t now = t->at_ns, until = quiet_end(a, rule, t->severity, now), digest = a->rules[rule].digest_ns;
	if (until > now) {
		a->counts.quiet++;
		begin_bundle(b, ALERT_QUIET, until);
	} else if (digest) {
		begin_bundle(b, ALERT_DIGEST, now + digest);
	} else if (b->n == 0 || b->reason == ALERT_QUIET) {
		int64_t when = may_go(a, rule, channel, now);
		if (when <= now) {
			take(a, rule, channel);
			alert_queue_push(a, channel, t);
			return;
		}
		a->counts.limited++;
		begin_bundle(b, ALERT_LIMITED, when);
	} else {
		a->counts.limited++;
	}
	collect(a, b, channel, t);
}

static void close_bundle(struct alert *a, struct alert_bundle *b, size_t channel, int64_t now)
{
	struct alert_view v = alert_queue_view(a, channel, now);
	struct alert_out *o = mem_new(sizeof *o);
	snprintf(o->id, sizeof o->id, "many.%.32s.%" PRIu64 ".%" PRId64, a->chans[channel].c.name, (uint64_t)b->n,
		now / 1000000);
	snprintf(o->thread, sizeof o->thread, "%s", o->id);
	struct alert_many many = { .lines = b->lines,
		.n = b->n,
		.reason = b->reason,
		.message_id = o->id,
		.severity = b->severity,
		.at_ns = now };
	o->event = ALERT_NEW;
	o->severity = b->severity;
	o->at_ns = now;
	o->collection = true;
	o->title = b->n == 1 ? strdup(b->lines[0].title) : alert_compose_many_title(&many, v.language);
	ENSURE(o->title != NULL);
	o->text = alert_compose_many_text(&many, &v);
	o->json = alert_compose_many_json(&many, o->title, o->text);
	o->lines = b->lines;
	o->lines_n = b->n;
	a->chans[channel].waiting -= b->n;
	a->waiting -= b->n;
	a->counts.digested += b->n;
	*b = (struct alert_bundle){ 0 };
	a->bundles_used--;
	enqueue(a, channel, o);
}

static void close_due(struct alert *a, int64_t now)
{
	size_t n = (a->p.rules_n + 1) * a->chans_n;
	for (size_t i = 0; i < n && a->bundles_used; i++) {
		struct alert_bundle *b = &a->bundles[i];
		size_t rule = i / a->chans_n, channel = i % a->chans_n;
		if (b->n == 0 || b->due_ns > now)
			continue;
		/* A digest that falls into the quiet hours waits for their end; what is urgent in it does not. */
		int64_t until = quiet_end(a, rule, b->severity, now), when = may_go(a, rule, channel, now);
		b->due_ns = until > when ? until : when;
		if (b->due_ns > now)
			continue;
		take(a, rule, channel);
		close_bundle(a, b, channel, now);
	}
}

/* Others are told that a way out fails; of that nothing more is told when it fails too. */
static void tell_others(struct alert *a, size_t failing, const char *name, uint32_t attempts, const char *why)
{
	char id[96];
	snprintf(id, sizeof id, "notice.%.64s.%" PRId64, name, a->now_ns / ALERT_SECOND);
	struct alert_thing t = { .notice = name,
		.why = why,
		.attempts = attempts,
		.id = "notice",
		.message_id = id,
		.thread = id,
		.event = ALERT_NOTICE,
		.severity = ALERT_HIGH,
		.since_ns = a->now_ns,
		.at_ns = a->now_ns };
	for (size_t i = 0; i < a->chans_n; i++)
		if (i != failing && (a->alarm_channels == 0 || a->alarm_channels >> i & 1))
			alert_queue_push(a, i, &t);
}

static void fail(struct alert *a, size_t channel, struct alert_out *o, const char *why)
{
	struct alert_chan *c = &a->chans[channel];
	c->failed++;
	a->counts.failed++;
	for (size_t i = 0; i < o->lines_n; i++)
		mark(a, channel, &o->lines[i], ALERT_FAILED, why);
	if (o->event == ALERT_NOTICE || o->event == ALERT_TEST)
		return;
	if (c->told_ns && a->now_ns - c->told_ns < NOTICE_EVERY)
		return;
	c->told_ns = a->now_ns;
	tell_others(a, channel, c->c.name, o->attempts, why);
}

static int64_t backoff(const struct alert *a, uint32_t tries)
{
	const struct alert_limits *l = &a->p.limits;
	int64_t wait = l->backoff_ns;
	for (uint32_t i = 1; i < tries && wait < l->backoff_max_ns; i++)
		wait *= 2;
	return wait < l->backoff_max_ns ? wait : l->backoff_max_ns;
}

static void beat_done(struct alert *a, enum alert_result result, const char *why)
{
	if (result == ALERT_DELIVERED) {
		a->counts.heartbeats++;
		a->beats_failing = 0;
		return;
	}
	a->counts.heartbeats_failed++;
	if (++a->beats_failing < BEATS_TOLERATED || (a->beat_told_ns && a->now_ns - a->beat_told_ns < NOTICE_EVERY))
		return;
	a->beat_told_ns = a->now_ns;
	tell_others(a, a->chans_n, "heartbeat", a->beats_failing, why);
}

static void delivered(struct alert *a, size_t channel, struct alert_out *o)
{
	struct alert_chan *c = &a->chans[channel];
	c->sent++;
	a->counts.sent++;
	c->failing = 0;
	c->pause_ns = INT64_MIN;
	for (size_t i = 0; i < o->lines_n; i++)
		mark(a, channel, &o->lines[i], o->collection ? ALERT_DIGESTED : ALERT_SENT, "");
}

void alert_queue_done(void *arg, size_t channel, enum alert_result result, bool cut, const char *why)
{
	struct alert *a = arg;
	a->counts.oversize += cut;
	if (channel == a->chans_n) {
		beat_done(a, result, why);
		return;
	}
	struct alert_chan *c = &a->chans[channel];
	struct alert_out *o = c->flying;
	ENSURE(o != NULL);
	c->flying = NULL;
	o->attempts++;
	if (result != ALERT_DELIVERED) {
		c->failing++;
		snprintf(c->error, sizeof c->error, "%s", why);
	}
	if (result == ALERT_RETRY && a->now_ns - o->at_ns < a->p.limits.retry_ns && o->event != ALERT_TEST) {
		a->counts.retried++;
		o->due_ns = a->now_ns + backoff(a, o->attempts);
		c->pause_ns = a->now_ns + backoff(a, c->failing);
		append(a, channel, o);
		return;
	}
	if (result == ALERT_DELIVERED)
		delivered(a, channel, o);
	else
		fail(a, channel, o, why);
	c->waiting -= o->lines_n;
	a->waiting -= o->lines_n;
	free_out(o);
}

/* The first message that is due; out of the queue. */
static struct alert_out *next_out(struct alert_chan *c, int64_t now)
{
	for (struct alert_out **at = &c->head; *at; at = &(*at)->next) {
		struct alert_out *o = *at;
		if (o->due_ns > now)
			continue;
		*at = o->next;
		if (c->tail == &o->next)
			c->tail = at;
		return o;
	}
	return NULL;
}

static void start(struct alert *a, size_t channel, struct alert_out *o)
{
	struct alert_message m = { .channel = a->chans[channel].c.name,
		.event = o->event,
		.severity = o->severity,
		.id = o->id,
		.thread = o->thread,
		.title = o->title,
		.text = o->text,
		.json = o->json,
		.at_ns = o->at_ns,
		.subjects = (uint32_t)o->lines_n };
	a->chans[channel].flying = o;
	if (!a->p.deliver) {
		alert_send_start(a->send, channel, &m);
		return;
	}
	char why[256] = "";
	enum alert_result r = a->p.deliver(a->p.arg, &m, why);
	alert_queue_done(a, channel, r, false, why);
}

void alert_poll(struct alert *a, int64_t now_ns)
{
	struct alert_out *o;
	a->now_ns = now_ns;
	if (a->send)
		alert_send_poll(a->send);
	close_due(a, now_ns);
	for (size_t i = 0; i < a->chans_n; i++) {
		struct alert_chan *c = &a->chans[i];
		while (!c->flying && c->pause_ns <= now_ns && (o = next_out(c, now_ns)))
			start(a, i, o);
	}
	if (a->p.heartbeat.url && a->send && a->beat_ns <= now_ns) {
		a->beat_ns = now_ns + a->p.heartbeat.every_ns;
		alert_send_beat(a->send);
	}
	if (a->send)
		alert_send_poll(a->send);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t alert_due(const struct alert *a, int64_t now_ns)
{
	int64_t due = a->p.heartbeat.url && a->send ? a->beat_ns : INT64_MAX;
	size_t n = (a->p.rules_n + 1) * a->chans_n;
	for (size_t i = 0; i < n && a->bundles_used; i++)
		if (a->bundles[i].n)
			due = sooner(due, a->bundles[i].due_ns);
	for (size_t i = 0; i < a->chans_n; i++) {
		const struct alert_chan *c = &a->chans[i];
		for (const struct alert_out *o = c->flying ? NULL : c->head; o; o = o->next)
			due = sooner(due, o->due_ns > c->pause_ns ? o->due_ns : c->pause_ns);
	}
	long ms = a->send ? alert_send_timeout_ms(a->send) : -1;
	if (ms >= 0)
		due = sooner(due, now_ns + (int64_t)ms * 1000000);
	return due;
}

void alert_queue_free(struct alert *a)
{
	for (size_t i = 0; i < a->chans_n; i++) {
		struct alert_chan *c = &a->chans[i];
		for (struct alert_out *o = c->head, *next; o; o = next) {
			next = o->next;
			free_out(o);
		}
		if (c->flying)
			free_out(c->flying);
	}
	size_t n = a->bundles ? (a->p.rules_n + 1) * a->chans_n : 0;
	for (size_t i = 0; i < n; i++)
		free_lines(a->bundles[i].lines, a->bundles[i].n);
}
