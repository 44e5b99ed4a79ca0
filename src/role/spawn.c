// SPDX-License-Identifier: Apache-2.0
#include "role/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST	   3
#define OUT_OF_WAY 100
#define WORDS	   16

struct words {
	const char *v[WORDS];
	char index[16], parent[24];
};

static void fill(struct words *w, const struct spawn *s)
{
	const struct member_options *o = s->options;
	int n = 0;
	snprintf(w->index, sizeof w->index, "%u", s->index);
	snprintf(w->parent, sizeof w->parent, "%d", (int)getpid());
	w->v[n++] = "sakimori";
	w->v[n++] = "--role";
	w->v[n++] = roles[s->role].name;
	w->v[n++] = w->index;
	w->v[n++] = w->parent;
	w->v[n++] = o->store;
	w->v[n++] = o->no_sandbox ? "bare" : "sealed";
	/* All know of it: what they see is as old as the file. Further sensors watch their interfaces. */
	if (o->replay && !(s->role == ROLE_CAPTURE && s->index)) {
		w->v[n++] = o->replay;
		w->v[n++] = o->speed;
	}
	w->v[n] = NULL;
}

/* What of the environment goes along: time zone, the options of sanitizers, and what the role is to have. */
static char **environment(const struct spawn *s)
{
	static const char *const kept[] = { "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS" };
	static char *env[SPAWN_ENV + sizeof kept / sizeof *kept + 1];
	size_t n = 0;
	for (char **e = environ; *e; e++) {
		size_t length = strcspn(*e, "=");
		bool take = false;
		for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
			take = take || (strlen(kept[i]) == length && memcmp(kept[i], *e, length) == 0);
		for (size_t i = 0; i < SPAWN_ENV && s->env[i]; i++)
			take = take || (strlen(s->env[i]) == length && memcmp(s->env[i], *e, length) == 0);
		if (take && n + 1 < sizeof env / sizeof *env)
			env[n++] = *e;
	}
	env[n] = NULL;
	return env;
}

/* In the child: only what is safe after a clone. */
static _Noreturn void become(const struct spawn *s, const struct words *w, char **env)
{
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < s->fds_n; i++)
		if (fcntl(s->fds[i], F_DUPFD, OUT_OF_WAY + i) != OUT_OF_WAY + i)
			_exit(126);
	for (int i = 0; i < s->fds_n; i++)
		if (dup2(OUT_OF_WAY + i, FIRST + i) < 0)
			_exit(126);
	if (syscall(SYS_close_range, FIRST + s->fds_n, ~0u, 0) != 0)
		_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve("/proc/self/exe", (char *const *)w->v, env);
	_exit(127);
}

int spawn_role(const struct spawn *s, pid_t *pid, struct err *err)
{
	struct words words;
	char **env = environment(s);
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD };
	fill(&words, s);
	/* A descriptor of the parent's that lies where the child moves its own would be in the way. */
	close_range(OUT_OF_WAY + s->fds_n, ~0u, CLOSE_RANGE_CLOEXEC);
	long r = syscall(SYS_clone3, &args, sizeof args);
	/* Service managers and containers that limit namespaces refuse it: a filter can't see its flags. */
	if (r < 0 && errno == ENOSYS)
		r = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, NULL);
	if (r < 0)
		return err_set(err, -1, "can't start the %s role: %s", roles[s->role].name, strerror(errno));
	if (r == 0)
		become(s, &words, env);
	*pid = (pid_t)r;
	return pidfd;
}
