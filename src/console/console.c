// SPDX-License-Identifier: Apache-2.0
#include "console/console.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "console/console_impl.h"
#include "console/livemap.h"
#include "console/sessionjson.h"
#include "know/knowing.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG	       1024
#define ACCEPT_TURN    64 /* connections before others of the loop get their turn */
#define TICK_MS	       250
#define CERTIFICATE_MS 60000

/* ---- accepting ---- */

/* Full, or no descriptor left: whoever waits is taken when there is room again. */
static void take_one(struct console *x, int fd, const struct sockaddr *from, socklen_t n)
{
	int on = 1;
	pthread_mutex_lock(&x->lock);
	struct guest *g = admit_one(&x->admit, fd, from, loop_now_ns());
	pthread_mutex_unlock(&x->lock);
	if (!g) {
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (MHD_add_connection(x->daemon, fd, from, n) == MHD_YES)
		return;
	pthread_mutex_lock(&x->lock);
	if (g->fd == fd && !g->known)
		admit_free(g);
	pthread_mutex_unlock(&x->lock);
}

static void on_accept(void *arg, int fd, short events)
{
	struct console *x = arg;
	for (int i = 0; i < ACCEPT_TURN; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t n = sizeof from;
		int peer = accept4(fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (peer < 0)
			return;
		take_one(x, peer, (struct sockaddr *)&from, n);
	}
}

static bool loopback(const struct sockaddr *a)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;
	return a->sa_family == AF_INET ? ntohl(v4->sin_addr.s_addr) >> 24 == 127
				       : a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int listen_at(struct console *x, struct err *err)
{
	const struct yaml_hostport *at = &x->m->config->console.listen;
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *a;
	char port[8];
	int on = 1, r = 0;
	snprintf(port, sizeof port, "%u", at->port);
	if (getaddrinfo(strcmp(at->host, "localhost") == 0 ? "127.0.0.1" : at->host, port, &hints, &a) != 0)
		return err_set(
			err, -1, "console.listen: %s is no address of this machine; expected one, or off", at->host);
	if (!x->m->config->console.allow_remote && !loopback(a->ai_addr)) {
		freeaddrinfo(a);
		return err_set(err, -1,
			"console.listen: %s is no loopback address; with console.allow-remote: true it may be",
			at->host);
	}
	x->listener = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x->listener < 0 || setsockopt(x->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		bind(x->listener, a->ai_addr, a->ai_addrlen) != 0 || listen(x->listener, BACKLOG) != 0)
		r = err_set(err, -1,
			"console.listen: %s port %s: %s; choose another address by that key of the configuration, or "
			"off",
			at->host, port, strerror(errno));
	freeaddrinfo(a);
	return r;
}

/* A service manager opened it, and the supervisor handed it on. */
static bool handed_over(struct console *x)
{
	int listening = 0;
	socklen_t n = sizeof listening;
	if (getsockopt(MEMBER_FREE, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0 || !listening)
		return false;
	x->listener = MEMBER_FREE;
	int flags = fcntl(x->listener, F_GETFL);
	return flags >= 0 && fcntl(x->listener, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* ---- the certificate ---- */

static void add_host(struct keys_hosts *hosts, struct request_site *site, const char *name)
{
	bool there = false;
	for (size_t i = 0; i < hosts->n; i++)
		there = there || strcasecmp(hosts->v[i], name) == 0;
	if (name[0] && !there && hosts->n < KEYS_HOSTS_MAX)
		snprintf(hosts->v[hosts->n++], KEYS_HOST_SIZE, "%s", name);
	request_site_add(site, name);
}

static void names(struct console *x, struct keys_hosts *hosts)
{
	const struct config *c = x->m->config;
	char host[256] = "";
	*hosts = (struct keys_hosts){ .n = 0 };
	add_host(hosts, &x->site, "localhost");
	add_host(hosts, &x->site, "127.0.0.1");
	add_host(hosts, &x->site, "::1");
	for (size_t i = 0; i < c->console.names.n; i++)
		add_host(hosts, &x->site, c->console.names.v[i]);
	x->site.any_address =
		strcmp(c->console.listen.host, "0.0.0.0") == 0 || strcmp(c->console.listen.host, "::") == 0;
	if (!x->site.any_address)
		add_host(hosts, &x->site, c->console.listen.host);
	if (gethostname(host, sizeof host - 1) == 0)
		add_host(hosts, &x->site, host);
	snprintf(x->site.language, sizeof x->site.language, "%s", c->language == CONFIG_JA ? "ja" : "en");
}

static void tell_certificate(struct console *x)
{
	char until[TEXT_TIME_MAX];
	const struct certificate *c = &x->certificate;
	int64_t now_s = loop_clock_ns() / 1000000000;
	text_time(until, c->ends_s * 1000000000);
	if (certificate_state(c, now_s) == CERTIFICATE_OVER)
		member_note("the certificate ended on %.10s: replace it (console.tls)", until);
	else
		member_note("certificate until %.10s, SHA-256 %s", until, c->print);
}

/* Our own is made anew by beginning anew; a given one that is replaced is the supervisor's to notice. */
static void on_certificate(void *arg)
{
	struct console *x = arg;
	tell_certificate(x);
	if (certificate_state(&x->certificate, loop_clock_ns() / 1000000000) == CERTIFICATE_RENEW)
		member_end(x->m, MEMBER_AGAIN);
}

static int get_certificate(struct console *x, struct err *err)
{
	struct keys_hosts hosts;
	const struct config *c = x->m->config;
	names(x, &hosts);
	struct certificate_want want = { .certificate = c->console.tls.certificate,
		.key = c->console.tls.key,
		.store = x->m->options.store,
		.hosts = &hosts,
		.now_s = loop_clock_ns() / 1000000000 };
	if (certificate_load(&x->certificate, &want, err) < 0)
		return -1;
	member_say(x->m, "%s https://%s:%u/, SHA-256 of the %scertificate %s",
		x->listener == MEMBER_FREE ? "handed over for" : "listens at", c->console.listen.host,
		c->console.listen.port, x->certificate.made ? "new " : "", x->certificate.print);
	tell_certificate(x);
	return 0;
}

/* ---- peers ---- */

static void tell_state(struct console *x)
{
	char text[128];
	snprintf(text, sizeof text, "{\"keeper\":%s,\"desk\":%s}", x->keeper ? "true" : "false",
		calls_there(x->calls) ? "true" : "false");
	live_state(x->live, text);
}

static void on_keeper(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct console *x = arg;
	if (fd >= 0)
		close(fd);
	pthread_mutex_lock(&x->lock);
	int r = livefeed_take(x->live, &x->own, m);
	pthread_mutex_unlock(&x->lock);
	if (r < 0)
		channel_refused();
}

static void on_keeper_closed(void *arg, struct channel *c, const char *why)
{
	struct console *x = arg;
	channel_free(c);
	x->keeper_channel = NULL;
	pthread_mutex_lock(&x->lock);
	x->keeper = false;
	tell_state(x);
	pthread_mutex_unlock(&x->lock);
}

static void on_glimpse(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct console *x = arg;
	unsigned sensor = 0;
	if (fd >= 0)
		close(fd);
	while (sensor < CONFIG_SENSORS_MAX && x->captures[sensor] != c)
		sensor++;
	if (sensor == CONFIG_SENSORS_MAX || livemap_message(x->map, sensor, m) < 0)
		channel_refused();
}

/* One text for all who may see the same sensors. */
static void tell_map(struct console *x)
{
	uint64_t masks[LIVE_CLIENTS];
	uint64_t seen = livemap_turn(x->map);
	struct message_buf json = { 0 };
	counters_set(COUNTER_GLIMPSES_LOST, livemap_counts(x->map).dropped);
	if (!seen)
		return;
	pthread_mutex_lock(&x->lock);
	size_t n = live_masks(x->live, masks, LIVE_CLIENTS);
	for (size_t i = 0; i < n; i++) {
		json.n = 0;
		if ((masks[i] & seen) && livemap_event(x->map, masks[i], &json))
			live_map(x->live, masks[i], (const char *)json.p, json.n);
	}
	pthread_mutex_unlock(&x->lock);
	free(json.p);
}

static void on_capture_closed(void *arg, struct channel *c, const char *why)
{
	struct console *x = arg;
	for (size_t i = 0; i < CONFIG_SENSORS_MAX; i++)
		if (x->captures[i] == c)
			x->captures[i] = NULL;
	channel_free(c);
}

static void console_edge(struct member *m, enum role_id peer, unsigned index, int fd)
{
	struct console *x = m->state;
	struct channel_handler keeper = { .arg = x, .message = on_keeper, .closed = on_keeper_closed };
	struct channel_handler capture = { .arg = x, .message = on_glimpse, .closed = on_capture_closed };
	if (peer == ROLE_DESK) {
		calls_desk(x->calls, fd);
	} else if (peer == ROLE_KEEPER) {
		channel_free(x->keeper_channel);
		x->keeper_channel = member_channel(m, peer, fd, &keeper, 0);
		x->keeper = true;
	} else if (peer == ROLE_CAPTURE && index < CONFIG_SENSORS_MAX) {
		channel_free(x->captures[index]);
		x->captures[index] = member_channel(m, peer, fd, &capture, 0);
	} else {
		close(fd);
		return;
	}
	pthread_mutex_lock(&x->lock);
	tell_state(x);
	pthread_mutex_unlock(&x->lock);
}

/* ---- life ---- */

static void take_own(struct console *x)
{
	const struct config *c = x->m->config;
	size_t n = 0;
	for (size_t i = 0; i < c->sensors.n; i++)
		n += c->sensors.v[i].own.n;
	x->own.v = mem_new((n + 1) * sizeof *x->own.v);
	for (size_t i = 0; i < c->sensors.n; i++)
		for (size_t k = 0; k < c->sensors.v[i].own.n; k++)
			x->own.v[x->own.n++] = c->sensors.v[i].own.v[k];
}

static int console_open(struct member *m, struct err *err)
{
	struct console *x = mem_new(sizeof *x);
	const char *sensors[CONFIG_SENSORS_MAX];
	size_t n = 0;
	x->m = m;
	x->listener = -1;
	m->state = x;
	ENSURE(pthread_mutex_init(&x->lock, NULL) == 0);
	admit_init(&x->admit);
	x->calls = calls_new(m, &x->lock);
	x->live = live_new((uint32_t)random_key());
	for (; n < m->config->sensors.n && n < CONFIG_SENSORS_MAX; n++)
		sensors[n] = m->config->sensors.v[n].name;
	live_sensors(x->live, sensors, n);
	take_own(x);
	x->map = livemap_new(&(struct livemap_params){ sensors, n, &x->knows, random_key() });
	if (!handed_over(x) && listen_at(x, err) < 0)
		return -1;
	return get_certificate(x, err);
}

static void on_tick(void *arg)
{
	struct console *x = arg;
	tell_map(x);
	serve_tick(x);
	session_tick(x);
	calls_tick(x->calls);
	pthread_mutex_lock(&x->lock);
	admit_tick(&x->admit, loop_now_ns());
	live_tick(x->live, live_now());
	pthread_mutex_unlock(&x->lock);
}

static int console_ready(struct member *m, struct err *err)
{
	struct console *x = m->state;
	const struct config_texts *geo = &m->config->analysis.geo;
	struct knowing_params p = { .geo = { geo->v, geo->n } };
	if (knowing_open(&x->knows, &p, err) < 0)
		return -1;
	sessionjson_init();
	tzset(); /* files are out of reach from now on */
	/* For the server's thread, too: it is there before the rest is sealed. */
	if (!m->options.no_sandbox && sandbox_files(NULL, err) < 0)
		return -1;
	int r = serve_start(x, err);
	certificate_forget(&x->certificate);
	if (r < 0)
		return -1;
	calls_begin(x->calls);
	loop_add(m->loop, x->listener, POLLIN, on_accept, x);
	loop_timer(m->loop, TICK_MS, on_tick, x);
	loop_timer(m->loop, CERTIFICATE_MS, on_certificate, x);
	return 0;
}

static void console_close(struct member *m)
{
	struct console *x = m->state;
	serve_stop(x);
	calls_free(x->calls);
	channel_free(x->keeper_channel);
	for (size_t i = 0; i < CONFIG_SENSORS_MAX; i++)
		channel_free(x->captures[i]);
	live_free(x->live);
	livemap_free(x->map);
	knowing_close(&x->knows);
	free(x->own.v);
	if (x->listener >= 0)
		close(x->listener);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

const struct member_role console_role = {
	.open = console_open,
	.edge = console_edge,
	.ready = console_ready,
	.close = console_close,
};
