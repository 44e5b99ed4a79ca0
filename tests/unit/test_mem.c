// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void maps_are_zeroed(void **state)
{
	size_t sizes[] = { 1, 4096, (4u << 20) + 1 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		unsigned char *p = mem_map(sizes[i]);
		assert_int_equal((uintptr_t)p % 4096, 0);
		assert_int_equal(p[0] | p[sizes[i] - 1], 0);
		p[0] = p[sizes[i] - 1] = 1;
		mem_unmap(p, sizes[i]);
	}
	mem_unmap(NULL, 0);
}

static void heap(void **state)
{
	char *p = mem_new(3);
	assert_int_equal(p[0] | p[1] | p[2], 0);
	memcpy(p, "abc", 3);
	p = mem_grow(p, 1000);
	assert_memory_equal(p, "abc", 3);
	free(p);
	p = mem_new(0);
	assert_non_null(p);
	free(p);
}

static void broken_invariant(void)
{
	ENSURE(getpid() == 0);
}

static void no_memory(void)
{
	mem_map(SIZE_MAX / 2);
}

/* Both end the process by SIGABRT and say why, instead of going on with what can't be. */
static void ends_the_process(void **state)
{
	static const struct {
		void (*run)(void);
		const char *want;
	} cases[] = { { broken_invariant, "getpid() == 0 does not hold" }, { no_memory, "out of memory" } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int fd[2];
		char text[512] = "";
		assert_int_equal(pipe(fd), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct rlimit no_core = { 0, 0 };
			setrlimit(RLIMIT_CORE, &no_core);
			signal(SIGABRT, SIG_DFL);
			dup2(fd[1], 2);
			cases[i].run();
			_exit(0);
		}
		close(fd[1]);
		ssize_t n = read(fd[0], text, sizeof text - 1);
		close(fd[0]);
		int status = 0;
		waitpid(child, &status, 0);
		assert_true(n > 0 && strstr(text, cases[i].want));
		assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
	}
}

static void err_texts(void **state)
{
	struct err err;
	assert_int_equal(err_set(NULL, -3, "x"), -3);
	assert_int_equal(err_prefix(NULL, -3, "x"), -3);
	assert_int_equal(err_set(&err, -5, "no %s", "disk"), -5);
	assert_int_equal(err_prefix(&err, -6, "file %d", 7), -6);
	assert_string_equal(err.text, "file 7: no disk");
	char big[2000];
	memset(big, 'y', sizeof big - 1);
	big[sizeof big - 1] = 0;
	err_set(&err, -1, "%s", big);
	err_prefix(&err, -1, "p");
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	err_prefix(&err, -1, "%s", big);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(maps_are_zeroed), cmocka_unit_test(heap),
		cmocka_unit_test(ends_the_process), cmocka_unit_test(err_texts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
