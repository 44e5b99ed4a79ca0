// SPDX-License-Identifier: Apache-2.0
/*
 * Drives the alert engine (alert_send and what is above it) in real time with short limits, for tests/cli/alerts.py.
 * Words KEY=VALUE: first those of the whole, then those of each channel, which begin with name=. Prints marks, and at
 * the end the counts, as JSON lines.
 */
#include "response/alert/alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS ((int64_t)1000000)

struct drive {
	struct alert_channel channels[8];
	const char *names[8], *to[8][8];
	size_t n, findings;
	struct alert_params p;
	const char *detail, *subject;
	int64_t seconds;
	bool test;
};

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * ALERT_SECOND + t.tv_nsec;
}

static void on_mark(void *arg, const struct alert_mark *m)
{
	struct json j;
	(void)arg;
	json_init(&j, stdout);
	json_object(&j, NULL);
	json_str(&j, "subject", m->subject);
	json_str(&j, "channel", m->channel);
	json_str(&j, "state", alert_state_name(m->state));
	json_str(&j, "event", alert_event_name(m->event));
	json_str(&j, "text", m->text);
	json_end(&j, '}');
	json_line(&j);
	fflush(stdout);
}

static void of_whole(struct drive *d, const char *key, const char *value)
{
	int64_t ms = atoll(value) * MS;
	if (strcmp(key, "timeout_ms") == 0)
		d->p.limits.timeout_ns = ms;
	else if (strcmp(key, "backoff_ms") == 0)
		d->p.limits.backoff_ns = d->p.limits.backoff_max_ns = ms;
	else if (strcmp(key, "retry_ms") == 0)
		d->p.limits.retry_ns = ms;
	else if (strcmp(key, "seconds") == 0)
		d->seconds = atoll(value);
	else if (strcmp(key, "findings") == 0)
		d->findings = (size_t)atoll(value);
	else if (strcmp(key, "detail") == 0)
		d->detail = value;
	else if (strcmp(key, "subject") == 0)
		d->subject = value;
	else if (strcmp(key, "heartbeat") == 0)
		d->p.heartbeat.url = value;
	else if (strcmp(key, "beat_token") == 0)
		d->p.heartbeat.token = value;
	else if (strcmp(key, "language") == 0)
		d->p.language = strcmp(value, "ja") == 0 ? ALERT_JA : ALERT_EN;
	else if (strcmp(key, "test") == 0)
		d->test = true;
	else
		exit(2);
}

static int choice(const char *value, const char *zero, const char *one)
{
	return strcmp(value, zero) == 0 ? 0 : strcmp(value, one) == 0 ? 1 : 2;
}

static void of_channel(struct drive *d, const char *key, const char *value)
{
	struct alert_channel *c = &d->channels[d->n - 1];
	const struct {
		const char *key;
		const char **text;
	} texts[] = { { "url", &c->url }, { "ca", &c->ca_file }, { "user", &c->user }, { "password", &c->password },
		{ "token", &c->token }, { "hmac", &c->hmac_key } };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (strcmp(key, texts[i].key) == 0) {
			*texts[i].text = value;
			return;
		}
	}
	if (strcmp(key, "type") == 0)
		c->type = (enum alert_channel_type)choice(value, "mail", "webhook");
	else if (strcmp(key, "tls") == 0)
		c->tls = (enum alert_tls)choice(value, "required", "try");
	else if (strcmp(key, "text_only") == 0)
		c->text_only = true;
	else if (strcmp(key, "to") == 0 && c->to_n < 8)
		d->to[d->n - 1][c->to_n++] = value;
	else
		exit(2);
}

static void words(struct drive *d, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (!value)
			exit(2);
		*value++ = 0;
		if (strcmp(argv[i], "name") == 0 && d->n < 8) {
			d->names[d->n] = value;
			d->channels[d->n] = (struct alert_channel){ .name = value, .from = "sakimori@example.net" };
			d->channels[d->n].to = d->to[d->n];
			d->n++;
		} else if (d->n) {
			of_channel(d, argv[i], value);
		} else {
			of_whole(d, argv[i], value);
		}
	}
}

static void tell(struct drive *d, struct alert *a)
{
	struct finding f = { .kind = FINDING_OWN_SUSPECT,
		.severity = "high",
		.confidence = 60,
		.spoofable = true,
		.packets = 3,
		.destinations = 2,
		.first_ns = (int64_t)1795556340 * ALERT_SECOND };
	f.last_ns = f.first_ns + 60 * ALERT_SECOND;
	snprintf(f.sensor, sizeof f.sensor, "dark-1");
	snprintf(f.detail, sizeof f.detail, "%s", d->detail ? d->detail : "");
	for (size_t i = 0; i < d->findings; i++) {
		if (d->subject)
			snprintf(f.subject, sizeof f.subject, "%s", d->subject);
		else
			snprintf(f.subject, sizeof f.subject, "192.0.2.%zu", i + 1);
		finding_identify(&f);
		alert_finding(a, &f, "city", now());
	}
	for (size_t i = 0; d->test && i < d->n; i++)
		if (alert_test(a, d->names[i], now()) < 0)
			exit(3);
}

int main(int argc, char **argv)
{
	static struct drive d = { .seconds = 10 };
	struct err err = { "" };
	words(&d, argc, argv);
	struct alert_rule rule = { .name = "all", .channels = d.names, .channels_n = d.n };
	d.p.channels = d.channels;
	d.p.channels_n = d.n;
	d.p.rules = &rule;
	d.p.rules_n = 1;
	d.p.mark = on_mark;
	d.p.store_id = "store-1";
	d.p.host = "guard.example.net";
	d.p.heartbeat.every_ns = d.p.heartbeat.url ? ALERT_SECOND : 0;
	struct alert *a = alert_global_init(&err) < 0 ? NULL : alert_new(&d.p, &err);
	if (!a) {
		fprintf(stderr, "%s\n", err.text);
		return 3;
	}
	tell(&d, a);
	int64_t end = now() + d.seconds * ALERT_SECOND;
	while (now() < end && (alert_waiting(a) || d.p.heartbeat.url)) {
		struct pollfd fds[64];
		alert_poll(a, now());
		int64_t wait = alert_due(a, now()) - now();
		int ms = wait < 0 ? 0 : wait > 50 * MS ? 50 : (int)(wait / MS + 1);
		size_t n = alert_fds(a, fds, 64);
		(void)poll(fds, n, ms);
	}
	struct alert_counts c = alert_counts(a);
	printf("{\"sent\":%llu,\"retried\":%llu,\"failed\":%llu,\"heartbeats\":%llu,\"heartbeats_failed\":%llu,"
	       "\"oversize\":%llu,\"waiting\":%zu}\n",
		(unsigned long long)c.sent, (unsigned long long)c.retried, (unsigned long long)c.failed,
		(unsigned long long)c.heartbeats, (unsigned long long)c.heartbeats_failed,
		(unsigned long long)c.oversize, alert_waiting(a));
	alert_free(a);
	return 0;
}
