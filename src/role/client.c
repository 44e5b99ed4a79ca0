// SPDX-License-Identifier: Apache-2.0
#include "role/client.h"

#include "base/mem.h"
#include "model/hold.h"
#include "role/batch.h"
#include "role/sender.h"
#include "store/query.h"
#include "store/sourceblock.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_S 60 /* a keeper that is silent for so long has a full disk, or worse */

struct client {
	int fd;
	uint64_t last;
	struct sourceblock *encoder;
	uint8_t buffer[MESSAGE_MAX];
};

static int send_message(struct client *c, const struct message *m, struct err *err)
{
	uint8_t header[MESSAGE_HEADER];
	struct iovec iov[2] = { { header, sizeof header }, { (void *)m->body.p, m->body.n } };
	struct msghdr h = { .msg_iov = iov, .msg_iovlen = 2 };
	message_header_build(header, m);
	while (sendmsg(c->fd, &h, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_set(err, -STORE_IO, "the daemon is gone: %s", strerror(errno));
	return 0;
}

/* The answer to `sequence`. 0, STORE_REPEATED, or a negative code. */
static int answer(struct client *c, enum message_kind kind, uint64_t sequence, struct err *err)
{
	for (;;) {
		struct message m;
		ssize_t n = recv(c->fd, c->buffer, sizeof c->buffer, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || message_parse((struct bytes){ c->buffer, (size_t)n }, &m) < 0)
			return err_set(err, -STORE_IO, "the daemon gave no answer%s",
				n < 0 && errno == EAGAIN ? " in a minute: is its disk full?" : "");
		if (m.kind == MESSAGE_WELCOME && kind == MESSAGE_WELCOME) {
			c->last = m.sequence;
			return 0;
		}
		if (m.kind == MESSAGE_ACK && m.sequence >= sequence)
			return 0;
		if (m.kind == MESSAGE_REFUSE && m.sequence == sequence) {
			struct message_reader in = { .in = m.body };
			char why[256];
			int code = (int)message_get_u32(&in);
			message_get_text(&in, why, sizeof why);
			return err_set(err, code > 0 ? -code : -STORE_BAD, "the daemon refused a batch: %s", why);
		}
	}
}

/* NULL with the reason. */
static struct client *join(const char *dir, const char *name, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ANSWER_S };
	if (snprintf(at.sun_path, sizeof at.sun_path, "%s/%s", dir, name) >= (int)sizeof at.sun_path) {
		err_set(err, -1, "%s: the path is too long for a socket", dir);
		return NULL;
	}
	struct client *c = mem_new(sizeof *c);
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof at) != 0) {
		err_set(err, -1, "%s: %s", at.sun_path, strerror(errno));
		client_close(c);
		return NULL;
	}
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	return c;
}

struct client *client_open(const char *dir, uint64_t sender, const char *sensor, uint64_t *last, struct err *err)
{
	struct sender_hello hello = { .id = sender };
	struct message_buf body = { 0 };
	struct client *c = join(dir, "control.sock", err);
	if (!c)
		return NULL;
	c->encoder = sourceblock_new();
	snprintf(hello.sensor, sizeof hello.sensor, "%s", sensor);
	sender_hello_put(&body, &hello);
	struct message m = { .kind = MESSAGE_HELLO, .body = { body.p, body.n } };
	int r = send_message(c, &m, err);
	free(body.p);
	r = r ? r : answer(c, MESSAGE_WELCOME, 0, err);
	if (r < 0) {
		client_close(c);
		return NULL;
	}
	*last = c->last;
	return c;
}

static int note(const char *dir, enum message_kind kind, struct message_buf *body, struct err *err)
{
	struct client *c = join(dir, "control.sock", err);
	struct message m = { .kind = (uint16_t)kind, .sequence = 1, .body = { body->p, body->n } };
	int r = c ? send_message(c, &m, err) : -STORE_ABSENT;
	r = r ? r : answer(c, MESSAGE_ACK, 1, err);
	client_close(c);
	free(body->p);
	return r;
}

int client_note(const char *dir, const char *who, const char *what, const char *subject, struct err *err)
{
	struct message_buf b = { 0 };
	message_text(&b, who);
	message_text(&b, what);
	message_text(&b, subject);
	return note(dir, MESSAGE_AUDIT, &b, err);
}

int client_hold(const char *dir, const struct hold *h, const char *what, struct err *err)
{
	struct message_buf b = { 0 };
	message_row(&b, &hold_kind, h);
	message_text(&b, what);
	return note(dir, MESSAGE_HOLD, &b, err);
}

int client_record(const char *dir, const struct store_note *line, const struct row_kind *kind, const void *record,
	struct err *err)
{
	struct message_buf b = { 0 };
	message_text(&b, line->who);
	message_text(&b, line->what);
	message_text(&b, line->subject);
	message_text(&b, kind->name);
	message_row(&b, kind, record);
	return note(dir, MESSAGE_RECORD, &b, err);
}

/* ---- asking ---- */

#define COLUMNS 2000 /* SQLite's own limit */

struct answers {
	struct store_query *q;
	char *names[COLUMNS];
	size_t names_n;
	struct store_value values[COLUMNS];
	bool named;
};

static void get_value(struct message_reader *in, struct store_value *v)
{
	uint64_t bits;
	unsigned type = message_get_u8(in);
	*v = (struct store_value){ .type = type <= STORE_BLOB ? (enum store_value_type)type : STORE_NULL };
	switch (v->type) {
	case STORE_NULL:
		break;
	case STORE_INTEGER:
		v->integer = (int64_t)message_get_u64(in);
		break;
	case STORE_REAL:
		bits = message_get_u64(in);
		memcpy(&v->real, &bits, sizeof bits);
		break;
	case STORE_TEXT:
	case STORE_BLOB:
		v->bytes = message_get_octets(in, message_get_u32(in));
	}
}

static void take_names(struct answers *a, size_t n)
{
	for (size_t k = 0; k < n; k++)
		a->names[k] = a->values[k].bytes.p ? strndup((const char *)a->values[k].bytes.p, a->values[k].bytes.n)
						   : strdup("");
	a->names_n = n;
	a->named = true;
}

/* The first row are the names. */
static int take_rows(struct answers *a, const struct message *m)
{
	struct message_reader in = { .in = m->body };
	int r = 0;
	for (uint32_t i = 0; i < m->count && !in.bad && r == 0; i++) {
		size_t n = message_get_u16(&in);
		bool names = !a->named;
		if (n > COLUMNS || (a->named && n != a->names_n))
			return -1;
		for (size_t k = 0; k < n; k++)
			get_value(&in, &a->values[k]);
		if (in.bad)
			return -1;
		if (names)
			take_names(a, n);
		r = a->q->fn(a->q->arg, (const char *const *)a->names, names ? NULL : a->values, n);
	}
	return in.bad ? -1 : r;
}

static int take_end(struct answers *a, const struct message *m, struct err *err)
{
	struct message_reader in = { .in = m->body };
	char why[512];
	int code = (int)message_get_u32(&in);
	unsigned cut = message_get_u32(&in);
	a->q->rows = message_get_u64(&in);
	message_get_text(&in, why, sizeof why);
	if (!message_whole(&in) || cut > STORE_CUT_CANCEL)
		return err_set(err, -STORE_IO, "the daemon's answer can't be read");
	a->q->cut = (enum store_cut)cut;
	return code ? err_set(err, -code, "%s", why) : 0;
}

static int take_answers(struct client *c, struct answers *a, struct err *err)
{
	for (;;) {
		struct message m;
		ssize_t n = recv(c->fd, c->buffer, sizeof c->buffer, 0);
		if (n < 0 && errno == EINTR && !(a->q->limits.cancel && atomic_load(a->q->limits.cancel)))
			continue;
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return err_set(err, -STORE_ABSENT,
				"the daemon does not answer this user: see `access` in its configuration");
		if (n < 0 || message_parse((struct bytes){ c->buffer, (size_t)n }, &m) < 0)
			return err_set(err, -STORE_IO, "the daemon gave no answer");
		if (m.kind == MESSAGE_END)
			return take_end(a, &m, err);
		if (m.kind != MESSAGE_ANSWER || take_rows(a, &m) != 0)
			return err_set(err, -STORE_STOPPED, "the daemon's answer can't be read");
	}
}

static int ask(struct client *c, struct answers *a, const char *sql, struct err *err)
{
	struct message_buf b = { 0 };
	size_t n = strlen(sql);
	if (n >= MESSAGE_BODY / 2)
		return err_set(err, -STORE_BAD, "the question is too long");
	message_u64(&b, a->q->limits.rows);
	message_u64(&b, a->q->limits.time_ms);
	message_u32(&b, (uint32_t)n);
	message_octets(&b, sql, n);
	int r = send_message(c, &(struct message){ .kind = MESSAGE_ASK, .body = { b.p, b.n } }, err);
	free(b.p);
	/* Whoever is sent away finds the socket closed, sooner or later. */
	return r == -STORE_IO ? take_answers(c, a, err) : r ? r : take_answers(c, a, err);
}

int client_ask(const char *dir, const char *sql, struct store_query *q, struct err *err)
{
	struct client *c = join(dir, "query.sock", err);
	if (!c)
		return -STORE_ABSENT;
	struct answers *a = mem_new(sizeof *a);
	a->q = q;
	int r = ask(c, a, sql, err);
	for (size_t i = 0; i < a->names_n; i++)
		free(a->names[i]);
	free(a);
	client_close(c);
	return r;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	sourceblock_free(c->encoder);
	free(c);
}

static int give(struct client *c, const struct batch *b, struct err *err)
{
	struct message m;
	for (size_t at = 0; batch_next((struct bytes){ b->frames.p, b->frames.n }, &at, &m);)
		if (send_message(c, &m, err) < 0)
			return -STORE_IO;
	return answer(c, MESSAGE_ACK, b->sequence, err);
}

/* Findings have no number of their own: the same one again takes its own place. */
static int give_findings(struct client *c, const struct store_batch *b, struct err *err)
{
	int r = 0;
	for (size_t i = 0, end; i < b->findings_n && r == 0; i = end) {
		struct batch *out = batch_new(++c->last);
		for (end = i; end < b->findings_n && end - i < BATCH_FINDINGS; end++)
			batch_finding(out, &b->findings[end]);
		batch_commit(out, 0, false);
		r = give(c, out, err);
		batch_free(out);
	}
	return r;
}

int client_commit(struct client *c, const struct store_batch *b, struct err *err)
{
	if (!b->sender)
		return give_findings(c, b, err);
	if (b->sequence <= c->last)
		return STORE_REPEATED;
	struct batch *out = batch_new(b->sequence);
	batch_blocks(out, b->blocks);
	batch_sources(out, c->encoder, b->sources, b->sources_n);
	if (b->rollup)
		batch_rollup(out, b->rollup);
	for (size_t i = 0; i < b->signals_n; i++)
		batch_signal(out, &b->signals[i]);
	for (size_t i = 0; i < b->gaps_n; i++)
		batch_row(out, MESSAGE_GAP, &gap_kind, &b->gaps[i]);
	batch_commit(out, b->until_ns, b->ended);
	int r = give(c, out, err);
	if (r == 0)
		c->last = b->sequence;
	batch_free(out);
	return r;
}
