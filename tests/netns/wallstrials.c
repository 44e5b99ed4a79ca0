// SPDX-License-Identifier: Apache-2.0
#include "netns/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define TRY(name) static int name(const struct walls_place *p)

/* One call, without the C library's ideas about it. */
#define CALL(name, ...)                                                                                                \
	TRY(name)                                                                                                      \
	{                                                                                                              \
		(void)p;                                                                                               \
		return (int)syscall(__VA_ARGS__);                                                                      \
	}

static int open_at(const char *dir, const char *name, int flags)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

/* ---- files ---- */

CALL(read_file, SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
CALL(path_only, SYS_openat, AT_FDCWD, "/", O_PATH)
CALL(list_root, SYS_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY)
CALL(own_memory, SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR)
CALL(self_again, SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY)
CALL(device, SYS_openat, AT_FDCWD, "/dev/mem", O_RDONLY)
CALL(temporary, SYS_openat, AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0600)
CALL(by_handle, SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY)
CALL(memory_file, SYS_memfd_create, "x", 0)
CALL(ring, SYS_io_uring_setup, 4, NULL)
CALL(link_file, SYS_linkat, AT_FDCWD, "secret", AT_FDCWD, "other", 0)
CALL(symlink_file, SYS_symlinkat, "/etc/passwd", AT_FDCWD, "other")
CALL(make_device, SYS_mknodat, AT_FDCWD, "other", 0600, 0)
CALL(new_root, SYS_chroot, ".")
CALL(new_folder, SYS_chdir, "/")
TRY(write_beside)
{
	return open_at(p->beside, "beside", O_RDWR);
}
TRY(make_beside)
{
	return open_at(p->beside, "made", O_RDWR | O_CREAT);
}
TRY(open_how)
{
	uint64_t how[3] = { O_RDONLY };
	(void)p;
	return (int)syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof how);
}
TRY(read_store)
{
	return open_at(p->store, "sakimori.db", O_RDONLY);
}
TRY(write_store)
{
	return open_at(p->store, "sakimori.db", O_RDWR);
}
TRY(remove_store)
{
	char path[600];
	snprintf(path, sizeof path, "%s/not-there", p->store);
	int r = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	return r < 0 && errno == ENOENT && p->role == ROLE_KEEPER ? 0 : r;
}

/* ---- sockets ---- */

CALL(socket_tcp, SYS_socket, AF_INET, SOCK_STREAM, 0)
CALL(socket_udp, SYS_socket, AF_INET6, SOCK_DGRAM, 0)
CALL(socket_raw, SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP)
CALL(socket_unix, SYS_socket, AF_UNIX, SOCK_STREAM, 0)
CALL(socket_netlink, SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)
CALL(socket_packet, SYS_socket, AF_PACKET, SOCK_RAW, 0)
CALL(socket_crypto, SYS_socket, 38 /* AF_ALG */, SOCK_SEQPACKET, 0)
CALL(socket_wide, SYS_socket, 0x100000001L, SOCK_STREAM, 0)
TRY(control_socket)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0);
	snprintf(at.sun_path, sizeof at.sun_path, "%.90s/control.sock", p->store);
	return fd < 0 ? fd : (int)syscall(SYS_connect, fd, &at, sizeof at);
}
TRY(listen_now)
{
	return (int)syscall(SYS_listen, p->listening, 8);
}
TRY(accept_now)
{
	int r = (int)syscall(SYS_accept4, p->listening, NULL, NULL, SOCK_CLOEXEC);
	return r < 0 && errno == EAGAIN ? 0 : r;
}

/* ---- other programs, other processes ---- */

TRY(exec_program)
{
	char *const argv[] = { (char *)"true", NULL };
	(void)p;
	return (int)syscall(SYS_execve, "/bin/true", argv, NULL);
}
TRY(exec_open)
{
	char *const argv[] = { (char *)"true", NULL };
	return (int)syscall(SYS_execveat, p->pipe[0], "", argv, NULL, AT_EMPTY_PATH);
}
/* A child that came to be ends at once. */
static int child_of(long r)
{
	if (r == 0)
		_exit(0);
	return (int)r;
}
TRY(clone_process)
{
	(void)p;
	return child_of(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}
TRY(clone_newer)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	(void)p;
	return child_of(syscall(SYS_clone3, &args, sizeof args));
}
TRY(clone_network)
{
	(void)p;
	return child_of(
		syscall(SYS_clone, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND | CLONE_NEWNET, NULL, NULL, NULL, NULL));
}
#ifdef SYS_fork
CALL(old_fork, SYS_fork)
/* The child shares the stack: it must not return. */
TRY(old_vfork)
{
	(void)p;
	long r = syscall(SYS_vfork);
	return child_of(r);
}
#endif
TRY(send_signal)
{
	return (int)syscall(SYS_kill, p->victim, SIGKILL);
}
TRY(signal_all)
{
	(void)p;
	return (int)syscall(SYS_kill, 0, 0);
}
TRY(signal_thread)
{
	return (int)syscall(SYS_tgkill, p->victim, p->victim, SIGKILL);
}
TRY(signal_queued)
{
	siginfo_t si = { .si_signo = SIGKILL, .si_code = SI_QUEUE };
	return (int)syscall(SYS_rt_sigqueueinfo, p->victim, SIGKILL, &si);
}
TRY(pid_descriptor)
{
	return (int)syscall(SYS_pidfd_open, p->victim, 0);
}
TRY(take_descriptor)
{
	return (int)syscall(SYS_pidfd_getfd, p->pipe[0], 0, 0);
}
TRY(trace)
{
	return (int)syscall(SYS_ptrace, PTRACE_SEIZE, p->victim, 0, 0);
}
static int peek(const struct walls_place *p, long call)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { (void *)&walls_trials_n, 1 };
	return (int)syscall(call, p->victim, &to, 1, &from, 1, 0);
}
TRY(read_memory)
{
	return peek(p, SYS_process_vm_readv);
}
TRY(write_memory)
{
	return peek(p, SYS_process_vm_writev);
}
TRY(memory_of_other)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/mem", (int)p->victim);
	return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
}
TRY(descriptors_of_other)
{
	char path[64], to[64];
	snprintf(path, sizeof path, "/proc/%d/fd/0", (int)p->victim);
	return (int)syscall(SYS_readlinkat, AT_FDCWD, path, to, sizeof to);
}
TRY(limits_of_other)
{
	uint64_t none[2] = { 0, 0 };
	return (int)syscall(SYS_prlimit64, p->victim, 7, none, NULL);
}
TRY(compare)
{
	return (int)syscall(SYS_kcmp, p->victim, getpid(), 0, 0, 0);
}

/* ---- namespaces, privileges, the kernel ---- */

CALL(own_space, SYS_unshare, CLONE_NEWUSER)
TRY(other_space)
{
	return (int)syscall(SYS_setns, p->space, 0);
}
CALL(mount_proc, SYS_mount, "none", "/proc", "proc", 0, NULL)
CALL(open_mount, SYS_fsopen, "proc", 0)
CALL(take_mount, SYS_open_tree, AT_FDCWD, "/", 1)
CALL(unmount, SYS_umount2, "/", 2)
CALL(become_root, SYS_setuid, 0)
CALL(become_group, SYS_setgid, 0)
CALL(take_groups, SYS_setgroups, 0, NULL)
CALL(take_capabilities, SYS_capset, NULL, NULL)
CALL(filter_again, SYS_seccomp, 1, 0, NULL)
CALL(personality, SYS_personality, 0x0400000)
CALL(add_key, SYS_add_key, "user", "x", "x", 1, -3)
CALL(key_control, SYS_keyctl, 0, -3, 0)
CALL(request_key, SYS_request_key, "user", "x", NULL, -3)
CALL(bpf, SYS_bpf, 5, NULL, 0)
CALL(perf, SYS_perf_event_open, NULL, 0, -1, -1, 0)
CALL(faults, SYS_userfaultfd, 1)
CALL(load_module, SYS_init_module, NULL, 0, "")
CALL(other_kernel, SYS_kexec_load, 0, 0, NULL, 0)
CALL(watch_files, SYS_fanotify_init, 0, 0)
CALL(kernel_log, SYS_syslog, 3, NULL, 0)
CALL(set_clock, SYS_clock_settime, 0, NULL)
CALL(system_v, SYS_shmget, 0, 4096, 01600)
CALL(message_queue, SYS_mq_open, "/x", O_CREAT | O_RDWR, 0600, NULL)
TRY(turn_clock)
{
	struct timex t = { .modes = ADJ_OFFSET, .offset = 1 };
	(void)p;
	return (int)syscall(SYS_adjtimex, &t);
}
CALL(be_dumped, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
CALL(strict, SYS_prctl, PR_SET_SECCOMP, 1, 0, 0, 0)
CALL(be_traced, SYS_prctl, PR_SET_PTRACER, -1, 0, 0, 0)
CALL(orphan, SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0)
CALL(thread_name, SYS_prctl, PR_SET_NAME, "walls", 0, 0, 0)

/* ---- memory that can be run ---- */

static int mapped(int protection)
{
	return (int)-(syscall(SYS_mmap, NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1);
}
TRY(run_memory)
{
	(void)p;
	return mapped(PROT_READ | PROT_EXEC);
}
TRY(run_written)
{
	static char page[8192] __attribute__((aligned(4096)));
	(void)p;
	return (int)syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
}
TRY(run_keyed)
{
	static char page[8192] __attribute__((aligned(4096)));
	(void)p;
	return (int)syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1);
}
#ifdef __x86_64__
/* The same number means another call there: what isn't this machine's own ends the process. */
TRY(other_machine)
{
	long r;
	(void)p;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}
CALL(other_numbers, 0x40000000 | SYS_getpid)
#endif

/* ---- capture's packet socket ---- */

static const uint8_t frame[60] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

TRY(frame_write)
{
	return (int)syscall(SYS_write, p->packet, frame, sizeof frame);
}
TRY(frame_pwrite)
{
	return (int)syscall(SYS_pwrite64, p->packet, frame, sizeof frame, 0);
}
TRY(frame_writev)
{
	struct iovec v = { (void *)frame, sizeof frame };
	return (int)syscall(SYS_writev, p->packet, &v, 1);
}
TRY(frame_pwritev)
{
	struct iovec v = { (void *)frame, sizeof frame };
	return (int)syscall(SYS_pwritev2, p->packet, &v, 1, -1, 0, 0);
}
TRY(frame_sendto)
{
	return (int)syscall(SYS_sendto, p->packet, frame, sizeof frame, 0, NULL, 0);
}
static int frame_message(int fd)
{
	struct iovec v = { (void *)frame, sizeof frame };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	return (int)syscall(SYS_sendmsg, fd, &h, 0);
}
TRY(frame_sendmsg)
{
	return frame_message(p->packet);
}
/* A number beyond 32 bits whose low half is the socket's. */
TRY(frame_wide)
{
	return (int)syscall(SYS_write, (1L << 32) | p->packet, frame, sizeof frame);
}
TRY(frame_splice)
{
	return (int)syscall(SYS_splice, p->pipe[0], NULL, p->packet, NULL, 60, SPLICE_F_NONBLOCK);
}
TRY(frame_file)
{
	return (int)syscall(SYS_sendfile, p->packet, p->pipe[0], NULL, 60);
}
TRY(copy_lower)
{
	return (int)syscall(SYS_dup, p->packet);
}
#ifdef SYS_dup2
TRY(copy_onto)
{
	return (int)syscall(SYS_dup2, p->packet, 10);
}
#endif
TRY(copy_onto_newer)
{
	return (int)syscall(SYS_dup3, p->packet, 10, 0);
}
TRY(copy_by_control)
{
	return (int)syscall(SYS_fcntl, p->packet, F_DUPFD, 0);
}
TRY(other_interface)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = 1 };
	return (int)syscall(SYS_bind, p->packet, &at, sizeof at);
}
static int option(const struct walls_place *p, int level, int name)
{
	int v[8] = { 1 };
	return (int)syscall(SYS_setsockopt, p->packet, level, name, v, sizeof v);
}
TRY(sending_ring)
{
	return option(p, SOL_PACKET, PACKET_TX_RING);
}
TRY(fan_out)
{
	return option(p, SOL_PACKET, PACKET_FANOUT);
}
TRY(promiscuous)
{
	return option(p, SOL_PACKET, PACKET_ADD_MEMBERSHIP);
}
TRY(other_device)
{
	return option(p, SOL_SOCKET, SO_BINDTODEVICE);
}
TRY(no_filter)
{
	return option(p, SOL_SOCKET, SO_DETACH_FILTER);
}
TRY(interface_down)
{
	struct ifreq r = { .ifr_name = "lo" };
	return (int)syscall(SYS_ioctl, p->packet, SIOCSIFFLAGS, &r);
}
TRY(ring_counts)
{
	struct tpacket_stats_v3 s;
	socklen_t n = sizeof s;
	return (int)syscall(SYS_getsockopt, p->packet, SOL_PACKET, PACKET_STATISTICS, &s, &n);
}
TRY(ring_memory)
{
	return mmap(NULL, 1 << 17, PROT_READ | PROT_WRITE, MAP_SHARED, p->packet, 0) == MAP_FAILED ? -1 : 0;
}
TRY(ring_filter)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog f = { 1, &none };
	return (int)syscall(SYS_setsockopt, p->packet, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof f);
}

/* ---- what all need ---- */

TRY(memory)
{
	(void)p;
	return mapped(PROT_READ | PROT_WRITE);
}
TRY(message)
{
	char back[80];
	struct iovec v = { back, sizeof back };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	struct pollfd ready = { .fd = p->pair[1], .events = POLLIN };
	if (frame_message(p->pair[0]) < 0 || poll(&ready, 1, 1000) != 1)
		return -1;
	return (int)recvmsg(p->pair[1], &h, MSG_DONTWAIT);
}
static void *nothing(void *arg)
{
	return arg;
}
TRY(thread)
{
	pthread_t t;
	(void)p;
	int r = pthread_create(&t, NULL, nothing, NULL);
	return r == 0 ? pthread_join(t, NULL) : -r;
}
TRY(say)
{
	return (int)write(p->pipe[1], "x", 1);
}
TRY(lock)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 1 };
	int fd = open_at(p->store, "sakimori.db", O_RDWR);
	return fd < 0 ? fd : (int)syscall(SYS_fcntl, fd, F_SETLK, &l);
}
TRY(signal_itself)
{
	(void)p;
	return (int)syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0);
}

/* ---- the table ---- */

#define CAP   (1u << ROLE_CAPTURE)
#define ANA   (1u << ROLE_ANALYSIS)
#define KEEP  (1u << ROLE_KEEPER)
#define QUERY (1u << ROLE_QUERY)
#define ALERT (1u << ROLE_ALERT)
#define FWD   (1u << ROLE_FORWARD)
#define COL   (1u << ROLE_COLLECT)
#define MET   (1u << ROLE_METRICS)
#define DESK  (1u << ROLE_DESK)
#define CON   (1u << ROLE_CONSOLE)
#define NONE  0u
#define OUT   (ALERT | FWD)
#define IN    (COL | MET | CON)
#define FILES (KEEP | QUERY | DESK | OUT)
#define ALL   (CAP | ANA | KEEP | QUERY | DESK | OUT | IN)

const struct walls_trial walls_trials[] = {
	{ "reads a file", read_file, SYS_openat, NONE, FILES, ALL, false },
	{ "opens a path without rights", path_only, SYS_openat, NONE, NONE, ALL, false },
	{ "lists a directory", list_root, SYS_openat, NONE, FILES, ALL, false },
	{ "writes its own memory by file", own_memory, SYS_openat, NONE, FILES, ALL, true },
	{ "reads its own program", self_again, SYS_openat, NONE, FILES, ALL, false },
	{ "reads a device", device, SYS_openat, NONE, FILES, ALL, true },
	{ "makes a file without a name", temporary, SYS_openat, NONE, FILES, ALL, true },
	{ "writes a file beside the store", write_beside, SYS_openat, NONE, FILES, ALL, true },
	{ "makes a file beside the store", make_beside, SYS_openat, NONE, FILES, ALL, true },
	{ "opens by openat2", open_how, SYS_openat2, NONE, NONE, ALL, true },
	{ "opens by handle", by_handle, SYS_open_by_handle_at, NONE, NONE, ALL, true },
	{ "makes a file of memory", memory_file, SYS_memfd_create, NONE, NONE, ALL, false },
	{ "makes an io_uring", ring, SYS_io_uring_setup, NONE, NONE, ALL, true },
	{ "makes a link", link_file, SYS_linkat, NONE, NONE, ALL, true },
	{ "makes a symbolic link", symlink_file, SYS_symlinkat, NONE, NONE, ALL, true },
	{ "makes a device", make_device, SYS_mknodat, NONE, NONE, ALL, true },
	{ "changes its root", new_root, SYS_chroot, NONE, NONE, ALL, true },
	{ "changes its directory", new_folder, SYS_chdir, NONE, NONE, ALL, false },
	{ "reads the store", read_store, SYS_openat, KEEP | QUERY | DESK, OUT, ALL & ~FWD, false },
	{ "writes the store", write_store, SYS_openat, KEEP, QUERY | DESK | OUT, ALL, true },
	{ "removes from the store", remove_store, SYS_unlinkat, KEEP, QUERY | DESK | OUT, ALL, true },

	{ "makes a TCP socket", socket_tcp, SYS_socket, OUT, NONE, ALL, true },
	{ "makes a UDP socket", socket_udp, SYS_socket, OUT, NONE, ALL, true },
	{ "makes a raw socket", socket_raw, SYS_socket, NONE, OUT, ALL, true },
	{ "makes a local socket", socket_unix, SYS_socket, NONE, OUT, ALL, true },
	{ "makes a netlink socket", socket_netlink, SYS_socket, NONE, OUT, ALL, true },
	{ "makes a packet socket", socket_packet, SYS_socket, NONE, OUT, ALL, true },
	{ "makes a socket of the kernel's ciphers", socket_crypto, SYS_socket, NONE, OUT, ALL, true },
	{ "makes a local socket by a wide number", socket_wide, SYS_socket, NONE, OUT, ALL, true },
	{ "reaches the control socket", control_socket, SYS_socket, NONE, OUT, ALL, true },
	{ "listens", listen_now, SYS_listen, NONE, NONE, ALL, true },
	{ "accepts", accept_now, SYS_accept4, KEEP | QUERY | DESK | OUT | IN, NONE, ALL, true },

	{ "runs a program", exec_program, SYS_execve, NONE, NONE, ALL, true },
	{ "runs a descriptor", exec_open, SYS_execveat, NONE, NONE, ALL, true },
	{ "starts a process", clone_process, SYS_clone, NONE, NONE, ALL, false },
	{ "starts a process by clone3", clone_newer, SYS_clone3, NONE, OUT | IN, ALL, false },
	{ "starts a thread with a network", clone_network, SYS_clone, NONE, OUT | IN, ALL, true },
#ifdef SYS_fork
	{ "forks", old_fork, SYS_fork, NONE, NONE, ALL, true },
	{ "vforks", old_vfork, SYS_vfork, NONE, NONE, ALL, true },
#endif
	{ "kills another process", send_signal, SYS_kill, NONE, NONE, ALL, true },
	{ "signals its group", signal_all, SYS_kill, NONE, NONE, ALL, true },
	{ "kills a thread of another process", signal_thread, SYS_tgkill, NONE, NONE, ALL, true },
	{ "kills by a queued signal", signal_queued, SYS_rt_sigqueueinfo, NONE, NONE, ALL, true },
	{ "opens another process", pid_descriptor, SYS_pidfd_open, NONE, NONE, ALL, true },
	{ "takes a descriptor of another", take_descriptor, SYS_pidfd_getfd, NONE, NONE, ALL, true },
	{ "traces another process", trace, SYS_ptrace, NONE, NONE, ALL, true },
	{ "reads another's memory", read_memory, SYS_process_vm_readv, NONE, NONE, ALL, true },
	{ "writes another's memory", write_memory, SYS_process_vm_writev, NONE, NONE, ALL, true },
	{ "opens another's memory", memory_of_other, SYS_openat, NONE, FILES, ALL, false },
	{ "looks at another's descriptors", descriptors_of_other, SYS_readlinkat, NONE, FILES, ALL, false },
	{ "limits another process", limits_of_other, SYS_prlimit64, NONE, NONE, ALL, false },
	{ "compares with another process", compare, SYS_kcmp, NONE, NONE, ALL, true },

	{ "makes a user namespace", own_space, SYS_unshare, NONE, NONE, ALL, true },
	{ "enters a namespace", other_space, SYS_setns, NONE, NONE, ALL, true },
	{ "mounts", mount_proc, SYS_mount, NONE, NONE, ALL, true },
	{ "mounts by fsopen", open_mount, SYS_fsopen, NONE, NONE, ALL, true },
	{ "copies a mount", take_mount, SYS_open_tree, NONE, NONE, ALL, true },
	{ "unmounts", unmount, SYS_umount2, NONE, NONE, ALL, true },
	{ "becomes root", become_root, SYS_setuid, NONE, NONE, ALL, true },
	{ "joins root's group", become_group, SYS_setgid, NONE, NONE, ALL, true },
	{ "takes groups", take_groups, SYS_setgroups, NONE, NONE, ALL, true },
	{ "takes capabilities", take_capabilities, SYS_capset, NONE, NONE, ALL, true },
	{ "sets another filter", filter_again, SYS_seccomp, NONE, NONE, ALL, true },
	{ "makes all memory run", personality, SYS_personality, NONE, NONE, ALL, false },
	{ "adds a key", add_key, SYS_add_key, NONE, NONE, ALL, true },
	{ "asks for keyrings", key_control, SYS_keyctl, NONE, NONE, ALL, true },
	{ "requests a key", request_key, SYS_request_key, NONE, NONE, ALL, true },
	{ "loads a program into the kernel", bpf, SYS_bpf, NONE, NONE, ALL, true },
	{ "opens performance counters", perf, SYS_perf_event_open, NONE, NONE, ALL, true },
	{ "handles page faults", faults, SYS_userfaultfd, NONE, NONE, ALL, true },
	{ "loads a module", load_module, SYS_init_module, NONE, NONE, ALL, true },
	{ "loads a kernel", other_kernel, SYS_kexec_load, NONE, NONE, ALL, true },
	{ "watches files", watch_files, SYS_fanotify_init, NONE, NONE, ALL, true },
	{ "reads the kernel's log", kernel_log, SYS_syslog, NONE, NONE, ALL, true },
	{ "sets the clock", set_clock, SYS_clock_settime, NONE, NONE, ALL, true },
	{ "turns the clock", turn_clock, SYS_adjtimex, NONE, CAP, ALL, true },
	{ "shares memory", system_v, SYS_shmget, NONE, NONE, ALL, false },
	{ "opens a message queue", message_queue, SYS_mq_open, NONE, NONE, ALL, true },
	{ "lets itself be dumped", be_dumped, SYS_prctl, NONE, NONE, ALL, false },
	{ "becomes strict", strict, SYS_prctl, NONE, NONE, ALL, false },
	{ "lets itself be traced", be_traced, SYS_prctl, NONE, NONE, ALL, false },
	{ "outlives its supervisor", orphan, SYS_prctl, NONE, NONE, ALL, false },

	{ "maps memory to run", run_memory, SYS_mmap, NONE, NONE, ALL, false },
	{ "makes memory run", run_written, SYS_mprotect, NONE, NONE, ALL, false },
	{ "makes memory run by key", run_keyed, SYS_pkey_mprotect, NONE, NONE, ALL, false },
#ifdef __x86_64__
	{ "calls as another machine", other_machine, -1, NONE, NONE, ALL, false },
	{ "calls by other numbers", other_numbers, -1, NONE, NONE, ALL, false },
#endif

	{ "writes a frame", frame_write, SYS_write, NONE, NONE, CAP, true },
	{ "writes a frame at a place", frame_pwrite, SYS_pwrite64, NONE, NONE, CAP, true },
	{ "writes a frame in parts", frame_writev, SYS_writev, NONE, NONE, CAP, true },
	{ "writes a frame in parts by pwritev2", frame_pwritev, SYS_pwritev2, NONE, NONE, CAP, true },
	{ "sends a frame by sendto", frame_sendto, SYS_sendto, NONE, NONE, CAP, true },
	{ "sends a frame by sendmsg", frame_sendmsg, SYS_sendmsg, NONE, NONE, CAP, true },
	{ "writes a frame by a wide number", frame_wide, SYS_write, NONE, NONE, CAP, true },
	{ "splices a frame", frame_splice, SYS_splice, NONE, NONE, CAP, true },
	{ "sends a file as frame", frame_file, SYS_sendfile, NONE, NONE, CAP, true },
	{ "copies the packet socket by dup", copy_lower, SYS_dup, NONE, NONE, CAP, true },
#ifdef SYS_dup2
	{ "copies the packet socket by dup2", copy_onto, SYS_dup2, NONE, NONE, CAP, true },
#endif
	{ "copies the packet socket by dup3", copy_onto_newer, SYS_dup3, NONE, NONE, CAP, true },
	{ "copies the packet socket by fcntl", copy_by_control, SYS_fcntl, NONE, NONE, CAP, true },
	{ "binds the packet socket anew", other_interface, SYS_bind, NONE, NONE, CAP, true },
	{ "makes a sending ring", sending_ring, SYS_setsockopt, NONE, NONE, CAP, true },
	{ "joins a fan-out", fan_out, SYS_setsockopt, NONE, NONE, CAP, true },
	{ "makes the interface promiscuous", promiscuous, SYS_setsockopt, NONE, NONE, CAP, true },
	{ "takes another device", other_device, SYS_setsockopt, NONE, NONE, CAP, true },
	{ "takes its filter away", no_filter, SYS_setsockopt, NONE, NONE, CAP, true },
	{ "takes the interface down", interface_down, SYS_ioctl, NONE, NONE, CAP, true },

	{ "needs the ring's counts", ring_counts, SYS_getsockopt, CAP, NONE, CAP, true },
	{ "needs the ring's memory", ring_memory, SYS_mmap, CAP, NONE, CAP, true },
	{ "needs the ring to end", ring_filter, SYS_setsockopt, CAP, NONE, CAP, true },
	{ "needs memory", memory, SYS_mmap, ALL, NONE, ALL, true },
	{ "needs messages", message, -1, ALL, NONE, ALL, true },
	{ "needs to speak", say, -1, ALL, NONE, ALL, true },
	{ "needs to end itself", signal_itself, SYS_tgkill, ALL, NONE, ALL, true },
	{ "needs threads", thread, -1, OUT | IN, NONE, OUT | IN, true },
	{ "needs names for threads", thread_name, SYS_prctl, OUT | IN, NONE, ALL, false },
	{ "needs locks", lock, -1, KEEP, NONE, KEEP, true },
};
const size_t walls_trials_n = sizeof walls_trials / sizeof *walls_trials;
