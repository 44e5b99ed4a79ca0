// SPDX-License-Identifier: Apache-2.0
#include "role/member.h"

#include "base/mem.h"
#include "role/seal.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_FAILED 3

void member_say(const struct member *m, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	/* One write: lines of several processes don't mix. */
	dprintf(STDERR_FILENO, "sakimori: %s: %s\n", m->name, text);
}

void member_note(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(counters->note, sizeof counters->note, fmt, args);
	va_end(args);
}

static void forget_peer(void *arg, struct channel *c, const char *why)
{
	struct member *m = arg;
	/* Without its supervisor a role has nobody to work for. */
	member_end(m, m->stopping ? 0 : EXIT_FAILED);
}

static void on_control(void *arg, struct channel *c, const struct message *msg, int fd)
{
	struct member *m = arg;
	const struct member_role *r = member_roles[m->id];
	struct message_reader in = { .in = msg->body };
	if (msg->kind == MESSAGE_EDGE) {
		unsigned peer = message_get_u8(&in), index = message_get_u16(&in);
		if (message_whole(&in) && peer < ROLE_N && r->edge)
			r->edge(m, (enum role_id)peer, index, fd);
		else
			close(fd);
		return;
	}
	if (m->stopping)
		return;
	m->stopping = true;
	if (r->stop)
		r->stop(m);
	else
		member_end(m, 0);
}

struct channel *member_channel(
	struct member *m, enum role_id peer, int fd, const struct channel_handler *handler, size_t queue_max)
{
	struct channel_params p = {
		.loop = m->loop,
		.fd = fd,
		.kinds = edges_kinds(peer, m->id),
		.fds = MESSAGE_BIT(MESSAGE_RING_FILE) | MESSAGE_BIT(MESSAGE_RING_PIN),
		.queue_max = queue_max,
		.handler = *handler,
	};
	return channel_new(&p);
}

const char *member_store(const struct member *m)
{
	return m->rooted ? "/" : m->options.store;
}

void member_end(struct member *m, int code)
{
	m->exit = code;
	loop_stop(m->loop);
}

static void publish(void *arg)
{
	counters_set(COUNTER_ALIVE, (uint64_t)loop_clock_ns());
	counters_set(COUNTER_MESSAGES_IN, channel_counts.received);
	counters_set(COUNTER_MESSAGES_OUT, channel_counts.sent);
	counters_set(COUNTER_REFUSED, channel_counts.refused);
	counters_set(COUNTER_QUEUE_FULL, channel_counts.full);
	atomic_store_explicit(&counters->last_kind, channel_counts.last_kind, memory_order_relaxed);
}

static int read_config(struct member *m, struct err *err)
{
	struct stat st;
	struct yaml_faults faults = { 0 };
	if (fstat(MEMBER_CONFIG, &st) != 0 || st.st_size > (off_t)YAML_SIZE_MAX)
		return err_set(err, -1, "no configuration: a role is started by `sakimori run` alone");
	size_t n = (size_t)st.st_size;
	uint8_t *p = mem_new(n + 1);
	if (pread(MEMBER_CONFIG, p, n, 0) != (ssize_t)n)
		n = 0;
	int r = config_parse(&m->config, (struct bytes){ p, n }, &faults);
	free(p);
	close(MEMBER_CONFIG);
	return r < 0 ? err_set(err, -1, "the configuration: %s", faults.n ? faults.v[0].text : "unreadable") : 0;
}

static int begin(struct member *m, struct err *err)
{
	const struct member_role *r = member_roles[m->id];
	struct counters *page = counters_map(MEMBER_COUNTERS, true);
	if (!page)
		return err_set(err, -1, "no counters: a role is started by `sakimori run` alone");
	/* With the descriptor a role could cut the file off under those who read it. */
	close(MEMBER_COUNTERS);
	counters = page;
	/* What is mapped can't be cut short by whoever takes this process over. */
	close(MEMBER_COUNTERS);
	m->name = page->name;
	if (read_config(m, err) < 0)
		return -1;
	m->loop = loop_new();
	struct channel_handler control = { .arg = m, .message = on_control, .closed = forget_peer };
	struct channel_params p = { .loop = m->loop,
		.fd = MEMBER_CONTROL,
		.kinds = edges_kinds(ROLE_SUPERVISOR, m->id),
		.fds = MESSAGE_BIT(MESSAGE_EDGE),
		.handler = control };
	m->control = channel_new(&p);
	if (r->open && r->open(m, err) < 0)
		return -1;
	if (seal_user(m, err) < 0)
		return -1;
	if (r->ready && r->ready(m, err) < 0)
		return -1;
	return seal_calls(m, r->paths ? r->paths(m) : NULL, err);
}

int member_main(enum role_id id, unsigned index, const struct member_options *options)
{
	struct err err = { "" };
	if (!member_roles[id])
		return EXIT_FAILED;
	struct member m = { .role = &roles[id], .id = id, .index = index, .name = roles[id].name, .options = *options };
	umask(027);
	/* For all threads: malloc() opens files before it makes another arena or lets one shrink. */
	mallopt(M_ARENA_MAX, 1);
	/* Huge pages are for those who count packets: the others would hold megabytes that they never use. */
	if (id != ROLE_CAPTURE)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	/* What ends a whole group of processes (a terminal, a service manager) is for the supervisor: he ends us in
	 * order. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (begin(&m, &err) < 0) {
		member_say(&m, "%s", err.text);
		snprintf(counters->note, sizeof counters->note, "%.150s", err.text);
		return EXIT_FAILED;
	}
	loop_timer(m.loop, 1000, publish, NULL);
	channel_tell(m.control, MESSAGE_READY, 0);
	loop_run(m.loop);
	publish(NULL);
	if (member_roles[id]->close)
		member_roles[id]->close(&m);
	channel_free(m.control);
	loop_free(m.loop);
	config_free(m.config);
	return m.exit;
}
