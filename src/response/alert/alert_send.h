// SPDX-License-Identifier: Apache-2.0
/*
 * Deliveries: one transfer a channel at a time, all of them side by side. For use inside this folder.
 *
 * What is sent and taken back: nothing but the message goes out; of an answer the status code counts, and at most
 * 64 KiB are read. Redirects are not followed, proxies of the environment not used, protocols other than the channel's
 * refused. Reasons of failures are fixed texts and codes: they can't hold secrets.
 *
 * What a sandbox must leave (libcurl 7.88 with GnuTLS and its threaded resolver, glibc 2.36; seen by strace after
 * alert_new()):
 * - files, for reading: /etc/resolv.conf, /etc/hosts, /etc/nsswitch.conf, /etc/host.conf, /etc/gai.conf,
 *   /etc/localtime, and the CA file of the channel or /etc/ssl/certs/ca-certificates.crt, read at each connection.
 *   /var/run/nscd/socket is tried and may be absent. The path of each syslog socket, for sending.
 * - sockets: AF_INET and AF_INET6 streams and datagrams (names: port 53, by UDP and TCP), AF_UNIX datagrams for
 *   syslog, a socketpair a look-up.
 * - calls: socket connect socketpair sendto sendmmsg sendmsg recvfrom recvmsg poll setsockopt getsockopt getsockname
 *   getpeername fcntl ioctl(FIONREAD) openat newfstatat lseek read write close futex mmap munmap mprotect madvise brk
 *   rt_sigaction rt_sigprocmask uname getrandom clock_gettime gettimeofday exit exit_group.
 * - threads: one for each look-up of a name (addresses and localhost need none): clone3, or clone with CLONE_THREAD
 *   when clone3 answers ENOSYS (a filter can't see clone3's flags, so let it answer that); set_robust_list, rseq.
 *   RLIMIT_NPROC must leave room for a thread a channel: 0 makes every look-up fail. A thread's stack takes 8 MiB of
 *   address space.
 * The sockets of syslog are made by alert_send_new(); nothing else is open between two messages.
 */
#pragma once
#include "response/alert/alert.h"
#include "response/alert/alert_mail.h"

struct alert_send; /* opaque */

struct alert_send_params {
	const struct alert_channel *channels; /* borrowed, as is everything in it */
	size_t n;
	const struct alert_heartbeat *heartbeat;
	struct alert_mail_names names;
	int64_t timeout_ns;
	/* Channel `n` is the heartbeat. `cut`: the answer was longer than what is read. */
	void (*done)(void *arg, size_t channel, enum alert_result result, bool cut, const char *why);
	void *arg;
};

/* Checks the addresses, resolves those of syslog. NULL with the reason. */
struct alert_send *alert_send_new(const struct alert_send_params *p, struct err *err) NODISCARD;
void alert_send_free(struct alert_send *s);

/* Begins; done() may come before this returns. The channel must be idle. Of `m` nothing is kept. */
void alert_send_start(struct alert_send *s, size_t channel, const struct alert_message *m);
void alert_send_beat(struct alert_send *s);
bool alert_send_busy(const struct alert_send *s, size_t channel);

/* Goes on with what can go on; calls done(). */
void alert_send_poll(struct alert_send *s);

/* Milliseconds until alert_send_poll() is wanted, -1: only descriptors matter. */
long alert_send_timeout_ms(const struct alert_send *s);
size_t alert_send_fds(const struct alert_send *s, struct pollfd *out, size_t max);
