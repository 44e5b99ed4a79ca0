// SPDX-License-Identifier: Apache-2.0
#include "role/status.h"

#include "base/loop.h"
#include "base/mem.h"
#include "base/text.h"
#include "role/selfpage.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".counters"

struct held {
	char name[64];
	int fd; /* -1: it is strange */
	const char *why;
};

struct status_reader {
	struct held v[STATUS_PAGES + 1];
	size_t n, more;
};

/* NULL: a page of this build, by its size. */
static const char *open_page(int dir, const char *file, int *fd)
{
	struct stat st;
	/* A pipe or a device must not hold up the reader. */
	*fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return errno == ELOOP ? "a link" : errno == EACCES ? "not readable for this user" : "can't be opened";
	if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode))
		return "no ordinary file";
	if (st.st_size != (off_t)sizeof(struct counters))
		return "another size: another build, or no page";
	return NULL;
}

static void hold(struct status_reader *r, int dir, const char *file)
{
	size_t n = strlen(file), suffix = strlen(SUFFIX);
	if (n <= suffix || strcmp(file + n - suffix, SUFFIX) != 0)
		return;
	if (r->n == STATUS_PAGES + 1) {
		r->more++;
		return;
	}
	struct held *h = &r->v[r->n++];
	text_escape(h->name, sizeof h->name, file, n - suffix);
	h->why = n - suffix >= sizeof h->name ? "a name that is too long" : open_page(dir, file, &h->fd);
	if (h->why && h->fd >= 0) {
		close(h->fd);
		h->fd = -1;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct held *)a)->name, ((const struct held *)b)->name);
}

struct status_reader *status_open(const char *store, struct err *err)
{
	char path[4200];
	struct dirent *e;
	snprintf(path, sizeof path, "%s/run", store);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno != ENOENT) {
		err_set(err, -1, "%s: %s", path, strerror(errno));
		return NULL;
	}
	struct status_reader *r = mem_new(sizeof *r);
	for (size_t i = 0; i < STATUS_PAGES + 1; i++)
		r->v[i].fd = -1;
	DIR *d = dir >= 0 ? fdopendir(dir) : NULL;
	while (d && (e = readdir(d)))
		hold(r, dir, e->d_name);
	if (d)
		closedir(d);
	qsort(r->v, r->n, sizeof *r->v, by_name);
	return r;
}

void status_close(struct status_reader *r)
{
	for (size_t i = 0; r && i < r->n; i++)
		if (r->v[i].fd >= 0)
			close(r->v[i].fd);
	free(r);
}

const char *status_parse(const char *name, struct bytes in, struct status_page *out)
{
	struct counters *c = &out->c;
	char word[sizeof out->name];
	if (in.n != sizeof *c)
		return "another size: another build, or no page";
	counters_copy(c, (const void *)in.p);
	if (c->magic != COUNTERS_MAGIC || c->size != sizeof *c)
		return "no page of this build";
	if (strcmp(c->build, SAKIMORI_VERSION) != 0)
		return "of another build";
	text_escape(out->name, sizeof out->name, name, strlen(name));
	memcpy(word, out->name, sizeof word);
	char *colon = strchr(word, ':');
	if (colon)
		*colon = '\0';
	out->sensor = colon ? out->name + (colon - word) + 1 : NULL;
	out->role = roles_find(word);
	if (out->role >= ROLE_COMMAND)
		return "of no role that this build knows";
	return NULL;
}

/* Read, not mapped: a page that is cut while it is looked at must not end the reader. */
static const char *take(const struct held *h, struct status_page *out)
{
	uint8_t raw[sizeof(struct counters)];
	if (h->fd < 0)
		return h->why;
	ssize_t n = pread(h->fd, raw, sizeof raw, 0);
	return status_parse(h->name, (struct bytes){ raw, n > 0 ? (size_t)n : 0 }, out);
}

static enum status_daemon judge_daemon(const struct counters *c, bool sealed)
{
	int64_t pid = atomic_load(&c->pid);
	if (pid <= 0)
		return STATUS_STOPPED;
	if (sealed)
		return STATUS_RUNNING;
	uint64_t born = selfpage_born((pid_t)pid);
	if (born)
		return born == atomic_load(&c->born) ? STATUS_RUNNING : STATUS_KILLED;
	/* /proc may hide other users' processes. */
	return kill((pid_t)pid, 0) == 0 || errno == EPERM ? STATUS_RUNNING : STATUS_KILLED;
}

static void strange(struct status *s, const char *name, const char *why)
{
	if (s->strange_n == STATUS_STRANGE) {
		s->strange_more++;
		return;
	}
	struct status_strange *x = &s->strange[s->strange_n++];
	snprintf(x->name, sizeof x->name, "%s%s", name, SUFFIX);
	x->why = why;
}

void status_read(struct status_reader *r, struct status *out, bool sealed)
{
	memset(out, 0, sizeof *out);
	out->now_ns = loop_clock_ns();
	out->strange_more = r->more;
	struct status_page *page = mem_new(sizeof *page);
	for (size_t i = 0; i < r->n; i++) {
		const char *why = take(&r->v[i], page);
		if (why)
			strange(out, r->v[i].name, why);
		else if (page->role == ROLE_SUPERVISOR) {
			out->supervisor = *page;
			out->daemon = judge_daemon(&page->c, sealed);
		} else if (out->n < STATUS_PAGES) {
			/* Insertion keeps the order of the roles; names are sorted already. */
			size_t at = out->n++;
			for (; at && out->v[at - 1].role > page->role; at--)
				out->v[at] = out->v[at - 1];
			out->v[at] = *page;
		}
	}
	free(page);
	for (size_t i = 0; i < out->n; i++) {
		char *colon = strchr(out->v[i].name, ':');
		out->v[i].sensor = colon ? colon + 1 : NULL;
	}
}

unsigned status_deaths(const struct counters *c, int64_t now_ns)
{
	unsigned n = 0;
	for (size_t i = 0; i < sizeof c->deaths_ns / sizeof *c->deaths_ns; i++) {
		int64_t at = atomic_load(&c->deaths_ns[i]);
		n += at > 0 && at <= now_ns && at > now_ns - INT64_C(3600000000000);
	}
	return n;
}
