// SPDX-License-Identifier: Apache-2.0
#include "role/users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void write_to(char path[32], const char *text)
{
	snprintf(path, 32, "/tmp/usersXXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static const struct {
	const char *name, *passwd, *group;
	uid_t capture, keeper;
	gid_t capture_group, keeper_group;
	const char *refused; /* NULL: taken */
} cases[] = {
	{ "nobody has a name", "", "", 47001, 47003, 47001, 47000, NULL },
	{ "a name has its number", "sakimori-capture:x:990:991::/:/bin/false\n", "", 990, 47003, 991, 47000, NULL },
	{ "the readers' group has its own", "", "sakimori:x:985:\n", 47001, 47003, 47001, 985, NULL },
	{ "the first line counts", "sakimori-capture:x:990:990::/:\nsakimori-capture:x:0:0::/:\n", "", 990, 47003, 990,
		47000, NULL },
	{ "other names don't", "capture:x:5:5::/:\nsakimori:x:6:6::/:\nsakimori-supervisor:x:7:7::/:\n", "", 47001,
		47003, 47001, 47000, NULL },
	{ "lines that are none", "sakimori-capture\n:::\nsakimori-keeper:x:abc:1::/:\n", "", 47001, 47003, 47001, 47000,
		NULL },
	{ "root's number", "sakimori-capture:x:0:990::/:\n", "", 0, 47003, 990, 47000, "root's" },
	{ "root's group", "sakimori-capture:x:990:0::/:\n", "", 990, 47003, 0, 47000, "root's" },
	{ "readers are root's", "", "sakimori:x:0:\n", 47001, 47003, 47001, 0, "root's" },
	{ "two with one number", "sakimori-capture:x:990:990::/:\nsakimori-keeper:x:990:990::/:\n", "", 990, 990, 990,
		47000, "same number" },
};

static void takes_numbers_by_name(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char passwd[32], group[32];
		struct err err = { "" };
		write_to(passwd, cases[i].passwd);
		write_to(group, cases[i].group);
		users_read(passwd, group);
		unlink(passwd);
		unlink(group);
		int r = users_check(&err);
		bool right = users_uid(ROLE_CAPTURE) == cases[i].capture && users_uid(ROLE_KEEPER) == cases[i].keeper &&
			     users_gid(ROLE_CAPTURE) == cases[i].capture_group &&
			     users_gid(ROLE_KEEPER) == cases[i].keeper_group &&
			     users_readers() == cases[i].keeper_group &&
			     (cases[i].refused ? r < 0 && strstr(err.text, cases[i].refused) : r == 0);
		if (!right)
			fail_msg("%s: %s", cases[i].name, err.text);
	}
}

static void files_that_are_missing_hold_nobody(void **state)
{
	users_read("/nonexistent", "/nonexistent");
	assert_int_equal(users_uid(ROLE_METRICS), 47008);
	assert_int_equal(users_uid(ROLE_SUPERVISOR), 0);
	assert_int_equal(users_readers(), ROLE_GROUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_numbers_by_name),
		cmocka_unit_test(files_that_are_missing_hold_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
