// SPDX-License-Identifier: Apache-2.0
#include "role/selfpage.h"

#include "role/notify.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ssize_t slurp(pid_t pid, const char *what, char *out, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n;
}

uint64_t selfpage_resident(pid_t pid)
{
	char text[256];
	unsigned long long whole, resident;
	if (slurp(pid, "statm", text, sizeof text) <= 0 || sscanf(text, "%llu %llu", &whole, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t selfpage_born(pid_t pid)
{
	char text[1024];
	unsigned long long born;
	if (slurp(pid, "stat", text, sizeof text) <= 0)
		return 0;
	/* The name in field 2 may hold anything; field 22 counts from its closing bracket. */
	char *at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %llu", &born) == 1 ? born : 0;
}

/* Nobody but the owner may open it: a reader's lock would keep the daemon from starting. */
static int take_lock(const char *store, struct err *err)
{
	char path[4200];
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	snprintf(path, sizeof path, "%s/run/lock", store);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -1, "%s: %s", path, strerror(errno));
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return fd;
	bool held = errno == EAGAIN || errno == EACCES;
	err_set(err, -1, held ? "%s: a daemon runs on this store already" : "%s: can't be locked", path);
	close(fd);
	return -1;
}

static int ping_every(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	long long ms = strtoll(usec, NULL, 10) / 2000; /* twice as often as it must be */
	return ms < 1 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

int selfpage_open(struct selfpage *s, const char *store, const char *config_path, struct err *err)
{
	*s = (struct selfpage){ .page_fd = -1, .lock_fd = take_lock(store, err) };
	if (s->lock_fd < 0)
		return -1;
	counters_clear(store);
	s->page_fd = counters_make(&s->page, store, "supervisor", err);
	if (s->page_fd < 0)
		return -1;
	struct counters *p = s->page;
	p->role = ROLE_SUPERVISOR;
	char *whole = config_path ? realpath(config_path, NULL) : NULL;
	snprintf(p->config, sizeof p->config, "%s", whole ? whole : config_path ? config_path : "");
	free(whole);
	atomic_store(&p->born, selfpage_born(getpid()));
	atomic_store(&p->started_ns, loop_clock_ns());
	atomic_store(&p->state, STATE_STARTING);
	atomic_store(&p->pid, getpid());
	s->ping_ms = ping_every();
	selfpage_tick(s);
	return 0;
}

void selfpage_tick(struct selfpage *s)
{
	atomic_store(&s->page->seen_ns, loop_clock_ns());
	atomic_store(&s->page->resident, selfpage_resident(getpid()));
	if (s->ping_ms)
		notify("WATCHDOG=1");
}

void selfpage_close(struct selfpage *s, const char *why)
{
	if (s->page) {
		snprintf(s->page->last_end, sizeof s->page->last_end, "%.150s", why);
		atomic_store(&s->page->ended_ns, loop_clock_ns());
		atomic_store(&s->page->state, STATE_STOPPED);
		atomic_store(&s->page->pid, 0);
		counters_unmap(s->page);
		close(s->page_fd);
	}
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	*s = (struct selfpage){ .page_fd = -1, .lock_fd = -1 };
}
