// SPDX-License-Identifier: Apache-2.0
/* What a role gives away before it reads the first byte from outside. */
#pragma once
#include "role/member.h"

/* User, groups, capabilities, namespaces, limits, as its row says. Without root: what is possible. */
int seal_user(struct member *m, struct err *err) NODISCARD;

/* Landlock but for `paths` (NULL: everything), then the system call filter of the role. A call that it doesn't hold
 * ends the process with SIGSYS and leaves its number in the counters. */
int seal_calls(struct member *m, const struct sandbox_paths *paths, struct err *err) NODISCARD;
