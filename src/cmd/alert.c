// SPDX-License-Identifier: Apache-2.0
#include "cmd/alert.h"

#include "base/text.h"
#include "base/zone.h"
#include "cmd/run.h"
#include "role/alertparams.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 1000

struct alert_options {
	const char *channel, *from, *to;
};

static const struct cli_option test_options[] = {
	{ "channel", 'c', CLI_TEXT, CLI_FIELD(struct alert_options, channel), "NAME",
		"this channel alone (default all)" },
};
static const struct cli_option explain_options[] = {
	{ "from", 0, CLI_TEXT, CLI_FIELD(struct alert_options, from), "TIME",
		"only findings that overlap the time from here on" },
	{ "to", 0, CLI_TEXT, CLI_FIELD(struct alert_options, to), "TIME", "... to here" },
};

/* What the three commands share. */
struct calling {
	const struct cli_global *g;
	struct config *config;
	struct alertparams *params;
	struct alert *alert;
	struct json j;
	uint64_t told, failed;
	int64_t now_ns; /* of explain */
	char why[256];
	char channel[ALERT_NAME_MAX]; /* of the last mark */
};

static int64_t clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * ALERT_SECOND + t.tv_nsec;
}

static int complain(const char *what, int code)
{
	char safe[1024];
	fprintf(stderr, "sakimori: %s\n", text_escape(safe, sizeof safe, what, strlen(what)));
	return code;
}

/* Returns an enum cli_exit; closing() in any case. */
static int opening(struct calling *x, const struct cli_global *g, bool secrets)
{
	struct yaml_faults faults = { 0 };
	struct err err = { "" };
	char host[254] = "";
	memset(x, 0, sizeof *x);
	x->g = g;
	json_init(&x->j, stdout);
	if (!g->config)
		return complain("alert needs --config FILE: channels and rules stand there", CLI_USAGE);
	int code = config_read(&x->config, g->config, &faults);
	if (code < 0) {
		yaml_faults_print(stderr, g->config, &faults);
		return code == CONFIG_IO ? CLI_FAILED : CLI_USAGE;
	}
	if (x->config->time_zone && zone_set(x->config->time_zone, &err) < 0)
		return complain(err.text, CLI_USAGE);
	(void)gethostname(host, sizeof host - 1);
	x->params = alertparams_new(x->config, host, NULL, secrets, &err);
	return x->params ? CLI_DONE : complain(err.text, CLI_FAILED);
}

static void closing(struct calling *x)
{
	alert_free(x->alert);
	alertparams_free(x->params);
	config_free(x->config);
}

static void on_mark(void *arg, const struct alert_mark *m)
{
	struct calling *x = arg;
	bool good = m->state == ALERT_SENT;
	if (m->event != ALERT_TEST)
		return;
	x->told += good;
	x->failed += !good;
	if (x->g->json) {
		json_object(&x->j, NULL);
		json_str(&x->j, "channel", m->channel);
		json_str(&x->j, "state", alert_state_name(m->state));
		json_str(&x->j, "reason", good ? NULL : m->text);
		json_end(&x->j, '}');
		json_line(&x->j);
	} else {
		printf("%s: %s%s%s\n", m->channel, alert_state_name(m->state), good ? "" : ": ", m->text);
	}
	fflush(stdout);
}

static int ask_channels(struct calling *x, const char *only)
{
	struct alert_status s;
	for (size_t i = 0; alert_channel_status(x->alert, i, &s); i++)
		if (!only || strcmp(only, s.name) == 0)
			if (alert_test(x->alert, s.name, clock_now()) < 0)
				return -1;
	return alert_waiting(x->alert) ? 0 : -1;
}

static int test(const struct cli_global *g, const void *opts, int argc, char **argv)
{
	const struct alert_options *o = opts;
	struct calling x;
	struct err err = { "" };
	int code = opening(&x, g, true);
	if (code == CLI_DONE && alert_global_init(&err) < 0)
		code = complain(err.text, CLI_FAILED);
	if (code == CLI_DONE) {
		struct alert_params p = alertparams_get(x.params);
		p.mark = on_mark;
		p.arg = &x;
		p.heartbeat.url = NULL;
		x.alert = alert_new(&p, &err);
		if (!x.alert)
			code = complain(err.text, CLI_USAGE);
		else if (ask_channels(&x, o->channel) < 0)
			code = complain(
				o->channel ? "there is no channel of that name" : "there is no channel", CLI_USAGE);
	}
	while (code == CLI_DONE && alert_waiting(x.alert)) {
		struct pollfd fds[ALERT_CHANNELS_MAX * 2];
		alert_poll(x.alert, clock_now());
		int64_t now = clock_now(), due = alert_due(x.alert, now);
		int64_t ms = due <= now				      ? 0
			     : due - now > WAIT_MS * (int64_t)1000000 ? WAIT_MS
								      : (due - now) / 1000000 + 1;
		(void)poll(fds, alert_fds(x.alert, fds, ALERT_CHANNELS_MAX * 2), (int)ms);
	}
	closing(&x);
	return code != CLI_DONE ? code : x.failed ? CLI_FAILED : CLI_DONE;
}

static enum alert_result print_message(void *arg, const struct alert_message *m, char why[256])
{
	struct calling *x = arg;
	char time[TEXT_TIME_MAX];
	x->told++;
	if (x->g->json) {
		json_object(&x->j, NULL);
		json_str(&x->j, "channel", m->channel);
		json_time(&x->j, "at", x->now_ns);
		json_str(&x->j, "event", alert_event_name(m->event));
		json_str(&x->j, "severity", alert_severity_name(m->severity));
		json_str(&x->j, "message", m->id);
		json_u64(&x->j, "subjects", m->subjects);
		json_str(&x->j, "title", m->title);
		json_end(&x->j, '}');
		json_line(&x->j);
	} else {
		printf("%s  %-12s %s\n", zone_text(time, x->now_ns), m->channel, m->title);
		if (x->g->verbose)
			printf("%s\n", m->text);
	}
	return ALERT_DELIVERED;
}

/* Lets everything happen that is due before `until`, at its own time. */
static void pass_time(struct calling *x, int64_t until)
{
	for (int64_t due = alert_due(x->alert, x->now_ns); due < until; due = alert_due(x->alert, x->now_ns)) {
		x->now_ns = due > x->now_ns ? due : x->now_ns;
		alert_poll(x->alert, x->now_ns);
	}
}

static int on_finding(void *arg, const struct finding *f)
{
	struct calling *x = arg;
	if (f->last_ns > x->now_ns) {
		pass_time(x, f->last_ns);
		x->now_ns = f->last_ns;
	}
	alert_finding(x->alert, f, alertparams_tenant(x->config, f->sensor), x->now_ns);
	alert_poll(x->alert, x->now_ns);
	return 0;
}

static int explain_store(struct calling *x, const struct alert_options *o)
{
	int64_t from = INT64_MIN, to = INT64_MAX;
	struct err err = { "" };
	int code;
	if ((o->from && run_time(o->from, &from) < 0) || (o->to && run_time(o->to, &to) < 0))
		return complain(
			"--from and --to take a time like 2026-11-24, 2026-11-24T21:39:00Z or now-24h", CLI_USAGE);
	const char *dir = x->g->store ? x->g->store : x->config->store.directory;
	struct store *store = store_open(dir ? dir : run_store_dir(x->g), STORE_READ, &code, &err);
	if (!store)
		return complain(err.text, CLI_FAILED);
	x->now_ns = INT64_MIN / 2;
	code = store_each_finding(store, from, to, on_finding, x);
	store_close(store);
	if (code < 0)
		return complain("the findings can't be read", CLI_FAILED);
	pass_time(x, INT64_MAX);
	return CLI_DONE;
}

static int explain(const struct cli_global *g, const void *opts, int argc, char **argv)
{
	struct calling x;
	struct err err = { "" };
	int code = opening(&x, g, false);
	if (code == CLI_DONE) {
		struct alert_params p = alertparams_get(x.params);
		p.deliver = print_message;
		p.arg = &x;
		x.alert = alert_new(&p, &err);
		code = x.alert ? explain_store(&x, opts) : complain(err.text, CLI_USAGE);
	}
	if (code == CLI_DONE && !g->quiet) {
		struct alert_counts c = alert_counts(x.alert);
		fprintf(stderr, "%" PRIu64 " messages; %" PRIu64 " tellings by rules, %" PRIu64 " of them collected\n",
			x.told, c.matched, c.digested);
	}
	closing(&x);
	return code;
}

static void print_channel(struct calling *x, const struct alert_channel *c)
{
	static const char *const types[] = { "mail", "webhook", "syslog" };
	if (x->g->json) {
		json_object(&x->j, NULL);
		json_str(&x->j, "channel", c->name);
		json_str(&x->j, "type", types[c->type]);
		json_end(&x->j, '}');
		json_line(&x->j);
	} else {
		printf("channel %s: %s\n", c->name, types[c->type]);
	}
}

static void print_rule(struct calling *x, const struct alert_rule *r)
{
	if (x->g->json) {
		json_object(&x->j, NULL);
		json_str(&x->j, "rule", r->name);
		json_str(&x->j, "min_severity", alert_severity_name(r->min_severity));
		json_u64(&x->j, "min_confidence", r->min_confidence);
		json_array(&x->j, "channels");
		for (size_t i = 0; i < r->channels_n; i++)
			json_str(&x->j, NULL, r->channels[i]);
		json_end(&x->j, ']');
		json_end(&x->j, '}');
		json_line(&x->j);
		return;
	}
	printf("rule %s: from %s, confidence %u, to", r->name, alert_severity_name(r->min_severity), r->min_confidence);
	for (size_t i = 0; i < r->channels_n; i++)
		printf(" %s", r->channels[i]);
	if (r->quiet.on)
		printf("; quiet %02u:%02u-%02u:%02u below %s", r->quiet.from_min / 60, r->quiet.from_min % 60,
			r->quiet.to_min / 60, r->quiet.to_min % 60, alert_severity_name(r->quiet.except));
	putchar('\n');
}

static int list(const struct cli_global *g, const void *opts, int argc, char **argv)
{
	struct calling x;
	int code = opening(&x, g, false);
	if (code == CLI_DONE) {
		struct alert_params p = alertparams_get(x.params);
		for (size_t i = 0; i < p.channels_n; i++)
			print_channel(&x, &p.channels[i]);
		for (size_t i = 0; i < p.rules_n; i++)
			print_rule(&x, &p.rules[i]);
	}
	closing(&x);
	return code;
}

#define COUNT(rows) sizeof(rows) / sizeof *(rows)
static const struct cli_command commands[] = {
	{ "alert", "list", NULL, "the channels and rules of the configuration", NULL, 0, sizeof(struct alert_options),
		list },
	{ "alert", "test", NULL, "a test message to each channel", test_options, COUNT(test_options),
		sizeof(struct alert_options), test },
	{ "alert", "explain", NULL, "what the rules would have told of the findings in the store", explain_options,
		COUNT(explain_options), sizeof(struct alert_options), explain },
};

const struct cli_noun alert_noun = { "alert", "the ways out to people: mail, webhook, syslog", commands,
	COUNT(commands) };
