// SPDX-License-Identifier: Apache-2.0
/* A process of the same binary for one role, with nothing open but what it is given. */
#pragma once
#include "role/member.h"

#define SPAWN_FDS 4
#define SPAWN_ENV 192

struct spawn {
	enum role_id role;
	unsigned index;
	const struct member_options *options;
	int fds[SPAWN_FDS]; /* become 3, 4 .. in the process; the caller keeps his */
	int fds_n;
	const char *env[SPAWN_ENV]; /* names of variables that go along beside the usual ones; NULL behind the last */
};

/* Returns a pidfd and `*pid`, or -1 with the reason. */
int spawn_role(const struct spawn *s, pid_t *pid, struct err *err) NODISCARD;
