// SPDX-License-Identifier: Apache-2.0
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static size_t ip4(uint8_t *p, uint8_t proto, size_t payload, unsigned i, unsigned sources)
{
	p[0] = 0x45;
	store_be16(p + 2, (uint16_t)(20 + payload));
	store_be16(p + 4, (uint16_t)i);
	p[8] = 64;
	p[9] = proto;
	store_be32(p + 12, 0xc6120000 + i % sources); /* 198.18.0.0/15 */
	store_be32(p + 16, 0xcb000000 + (i & 0xffff));
	return 20;
}

static size_t ip6(uint8_t *p, uint8_t next, size_t payload, unsigned i, unsigned sources)
{
	p[0] = 0x60;
	store_be16(p + 4, (uint16_t)payload);
	p[6] = next;
	p[7] = 64;
	store_be32(p + 8, 0x20010db8);
	store_be32(p + 20, i % sources);
	store_be32(p + 24, 0x20010db8);
	store_be32(p + 36, 0x10000 + (i & 0xffff));
	return 40;
}

static size_t tcp(uint8_t *p, uint8_t flags, unsigned i)
{
	store_be16(p, (uint16_t)(1024 + i % 60000));
	store_be16(p + 2, 23);
	store_be32(p + 4, i * 2654435761u);
	p[12] = 0x50;
	p[13] = flags;
	store_be16(p + 14, 1024);
	return 20;
}

/* Behind the EtherType. */
static size_t network(uint8_t *p, enum rig_kind kind, unsigned i, unsigned sources)
{
	static const uint8_t flags[] = { 2, 0x12, 0x10, 0x11, 4, 0x18, 0x29 };
	switch (kind) {
	case RIG_UDP:
		store_be16(p + 20, 40000);
		store_be16(p + 22, 5060);
		store_be16(p + 24, 12);
		return ip4(p, 17, 12, i, sources) + 12;
	case RIG_ICMP:
		p[20] = 8;
		return ip4(p, 1, 16, i, sources) + 16;
	case RIG_GRE:
		return ip4(p, 47, 16, i, sources) + 16;
	case RIG_CUT:
		return ip4(p, 6, 4, i, sources) + 4;
	case RIG_FRAG:
		store_be16(p + 6, 100);
		ip4(p, 17, 24, i, sources);
		return 44;
	case RIG_SYN6:
		tcp(p + 40, 2, i);
		return ip6(p, 6, 20, i, sources) + 20;
	case RIG_FRAG6:
		p[40] = 17;
		store_be16(p + 42, 800);
		return ip6(p, 44, 24, i, sources) + 24;
	case RIG_ARP:
		store_be16(p, 1);
		store_be16(p + 2, 0x0800);
		p[4] = 6;
		p[5] = 4;
		p[7] = 1;
		return 28;
	case RIG_NONIP:
		return 46;
	case RIG_BADIP:
		ip4(p, 6, 20, i, sources);
		p[0] = 0x41;
		return 40;
	default:
		tcp(p + 20, kind < sizeof flags ? flags[kind] : 2, i);
		return ip4(p, 6, 20, i, sources) + 20;
	}
}

size_t rig_frame(uint8_t out[RIG_FRAME], enum rig_kind kind, unsigned i, unsigned sources)
{
	static const uint16_t tags[] = { 0x88a8, 0x8100, 0x8100 };
	unsigned n_tags = kind >= RIG_VLAN ? kind - RIG_VLAN + 1 : 0;
	uint16_t ethertype = kind == RIG_ARP			     ? 0x0806
			     : kind == RIG_NONIP		     ? 0x88b5
			     : kind == RIG_SYN6 || kind == RIG_FRAG6 ? 0x86dd
								     : 0x0800;
	memset(out, 0, RIG_FRAME);
	memset(out, 0xff, 6);
	out[6] = 2;
	size_t at = 12;
	for (unsigned k = 0; k < n_tags; k++, at += 4) {
		store_be16(out + at, n_tags == 1 ? 0x8100 : tags[k]);
		store_be16(out + at + 2, (uint16_t)(100 + k));
	}
	store_be16(out + at, ethertype);
	size_t n = at + 2 + network(out + at + 2, kind, i, sources);
	return n < 60 ? 60 : n;
}

int rig_open(struct rig *r, struct err *err)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = 0 };
	int on = 1;
	r->out = r->b.fd = r->b.netlink = -1;
	if (netns_open(&r->a, err) < 0)
		return -1;
	if (netns_open(&r->b, err) < 0 || iface_pair(&r->a, "va", &r->b, "vb", err) < 0 ||
		iface_up(&r->a, "va", err) < 0 || iface_up(&r->b, "vb", err) < 0 ||
		(to.sll_ifindex = iface_index(&r->a, "va", err)) < 0) {
		rig_close(r);
		return -1;
	}
	r->out = netns_socket(&r->a, AF_PACKET, SOCK_RAW, 0);
	if (r->out < 0 || bind(r->out, (struct sockaddr *)&to, sizeof to) != 0 ||
		setsockopt(r->out, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0) {
		err_set(err, -1, "raw socket: %s", strerror(errno));
		rig_close(r);
		return -1;
	}
	return 0;
}

void rig_close(struct rig *r)
{
	if (r->out >= 0)
		close(r->out);
	netns_close(&r->a);
	netns_close(&r->b);
}

static void keep_rate(int64_t begun, unsigned sent, unsigned pps)
{
	if (pps == 0)
		return;
	int64_t ahead = begun + (int64_t)sent * 1000000000 / pps - now_ns();
	if (ahead > 0)
		nanosleep(&(struct timespec){ .tv_sec = ahead / 1000000000, .tv_nsec = ahead % 1000000000 }, NULL);
}

unsigned rig_send(struct rig *r, enum rig_kind kind, unsigned n, unsigned sources, unsigned pps)
{
	static uint8_t frames[BATCH][RIG_FRAME];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH] = { 0 };
	int64_t begun = now_ns();
	unsigned sent = 0;
	while (sent < n) {
		unsigned k = n - sent < BATCH ? n - sent : BATCH;
		for (unsigned i = 0; i < k; i++) {
			iov[i] = (struct iovec){ frames[i], rig_frame(frames[i], kind, sent + i, sources) };
			msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
		}
		int done = sendmmsg(r->out, msgs, k, 0);
		if (done < 0 && (errno == ENOBUFS || errno == EINTR || errno == EAGAIN))
			continue;
		if (done < 0)
			break;
		sent += (unsigned)done;
		keep_rate(begun, sent, pps);
	}
	return sent;
}

struct start {
	const char *const *argv;
	int out, err;
};

static int start(void *arg)
{
	struct start *s = arg;
	dup2(s->out, STDOUT_FILENO);
	dup2(s->err, STDERR_FILENO);
	execv(s->argv[0], (char *const *)s->argv);
	return 127;
}

int rig_start(struct rig *r, struct rig_program *p, const char *const *argv, const char *ready)
{
	int out[2], err[2];
	memset(p, 0, sizeof *p);
	if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		return -1;
	struct start s = { argv, out[1], err[1] };
	int code = netns_start(&r->b, start, &s, &p->process, NULL);
	close(out[1]);
	close(err[1]);
	p->out = out[0];
	p->err = err[0];
	int64_t end = now_ns() + 10000000000;
	while (code == 0 && !strstr(p->err_text, ready)) {
		struct pollfd f = { .fd = p->err, .events = POLLIN };
		ssize_t n = poll(&f, 1, (int)((end - now_ns()) / 1000000)) > 0
				    ? read(p->err, p->err_text + p->err_n, sizeof p->err_text - 1 - p->err_n)
				    : 0;
		if (n <= 0)
			code = -1;
		p->err_n += n > 0 ? (size_t)n : 0;
	}
	return code;
}

/* False at the end of both. */
static bool more(struct rig_program *p, int timeout_ms)
{
	struct pollfd f[2] = { { .fd = p->out, .events = POLLIN }, { .fd = p->err, .events = POLLIN } };
	if (p->out < 0 && p->err < 0)
		return false;
	if (poll(f, 2, timeout_ms) <= 0)
		return false;
	if (f[0].revents) {
		ssize_t n = read(p->out, p->text + p->n, sizeof p->text - 1 - p->n);
		p->n += n > 0 ? (size_t)n : 0;
		if (n <= 0) {
			close(p->out);
			p->out = -1;
		}
	}
	if (f[1].revents) {
		ssize_t n = read(p->err, p->err_text + p->err_n, sizeof p->err_text - 1 - p->err_n);
		p->err_n += n > 0 ? (size_t)n : 0;
		if (n <= 0) {
			close(p->err);
			p->err = -1;
		}
	}
	return true;
}

bool rig_until(struct rig_program *p, const char *text, int timeout_ms)
{
	int64_t end = now_ns() + (int64_t)timeout_ms * 1000000;
	while (!strstr(p->text, text)) {
		int64_t left = (end - now_ns()) / 1000000;
		if (left <= 0 || !more(p, (int)left))
			return false;
	}
	return true;
}

int rig_finish(struct rig_program *p, int timeout_ms)
{
	int64_t end = now_ns() + (int64_t)timeout_ms * 1000000;
	while (p->process.pid) {
		int64_t left = (end - now_ns()) / 1000000;
		if (left <= 0 || !more(p, (int)left))
			break;
	}
	int code = p->process.pid ? netns_wait(&p->process, p->out < 0 && p->err < 0 ? timeout_ms : 0) : -1;
	netns_kill(&p->process);
	if (p->out >= 0)
		close(p->out);
	if (p->err >= 0)
		close(p->err);
	p->out = p->err = -1;
	return code;
}
