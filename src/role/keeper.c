// SPDX-License-Identifier: Apache-2.0
/* The keeper role: the store's only writer. Whoever feeds it is answered when the disk has it, not before. */
#include "base/mem.h"
#include "role/feeder.h"
#include "role/firstlogin.h"
#include "role/members.h"
#include "role/upkeep.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_MS  1000
#define COMMANDS  16 /* local commands at once */
#define LISTENING 16

static struct keeper *the_keeper(struct member *m)
{
	return m->state;
}

/* ---- the control socket ---- */

static int listen_at(struct member *m, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char path[4200];
	snprintf(path, sizeof path, "%s/control.sock", m->options.store);
	if (strlen(path) >= sizeof at.sun_path) {
		member_note(
			"the path is too long for a control socket: commands that write wait until the daemon ends");
		return -1;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* By umask, not chmod: the directory isn't root's, a link could lie there by then. */
	mode_t before = umask(0177);
	bool open = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, LISTENING) == 0;
	int why = errno;
	umask(before);
	if (!open) {
		if (fd >= 0)
			close(fd);
		return err_set(err, -2, "%s: %s", path, strerror(why));
	}
	return fd;
}

/* Root, and whoever runs the daemon. */
static bool may_command(struct keeper *k, int fd, uid_t *uid)
{
	struct ucred who;
	socklen_t n = sizeof who;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
		return false;
	*uid = who.uid;
	return who.uid == 0 || who.uid == k->commander;
}

static void on_command(void *arg, int fd, short events)
{
	struct keeper *k = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0)
		return;
	uid_t uid;
	if (!may_command(k, peer, &uid) || feeder_command(k, uid, peer) < 0)
		close(peer);
}

/* ---- life ---- */

static int keeper_open(struct member *m, struct err *err)
{
	struct keeper *k = mem_new(sizeof *k);
	k->m = m;
	k->commander = geteuid();
	m->state = k;
	k->control = listen_at(m, err);
	return k->control == -2 ? -1 : 0;
}

static void publish(void *arg)
{
	struct keeper *k = arg;
	struct statvfs fs;
	if (statvfs(member_store(k->m), &fs) == 0) {
		counters_set(COUNTER_DISK_FREE, (uint64_t)fs.f_bavail * fs.f_frsize);
		counters_set(COUNTER_DISK_TOTAL, (uint64_t)fs.f_blocks * fs.f_frsize);
	}
	counters_set(COUNTER_ARCHIVE_BYTES, store_archive_octets(k->store));
}

static int keeper_ready(struct member *m, struct err *err)
{
	struct keeper *k = the_keeper(m);
	struct err why = { "" };
	k->store = store_open(member_store(m), STORE_WRITE, NULL, err);
	if (!k->store)
		return -1;
	struct store_recovery r = store_recovery(k->store);
	if (r.cut)
		member_say(m, "cut %llu octets that nobody had acknowledged", (unsigned long long)r.cut);
	if (r.missing)
		member_say(m, "warning: %llu committed octets are missing", (unsigned long long)r.missing);
	/* Without it the rest goes on; `sakimori user` makes users, too. */
	if (firstlogin_make(m, k->store, &why) < 0)
		member_say(m, "no first login: %s", why.text);
	if (k->control >= 0)
		loop_add(m->loop, k->control, POLLIN, on_command, k);
	if (upkeep_open(k, err) < 0)
		return -1;
	publish(k);
	loop_timer(m->loop, 5000, publish, k);
	loop_timer(m->loop, RETRY_MS, feeder_retry, k);
	return 0;
}

static void keeper_edge(struct member *m, enum role_id peer, unsigned index, int fd)
{
	if (feeder_new(the_keeper(m), peer, index, fd) < 0)
		close(fd);
}

static void keeper_close(struct member *m)
{
	struct keeper *k = the_keeper(m);
	feeder_free_all(k);
	upkeep_close(k);
	store_close(k->store);
	if (k->control >= 0)
		close(k->control);
	free(k);
}

static const struct sandbox_paths *keeper_paths(struct member *m)
{
	static const char *write[2];
	static struct sandbox_paths paths = { .write = write };
	write[0] = member_store(m);
	return &paths;
}

const struct member_role keeper_role = {
	.open = keeper_open,
	.ready = keeper_ready,
	.edge = keeper_edge,
	.close = keeper_close,
	.paths = keeper_paths,
};
