// SPDX-License-Identifier: Apache-2.0
/*
 * What a process gives away before it looks at bytes from outside: files (Landlock), user and capabilities, system
 * calls (seccomp). A call that a profile doesn't hold fails with EPERM. Nothing of this can be taken back.
 *
 * Order: open everything; sandbox_files(); sandbox_drop(); start the threads; sandbox_enter(). Landlock holds for the
 * calling thread and those it starts later, the filter for all threads there are.
 *
 * In a build with AddressSanitizer or ThreadSanitizer the profiles are wider, because their runtimes read files and
 * start threads at the end: reading files and starting threads is allowed, writing files, sockets and other programs
 * are not.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum sandbox_profile {
	SANDBOX_PARSE,	 /* inline commands whose inputs are open: memory, time, reading and writing what is open */
	SANDBOX_CAPTURE, /* the same with an open packet socket's ring and statistics, open sockets to its peers and
			    one child to wait for; nothing can be written to descriptors from SANDBOX_GUARDED on */
	SANDBOX_MESSAGE, /* PARSE and messages over sockets that are open */
	SANDBOX_FILES,	 /* MESSAGE and the files that Landlock leaves, with locks; sockets that listen already */
	SANDBOX_LISTEN,	 /* MESSAGE and accepting, threads */
	SANDBOX_NETWORK, /* MESSAGE, files and sockets outwards, threads */
	SANDBOX_N
};

/* A packet socket has its number here or above, so that a filter can tell it from what may be written. */
#define SANDBOX_GUARDED 256

const char *sandbox_profile_name(enum sandbox_profile p);

/*
 * Filters the system calls of all threads; afterwards no path can be opened, no socket made, no program run, no thread
 * or process started. With SANDBOX_PARSE sandbox_files() is done first if it hadn't been. Returns 0, -1 with the
 * reason.
 */
int sandbox_enter(enum sandbox_profile profile, struct err *err) NODISCARD;

/*
 * From the next sandbox_enter() on a call that a profile doesn't hold ends the process with SIGSYS instead of failing;
 * before that its number is stored at `number` (NULL: nowhere).
 */
void sandbox_deadly(_Atomic int32_t *number);

/* What stays reachable by its path: directories with all below them, or files. Lists end with NULL; NULL: none. */
struct sandbox_paths {
	const char *const *write; /* also made, renamed, removed */
	const char *const *read;  /* those that don't exist are passed over */
	bool tcp;		  /* TCP ports may be bound and connected to, sockets of others reached */
};

/*
 * No file can be opened, made or removed, and no TCP port used, but for these. NULL: nothing at all. Returns 0, 1 when
 * the kernel has no Landlock (nothing is changed), -1 with the reason.
 */
int sandbox_files(const struct sandbox_paths *paths, struct err *err) NODISCARD;

/*
 * Becomes `uid` (and the group of the same number) with no other groups when the process is root; gives away all
 * capabilities in any case, for good. A parent-death signal that was set stays set. Returns 0, -1 with the reason.
 */
int sandbox_drop(uid_t uid, struct err *err) NODISCARD;

/* The same with another group than that of its number, 0: that one. Other processes can't look into it: it can't be
 * dumped. */
int sandbox_drop_group(uid_t uid, gid_t group, struct err *err) NODISCARD;

/* Is this a build with a sanitizer, whose profiles are wider? */
bool sandbox_sanitized(void);

/* The leak check at the end needs /proc: not where there is none. */
void sandbox_no_leak_check(void);

#define SANDBOX_UID 47001 /* the sensor's user from a clone, where sysusers made none */
