// SPDX-License-Identifier: Apache-2.0
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

const char *sandbox_profile_name(enum sandbox_profile p)
{
	return p == SANDBOX_PARSE ? "parse" : "capture";
}

/* Without conditions on their arguments. Threads can't be started, but those that are just starting when the filter
 * comes must get through. */
static const int parse_calls[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fstat),
	SCMP_SYS(fsync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(futex),
	SCMP_SYS(getcpu),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(membarrier),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(read),
	SCMP_SYS(readahead),
	SCMP_SYS(readv),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(tgkill),
	SCMP_SYS(uname),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

static const int capture_calls[] = {
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(setitimer),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
};

/* What a sanitizer's wider profile still refuses. Opening for writing is handled by its flags. */
static const int sanitized_refused[] = {
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(creat),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(listen),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mount),
	SCMP_SYS(openat2),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(setns),
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(symlink),
	SCMP_SYS(symlinkat),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(unshare),
	SCMP_SYS(vfork),
};

static int allow_all(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Calls that are fine with some arguments only. */
static int allow_some(scmp_filter_ctx ctx, enum sandbox_profile profile)
{
	static const unsigned ioctls[] = { TCGETS, TIOCGWINSZ, FIONREAD };
	static const int fcntls[] = { F_GETFL, F_GETFD, F_SETFD, F_SETFL };
	int r = 0;
	/* No memory that can be run. */
	r = r ? r : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	r = r ? r
	      : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* glibc's fstat(). With a path it tells a file's size and times, not its bytes. */
	r = r ? r
	      : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
			SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
	for (size_t i = 0; i < sizeof ioctls / sizeof *ioctls; i++)
		r = r ? r
		      : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, ioctls[i]));
	for (size_t i = 0; i < sizeof fcntls / sizeof *fcntls; i++)
		r = r ? r
		      : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, (unsigned)fcntls[i]));
	if (profile != SANDBOX_CAPTURE)
		return r;
	/* The ring's statistics, and the filter that ends the capture. */
	r = r ? r : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(getsockopt), 1, SCMP_A1(SCMP_CMP_EQ, SOL_PACKET));
	return r ? r
		 : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
			   SCMP_A2(SCMP_CMP_EQ, SO_ATTACH_FILTER));
}

static int refuse_sanitized(scmp_filter_ctx ctx)
{
	static const struct {
		int call;
		unsigned arg;
	} opens[] = { { SCMP_SYS(open), 1 }, { SCMP_SYS(openat), 2 } };
	static const unsigned writing[] = { O_WRONLY, O_RDWR };
	for (size_t i = 0; i < sizeof sanitized_refused / sizeof *sanitized_refused; i++) {
		int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), sanitized_refused[i], 0);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 2; k++) {
			int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), opens[i].call, 1,
				SCMP_CMP(opens[i].arg, SCMP_CMP_MASKED_EQ, O_ACCMODE, writing[k]));
			if (r < 0)
				return r;
		}
	return 0;
}

static int fill(scmp_filter_ctx ctx, enum sandbox_profile profile)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0 && SANITIZED)
		return refuse_sanitized(ctx);
	r = r ? r : seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = r ? r : allow_all(ctx, parse_calls, sizeof parse_calls / sizeof *parse_calls);
	if (profile == SANDBOX_CAPTURE)
		r = r ? r : allow_all(ctx, capture_calls, sizeof capture_calls / sizeof *capture_calls);
	return r ? r : allow_some(ctx, profile);
}

static bool files_done;

int sandbox_enter(enum sandbox_profile profile, struct err *err)
{
	if (profile == SANDBOX_PARSE && !files_done && sandbox_files(NULL, 0, err) < 0)
		return -1;
	scmp_filter_ctx ctx = seccomp_init(SANITIZED ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return err_set(err, -1, "can't make a system call filter");
	int r = fill(ctx, profile);
	r = r ? r : seccomp_load(ctx);
	seccomp_release(ctx);
	if (r < 0)
		return err_set(err, -1, "can't set the %s system call filter: %s", sandbox_profile_name(profile),
			strerror(-r));
	return 0;
}

/* The header of an older kernel has neither the later rights nor the later members. */
struct ruleset_attr {
	uint64_t fs, net, scoped;
};

/* What each version of the interface knows: highest first. */
static const struct {
	int abi;
	size_t size;
	struct ruleset_attr handled;
} versions[] = {
	{ 6, 24, { 0xffff, 3, 3 } }, /* abstract sockets and signals outside */
	{ 5, 16, { 0xffff, 3, 0 } }, /* ioctl of devices */
	{ 4, 16, { 0x7fff, 3, 0 } }, /* TCP bind, connect */
	{ 3, 8, { 0x7fff, 0, 0 } },  /* truncate */
	{ 2, 8, { 0x3fff, 0, 0 } },  /* rename between directories */
	{ 1, 8, { 0x1fff, 0, 0 } },
};
#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

static int allow_dir(int ruleset, const char *dir, uint64_t rights, struct err *err)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access = rights };
	beneath.parent_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return err_set(err, -1, "%s: %s", dir, strerror(errno));
	long r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	int why = errno;
	close(beneath.parent_fd);
	return r == 0 ? 0 : err_set(err, -1, "%s: Landlock rule: %s", dir, strerror(why));
}

int sandbox_files(const char *const *dirs, size_t n, struct err *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM))
		return 1;
	if (abi < 1)
		return err_set(err, -1, "Landlock: %s", strerror(errno));
	size_t v = 0;
	while (versions[v].abi > abi)
		v++;
	struct ruleset_attr attr = versions[v].handled;
	uint64_t below = attr.fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	if (SANITIZED)
		attr.fs &= ~(uint64_t)READING;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, versions[v].size, 0);
	if (fd < 0)
		return err_set(err, -1, "Landlock: %s", strerror(errno));
	int code = 0;
	for (size_t i = 0; i < n && code == 0; i++)
		code = allow_dir(fd, dirs[i], below & attr.fs, err);
	if (code == 0 &&
		(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, fd, 0) != 0))
		code = err_set(err, -1, "Landlock: %s", strerror(errno));
	close(fd);
	files_done = code == 0;
	return code;
}

static int drop_user(uid_t uid, struct err *err)
{
	if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
		return err_set(err, -1, "can't become user %u: %s", (unsigned)uid, strerror(errno));
	return 0;
}

/* A change of user makes the kernel forget the signal at the parent's end. */
static int keep_death_signal(int signo, pid_t parent)
{
	if (signo == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, signo, 0, 0, 0) != 0)
		return -1;
	return getppid() == parent ? 0 : raise(signo);
}

int sandbox_drop(uid_t uid, struct err *err)
{
	int at_parents_end = 0;
	pid_t parent = getppid();
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	prctl(PR_GET_PDEATHSIG, &at_parents_end, 0, 0, 0);
	if (geteuid() == 0) {
		for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
			if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EPERM)
				return err_set(err, -1, "can't drop capability %d: %s", cap, strerror(errno));
		if (drop_user(uid, err) < 0)
			return -1;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return err_set(err, -1, "can't clear ambient capabilities: %s", strerror(errno));
	if (syscall(SYS_capset, &head, none) != 0)
		return err_set(err, -1, "can't drop capabilities: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, -1, "no_new_privs: %s", strerror(errno));
	if (keep_death_signal(at_parents_end, parent) != 0)
		return err_set(err, -1, "parent-death signal: %s", strerror(errno));
	if (SANITIZED) /* the leak check traces its own process */
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return 0;
}
