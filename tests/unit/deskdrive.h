// SPDX-License-Identifier: Apache-2.0
/* For test_desk.c: a desk and a keeper in processes of their own, and the console's side of their channel. */
#pragma once
#include "model/call.h"
#include "role/members.h"
#include "role/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static const char config_text[] = "network: {operator: self}\nsensors:\n"
				  "  - {name: west, interface: lo, tenant: west}\n";

static char dir[] = "/tmp/desk.XXXXXX";

static struct peer {
	enum role_id role;
	pid_t pid;
	int control;
	struct counters *page;
} keeper = { .role = ROLE_KEEPER }, desk = { .role = ROLE_DESK };

static int console = -1;
static uint64_t number;

/* ---- processes ---- */

static void become(enum role_id role, const int fds[3])
{
	struct member_options o = { .store = dir, .parent = getppid() };
	for (int i = 0; i < 3; i++)
		if (fcntl(fds[i], F_DUPFD, 100 + i) < 0)
			_exit(126);
	for (int i = 0; i < 3; i++)
		if (dup2(100 + i, MEMBER_CONTROL + i) < 0)
			_exit(126);
	close_range(MEMBER_FREE, ~0u, 0);
	_exit(member_main(role, 0, &o));
}

static int receive(int fd, struct message *m, int timeout_ms)
{
	static uint8_t buffer[MESSAGE_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, timeout_ms) <= 0)
		return -1;
	ssize_t n = recv(fd, buffer, sizeof buffer, 0);
	return n <= 0 ? 0 : message_parse((struct bytes){ buffer, (size_t)n }, m) == 0 ? 1 : 0;
}

static void start(struct peer *p)
{
	struct yaml_faults faults = { 0 };
	struct err err = { "" };
	struct config *c;
	struct message m;
	int pair[2];
	assert_int_equal(
		config_parse(&c, (struct bytes){ (const uint8_t *)config_text, sizeof config_text - 1 }, &faults), 0);
	assert_int_equal(channel_pair(pair), 0);
	int fds[3] = { pair[1], supervisor_config_fd(c), counters_make(&p->page, dir, roles[p->role].name, &err) };
	assert_true(fds[1] >= 0 && fds[2] >= 0);
	config_free(c);
	counters_begin(p->page, roles[p->role].name);
	p->pid = fork();
	if (p->pid == 0)
		become(p->role, fds);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	p->control = pair[0];
	assert_int_equal(receive(p->control, &m, 20000), 1);
	assert_int_equal(m.kind, MESSAGE_READY);
}

static void stop(struct peer *p)
{
	int status;
	uint8_t octets[MESSAGE_HEADER];
	message_header_build(octets, &(struct message){ .kind = MESSAGE_STOP });
	send(p->control, octets, sizeof octets, MSG_NOSIGNAL);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(p->control);
	counters_unmap(p->page);
}

static void give_edge(const struct peer *p, enum role_id from, int fd)
{
	uint8_t out[MESSAGE_HEADER + 3] = { [MESSAGE_HEADER] = (uint8_t)from, 0, 0 };
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { out, sizeof out };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	message_header_build(out, &(struct message){ .kind = MESSAGE_EDGE });
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	assert_int_equal(sendmsg(p->control, &h, MSG_NOSIGNAL), sizeof out);
	close(fd);
}

static void join_keeper(void)
{
	int pair[2];
	assert_int_equal(channel_pair(pair), 0);
	give_edge(&desk, ROLE_KEEPER, pair[0]);
	give_edge(&keeper, ROLE_DESK, pair[1]);
}

static void join_console(void)
{
	int pair[2];
	if (console >= 0)
		close(console);
	assert_int_equal(channel_pair(pair), 0);
	give_edge(&desk, ROLE_CONSOLE, pair[0]);
	console = pair[1];
}

static int begin(void **state)
{
	struct err err = { "" };
	assert_non_null(mkdtemp(dir));
	assert_int_equal(supervisor_directory(dir, &err), 0);
	start(&keeper);
	start(&desk);
	join_keeper();
	join_console();
	return 0;
}

static int end(void **state)
{
	char command[64];
	close(console);
	stop(&desk);
	stop(&keeper);
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command);
}
