// SPDX-License-Identifier: Apache-2.0
#include "role/tlslink.h"

#include "base/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define RECORD	 16384u
#define TURN	 16 /* records read before others get their turn */
#define CHAIN	 6  /* certificates */
#define KEY_BITS 8192
#define IDLE_S	 30 /* then the kernel asks whether the peer is there */
#define DEAD_MS	 60000

struct tlslink_keys {
	gnutls_certificate_credentials_t cred;
	gnutls_priority_t priority;
	bool server;
	char names[TLSLINK_NAMES][64];
	size_t names_n;
};

struct tlslink {
	struct tlslink_params p;
	gnutls_session_t session;
	bool connecting, up, closed, paused, busy, gone;
	bool partly; /* the last record was encrypted, but not all of it sent */
	bool again;  /* there is more to do than poll(2) knows of */
	char names[TLSLINK_NAMES][64];
	size_t names_n;
	char refused[160]; /* why the certificate is */
	uint8_t *in;
	size_t in_n;
	struct message_buf out;
	size_t out_at;
	int64_t begun_ns, moved_ns;
};

static void on_event(void *arg, int fd, short events);

/* ---- names ---- */

static void add_name(char names[][64], size_t *n, const char *text, size_t len)
{
	if (*n < TLSLINK_NAMES && len > 0 && len < 64 && !memchr(text, 0, len)) {
		memcpy(names[*n], text, len);
		names[(*n)++][len] = '\0';
	}
}

/* The common name first, then DNS names. Returns 0, -1: there is no common name of a sensor's length. */
static int read_names(gnutls_x509_crt_t crt, char names[][64], size_t *n)
{
	char text[256];
	size_t size = sizeof text;
	*n = 0;
	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size) == 0)
		add_name(names, n, text, size);
	if (*n == 0)
		return -1;
	for (unsigned i = 0; i < 2 * TLSLINK_NAMES; i++) {
		size = sizeof text;
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, text, &size, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (type == GNUTLS_SAN_DNSNAME)
			add_name(names, n, text, size);
	}
	return 0;
}

static bool among(const char names[][64], size_t n, const char *sensor)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], sensor) == 0)
			return true;
	return false;
}

bool tlslink_keys_name(const struct tlslink_keys *k, const char *sensor)
{
	return among(k->names, k->names_n, sensor);
}

bool tlslink_name(const struct tlslink *l, const char *sensor)
{
	return among(l->names, l->names_n, sensor);
}

const char *tlslink_common_name(const struct tlslink *l)
{
	return l->names_n ? l->names[0] : "";
}

/* ---- keys ---- */

static int own_names(struct tlslink_keys *k, const char *path, struct err *err)
{
	gnutls_datum_t data = { 0 };
	gnutls_x509_crt_t crt = NULL;
	int r = gnutls_load_file(path, &data);
	r = r < 0 ? r : gnutls_x509_crt_init(&crt);
	r = r < 0 ? r : gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_PEM);
	if (r >= 0)
		read_names(crt, k->names, &k->names_n);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	gnutls_free(data.data);
	return r < 0 ? err_set(err, -1, "%s: %s", path, gnutls_strerror(r)) : 0;
}

static int verify(gnutls_session_t session);

int tlslink_keys_load(struct tlslink_keys **out, const struct config_peer_files *files, const char *revoked,
	bool server, struct err *err)
{
	struct tlslink_keys *k = mem_new(sizeof *k);
	const char *what = files->ca;
	k->server = server;
	ENSURE(gnutls_certificate_allocate_credentials(&k->cred) == 0);
	ENSURE(gnutls_priority_init(&k->priority, PRIORITY, NULL) == 0);
	gnutls_certificate_set_verify_limits(k->cred, KEY_BITS, CHAIN);
	gnutls_certificate_set_verify_function(k->cred, verify);
	int r = gnutls_certificate_set_x509_trust_file(k->cred, files->ca, GNUTLS_X509_FMT_PEM);
	if (r == 0)
		r = GNUTLS_E_NO_CERTIFICATE_FOUND;
	if (r > 0) {
		what = files->certificate;
		r = gnutls_certificate_set_x509_key_file(k->cred, files->certificate, files->key, GNUTLS_X509_FMT_PEM);
	}
	if (r >= 0 && revoked) {
		what = revoked;
		r = gnutls_certificate_set_x509_crl_file(k->cred, revoked, GNUTLS_X509_FMT_PEM);
	}
	if (r < 0)
		err_set(err, -1, "%s: %s", what, gnutls_strerror(r));
	if (r < 0 || own_names(k, files->certificate, err) < 0) {
		tlslink_keys_free(k);
		return -1;
	}
	*out = k;
	return 0;
}

void tlslink_keys_free(struct tlslink_keys *k)
{
	if (!k)
		return;
	gnutls_certificate_free_credentials(k->cred);
	gnutls_priority_deinit(k->priority);
	free(k);
}

/* ---- the peer's certificate ---- */

static int peer_names(struct tlslink *l)
{
	unsigned n = 0;
	gnutls_x509_crt_t crt;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(l->session, &n);
	if (!chain || n == 0 || gnutls_x509_crt_init(&crt) < 0)
		return -1;
	int r = gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER);
	r = r < 0 ? -1 : read_names(crt, l->names, &l->names_n);
	gnutls_x509_crt_deinit(crt);
	return r;
}

/* Chain, validity, revocation, purpose, and a server's name. */
static int verify(gnutls_session_t session)
{
	struct tlslink *l = gnutls_session_get_ptr(session);
	unsigned status = 0, n = 1;
	gnutls_typed_vdata_st data[2] = {
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID,
			.data = (void *)(l->p.keys->server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER) },
		{ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (void *)l->p.host },
	};
	if (!l->p.keys->server)
		n = 2;
	int r = gnutls_certificate_verify_peers(session, data, n, &status);
	if (r < 0 || status) {
		gnutls_datum_t text = { 0 };
		if (r >= 0)
			gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
		snprintf(l->refused, sizeof l->refused, "%.150s",
			text.data ? (const char *)text.data : "no certificate that can be checked");
		gnutls_free(text.data);
	} else if (peer_names(l) < 0 && l->p.keys->server) {
		snprintf(l->refused, sizeof l->refused, "the certificate names no sensor");
	}
	return l->refused[0] ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

/* ---- life ---- */

static void tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = { { SOL_SOCKET, SO_KEEPALIVE, 1 }, { IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 }, { IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_MS }, { IPPROTO_TCP, TCP_NODELAY, 1 } };
	/* Without them a dead peer is found later, nothing else. */
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int)) != 0)
			break;
}

struct tlslink *tlslink_new(const struct tlslink_params *p)
{
	struct tlslink *l = mem_new(sizeof *l);
	uint8_t address[16];
	unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS;
	l->p = *p;
	l->begun_ns = l->moved_ns = loop_now_ns();
	l->connecting = !p->keys->server;
	ENSURE(gnutls_init(&l->session, flags | (p->keys->server ? GNUTLS_SERVER : GNUTLS_CLIENT)) == 0);
	gnutls_session_set_ptr(l->session, l);
	ENSURE(gnutls_priority_set(l->session, p->keys->priority) == 0);
	ENSURE(gnutls_credentials_set(l->session, GNUTLS_CRD_CERTIFICATE, p->keys->cred) == 0);
	gnutls_handshake_set_timeout(l->session, GNUTLS_INDEFINITE_TIMEOUT); /* the owner has a deadline */
	gnutls_transport_set_int(l->session, p->fd);
	if (p->keys->server)
		gnutls_certificate_server_set_request(l->session, GNUTLS_CERT_REQUIRE);
	else if (inet_pton(AF_INET, p->host, address) != 1 && inet_pton(AF_INET6, p->host, address) != 1)
		gnutls_server_name_set(l->session, GNUTLS_NAME_DNS, p->host, strlen(p->host));
	tune(p->fd);
	loop_add(p->loop, p->fd, l->connecting ? POLLOUT : POLLIN, on_event, l);
	return l;
}

static void shut(struct tlslink *l)
{
	if (l->closed)
		return;
	l->closed = true;
	if (l->up)
		gnutls_bye(l->session, GNUTLS_SHUT_WR); /* when there is room for it */
	loop_remove(l->p.loop, l->p.fd);
	close(l->p.fd);
	gnutls_deinit(l->session);
	free(l->in);
	free(l->out.p);
	l->in = NULL;
	l->out = (struct message_buf){ 0 };
	l->out_at = 0;
}

void tlslink_free(struct tlslink *l)
{
	if (!l)
		return;
	shut(l);
	l->gone = true;
	if (!l->busy)
		free(l);
}

static void fail(struct tlslink *l, const char *why)
{
	char text[200];
	if (l->closed)
		return;
	snprintf(text, sizeof text, "%s", why);
	shut(l);
	l->p.handler.closed(l->p.handler.arg, l, text);
}

void tlslink_fail(struct tlslink *l, const char *why)
{
	l->busy = true;
	fail(l, why);
	l->busy = false;
	if (l->gone)
		free(l);
}

static void fail_tls(struct tlslink *l, int code)
{
	char text[200];
	if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED) {
		const char *name = gnutls_alert_get_name(gnutls_alert_get(l->session));
		snprintf(text, sizeof text, "the peer says: %s", name ? name : "an alert");
	} else {
		const char *why = code == GNUTLS_E_PULL_ERROR || code == GNUTLS_E_PUSH_ERROR ? "the connection broke"
				  : code == GNUTLS_E_PREMATURE_TERMINATION ? "the other end closed it without a word"
									   : gnutls_strerror(code);
		snprintf(text, sizeof text, "%s", l->refused[0] ? l->refused : why);
	}
	fail(l, text);
}

static void update(struct tlslink *l)
{
	if (l->closed)
		return;
	short events = l->paused && l->up ? 0 : POLLIN;
	if (l->connecting)
		events = POLLOUT;
	else if (!l->up)
		events = gnutls_record_get_direction(l->session) ? POLLOUT : POLLIN;
	else if (tlslink_queued(l) || l->partly || l->again)
		events |= POLLOUT;
	loop_events(l->p.loop, l->p.fd, events);
}

bool tlslink_up(const struct tlslink *l)
{
	return l->up && !l->closed;
}

int64_t tlslink_begun_ns(const struct tlslink *l)
{
	return l->begun_ns;
}

int64_t tlslink_moved_ns(const struct tlslink *l)
{
	return l->moved_ns;
}

/* Frames may lie here or in the library, where poll(2) does not see them: a writable socket brings us back. */
void tlslink_pause(struct tlslink *l, bool pause)
{
	if (l->closed)
		return;
	l->paused = pause;
	if (!pause)
		l->again = true;
	update(l);
}

/* ---- sending ---- */

size_t tlslink_queued(const struct tlslink *l)
{
	return l->out.n - l->out_at;
}

static void flush(struct tlslink *l)
{
	while (!l->closed && (l->partly || tlslink_queued(l))) {
		size_t n = tlslink_queued(l) < RECORD ? tlslink_queued(l) : RECORD;
		ssize_t r = l->partly ? gnutls_record_send(l->session, NULL, 0)
				      : gnutls_record_send(l->session, l->out.p + l->out_at, n);
		if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED) {
			l->partly = true;
			break;
		}
		l->partly = false;
		if (r < 0) {
			fail_tls(l, (int)r);
			return;
		}
		l->out_at += (size_t)r;
		l->moved_ns = loop_now_ns();
	}
	if (l->closed || tlslink_queued(l))
		return;
	/* One large batch shall not keep its memory. */
	if (l->out.cap > (1u << 20)) {
		free(l->out.p);
		l->out = (struct message_buf){ 0 };
	}
	l->out.n = l->out_at = 0;
}

int tlslink_send(struct tlslink *l, struct bytes frames)
{
	if (l->closed || tlslink_queued(l) + frames.n > l->p.queue_max)
		return -1;
	if (l->out_at && l->out_at > l->out.n / 2) {
		l->out.n -= l->out_at;
		memmove(l->out.p, l->out.p + l->out_at, l->out.n);
		l->out_at = 0;
	}
	message_octets(&l->out, frames.p, frames.n);
	update(l);
	return 0;
}

int tlslink_tell(struct tlslink *l, const struct message *m)
{
	struct message_buf b = { 0 };
	frames_put(&b, m);
	int r = tlslink_send(l, (struct bytes){ b.p, b.n });
	free(b.p);
	return r;
}

/* ---- receiving ---- */

/* Hands out the frames that are whole. */
static void deliver(struct tlslink *l)
{
	size_t at = 0, used;
	struct message m;
	while (!l->closed && !l->paused) {
		struct bytes rest = { l->in + at, l->in_n - at };
		int r = frames_next(rest, &used, &m);
		if (r == 0)
			break;
		if (r < 0) {
			fail(l, "what it sent is no message of this version");
			return;
		}
		if (!(l->p.kinds & MESSAGE_BIT(m.kind))) {
			fail(l, "it sent a kind of message that may not come");
			return;
		}
		at += used;
		l->p.handler.message(l->p.handler.arg, l, &m, bytes_head(rest, used));
	}
	if (l->closed || at == 0)
		return;
	l->in_n -= at;
	memmove(l->in, l->in + at, l->in_n);
}

static void receive(struct tlslink *l)
{
	if (!l->in)
		l->in = mem_new(FRAMES_MAX + RECORD);
	deliver(l);
	for (int i = 0; i < TURN && !l->closed && !l->paused; i++) {
		ssize_t r = gnutls_record_recv(l->session, l->in + l->in_n, FRAMES_MAX + RECORD - l->in_n);
		if (r == GNUTLS_E_AGAIN)
			return;
		if (r == GNUTLS_E_INTERRUPTED)
			continue;
		if (r == 0)
			fail(l, "the other end was closed");
		else if (r < 0)
			fail_tls(l, (int)r);
		if (r <= 0)
			return;
		l->in_n += (size_t)r;
		l->moved_ns = loop_now_ns();
		deliver(l);
	}
	if (!l->closed && !l->paused)
		l->again = gnutls_record_check_pending(l->session) > 0;
}

static void shake(struct tlslink *l)
{
	if (l->connecting) {
		int why = 0;
		socklen_t n = sizeof why;
		if (getsockopt(l->p.fd, SOL_SOCKET, SO_ERROR, &why, &n) != 0 || why) {
			fail(l, strerror(why ? why : errno));
			return;
		}
		l->connecting = false;
	}
	int r = gnutls_handshake(l->session);
	if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED || (r < 0 && !gnutls_error_is_fatal(r)))
		return;
	if (r < 0) {
		gnutls_alert_send_appropriate(l->session, r);
		fail_tls(l, r);
		return;
	}
	l->up = l->again = true;
	l->p.handler.up(l->p.handler.arg, l);
}

static void on_event(void *arg, int fd, short events)
{
	struct tlslink *l = arg;
	l->busy = true;
	if (!l->up) {
		shake(l);
	} else {
		bool waited = tlslink_queued(l) > 0;
		l->again = false;
		flush(l);
		if (waited && !l->closed && !tlslink_queued(l) && l->p.handler.drained)
			l->p.handler.drained(l->p.handler.arg, l);
		if (!l->closed && !l->paused)
			receive(l);
		else if (!l->closed && events & (POLLHUP | POLLERR))
			fail(l, "the other end was closed");
	}
	update(l);
	l->busy = false;
	if (l->gone)
		free(l);
}
