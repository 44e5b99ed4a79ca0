// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a program and tells what it took: wall time from start to end, CPU of all its threads, largest resident memory.
 * Small itself, because the kernel counts the starter's memory as the child's until exec. usage: timed LIMIT_S
 * RESULT_FILE PROGRAM [ARGUMENT...] RESULT_FILE gets one line: wall_ns cpu_ns max_rss_octets wait_status
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void stop(int sig)
{
	kill(child, SIGKILL);
}

static long long now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long cpu_ns(const struct timeval *t)
{
	return t->tv_sec * 1000000000LL + t->tv_usec * 1000LL;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	if (argc < 4)
		return 2;
	long long start = now_ns();
	child = fork();
	if (child < 0)
		return 3;
	if (child == 0) {
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	signal(SIGALRM, stop);
	alarm((unsigned)atoi(argv[1]));
	if (wait4(child, &status, 0, &usage) != child)
		return 3;
	long long wall = now_ns() - start;
	FILE *f = fopen(argv[2], "w");
	if (!f)
		return 3;
	fprintf(f, "%lld %lld %ld %d\n", wall, cpu_ns(&usage.ru_utime) + cpu_ns(&usage.ru_stime),
		usage.ru_maxrss * 1024L, status);
	return fclose(f) ? 3 : 0;
}
