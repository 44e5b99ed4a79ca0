// SPDX-License-Identifier: Apache-2.0
#include "role/seal.h"

#include "role/users.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? write(fd, text, strlen(text)) : -1;
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

/* An ordinary user's own namespaces; his numbers stay what they are. */
static int map_user(uid_t uid, gid_t gid)
{
	char text[64];
	if (put("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(text, sizeof text, "%u %u 1", (unsigned)uid, (unsigned)uid);
	if (put("/proc/self/uid_map", text) < 0)
		return -1;
	snprintf(text, sizeof text, "%u %u 1", (unsigned)gid, (unsigned)gid);
	return put("/proc/self/gid_map", text);
}

static int namespaces(struct member *m, struct err *err)
{
	bool root = geteuid() == 0, apart = m->role->net == NETWORK_NONE || m->role->net == NETWORK_PACKET;
	int flags = CLONE_NEWIPC | CLONE_NEWUTS | (apart ? CLONE_NEWNET : 0);
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (root && unshare(flags | CLONE_NEWCGROUP) != 0)
		return err_set(err, -1, "no namespace of its own: %s", strerror(errno));
	if (root || !apart)
		return 0;
	if (unshare(flags | CLONE_NEWUSER) != 0 || map_user(uid, gid) < 0)
		member_note("no namespaces: %s", strerror(errno));
	return 0;
}

static void limit(int what, rlim_t n)
{
	struct rlimit now;
	if (getrlimit(what, &now) != 0)
		return;
	if (n < now.rlim_max || now.rlim_max == RLIM_INFINITY)
		now.rlim_max = n;
	now.rlim_cur = n < now.rlim_max ? n : now.rlim_max;
	setrlimit(what, &now);
}

int seal_user(struct member *m, struct err *err)
{
	bool root = geteuid() == 0;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, m->role->files);
	if (m->options.no_sandbox)
		return 0;
	uid_t uid = users_uid(m->id);
	gid_t gid = users_gid(m->id);
	if (root && (uid == 0 || gid == 0))
		return err_set(err, -1, "the user of the %s role is root's", m->role->name);
	if (root && m->role->rooted) {
		if (chroot(m->options.store) != 0 || chdir("/") != 0)
			return err_set(err, -1, "%s: %s", m->options.store, strerror(errno));
		m->rooted = true;
		sandbox_no_leak_check();
	}
	if (namespaces(m, err) < 0 || sandbox_drop_group(uid, gid, err) < 0)
		return -1;
	if (getppid() != m->options.parent)
		return err_set(err, -1, "the supervisor is gone");
	return 0;
}

static enum sandbox_profile profile_of(enum role_id id)
{
	switch (id) {
	case ROLE_CAPTURE:
		return SANDBOX_CAPTURE;
	case ROLE_KEEPER:
	case ROLE_QUERY:
	case ROLE_DESK:
		return SANDBOX_FILES;
	case ROLE_COLLECT:
	case ROLE_METRICS:
	case ROLE_CONSOLE:
		return SANDBOX_LISTEN;
	case ROLE_ALERT:
	case ROLE_FORWARD:
		return SANDBOX_NETWORK;
	default:
		return SANDBOX_MESSAGE;
	}
}

int seal_calls(struct member *m, const struct sandbox_paths *paths, struct err *err)
{
	if (m->options.no_sandbox)
		return 0;
	int r = sandbox_files(paths, err);
	if (r < 0)
		return -1;
	if (r > 0)
		member_note("this kernel has no Landlock: files are kept from it by user and system calls alone");
	/* No process may be started; threads count too, so the limit stays where threads may come. A sanitizer's leak
	 * check is a process. */
	if (!sandbox_sanitized() && m->role->net != NETWORK_OUT && m->role->net != NETWORK_LISTEN &&
		m->role->net != NETWORK_PACKET)
		limit(RLIMIT_NPROC, 0);
	sandbox_deadly(&counters->refused_call);
	m->sealed = sandbox_enter(profile_of(m->id), err) == 0;
	return m->sealed ? 0 : -1;
}
