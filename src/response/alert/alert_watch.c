// SPDX-License-Identifier: Apache-2.0
#include "response/alert/alert_watch.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define MINUTE (60 * ALERT_SECOND)
#define HOUR   (60 * MINUTE)

enum verdict { GOOD, BETWEEN, BAD };

/* A condition that was bad at least once and has not settled. */
struct standing {
	struct alert_alarm alarm; /* subject, since, last value */
	int64_t bad_since_ns;	  /* before it is raised: since when it is bad */
	int64_t good_since_ns;	  /* 0: not good now */
	int64_t told_ns;
	bool raised, seen;
};

struct alert_watch {
	struct alert_watch_limits l;
	struct standing *v;
	size_t n;
	uint64_t raised, cleared, refused;
};

/* One step's surroundings. */
struct step {
	struct alert_watch *w;
	int64_t now;
	void (*fn)(void *arg, const struct alert_alarm *a);
	void *arg;
};

static void set_default(int64_t *v, int64_t value)
{
	if (*v == 0)
		*v = value;
}

static void set_default32(uint32_t *v, uint32_t value)
{
	if (*v == 0)
		*v = value;
}

struct alert_watch *alert_watch_new(const struct alert_watch_limits *l)
{
	struct alert_watch *w = mem_new(sizeof *w);
	w->l = *l;
	set_default(&w->l.silent_ns, 15 * MINUTE);
	set_default(&w->l.withdrawn_ns, HOUR);
	set_default32(&w->l.disk_low, 100);
	set_default32(&w->l.disk_full, 20);
	set_default(&w->l.unsynchronised_ns, 5 * MINUTE);
	set_default(&w->l.offset_ns, 500000000);
	set_default32(&w->l.restarts, 3);
	set_default(&w->l.restarts_within_ns, 10 * MINUTE);
	set_default(&w->l.link_ns, 30 * ALERT_SECOND);
	set_default32(&w->l.spool, 800);
	set_default(&w->l.behind_ns, 2 * MINUTE);
	set_default(&w->l.certificate_ns, 21 * 24 * HOUR);
	set_default(&w->l.remind_ns, 6 * HOUR);
	set_default(&w->l.settle_ns, 5 * MINUTE);
	w->v = mem_new(ALERT_WATCH_MAX * sizeof *w->v);
	return w;
}

void alert_watch_free(struct alert_watch *w)
{
	if (!w)
		return;
	free(w->v);
	free(w);
}

static struct standing *find(struct alert_watch *w, enum alert_alarm_kind kind, const char *subject)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].alarm.kind == kind && strcmp(w->v[i].alarm.subject, subject) == 0)
			return &w->v[i];
	return NULL;
}

static struct standing *add(struct alert_watch *w, enum alert_alarm_kind kind, const char *subject, int64_t since)
{
	if (w->n == ALERT_WATCH_MAX) {
		w->refused++;
		return NULL;
	}
	struct standing *s = &w->v[w->n++];
	*s = (struct standing){ .alarm = { .kind = kind, .since_ns = since }, .bad_since_ns = since };
	snprintf(s->alarm.subject, sizeof s->alarm.subject, "%s", subject);
	return s;
}

static void emit(const struct step *st, struct standing *s, enum alert_event event)
{
	s->alarm.event = event;
	s->told_ns = st->now;
	st->fn(st->arg, &s->alarm);
}

void alert_watch_known(struct alert_watch *w, const struct alert_mark *m)
{
	for (int k = 0; k < ALARM_KIND_N; k++) {
		char start[64];
		int n = snprintf(start, sizeof start, "alarm:%s:", alert_alarm_name((enum alert_alarm_kind)k));
		if (strncmp(m->subject, start, (size_t)n) != 0)
			continue;
		struct standing *s = find(w, (enum alert_alarm_kind)k, m->subject + n);
		if (m->event == ALERT_CLEARED) {
			if (s)
				*s = w->v[--w->n];
			return;
		}
		if (!s)
			s = add(w, (enum alert_alarm_kind)k, m->subject + n, m->since_ns);
		if (!s)
			return;
		s->raised = true;
		s->told_ns = m->at_ns;
		return;
	}
}

/* What was seen of one condition. `since`: when it began; it is raised once it has lasted `hold`. */
struct seen {
	enum alert_alarm_kind kind;
	const char *subject;
	enum verdict verdict;
	int64_t since, hold, value, limit;
};

static void judge(const struct step *st, const struct seen *c)
{
	/* The alarm's own room for the subject decides what is the same. */
	char subject[sizeof((struct alert_alarm *)0)->subject];
	snprintf(subject, sizeof subject, "%.*s", text_cut(c->subject, sizeof subject - 1), c->subject);
	struct standing *s = find(st->w, c->kind, subject);
	if (!s && c->verdict == BAD)
		s = add(st->w, c->kind, subject, c->since);
	if (!s)
		return;
	s->seen = true;
	s->alarm.value = c->value;
	s->alarm.limit = c->limit;
	if (c->verdict == GOOD) {
		if (!s->good_since_ns)
			s->good_since_ns = st->now;
		return;
	}
	if (c->verdict == BAD)
		s->good_since_ns = 0;
	if (!s->raised && c->verdict == BAD && st->now - s->bad_since_ns >= c->hold) {
		s->raised = true;
		st->w->raised++;
		emit(st, s, ALERT_RAISED);
	} else if (s->raised && st->now - s->told_ns >= st->w->l.remind_ns) {
		emit(st, s, ALERT_REMINDED);
	}
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void judge_dark(const struct step *st, const struct alert_watch_sensor *x)
{
	char subject[96];
	for (size_t i = 0; i < x->dark_n; i++) {
		int64_t last = later(x->dark[i].last_packet_ns, x->started_ns);
		int64_t gap = later(x->last_packet_ns, x->started_ns) - last;
		snprintf(subject, sizeof subject, "%.45s %.48s", x->name, x->dark[i].prefix);
		/* By what the others got: a sensor that is silent as a whole says nothing about one prefix. */
		struct seen c = { ALARM_WITHDRAWN_PREFIX, subject, gap >= st->w->l.withdrawn_ns ? BAD : GOOD, last, 0,
			gap, st->w->l.withdrawn_ns };
		judge(st, &c);
	}
}

static void judge_clock(const struct step *st, const struct alert_watch_sensor *x)
{
	const struct alert_watch_limits *l = &st->w->l;
	int64_t off = x->offset_ns < 0 ? -later(x->offset_ns, -INT64_MAX) : x->offset_ns;
	const struct standing *s = find(st->w, ALARM_CLOCK_UNSYNCHRONISED, x->name);
	int64_t since = s ? s->alarm.since_ns : st->now;
	struct seen sync = { ALARM_CLOCK_UNSYNCHRONISED, x->name,
		x->clock == ALERT_CLOCK_UNSYNCHRONISED ? BAD
		: x->clock == ALERT_CLOCK_UNKNOWN      ? BETWEEN
						       : GOOD,
		st->now, l->unsynchronised_ns, st->now - since, l->unsynchronised_ns };
	struct seen offset = { ALARM_CLOCK_OFFSET, x->name,
		off >= l->offset_ns	  ? BAD
		: off >= l->offset_ns / 2 ? BETWEEN
					  : GOOD,
		st->now, 0, x->offset_ns, l->offset_ns };
	judge(st, &sync);
	judge(st, &offset);
}

static void judge_sensor(const struct step *st, const struct alert_watch_sensor *x)
{
	const struct alert_watch_limits *l = &st->w->l;
	int64_t last = later(later(x->last_packet_ns, x->last_minute_ns), x->started_ns), silent = st->now - last;
	struct seen c = { ALARM_SILENT_SENSOR, x->name, silent >= l->silent_ns ? BAD : GOOD, last, 0, silent,
		l->silent_ns };
	judge(st, &c);
	judge_dark(st, x);
	judge_clock(st, x);
	if (x->link) {
		char subject[96];
		snprintf(subject, sizeof subject, "%.60s %.30s", x->name, x->link);
		const struct standing *s = find(st->w, ALARM_LINK_DOWN, subject);
		struct seen link = { ALARM_LINK_DOWN, subject, x->link_up ? GOOD : BAD, st->now, l->link_ns,
			s ? st->now - s->alarm.since_ns : 0, l->link_ns };
		judge(st, &link);
	}
}

static void judge_disk(const struct step *st, const struct alert_watch_disk *x)
{
	const struct alert_watch_limits *l = &st->w->l;
	if (x->total == 0)
		return;
	double share = (double)x->free / (double)x->total * 1000;
	const struct {
		enum alert_alarm_kind kind;
		uint32_t limit;
	} rows[] = { { ALARM_DISK_LOW, l->disk_low }, { ALARM_DISK_FULL, l->disk_full } };
	for (size_t i = 0; i < 2 && rows[i].limit != ALERT_WATCH_OFF32; i++) {
		struct seen c = { rows[i].kind, x->path,
			share < rows[i].limit	      ? BAD
			: share < rows[i].limit * 1.2 ? BETWEEN
						      : GOOD,
			st->now, 0, (int64_t)share, rows[i].limit };
		judge(st, &c);
	}
}

static void judge_role(const struct step *st, const struct alert_watch_role *x)
{
	const struct alert_watch_limits *l = &st->w->l;
	int64_t n = 0, first = st->now;
	for (size_t i = 0; i < x->restarts_n; i++) {
		if (x->restarts_ns[i] <= st->now - l->restarts_within_ns)
			continue;
		n++;
		first = x->restarts_ns[i] < first ? x->restarts_ns[i] : first;
	}
	struct seen c = { ALARM_ROLE_DYING, x->name,
		n >= l->restarts ? BAD
		: n		 ? BETWEEN
				 : GOOD,
		first, 0, n, l->restarts };
	judge(st, &c);
}

static void judge_spool(const struct step *st, const struct alert_watch_spool *x)
{
	uint32_t limit = st->w->l.spool;
	if (x->max == 0)
		return;
	double share = (double)x->used / (double)x->max * 1000;
	struct seen c = { ALARM_SPOOL_FULL, x->name,
		share >= limit	       ? BAD
		: share >= limit * 0.8 ? BETWEEN
				       : GOOD,
		st->now, 0, (int64_t)share, limit };
	judge(st, &c);
}

static void judge_keeper(const struct step *st, const struct alert_watch_keeper *x)
{
	int64_t ago = st->now - x->last_commit_ns, limit = st->w->l.behind_ns;
	struct seen c = { ALARM_KEEPER_BEHIND, x->name, x->waiting && ago >= limit ? BAD : GOOD, x->last_commit_ns, 0,
		ago, limit };
	judge(st, &c);
}

static void judge_certificate(const struct step *st, const struct alert_watch_certificate *x)
{
	int64_t limit = st->w->l.certificate_ns;
	struct seen c = { ALARM_CERTIFICATE_EXPIRING, x->name, x->expires_ns - st->now < limit ? BAD : GOOD, st->now, 0,
		x->expires_ns, limit };
	judge(st, &c);
}

/* What settled is cleared and forgotten. Until then a short fault that comes back counts from its first time. */
static void settle(const struct step *st)
{
	struct alert_watch *w = st->w;
	for (size_t i = 0; i < w->n;) {
		struct standing *s = &w->v[i];
		if (!s->seen && !s->good_since_ns)
			s->good_since_ns = st->now;
		bool over = s->good_since_ns && st->now - s->good_since_ns >= w->l.settle_ns;
		if (!over) {
			i++;
			continue;
		}
		if (s->raised) {
			w->cleared++;
			emit(st, s, ALERT_CLEARED);
		}
		*s = w->v[--w->n];
	}
}

void alert_watch_step(struct alert_watch *w, const struct alert_snapshot *s,
	void (*fn)(void *arg, const struct alert_alarm *a), void *arg)
{
	const struct step st = { w, s->now_ns, fn, arg };
	for (size_t i = 0; i < w->n; i++)
		w->v[i].seen = false;
	for (size_t i = 0; i < s->sensors_n; i++)
		judge_sensor(&st, &s->sensors[i]);
	for (size_t i = 0; i < s->roles_n; i++)
		judge_role(&st, &s->roles[i]);
	for (size_t i = 0; i < s->disks_n; i++)
		judge_disk(&st, &s->disks[i]);
	for (size_t i = 0; i < s->spools_n; i++)
		judge_spool(&st, &s->spools[i]);
	for (size_t i = 0; i < s->keepers_n; i++)
		judge_keeper(&st, &s->keepers[i]);
	for (size_t i = 0; i < s->certificates_n; i++)
		judge_certificate(&st, &s->certificates[i]);
	settle(&st);
}

struct alert_watch_counts alert_watch_counts(const struct alert_watch *w)
{
	struct alert_watch_counts c = { w->raised, w->cleared, w->refused, 0 };
	for (size_t i = 0; i < w->n; i++)
		c.standing += w->v[i].raised;
	return c;
}
