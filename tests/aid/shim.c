// SPDX-License-Identifier: Apache-2.0
/*
 * For tests, through ld.so.preload in a mount namespace of their own: a real-time clock that is off by what a file
 * says, and a disk that takes as long as it says. The file is two int64_t: nanoseconds to add, nanoseconds for each
 * sync. Build with -DSHIM_FILE="path"; it is mapped once, so a process may lose sight of it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t nothing[2];
static const volatile int64_t *told = nothing;

__attribute__((constructor)) static void begin(void)
{
	int fd = open(SHIM_FILE, O_RDONLY | O_CLOEXEC);
	void *p = fd >= 0 ? mmap(NULL, 2 * sizeof *told, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (p != MAP_FAILED)
		told = p;
	if (fd >= 0)
		close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int r = real(clock, t);
	if (r == 0 && clock == CLOCK_REALTIME)
		t->tv_sec += told[0] / 1000000000;
	return r;
}

static void wait_for_disk(void)
{
	struct timespec t = { .tv_sec = told[1] / 1000000000, .tv_nsec = told[1] % 1000000000 };
	if (told[1])
		nanosleep(&t, NULL);
}

int fdatasync(int fd)
{
	wait_for_disk();
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	wait_for_disk();
	return (int)syscall(SYS_fsync, fd);
}
