// SPDX-License-Identifier: Apache-2.0
/* Who is told what and when, in virtual time with a channel that answers as the case says: alert, alert_rule,
 * alert_queue, alert_memory, alert_setup. */
#include "response/alert/alert.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define S    ALERT_SECOND
#define MIN  (60 * S)
#define HOUR (60 * MIN)
#define T0   ((int64_t)1795478400 * S) /* 2026-11-24 00:00:00 UTC */

struct world {
	struct alert *a;
	enum alert_result answer[2]; /* of the channels "desk" and "night" */
	int64_t offset_s;
	int64_t dst_from, dst_to; /* an hour more in between */
	unsigned sent[2], tries[2];
	struct alert_mark marks[4096];
	size_t marks_n;
	char title[2][512], text[2][16384], json[2][32768], id[2][128], thread[2][128];
	uint32_t subjects[2];
	int64_t now;
};

static int64_t offset(void *arg, int64_t ns)
{
	struct world *w = arg;
	return w->offset_s + (ns >= w->dst_from && ns < w->dst_to ? 3600 : 0);
}

static void on_mark(void *arg, const struct alert_mark *m)
{
	struct world *w = arg;
	assert_true(w->marks_n < sizeof w->marks / sizeof *w->marks);
	w->marks[w->marks_n++] = *m;
}

static enum alert_result deliver(void *arg, const struct alert_message *m, char why[256])
{
	struct world *w = arg;
	int i = strcmp(m->channel, "night") == 0;
	w->tries[i]++;
	if (w->answer[i] != ALERT_DELIVERED) {
		snprintf(why, 256, "planted");
		return w->answer[i];
	}
	w->sent[i]++;
	w->subjects[i] = m->subjects;
	snprintf(w->title[i], sizeof w->title[i], "%s", m->title);
	snprintf(w->text[i], sizeof w->text[i], "%s", m->text);
	snprintf(w->json[i], sizeof w->json[i], "%s", m->json);
	snprintf(w->id[i], sizeof w->id[i], "%s", m->id);
	snprintf(w->thread[i], sizeof w->thread[i], "%s", m->thread);
	return ALERT_DELIVERED;
}

static const char *const desk[] = { "desk" }, *const both[] = { "desk", "night" };
static const char *const mail_to[] = { "noc@example.net" };
static const struct alert_channel channels[] = {
	{ .name = "desk",
		.type = ALERT_MAIL,
		.url = "smtp://mail.example.net",
		.from = "s@example.net",
		.to = mail_to,
		.to_n = 1 },
	{ .name = "night", .type = ALERT_WEBHOOK, .url = "https://hook.example.net/x" },
};

static struct world *world(const struct alert_rule *rules, size_t n, const struct alert_limits *limits)
{
	static struct world w;
	struct err err = { "" };
	memset(&w, 0, sizeof w);
	struct alert_params p = { .channels = channels,
		.channels_n = 2,
		.rules = rules,
		.rules_n = n,
		.alarm_channels = both,
		.alarm_channels_n = 2,
		.offset_s = offset,
		.mark = on_mark,
		.deliver = deliver,
		.arg = &w,
		.console_url = "https://console.example.net" };
	if (limits)
		p.limits = *limits;
	w.now = T0 + 12 * HOUR;
	w.a = alert_new(&p, &err);
	if (!w.a)
		fail_msg("%s", err.text);
	return &w;
}

static struct finding finding(const char *subject, const char *severity, uint8_t confidence)
{
	static struct finding f;
	memset(&f, 0, sizeof f);
	f.kind = FINDING_OWN_SUSPECT;
	snprintf(f.subject, sizeof f.subject, "%s", subject);
	snprintf(f.sensor, sizeof f.sensor, "dark-1");
	f.severity = severity;
	f.confidence = confidence;
	f.spoofable = true;
	f.packets = 12345;
	f.first_ns = T0;
	f.last_ns = T0 + MIN;
	finding_identify(&f);
	return f;
}

static unsigned tell(struct world *w, const char *subject, const char *severity)
{
	struct finding f = finding(subject, severity, 60);
	unsigned n = alert_finding(w->a, &f, "city", w->now);
	alert_poll(w->a, w->now);
	return n;
}

static void rules_fit(void **state)
{
	struct prefix own;
	static const char *const city[] = { "city" }, *const other[] = { "port" }, *const dark1[] = { "dark-1" };
	assert_int_equal(prefix_parse("192.0.2.0/24", &own, NULL), 0);
	const struct {
		const char *name;
		struct alert_rule rule;
		unsigned want;
	} cases[] = {
		{ "everything", { 0 }, 1 },
		{ "severity reached", { .min_severity = ALERT_HIGH }, 1 },
		{ "confidence too low", { .min_confidence = 61 }, 0 },
		{ "confidence reached", { .min_confidence = 60 }, 1 },
		{ "other kind", { .kinds = 1u << FINDING_SCAN }, 0 },
		{ "kind", { .kinds = 1u << FINDING_SCAN | 1u << FINDING_OWN_SUSPECT }, 1 },
		{ "tenant", { .tenants = city, .tenants_n = 1 }, 1 },
		{ "other tenant", { .tenants = other, .tenants_n = 1 }, 0 },
		{ "sensor", { .sensors = dark1, .sensors_n = 1 }, 1 },
		{ "other sensor", { .sensors = other, .sensors_n = 1 }, 0 },
		{ "own", { .own = &own, .own_n = 1 }, 1 },
		{ "signals alone", { .no_findings = true, .signals = true }, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct alert_rule r = cases[i].rule;
		r.channels = desk;
		r.channels_n = 1;
		struct world *w = world(&r, 1, NULL);
		unsigned n = tell(w, "192.0.2.7", "high");
		if (n != cases[i].want || w->sent[0] != n)
			fail_msg("%s: %u", cases[i].name, n);
		if (r.own_n)
			assert_int_equal(tell(w, "198.51.100.7", "high"), 0);
		alert_free(w->a);
	}
}

static void told_once(void **state)
{
	/* Two rules name the desk: one message. It rises: an update in the same thread. After hours: only when it goes
	 * on. */
	struct alert_rule r[] = { { .channels = desk, .channels_n = 1, .repeat_ns = 6 * HOUR },
		{ .channels = both, .channels_n = 2 } };
	struct world *w = world(r, 2, NULL);
	assert_int_equal(tell(w, "192.0.2.7", "low"), 2);
	assert_int_equal(w->sent[0], 1);
	assert_int_equal(w->sent[1], 1);
	assert_string_equal(w->id[0], w->thread[0]);
	assert_int_equal(tell(w, "192.0.2.7", "low"), 0);
	assert_int_equal(tell(w, "192.0.2.7", "high"), 2);
	assert_string_not_equal(w->id[0], w->thread[0]);
	assert_non_null(strstr(w->title[0], "update: "));
	w->now += 7 * HOUR;
	assert_int_equal(tell(w, "192.0.2.7", "high"), 0); /* nothing new came */
	struct finding f = finding("192.0.2.7", "high", 60);
	f.last_ns = w->now - S;
	assert_int_equal(alert_finding(w->a, &f, NULL, w->now), 1); /* the desk alone: its rule repeats */
	alert_poll(w->a, w->now);
	assert_int_equal(w->sent[0], 3);
	assert_int_equal(w->sent[1], 2);
	assert_int_equal(w->marks_n, 5);
	alert_free(w->a);
}

/* The rule that names the channel first decides alone: the second one's repetition is not asked. */
static void first_rule_decides(void **state)
{
	struct alert_rule r[] = { { .channels = desk, .channels_n = 1 },
		{ .channels = desk, .channels_n = 1, .repeat_ns = HOUR } };
	struct world *w = world(r, 2, NULL);
	assert_int_equal(tell(w, "192.0.2.7", "low"), 1);
	w->now += 2 * HOUR;
	struct finding f = finding("192.0.2.7", "low", 60);
	f.last_ns = w->now;
	assert_int_equal(alert_finding(w->a, &f, NULL, w->now), 0);
	alert_free(w->a);
}

static void restart(void **state)
{
	struct alert_rule r[] = { { .channels = both, .channels_n = 2 } };
	struct world *w = world(r, 1, NULL);
	w->answer[1] = ALERT_RETRY;
	tell(w, "192.0.2.7", "low");
	assert_int_equal(w->marks_n, 1);
	struct alert_mark kept = w->marks[0];
	assert_int_equal(kept.state, ALERT_SENT);
	assert_string_equal(kept.channel, "desk");
	alert_free(w->a);
	w = world(r, 1, NULL);
	alert_known(w->a, &kept);
	assert_int_equal(tell(w, "192.0.2.7", "low"), 1);
	assert_int_equal(w->sent[0], 0);
	assert_int_equal(w->sent[1], 1);
	alert_free(w->a);
}

static void quiet(void **state)
{
	static const struct {
		const char *name;
		uint16_t from, to;
		int64_t offset_s, dst_from, dst_to, at,
			want; /* hours after T0, UTC; want: until when it waits, 0: it doesn't */
	} cases[] = {
		{ "before", 22 * 60, 7 * 60, 0, 0, 0, 21 * HOUR, 0 },
		{ "evening", 22 * 60, 7 * 60, 0, 0, 0, 23 * HOUR, 31 * HOUR },
		{ "over midnight", 22 * 60, 7 * 60, 0, 0, 0, 3 * HOUR, 7 * HOUR },
		{ "at the end", 22 * 60, 7 * 60, 0, 0, 0, 7 * HOUR, 0 },
		{ "noon", 12 * 60, 13 * 60 + 30, 0, 0, 0, 12 * HOUR, 13 * HOUR + 30 * MIN },
		{ "Tokyo", 22 * 60, 7 * 60, 9 * 3600, 0, 0, 14 * HOUR, 22 * HOUR },
		{ "Tokyo day", 22 * 60, 7 * 60, 9 * 3600, 0, 0, 23 * HOUR, 0 },
		/* The clock is put forward at 01:00 UTC: the end by the wall is an hour sooner. */
		{ "into summer", 22 * 60, 7 * 60, 0, 1 * HOUR, 999 * HOUR, 0, 6 * HOUR },
		/* ... and back. */
		{ "into winter", 22 * 60, 7 * 60, 0, -999 * HOUR, 1 * HOUR, 0, 7 * HOUR },
		{ "none", 60, 60, 0, 0, 0, 1 * HOUR, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct alert_rule r = {
			.channels = desk, .channels_n = 1, .quiet = { cases[i].from, cases[i].to, ALERT_HIGH, true }
		};
		struct world *w = world(&r, 1, NULL);
		w->offset_s = cases[i].offset_s;
		w->dst_from = T0 + cases[i].dst_from;
		w->dst_to = T0 + cases[i].dst_to;
		w->now = T0 + cases[i].at;
		tell(w, "192.0.2.7", "medium");
		int64_t due = w->sent[0] ? T0 : alert_due(w->a, w->now);
		if (due != T0 + cases[i].want)
			fail_msg("%s: sent %u, due %lld min", cases[i].name, w->sent[0], (long long)((due - T0) / MIN));
		/* What is urgent goes out all the same, and the rest when it is over. */
		tell(w, "192.0.2.8", "high");
		assert_int_equal(w->sent[0], cases[i].want ? 1 : 2);
		tell(w, "192.0.2.9", "medium");
		if (cases[i].want) {
			alert_poll(w->a, due - 1);
			assert_int_equal(w->sent[0], 1);
			alert_poll(w->a, due);
			assert_int_equal(w->sent[0], 2);
			assert_int_equal(w->subjects[0], 2);
			assert_int_equal(w->marks[w->marks_n - 1].state, ALERT_DIGESTED);
		}
		assert_int_equal(alert_waiting(w->a), 0);
		alert_free(w->a);
	}
}

/* What was held back and told later doesn't make less of what was told meanwhile. */
static void told_late_is_not_told_again(void **state)
{
	struct alert_rule r = { .channels = desk, .channels_n = 1, .quiet = { 22 * 60, 7 * 60, ALERT_HIGH, true } };
	struct world *w = world(&r, 1, NULL);
	w->now = T0 + 23 * HOUR;
	tell(w, "192.0.2.7", "low");
	tell(w, "192.0.2.7", "high");
	assert_int_equal(w->sent[0], 1);
	w->now = T0 + 31 * HOUR;
	alert_poll(w->a, w->now);
	assert_int_equal(w->sent[0], 2);
	assert_int_equal(w->marks[1].state, ALERT_DIGESTED);
	assert_int_equal(w->marks[1].severity, ALERT_HIGH); /* as the store keeps it */
	assert_int_equal(tell(w, "192.0.2.7", "high"), 0);
	alert_free(w->a);
}

static void digest_waits_for_the_morning(void **state)
{
	struct alert_rule r = {
		.channels = desk, .channels_n = 1, .digest_ns = 10 * MIN, .quiet = { 22 * 60, 7 * 60, ALERT_HIGH, true }
	};
	struct world *w = world(&r, 1, NULL);
	w->now = T0 + 21 * HOUR + 55 * MIN;
	tell(w, "192.0.2.7", "low");
	alert_poll(w->a, T0 + 22 * HOUR + 5 * MIN);
	assert_int_equal(w->sent[0], 0);
	assert_true(alert_due(w->a, T0 + 22 * HOUR + 5 * MIN) == T0 + 31 * HOUR);
	alert_poll(w->a, T0 + 31 * HOUR);
	assert_int_equal(w->sent[0], 1);
	alert_free(w->a);
}

static void a_failing_way_is_left_in_peace(void **state)
{
	struct alert_rule r = { .channels = desk, .channels_n = 1 };
	struct world *w = world(&r, 1, NULL);
	w->answer[0] = ALERT_RETRY;
	for (int i = 0; i < 5; i++) {
		char subject[32];
		snprintf(subject, sizeof subject, "192.0.2.%d", i);
		tell(w, subject, "low");
	}
	assert_int_equal(w->tries[0], 1);
	w->answer[0] = ALERT_DELIVERED;
	alert_poll(w->a, w->now + 30 * S);
	assert_int_equal(w->sent[0], 5);
	alert_free(w->a);
}

static void limited(void **state)
{
	/* Two at once, then one each half hour: what is over comes as one message. */
	struct alert_rule r = { .channels = desk, .channels_n = 1, .rate = { .count = 2 } };
	struct world *w = world(&r, 1, NULL);
	char subject[32];
	for (int i = 0; i < 70; i++) {
		snprintf(subject, sizeof subject, "192.0.2.%d", i);
		tell(w, subject, "low");
	}
	assert_int_equal(w->sent[0], 2);
	int64_t due = alert_due(w->a, w->now);
	assert_true(due == w->now + 30 * MIN);
	alert_poll(w->a, due);
	assert_int_equal(w->sent[0], 3);
	assert_int_equal(w->subjects[0], 68);
	assert_non_null(strstr(w->title[0], "68 more alerts"));
	assert_non_null(strstr(w->text[0], "... and 18 more"));
	assert_non_null(strstr(w->json[0], "\"more\":18"));
	assert_int_equal(w->marks_n, 70);
	assert_int_equal(alert_counts(w->a).limited, 68);
	alert_free(w->a);
}

static void digest(void **state)
{
	struct alert_rule r = { .channels = desk, .channels_n = 1, .digest_ns = 10 * MIN };
	struct world *w = world(&r, 1, NULL);
	int64_t start = w->now;
	tell(w, "192.0.2.7", "low");
	w->now += 5 * MIN;
	tell(w, "192.0.2.8", "high");
	assert_int_equal(w->sent[0], 0);
	assert_true(alert_due(w->a, w->now) == start + 10 * MIN);
	alert_poll(w->a, start + 10 * MIN);
	assert_int_equal(w->sent[0], 1);
	assert_non_null(strstr(w->title[0], "2 alerts (highest: high)"));
	assert_non_null(strstr(w->text[0], "192.0.2.8"));
	alert_free(w->a);
}

static void retries(void **state)
{
	struct alert_limits l = { .backoff_ns = MIN, .backoff_max_ns = 8 * MIN, .retry_ns = 30 * MIN };
	struct alert_rule r = { .channels = both, .channels_n = 2 };
	struct world *w = world(&r, 1, &l);
	w->answer[0] = ALERT_RETRY;
	tell(w, "192.0.2.7", "low");
	assert_int_equal(w->sent[1], 1); /* one that fails holds up nobody else */
	/* After 1, 2, 4, 8 minutes, then every 8 until half an hour has gone. */
	static const int at[] = { 1, 3, 7, 15, 23 };
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		assert_true(alert_due(w->a, w->now) == w->now + at[i] * MIN);
		alert_poll(w->a, w->now + at[i] * MIN);
	}
	assert_int_equal(alert_counts(w->a).retried, 6);
	assert_int_equal(w->sent[1], 1);
	alert_poll(w->a, w->now + 31 * MIN);
	/* Given up: marked, counted, told by the other way. */
	assert_int_equal(alert_counts(w->a).failed, 1);
	assert_int_equal(w->sent[1], 2);
	assert_non_null(strstr(w->title[1], "desk"));
	assert_non_null(strstr(w->text[1], "planted"));
	bool marked = false;
	for (size_t i = 0; i < w->marks_n; i++)
		marked = marked || (w->marks[i].state == ALERT_FAILED && strcmp(w->marks[i].channel, "desk") == 0 &&
					   strcmp(w->marks[i].text, "planted") == 0);
	assert_true(marked);
	assert_int_equal(alert_waiting(w->a), 0);
	/* Refused for good: no retry, and not told again within the hour. */
	w->now += 40 * MIN;
	w->answer[0] = ALERT_REFUSED;
	tell(w, "192.0.2.8", "low");
	assert_int_equal(alert_counts(w->a).failed, 2);
	assert_int_equal(w->sent[1], 3);
	/* It works again. */
	w->answer[0] = ALERT_DELIVERED;
	w->now += 10 * MIN;
	tell(w, "192.0.2.9", "low");
	assert_int_equal(w->sent[0], 1);
	alert_free(w->a);
}

static void full_queue(void **state)
{
	struct alert_limits l = { .queue_max = 3 };
	struct alert_rule r = { .channels = desk, .channels_n = 1 };
	struct world *w = world(&r, 1, &l);
	struct alert_alarm alarm = {
		.kind = ALARM_DISK_FULL, .event = ALERT_RAISED, .subject = "/var", .since_ns = T0
	};
	w->answer[0] = ALERT_RETRY;
	for (int i = 0; i < 5; i++) {
		char subject[32];
		snprintf(subject, sizeof subject, "192.0.2.%d", i);
		tell(w, subject, "low");
	}
	assert_int_equal(alert_waiting(w->a), 3);
	assert_int_equal(alert_counts(w->a).dropped, 2);
	assert_int_equal(w->marks[0].state, ALERT_DROPPED);
	/* An alarm still finds room. */
	assert_int_equal(alert_alarm(w->a, &alarm, w->now), 2);
	assert_int_equal(alert_counts(w->a).dropped, 2);
	alert_free(w->a);
}

static void alarms(void **state)
{
	struct world *w = world(NULL, 0, NULL);
	struct alert_alarm a = { .kind = ALARM_SILENT_SENSOR,
		.event = ALERT_RAISED,
		.subject = "dark-1",
		.since_ns = T0,
		.value = 15 * MIN,
		.limit = 15 * MIN };
	assert_int_equal(alert_alarm(w->a, &a, w->now), 2);
	assert_int_equal(alert_alarm(w->a, &a, w->now), 0);
	alert_poll(w->a, w->now);
	assert_string_equal(w->title[0], "[sakimori] high: sensor dark-1 is silent");
	assert_non_null(strstr(w->text[0], "No packet for 15 min"));
	char thread[128];
	snprintf(thread, sizeof thread, "%s", w->id[0]);
	a.event = ALERT_REMINDED;
	assert_int_equal(alert_alarm(w->a, &a, w->now + HOUR), 2);
	a.event = ALERT_CLEARED;
	assert_int_equal(alert_alarm(w->a, &a, w->now + 2 * HOUR), 2);
	assert_int_equal(alert_alarm(w->a, &a, w->now + 2 * HOUR), 0);
	alert_poll(w->a, w->now + 2 * HOUR);
	assert_int_equal(w->sent[0], 3);
	assert_non_null(strstr(w->title[0], "cleared: "));
	assert_string_equal(w->thread[0], thread);
	a.event = ALERT_RAISED;
	assert_int_equal(alert_alarm(w->a, &a, w->now + 3 * HOUR), 2);
	alert_free(w->a);
}

static void signals_too(void **state)
{
	struct alert_rule r = { .channels = desk, .channels_n = 1, .signals = true };
	struct world *w = world(&r, 1, NULL);
	struct signal s = {
		.at_ns = T0, .sensor = "dark-1", .source = "198.51.100.7", .kind = "scan", .value = 5, .threshold = 5
	};
	assert_int_equal(alert_signal(w->a, &s, NULL, w->now), 1);
	assert_int_equal(alert_signal(w->a, &s, NULL, w->now), 0);
	alert_poll(w->a, w->now);
	assert_string_equal(w->title[0], "[sakimori] low: signal: scan by 198.51.100.7");
	alert_free(w->a);
}

static void tests_go_past_rules(void **state)
{
	struct world *w = world(NULL, 0, NULL);
	assert_int_equal(alert_test(w->a, "nobody", w->now), -1);
	assert_int_equal(alert_test(w->a, "desk", w->now), 0);
	w->answer[0] = ALERT_RETRY;
	alert_poll(w->a, w->now);
	/* A test is tried once. */
	assert_int_equal(alert_waiting(w->a), 0);
	struct alert_status s;
	assert_true(alert_channel_status(w->a, 0, &s));
	assert_string_equal(s.error, "planted");
	assert_false(alert_channel_status(w->a, 2, &s));
	alert_free(w->a);
}

static void wrong_params(void **state)
{
	static const char *const bad_to[] = { "a@example.net\r\nRCPT TO:<x@example.net>" };
	static const char *const bad_header[] = { "X: y\r\nZ: w" };
	static const struct {
		const char *name, *want;
		struct alert_channel c;
	} cases[] = {
		{ "name", "name of a channel", { .name = "a b", .type = ALERT_SYSLOG } },
		{ "line in an address", "mail addresses",
			{ .name = "m",
				.url = "smtp://m.example.net",
				.from = "s@example.net",
				.to = bad_to,
				.to_n = 1 } },
		{ "nobody", "mail addresses", { .name = "m", .url = "smtp://m.example.net", .from = "s@example.net" } },
		{ "password in the clear", "STARTTLS",
			{ .name = "m",
				.url = "smtp://m.example.net",
				.from = "s@example.net",
				.to = mail_to,
				.to_n = 1,
				.tls = ALERT_TLS_TRY,
				.user = "u",
				.password = "hush" } },
		{ "scheme", "begin with https://",
			{ .name = "h", .type = ALERT_WEBHOOK, .url = "file:///etc/passwd" } },
		{ "user in the address", "no user",
			{ .name = "h", .type = ALERT_WEBHOOK, .url = "https://u:hush@example.net/" } },
		{ "token in the clear", "needs https",
			{ .name = "h", .type = ALERT_WEBHOOK, .url = "http://example.net/", .token = "hush" } },
		{ "token with a line", "printable",
			{ .name = "h",
				.type = ALERT_WEBHOOK,
				.url = "https://example.net/",
				.token = "hush\r\nX: y" } },
		{ "header with a line", "Name: value",
			{ .name = "h",
				.type = ALERT_WEBHOOK,
				.url = "https://example.net/",
				.headers = bad_header,
				.headers_n = 1 } },
		{ "syslog", "udp://HOST:PORT", { .name = "s", .type = ALERT_SYSLOG, .url = "tcp://example.net:1" } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { "" };
		struct alert_params p = { .channels = &cases[i].c, .channels_n = 1 };
		struct alert *a = alert_new(&p, &err);
		if (a || !strstr(err.text, cases[i].want) || strstr(err.text, "hush"))
			fail_msg("%s: '%s'", cases[i].name, err.text);
	}
	struct alert_rule r = { .name = "r", .channels = desk, .channels_n = 1 };
	struct alert_params p = { .channels = &channels[1], .channels_n = 1, .rules = &r, .rules_n = 1 };
	struct err err = { "" };
	assert_null(alert_new(&p, &err));
	assert_string_equal(err.text, "rule r: there is no channel 'desk'");
}

static void forgets_in_order(void **state)
{
	struct alert_limits l = { .known_max = 4 };
	struct alert_rule r = { .channels = desk, .channels_n = 1 };
	struct world *w = world(&r, 1, &l);
	for (int i = 0; i < 20; i++) {
		char subject[32];
		snprintf(subject, sizeof subject, "192.0.2.%d", i);
		tell(w, subject, "low");
		assert_int_equal(tell(w, "192.0.2.0", "low"), 0); /* in use: never forgotten */
	}
	assert_true(alert_counts(w->a).forgotten > 0);
	alert_free(w->a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rules_fit), cmocka_unit_test(told_once),
		cmocka_unit_test(first_rule_decides), cmocka_unit_test(restart), cmocka_unit_test(quiet),
		cmocka_unit_test(told_late_is_not_told_again), cmocka_unit_test(digest_waits_for_the_morning),
		cmocka_unit_test(a_failing_way_is_left_in_peace), cmocka_unit_test(limited), cmocka_unit_test(digest),
		cmocka_unit_test(retries), cmocka_unit_test(full_queue), cmocka_unit_test(alarms),
		cmocka_unit_test(signals_too), cmocka_unit_test(tests_go_past_rules), cmocka_unit_test(wrong_params),
		cmocka_unit_test(forgets_in_order) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
