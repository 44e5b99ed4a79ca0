// SPDX-License-Identifier: Apache-2.0
#include "console/console_impl.h"

#include "base/mem.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a connection: the fields' 16 KiB, path and query, and what the library keeps about them. */
#define MEMORY ((size_t)48 << 10)
#define IDLE_S 10u
#define PRIORITIES                                                                                                     \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"          \
	":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-MAC-ALL:+AEAD:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"

/* ---- waiting ---- */

void serve_suspend(struct exchange *e)
{
	struct console *x = e->x;
	if (x->closing) {
		e->gone = true;
		return;
	}
	e->suspended = true;
	e->next = x->exchanges;
	e->back = &x->exchanges;
	if (e->next)
		e->next->back = &e->next;
	x->exchanges = e;
	MHD_suspend_connection(e->connection);
}

void serve_resume(struct exchange *e)
{
	if (!e->suspended)
		return;
	e->suspended = false;
	*e->back = e->next;
	if (e->next)
		e->next->back = e->back;
	MHD_resume_connection(e->connection);
}

/* A suspended connection is not read: the kernel is asked whether its client is still there. */
void serve_tick(struct console *x)
{
	static struct pollfd fds[ADMIT_ALL];
	static struct exchange *of[ADMIT_ALL];
	nfds_t n = 0;
	pthread_mutex_lock(&x->lock);
	for (struct exchange *e = x->exchanges; e && n < ADMIT_ALL; e = e->next) {
		of[n] = e;
		fds[n++] = (struct pollfd){ .fd = e->fd, .events = POLLRDHUP };
	}
	if (n && poll(fds, n, 0) > 0)
		for (nfds_t i = 0; i < n; i++)
			if (fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) {
				of[i]->gone = true;
				serve_resume(of[i]);
			}
	pthread_mutex_unlock(&x->lock);
}

/* Something of the answer is there. What is used as a whole is waited for. */
static void on_moved(struct ask *a)
{
	struct exchange *e = (struct exchange *)((char *)a - offsetof(struct exchange, ask));
	bool all = e->rq.kind == REQUEST_LIVE || e->rq.kind == REQUEST_FORM;
	if (!all || a->whole || a->lost)
		serve_resume(e);
}

/* ---- a request ---- */

struct gathering {
	struct request_field fields[REQUEST_FIELDS_MAX + 1];
	size_t n;
};

static enum MHD_Result gather(
	void *arg, enum MHD_ValueKind kind, const char *key, size_t key_n, const char *value, size_t value_n)
{
	struct gathering *g = arg;
	if (g->n > REQUEST_FIELDS_MAX)
		return MHD_NO;
	g->fields[g->n++] = (struct request_field){ { (const uint8_t *)key, key_n },
		{ (const uint8_t *)(value ? value : ""), value ? value_n : 0 } };
	return MHD_YES;
}

/*
 * The library's texts end at a NUL: what was behind it is seen by nobody, but it counts. Every ordinary client writes
 * one blank behind the colon; more of them look the same, and are refused, too.
 */
static bool hides(struct exchange *e, const struct request_head *h)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(e->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t seen = strlen(h->method) + 1 + strlen(h->target) + 1 + strlen(h->version) + 2 + 2;
	for (size_t i = 0; i < h->n; i++)
		seen += h->fields[i].name.n + 2 + h->fields[i].value.n + 2;
	return info && info->header_size > seen;
}

static int judge(struct exchange *e, const char *method, const char *version, const char **why)
{
	struct gathering g = { .n = 0 };
	MHD_get_connection_values_n(e->connection, MHD_HEADER_KIND, gather, &g);
	struct request_head h = { method, e->target, version, g.fields, g.n };
	int r = request_check(&h, &e->x->site, &e->rq, why);
	if (!r && hides(e, &h)) {
		*why = "bad-header";
		r = 400;
	}
	e->judged = r == 0;
	return r;
}

static enum MHD_Result ask(struct exchange *e)
{
	struct console *x = e->x;
	struct request *rq = &e->rq;
	pthread_mutex_lock(&x->lock);
	e->asked = true;
	e->ask.moved = on_moved;
	if (e->guest && rq->kind == REQUEST_API)
		admit_phase(e->guest, GUEST_ASKS_LONG, loop_now_ns());
	if (rq->kind == REQUEST_LIVE) {
		session_ask(e, &e->ask);
	} else {
		static _Thread_local struct call c;
		c = (struct call){ .query = rq->query,
			.body = { e->body, e->body_n },
			.proof = rq->proof,
			.same_site = rq->same_site };
		snprintf(c.method, sizeof c.method, "%s", rq->post ? "POST" : "GET");
		snprintf(c.path, sizeof c.path, "%s", rq->path);
		snprintf(c.token, sizeof c.token, "%s", rq->token);
		snprintf(c.csrf, sizeof c.csrf, "%s", rq->csrf);
		snprintf(c.language, sizeof c.language, "%s", rq->language);
		snprintf(c.peer, sizeof c.peer, "%s", e->guest ? e->guest->text : "");
		calls_put(x->calls, &e->ask, &c);
	}
	bool lost = e->ask.lost;
	if (!lost)
		serve_suspend(e);
	pthread_mutex_unlock(&x->lock);
	return lost ? answer_error(e, 503, "desk-away") : MHD_YES;
}

static enum MHD_Result act(struct exchange *e)
{
	struct console *x = e->x;
	if (e->asked) {
		pthread_mutex_lock(&x->lock);
		bool gone = e->gone;
		bool early = !e->ask.status && !e->ask.lost;
		if (early && !gone)
			serve_suspend(e);
		pthread_mutex_unlock(&x->lock);
		if (gone)
			return MHD_NO;
		if (early)
			return MHD_YES;
		return e->rq.kind == REQUEST_LIVE   ? answer_live(e)
		       : e->rq.kind == REQUEST_FORM ? answer_form(e)
						    : answer_ask(e);
	}
	return e->rq.kind == REQUEST_PAGE ? answer_asset(e) : ask(e);
}

static enum MHD_Result take_body(struct exchange *e, const char *body, size_t n)
{
	if (n > e->rq.body_n - e->body_n)
		return MHD_NO;
	if (!e->body)
		e->body = mem_new(e->rq.body_n);
	memcpy(e->body + e->body_n, body, n);
	e->body_n += n;
	return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
	const char *version, const char *body, size_t *body_n, void **own) // size-ok: libmicrohttpd's signature
{
	struct exchange *e = *own;
	const char *why;
	if (!e)
		return MHD_NO;
	if (!e->judged) {
		if (e->guest) {
			pthread_mutex_lock(&e->x->lock);
			e->guest->requests++;
			admit_phase(e->guest, GUEST_ASKS, loop_now_ns());
			pthread_mutex_unlock(&e->x->lock);
		}
		counters_add(COUNTER_REQUESTS, 1);
		int refused = judge(e, method, version, &why);
		if (refused) {
			/* Even so, an API path gets its answer in JSON. */
			e->rq.kind = strncmp(e->target, "/api/", 5) == 0 ? REQUEST_API : REQUEST_PAGE;
			return answer_error(e, (unsigned)refused, why);
		}
		return MHD_YES;
	}
	if (*body_n) {
		enum MHD_Result r = take_body(e, body, *body_n);
		*body_n = 0;
		return r;
	}
	return act(e);
}

static struct guest *guest_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static int fd_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	return info ? info->connect_fd : -1;
}

/* The target as it came, before the library looks into it. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	struct exchange *e = mem_new(sizeof *e);
	size_t n = strlen(target) + 1;
	e->x = arg;
	e->connection = c;
	e->guest = guest_of(c);
	e->fd = fd_of(c);
	e->target = mem_new(n);
	memcpy(e->target, target, n);
	return e;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **own, enum MHD_RequestTerminationCode how)
{
	struct exchange *e = *own;
	struct console *x = arg;
	if (!e)
		return;
	pthread_mutex_lock(&x->lock);
	calls_drop(x->calls, &e->ask);
	calls_drop(x->calls, &e->again);
	live_leave(&e->live);
	if (e->guest)
		admit_phase(e->guest, GUEST_RESTS, loop_now_ns());
	pthread_mutex_unlock(&x->lock);
	if (e->body)
		explicit_bzero(e->body, e->body_n);
	free(e->body);
	free(e->target);
	free(e);
	*own = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *c, void **own, enum MHD_ConnectionNotificationCode code)
{
	struct console *x = arg;
	pthread_mutex_lock(&x->lock);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		struct guest *g = admit_find(&x->admit, fd_of(c));
		if (g)
			g->known = true;
		*own = g;
	} else if (*own) {
		admit_free(*own);
		*own = NULL;
	}
	pthread_mutex_unlock(&x->lock);
}

/* ---- life ---- */

static void silent(void *arg, const char *fmt, va_list args)
{
	/* What a client does wrong is his affair. */
}

/* The path is decoded by us. */
static size_t no_unescape(void *arg, struct MHD_Connection *c, char *text)
{
	return strlen(text);
}

int serve_start(struct console *x, struct err *err)
{
	const unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
			       MHD_USE_TLS | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
	sigset_t all, before;
	/* But for a refused system call: its handler tells the number. */
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	x->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, x, MHD_OPTION_EXTERNAL_LOGGER, silent, NULL,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIT_ALL + 64, MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_URI_LOG_CALLBACK, on_target, x,
		MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, x,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, x, MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES,
		MHD_OPTION_HTTPS_MEM_CERT, x->certificate.cert.text, MHD_OPTION_HTTPS_MEM_KEY, x->certificate.key.text,
		MHD_OPTION_END);
	int why = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return x->daemon ? 0 : err_set(err, -1, "no HTTPS server: %s", strerror(why));
}

void serve_stop(struct console *x)
{
	if (!x->daemon)
		return;
	pthread_mutex_lock(&x->lock);
	x->closing = true;
	while (x->exchanges) {
		struct exchange *e = x->exchanges;
		e->gone = true;
		serve_resume(e);
	}
	pthread_mutex_unlock(&x->lock);
	MHD_stop_daemon(x->daemon);
	x->daemon = NULL;
}
