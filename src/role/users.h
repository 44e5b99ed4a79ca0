// SPDX-License-Identifier: Apache-2.0
/*
 * Which users the roles become. A role whose user has a name on this machine ("sakimori-capture", made by sysusers)
 * takes its number, else the fixed one of the role table; the group that may read the store ("sakimori") likewise.
 * Read once, from /etc/passwd and /etc/group themselves: no plug-in of the name service is loaded into a role. Call
 * users_read() before the root changes.
 */
#pragma once
#include "base/err.h"
#include "role/roles.h"
#include <stdbool.h>

#define USERS_PASSWD "/etc/passwd"
#define USERS_GROUP  "/etc/group"

/* Files that can't be read hold nobody. */
void users_read(const char *passwd, const char *group);

uid_t users_uid(enum role_id role); /* 0: stays what it is */
gid_t users_gid(enum role_id role); /* what it becomes: the readers' group, or its own */
gid_t users_readers(void);	    /* who may read the store */

/* The numbers are the roles' own: none is root's, none belongs to another account, no two are the same. Returns 0, -1
 * with what to do about it. */
int users_check(struct err *err) NODISCARD;
