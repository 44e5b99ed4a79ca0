// SPDX-License-Identifier: Apache-2.0
/*
 * A process of the daemon from inside: what every role is given, and the course that all take.
 *
 *   supervisor: clone, exec `sakimori --role NAME`    descriptors 3 control, 4 configuration, 5 counters, 6 secrets
 *   role:       open()    still privileged: sockets, devices, whatever needs root. No byte from outside is read
 *               user, capabilities, namespaces, limits
 *               ready()   as the role's user: its own files, memory, threads
 *               Landlock, system call filter; "ready" to the supervisor
 *               loop: edges arrive, peers come and go, until `stop`
 *               close()
 */
#pragma once
#include "base/loop.h"
#include "base/sandbox.h"
#include "role/channel.h"
#include "role/config.h"
#include "role/counters.h"

enum { MEMBER_CONTROL = 3, MEMBER_CONFIG, MEMBER_COUNTERS, MEMBER_FREE };

/* What the command line of the supervisor hands on to each process. */
struct member_options {
	const char *store;  /* directory */
	const char *replay; /* capture file in place of an interface; NULL: none */
	const char *speed;  /* of the replay: a number or "max" */
	bool no_sandbox, verbose;
	pid_t parent;
};

struct member {
	const struct role *role;
	enum role_id id;
	unsigned index; /* among those of its role: the sensor's place in the configuration */
	const char *name;
	struct member_options options;
	struct loop *loop;
	struct config *config;
	struct channel *control;
	void *state; /* of the role */
	int exit;    /* code with which it ends */
	bool stopping, sealed;
	bool rooted; /* its root is the store's directory */
};

struct member_role {
	/* Return 0, or -1 with the reason: the process ends and is started again later. Each may be NULL. */
	int (*open)(struct member *m, struct err *err);
	int (*ready)(struct member *m, struct err *err);
	/* A new socket to a peer; it takes the place of an earlier one. The role makes it a channel by
	 * member_channel(). */
	void (*edge)(struct member *m, enum role_id peer, unsigned index, int fd);
	/* An end is wanted: finish what must be, then member_end(). NULL: at once. */
	void (*stop)(struct member *m);
	void (*close)(struct member *m);
	/* What stays reachable for Landlock; NULL: nothing. Lives as long as the process. */
	const struct sandbox_paths *(*paths)(struct member *m);
};

/* By role; NULL: no process. */
extern const struct member_role *const member_roles[ROLE_N];

/* The whole life of a role's process. Returns its exit code. */
int member_main(enum role_id id, unsigned index, const struct member_options *options);

/* A channel to a peer, with the kinds of their edge. */
struct channel *member_channel(
	struct member *m, enum role_id peer, int fd, const struct channel_handler *handler, size_t queue_max);

/* The store's directory as this process sees it: as root a role sees nothing else. */
const char *member_store(const struct member *m);

#define MEMBER_AGAIN 5 /* exit code: a peer is gone, begin anew; no fault of this role */

/* Ends the loop, with this exit code. */
void member_end(struct member *m, int code);

/* A line on stderr: "sakimori: ROLE: text". Bytes from outside are escaped by the caller. */
void member_say(const struct member *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What this role can't do, shown by `run --status`. */
void member_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
