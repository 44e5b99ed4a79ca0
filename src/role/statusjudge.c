// SPDX-License-Identifier: Apache-2.0
/* From numbers to sentences: what an operator must know first. */
#include "role/status.h"

#include "base/text.h"
#include "base/zone.h"
#include <stdio.h>
#include <string.h>

const struct status_limits status_limits_default = { .disk_percent = 5, .clock_offset_ns = 500000000, .restarts = 5 };

#define HANGS_NS      20000000000
#define SLOW_START_NS INT64_C(30000000000)

struct judge {
	const struct status *s;
	const struct status_limits *l;
	struct status_finding *out;
	size_t n;
};

static void tell(struct judge *j, enum status_weight w, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void tell(struct judge *j, enum status_weight w, const char *fmt, ...)
{
	va_list args;
	if (j->n == STATUS_FINDINGS)
		return;
	struct status_finding *f = &j->out[j->n++];
	f->weight = w;
	va_start(args, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, args);
	va_end(args);
}

static void judge_daemon(struct judge *j)
{
	const struct counters *c = &j->s->supervisor.c;
	char when[TEXT_TIME_MAX];
	switch (j->s->daemon) {
	case STATUS_NEVER:
		tell(j, STATUS_WRONG, "the daemon never ran on this store");
		break;
	case STATUS_STOPPED:
		tell(j, STATUS_WRONG, "the daemon is not running since %s: %s",
			zone_text(when, atomic_load(&c->ended_ns)), c->last_end[0] ? c->last_end : "no reason told");
		break;
	case STATUS_KILLED:
		tell(j, STATUS_WRONG,
			"the daemon is not running: its supervisor (process %lld) was killed or crashed; last sign of "
			"life %s",
			(long long)atomic_load(&c->pid), zone_text(when, atomic_load(&c->seen_ns)));
		break;
	case STATUS_RUNNING:
		break;
	}
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void judge_deaths(struct judge *j, const struct status_page *p, unsigned deaths, const char *end)
{
	if (deaths > j->l->restarts)
		tell(j, STATUS_WRONG, "%s keeps ending: %u time%s within an hour, last: %s", p->name, deaths,
			plural(deaths), end);
	else if (deaths)
		tell(j, STATUS_WARNING, "%s ended %u time%s within an hour, last: %s", p->name, deaths, plural(deaths),
			end);
}

/* One that hangs has all its sockets, and a state of running. */
static void judge_life(struct judge *j, const struct status_page *p)
{
	int64_t silent = j->s->now_ns - (int64_t)counters_get(&p->c, COUNTER_ALIVE);
	if (counters_get(&p->c, COUNTER_ALIVE) && silent > HANGS_NS)
		tell(j, STATUS_WRONG, "%s hangs: nothing of it for %lld s", p->name, (long long)(silent / 1000000000));
}

static void judge_state(struct judge *j, const struct status_page *p)
{
	const struct counters *c = &p->c;
	unsigned state = atomic_load(&c->state), deaths = status_deaths(c, j->s->now_ns);
	unsigned restarts = atomic_load(&c->restarts);
	int64_t age = j->s->now_ns - atomic_load(&c->started_ns);
	const char *end = c->last_end[0] ? c->last_end : "no reason told";
	bool runs = j->s->daemon == STATUS_RUNNING;
	if (runs && state == STATE_WAITING)
		tell(j, STATUS_WRONG, "%s is down and is started again in a moment; it ended %u time%s, last: %s%s%s",
			p->name, restarts, plural(restarts), end, c->note[0] ? ": " : "", c->note);
	else if (runs && (state == STATE_STOPPED || state >= STATE_N))
		tell(j, STATUS_WRONG, "%s does not run: %s", p->name, end);
	else if (runs && state == STATE_STARTING && age > SLOW_START_NS)
		tell(j, STATUS_WRONG, "%s is starting for %lld s already", p->name, (long long)(age / 1000000000));
	else
		judge_deaths(j, p, deaths, end);
	if (runs && state == STATE_RUNNING)
		judge_life(j, p);
	if (c->note[0] && state != STATE_WAITING)
		tell(j, STATUS_REMARK, "%s: %s", p->name, c->note);
}

static void judge_room(struct judge *j, const struct status_page *p)
{
	if (counters_get(&p->c, COUNTER_UNKEPT))
		tell(j, STATUS_WRONG, "%s: the store takes nothing for now, senders that wait: %llu%s%s", p->name,
			(unsigned long long)counters_get(&p->c, COUNTER_UNKEPT), p->c.note[0] ? ": " : "", p->c.note);
	uint64_t free_now = counters_get(&p->c, COUNTER_DISK_FREE), total = counters_get(&p->c, COUNTER_DISK_TOTAL);
	if (total && free_now / 100.0 < total / 10000.0 * j->l->disk_percent)
		tell(j, STATUS_WRONG, "the disk of the store is nearly full: %.1f %% (%.1f GB) free",
			100.0 * (double)free_now / (double)total, (double)free_now / 1e9);
}

/* The link counts as up when the collector answered, which it does to the first batch. */
static void judge_link(struct judge *j, const struct status_page *p)
{
	if (!counters_get(&p->c, COUNTER_LINK_LOST) && j->s->now_ns - atomic_load(&p->c.started_ns) < SLOW_START_NS)
		tell(j, STATUS_REMARK, "%s: the collector has not answered yet", p->name);
	else
		tell(j, STATUS_WRONG, "%s: the collector is not connected", p->name);
}

/* Counters that stay 0 while all is well. */
static const struct {
	enum counter counter;
	enum role_id role; /* ROLE_N: any */
	enum status_weight weight;
	const char *text;
} losses[] = {
	{ COUNTER_STORE_FAILED, ROLE_KEEPER, STATUS_WARNING, "commits failed; what waits is tried again" },
	{ COUNTER_BATCHES_LOST, ROLE_N, STATUS_WARNING, "batches found no room to wait and are lost" },
	{ COUNTER_DROPPED, ROLE_CAPTURE, STATUS_WARNING,
		"packets were dropped by the kernel: a larger ring, more workers" },
	{ COUNTER_SPOOL_LOST, ROLE_FORWARD, STATUS_WARNING, "batches found the spool full" },
	{ COUNTER_ALERTS_FAILED, ROLE_ALERT, STATUS_WARNING, "alerts could not be delivered" },
	{ COUNTER_ALERTS_DROPPED, ROLE_ALERT, STATUS_WARNING, "alerts found their queue full" },
	{ COUNTER_ALARMS, ROLE_ALERT, STATUS_WARNING, "alarms are raised" },
	{ COUNTER_REFUSED, ROLE_N, STATUS_WARNING, "messages of a peer were against the rules" },
	{ COUNTER_PEERS_REFUSED, ROLE_COLLECT, STATUS_REMARK, "connections were refused" },
	{ COUNTER_EVENTS_REFUSED, ROLE_ANALYSIS, STATUS_WARNING, "events found no room in the analysis" },
	{ COUNTER_SIGNALS_LOST, ROLE_CAPTURE, STATUS_REMARK, "signals were too many at once" },
};

static void judge_losses(struct judge *j, const struct status_page *p)
{
	for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
		uint64_t n = counters_get(&p->c, losses[i].counter);
		if (n && (losses[i].role == ROLE_N || losses[i].role == p->role))
			tell(j, losses[i].weight, "%s: %llu %s", p->name, (unsigned long long)n, losses[i].text);
	}
}

static void judge_clock(struct judge *j, const struct status_page *p)
{
	int64_t offset = (int64_t)counters_get(&p->c, COUNTER_CLOCK_OFFSET);
	if (counters_get(&p->c, COUNTER_CLOCK_STATE) == 2)
		tell(j, STATUS_WARNING, "%s: the clock is not synchronised", p->name);
	else if (offset > j->l->clock_offset_ns || offset < -j->l->clock_offset_ns)
		tell(j, STATUS_WARNING, "%s: the clock may be off by %.3f s", p->name, (double)offset / 1e9);
}

/* A role's own note often says what its numbers say already: once is enough. */
static void drop_echoes(struct judge *j)
{
	size_t n = 0;
	for (size_t i = 0; i < j->n; i++) {
		const struct status_finding *f = &j->out[i];
		const char *note = strstr(f->text, ": ");
		bool echo = false;
		for (size_t k = 0; k < j->n && f->weight == STATUS_REMARK && note && !echo; k++) {
			size_t name = (size_t)(note - f->text);
			echo = j->out[k].weight > STATUS_REMARK && strncmp(j->out[k].text, f->text, name) == 0 &&
			       strstr(j->out[k].text + name, note);
		}
		if (!echo)
			j->out[n++] = *f;
	}
	j->n = n;
}

/* Few, and those of one weight keep their order. */
static void worst_first(struct status_finding *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct status_finding f = v[i];
		size_t at = i;
		for (; at && v[at - 1].weight < f.weight; at--)
			v[at] = v[at - 1];
		v[at] = f;
	}
}

size_t status_judge(const struct status *s, const struct status_limits *l, struct status_finding out[STATUS_FINDINGS])
{
	struct judge j = { s, l ? l : &status_limits_default, out, 0 };
	judge_daemon(&j);
	for (size_t i = 0; i < s->strange_n; i++)
		tell(&j, STATUS_WRONG, "run/%s is passed over: %s", s->strange[i].name, s->strange[i].why);
	if (s->strange_more)
		tell(&j, STATUS_WRONG, "%zu more files of run/ are passed over", s->strange_more);
	for (size_t i = 0; i < s->n; i++) {
		const struct status_page *p = &s->v[i];
		judge_state(&j, p);
		if (s->daemon == STATUS_RUNNING && (p->role == ROLE_KEEPER || p->role == ROLE_FORWARD))
			judge_room(&j, p);
		if (s->daemon == STATUS_RUNNING && p->role == ROLE_FORWARD &&
			atomic_load(&p->c.state) == STATE_RUNNING && !counters_get(&p->c, COUNTER_LINK))
			judge_link(&j, p);
		judge_losses(&j, p);
		if (p->role == ROLE_CAPTURE)
			judge_clock(&j, p);
	}
	drop_echoes(&j);
	worst_first(out, j.n);
	return j.n;
}
