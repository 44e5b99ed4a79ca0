// SPDX-License-Identifier: Apache-2.0
/* A channel whose other end was taken over: the test holds that end as a bare socket. */
#include "role/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
	struct loop *loop;
	struct channel *channel;
	int peer, messages, closed, fds, turns;
	char why[128];
};

static void on_message(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct rig *r = arg;
	r->messages++;
	if (fd >= 0) {
		r->fds++;
		close(fd);
	}
}

static void on_closed(void *arg, struct channel *c, const char *why)
{
	struct rig *r = arg;
	r->closed++;
	strncpy(r->why, why, sizeof r->why - 1);
	channel_free(c);
	r->channel = NULL;
}

static void on_turn(void *arg)
{
	struct rig *r = arg;
	if (r->turns-- == 0)
		loop_stop(r->loop);
}

static void run(struct rig *r)
{
	r->turns = 3;
	int timer = loop_timer(r->loop, 1, on_turn, r);
	loop_run(r->loop);
	loop_cancel(r->loop, timer);
}

static void open_rig(struct rig *r, size_t queue_max)
{
	int pair[2];
	memset(r, 0, sizeof *r);
	memset(&channel_counts, 0, sizeof channel_counts);
	assert_int_equal(channel_pair(pair), 0);
	r->loop = loop_new();
	r->peer = pair[1];
	struct channel_params p = { .loop = r->loop,
		.fd = pair[0],
		.kinds = MESSAGE_BIT(MESSAGE_HELLO) | MESSAGE_BIT(MESSAGE_RING_FILE),
		.fds = MESSAGE_BIT(MESSAGE_RING_FILE),
		.queue_max = queue_max,
		.handler = { .arg = r, .message = on_message, .closed = on_closed } };
	r->channel = channel_new(&p);
}

static void close_rig(struct rig *r)
{
	channel_free(r->channel);
	loop_free(r->loop);
	if (r->peer >= 0)
		close(r->peer);
}

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Sends `n` octets with `fds` descriptors. */
static void give(struct rig *r, const void *octets, size_t n, int fds)
{
	static union {
		char space[CMSG_SPACE(253 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { (void *)octets, n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fds) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE((size_t)fds * sizeof(int));
		memset(&control, 0, sizeof control);
		struct cmsghdr *m = CMSG_FIRSTHDR(&h);
		m->cmsg_level = SOL_SOCKET;
		m->cmsg_type = SCM_RIGHTS;
		m->cmsg_len = CMSG_LEN((size_t)fds * sizeof(int));
		for (int i = 0; i < fds; i++)
			memcpy(CMSG_DATA(m) + (size_t)i * sizeof(int), &(int){ STDIN_FILENO }, sizeof(int));
	}
	assert_int_equal(sendmsg(r->peer, &h, MSG_NOSIGNAL), (ssize_t)n);
}

static const struct planted {
	const char *name;
	uint16_t kind, version;
	size_t n; /* octets in all; 0: the header alone */
	int fds;
	bool taken, random;
} planted[] = {
	{ "a message", MESSAGE_HELLO, MESSAGE_VERSION, 40, 0, true },
	{ "a header alone", MESSAGE_HELLO, MESSAGE_VERSION, 0, 0, true },
	{ "the largest", MESSAGE_HELLO, MESSAGE_VERSION, MESSAGE_MAX, 0, true },
	{ "an octet longer", MESSAGE_HELLO, MESSAGE_VERSION, MESSAGE_MAX + 1, 0 },
	{ "far too long", MESSAGE_HELLO, MESSAGE_VERSION, MESSAGE_MAX * 4, 0 },
	{ "a kind of another edge", MESSAGE_COMMIT, MESSAGE_VERSION, 40, 0 },
	{ "a kind that isn't", 63, MESSAGE_VERSION, 40, 0 },
	{ "a kind beyond the bits", 64, MESSAGE_VERSION, 40, 0 },
	{ "the last kind there could be", 65535, MESSAGE_VERSION, 40, 0 },
	{ "no kind", MESSAGE_NONE, MESSAGE_VERSION, 40, 0 },
	{ "the version to come", MESSAGE_HELLO, MESSAGE_VERSION + 1, 40, 0 },
	{ "a cut header", MESSAGE_HELLO, MESSAGE_VERSION, 15, 0 },
	{ "one octet", MESSAGE_HELLO, MESSAGE_VERSION, 1, 0 },
	{ "garbage", 0, 0, 300, 0, false, true },
	{ "a descriptor where it belongs", MESSAGE_RING_FILE, MESSAGE_VERSION, 20, 1, true },
	{ "none where one belongs", MESSAGE_RING_FILE, MESSAGE_VERSION, 20, 0 },
	{ "a descriptor where none belongs", MESSAGE_HELLO, MESSAGE_VERSION, 20, 1 },
	{ "two where one belongs", MESSAGE_RING_FILE, MESSAGE_VERSION, 20, 2 },
	{ "three where one belongs", MESSAGE_RING_FILE, MESSAGE_VERSION, 20, 3 },
	{ "253 where none belongs", MESSAGE_HELLO, MESSAGE_VERSION, 20, 253 },
	{ "253 with garbage", 0, 0, 77, 253, false, true },
};

static void what_a_peer_sends(void **state)
{
	uint8_t *octets = calloc(1, MESSAGE_MAX * 4);
	for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
		const struct planted *t = &planted[i];
		struct rig r;
		int before = open_descriptors();
		open_rig(&r, 0);
		size_t n = t->n ? t->n : MESSAGE_HEADER;
		message_header_build(octets, &(struct message){ .kind = t->kind, .sequence = 1 });
		store_le16(octets + 2, t->version);
		for (size_t k = 0; t->random && k < n; k++)
			octets[k] = (uint8_t)(k * 167 + 13);
		give(&r, octets, n, t->fds);
		run(&r);
		if (r.messages != t->taken || r.closed == t->taken || channel_counts.refused != !t->taken)
			fail_msg("%s: %d taken, %d closed, %d refused", t->name, r.messages, r.closed,
				(int)channel_counts.refused);
		/* It stays closed: the other end can't go on. */
		if (!t->taken)
			assert_true(send(r.peer, octets, 16, MSG_NOSIGNAL) < 0);
		close_rig(&r);
		if (open_descriptors() != before)
			fail_msg("%s: %d descriptors are left", t->name, open_descriptors() - before);
	}
	free(octets);
}

static void one_that_floods_lets_others_have_their_turn(void **state)
{
	struct rig r, other;
	uint8_t header[MESSAGE_HEADER];
	open_rig(&r, 0);
	open_rig(&other, 0);
	message_header_build(header, &(struct message){ .kind = MESSAGE_HELLO });
	assert_int_equal(fcntl(r.peer, F_SETFL, O_NONBLOCK), 0);
	int sent = 0;
	while (send(r.peer, header, sizeof header, MSG_NOSIGNAL) > 0)
		sent++;
	assert_true(sent > 200);
	/* Within one round of the loop no more than its share. */
	loop_after(r.loop, 0, on_turn, &r);
	r.turns = 0;
	loop_run(r.loop);
	assert_in_range(r.messages, 1, 64);
	run(&r);
	give(&other, header, sizeof header, 0);
	run(&other);
	assert_int_equal(other.messages, 1);
	close_rig(&r);
	close_rig(&other);
}

static void one_that_stops_reading_meets_the_limit(void **state)
{
	static uint8_t body[MESSAGE_BODY];
	const size_t limit = 1 << 20;
	struct rig r;
	int before = open_descriptors();
	open_rig(&r, limit);
	struct message m = { .kind = MESSAGE_ACK, .body = { body, sizeof body } };
	int taken = 0;
	for (int i = 0; i < 200; i++) {
		taken += channel_send_fd(r.channel, &m, i % 2 ? STDIN_FILENO : -1) == 0;
		assert_true(channel_queued(r.channel) <= limit);
	}
	assert_true(taken < 60 && taken >= 8);
	assert_int_equal(channel_counts.full, 200 - taken);
	assert_int_equal(r.closed, 0);
	/* It waits without burning time, and goes on when the peer reads. */
	int64_t begun = loop_now_ns();
	run(&r);
	assert_true(loop_now_ns() - begun >= 3 * 1000000);
	int got = 0;
	while (recv(r.peer, body, sizeof body, MSG_DONTWAIT | MSG_TRUNC) > 0) {
		got++;
		run(&r);
	}
	assert_int_equal(got, taken);
	assert_int_equal(channel_queued(r.channel), 0);
	/* What waits when it ends takes its descriptors with it. */
	for (int i = 0; i < 40; i++)
		if (channel_send_fd(r.channel, &m, STDIN_FILENO) < 0)
			break;
	close_rig(&r);
	assert_int_equal(open_descriptors(), before);
}

static void one_that_ends_is_told_once(void **state)
{
	static uint8_t body[MESSAGE_BODY];
	struct rig r;
	open_rig(&r, 0);
	struct message m = { .kind = MESSAGE_ACK, .body = { body, sizeof body } };
	for (int i = 0; i < 40; i++)
		assert_int_equal(channel_send(r.channel, &m), 0);
	close(r.peer);
	r.peer = -1;
	run(&r);
	assert_int_equal(r.closed, 1);
	assert_int_equal(channel_counts.refused, 0);
	close_rig(&r);
}

/* An empty message reads like an end. */
static void an_empty_message_is_an_end(void **state)
{
	struct rig r;
	open_rig(&r, 0);
	give(&r, "", 0, 0);
	run(&r);
	assert_int_equal(r.messages, 0);
	assert_int_equal(r.closed, 1);
	close_rig(&r);
}

static void a_paused_one_reads_nothing(void **state)
{
	struct rig r;
	uint8_t header[MESSAGE_HEADER];
	open_rig(&r, 0);
	message_header_build(header, &(struct message){ .kind = MESSAGE_HELLO });
	channel_pause(r.channel, true);
	give(&r, header, sizeof header, 0);
	run(&r);
	assert_int_equal(r.messages, 0);
	channel_pause(r.channel, false);
	run(&r);
	assert_int_equal(r.messages, 1);
	close_rig(&r);
}

/* No descriptor is free for its copy: it does not go without. */
static void a_descriptor_that_cannot_be_copied(void **state)
{
	struct rig r;
	open_rig(&r, 0);
	assert_int_equal(channel_send_fd(r.channel, &(struct message){ .kind = MESSAGE_RING_FILE }, 9999), -1);
	assert_true(recv(r.peer, &(char){ 0 }, 1, MSG_DONTWAIT) < 0);
	close_rig(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_a_peer_sends),
		cmocka_unit_test(one_that_floods_lets_others_have_their_turn),
		cmocka_unit_test(one_that_stops_reading_meets_the_limit), cmocka_unit_test(one_that_ends_is_told_once),
		cmocka_unit_test(an_empty_message_is_an_end), cmocka_unit_test(a_paused_one_reads_nothing),
		cmocka_unit_test(a_descriptor_that_cannot_be_copied) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
