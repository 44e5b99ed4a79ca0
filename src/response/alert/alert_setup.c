// SPDX-License-Identifier: Apache-2.0
#include "response/alert/alert_impl.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/zone.h"

#include <malloc.h>
#include <stdlib.h>

#define MINUTE (60 * ALERT_SECOND)
#define HOUR   (60 * MINUTE)

static void *own_block(struct alert *a, void *p)
{
	if (a->owned_n == a->owned_room) {
		a->owned_room = a->owned_room ? 2 * a->owned_room : 64;
		a->owned = mem_grow(a->owned, a->owned_room * sizeof *a->owned);
	}
	a->owned[a->owned_n++] = p;
	return p;
}

static const char *own(struct alert *a, const char *text)
{
	if (!text)
		return NULL;
	char *copy = mem_new(strlen(text) + 1);
	memcpy(copy, text, strlen(text) + 1);
	return own_block(a, copy);
}

static const char *const *own_list(struct alert *a, const char *const *v, size_t n)
{
	const char **copy = mem_new((n + 1) * sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = own(a, v[i]);
	return own_block(a, copy);
}

static int64_t system_offset(void *arg, int64_t ns)
{
	(void)arg;
	return zone_offset_s(ns);
}

static bool is_name(const char *s)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	return s && *s && strlen(s) < ALERT_NAME_MAX && strspn(s, good) == strlen(s);
}

/* Printable ASCII without blanks: nothing that could end a line of a protocol. */
static bool is_graphic(const char *s)
{
	for (const char *c = s; *c; c++)
		if (*c <= 0x20 || *c > 0x7e)
			return false;
	return *s != 0;
}

static bool is_line(const char *s)
{
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return true;
}

/* What the scheme's name leaves over; NULL: another scheme. */
static const char *after(const char *url, const char *scheme)
{
	size_t n = strlen(scheme);
	return strncmp(url, scheme, n) == 0 ? url + n : NULL;
}

static bool is_loopback(const char *host)
{
	static const char *const names[] = { "127.0.0.1", "[::1]", "localhost" };
	size_t n = strcspn(host, "/?#");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);
		if (n >= len && memcmp(host, names[i], len) == 0 && (n == len || host[len] == ':'))
			return true;
	}
	return false;
}

/* The host's part of an address that may be used, or NULL with the reason. Addresses are never told: they may be
 * secret. */
static const char *check_url(const char *who, const char *url, const char *plain, const char *tls, struct err *err)
{
	const char *host = NULL;
	if (url && is_graphic(url) && strlen(url) < 2048)
		host = after(url, tls) ? after(url, tls) : after(url, plain);
	if (!host || strcspn(host, "/?#") == 0) {
		err_set(err, -1, "%s: the address must begin with %s or %s and a host", who, tls, plain);
		return NULL;
	}
	if (memchr(host, '@', strcspn(host, "/?#"))) {
		err_set(err, -1, "%s: no user or password in the address", who);
		return NULL;
	}
	return host;
}

static bool has_addresses(const struct alert_channel *c)
{
	if (!c->from || !alert_mail_address(c->from))
		return false;
	for (size_t i = 0; i < c->to_n; i++)
		if (!c->to[i] || !alert_mail_address(c->to[i]))
			return false;
	return c->to_n > 0;
}

static int check_mail(const struct alert_channel *c, const char *who, struct err *err)
{
	const char *host = check_url(who, c->url, "smtp://", "smtps://", err);
	if (!host)
		return -1;
	if (host[strcspn(host, "/?#")])
		return err_set(err, -1, "%s: a mail server's address has no path", who);
	if (!has_addresses(c))
		return err_set(err, -1, "%s: 'from' and 'to' must be mail addresses", who);
	if (c->password && !after(c->url, "smtps://") && c->tls != ALERT_TLS_REQUIRED && !is_loopback(host))
		return err_set(err, -1, "%s: a password needs smtps:// or STARTTLS required", who);
	if ((c->user && !is_line(c->user)) || (c->password && !is_line(c->password)))
		return err_set(err, -1, "%s: user and password can't hold control characters", who);
	return 0;
}

static int check_hook(const struct alert_channel *c, const char *who, struct err *err)
{
	const char *host = check_url(who, c->url, "http://", "https://", err);
	if (!host)
		return -1;
	if (c->token && !after(c->url, "https://") && !is_loopback(host))
		return err_set(err, -1, "%s: a token needs https://", who);
	if (c->token && !is_graphic(c->token))
		return err_set(err, -1, "%s: a token is printable ASCII", who);
	for (size_t i = 0; i < c->headers_n; i++)
		if (!c->headers[i] || !is_line(c->headers[i]) || !strchr(c->headers[i], ':') || c->headers[i][0] == ':')
			return err_set(err, -1, "%s: a header is 'Name: value'", who);
	return 0;
}

static int add_channel(struct alert *a, const struct alert_channel *c, struct err *err)
{
	char who[ALERT_NAME_MAX + 16];
	struct alert_chan *h = &a->chans[a->chans_n];
	if (!is_name(c->name))
		return err_set(err, -1, "the name of a channel is letters, digits, '.', '-' and '_'");
	snprintf(who, sizeof who, "channel %s", c->name);
	for (size_t i = 0; i < a->chans_n; i++)
		if (strcmp(a->chans[i].c.name, c->name) == 0)
			return err_set(err, -1, "%s: there are two of that name", who);
	if ((c->type == ALERT_MAIL && check_mail(c, who, err) < 0) ||
		(c->type == ALERT_WEBHOOK && check_hook(c, who, err) < 0))
		return -1;
	h->c = *c;
	h->c.name = own(a, c->name);
	h->c.url = own(a, c->url);
	h->c.ca_file = own(a, c->ca_file);
	h->c.from = own(a, c->from);
	h->c.to = own_list(a, c->to, c->to_n);
	h->c.user = own(a, c->user);
	h->c.password = own(a, c->password);
	h->c.token = own(a, c->token);
	h->c.hmac_key = own(a, c->hmac_key);
	h->c.headers = own_list(a, c->headers, c->headers_n);
	if (h->c.facility == 0 || h->c.facility > 23)
		h->c.facility = 10;
	alert_rule_bucket(&h->bucket, &c->rate);
	h->tail = &h->head;
	h->pause_ns = INT64_MIN;
	a->chans_n++;
	return 0;
}

/* Names to bits. */
static int bits_of(struct alert *a, const char *const *names, size_t n, uint64_t *bits, struct err *err)
{
	*bits = 0;
	for (size_t i = 0; i < n; i++) {
		size_t c = 0;
		while (c < a->chans_n && strcmp(a->chans[c].c.name, names[i]) != 0)
			c++;
		if (c == a->chans_n)
			return err_set(err, -1, "there is no channel '%.64s'", names[i]);
		*bits |= (uint64_t)1 << c;
	}
	return 0;
}

static int add_rule(struct alert *a, size_t i, const struct alert_rule *r, struct err *err)
{
	struct alert_rule *mine = &a->rules[i];
	*mine = *r;
	mine->name = own(a, r->name ? r->name : "rule");
	mine->tenants = own_list(a, r->tenants, r->tenants_n);
	mine->sensors = own_list(a, r->sensors, r->sensors_n);
	struct prefix *own_prefixes = own_block(a, mem_new((r->own_n + 1) * sizeof *own_prefixes));
	if (r->own_n)
		memcpy(own_prefixes, r->own, r->own_n * sizeof *own_prefixes);
	mine->own = own_prefixes;
	alert_rule_bucket(&a->rule_buckets[i], &r->rate);
	if (r->quiet.from_min >= 1440 || r->quiet.to_min >= 1440 || r->digest_ns < 0 || r->repeat_ns < 0)
		return err_set(err, -1, "rule %s: hours are 0 to 1439 minutes, times not negative", mine->name);
	if (bits_of(a, r->channels, r->channels_n, &a->rule_channels[i], err) < 0)
		return err_prefix(err, -1, "rule %s", mine->name);
	return 0;
}

static void defaults(struct alert_params *p)
{
	struct alert_limits *l = &p->limits;
	l->queue_max = l->queue_max ? l->queue_max : 10000;
	l->known_max = l->known_max ? l->known_max : 65536;
	l->retry_ns = l->retry_ns ? l->retry_ns : 24 * HOUR;
	l->backoff_ns = l->backoff_ns ? l->backoff_ns : 30 * ALERT_SECOND;
	l->backoff_max_ns = l->backoff_max_ns ? l->backoff_max_ns : HOUR;
	l->timeout_ns = l->timeout_ns ? l->timeout_ns : 30 * ALERT_SECOND;
	p->heartbeat.every_ns = p->heartbeat.every_ns ? p->heartbeat.every_ns : 5 * MINUTE;
	p->language = p->language ? p->language : ALERT_EN;
	p->offset_s = p->offset_s ? p->offset_s : system_offset;
}

static bool is_host(const char *s)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	return *s && strlen(s) < 254 && strspn(s, good) == strlen(s);
}

static int check_beat(const struct alert_heartbeat *h, struct err *err)
{
	const char *host = check_url("heartbeat", h->url, "http://", "https://", err);
	if (!host)
		return -1;
	if (h->every_ns < 0 || (h->every_ns && h->every_ns < ALERT_SECOND))
		return err_set(err, -1, "heartbeat: at least a second");
	if (h->token && (!is_graphic(h->token) || (!after(h->url, "https://") && !is_loopback(host))))
		return err_set(err, -1, "heartbeat: a token is printable ASCII and needs https://");
	return 0;
}

static int check_whole(const struct alert_params *p, struct err *err)
{
	if (p->channels_n > ALERT_CHANNELS_MAX || p->rules_n > ALERT_RULES_MAX)
		return err_set(err, -1, "at most %d channels and %d rules", ALERT_CHANNELS_MAX, ALERT_RULES_MAX);
	if ((p->host && !is_host(p->host)) || (p->store_id && !is_host(p->store_id)))
		return err_set(err, -1, "the names of host and store are letters, digits, '-' and '.'");
	if (p->console_url && !check_url("console", p->console_url, "http://", "https://", err))
		return -1;
	return p->heartbeat.url ? check_beat(&p->heartbeat, err) : 0;
}

static int start_sending(struct alert *a, struct err *err)
{
	a->send_channels = mem_new((a->chans_n + 1) * sizeof *a->send_channels);
	for (size_t i = 0; i < a->chans_n; i++)
		a->send_channels[i] = a->chans[i].c;
	struct alert_send_params p = { .channels = a->send_channels,
		.n = a->chans_n,
		.heartbeat = &a->p.heartbeat,
		.names = { a->p.store_id, a->p.host },
		.timeout_ns = a->p.limits.timeout_ns,
		.done = alert_queue_done,
		.arg = a };
	a->send = alert_send_new(&p, err);
	return a->send ? 0 : -1;
}

int alert_setup(struct alert *a, const struct alert_params *p, struct err *err)
{
	if (check_whole(p, err) < 0)
		return -1;
	a->p = *p;
	defaults(&a->p);
	a->p.console_url = own(a, p->console_url);
	a->p.store_id = own(a, p->store_id ? p->store_id : "local");
	a->p.host = own(a, p->host ? p->host : "sakimori");
	a->p.heartbeat.url = own(a, p->heartbeat.url);
	a->p.heartbeat.token = own(a, p->heartbeat.token);
	for (size_t i = 0; i < p->channels_n; i++)
		if (add_channel(a, &p->channels[i], err) < 0)
			return -1;
	a->rules = mem_new((p->rules_n + 1) * sizeof *a->rules);
	a->rule_channels = mem_new((p->rules_n + 1) * sizeof *a->rule_channels);
	a->rule_buckets = mem_new((p->rules_n + 1) * sizeof *a->rule_buckets);
	a->bundles = mem_new(((p->rules_n + 1) * a->chans_n + 1) * sizeof *a->bundles);
	for (size_t i = 0; i < p->rules_n; i++)
		if (add_rule(a, i, &p->rules[i], err) < 0)
			return -1;
	if (bits_of(a, p->alarm_channels, p->alarm_channels_n, &a->alarm_channels, err) < 0)
		return err_prefix(err, -1, "alarms");
	alert_rule_bucket(&a->bucket, &p->limits.rate);
	alert_memory_init(&a->memory, a->p.limits.known_max, random_key());
	a->beat_ns = INT64_MIN;
	return p->deliver ? 0 : start_sending(a, err);
}

void alert_setup_free(struct alert *a)
{
	alert_send_free(a->send);
	for (size_t i = 0; i < a->owned_n; i++) {
		/* Texts and lists alike: by what was allocated. */
		explicit_bzero(a->owned[i], malloc_usable_size(a->owned[i]));
		free(a->owned[i]);
	}
	free(a->owned);
	free(a->send_channels);
	free(a->rules);
	free(a->rule_channels);
	free(a->rule_buckets);
	free(a->bundles);
	alert_memory_fini(&a->memory);
}
