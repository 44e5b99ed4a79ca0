// SPDX-License-Identifier: Apache-2.0
#include "role/feeder.h"

#include "base/mem.h"
#include "model/clock.h"
#include "model/hold.h"
#include "model/sent.h"
#include "role/keeprecord.h"
#include "role/relay.h"
#include "role/upkeep.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_MIN_NS 1000000000 /* whoever greets again and again makes a record a second */

static void note_unkept(struct keeper *k)
{
	uint64_t n = 0;
	for (int i = 0; i < FEEDERS_MAX; i++)
		n += k->feeders[i] && k->feeders[i]->waiting;
	counters_set(COUNTER_UNKEPT, n);
	if (!n)
		counters->note[0] = '\0';
}

static void feeder_free(struct feeder *f)
{
	for (int i = 0; i < FEEDERS_MAX; i++)
		if (f->keeper->feeders[i] == f)
			f->keeper->feeders[i] = NULL;
	if (f->waiting)
		note_unkept(f->keeper);
	relay_forget(f->keeper, f);
	if (f->role == ROLE_QUERY)
		upkeep_peer(f->keeper, NULL);
	channel_free(f->channel);
	assembly_free(f->assembly);
	free(f);
}

void feeder_free_all(struct keeper *k)
{
	for (int i = 0; i < FEEDERS_MAX; i++)
		if (k->feeders[i])
			feeder_free(k->feeders[i]);
	relay_free(k);
}

/* Its channel may be in use further up: it ends from the loop. */
static void drop_later(void *arg)
{
	struct keeper *k = arg;
	for (int i = 0; i < FEEDERS_MAX; i++)
		if (k->feeders[i] && k->feeders[i]->dropped)
			feeder_free(k->feeders[i]);
}

void feeder_drop(struct feeder *f)
{
	if (!f->dropped)
		loop_after(f->keeper->m->loop, 0, drop_later, f->keeper);
	f->dropped = true;
	relay_forget(f->keeper, f);
}

static void on_closed(void *arg, struct channel *c, const char *why)
{
	struct feeder *f = arg;
	/* What was not committed is not whole: the sender gives it again. */
	feeder_free(f);
}

/* Against the rules: whoever it is starts anew. */
static void dismiss(struct feeder *f, const char *why)
{
	channel_refused();
	member_say(f->keeper->m, "%s is cut off: it sent %s", roles[f->role].name, why);
	feeder_free(f);
}

static void refuse(struct feeder *f, uint64_t sequence, int code, const char *text)
{
	struct message_buf b = { 0 };
	message_u32(&b, (uint32_t)-code);
	message_text(&b, text);
	channel_send(
		f->channel, &(struct message){ .kind = MESSAGE_REFUSE, .sequence = sequence, .body = { b.p, b.n } });
	free(b.p);
}

/* It may have waited for this keeper, watching. */
static int64_t watches_since(const struct feeder *f)
{
	int64_t now = loop_clock_ns();
	return f->hello.since_ns && f->hello.since_ns < now ? f->hello.since_ns : now;
}

static const char *reason_of(bool back, bool ended)
{
	return back ? "clock-jump" : ended ? "stopped" : "killed";
}

/*
 * A sensor that begins: since when has nothing been kept of it? That it watches from now on is kept with that: one that
 * dies before its first batch leaves a gap, too. Elsewhere the link numbers what it brings, so it is not said for
 * those.
 */
static int tell_gap(struct feeder *f, struct err *err)
{
	struct keeper *k = f->keeper;
	bool ended;
	int64_t until = store_progress(k->store, f->hello.id, &ended), now = watches_since(f);
	struct feeder_told *told = &k->told[f->hello.id % FEEDERS_MAX];
	/* A gap that lies ahead was told before the clock was put back. */
	if (told->sender == f->hello.id && until < told->to_ns && told->to_ns <= now)
		until = now - told->to_ns < GAP_MIN_NS ? now : told->to_ns;
	/* What was kept lies ahead: the clock was put back meanwhile, and this time is told twice. */
	bool back = until > now;
	struct gap g = { .from_ns = back ? now : until, .to_ns = back ? until : now };
	snprintf(g.sensor, sizeof g.sensor, "%s", f->hello.sensor);
	snprintf(g.reason, sizeof g.reason, "%s", reason_of(back, ended));
	struct store_batch b = { .sensor = g.sensor, .gaps = &g, .gaps_n = until && until != now };
	if (f->role == ROLE_CAPTURE) {
		b.sender = f->hello.id;
		b.sequence = store_sequence(k->store, b.sender) + 1;
		b.until_ns = now;
	}
	int code = b.gaps_n || b.sender ? store_commit(k->store, &b, err) : 0;
	if (code < 0)
		return code;
	counters_add(COUNTER_GAPS, b.gaps_n);
	if (b.gaps_n)
		*told = (struct feeder_told){ f->hello.id, now };
	return code;
}

/* Answers whoever begins to speak, or waits with that until the gap before can be kept. */
static void welcome(struct feeder *f)
{
	struct keeper *k = f->keeper;
	struct err err = { "" };
	int code = f->hello.flags & SENDER_LIVE ? tell_gap(f, &err) : 0;
	bool again = f->role == ROLE_CAPTURE && (code == -STORE_FULL || code == -STORE_IO || code == -STORE_BUSY);
	if (code < 0 && !f->unanswered)
		member_say(k->m, "a gap of %s could not be kept%s: %s", f->hello.sensor, again ? " for now" : "",
			err.text);
	f->unanswered = again;
	if (again)
		return;
	f->greeted = true;
	channel_tell(f->channel, MESSAGE_WELCOME, store_sequence(k->store, f->hello.id));
}

static void on_hello(struct feeder *f, const struct message *m)
{
	bool several = f->role == ROLE_ANALYSIS || f->role == ROLE_ALERT;
	/* Collect speaks for many; the others once. */
	if (f->greeted && f->role != ROLE_COLLECT) {
		dismiss(f, "a second greeting");
		return;
	}
	if (sender_hello_get(m, &f->hello) < 0 || (!several && !f->hello.sensor[0])) {
		dismiss(f, "a greeting that can't be read");
		return;
	}
	if (f->role == ROLE_CAPTURE && f->index < f->keeper->m->config->sensors.n &&
		strcmp(f->hello.sensor, f->keeper->m->config->sensors.v[f->index].name) != 0) {
		dismiss(f, "the name of another sensor");
		return;
	}
	/* Else what another sends would pass for repeated. A command may give its batches any number. */
	if (f->role != ROLE_COMMAND && !sender_id_of(f->hello.id, several ? "" : f->hello.sensor)) {
		dismiss(f, "the number of another sender");
		return;
	}
	assembly_begin(f->assembly, f->hello.id, several ? NULL : f->hello.sensor);
	welcome(f);
}

/* Whose sensor it is, is said here and not by the sensor. */
static const char *tenant_of(const struct keeper *k, const char *sensor)
{
	const struct config *c = k->m->config;
	for (size_t i = 0; i < c->sensors.n; i++)
		if (strcmp(c->sensors.v[i].name, sensor) == 0)
			return c->sensors.v[i].tenant;
	return c->network.tenant;
}

static int put_sensor(void *arg, const void *record)
{
	struct feeder *f = arg;
	struct sensor s = *(const struct sensor *)record;
	if (strcmp(s.id, f->hello.sensor) != 0)
		return 0;
	snprintf(s.tenant, sizeof s.tenant, "%s", tenant_of(f->keeper, s.id));
	return store_put(f->keeper->store, &sensor_kind, &s, NULL);
}

static int put_clock(void *arg, const void *record)
{
	struct feeder *f = arg;
	const struct clock_minute *c = record;
	return strcmp(c->sensor, f->hello.sensor) == 0 ? store_put(f->keeper->store, &clock_kind, record, NULL) : 0;
}

static int put_sent(void *arg, const void *record)
{
	struct feeder *f = arg;
	return store_put(f->keeper->store, &sent_kind, record, NULL);
}

/* Rows that are the same however often they are put. */
static void put_rows(struct feeder *f)
{
	assembly_each(f->assembly, MESSAGE_SENSOR, &sensor_kind, put_sensor, f);
	assembly_each(f->assembly, MESSAGE_CLOCK, &clock_kind, put_clock, f);
	if (f->role == ROLE_ALERT)
		assembly_each(f->assembly, MESSAGE_SENT, &sent_kind, put_sent, f);
}

/* Sensors elsewhere have no counters here. */
static void note_peer(const struct feeder *f)
{
	uint32_t i = 0;
	while (i < counters->prefixes_n && strcmp(counters->prefix[i], f->hello.sensor) != 0)
		i++;
	if (i == COUNTERS_PREFIXES)
		return;
	if (i == counters->prefixes_n) {
		snprintf(counters->prefix[i], sizeof counters->prefix[i], "%s", f->hello.sensor);
		counters->prefixes_n++;
	}
	atomic_store(&counters->prefix_last_ns[i], loop_clock_ns());
}

static void count(const struct feeder *f, int64_t took_ns)
{
	const struct store_batch *b = assembly_batch(f->assembly);
	counters_set(COUNTER_LAST_COMMIT, (uint64_t)loop_clock_ns());
	if (f->role == ROLE_COLLECT)
		note_peer(f);
	counters_add(COUNTER_COMMITS, 1);
	counters_add(COUNTER_COMMIT_NS, (uint64_t)took_ns);
	if ((uint64_t)took_ns > counters_get(counters, COUNTER_COMMIT_MAX))
		counters_set(COUNTER_COMMIT_MAX, (uint64_t)took_ns);
	counters_add(COUNTER_STORED_FLOWS, assembly_flows(f->assembly));
	counters_add(COUNTER_STORED_FINDINGS, b->findings_n);
	counters_add(COUNTER_STORED_SIGNALS, b->signals_n);
	counters_add(COUNTER_GAPS, b->gaps_n);
}

/* The batch is whole. It is kept, or refused for good, or waits. */
static void keep(struct feeder *f)
{
	struct keeper *k = f->keeper;
	struct err err = { "" };
	struct store_batch b = *assembly_batch(f->assembly);
	int64_t begun = loop_now_ns();
	b.until_ns = assembly_until(f->assembly);
	b.ended = assembly_ended(f->assembly);
	int code = store_commit(k->store, &b, &err);
	bool again = code == -STORE_FULL || code == -STORE_IO || code == -STORE_BUSY;
	if (again && !f->waiting) {
		member_say(k->m, "%s: not kept for now: %s", k->m->options.store, err.text);
		member_note("%.120s", err.text);
	}
	if (again) {
		counters_add(COUNTER_STORE_FAILED, 1);
		f->waiting = true;
		note_unkept(k);
		channel_pause(f->channel, true);
		return;
	}
	if (f->waiting) {
		f->waiting = false;
		note_unkept(k);
		channel_pause(f->channel, false);
	}
	if (code == 0) {
		count(f, loop_now_ns() - begun);
		put_rows(f);
		for (size_t i = 0; i < b.findings_n; i++)
			upkeep_finding(k, &b.findings[i]);
		relay_batch(k, f, &b);
	} else if (code == STORE_REPEATED) {
		counters_add(COUNTER_REPEATED, 1);
	}
	if (code < 0) {
		member_say(k->m, "a batch of %s is refused: %s", roles[f->role].name, err.text);
		refuse(f, b.sequence, code, err.text);
	} else {
		channel_tell(f->channel, MESSAGE_ACK, b.sequence);
	}
	assembly_clear(f->assembly);
}

/* What a command did, or asks for. Who it is, is what the kernel says; what he calls himself stands beside it. */
static void on_note(struct feeder *f, const struct message *m)
{
	struct message_reader in = { .in = m->body };
	struct hold hold;
	struct err err = { "" };
	char says[160] = "", who[256], what[64], subject[160] = "";
	if (m->kind == MESSAGE_HOLD) {
		message_get_row(&in, &hold_kind, &hold);
		snprintf(says, sizeof says, "%s", hold.who);
		snprintf(subject, sizeof subject, "%s", hold.id);
	} else {
		message_get_text(&in, says, sizeof says);
	}
	message_get_text(&in, what, sizeof what);
	if (m->kind == MESSAGE_AUDIT)
		message_get_text(&in, subject, sizeof subject);
	if (!message_whole(&in)) {
		dismiss(f, "a note that can't be read");
		return;
	}
	snprintf(who, sizeof who, "%s, by the control socket of uid %u", says, (unsigned)f->uid);
	int code = store_audit(f->keeper->store, loop_clock_ns(), who, what, subject, &err);
	if (code == 0 && m->kind == MESSAGE_HOLD)
		code = store_put(f->keeper->store, &hold_kind, &hold, &err);
	if (code < 0)
		refuse(f, m->sequence, code, err.text);
	else
		channel_tell(f->channel, MESSAGE_ACK, m->sequence);
}

static void on_record(struct feeder *f, const struct message *m)
{
	struct err err = { "" };
	char commander[64];
	snprintf(commander, sizeof commander, "by the control socket of uid %u", (unsigned)f->uid);
	int code = keeprecord_take(f->keeper, f->role == ROLE_COMMAND ? commander : NULL, m, &err);
	if (code == KEEPRECORD_UNREADABLE)
		dismiss(f, "a record that can't be read");
	else if (code < 0)
		refuse(f, m->sequence, code, err.text);
	else
		channel_tell(f->channel, MESSAGE_ACK, m->sequence);
}

void feeder_retry(void *arg)
{
	struct keeper *k = arg;
	for (int i = 0; i < FEEDERS_MAX; i++)
		if (k->feeders[i] && k->feeders[i]->unanswered)
			welcome(k->feeders[i]);
		else if (k->feeders[i] && k->feeders[i]->waiting)
			keep(k->feeders[i]);
}

static void on_message(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct feeder *f = arg;
	const char *why;
	if (m->kind == MESSAGE_HELLO) {
		on_hello(f, m);
		return;
	}
	if (m->kind == MESSAGE_RING_WANT) {
		upkeep_ring(f->keeper, f, m);
		return;
	}
	if (m->kind == MESSAGE_END && f->role == ROLE_ANALYSIS) {
		relay_end(f->keeper);
		return;
	}
	if (m->kind == MESSAGE_END) {
		upkeep_filled(f->keeper, m);
		return;
	}
	if (m->kind == MESSAGE_AUDIT || m->kind == MESSAGE_HOLD) {
		on_note(f, m);
		return;
	}
	if (m->kind == MESSAGE_RECORD) {
		on_record(f, m);
		return;
	}
	if (!f->greeted) {
		dismiss(f, "a batch before its greeting");
		return;
	}
	int r = assembly_add(f->assembly, m, &why);
	if (r < 0)
		dismiss(f, why);
	else if (r > 0)
		keep(f);
}

static void on_drained(void *arg, struct channel *c)
{
	struct feeder *f = arg;
	relay_pump(f->keeper, f);
}

int feeder_new(struct keeper *k, enum role_id role, unsigned index, int fd)
{
	int at = -1;
	for (int i = 0; i < FEEDERS_MAX; i++)
		if (k->feeders[i] && role != ROLE_COMMAND && k->feeders[i]->role == role &&
			k->feeders[i]->index == index)
			feeder_free(k->feeders[i]);
	for (int i = 0; i < FEEDERS_MAX && at < 0; i++)
		if (!k->feeders[i])
			at = i;
	if (at < 0)
		return -1;
	struct feeder *f = mem_new(sizeof *f);
	*f = (struct feeder){ .keeper = k, .role = role, .index = index, .assembly = assembly_new() };
	struct channel_handler h = { .arg = f, .message = on_message, .drained = on_drained, .closed = on_closed };
	f->channel = member_channel(k->m, role, fd, &h, 0);
	k->feeders[at] = f;
	relay_peer(k, f);
	if (role == ROLE_QUERY)
		upkeep_peer(k, f);
	return 0;
}

int feeder_command(struct keeper *k, uid_t uid, int fd)
{
	static unsigned number;
	if (feeder_new(k, ROLE_COMMAND, ++number, fd) < 0)
		return -1;
	for (int i = 0; i < FEEDERS_MAX; i++)
		if (k->feeders[i] && k->feeders[i]->role == ROLE_COMMAND && k->feeders[i]->index == number)
			k->feeders[i]->uid = uid;
	return 0;
}
