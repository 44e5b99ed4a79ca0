// SPDX-License-Identifier: Apache-2.0
#include "role/channel.h"

#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_DEFAULT ((size_t)8 << 20)
#define TURN	      32 /* messages read before others get their turn */
#define SEND_BUFFER   (1 << 20)

struct channel_counts channel_counts;

void channel_refused(void)
{
	channel_counts.refused++;
}

struct queued {
	struct queued *next;
	int fd; /* -1: none */
	size_t n;
	uint8_t octets[];
};

struct channel {
	struct channel_params p;
	struct queued *first, **last;
	size_t queued;
	bool closed, paused, busy, gone; /* busy: in a callback; gone: free it behind it */
};

static uint8_t buffer[MESSAGE_MAX + 1];

static void on_event(void *arg, int fd, short events);

int channel_pair(int pair[2])
{
	int size = SEND_BUFFER;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	/* A smaller buffer is slower, nothing else. */
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0)
			break;
	return 0;
}

struct channel *channel_new(const struct channel_params *p)
{
	struct channel *c = mem_new(sizeof *c);
	c->p = *p;
	if (!c->p.queue_max)
		c->p.queue_max = QUEUE_DEFAULT;
	c->last = &c->first;
	loop_add(p->loop, p->fd, POLLIN, on_event, c);
	return c;
}

static void drop_queue(struct channel *c)
{
	while (c->first) {
		struct queued *q = c->first;
		c->first = q->next;
		if (q->fd >= 0)
			close(q->fd);
		free(q);
	}
	c->last = &c->first;
	c->queued = 0;
}

static void shut(struct channel *c)
{
	if (c->closed)
		return;
	c->closed = true;
	loop_remove(c->p.loop, c->p.fd);
	close(c->p.fd);
	drop_queue(c);
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	shut(c);
	c->gone = true;
	if (!c->busy)
		free(c);
}

void channel_hand_over(struct channel *c, const struct channel_handler *handler)
{
	c->p.handler = *handler;
}

static void fail(struct channel *c, const char *why)
{
	if (c->closed)
		return;
	shut(c);
	if (c->p.handler.closed)
		c->p.handler.closed(c->p.handler.arg, c, why);
}

static void refuse(struct channel *c, const char *why)
{
	channel_counts.refused++;
	fail(c, why);
}

static void update(struct channel *c)
{
	if (!c->closed)
		loop_events(c->p.loop, c->p.fd, (short)((c->paused ? 0 : POLLIN) | (c->first ? POLLOUT : 0)));
}

void channel_pause(struct channel *c, bool pause)
{
	c->paused = pause;
	update(c);
}

size_t channel_queued(const struct channel *c)
{
	return c->queued;
}

/* ---- sending ---- */

/* 0 sent, 1 later, -1 gone */
static int send_one(struct channel *c, const struct queued *q)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { (void *)q->octets, q->n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (q->fd >= 0) {
		memset(&control, 0, sizeof control);
		h.msg_control = &control;
		h.msg_controllen = sizeof control;
		struct cmsghdr *m = CMSG_FIRSTHDR(&h);
		m->cmsg_level = SOL_SOCKET;
		m->cmsg_type = SCM_RIGHTS;
		m->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(m), &q->fd, sizeof(int));
	}
	ssize_t n = sendmsg(c->p.fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		return 0;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 1 : -1;
}

/* Returns -1 when the peer is gone. */
static int flush(struct channel *c)
{
	int r = 0;
	while (c->first && (r = send_one(c, c->first)) == 0) {
		struct queued *q = c->first;
		c->first = q->next;
		if (!c->first)
			c->last = &c->first;
		c->queued -= q->n;
		channel_counts.sent++;
		if (q->fd >= 0)
			close(q->fd);
		free(q);
	}
	update(c);
	return r < 0 ? -1 : 0;
}

int channel_send_fd(struct channel *c, const struct message *m, int fd)
{
	size_t n = MESSAGE_HEADER + m->body.n;
	ENSURE(n <= MESSAGE_MAX);
	if (c->closed)
		return -1;
	if (c->queued + n > c->p.queue_max) {
		channel_counts.full++;
		return -1;
	}
	int copy = fd >= 0 ? dup(fd) : -1;
	/* Without it the peer would have to refuse the message, and us. */
	if (fd >= 0 && copy < 0) {
		channel_counts.full++;
		return -1;
	}
	struct queued *q = mem_new(sizeof *q + n);
	q->next = NULL;
	q->fd = copy;
	q->n = n;
	message_header_build(q->octets, m);
	if (m->body.n)
		memcpy(q->octets + MESSAGE_HEADER, m->body.p, m->body.n);
	bool first = !c->first;
	*c->last = q;
	c->last = &q->next;
	c->queued += n;
	/* Whether the peer is gone is found by reading: here nobody expects callbacks. */
	if (first && flush(c) < 0)
		return -1;
	return 0;
}

int channel_send(struct channel *c, const struct message *m)
{
	return channel_send_fd(c, m, -1);
}

int channel_tell(struct channel *c, enum message_kind kind, uint64_t sequence)
{
	return channel_send(c, &(struct message){ .kind = (uint16_t)kind, .sequence = sequence });
}

/* ---- receiving ---- */

/* The descriptor that came along; of several (there is room for two) none is left open. Returns how many came. */
static size_t take_fd(struct msghdr *h, int *out)
{
	size_t came = 0;
	int fd = -1;
	for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m; m = CMSG_NXTHDR(h, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int got;
			memcpy(&got, CMSG_DATA(m) + i * sizeof got, sizeof got);
			if (fd >= 0)
				close(fd);
			fd = got;
			came++;
		}
	}
	*out = fd;
	return came;
}

/* False: nothing more for now. */
static bool receive(struct channel *c)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { buffer, sizeof buffer };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	struct message m;
	ssize_t n = recvmsg(c->p.fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	int fd = -1;
	size_t came = n >= 0 ? take_fd(&h, &fd) : 0;
	if (n <= 0)
		fail(c, n < 0 && errno != ECONNRESET ? strerror(errno) : "the other end was closed");
	else if (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || message_parse((struct bytes){ buffer, (size_t)n }, &m) < 0)
		refuse(c, "not a message of this version");
	else if (!(c->p.kinds & MESSAGE_BIT(m.kind)))
		refuse(c, "a kind that this edge may not carry");
	else if (came != (c->p.fds & MESSAGE_BIT(m.kind) ? 1 : 0))
		refuse(c, "a descriptor where none belongs, or none where one does");
	else {
		channel_counts.received++;
		channel_counts.last_kind = m.kind;
		c->p.handler.message(c->p.handler.arg, c, &m, fd);
		return !c->closed && !c->paused;
	}
	if (fd >= 0)
		close(fd);
	return false;
}

static void on_event(void *arg, int fd, short events)
{
	struct channel *c = arg;
	c->busy = true;
	if (events & POLLOUT) {
		flush(c);
		if (!c->first && !c->closed && c->p.handler.drained)
			c->p.handler.drained(c->p.handler.arg, c);
	}
	if (!c->closed && !c->paused && events & (POLLIN | POLLHUP | POLLERR))
		for (int i = 0; i < TURN && receive(c); i++)
			;
	else if (!c->closed && events & (POLLHUP | POLLERR))
		fail(c, "the other end was closed");
	c->busy = false;
	if (c->gone)
		free(c);
}

bool channel_drain(struct channel *c)
{
	c->busy = true;
	bool more = !c->closed && receive(c) && !c->gone;
	c->busy = false;
	if (c->gone)
		free(c);
	return more;
}
