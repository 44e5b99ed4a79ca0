// SPDX-License-Identifier: Apache-2.0
/*
 * Questions of local users to the query role, over STORE/query.sock: SQL over the views of what they may see. Who asks
 * is what the kernel says of the socket's other end; what he may see is what `access` in the configuration says of that
 * user. Root, and whoever runs the daemon, see everything; users that are not named are sent away.
 *
 * Each question runs in a thread with a store of its own, within limits, and ends when its asker goes.
 */
#pragma once
#include "role/member.h"

#define ASKING_THREADS 2
#define ASKING_PEERS   32
#define ASKING_EACH    8 /* of one user */
#define ASKING_SQL_MAX 65536

struct asking; /* opaque */

/* Privileged: opens the socket and looks up the users. NULL with the reason; a path that is too long is only noted. */
struct asking *asking_open(struct member *m, struct err *err);

/* As the role's user, before it is sealed: starts the threads. */
int asking_ready(struct asking *a, struct err *err) NODISCARD;
void asking_close(struct asking *a);
