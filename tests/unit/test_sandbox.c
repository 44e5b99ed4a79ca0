// SPDX-License-Identifier: Apache-2.0
#include "base/sandbox.h"

#include "wire/capfile.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

static int try_read_file(void)
{
	return open("/proc/self/status", O_RDONLY);
}
static int try_write_file(void)
{
	int fd = open("/tmp/sakimori-must-not-exist", O_RDWR | O_CREAT, 0600);
	if (fd >= 0)
		unlink("/tmp/sakimori-must-not-exist");
	return fd;
}
static int try_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}
static int try_local(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int try_pair(void)
{
	int fds[2];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}
static int try_exec(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}
static int try_fork(void)
{
	pid_t p = fork();
	if (p == 0)
		_exit(0);
	return p;
}
static int try_unlink(void)
{
	return unlink("/tmp/sakimori-is-not-there") == 0 || errno == ENOENT ? 0 : -1;
}
static int try_exec_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}
static int try_memory(void)
{
	void *p = mmap(NULL, 1 << 22, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, 1 << 22, MADV_HUGEPAGE) != 0)
		return -1;
	return munmap(p, 1 << 22);
}
static int try_write(void)
{
	return write(STDOUT_FILENO, "", 0) == 0 && isatty(STDOUT_FILENO) >= 0 ? 0 : -1;
}

static int try_parse(void)
{
	static const uint8_t file[] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0,
		0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 9, 9, 9, 9 };
	struct capfile *c = capfile_new();
	struct capfile_record rec[4];
	size_t n = 0, used = 0, at = 0, total = 0;
	while (at < sizeof file &&
		capfile_read(c, (struct bytes){ file + at, sizeof file - at }, rec, 4, &n, &used) != CAPFILE_BAD &&
		used) {
		at += used;
		total += n;
	}
	capfile_free(c);
	return total == 1 && at == sizeof file ? 0 : -1;
}

#define EVERY	~0u
#define BY_PATH (1u << SANDBOX_FILES | 1u << SANDBOX_NETWORK) /* as far as Landlock goes, which is not set here */
#define NETWORK (1u << SANDBOX_NETWORK)

static const struct trial {
	const char *name;
	int (*run)(void);
	unsigned allowed; /* profiles */
	bool sanitized_too;
} trials[] = {
	{ "reading a file", try_read_file, BY_PATH, false },
	{ "making a file", try_write_file, BY_PATH, true },
	{ "removing a file", try_unlink, BY_PATH, true },
	{ "a socket", try_socket, NETWORK, true },
	{ "a local socket", try_local, 0, true },
	{ "a socket pair", try_pair, NETWORK, true },
	{ "another program", try_exec, 0, true },
	{ "a child", try_fork, 0, false },
	{ "memory that can be run", try_exec_memory, 0, false },
	{ "memory", try_memory, EVERY, true },
	{ "writing what is open", try_write, EVERY, true },
	{ "parsing a capture", try_parse, EVERY, true },
};

enum { AS_SAID, NOT_ENTERED, WENT_WRONG, OTHER_ERROR };

/* In a child that nothing can leave. */
static int in_sandbox(enum sandbox_profile profile, const struct trial *t)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct err err;
		if (sandbox_enter(profile, &err) != 0) {
			fprintf(stderr, "%s\n", err.text);
			_exit(NOT_ENTERED);
		}
		errno = 0;
		int r = t->run();
		bool allowed = t->allowed & 1u << profile;
		if ((r >= 0) != allowed)
			_exit(WENT_WRONG);
		_exit(allowed || errno == EPERM || errno == EACCES || errno == EAFNOSUPPORT ? AS_SAID : OTHER_ERROR);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void profiles(void **state)
{
	for (int p = 0; p < SANDBOX_N; p++)
		for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
			if (SANITIZED && !trials[i].sanitized_too)
				continue;
			int got = in_sandbox(p, &trials[i]);
			if (got != AS_SAID)
				fail_msg("%s: %s: %d", sandbox_profile_name(p), trials[i].name, got);
		}
}

static atomic_int go;

static void *other_thread(void *arg)
{
	while (!atomic_load(&go))
		sched_yield();
	*(int *)arg = try_socket() < 0 && errno == EPERM;
	return NULL;
}

static void holds_for_threads_before_it(void **state)
{
	pid_t child = fork();
	if (child == 0) {
		pthread_t thread;
		int refused = 0;
		if (pthread_create(&thread, NULL, other_thread, &refused) != 0 ||
			sandbox_enter(SANDBOX_PARSE, NULL) != 0)
			_exit(1);
		atomic_store(&go, 1);
		_exit(pthread_join(thread, NULL) == 0 && refused ? 0 : 2);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* An ordinary end, with what the runtime does at it. */
static void ends_with_exit_0(void **state)
{
	pid_t child = fork();
	if (child == 0) {
		if (sandbox_enter(SANDBOX_PARSE, NULL) != 0)
			_exit(1);
		execl("/bin/false", "false", (char *)NULL);
		fflush(stdout);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void files_below_a_folder(void **state)
{
	char dir[] = "/tmp/sakimori-sandbox-XXXXXX", inside[64];
	assert_non_null(mkdtemp(dir));
	snprintf(inside, sizeof inside, "%s/in", dir);
	pid_t child = fork();
	if (child == 0) {
		const char *dirs[] = { dir, NULL };
		int r = sandbox_files(&(struct sandbox_paths){ .write = dirs }, NULL);
		if (r != 0)
			_exit(r == 1 ? 77 : 1);
		if (open(inside, O_RDWR | O_CREAT, 0600) < 0)
			_exit(2);
		_exit(try_write_file() < 0 && errno == EACCES ? 0 : 3);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	unlink(inside);
	rmdir(dir);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void privileges_are_gone(void **state)
{
	if (geteuid() != 0)
		skip();
	pid_t child = fork();
	if (child == 0) {
		if (sandbox_drop(SANDBOX_UID, NULL) != 0)
			_exit(1);
		if (getuid() != SANDBOX_UID || getegid() != SANDBOX_UID || setuid(0) == 0)
			_exit(2);
		_exit(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM ? 0 : 3);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(profiles), cmocka_unit_test(holds_for_threads_before_it),
		cmocka_unit_test(ends_with_exit_0), cmocka_unit_test(files_below_a_folder),
		cmocka_unit_test(privileges_are_gone) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
