// SPDX-License-Identifier: Apache-2.0
#include "role/alertparams.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

#define NOWHERE "https://secret.invalid/"

struct alertparams {
	struct alert_params p;
	struct alert_channel *channels;
	struct alert_rule *rules;
	const char **names; /* of all channels */
	char **owned;	    /* wiped at the end */
	size_t owned_n, owned_room;
	char host[254], store_id[254];
	bool secrets;
};

static char *keep(struct alertparams *p, const char *text)
{
	if (p->owned_n == p->owned_room) {
		p->owned_room = p->owned_room ? 2 * p->owned_room : 32;
		p->owned = mem_grow(p->owned, p->owned_room * sizeof *p->owned);
	}
	char *copy = mem_new(strlen(text) + 1);
	memcpy(copy, text, strlen(text) + 1);
	p->owned[p->owned_n++] = copy;
	return copy;
}

static int secret(struct alertparams *p, const struct yaml_secret *s, const char **out, struct err *err)
{
	char text[CONFIG_SECRET_MAX];
	*out = NULL;
	if (!p->secrets || (!s->file && !s->env))
		return 0;
	if (config_secret_load(s, text, err) < 0)
		return -1;
	*out = keep(p, text);
	explicit_bzero(text, sizeof text);
	return 0;
}

static int webhook(struct alertparams *p, const struct config_channel *c, struct alert_channel *out, struct err *err)
{
	const char **headers = NULL;
	const char *url = NULL;
	if (secret(p, &c->webhook.secret_url, &url, err) < 0 || secret(p, &c->webhook.token, &out->token, err) < 0)
		return -1;
	out->url = url ? url : c->webhook.url ? c->webhook.url : NOWHERE;
	out->text_only = c->webhook.format == CONFIG_FORMAT_TEXT;
	if (c->webhook.headers.n == 0)
		return 0;
	size_t n = c->webhook.headers.n;
	headers = mem_new(n * sizeof *headers);
	for (size_t i = 0; i < n; i++) {
		char line[1200];
		snprintf(line, sizeof line, "%s: %s", c->webhook.headers.v[i].name, c->webhook.headers.v[i].value);
		headers[i] = keep(p, line);
	}
	out->headers = headers;
	out->headers_n = n;
	return 0;
}

static int channel(struct alertparams *p, const struct config_channel *c, struct alert_channel *out, struct err *err)
{
	*out = (struct alert_channel){ .name = c->name };
	switch ((enum config_channel_type)c->type) {
	case CONFIG_MAIL:
		out->type = ALERT_MAIL;
		out->url = c->mail.server;
		out->from = c->mail.from;
		out->to = c->mail.to.v;
		out->to_n = c->mail.to.n;
		out->user = c->mail.user;
		out->tls = c->mail.starttls == CONFIG_STARTTLS_REQUIRED ? ALERT_TLS_REQUIRED
			   : c->mail.starttls == CONFIG_STARTTLS_TRY	? ALERT_TLS_TRY
									: ALERT_TLS_OFF;
		return secret(p, &c->mail.password, &out->password, err);
	case CONFIG_WEBHOOK:
		out->type = ALERT_WEBHOOK;
		return webhook(p, c, out, err);
	case CONFIG_SYSLOG:
		out->type = ALERT_SYSLOG;
		out->url = c->syslog.address;
		out->facility = (uint8_t)c->syslog.facility;
		return 0;
	}
	return err_set(err, -1, "a channel of an unknown type");
}

static struct alert_rate rate(const struct yaml_rate *r)
{
	return (struct alert_rate){ .count = r->count, .per_ns = r->per_ns };
}

static enum alert_severity severity(int s)
{
	return s < ALERT_INFO ? ALERT_INFO : s > ALERT_HIGH ? ALERT_HIGH : (enum alert_severity)s;
}

static void rule(
	const struct alertparams *p, const struct config *c, const struct config_rule *r, struct alert_rule *out)
{
	*out = (struct alert_rule){ .name = r->name,
		.min_severity = severity(r->min_severity),
		.min_confidence = (uint8_t)r->min_confidence,
		.tenants = r->tenants.v,
		.tenants_n = r->tenants.n,
		.sensors = r->sensors.v,
		.sensors_n = r->sensors.n,
		.own = r->own.v,
		.own_n = r->own.n,
		.channels = r->channels.n ? r->channels.v : p->names,
		.channels_n = r->channels.n ? r->channels.n : c->alerts.channels.n,
		.rate = rate(&r->rate),
		.digest_ns = r->digest_ns,
		.quiet = { .from_min = r->quiet.hours.from_min,
			.to_min = r->quiet.hours.to_min,
			.except = severity(r->quiet.except),
			.on = r->quiet.hours.set } };
	for (size_t i = 0; i < r->kinds.n; i++)
		out->kinds |= 1u << r->kinds.v[i];
}

/* A name as it may stand in headers. */
static void tame(char out[254], const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	snprintf(out, 254, "%s", name && *name ? name : "local");
	for (char *c = out; *c; c++)
		if (!strchr(good, *c))
			*c = '-';
}

struct alertparams *alertparams_new(
	const struct config *c, const char *host, const char *store_id, bool secrets, struct err *err)
{
	struct alertparams *p = mem_new(sizeof *p);
	size_t channels_n = c->alerts.channels.n, rules_n = c->alerts.rules.n;
	p->secrets = secrets;
	p->p.channels_n = channels_n;
	tame(p->host, host);
	tame(p->store_id, store_id);
	p->channels = mem_new((channels_n + 1) * sizeof *p->channels);
	p->names = mem_new((channels_n + 1) * sizeof *p->names);
	p->rules = mem_new((rules_n + 1) * sizeof *p->rules);
	for (size_t i = 0; i < channels_n; i++) {
		p->names[i] = c->alerts.channels.v[i].name;
		if (channel(p, &c->alerts.channels.v[i], &p->channels[i], err) < 0) {
			err_prefix(err, -1, "channel %s", p->names[i]);
			alertparams_free(p);
			return NULL;
		}
	}
	for (size_t i = 0; i < rules_n; i++)
		rule(p, c, &c->alerts.rules.v[i], &p->rules[i]);
	const struct config_texts *alarms = &c->alerts.alarms.channels;
	p->p = (struct alert_params){ .channels = p->channels,
		.channels_n = channels_n,
		.rules = p->rules,
		.rules_n = rules_n,
		.alarm_channels = alarms->n ? alarms->v : p->names,
		.alarm_channels_n = alarms->n ? alarms->n : channels_n,
		.heartbeat = { .url = c->alerts.heartbeat.url, .every_ns = c->alerts.heartbeat.every_ns },
		.limits = { .queue_max = c->alerts.limits.pending,
			.retry_ns = c->alerts.limits.retry_ns,
			.rate = rate(&c->alerts.limits.rate) },
		.language = c->language == CONFIG_JA ? ALERT_JA : ALERT_EN,
		.store_id = p->store_id,
		.host = p->host };
	return p;
}

struct alert_params alertparams_get(const struct alertparams *p)
{
	return p->p;
}

void alertparams_free(struct alertparams *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->owned_n; i++) {
		explicit_bzero(p->owned[i], strlen(p->owned[i]));
		free(p->owned[i]);
	}
	for (size_t i = 0; i < p->p.channels_n; i++)
		free((void *)p->channels[i].headers);
	free(p->owned);
	free(p->channels);
	free(p->names);
	free(p->rules);
	free(p);
}

static int64_t or_off(int64_t ns)
{
	return ns ? ns : ALERT_WATCH_OFF;
}

struct alert_watch_limits alertparams_watch(const struct config *c)
{
	uint32_t low = (uint32_t)(c->alerts.alarms.disk * 10);
	int64_t offset = or_off(c->alerts.alarms.clock_offset_ns);
	const struct yaml_rate *r = &c->alerts.alarms.role_restarts;
	return (struct alert_watch_limits){
		.silent_ns = or_off(c->alerts.alarms.silent_ns),
		.withdrawn_ns = or_off(c->alerts.alarms.withdrawn_ns),
		.disk_low = low ? low : ALERT_WATCH_OFF32,
		.disk_full = !low	? ALERT_WATCH_OFF32
			     : low < 40 ? low / 2
					: 20,
		.offset_ns = offset,
		.unsynchronised_ns = offset == ALERT_WATCH_OFF ? ALERT_WATCH_OFF : 0,
		/* "More often than" the rate. */
		.restarts = r->count == 0 || r->count >= UINT32_MAX ? ALERT_WATCH_OFF32 : (uint32_t)r->count + 1,
		.restarts_within_ns = r->per_ns,
	};
}

const char *alertparams_tenant(const struct config *c, const char *sensor)
{
	for (size_t i = 0; i < c->sensors.n; i++)
		if (strcmp(c->sensors.v[i].name, sensor) == 0)
			return c->sensors.v[i].tenant;
	return NULL;
}

void alertparams_sent(const struct alert_mark *m, const char *tenant, struct sent *out)
{
	*out = (struct sent){ .at_ns = m->at_ns };
	snprintf(out->subject, sizeof out->subject, "%s", m->subject);
	snprintf(out->channel, sizeof out->channel, "%s", m->channel);
	snprintf(out->tenant, sizeof out->tenant, "%s", tenant ? tenant : "");
	snprintf(out->state, sizeof out->state, "%s", alert_state_name(m->state));
	snprintf(out->text, sizeof out->text, "%s %s %" PRId64 "%s%s", alert_event_name(m->event),
		alert_severity_name(m->severity), m->since_ns, m->text[0] ? ": " : "", m->text);
}

int alertparams_mark(const struct sent *s, struct alert_mark *out)
{
	char event[16], severity_word[16];
	int end = 0, event_n = -1, state_n = -1;
	int64_t since;
	if (sscanf(s->text, "%15s %15s %" SCNd64 "%n", event, severity_word, &since, &end) != 3 || !end)
		return -1;
	for (int i = ALERT_NEW; i <= ALERT_CLEARED; i++)
		if (strcmp(alert_event_name((enum alert_event)i), event) == 0)
			event_n = i;
	for (int i = ALERT_SENT; i < ALERT_STATE_N; i++)
		if (strcmp(alert_state_name((enum alert_state)i), s->state) == 0)
			state_n = i;
	int level = alert_severity_of(severity_word);
	if (event_n < 0 || state_n < 0 || level < 0)
		return -1;
	*out = (struct alert_mark){ .state = (enum alert_state)state_n,
		.event = (enum alert_event)event_n,
		.severity = (enum alert_severity)level,
		.since_ns = since,
		.at_ns = s->at_ns };
	snprintf(out->subject, sizeof out->subject, "%s", s->subject);
	snprintf(out->channel, sizeof out->channel, "%s", s->channel);
	const char *why = s->text + end;
	snprintf(out->text, sizeof out->text, "%s", strncmp(why, ": ", 2) == 0 ? why + 2 : "");
	return 0;
}

size_t alertparams_variables(const struct config *c, const char **names, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < c->alerts.channels.n; i++) {
		const struct config_channel *ch = &c->alerts.channels.v[i];
		const char *all[] = { ch->mail.password.env, ch->webhook.secret_url.env, ch->webhook.token.env };
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			if (all[k] && n < max)
				names[n++] = all[k];
	}
	return n;
}
