// SPDX-License-Identifier: Apache-2.0
#include "role/supervisor.h"

#include "base/mem.h"
#include "role/alertparams.h"
#include "role/notify.h"
#include "role/replaced.h"
#include "role/selfpage.h"
#include "role/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES    (CONFIG_SENSORS_MAX + ROLE_N)
#define BACKOFF_MIN  100	 /* ms */
#define BACKOFF_MAX  30000	 /* ms */
#define HEALTHY_NS   60000000000 /* ran so long: the back-off begins anew */
#define STOP_MS	     8000	 /* for each group of roles; then they are killed */
#define PIPE_SIZE    (1 << 20)
#define ONCE_STOP_MS 900000 /* a replay is seen to its end */
#define STOP_GROUPS  4
#define TICK_MS	     2000
#define LISTEN_FIRST 3 /* where a service manager puts a socket */
#define LAST_STARTS  5 /* of a role that takes what others still have, while all end */

struct process {
	enum role_id role;
	unsigned index;
	char name[64]; /* its page is the role's to write */
	int64_t started_ns;
	struct counters *page;
	int page_fd, pidfd;
	pid_t pid;
	struct channel *control;
	struct supervisor *owner;
	int backoff_ms, timer; /* timer -1: none */
	bool ready, wanted, failed_first;
	bool restart; /* ended on purpose, to begin anew */
	int last_starts;
};

struct supervisor {
	const struct supervisor_params *p;
	struct config *config;
	struct loop *loop;
	struct process v[PROCESSES];
	size_t n;
	int config_fd, signals;
	int stop_group, stop_timer, once_timer; /* timers: -1: none */
	bool stopping, told_ready;
	int code;
	struct selfpage self;
	char why[128];		     /* it ended */
	struct replaced certificate; /* of the console */
	int handed_over;	     /* listening socket of the console, from a service manager; -1: none */
};

static void start(struct supervisor *s, struct process *p);
static void stop_next(struct supervisor *s);

static void say(const struct supervisor *s, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	dprintf(STDERR_FILENO, "sakimori: %s\n", text);
}

int supervisor_config_fd(const struct config *c)
{
	char *text = NULL;
	size_t n = 0;
	int fd = memfd_create("configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	FILE *f = open_memstream(&text, &n);
	ENSURE(f);
	config_print(f, c);
	fclose(f);
	bool whole = fd >= 0 && write(fd, text, n) == (ssize_t)n &&
		     fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0;
	free(text);
	if (whole)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- edges ---- */

static void give_end(struct process *to, const struct process *peer, int fd)
{
	struct message_buf b = { 0 };
	message_u8(&b, (uint8_t)peer->role);
	message_u16(&b, (uint16_t)peer->index);
	struct message m = { .kind = MESSAGE_EDGE, .body = { b.p, b.n } };
	channel_send_fd(to->control, &m, fd);
	free(b.p);
	close(fd);
}

static bool joined(enum role_id a, enum role_id b)
{
	for (size_t i = 0; i < edges_n; i++)
		if ((edges[i].a == a && edges[i].b == b) || (edges[i].a == b && edges[i].b == a))
			return true;
	return false;
}

/* A process that begins gets a pair to every peer that runs; peers get the other ends. */
static void join(struct supervisor *s, struct process *p)
{
	for (size_t i = 0; i < s->n; i++) {
		struct process *q = &s->v[i];
		int pair[2];
		if (q == p || !q->control || !joined(p->role, q->role))
			continue;
		if (channel_pair(pair) != 0) {
			say(s, "no socket pair: %s", strerror(errno));
			continue;
		}
		give_end(p, q, pair[0]);
		give_end(q, p, pair[1]);
	}
}

/* ---- life of a process ---- */

static void check_ready(struct supervisor *s)
{
	for (size_t i = 0; i < s->n && !s->told_ready; i++)
		if (s->v[i].wanted && !s->v[i].ready)
			return;
	if (s->told_ready)
		return;
	s->told_ready = true;
	atomic_store(&s->self.page->state, STATE_RUNNING);
	notify("READY=1\nSTATUS=running");
	if (!s->p->quiet)
		say(s, "ready: %zu roles, store %s", s->n, s->p->options.store);
	if (geteuid() != 0 && !s->p->quiet)
		say(s,
			"not root: the roles share the user %u, what lies in the store's directory is theirs alike, "
			"and no "
			"interface can be watched without CAP_NET_RAW",
			(unsigned)geteuid());
}

static void end_once(void *arg)
{
	struct supervisor *s = arg;
	s->once_timer = -1;
	if (s->stopping)
		return;
	s->stopping = true;
	snprintf(s->why, sizeof s->why, "the replay is kept");
	for (size_t i = 0; i < s->n; i++)
		loop_cancel(s->loop, s->v[i].timer);
	stop_next(s);
}

/* A role that begins anew just then is waited for, for a while: it has something to tell of the replay. */
static void check_once(struct supervisor *s)
{
	bool ready = true;
	if (!s->p->once || s->stopping)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].role == ROLE_CAPTURE && s->v[i].wanted)
			return;
		ready = ready && (s->v[i].ready || !s->v[i].wanted);
	}
	if (ready) {
		loop_cancel(s->loop, s->once_timer);
		end_once(s);
	} else if (s->once_timer < 0) {
		s->once_timer = loop_after(s->loop, STOP_MS, end_once, s);
	}
}

static void on_message(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct process *p = arg;
	if (m->kind == MESSAGE_READY) {
		p->ready = true;
		atomic_store(&p->page->resident, selfpage_resident(p->pid));
		atomic_store(&p->page->state, STATE_RUNNING);
		check_ready(p->owner);
		check_once(p->owner);
	} else if (m->kind == MESSAGE_END) {
		/* A replay that is over; its process ends now. */
		p->wanted = false;
	}
}

static void on_lost(void *arg, struct channel *c, const char *why)
{
	struct process *p = arg;
	channel_free(c);
	p->control = NULL;
	/*
	 * It broke the rules or is ending. Its end is told by the kernel; one that goes on is ended. A reset is what an
	 * end looks like when something from here was still unread.
	 */
	bool ends = strncmp(why, "the other", 9) == 0 || strcmp(why, strerror(ECONNRESET)) == 0;
	if (p->pid && !p->owner->stopping && !p->restart && !ends) {
		say(p->owner, "%s: ended: it sent the supervisor %s", p->name, why);
		kill(p->pid, SIGKILL);
	}
}

static const char *describe_end(const siginfo_t *si, const struct counters *page, char *out, size_t size)
{
	int call = atomic_load(&page->refused_call);
	if (si->si_code == CLD_EXITED)
		snprintf(out, size, "exit %d", si->si_status);
	else if (si->si_status == SIGSYS)
		snprintf(out, size, "signal 31 (%s): the sandbox refused system call %d", sigdescr_np(SIGSYS), call);
	else
		snprintf(out, size, "signal %d (%s)", si->si_status, sigdescr_np(si->si_status));
	return out;
}

static void report(struct supervisor *s, struct process *p, const siginfo_t *si)
{
	char how[128];
	struct counters *page = p->page;
	uint32_t restarts = atomic_load(&page->restarts);
	describe_end(si, page, how, sizeof how);
	bool well = si->si_code == CLD_EXITED && si->si_status == 0;
	/* What was meant leaves the page with the end that wasn't: --status tells that one. */
	if (p->restart && !s->stopping)
		return;
	if (!s->stopping && si->si_code == CLD_EXITED && si->si_status == MEMBER_AGAIN) {
		say(s, "%s begins anew, because a peer of it did", p->name);
		return;
	}
	snprintf(page->last_end, sizeof page->last_end, "%.100s; last message %s", how,
		message_kind_name(atomic_load(&page->last_kind)));
	if (well && (s->stopping || !p->wanted))
		return;
	/* What it had still to do at the end is done by the next start. */
	if (s->stopping)
		s->code = 3;
	static struct counters said;
	counters_copy(&said, page);
	say(s, "%s ended: %s; last message %s; build %s%s%s", p->name, how, message_kind_name(said.last_kind),
		SAKIMORI_VERSION, said.note[0] ? "; " : "", said.note);
	atomic_store(&page->deaths_ns[restarts % 16], loop_clock_ns());
	atomic_store(&page->restarts, restarts + 1);
}

static void begin_again(void *arg)
{
	struct process *p = arg;
	p->timer = -1;
	if (!p->owner->stopping)
		start(p->owner, p);
}

static void fail(struct supervisor *s)
{
	s->code = 3;
	s->stopping = true;
	stop_next(s);
}

/* The others have something for it that must not be lost with them. */
static void start_last(struct supervisor *s, struct process *p)
{
	bool takes = p->role == ROLE_KEEPER || p->role == ROLE_FORWARD;
	if (takes && p->wanted && !p->pid && s->stop_group < roles[p->role].stop && p->last_starts++ < LAST_STARTS)
		start(s, p);
}

static void after_end(struct supervisor *s, struct process *p)
{
	bool first = !s->told_ready;
	if (s->stopping) {
		start_last(s, p);
		stop_next(s);
		return;
	}
	if (!p->wanted) {
		atomic_store(&p->page->state, STATE_DONE);
		check_once(s);
		return;
	}
	if (p->restart) {
		p->restart = false;
		start(s, p);
		return;
	}
	if (first) {
		say(s, "not started: %s could not begin", p->name);
		snprintf(s->why, sizeof s->why, "%s could not begin", p->name);
		fail(s);
		return;
	}
	if (loop_clock_ns() - p->started_ns > HEALTHY_NS)
		p->backoff_ms = BACKOFF_MIN;
	atomic_store(&p->page->state, STATE_WAITING);
	p->timer = loop_after(s->loop, p->backoff_ms, begin_again, p);
	p->backoff_ms = p->backoff_ms * 2 > BACKOFF_MAX ? BACKOFF_MAX : p->backoff_ms * 2;
}

static void on_end(void *arg, int fd, short events)
{
	struct process *p = arg;
	siginfo_t si = { 0 };
	if (waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG) != 0 || si.si_pid == 0)
		return;
	loop_remove(p->owner->loop, fd);
	close(fd);
	p->pidfd = -1;
	p->pid = 0;
	p->ready = false;
	atomic_store(&p->page->pid, 0);
	atomic_store(&p->page->state, STATE_STOPPED);
	atomic_store(&p->page->ended_ns, loop_clock_ns());
	/* What it said last ("over") may still lie in the socket. */
	struct channel *c = p->control;
	while (c && p->control == c && channel_drain(c))
		;
	channel_free(p->control);
	p->control = NULL;
	report(p->owner, p, &si);
	after_end(p->owner, p);
}

static void start(struct supervisor *s, struct process *p)
{
	struct err err = { "" };
	int control[2];
	if (channel_pair(control) != 0) {
		say(s, "no socket pair: %s", strerror(errno));
		after_end(s, p);
		return;
	}
	counters_begin(p->page, p->name);
	p->page->role = p->role;
	p->page->index = p->index;
	struct spawn spawn = { .role = p->role,
		.index = p->index,
		.options = &s->p->options,
		.fds = { control[1], s->config_fd, p->page_fd },
		.fds_n = 3 };
	if (p->role == ROLE_CONSOLE) {
		if (s->handed_over >= 0)
			spawn.fds[spawn.fds_n++] = s->handed_over;
		/* What it reads now is in force. */
		s->certificate.begun = false;
		(void)replaced_look(&s->certificate, s->config->console.tls.certificate, s->config->console.tls.key);
	}
	if (p->role == ROLE_ALERT)
		alertparams_variables(s->config, spawn.env, SPAWN_ENV - 1);
	p->pidfd = spawn_role(&spawn, &p->pid, &err);
	close(control[1]);
	if (p->pidfd < 0) {
		close(control[0]);
		say(s, "%s", err.text);
		after_end(s, p);
		return;
	}
	atomic_store(&p->page->pid, p->pid);
	p->started_ns = loop_clock_ns();
	atomic_store(&p->page->started_ns, p->started_ns);
	atomic_store(&p->page->state, STATE_STARTING);
	loop_add(s->loop, p->pidfd, POLLIN, on_end, p);
	struct channel_params params = { .loop = s->loop,
		.fd = control[0],
		.kinds = edges_kinds(p->role, ROLE_SUPERVISOR),
		.handler = { .arg = p, .message = on_message, .closed = on_lost } };
	p->control = channel_new(&params);
	join(s, p);
}

/* ---- the end ---- */

static void kill_group(void *arg)
{
	struct supervisor *s = arg;
	s->stop_timer = -1;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].pid && roles[s->v[i].role].stop <= s->stop_group) {
			say(s, "%s did not end in %d s and is killed", s->v[i].name, STOP_MS / 1000);
			s->code = 3;
			kill(s->v[i].pid, SIGKILL);
		}
}

/* Group by group: whoever gives before whoever takes. */
static void stop_next(struct supervisor *s)
{
	for (; s->stop_group < STOP_GROUPS; s->stop_group++) {
		bool any = false;
		for (size_t i = 0; i < s->n; i++) {
			struct process *p = &s->v[i];
			if (!p->pid || roles[p->role].stop != s->stop_group)
				continue;
			any = true;
			if (p->wanted && p->control)
				channel_tell(p->control, MESSAGE_STOP, 0);
			p->wanted = false;
		}
		if (any) {
			if (s->stop_timer < 0)
				s->stop_timer = loop_after(s->loop, s->p->once ? ONCE_STOP_MS : STOP_MS, kill_group, s);
			return;
		}
		loop_cancel(s->loop, s->stop_timer);
		s->stop_timer = -1;
	}
	loop_stop(s->loop);
}

/* ---- signals ---- */

struct reload {
	struct supervisor *s;
	unsigned reach;
};

static void tell_change(void *arg, const char *path, unsigned reach)
{
	struct reload *r = arg;
	if (reach & CONFIG_DAEMON)
		say(r->s, "reload: %s changed: that needs a restart of the daemon", path);
	else
		say(r->s, "reload: %s changed", path);
	r->reach |= reach;
}

/* By bit of enum config_reach. */
static const enum role_id reached[] = { ROLE_CAPTURE, ROLE_ANALYSIS, ROLE_KEEPER, ROLE_QUERY, ROLE_ALERT, ROLE_FORWARD,
	ROLE_COLLECT, ROLE_METRICS, ROLE_CONSOLE };

static void restart_role(struct supervisor *s, enum role_id role)
{
	for (size_t i = 0; i < s->n; i++) {
		struct process *p = &s->v[i];
		if (p->role != role || !p->wanted || !p->control || p->restart)
			continue;
		p->restart = true;
		p->backoff_ms = BACKOFF_MIN;
		channel_tell(p->control, MESSAGE_STOP, 0);
	}
}

static void restart_reached(struct supervisor *s, unsigned reach)
{
	for (size_t k = 0; k < sizeof reached / sizeof *reached; k++)
		if (reach & 1u << k)
			restart_role(s, reached[k]);
	/* What the console has of the configuration the desk has, too. */
	if (reach & CONFIG_CONSOLE)
		restart_role(s, ROLE_DESK);
}

/* Who is there is chosen at the start. The key by which a role or sensor would come, go or change places, or NULL. */
static const char *other_roles(const struct config *a, const struct config *b)
{
	bool away = a->forward.to.host != NULL;
	if (away != (b->forward.to.host != NULL))
		return "forward.to";
	if (!a->collect.listen.host != !b->collect.listen.host)
		return "collect.listen";
	if (!a->metrics.listen.host != !b->metrics.listen.host)
		return "metrics.listen";
	if (!a->console.listen.host != !b->console.listen.host)
		return "console.listen";
	if (away && !a->alerts.channels.n != !b->alerts.channels.n)
		return "alerts.channels";
	bool same = a->sensors.n == b->sensors.n;
	for (size_t i = 0; same && i < a->sensors.n; i++)
		same = strcmp(a->sensors.v[i].name, b->sensors.v[i].name) == 0 &&
		       !a->sensors.v[i].interface == !b->sensors.v[i].interface;
	return same ? NULL : "sensors";
}

static void reload(struct supervisor *s)
{
	struct yaml_faults faults = { 0 };
	struct config *c;
	struct reload r = { .s = s };
	if (!s->p->config_path) {
		say(s, "reload: there is no configuration file");
		return;
	}
	notify("RELOADING=1");
	if (config_read(&c, s->p->config_path, &faults) < 0) {
		yaml_faults_print(stderr, s->p->config_path, &faults);
		say(s, "reload: refused; what was in force stays in force");
	} else {
		unsigned all = config_diff(s->config, c, tell_change, &r);
		const char *other = other_roles(s->config, c);
		int fd = supervisor_config_fd(c);
		if (!all)
			say(s, "reload: nothing changed%s",
				c->collect.listen.host ? "; collect reads its list of revoked certificates" : "");
		if (other) {
			all |= CONFIG_DAEMON;
			say(s, "reload: %s would begin or end a role: that needs a restart of the daemon", other);
		}
		if (fd >= 0 && !(all & CONFIG_DAEMON)) {
			close(s->config_fd);
			s->config_fd = fd;
			config_free(s->config);
			s->config = c;
			/* Its list of revoked certificates is read when it begins. */
			restart_reached(s, all | CONFIG_COLLECT);
			if (all)
				say(s, "reload: in force");
		} else {
			if (all & CONFIG_DAEMON)
				say(s, "reload: nothing of it is in force");
			if (fd >= 0)
				close(fd);
			config_free(c);
		}
	}
	notify("READY=1");
}

static void on_signal(void *arg, int fd, short events)
{
	struct supervisor *s = arg;
	struct signalfd_siginfo info;
	if (read(fd, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGHUP) {
		reload(s);
		return;
	}
	if (s->stopping)
		return;
	notify("STOPPING=1");
	snprintf(s->why, sizeof s->why, "stopped by SIG%s", sigabbrev_np((int)info.ssi_signo));
	s->stopping = true;
	for (size_t i = 0; i < s->n; i++) {
		loop_cancel(s->loop, s->v[i].timer);
		if (s->told_ready)
			start_last(s, &s->v[i]);
	}
	stop_next(s);
}

static int take_signals(struct supervisor *s)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return -1;
	loop_add(s->loop, s->signals, POLLIN, on_signal, s);
	return 0;
}

/* ---- who is there ---- */

static int add(struct supervisor *s, enum role_id role, unsigned index, const char *of, struct err *err)
{
	char name[64];
	struct process *p = &s->v[s->n];
	if (!member_roles[role])
		return 0;
	snprintf(name, sizeof name, "%s%s%s", roles[role].name, of ? ":" : "", of ? of : "");
	*p = (struct process){ .role = role,
		.index = index,
		.owner = s,
		.backoff_ms = BACKOFF_MIN,
		.timer = -1,
		.pidfd = -1,
		.wanted = true };
	snprintf(p->name, sizeof p->name, "%s", name);
	p->page_fd = counters_make(&p->page, s->p->options.store, name, err);
	if (p->page_fd < 0)
		return -1;
	s->n++;
	return 0;
}

/* Who is there, by the configuration. */
static bool wanted(const struct config *c, enum role_id role)
{
	bool away = c->forward.to.host != NULL;
	switch (role) {
	case ROLE_FORWARD:
		return away;
	case ROLE_KEEPER:
	case ROLE_QUERY:
	case ROLE_ANALYSIS:
		return !away;
	case ROLE_ALERT:
		return !away || c->alerts.channels.n;
	case ROLE_COLLECT:
		return !away && c->collect.listen.host;
	case ROLE_METRICS:
		return c->metrics.listen.host;
	case ROLE_DESK:
	case ROLE_CONSOLE:
		return !away && c->console.listen.host;
	default:
		return false;
	}
}

static int choose(struct supervisor *s, struct err *err)
{
	static const enum role_id order[] = { ROLE_FORWARD, ROLE_KEEPER, ROLE_QUERY, ROLE_ANALYSIS, ROLE_ALERT,
		ROLE_COLLECT, ROLE_METRICS, ROLE_DESK, ROLE_CONSOLE };
	const struct config *c = s->config;
	int r = 0;
	for (size_t i = 0; i < sizeof order / sizeof *order && !r; i++)
		if (wanted(c, order[i]))
			r = add(s, order[i], 0, NULL, err);
	for (unsigned i = 0; i < c->sensors.n && !r; i++)
		if (c->sensors.v[i].interface || (s->p->options.replay && i == 0))
			r = add(s, ROLE_CAPTURE, i, c->sensors.v[i].name, err);
	return r;
}

static void on_tick(void *arg)
{
	struct supervisor *s = arg;
	selfpage_tick(&s->self);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].pid)
			atomic_store(&s->v[i].page->resident, selfpage_resident(s->v[i].pid));
	const struct config *c = s->config;
	if (!s->stopping && replaced_look(&s->certificate, c->console.tls.certificate, c->console.tls.key)) {
		say(s, "the console's certificate was replaced");
		restart_role(s, ROLE_CONSOLE);
	}
}

/* sd_listen_fds(3): one socket, named for the console. Other processes must not take it for theirs. */
static int take_socket(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	char own[24];
	snprintf(own, sizeof own, "%d", (int)getpid());
	bool ours = pid && n && names && strcmp(pid, own) == 0 && strcmp(n, "1") == 0 && strcmp(names, "console") == 0;
	int fd = ours ? fcntl(LISTEN_FIRST, F_DUPFD_CLOEXEC, LISTEN_FIRST + 1) : -1;
	if (fd >= 0)
		close(LISTEN_FIRST);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return fd;
}

static int prepare(struct supervisor *s, struct err *err)
{
	const char *store = s->p->options.store;
	if (supervisor_directory(store, err) < 0 || selfpage_open(&s->self, store, s->p->config_path, err) < 0)
		return -1;
	int every = s->self.ping_ms && s->self.ping_ms < TICK_MS ? s->self.ping_ms : TICK_MS;
	loop_timer(s->loop, every, on_tick, s);
	return choose(s, err);
}

int supervisor_run(const struct supervisor_params *params)
{
	struct err err = { "" };
	struct supervisor *s = mem_new(sizeof *s);
	s->p = params;
	s->config = params->config;
	s->loop = loop_new();
	s->handed_over = take_socket();
	s->stop_timer = s->once_timer = -1;
	s->self = (struct selfpage){ .page_fd = -1, .lock_fd = -1 };
	s->config_fd = supervisor_config_fd(s->config);
	if (s->config_fd < 0 || take_signals(s) < 0)
		s->code = err_set(&err, 3, "can't begin: %s", strerror(errno));
	else if (prepare(s, &err) < 0)
		s->code = 3;
	if (s->code == 0) {
		for (size_t i = 0; i < s->n; i++)
			start(s, &s->v[i]);
		loop_run(s->loop);
	} else {
		say(s, "%s", err.text);
		snprintf(s->why, sizeof s->why, "%.120s", err.text);
	}
	for (size_t i = 0; i < s->n; i++) {
		counters_unmap(s->v[i].page);
		close(s->v[i].page_fd);
	}
	selfpage_close(&s->self, s->why);
	if (s->config_fd >= 0)
		close(s->config_fd);
	if (s->signals > 0)
		close(s->signals);
	if (s->handed_over >= 0)
		close(s->handed_over);
	int code = s->code;
	config_free(s->config);
	loop_free(s->loop);
	free(s);
	return code;
}
