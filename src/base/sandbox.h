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
#include <sys/types.h>

enum sandbox_profile {
	SANDBOX_PARSE,	 /* inline commands whose inputs are open: memory, time, reading and writing what is open */
	SANDBOX_CAPTURE, /* the same with an open packet socket's ring and statistics and one child to wait for */
	SANDBOX_N
};

const char *sandbox_profile_name(enum sandbox_profile p);

/*
 * Filters the system calls of all threads; afterwards no path can be opened, no socket made, no program run, no thread
 * or process started. With SANDBOX_PARSE sandbox_files() is done first if it hadn't been. Returns 0, -1 with the
 * reason.
 */
int sandbox_enter(enum sandbox_profile profile, struct err *err) NODISCARD;

/*
 * No file can be opened, made or removed, and no TCP port used, by paths other than those below the `n` directories.
 * Returns 0, 1 when the kernel has no Landlock (nothing is changed), -1 with the reason.
 */
int sandbox_files(const char *const *dirs, size_t n, struct err *err) NODISCARD;

/*
 * Becomes `uid` (and the group of the same number) with no other groups when the process is root; gives away all
 * capabilities in any case, for good. A parent-death signal that was set stays set. Returns 0, -1 with the reason.
 */
int sandbox_drop(uid_t uid, struct err *err) NODISCARD;

#define SANDBOX_UID 47001 /* the sensor's user from a clone, where sysusers made none */
