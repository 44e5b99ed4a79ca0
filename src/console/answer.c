// SPDX-License-Identifier: Apache-2.0
#include "console/console_impl.h"

#include "console/assets.h"
#include "console/sessionjson.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 16384u /* of a streamed answer */

static const char *const fixed[][2] = {
	{ "Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src "
		"'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
		"require-trusted-types-for 'script'; trusted-types 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()" },
	{ "Strict-Transport-Security", "max-age=31536000" },
};

static void dress(struct MHD_Response *r, const char *type, const char *cache)
{
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		MHD_add_response_header(r, fixed[i][0], fixed[i][1]);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, cache);
	if (type)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
}

static enum MHD_Result queue(struct exchange *e, unsigned status, struct MHD_Response *r)
{
	if (!r)
		return MHD_NO;
	if (e->guest && e->guest->requests >= ADMIT_REQUESTS)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	e->answered = true;
	enum MHD_Result done = MHD_queue_response(e->connection, status, r);
	MHD_destroy_response(r);
	return done;
}

/* ---- refusals ---- */

static const char *in_words(unsigned status)
{
	switch (status) {
	case 404:
		return "there is no such page";
	case 405:
		return "only GET, HEAD and POST";
	case 421:
		return "the console is not known by this name: console.names";
	case 503:
		return "the desk is away";
	default:
		return MHD_get_reason_phrase_for(status);
	}
}

enum MHD_Result answer_error(struct exchange *e, unsigned status, const char *code)
{
	char text[512];
	bool api = e->rq.kind != REQUEST_PAGE;
	const char *words = in_words(status);
	int n = api ? snprintf(text, sizeof text, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, words)
		    : snprintf(text, sizeof text,
			      "<!doctype html><meta charset=\"utf-8\"><title>%u</title><h1>%u</h1><p>%s</p><p><a "
			      "href=\"/\">sakimori</a></p>\n",
			      status, status, words);
	struct MHD_Response *r = MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	dress(r, api ? "application/json" : "text/html; charset=utf-8", "no-store");
	if (status == 405)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD, POST");
	if (status == 401)
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (status == 503)
		MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "2");
	/* Where the next request begins is uncertain, or what comes is no good. */
	if (!e->judged || status == 413 || status == 421)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	return queue(e, status, r);
}

/* ---- pages ---- */

static const struct asset *asset_of(const char *path)
{
	for (size_t i = 0; i < assets_n; i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}

/* Every page is the same file; what it shows is the path's. */
static const char *page_file(const char *path)
{
	static const char *const pages[] = { "/", "/now", "/explore", "/sources", "/findings", "/own", "/cases",
		"/reports", "/system", "/help" };
	static const char *const below[] = { "/sources/", "/findings/", "/cases/" };
	if (strcmp(path, "/login") == 0)
		return asset_of("/login.html") ? "/login.html" : "/index.html";
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (strcmp(path, pages[i]) == 0)
			return "/index.html";
	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		size_t n = strlen(below[i]);
		if (strncmp(path, below[i], n) == 0 && path[n] && !strchr(path + n, '/'))
			return "/index.html";
	}
	return strncmp(path, "/assets/", 8) == 0 || strcmp(path, "/favicon.ico") == 0 ||
			       strcmp(path, "/robots.txt") == 0
		       ? path
		       : NULL;
}

enum MHD_Result answer_asset(struct exchange *e)
{
	const char *file = page_file(e->rq.path);
	const struct asset *a = file ? asset_of(file) : NULL;
	if (!a)
		return answer_error(e, 404, "not-found");
	const uint8_t *p = a->plain;
	size_t n = a->plain_n;
	const char *coding = NULL;
	if (e->rq.br && a->br) {
		p = a->br;
		n = a->br_n;
		coding = "br";
	} else if (e->rq.gzip && a->gzip) {
		p = a->gzip;
		n = a->gzip_n;
		coding = "gzip";
	}
	struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)p, MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO;
	dress(r, a->type, a->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
	if (coding)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING, coding);
	return queue(e, 200, r);
}

/* ---- the desk's ---- */

static bool plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* A cookie's value, in letters that need no quotes. */
static bool sound(const char *token)
{
	return token[0] &&
	       token[strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")] == '\0';
}

static void dress_session(struct MHD_Response *r, const struct ask *a)
{
	char cookie[256];
	if (strcmp(a->session, "-") == 0)
		snprintf(cookie, sizeof cookie,
			REQUEST_COOKIE "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
	else if (sound(a->session))
		snprintf(cookie, sizeof cookie, REQUEST_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict",
			a->session);
	else
		return;
	MHD_add_response_header(r, MHD_HTTP_HEADER_SET_COOKIE, cookie);
}

static void dress_ask(struct MHD_Response *r, const struct ask *a)
{
	char name[sizeof a->name], text[sizeof a->name + 64];
	dress(r, a->type[0] && plain(a->type) ? a->type : NULL, "no-store");
	dress_session(r, a);
	if (a->status == 401)
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (!a->name[0])
		return;
	size_t i = 0;
	for (; a->name[i]; i++) {
		char c = a->name[i];
		bool good =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("._-", c);
		name[i] = good ? c : '_';
	}
	name[i] = '\0';
	snprintf(text, sizeof text, "attachment; filename=\"%s\"", name);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_DISPOSITION, text);
}

static ssize_t read_ask(void *arg, uint64_t pos, char *buf, size_t most)
{
	struct exchange *e = arg;
	ssize_t r = 0;
	pthread_mutex_lock(&e->x->lock);
	r = (ssize_t)calls_take(e->x->calls, &e->ask, buf, most);
	if (r == 0) {
		if (e->ask.whole)
			r = MHD_CONTENT_READER_END_OF_STREAM;
		else if (e->ask.lost || e->gone)
			r = MHD_CONTENT_READER_END_WITH_ERROR;
		else
			serve_suspend(e);
	}
	pthread_mutex_unlock(&e->x->lock);
	return r;
}

static struct MHD_Response *whole_answer(struct exchange *e)
{
	size_t n = e->ask.queued;
	char *text = malloc(n + 1);
	if (!text)
		return NULL;
	n = calls_take(e->x->calls, &e->ask, text, n);
	struct MHD_Response *r = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
	if (!r)
		free(text);
	return r;
}

enum MHD_Result answer_ask(struct exchange *e)
{
	pthread_mutex_lock(&e->x->lock);
	struct ask *a = &e->ask;
	unsigned status = a->lost ? 0 : a->status;
	struct MHD_Response *r = NULL;
	if (status && a->whole)
		r = whole_answer(e);
	else if (status)
		r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_ask, e, NULL);
	if (r)
		dress_ask(r, a);
	pthread_mutex_unlock(&e->x->lock);
	return status ? queue(e, status, r) : answer_error(e, 503, "desk-away");
}

enum MHD_Result answer_form(struct exchange *e)
{
	pthread_mutex_lock(&e->x->lock);
	struct ask a = e->ask;
	calls_drop(e->x->calls, &e->ask);
	pthread_mutex_unlock(&e->x->lock);
	if (a.lost || !a.status)
		return answer_error(e, 503, "desk-away");
	struct MHD_Response *r = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO;
	dress(r, NULL, "no-store");
	if (a.status == 200)
		dress_session(r, &a);
	MHD_add_response_header(r, MHD_HTTP_HEADER_LOCATION, a.status == 200 ? "/" : "/login?failed=1");
	return queue(e, 303, r);
}

/* ---- live ---- */

static ssize_t read_live(void *arg, uint64_t pos, char *buf, size_t most)
{
	struct exchange *e = arg;
	bool ended;
	pthread_mutex_lock(&e->x->lock);
	ssize_t r = (ssize_t)live_take(&e->live, buf, most, live_now(), &ended);
	if (ended)
		r = MHD_CONTENT_READER_END_OF_STREAM;
	else if (e->gone)
		r = MHD_CONTENT_READER_END_WITH_ERROR;
	else if (r == 0)
		serve_suspend(e);
	pthread_mutex_unlock(&e->x->lock);
	return r;
}

/* `?after=` is for clients that can't set a field. */
static void last_event(const struct exchange *e, char out[64])
{
	static const char key[] = "after=";
	struct bytes q = e->rq.query;
	snprintf(out, 64, "%s", e->rq.last_event);
	if (!out[0] && q.n > sizeof key - 1 && q.n < 64 + sizeof key - 1 && memcmp(q.p, key, sizeof key - 1) == 0)
		snprintf(out, 64, "%.*s", (int)(q.n - sizeof key + 1), (const char *)q.p + sizeof key - 1);
}

enum MHD_Result answer_live(struct exchange *e)
{
	struct console *x = e->x;
	struct live_view view = { 0 };
	char last[64];
	if (e->ask.lost || e->ask.status != 200)
		return answer_ask(e);
	if (e->rq.head) {
		struct MHD_Response *h = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
		if (h)
			dress(h, "text/event-stream", "no-store");
		return queue(e, 200, h);
	}
	last_event(e, last);
	pthread_mutex_lock(&x->lock);
	size_t n = e->ask.queued;
	char *text = malloc(n + 1);
	bool good = text && calls_take(x->calls, &e->ask, text, n) == n && sessionjson_parse(text, n, &view) == 0;
	free(text);
	e->live.wake = (void (*)(void *))serve_resume;
	e->live.arg = e;
	bool room = good && live_join(x->live, &e->live, view, last);
	e->checked_ns = live_now();
	if (room && e->guest)
		admit_phase(e->guest, GUEST_LIVE, e->checked_ns);
	pthread_mutex_unlock(&x->lock);
	if (!good)
		return answer_error(e, 503, "desk-away");
	if (!room)
		return answer_error(e, 503, "too-many");
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_live, e, NULL);
	if (!r)
		return MHD_NO;
	dress(r, "text/event-stream", "no-store");
	MHD_set_connection_option(e->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	return queue(e, 200, r);
}
