// SPDX-License-Identifier: Apache-2.0
/* What one key asks of another: names that are used exist, what belongs together is there together. */
#include "role/config_impl.h"

#include <string.h>
#include <strings.h>

struct check {
	struct config *c;
	struct yaml_faults *faults;
};

static unsigned line(const struct check *k, const void *member)
{
	return yaml_line(k->c->pool, member);
}

/* Words for yaml_nearest(): as many as fit. */
struct words {
	char text[17408]; /* 256 names */
	size_t n;
};

static void word_add(struct words *w, const char *word)
{
	size_t length = strlen(word);
	if (w->n + length + 2 > sizeof w->text)
		return;
	if (w->n)
		w->text[w->n++] = '|';
	memcpy(w->text + w->n, word, length + 1);
	w->n += length;
}

static bool word_has(const struct words *w, const char *word)
{
	const char *p;
	size_t length = strlen(word);
	for (p = w->text; w->n && *p;) {
		size_t n = strcspn(p, "|");
		if (n == length && memcmp(p, word, n) == 0)
			return true;
		p += n + (p[n] == '|');
	}
	return false;
}

static void names_exist(const struct check *k, const struct config_texts *list, const struct words *w, const char *what)
{
	char nearest[96];
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] && !word_has(w, list->v[i]))
			yaml_fault(k->faults, line(k, &list->v[i]), "`%s` is no %s of this file%s", list->v[i], what,
				w->n ? yaml_nearest(nearest, list->v[i], w->text) : "");
}

static void is_new(const struct check *k, struct words *w, const char *const *name, const char *what)
{
	if (word_has(w, *name))
		yaml_fault(k->faults, line(k, name), "a second %s with the name `%s`; each has its own", what, *name);
	else
		word_add(w, *name);
}

static void sensors(const struct check *k, struct words *names)
{
	for (size_t i = 0; i < k->c->sensors.n; i++) {
		const struct config_sensor *s = &k->c->sensors.v[i];
		unsigned at = line(k, &s->name) ? line(k, &s->name) : line(k, s);
		if (word_has(names, s->name))
			yaml_fault(k->faults, at, "a second sensor with the name `%s`; each has its own", s->name);
		else
			word_add(names, s->name);
		if (s->interface && strpbrk(s->interface, "/ "))
			yaml_fault(k->faults, line(k, &s->interface), "`%s` is no name of an interface", s->interface);
		for (size_t j = 0; j < s->dark.n; j++)
			if (s->dark.v[j].from_ns >= s->dark.v[j].to_ns)
				yaml_fault(k->faults, line(k, &s->dark.v[j].from_ns),
					"`from` does not lie before `to`: the prefix would never be dark");
	}
}

/* SCHEME://HOST..., with nothing in it that belongs into a secret; not echoed, it may be one. */
static void url(const struct check *k, const char *const *text, const char *schemes, const char *key)
{
	size_t n;
	const char *w, *at = strstr(*text ? *text : "", "://");
	bool known = false;
	char *const end = at ? strpbrk(at + 3, "/?#") : NULL;
	if (!*text)
		return;
	for (const char *p = schemes; at && *p; p += n + (p[n] == '|')) {
		n = strcspn(p, "|");
		w = p;
		known = known || (n == (size_t)(at - *text) && memcmp(w, *text, n) == 0);
	}
	if (!known || !at[3] || strchr("/?#:", at[3]))
		yaml_fault(k->faults, line(k, text), "no address for `%s`; expected SCHEME://HOST with scheme %s", key,
			schemes);
	else if (memchr(at + 3, '@', end ? (size_t)(end - at - 3) : strlen(at + 3)))
		yaml_fault(
			k->faults, line(k, text), "a name or password within `%s`; they have keys of their own", key);
}

static bool is_set(const struct yaml_secret *s)
{
	return s->file || s->env;
}

/* Nothing of it leaves this machine. */
static bool stays_here(const char *address)
{
	static const char *const here[] = { "127.", "[::1]", "localhost/", "localhost:" };
	const char *host = strstr(address, "://");
	for (size_t i = 0; host && i < sizeof here / sizeof *here; i++)
		if (strncasecmp(host + 3, here[i], strlen(here[i])) == 0)
			return strncmp(here[i], "127.", 4) != 0 ||
			       strspn(host + 3, "0123456789.") == strcspn(host + 3, ":/");
	return host && strcasecmp(host + 3, "localhost") == 0;
}

static void mail(const struct check *k, const struct config_channel *c)
{
	url(k, &c->mail.server, "smtp|smtps", "server");
	if (c->mail.to.n == 0)
		yaml_fault(k->faults, line(k, &c->mail.to), "`to` is empty; expected at least one address");
	for (size_t i = 0; i < c->mail.to.n; i++)
		if (c->mail.to.v[i] && !strchr(c->mail.to.v[i], '@'))
			yaml_fault(k->faults, line(k, &c->mail.to.v[i]), "`%s` is no mail address", c->mail.to.v[i]);
	if (is_set(&c->mail.password) != (c->mail.user != NULL))
		yaml_fault(k->faults, line(k, c->mail.user ? (const void *)&c->mail.user : &c->mail.password),
			"`user` and `password` go together");
	if (c->mail.user && c->mail.starttls != CONFIG_STARTTLS_REQUIRED && strncmp(c->mail.server, "smtp:", 5) == 0 &&
		!stays_here(c->mail.server))
		yaml_fault(k->faults, line(k, &c->mail.user),
			"a password would cross the network readable; expected smtps:// or `starttls: required`");
}

static void webhook(const struct check *k, const struct config_channel *c)
{
	url(k, &c->webhook.url, "http|https", "url");
	if ((c->webhook.url != NULL) == is_set(&c->webhook.secret_url))
		yaml_fault(k->faults, line(k, c), "a webhook has either `url` or `secret-url`");
	for (size_t i = 0; i < c->webhook.headers.n; i++) {
		const struct config_header *h = &c->webhook.headers.v[i];
		if (strcasecmp(h->name, "authorization") == 0)
			yaml_fault(k->faults, line(k, &h->name), "a secret in a header; expected `token`");
	}
	if (is_set(&c->webhook.token) && c->webhook.url && strncmp(c->webhook.url, "http:", 5) == 0 &&
		!stays_here(c->webhook.url))
		yaml_fault(k->faults, line(k, &c->webhook.token),
			"a token would cross the network readable; expected https://");
}

static void channels(const struct check *k, struct words *names)
{
	for (size_t i = 0; i < k->c->alerts.channels.n; i++) {
		const struct config_channel *c = &k->c->alerts.channels.v[i];
		is_new(k, names, &c->name, "channel");
		if (c->type == CONFIG_MAIL)
			mail(k, c);
		else if (c->type == CONFIG_WEBHOOK)
			webhook(k, c);
		else if (c->syslog.address[0] != '/')
			url(k, &c->syslog.address, "udp", "address");
	}
}

static void rules(const struct check *k, const struct words *to, const struct words *sensor, const struct words *tenant)
{
	struct words names = { .n = 0 };
	for (size_t i = 0; i < k->c->alerts.rules.n; i++) {
		const struct config_rule *r = &k->c->alerts.rules.v[i];
		is_new(k, &names, &r->name, "rule");
		names_exist(k, &r->channels, to, "channel");
		names_exist(k, &r->sensors, sensor, "sensor");
		names_exist(k, &r->tenants, tenant, "tenant");
	}
	names_exist(k, &k->c->alerts.alarms.channels, to, "channel");
	url(k, &k->c->alerts.heartbeat.url, "http|https", "url");
}

static void peer(
	const struct check *k, const struct yaml_hostport *on, const struct config_peer_files *f, const char *what)
{
	const struct {
		const char *key, *value;
	} needed[] = { { "ca", f->ca }, { "certificate", f->certificate }, { "key", f->key } };
	for (size_t i = 0; on->host && i < sizeof needed / sizeof *needed; i++)
		if (!needed[i].value)
			yaml_fault(k->faults, line(k, on), "`%s` without `%s`; both sides prove who they are", what,
				needed[i].key);
}

static bool loopback(const char *host)
{
	struct addr a;
	if (strcmp(host, "localhost") == 0)
		return true;
	if (addr_parse(host, &a, NULL) < 0)
		return false;
	static const uint8_t one[16] = { [15] = 1 };
	return addr_is4(&a) ? addr_to4(&a) >> 24 == 127 : memcmp(a.b, one, sizeof one) == 0;
}

static void local_only(const struct check *k, const struct yaml_hostport *listen, bool allow)
{
	if (listen->host && !allow && !loopback(listen->host))
		yaml_fault(k->faults, line(k, listen),
			"`%s` is no loopback address; expected one, or `allow-remote: true`", listen->host);
}

void config_check(struct config *c, struct yaml_faults *faults)
{
	struct words sensor = { .n = 0 }, channel = { .n = 0 }, tenant = { .n = 0 }, user = { .n = 0 };
	struct check k = { c, faults };
	word_add(&tenant, c->network.tenant);
	for (size_t i = 0; i < c->sensors.n; i++)
		if (!word_has(&tenant, c->sensors.v[i].tenant))
			word_add(&tenant, c->sensors.v[i].tenant);
	sensors(&k, &sensor);
	channels(&k, &channel);
	rules(&k, &channel, &sensor, &tenant);
	peer(&k, &c->forward.to, &c->forward.tls, "to");
	peer(&k, &c->collect.listen, &c->collect.tls, "listen");
	local_only(&k, &c->metrics.listen, c->metrics.allow_remote);
	local_only(&k, &c->console.listen, c->console.allow_remote);
	if (!c->console.tls.certificate != !c->console.tls.key)
		yaml_fault(faults, line(&k, &c->console.tls), "a `certificate` and its `key` go together");
	if (c->analysis.timeout_ns && c->analysis.timeout_ns < 60000000000)
		yaml_fault(faults, line(&k, &c->analysis.timeout_ns), "a `timeout` below a minute; expected 0 or 1m");
	for (size_t i = 0; i < c->access.n; i++) {
		is_new(&k, &user, &c->access.v[i].user, "access");
		/* A collector keeps tenants that only its sensors elsewhere name. */
		if (!c->collect.listen.host)
			names_exist(&k, &c->access.v[i].tenants, &tenant, "tenant");
	}
}
