// SPDX-License-Identifier: Apache-2.0
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
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
#include <sys/stat.h>
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

/* Without conditions on their arguments. Threads can't be started, but those that are just starting when the filter
 * comes must get through. */
static const int parse_calls[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
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
	SCMP_SYS(sysinfo), /* qsort asks how much memory there is */
	SCMP_SYS(tgkill),  /* its own threads */
	SCMP_SYS(uname),
};

/* What can leave through a descriptor that is open. */
static const int writing_calls[] = {
	SCMP_SYS(dup),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(sendmsg),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

static const int capture_calls[] = {
	SCMP_SYS(adjtimex), /* as a question: setting needs a capability */
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(setitimer),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
};

static const int message_calls[] = {
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
};

/* Paths go as far as Landlock and the user's rights. */
static const int file_calls[] = {
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(fallocate),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchown),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getcwd),
	SCMP_SYS(getdents64),
	SCMP_SYS(lstat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(rmdir),
	SCMP_SYS(stat),
	SCMP_SYS(statfs),
	SCMP_SYS(statx),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(utimensat),
};

static const int accept_calls[] = {
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(munlock), /* of a key that was kept off the swap space */
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
};

static const int connect_calls[] = {
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(pipe2),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
};

static const int thread_calls[] = {
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	SCMP_SYS(prctl),
	SCMP_SYS(select),
};

#define LIST(calls) calls, sizeof calls / sizeof *calls
static const struct {
	const char *name;
	bool guarded; /* writing only below SANDBOX_GUARDED */
	struct {
		const int *calls;
		size_t n;
	} lists[5];
} profiles[SANDBOX_N] = {
	[SANDBOX_PARSE] = { "parse", false, { { 0 } } },
	[SANDBOX_CAPTURE] = { "capture", true, { { LIST(capture_calls) }, { LIST(message_calls) } } },
	[SANDBOX_MESSAGE] = { "message", false, { { LIST(message_calls) } } },
	[SANDBOX_FILES] = { "files", false, { { LIST(message_calls) }, { LIST(file_calls) }, { LIST(accept_calls) } } },
	[SANDBOX_LISTEN] = { "listen", false,
		{ { LIST(message_calls) }, { LIST(accept_calls) }, { LIST(thread_calls) } } },
	[SANDBOX_NETWORK] = { "network", false,
		{ { LIST(message_calls) }, { LIST(file_calls) }, { LIST(accept_calls) }, { LIST(connect_calls) },
			{ LIST(thread_calls) } } },
};

const char *sandbox_profile_name(enum sandbox_profile p)
{
	return profiles[p].name;
}

/* What a sanitizer's wider profile still refuses. Opening for writing is handled by its flags. */
static const int sanitized_refused[] = {
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(add_key),
	SCMP_SYS(bind),
	SCMP_SYS(bpf),
	SCMP_SYS(chroot),
	SCMP_SYS(connect),
	SCMP_SYS(creat),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(keyctl),
	SCMP_SYS(kill),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(listen),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(mount),
	SCMP_SYS(openat2),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(request_key),
	SCMP_SYS(setns),
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(symlink),
	SCMP_SYS(symlinkat),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(unshare),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(vfork),
};

/* Calls of the lists that are fine with some arguments only, or that get an answer of their own (`error`). */
static const struct condition {
	int call, error;
	struct scmp_arg_cmp arg; /* op 0: whatever they are */
} conditions[] = {
	/* A descriptor without rights is beyond Landlock. */
	{ SCMP_SYS(open), 0, { 1, SCMP_CMP_MASKED_EQ, O_PATH, 0 } },
	{ SCMP_SYS(openat), 0, { 2, SCMP_CMP_MASKED_EQ, O_PATH, 0 } },
	/* Local sockets are beyond Landlock, too: the keeper's control socket is one. The resolver asks for them and
	 * for netlink, and goes on without. */
	{ SCMP_SYS(socket), 0, { 0, SCMP_CMP_EQ, AF_INET, 0 } },
	{ SCMP_SYS(socket), 0, { 0, SCMP_CMP_EQ, AF_INET6, 0 } },
	{ SCMP_SYS(socket), EAFNOSUPPORT, { 0, SCMP_CMP_LT, AF_INET, 0 } },
	{ SCMP_SYS(socket), EAFNOSUPPORT, { 0, SCMP_CMP_GT, AF_INET6, 0 } },
	/* A thread, not a process: clone3 hides its flags in memory, so it fails and the C library takes clone. */
	{ SCMP_SYS(clone3), ENOSYS, { 0 } },
	{ SCMP_SYS(clone), 0, { 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD } },
	{ SCMP_SYS(prctl), 0, { 0, SCMP_CMP_EQ, PR_SET_NAME, 0 } },
};
#define CONDITIONS (sizeof conditions / sizeof *conditions)

static int allow_condition(scmp_filter_ctx ctx, const struct condition *c)
{
	return seccomp_rule_add_array(ctx, c->error ? SCMP_ACT_ERRNO((unsigned)c->error) : SCMP_ACT_ALLOW, c->call,
		c->arg.op ? 1 : 0, &c->arg);
}

static int allow_one(scmp_filter_ctx ctx, int call)
{
	bool conditional = false;
	int r = 0;
	/* Whom it signals: processes of the same user are there. */
	if (call == SCMP_SYS(tgkill))
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid()));
	for (size_t i = 0; i < CONDITIONS && !r; i++)
		if (conditions[i].call == call) {
			conditional = true;
			r = allow_condition(ctx, &conditions[i]);
		}
	return conditional ? r : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 0);
}

static int allow_all(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;
	for (size_t i = 0; i < n && !r; i++)
		r = allow_one(ctx, calls[i]);
	return r;
}

/* Calls that are fine with some arguments only. */
static int allow_writing(scmp_filter_ctx ctx, bool guarded)
{
	for (size_t i = 0; i < sizeof writing_calls / sizeof *writing_calls; i++) {
		int r = guarded ? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, writing_calls[i], 1,
					  SCMP_A0(SCMP_CMP_LT, SANDBOX_GUARDED))
				: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, writing_calls[i], 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static int allow_some(scmp_filter_ctx ctx, enum sandbox_profile profile)
{
	static const unsigned ioctls[] = { TCGETS, TIOCGWINSZ, FIONREAD };
	static const int fcntls[] = { F_GETFL, F_GETFD, F_SETFD, F_SETFL, F_SETLK, F_GETLK };
	size_t fcntls_n = profile == SANDBOX_FILES || profile == SANDBOX_NETWORK ? 6 : 4;
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
	for (size_t i = 0; i < fcntls_n; i++)
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

/* Does the profile hold the call after all? */
static bool holds(enum sandbox_profile profile, int call)
{
	for (size_t k = 0; k < sizeof profiles->lists / sizeof *profiles->lists; k++)
		for (size_t i = 0; i < profiles[profile].lists[k].n; i++)
			if (profiles[profile].lists[k].calls[i] == call)
				return true;
	return false;
}

/* Nothing leaves by a guarded descriptor, and it gets no other number. */
static int refuse_guarded(scmp_filter_ctx ctx)
{
	static const int more[] = { SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(sendto), SCMP_SYS(fcntl) };
	const unsigned no = SCMP_ACT_ERRNO(EPERM);
	int r = seccomp_rule_add(ctx, no, SCMP_SYS(setsockopt), 1, SCMP_A1(SCMP_CMP_EQ, SOL_PACKET));
	for (size_t i = 0; i < sizeof writing_calls / sizeof *writing_calls && !r; i++)
		r = seccomp_rule_add(ctx, no, writing_calls[i], 1, SCMP_A0(SCMP_CMP_GE, SANDBOX_GUARDED));
	for (size_t i = 0; i < sizeof more / sizeof *more && !r; i++)
		r = seccomp_rule_add(ctx, no, more[i], 1, SCMP_A0(SCMP_CMP_GE, SANDBOX_GUARDED));
	return r;
}

static int refuse_sanitized(scmp_filter_ctx ctx, enum sandbox_profile profile)
{
	static const struct {
		int call;
		unsigned arg;
	} opens[] = { { SCMP_SYS(open), 1 }, { SCMP_SYS(openat), 2 } };
	static const unsigned writing[] = { O_WRONLY, O_RDWR };
	for (size_t i = 0; i < sizeof sanitized_refused / sizeof *sanitized_refused; i++) {
		if (holds(profile, sanitized_refused[i]))
			continue;
		int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), sanitized_refused[i], 0);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < CONDITIONS; i++)
		if (holds(profile, SCMP_SYS(socket)) && conditions[i].call == SCMP_SYS(socket) && conditions[i].error) {
			int r = allow_condition(ctx, &conditions[i]);
			if (r < 0)
				return r;
		}
	if (profiles[profile].guarded) {
		int r = refuse_guarded(ctx);
		if (r < 0)
			return r;
	}
	if (holds(profile, SCMP_SYS(openat)))
		return 0;
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 2; k++) {
			int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), opens[i].call, 1,
				SCMP_CMP(opens[i].arg, SCMP_CMP_MASKED_EQ, O_ACCMODE, writing[k]));
			if (r < 0)
				return r;
		}
	return 0;
}

static bool deadly;
static _Atomic int32_t *deadly_number;

/* The number first, then the end that the filter would have given. */
static void on_refused(int signo, siginfo_t *info, void *context)
{
	if (deadly_number)
		atomic_store(deadly_number, info->si_syscall);
	signal(SIGSYS, SIG_DFL);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSYS);
}

void sandbox_deadly(_Atomic int32_t *number)
{
	struct sigaction sa = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER };
	deadly = true;
	deadly_number = number;
	sigaction(SIGSYS, &sa, NULL);
}

static int fill(scmp_filter_ctx ctx, enum sandbox_profile profile)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	/* Calls in another machine's numbers: else the thread alone would end. */
	r = r ? r : seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0 && SANITIZED)
		return refuse_sanitized(ctx, profile);
	r = r ? r : seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = r ? r : allow_all(ctx, parse_calls, sizeof parse_calls / sizeof *parse_calls);
	for (size_t i = 0; i < sizeof profiles->lists / sizeof *profiles->lists && !r; i++)
		r = allow_all(ctx, profiles[profile].lists[i].calls, profiles[profile].lists[i].n);
	r = r ? r : allow_writing(ctx, profiles[profile].guarded);
	return r ? r : allow_some(ctx, profile);
}

static bool files_done;

int sandbox_enter(enum sandbox_profile profile, struct err *err)
{
	if (profile == SANDBOX_PARSE && !files_done && sandbox_files(NULL, err) < 0)
		return -1;
	scmp_filter_ctx ctx = seccomp_init(SANITIZED ? SCMP_ACT_ALLOW : deadly ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM));
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

#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | (uint64_t)1 << 14 | (uint64_t)1 << 15)

static int allow_path(int ruleset, const char *path, uint64_t rights, struct err *err)
{
	struct stat st;
	struct landlock_path_beneath_attr beneath = { .allowed_access = rights };
	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return err_set(err, -1, "%s: %s", path, strerror(errno));
	if (fstat(beneath.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		beneath.allowed_access &= OF_FILES;
	long r = beneath.allowed_access
			 ? syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0)
			 : 0;
	int why = errno;
	close(beneath.parent_fd);
	return r == 0 ? 0 : err_set(err, -1, "%s: Landlock rule: %s", path, strerror(why));
}

static int allow_paths(int ruleset, const struct sandbox_paths *paths, uint64_t handled, struct err *err)
{
	uint64_t all = handled & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	for (const char *const *p = paths ? paths->write : NULL; p && *p; p++)
		if (allow_path(ruleset, *p, all, err) < 0)
			return -1;
	for (const char *const *p = paths ? paths->read : NULL; p && *p; p++)
		if (access(*p, F_OK) == 0 && allow_path(ruleset, *p, all & READING, err) < 0)
			return -1;
	return 0;
}

int sandbox_files(const struct sandbox_paths *paths, struct err *err)
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
	if (SANITIZED)
		attr.fs &= ~(uint64_t)READING;
	if (paths && paths->tcp)
		attr.net = 0;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, versions[v].size, 0);
	if (fd < 0)
		return err_set(err, -1, "Landlock: %s", strerror(errno));
	int code = allow_paths(fd, paths, attr.fs, err);
	if (code == 0 &&
		(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, fd, 0) != 0))
		code = err_set(err, -1, "Landlock: %s", strerror(errno));
	close(fd);
	files_done = code == 0;
	return code;
}

static int drop_user(uid_t uid, gid_t group, struct err *err)
{
	gid_t gid = group ? group : uid;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
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

int sandbox_drop_group(uid_t uid, gid_t group, struct err *err)
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
		if (drop_user(uid, group, err) < 0)
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
	/* In a sanitizer's build the leak check traces its own process. */
	if (prctl(PR_SET_DUMPABLE, SANITIZED, 0, 0, 0) != 0)
		return err_set(err, -1, "can't be kept from being dumped: %s", strerror(errno));
	return 0;
}

int sandbox_drop(uid_t uid, struct err *err)
{
	return sandbox_drop_group(uid, 0, err);
}

bool sandbox_sanitized(void)
{
	return SANITIZED;
}

static bool no_leak_check;

void sandbox_no_leak_check(void)
{
	no_leak_check = true;
}

#if SANITIZED
/* Asked by the leak sanitizer at the end of a process. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return no_leak_check;
}
#endif
