// SPDX-License-Identifier: Apache-2.0
/*
 * The whole program with hooks between it and the world, sandbox and all: a clock that runs faster or is stepped, a
 * disk that is slow, a sender with little room. It starts its roles from itself, so they have the hooks, too. What they
 * do stands in STORE.hooks, which a test writes while the program runs; without that file nothing is changed.
 */
#include "role/sender.h"
#include "sensor/telescope/capture.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Little-endian, as the test writes it: the clock twice, and which of them holds, so that none is seen half written. */
struct hooks {
	_Atomic uint64_t which;
	struct {
		int64_t real_ns, told_ns; /* at `real_ns` it is `told_ns` */
		int64_t rate;		  /* times as fast from there on */
	} clock[2];
	int64_t sync_ns;     /* how long fdatasync() and fsync() take */
	uint64_t sender_max; /* octets; 0: as many as ever */
	int64_t failing;     /* errno of whatever writes to a file by its place; 0: none */
};

static const struct hooks *hooks;
static bool capture; /* this is its role: there a faster clock must not look like one that is stepped */

static int64_t told_ns(int64_t ns)
{
	uint64_t i = hooks->which & 1;
	return hooks->clock[i].rate ? hooks->clock[i].told_ns + (ns - hooks->clock[i].real_ns) * hooks->clock[i].rate
				    : ns;
}

/* In place of the C library's, for every object of the program and its libraries. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
	long r = syscall(SYS_clock_gettime, clock, t);
	int64_t ns = t->tv_sec * INT64_C(1000000000) + t->tv_nsec,
		rate = hooks ? hooks->clock[hooks->which & 1].rate : 0;
	if (rate && clock == CLOCK_REALTIME)
		ns = told_ns(ns);
	else if (rate && clock == CLOCK_MONOTONIC && capture)
		ns *= rate;
	*t = (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	return (int)r;
}

static bool fails(void)
{
	if (hooks && hooks->failing)
		errno = (int)hooks->failing;
	return hooks && hooks->failing;
}

static int sync_slowly(long call, int fd)
{
	int64_t ns = hooks ? hooks->sync_ns : 0;
	if (ns)
		nanosleep(&(struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 }, NULL);
	return fails() ? -1 : (int)syscall(call, fd);
}

int fdatasync(int fd)
{
	return sync_slowly(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return sync_slowly(SYS_fsync, fd);
}

/* All of a 64-bit offset; the names are one. */
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return fails() ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

size_t __real_capture_read(struct capture *c, unsigned w, struct capfile_record *recs, size_t max);
size_t __wrap_capture_read(struct capture *c, unsigned w, struct capfile_record *recs, size_t max);

/* The kernel's stamps are of the true clock. */
size_t __wrap_capture_read(struct capture *c, unsigned w, struct capfile_record *recs, size_t max)
{
	size_t n = __real_capture_read(c, w, recs, max);
	for (size_t i = 0; i < n && hooks; i++)
		recs[i].time_ns = told_ns(recs[i].time_ns);
	return n;
}

struct sender *__real_sender_new(const struct sender_params *p);
struct sender *__wrap_sender_new(const struct sender_params *p);

struct sender *__wrap_sender_new(const struct sender_params *p)
{
	struct sender_params mine = *p;
	if (hooks && hooks->sender_max)
		mine.max_bytes = hooks->sender_max;
	return __real_sender_new(&mine);
}

static const char *store_of(int argc, char **argv)
{
	if (argc > 5 && strcmp(argv[1], "--role") == 0)
		return argv[5];
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--store") == 0)
			return argv[i + 1];
	return NULL;
}

/* Before main(): what is mapped stays behind the sandbox. */
static __attribute__((constructor)) void find_hooks(int argc, char **argv, char **env)
{
	char path[4096];
	const char *store = store_of(argc, argv);
	int fd = -1;
	if (store && snprintf(path, sizeof path, "%s.hooks", store) < (int)sizeof path)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	void *p = mmap(NULL, sizeof *hooks, PROT_READ, MAP_SHARED, fd, 0);
	hooks = p == MAP_FAILED ? NULL : p;
	capture = strcmp(argv[1], "--role") == 0 && strcmp(argv[2], "capture") == 0;
	close(fd);
}
