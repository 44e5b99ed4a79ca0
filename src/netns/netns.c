// SPDX-License-Identifier: Apache-2.0
#include "netns/netns.h"

#include "netns/iface.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The calling thread's namespace. */
static int own_fd(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Going on in the wrong namespace would touch a network that isn't ours. */
static void go_back(int home)
{
	ENSURE(setns(home, CLONE_NEWNET) == 0);
	close(home);
}

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* no IPv6 in this kernel: as silent */
	if (write(fd, value, strlen(value)) < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	close(fd);
}

/* Called inside. /proc/sys/net shows the namespace of the thread that looks. */
static int furnish(struct netns *ns, struct err *err)
{
	ns->fd = own_fd();
	if (ns->fd < 0)
		return err_set(err, -1, "can't hold a network namespace: %s", strerror(errno));
	ns->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (ns->netlink < 0)
		return err_set(err, -1, "netlink: %s", strerror(errno));
	write_setting("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
	write_setting("/proc/sys/net/ipv6/conf/default/accept_ra", "0");
	write_setting("/proc/sys/net/ipv6/conf/default/dad_transmits", "0");
	return iface_up(ns, "lo", err);
}

int netns_open(struct netns *ns, struct err *err)
{
	ns->fd = ns->netlink = -1;
	int home = own_fd();
	if (home < 0)
		return err_set(err, -1, "can't find the own network namespace: %s", strerror(errno));
	if (unshare(CLONE_NEWNET) != 0) {
		int why = errno;
		close(home);
		return err_set(err, -1, "can't make a network namespace: %s", strerror(why));
	}
	int r = furnish(ns, err);
	go_back(home);
	if (r < 0)
		netns_close(ns);
	return r;
}

void netns_close(struct netns *ns)
{
	if (ns->netlink >= 0)
		close(ns->netlink);
	if (ns->fd >= 0)
		close(ns->fd);
	ns->fd = ns->netlink = -1;
}

int netns_socket(const struct netns *ns, int domain, int type, int protocol)
{
	int home = own_fd();
	if (home < 0)
		return -1;
	if (setns(ns->fd, CLONE_NEWNET) != 0) {
		close(home);
		return -1;
	}
	int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	int why = errno;
	go_back(home);
	errno = why;
	return fd;
}

static _Noreturn void child(const struct netns *ns, int (*fn)(void *), void *arg, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(255);
	if (ns && setns(ns->fd, CLONE_NEWNET) != 0)
		_exit(255);
	int code = fn(arg);
	fflush(NULL);
	_exit(code);
}

int netns_start(const struct netns *ns, int (*fn)(void *arg), void *arg, struct netns_process *out, struct err *err)
{
	pid_t parent = getpid();
	fflush(NULL);
	out->pidfd = -1;
	out->pid = fork();
	if (out->pid < 0)
		return err_set(err, -1, "fork: %s", strerror(errno));
	if (out->pid == 0)
		child(ns, fn, arg, parent);
	out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
	if (out->pidfd >= 0)
		return 0;
	err_set(err, -1, "pidfd: %s", strerror(errno));
	kill(out->pid, SIGKILL);
	waitpid(out->pid, NULL, 0);
	out->pid = 0;
	return -1;
}

int netns_wait(struct netns_process *p, int timeout_ms)
{
	struct pollfd ready = { .fd = p->pidfd, .events = POLLIN };
	int status, r;
	do {
		r = poll(&ready, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return -1;
	ENSURE(waitpid(p->pid, &status, 0) == p->pid);
	close(p->pidfd);
	p->pid = 0;
	p->pidfd = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int netns_signal(const struct netns_process *p, int signo)
{
	return p->pid ? (int)syscall(SYS_pidfd_send_signal, p->pidfd, signo, NULL, 0) : -1;
}

void netns_kill(struct netns_process *p)
{
	if (!p->pid)
		return;
	netns_signal(p, SIGKILL);
	netns_wait(p, -1);
}
