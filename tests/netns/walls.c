// SPDX-License-Identifier: Apache-2.0
/*
 * What a role that was taken over could still do. usage: netns_walls FOLDER
 *
 * Each row is tried in a process of its own for each role, sealed by seal_user() and seal_calls() as the daemon seals
 * it, with another process of the same user beside it and, for capture, with an open packet socket. The row says for
 * which roles it works and for which the filter lets it through and the kernel refuses it; all others must die of
 * SIGSYS and leave the number of the call.
 */
#include "netns/walls.h"

#include "base/sandbox.h"
#include "role/seal.h"
#include "role/users.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct outcome {
	struct counters page;
	int entered, result, why;
};

static struct outcome *shared;
static char folder[200], store[256];
static pid_t victims[ROLE_N];
static int space; /* the network outside */

static void die(const char *what)
{
	printf("not ok walls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put_file(const char *dir, const char *name, mode_t mode)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, "kept", 4) != 4 || fchown(fd, users_uid(ROLE_KEEPER), users_readers()) != 0 ||
		fchmod(fd, mode) != 0)
		die(path);
	close(fd);
}

/* A socket that everybody may reach by his rights: what keeps them from it is what is tested. */
static void put_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof at.sun_path, "%.90s/control.sock", store);
	unlink(at.sun_path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || chmod(at.sun_path, 0777) != 0 ||
		listen(fd, 64) != 0)
		die(at.sun_path);
}

static void make_store(const char *dir)
{
	snprintf(folder, sizeof folder, "%.199s", dir);
	snprintf(store, sizeof store, "%s/store", folder);
	if (chmod(folder, 0755) != 0 || mkdir(store, 0750) != 0 ||
		chown(store, users_uid(ROLE_KEEPER), users_readers()) != 0 || chmod(store, 0755) != 0)
		die(store);
	put_file(store, "sakimori.db", 0644);
	put_file(store, "secret", 0600);
	put_file(folder, "beside", 0666);
	if (chmod(folder, 01777) != 0)
		die(folder);
	put_socket();
}

/* Nothing leaves this test: it has a network of its own, and the packet sockets are on its lo. */
static void own_network(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	space = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (space < 0 || unshare(CLONE_NEWNET) != 0)
		die("a network namespace");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) != 0)
		die("lo");
	close(fd);
}

static int packet_socket(void)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex("lo")
	};
	int version = TPACKET_V3, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct tpacket_req3 ring = {
		.tp_block_size = 1 << 16, .tp_block_nr = 2, .tp_frame_size = 2048, .tp_frame_nr = 64
	};
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) != 0 ||
		bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
		return -1;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, SANDBOX_GUARDED);
	close(fd);
	return high;
}

static int prepare(struct walls_place *p, enum role_id id)
{
	p->role = id;
	p->victim = victims[id];
	p->store = roles[id].rooted ? "" : store;
	p->beside = roles[id].rooted ? "/../beside" : folder;
	p->packet = id == ROLE_CAPTURE ? packet_socket() : -1;
	p->space = space;
	if (id == ROLE_CAPTURE && p->packet < SANDBOX_GUARDED)
		return -1;
	if (pipe2(p->pipe, O_CLOEXEC) != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->pair) != 0)
		return -1;
	p->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return p->listening >= 0 && listen(p->listening, 4) == 0 ? 0 : -1;
}

static int seal(enum role_id id, bool calls, struct err *err)
{
	/* Its paths live as long as the process. */
	static struct member m;
	m = (struct member){
		.role = &roles[id], .id = id, .name = roles[id].name, .options = { .store = store, .parent = getppid() }
	};
	const struct member_role *r = member_roles[id];
	if (chdir(store) != 0 || seal_user(&m, err) < 0)
		return -1;
	return calls ? seal_calls(&m, r->paths ? r->paths(&m) : NULL, err) : 0;
}

static _Noreturn void try_it(enum role_id id, const struct walls_trial *t)
{
	struct walls_place p = { 0 };
	struct err err = { "" };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(20);
	counters = &shared->page;
	if (prepare(&p, id) < 0 || seal(id, true, &err) < 0) {
		fprintf(stderr, "%s: %s: %s %s\n", roles[id].name, t->name, err.text, strerror(errno));
		_exit(1);
	}
	shared->entered = 1;
	errno = 0;
	shared->result = t->run(&p);
	shared->why = errno;
	_exit(0);
}

static const char *judge(enum role_id id, const struct walls_trial *t, int status, char *text, size_t size)
{
	bool works = t->works & 1u << id, held = t->held & 1u << id;
	int call = atomic_load(&shared->page.refused_call);
	if (!shared->entered)
		return "it was not sealed";
	if (WIFSIGNALED(status)) {
		bool right = WTERMSIG(status) == SIGSYS && !works && !held && (call == t->call || t->call < 0);
		snprintf(text, size, "signal %d, call %d", WTERMSIG(status), call);
		return right ? NULL : text;
	}
	snprintf(text, size, "result %d, %s", shared->result, strerror(shared->why));
	if (works)
		return shared->result >= 0 ? NULL : text;
	/* A sanitizer's build refuses less, and never by a signal. */
	if (held || WALLS_SANITIZED)
		return shared->result < 0 ? NULL : text;
	return text;
}

static bool check(const struct walls_trial *t)
{
	bool good = true;
	int tried = 0;
	for (int id = ROLE_CAPTURE; id <= ROLE_CONSOLE; id++) {
		char text[128];
		int status = 0;
		if (!(t->roles & 1u << id) || (WALLS_SANITIZED && !t->sanitized))
			continue;
		memset(shared, 0, sizeof *shared);
		atomic_store(&shared->page.refused_call, -1);
		fflush(stdout);
		pid_t child = fork();
		if (child == 0)
			try_it((enum role_id)id, t);
		if (child < 0 || waitpid(child, &status, 0) != child)
			die("a child");
		const char *why = judge((enum role_id)id, t, status, text, sizeof text);
		if (why)
			printf("not ok walls/%s in %s: %s\n", t->name, roles[id].name, why);
		good = good && !why;
		tried++;
	}
	if (good && tried)
		printf("ok walls/%s\n", t->name);
	return good;
}

/* Another process of the same role, as far as a user goes. */
static pid_t start_victim(enum role_id id)
{
	int ready[2];
	char byte;
	if (pipe2(ready, O_CLOEXEC) != 0)
		die("a pipe");
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (seal(id, false, NULL) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (child < 0 || read(ready[0], &byte, 1) != 1)
		die("a second process");
	close(ready[0]);
	return child;
}

int main(int argc, char **argv)
{
	bool good = true;
	if (argc != 2)
		return 2;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("memory");
	make_store(argv[1]);
	own_network();
	for (int id = ROLE_CAPTURE; id <= ROLE_CONSOLE; id++)
		victims[id] = start_victim((enum role_id)id);
	for (size_t i = 0; i < walls_trials_n; i++)
		good = check(&walls_trials[i]) && good;
	for (int id = ROLE_CAPTURE; id <= ROLE_CONSOLE; id++) {
		int status;
		good = good && waitpid(victims[id], &status, WNOHANG) == 0;
		kill(victims[id], SIGKILL);
		waitpid(victims[id], &status, 0);
	}
	return good ? 0 : 1;
}
