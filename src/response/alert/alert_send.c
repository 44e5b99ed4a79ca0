// SPDX-License-Identifier: Apache-2.0
#include "response/alert/alert_send.h"

#include "base/mem.h"

#include <curl/curl.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX   65536
#define DATAGRAM_MAX 2048 /* RFC 5424 section 6.1: receivers should take 2,048 octets */
#define CA_BUNDLE    "/etc/ssl/certs/ca-certificates.crt"
#define CONNECT_MS   10000

struct transfer {
	CURL *easy; /* NULL: idle */
	char *body;
	size_t body_n, body_at, answer_n;
	struct curl_slist *headers, *to;
	bool cut;
};

struct syslog {
	int fd; /* -1: none */
	struct sockaddr_storage addr;
	socklen_t addr_n;
};

struct alert_send {
	struct alert_send_params p;
	CURLM *multi;
	struct transfer transfers[ALERT_CHANNELS_MAX + 1];
	struct syslog syslogs[ALERT_CHANNELS_MAX];
};

int alert_global_init(struct err *err)
{
	if (gnutls_global_init() < 0)
		return err_set(err, -1, "GnuTLS can't be started");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, -1, "libcurl can't be started");
	return 0;
}

static int unix_address(struct syslog *g, const char *path, const char *name, struct err *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&g->addr;
	if (strlen(path) >= sizeof un->sun_path)
		return err_set(err, -1, "channel %s: the path of the socket is too long", name);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	g->addr_n = sizeof *un;
	return 0;
}

/* "udp://HOST:PORT", "udp://[2001:db8::1]:514" */
static int udp_address(struct syslog *g, const char *url, const char *name, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found = NULL;
	char host[256];
	const char *start = url + 6, *colon = strrchr(start, ':');
	size_t n = colon ? (size_t)(colon - start) : 0;
	if (!colon || n == 0 || n >= sizeof host || !colon[1])
		return err_set(err, -1, "channel %s: syslog takes udp://HOST:PORT or a path", name);
	if (start[0] == '[' && colon[-1] == ']') {
		start++;
		n -= 2;
	}
	memcpy(host, start, n);
	host[n] = 0;
	int code = getaddrinfo(host, colon + 1, &hints, &found);
	if (code != 0)
		return err_set(err, -1, "channel %s: the address of the syslog server can't be found: %s", name,
			gai_strerror(code));
	memcpy(&g->addr, found->ai_addr, found->ai_addrlen);
	g->addr_n = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int syslog_open(struct syslog *g, const struct alert_channel *c, struct err *err)
{
	const char *url = c->url ? c->url : "/dev/log";
	bool udp = strncmp(url, "udp://", 6) == 0;
	if (!udp && url[0] != '/')
		return err_set(err, -1, "channel %s: syslog takes udp://HOST:PORT or a path", c->name);
	if ((udp ? udp_address(g, url, c->name, err) : unix_address(g, url, c->name, err)) < 0)
		return -1;
	g->fd = socket(g->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (g->fd < 0)
		return err_set(err, -1, "channel %s: no socket: %s", c->name, strerror(errno));
	return 0;
}

struct alert_send *alert_send_new(const struct alert_send_params *p, struct err *err)
{
	struct alert_send *s = mem_new(sizeof *s);
	s->p = *p;
	for (size_t i = 0; i < ALERT_CHANNELS_MAX; i++)
		s->syslogs[i].fd = -1;
	s->multi = curl_multi_init();
	if (!s->multi) {
		err_set(err, -1, "libcurl can't be started");
		alert_send_free(s);
		return NULL;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->channels[i].type == ALERT_SYSLOG && syslog_open(&s->syslogs[i], &p->channels[i], err) < 0) {
			alert_send_free(s);
			return NULL;
		}
	}
	return s;
}

static void transfer_end(struct alert_send *s, struct transfer *t)
{
	if (t->easy) {
		curl_multi_remove_handle(s->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	for (struct curl_slist *h = t->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->to);
	free(t->body);
	memset(t, 0, sizeof *t);
}

void alert_send_free(struct alert_send *s)
{
	if (!s)
		return;
	for (size_t i = 0; i <= ALERT_CHANNELS_MAX; i++)
		transfer_end(s, &s->transfers[i]);
	for (size_t i = 0; i < ALERT_CHANNELS_MAX; i++)
		if (s->syslogs[i].fd >= 0)
			close(s->syslogs[i].fd);
	curl_multi_cleanup(s->multi);
	free(s);
}

static size_t give(char *out, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t left = t->body_n - t->body_at, take = size * n < left ? size * n : left;
	memcpy(out, t->body + t->body_at, take);
	t->body_at += take;
	return take;
}

/* Nothing of an answer is kept. Returning less than was offered ends the transfer. */
static size_t swallow(char *in, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	(void)in;
	t->answer_n += size * n;
	t->cut = t->answer_n > ANSWER_MAX;
	return t->cut ? 0 : size * n;
}

static void add_header(struct transfer *t, const char *name, const char *value)
{
	char *line = NULL;
	ENSURE(asprintf(&line, "%s: %s", name, value) > 0);
	struct curl_slist *more = curl_slist_append(t->headers, line);
	ENSURE(more != NULL);
	t->headers = more;
	explicit_bzero(line, strlen(line));
	free(line);
}

static void bearer(struct transfer *t, const char *token)
{
	char *value = NULL;
	if (!token)
		return;
	ENSURE(asprintf(&value, "Bearer %s", token) > 0);
	add_header(t, "Authorization", value);
	explicit_bzero(value, strlen(value));
	free(value);
}

/* HMAC-SHA256 (RFC 2104) over time, a full stop and the body, so that an old message can't be played again. */
static void sign(struct transfer *t, const char *key, int64_t at_ns)
{
	uint8_t mac[32];
	char hex[80] = "sha256=", seconds[32];
	gnutls_hmac_hd_t h;
	snprintf(seconds, sizeof seconds, "%lld", (long long)(at_ns / ALERT_SECOND));
	ENSURE(gnutls_hmac_init(&h, GNUTLS_MAC_SHA256, key, strlen(key)) == 0);
	ENSURE(gnutls_hmac(h, seconds, strlen(seconds)) == 0 && gnutls_hmac(h, ".", 1) == 0 &&
		gnutls_hmac(h, t->body, t->body_n) == 0);
	gnutls_hmac_deinit(h, mac);
	for (size_t i = 0; i < sizeof mac; i++)
		snprintf(hex + 7 + i * 2, 3, "%02x", mac[i]);
	add_header(t, "X-Sakimori-Timestamp", seconds);
	add_header(t, "X-Sakimori-Signature", hex);
}

#define SET(opt, value) ENSURE(curl_easy_setopt(t->easy, opt, value) == CURLE_OK)

static void common(struct alert_send *s, struct transfer *t, const char *url, const char *protocols, const char *ca)
{
	t->easy = curl_easy_init();
	ENSURE(t->easy != NULL);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* A look-up that hangs would hold up the end of its transfer, and with it everybody. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROTOCOLS_STR, protocols);
	SET(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_TIMEOUT_MS, (long)(s->p.timeout_ns / 1000000));
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(s->p.timeout_ns / ALERT_SECOND + 1));
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_WRITEFUNCTION, swallow);
	SET(CURLOPT_WRITEDATA, (void *)t);
	/* Of SMTP these are the lines of the server. */
	SET(CURLOPT_HEADERFUNCTION, swallow);
	SET(CURLOPT_HEADERDATA, (void *)t);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_PRIVATE, (void *)t);
	/* One file, no folder: else GnuTLS reads hundreds of files a connection, and trusts more than `ca`. */
	SET(CURLOPT_CAINFO, ca ? ca : CA_BUNDLE);
	SET(CURLOPT_CAPATH, NULL);
}

static void webhook(
	struct alert_send *s, struct transfer *t, const struct alert_channel *c, const struct alert_message *m)
{
	FILE *out = open_memstream(&t->body, &t->body_n);
	ENSURE(out != NULL);
	if (c->text_only) {
		struct json j;
		char *both = NULL;
		ENSURE(asprintf(&both, "%s\n%s", m->title, m->text) > 0);
		json_init(&j, out);
		json_object(&j, NULL);
		json_str(&j, "text", both);
		json_end(&j, '}');
		free(both);
	} else {
		fputs(m->json, out);
	}
	ENSURE(fclose(out) == 0);
	common(s, t, c->url, "http,https", c->ca_file);
	add_header(t, "Content-Type", "application/json");
	add_header(t, "User-Agent", "sakimori/" SAKIMORI_VERSION);
	add_header(t, "X-Sakimori-Message", m->id);
	add_header(t, "Expect", "");
	for (size_t i = 0; i < c->headers_n; i++)
		t->headers = curl_slist_append(t->headers, c->headers[i]);
	bearer(t, c->token);
	if (c->hmac_key)
		sign(t, c->hmac_key, m->at_ns);
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDS, t->body);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_n);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static void mail(struct alert_send *s, struct transfer *t, const struct alert_channel *c, const struct alert_message *m)
{
	char *url = NULL, from[300];
	static const long levels[] = { CURLUSESSL_ALL, CURLUSESSL_TRY, CURLUSESSL_NONE };
	/* The path is the name in EHLO. */
	ENSURE(asprintf(&url, "%s/%s", c->url, s->p.names.host) > 0);
	common(s, t, url, "smtp,smtps", c->ca_file);
	free(url);
	t->body = alert_mail_build(c, m, &s->p.names, &t->body_n);
	snprintf(from, sizeof from, "<%s>", c->from);
	SET(CURLOPT_MAIL_FROM, from);
	for (size_t i = 0; i < c->to_n; i++)
		t->to = curl_slist_append(t->to, c->to[i]);
	SET(CURLOPT_MAIL_RCPT, t->to);
	/* One mailbox that is gone must not silence the others. */
	SET(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
	SET(CURLOPT_USE_SSL, levels[c->tls]);
	SET(CURLOPT_UPLOAD, 1L);
	SET(CURLOPT_READFUNCTION, give);
	SET(CURLOPT_READDATA, (void *)t);
	SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body_n);
	if (c->user)
		SET(CURLOPT_USERNAME, c->user);
	if (c->password)
		SET(CURLOPT_PASSWORD, c->password);
}

/* A log daemon that was restarted has a new socket at the same path: each datagram finds its own way. */
static void syslog_send(struct alert_send *s, size_t i, const struct alert_message *m)
{
	char line[DATAGRAM_MAX], why[256] = "";
	const struct syslog *g = &s->syslogs[i];
	size_t n = alert_mail_syslog(line, sizeof line, &s->p.channels[i], m, s->p.names.host);
	ssize_t sent = sendto(g->fd, line, n, MSG_NOSIGNAL, (const struct sockaddr *)&g->addr, g->addr_n);
	if (sent < 0)
		snprintf(why, sizeof why, "%s", strerror(errno));
	s->p.done(s->p.arg, i, sent < 0 ? ALERT_RETRY : ALERT_DELIVERED, false, why);
}

void alert_send_start(struct alert_send *s, size_t channel, const struct alert_message *m)
{
	const struct alert_channel *c = &s->p.channels[channel];
	struct transfer *t = &s->transfers[channel];
	ENSURE(channel < s->p.n && !t->easy);
	if (c->type == ALERT_SYSLOG) {
		syslog_send(s, channel, m);
		return;
	}
	if (c->type == ALERT_MAIL)
		mail(s, t, c, m);
	else
		webhook(s, t, c, m);
	ENSURE(curl_multi_add_handle(s->multi, t->easy) == CURLM_OK);
}

void alert_send_beat(struct alert_send *s)
{
	struct transfer *t = &s->transfers[s->p.n];
	if (t->easy)
		return;
	common(s, t, s->p.heartbeat->url, "http,https", NULL);
	add_header(t, "User-Agent", "sakimori/" SAKIMORI_VERSION);
	bearer(t, s->p.heartbeat->token);
	SET(CURLOPT_HTTPHEADER, t->headers);
	if (s->p.heartbeat->post)
		SET(CURLOPT_POSTFIELDS, "");
	ENSURE(curl_multi_add_handle(s->multi, t->easy) == CURLM_OK);
}

bool alert_send_busy(const struct alert_send *s, size_t channel)
{
	return s->transfers[channel].easy != NULL;
}

static enum alert_result judge_http(CURLcode code, long status)
{
	if (code != CURLE_OK && code != CURLE_WRITE_ERROR && status == 0)
		return ALERT_RETRY;
	if (status >= 200 && status < 300)
		return code == CURLE_OK || code == CURLE_WRITE_ERROR ? ALERT_DELIVERED : ALERT_RETRY;
	bool later = status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
	return later ? ALERT_RETRY : ALERT_REFUSED;
}

static enum alert_result judge_mail(CURLcode code, long status)
{
	if (code == CURLE_OK)
		return ALERT_DELIVERED;
	if (code == CURLE_USE_SSL_FAILED || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_WEIRD_SERVER_REPLY)
		return ALERT_RETRY;
	return status >= 500 && status < 600 ? ALERT_REFUSED : ALERT_RETRY;
}

static void finish(struct alert_send *s, CURL *easy, CURLcode code)
{
	struct transfer *t = NULL;
	long status = 0;
	char why[256];
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	size_t channel = (size_t)(t - s->transfers);
	bool is_mail = channel < s->p.n && s->p.channels[channel].type == ALERT_MAIL;
	bool cut = t->cut;
	enum alert_result result = is_mail ? judge_mail(code, status) : judge_http(code, status);
	if (status >= 300 && status < 400 && !is_mail)
		snprintf(why, sizeof why, "it redirects (%ld), which is not followed", status);
	else
		snprintf(why, sizeof why, "%s%s (status %ld)", cut ? "answer too long, " : "",
			code == CURLE_OK || cut ? "it answers" : curl_easy_strerror(code), status);
	transfer_end(s, t);
	s->p.done(s->p.arg, channel, result, cut, result == ALERT_DELIVERED ? "" : why);
}

void alert_send_poll(struct alert_send *s)
{
	int running, left;
	CURLMsg *m;
	(void)curl_multi_perform(s->multi, &running);
	while ((m = curl_multi_info_read(s->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			finish(s, m->easy_handle, m->data.result);
}

long alert_send_timeout_ms(const struct alert_send *s)
{
	long ms = -1;
	(void)curl_multi_timeout(s->multi, &ms);
	return ms;
}

size_t alert_send_fds(const struct alert_send *s, struct pollfd *out, size_t max)
{
	fd_set in, to, bad;
	int highest = -1;
	size_t n = 0;
	FD_ZERO(&in);
	FD_ZERO(&to);
	FD_ZERO(&bad);
	(void)curl_multi_fdset(s->multi, &in, &to, &bad, &highest);
	for (int fd = 0; fd <= highest && n < max; fd++) {
		short events = (short)((FD_ISSET(fd, &in) ? POLLIN : 0) | (FD_ISSET(fd, &to) ? POLLOUT : 0));
		if (events)
			out[n++] = (struct pollfd){ .fd = fd, .events = events };
	}
	return n;
}
