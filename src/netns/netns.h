// SPDX-License-Identifier: Apache-2.0
/*
 * Light hosts: a network namespace held by a file descriptor, without a name in the file system, and processes that run
 * in it. The kernel removes the namespace, its interfaces and the far ends of its pairs when the descriptor and the
 * processes are gone; processes get SIGKILL when the thread that started them ends. So nothing is left behind, however
 * the parent ends.
 *
 * Needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"
#include <signal.h>
#include <sys/types.h>

struct netns {
	int fd;	     /* of the namespace */
	int netlink; /* a route socket inside it; for iface.h */
};

/* An empty namespace with `lo` up. IPv6 is silent in it: no address, solicitation or report that nobody asked for. */
int netns_open(struct netns *ns, struct err *err) NODISCARD;
void netns_close(struct netns *ns);

/* A socket that belongs to the namespace; close-on-exec. Returns the descriptor or -1 with errno. */
int netns_socket(const struct netns *ns, int domain, int type, int protocol) NODISCARD;

struct netns_process {
	pid_t pid;
	int pidfd;
};

/* Runs fn(arg) in a child inside the namespace; its result (0..255) is the exit code. `ns` NULL: the caller's own
 * namespace. */
int netns_start(
	const struct netns *ns, int (*fn)(void *arg), void *arg, struct netns_process *out, struct err *err) NODISCARD;

/*
 * Waits for the end. Returns the exit code, 256 + signal when a signal ended it, -1 when it still runs after
 * `timeout_ms` (-1: no limit). After any result but -1 the process is forgotten.
 */
int netns_wait(struct netns_process *p, int timeout_ms);

/* Sends a signal to exactly this process. Returns 0 or -1. */
int netns_signal(const struct netns_process *p, int signo);

/* Kills and waits. Safe on a process that was waited for. */
void netns_kill(struct netns_process *p);
