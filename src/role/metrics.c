// SPDX-License-Identifier: Apache-2.0
/*
 * The metrics role: the counters of all roles over HTTP, to whoever may connect. Everything is open before it is
 * sealed: the socket, the pages. One request a connection; a connection has a fixed time in all, a shorter one when all
 * are taken, so that slow clients can't keep out the one that counts.
 */
#include "role/members.h"

#include "base/mem.h"
#include "role/metricstext.h"
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 32
#define MEMORY	    ((size_t)8 << 10) /* of each: request line and headers */
#define IDLE_S	    3u
#define DEADLINE_NS INT64_C(5000000000) /* of a connection, whatever it does */
#define FULL_NS	    INT64_C(1000000000) /* when all are taken */
#define TICK_MS	    250
#define BACKLOG	    64

struct client {
	int fd; /* -1: free */
	int64_t since_ns;
};

struct metrics {
	struct member *m;
	int listener;
	struct MHD_Daemon *daemon;
	struct status_reader *pages;
	struct status *status; /* read anew for each answer */
	struct status_finding *findings;
	struct client clients[CONNECTIONS];
	bool local; /* only names of this host are answered */
};

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned code, const char *type, void *text, size_t n,
	enum MHD_ResponseMemoryMode mode)
{
	static const char *const fixed[][2] = { { MHD_HTTP_HEADER_CONNECTION, "close" },
		{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" }, { "X-Content-Type-Options", "nosniff" },
		{ "Content-Security-Policy", "default-src 'none'" } };
	struct MHD_Response *r = MHD_create_response_from_buffer(n, text, mode);
	if (!r) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		MHD_add_response_header(r, fixed[i][0], fixed[i][1]);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result done = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	counters_add(COUNTER_REQUESTS, 1);
	return done;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned code, const char *text)
{
	return answer(c, code, "text/plain; charset=utf-8", (void *)text, strlen(text), MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer_metrics(struct metrics *x, struct MHD_Connection *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	if (!f)
		return answer_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory\n");
	metricstext_write(f, x->status);
	fclose(f);
	return answer(c, MHD_HTTP_OK, METRICSTEXT_TYPE, text, n, MHD_RESPMEM_MUST_FREE);
}

/* Whether it is well, and not why: that is for who may read the store. */
static enum MHD_Result answer_health(struct metrics *x, struct MHD_Connection *c)
{
	size_t n = status_judge(x->status, NULL, x->findings);
	if (n && x->findings[0].weight == STATUS_WRONG)
		return answer_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, "something is wrong: sakimori run --status\n");
	return answer_text(c, MHD_HTTP_OK, "well\n");
}

/* A page of another site whose name was made to point here must not read along. */
static bool meant_for_us(const struct metrics *x, struct MHD_Connection *c)
{
	char host[256];
	struct in6_addr a;
	const char *h = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	if (!x->local || !h)
		return true;
	snprintf(host, sizeof host, "%s", h[0] == '[' ? h + 1 : h);
	host[strcspn(host, h[0] == '[' ? "]" : ":")] = '\0';
	return strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, &a) == 1 ||
	       inet_pton(AF_INET6, host, &a) == 1;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
	const char *version, const char *body, size_t *body_n, void **own) // size-ok: libmicrohttpd's signature
{
	static const char index[] = "sakimori: /metrics (OpenMetrics 1.0), /healthz (200 or 503)\n";
	struct metrics *x = arg;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (!meant_for_us(x, c))
		return answer_text(c, MHD_HTTP_FORBIDDEN, "Host is no address of this machine\n");
	bool metrics = strcmp(url, "/metrics") == 0, health = strcmp(url, "/healthz") == 0;
	if (metrics || health)
		status_read(x->pages, x->status, true);
	if (metrics)
		return answer_metrics(x, c);
	if (health)
		return answer_health(x, c);
	return strcmp(url, "/") == 0 ? answer_text(c, MHD_HTTP_OK, index)
				     : answer_text(c, MHD_HTTP_NOT_FOUND, "there is / and /metrics and /healthz\n");
}

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *c, void **own, enum MHD_ConnectionNotificationCode code)
{
	struct metrics *x = arg;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		struct client *k = *own;
		if (k)
			k->fd = -1;
		return;
	}
	for (size_t i = 0; i < CONNECTIONS && info; i++)
		if (x->clients[i].fd < 0) {
			x->clients[i] = (struct client){ info->connect_fd, loop_now_ns() };
			*own = &x->clients[i];
			return;
		}
}

static void work(struct metrics *x)
{
	MHD_UNSIGNED_LONG_LONG wait;
	/* What it could not finish at once it wants to be called again for. */
	for (int i = 0; i < 64; i++) {
		MHD_run(x->daemon);
		if (MHD_get_timeout(x->daemon, &wait) != MHD_YES || wait > 0)
			break;
	}
}

static void on_ready(void *arg, int fd, short events)
{
	work(arg);
}

static void on_tick(void *arg)
{
	struct metrics *x = arg;
	int64_t now = loop_now_ns();
	size_t taken = 0;
	for (size_t i = 0; i < CONNECTIONS; i++)
		taken += x->clients[i].fd >= 0;
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (x->clients[i].fd >= 0 &&
			now - x->clients[i].since_ns > (taken == CONNECTIONS ? FULL_NS : DEADLINE_NS))
			shutdown(x->clients[i].fd, SHUT_RDWR);
	work(x);
}

/* ---- life ---- */

static int listen_at(struct metrics *x, struct err *err)
{
	const struct yaml_hostport *at = &x->m->config->metrics.listen;
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *a;
	char port[8];
	int on = 1;
	snprintf(port, sizeof port, "%u", at->port);
	const char *host = strcmp(at->host, "localhost") == 0 ? "127.0.0.1" : at->host;
	if (getaddrinfo(host, port, &hints, &a) != 0)
		return err_set(
			err, -1, "metrics.listen: %s is no address of this machine; expected one, or off", at->host);
	const struct sockaddr_in *v4 = (void *)a->ai_addr;
	const struct sockaddr_in6 *v6 = (void *)a->ai_addr;
	bool loopback = a->ai_family == AF_INET ? ntohl(v4->sin_addr.s_addr) >> 24 == 127
						: IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	x->local = !x->m->config->metrics.allow_remote;
	if (x->local && !loopback) {
		freeaddrinfo(a);
		return err_set(err, -1,
			"metrics.listen: %s is no loopback address; with metrics.allow-remote: true it may be",
			at->host);
	}
	x->listener = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;
	if (x->listener < 0 || setsockopt(x->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		bind(x->listener, a->ai_addr, a->ai_addrlen) != 0 || listen(x->listener, BACKLOG) != 0)
		r = err_set(err, -1,
			"metrics.listen: %s port %s: %s; choose another address by that key of the configuration, or "
			"off",
			at->host, port, strerror(errno));
	freeaddrinfo(a);
	return r;
}

static int metrics_open(struct member *m, struct err *err)
{
	struct metrics *x = mem_new(sizeof *x);
	x->m = m;
	x->listener = -1;
	for (size_t i = 0; i < CONNECTIONS; i++)
		x->clients[i].fd = -1;
	m->state = x;
	x->status = mem_new(sizeof *x->status);
	x->findings = mem_new(STATUS_FINDINGS * sizeof *x->findings);
	x->pages = status_open(m->options.store, err);
	return x->pages ? listen_at(x, err) : -1;
}

static void silent(void *arg, const char *fmt, va_list args)
{
	/* What a client does wrong is his affair. */
}

static int metrics_ready(struct member *m, struct err *err)
{
	struct metrics *x = m->state;
	tzset(); /* files are out of reach from now on */
	x->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, x,
		MHD_OPTION_EXTERNAL_LOGGER, silent, NULL, MHD_OPTION_LISTEN_SOCKET, x->listener,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_NOTIFY_CONNECTION, on_connection, x, MHD_OPTION_END);
	const union MHD_DaemonInfo *info = x->daemon ? MHD_get_daemon_info(x->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return err_set(err, -1, "no HTTP server: %s", strerror(errno));
	loop_add(m->loop, info->epoll_fd, POLLIN, on_ready, x);
	loop_timer(m->loop, TICK_MS, on_tick, x);
	return 0;
}

static void metrics_close(struct member *m)
{
	struct metrics *x = m->state;
	if (x->daemon)
		MHD_stop_daemon(x->daemon); /* and the listener */
	status_close(x->pages);
	free(x->status);
	free(x->findings);
	free(x);
}

const struct member_role metrics_role = {
	.open = metrics_open,
	.ready = metrics_ready,
	.close = metrics_close,
};
