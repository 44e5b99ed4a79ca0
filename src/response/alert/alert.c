// SPDX-License-Identifier: Apache-2.0
/* What comes in: findings, signals, alarms; who is to be told. */
#include "response/alert/alert.h"

#include "base/mem.h"
#include "response/alert/alert_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

static const char *const severity_names[ALERT_SEVERITY_N] = { "info", "low", "medium", "high" };
static const char *const state_names[ALERT_STATE_N] = { "waiting", "sent", "digested", "failed", "dropped" };
static const char *const event_names[] = { "new", "update", "raised", "reminded", "cleared", "test", "notice" };

static const struct {
	const char *name;
	enum alert_unit unit;
	enum alert_severity severity;
} alarm_rows[ALARM_KIND_N] = {
	[ALARM_SILENT_SENSOR] = { "silent-sensor", ALERT_DURATION_NS, ALERT_HIGH },
	[ALARM_WITHDRAWN_PREFIX] = { "withdrawn-prefix", ALERT_DURATION_NS, ALERT_MEDIUM },
	[ALARM_DISK_LOW] = { "disk-low", ALERT_PERMILLE, ALERT_MEDIUM },
	[ALARM_DISK_FULL] = { "disk-full", ALERT_PERMILLE, ALERT_HIGH },
	[ALARM_CLOCK_UNSYNCHRONISED] = { "clock-unsynchronised", ALERT_DURATION_NS, ALERT_MEDIUM },
	[ALARM_CLOCK_OFFSET] = { "clock-offset", ALERT_OFFSET_NS, ALERT_MEDIUM },
	[ALARM_ROLE_DYING] = { "role-dying", ALERT_COUNT, ALERT_HIGH },
	[ALARM_LINK_DOWN] = { "link-down", ALERT_DURATION_NS, ALERT_HIGH },
	[ALARM_SPOOL_FULL] = { "spool-full", ALERT_PERMILLE, ALERT_MEDIUM },
	[ALARM_KEEPER_BEHIND] = { "keeper-behind", ALERT_DURATION_NS, ALERT_HIGH },
	[ALARM_CERTIFICATE_EXPIRING] = { "certificate-expiring", ALERT_TIME_NS, ALERT_MEDIUM },
};

const char *alert_state_name(enum alert_state s)
{
	return state_names[s];
}

const char *alert_event_name(enum alert_event e)
{
	return event_names[e];
}

const char *alert_severity_name(enum alert_severity s)
{
	return severity_names[s];
}

int alert_severity_of(const char *name)
{
	for (int i = 0; name && i < ALERT_SEVERITY_N; i++)
		if (strcmp(severity_names[i], name) == 0)
			return i;
	return -1;
}

const char *alert_alarm_name(enum alert_alarm_kind k)
{
	return alarm_rows[k].name;
}

enum alert_unit alert_alarm_unit(enum alert_alarm_kind k)
{
	return alarm_rows[k].unit;
}

enum alert_severity alert_alarm_severity(enum alert_alarm_kind k)
{
	return alarm_rows[k].severity;
}

struct alert *alert_new(const struct alert_params *p, struct err *err)
{
	struct alert *a = mem_new(sizeof *a);
	if (alert_setup(a, p, err) < 0) {
		alert_free(a);
		return NULL;
	}
	return a;
}

void alert_free(struct alert *a)
{
	if (!a)
		return;
	alert_queue_free(a);
	alert_setup_free(a);
	free(a);
}

void alert_known(struct alert *a, const struct alert_mark *m)
{
	uint8_t severity = (uint8_t)m->severity;
	struct alert_entry e = { m->at_ns, (uint8_t)m->state, severity, (uint8_t)m->event, severity };
	alert_memory_put(&a->memory, m->subject, m->channel, &e);
}

/* What was told stays told when something new is decided. */
static void decided(struct alert *a, const char *channel, const struct alert_thing *t)
{
	const struct alert_entry *known = alert_memory_get(&a->memory, t->id, channel);
	struct alert_entry e = { t->at_ns, 0, (uint8_t)t->severity, (uint8_t)t->event, known ? known->told : 0 };
	alert_memory_put(&a->memory, t->id, channel, &e);
}

/* Ids go into headers: a hash of whatever the subject holds. */
static void hashed(char out[33], const char *subject, int64_t since_ns)
{
	XXH128_hash_t h = XXH3_128bits_withSeed(subject, strlen(subject), (XXH64_hash_t)since_ns);
	snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, (uint64_t)h.high64, (uint64_t)h.low64);
}

/*
 * Is this news for the channel? Fills event and message id. What waits still counts as told: only a higher severity
 * comes on top of it.
 */
static bool is_news(struct alert *a, const struct alert_rule *r, size_t channel, struct alert_thing *t, int64_t last_ns)
{
	const struct alert_entry *e = alert_memory_get(&a->memory, t->id, a->chans[channel].c.name);
	t->event = ALERT_NEW;
	t->message_id = t->thread;
	if (!e)
		return true;
	if (t->severity > e->severity) {
		snprintf(t->made, sizeof t->made, "%s.%s", t->thread, alert_severity_name(t->severity));
	} else if (e->state && r->repeat_ns && t->at_ns - e->at_ns >= r->repeat_ns && last_ns > e->at_ns) {
		snprintf(t->made, sizeof t->made, "%s.%" PRId64, t->thread, last_ns / ALERT_SECOND);
	} else {
		return false;
	}
	t->event = ALERT_UPDATE;
	t->message_id = t->made;
	return true;
}

static unsigned route(struct alert *a, const struct alert_matter *m, struct alert_thing *t, int64_t last_ns)
{
	uint64_t done = 0;
	unsigned n = 0;
	for (size_t r = 0; r < a->p.rules_n; r++) {
		uint64_t to = a->rule_channels[r] & ~done;
		if (!to || !alert_rule_fits(&a->rules[r], m))
			continue;
		done |= to;
		for (size_t c = 0; c < a->chans_n; c++) {
			if (!(to >> c & 1))
				continue;
			if (!is_news(a, &a->rules[r], c, t, last_ns)) {
				a->counts.suppressed++;
				continue;
			}
			decided(a, a->chans[c].c.name, t);
			alert_queue_offer(a, r, c, t);
			a->counts.matched++;
			n++;
		}
	}
	return n;
}

unsigned alert_finding(struct alert *a, const struct finding *f, const char *tenant, int64_t now_ns)
{
	int severity = alert_severity_of(f->severity);
	struct alert_matter m = { .kind = finding_kind_name(f->kind),
		.subject = f->subject,
		.sensor = f->sensor,
		.tenant = tenant,
		.severity = severity < 0 ? ALERT_INFO : (enum alert_severity)severity,
		.confidence = f->confidence };
	char id[33];
	snprintf(id, sizeof id, "%s", f->id);
	/* Ids are hex; one that a damaged record carries must not reach a header. */
	if (strspn(id, "0123456789abcdef") != 32)
		hashed(id, f->id, f->first_ns);
	struct alert_thing t = { .finding = f,
		.tenant = tenant,
		.id = id,
		.thread = id,
		.severity = m.severity,
		.since_ns = f->first_ns,
		.at_ns = now_ns };
	a->now_ns = now_ns;
	return route(a, &m, &t, f->last_ns);
}

static enum alert_severity signal_severity(const char *kind)
{
	if (strcmp(kind, "own-suspect") == 0)
		return ALERT_HIGH;
	return strncmp(kind, "own-", 4) == 0 ? ALERT_MEDIUM : ALERT_LOW;
}

unsigned alert_signal(struct alert *a, const struct signal *s, const char *tenant, int64_t now_ns)
{
	char id[ALERT_SUBJECT_MAX], thread[33];
	struct alert_matter m = { .kind = s->kind,
		.subject = s->source,
		.sensor = s->sensor,
		.tenant = tenant,
		.severity = signal_severity(s->kind),
		.signal = true };
	snprintf(id, sizeof id, "signal:%.31s:%.40s:%.46s", s->kind, s->sensor, s->source);
	hashed(thread, id, s->at_ns);
	struct alert_thing t = { .signal = s,
		.tenant = tenant,
		.id = id,
		.thread = thread,
		.severity = m.severity,
		.since_ns = s->at_ns,
		.at_ns = now_ns };
	a->now_ns = now_ns;
	return route(a, &m, &t, s->at_ns);
}

/* Raised once, whatever a restart repeats; cleared only where it was raised; reminders always. */
static bool alarm_is_news(struct alert *a, const struct alert_thing *t, const char *channel)
{
	const struct alert_entry *e = alert_memory_get(&a->memory, t->id, channel);
	bool standing = e && e->event != ALERT_CLEARED;
	return t->event == ALERT_RAISED ? !standing : t->event == ALERT_CLEARED ? standing : true;
}

unsigned alert_alarm(struct alert *a, const struct alert_alarm *alarm, int64_t now_ns)
{
	char id[ALERT_SUBJECT_MAX], thread[33], message[96];
	unsigned n = 0;
	snprintf(id, sizeof id, "alarm:%s:%s", alert_alarm_name(alarm->kind), alarm->subject);
	hashed(thread, id, alarm->since_ns);
	if (alarm->event == ALERT_RAISED)
		snprintf(message, sizeof message, "%s", thread);
	else
		snprintf(message, sizeof message, "%s.%s.%" PRId64, thread, alert_event_name(alarm->event),
			now_ns / ALERT_SECOND);
	struct alert_thing t = { .alarm = alarm,
		.id = id,
		.thread = thread,
		.message_id = message,
		.event = alarm->event,
		.severity = alert_alarm_severity(alarm->kind),
		.since_ns = alarm->since_ns,
		.at_ns = now_ns };
	a->now_ns = now_ns;
	for (size_t c = 0; c < a->chans_n; c++) {
		if (!(a->alarm_channels >> c & 1))
			continue;
		if (!alarm_is_news(a, &t, a->chans[c].c.name)) {
			a->counts.suppressed++;
			continue;
		}
		decided(a, a->chans[c].c.name, &t);
		alert_queue_offer(a, a->p.rules_n, c, &t);
		a->counts.matched++;
		n++;
	}
	return n;
}

int alert_test(struct alert *a, const char *channel, int64_t now_ns)
{
	char id[96];
	a->now_ns = now_ns;
	for (size_t c = 0; c < a->chans_n; c++) {
		if (strcmp(a->chans[c].c.name, channel) != 0)
			continue;
		snprintf(id, sizeof id, "test.%s.%" PRId64, channel, now_ns);
		struct alert_thing t = { .test = channel,
			.id = "test",
			.message_id = id,
			.thread = id,
			.event = ALERT_TEST,
			.severity = ALERT_INFO,
			.since_ns = now_ns,
			.at_ns = now_ns };
		alert_queue_push(a, c, &t);
		return 0;
	}
	return -1;
}

size_t alert_fds(const struct alert *a, struct pollfd *out, size_t max)
{
	return a->send ? alert_send_fds(a->send, out, max) : 0;
}

size_t alert_waiting(const struct alert *a)
{
	return a->waiting;
}

struct alert_counts alert_counts(const struct alert *a)
{
	struct alert_counts c = a->counts;
	c.forgotten = a->memory.forgotten;
	return c;
}

bool alert_channel_status(const struct alert *a, size_t i, struct alert_status *out)
{
	if (i >= a->chans_n)
		return false;
	const struct alert_chan *c = &a->chans[i];
	*out = (struct alert_status){ .name = c->c.name,
		.type = c->c.type,
		.sent = c->sent,
		.failed = c->failed,
		.waiting = c->waiting,
		.failing = c->failing };
	snprintf(out->error, sizeof out->error, "%s", c->error);
	return true;
}
