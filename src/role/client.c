// SPDX-License-Identifier: Apache-2.0
#include "role/client.h"

#include "base/mem.h"
#include "role/batch.h"
#include "role/sender.h"
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

struct client *client_open(const char *dir, uint64_t sender, const char *sensor, uint64_t *last, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ANSWER_S };
	struct sender_hello hello = { .id = sender };
	struct message_buf body = { 0 };
	if (snprintf(at.sun_path, sizeof at.sun_path, "%s/control.sock", dir) >= (int)sizeof at.sun_path) {
		err_set(err, -1, "%s: the path is too long for a control socket", dir);
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
