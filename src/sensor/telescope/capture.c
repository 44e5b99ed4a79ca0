// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/capture.h"

#include "base/mem.h"
#include "base/sandbox.h"
#include "base/random.h"
#include "wire/link.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADROOM    16 /* before each frame: for a VLAN tag that is put back */
#define VLAN_OCTETS 4
#define MACS_OCTETS 12
#define FRONT                                                                                                          \
	(TPACKET_ALIGN(sizeof(struct tpacket3_hdr)) + sizeof(struct sockaddr_ll)) /* before a frame's headroom         \
										   */

struct ring {
	int fd;
	uint8_t *map;
	unsigned block; /* next to look at */
	uint32_t left;	/* packets of the current block that weren't handed out */
	uint32_t at;	/* offset of the next of them in the block */
	bool held;	/* the current block is ours */
	_Atomic uint64_t read, bad, outgoing;
	_Atomic uint64_t kept, dropped; /* the kernel's counts so far */
};

struct capture {
	struct capture_params p;
	int index, linktype;
	unsigned opened;
	bool stopped;
	struct ring rings[CAPTURE_WORKERS_MAX];
};

/* Keeps everything, and nothing. */
static struct sock_filter refuse_code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
static const struct sock_fprog refuse_all = { 1, refuse_code };

/* ---- which ring: the fanout program ---- */

#define NET(off) ((uint32_t)(SKF_NET_OFF + (off)))
#define INNER	 4 /* tags looked through behind the one that the kernel took out */
#ifndef ARPHRD_RAWIP
#define ARPHRD_RAWIP 519
#endif
#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

struct program {
	struct sock_filter code[160];
	unsigned n;
};

static void emit(struct program *p, uint16_t code, uint32_t k)
{
	ENSURE(p->n < sizeof p->code / sizeof *p->code);
	p->code[p->n++] = (struct sock_filter)BPF_STMT(code, k);
}

/* Jumps over `n` instructions unless A == k. */
static void unless(struct program *p, uint32_t k, uint8_t n)
{
	ENSURE(p->n < sizeof p->code / sizeof *p->code);
	p->code[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, n);
}

/* Mixes A (an address, maybe folded) and answers with it; 6 instructions. The kernel takes it modulo the number of
 * rings. */
static void answer(struct program *p, uint32_t key)
{
	emit(p, BPF_ALU | BPF_XOR | BPF_K, key);
	emit(p, BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1);
	emit(p, BPF_MISC | BPF_TAX, 0);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, 16);
	emit(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	emit(p, BPF_RET | BPF_A, 0);
}

/* A is an EtherType whose payload begins at `off`: answers by the source if it is IP. */
static void by_source(struct program *p, uint32_t off, uint32_t key)
{
	unless(p, ETH_P_IP, 7);
	emit(p, BPF_LD | BPF_W | BPF_ABS, NET(off + 12));
	answer(p, key);
	unless(p, ETH_P_IPV6, 16);
	emit(p, BPF_LD | BPF_W | BPF_ABS, NET(off + 8));
	for (uint32_t i = 12; i < 24; i += 4) {
		emit(p, BPF_MISC | BPF_TAX, 0);
		emit(p, BPF_LD | BPF_W | BPF_ABS, NET(off + i));
		emit(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	}
	answer(p, key);
}

/*
 * A frame's EtherType without the tag that the kernel took out is its protocol; the network header lies behind. Further
 * tags are looked through. Loads behind the packet's end answer 0, as does everything that isn't IP.
 */
static void make_program(struct program *p, uint32_t key)
{
	p->n = 0;
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
	for (uint32_t tag = 0; tag < INNER; tag++) {
		by_source(p, tag * VLAN_OCTETS, key);
		emit(p, BPF_LD | BPF_H | BPF_ABS, NET(tag * VLAN_OCTETS + 2));
	}
	by_source(p, INNER * VLAN_OCTETS, key);
	emit(p, BPF_RET | BPF_K, 0);
}

/* ---- opening ---- */

static const struct {
	int arphrd, linktype;
} hardware[] = {
	{ ARPHRD_ETHER, LINK_ETHERNET },
	{ ARPHRD_LOOPBACK, LINK_ETHERNET },
	{ ARPHRD_NONE, LINK_RAW },
	{ ARPHRD_RAWIP, LINK_RAW },
	{ ARPHRD_TUNNEL, LINK_RAW },
	{ ARPHRD_TUNNEL6, LINK_RAW },
	{ ARPHRD_SIT, LINK_RAW },
};

static int find_interface(struct capture *c, struct err *err)
{
	struct ifreq req = { 0 };
	if (strlen(c->p.interface) >= IFNAMSIZ)
		return err_set(err, -1, "%s: no such interface", c->p.interface);
	snprintf(req.ifr_name, IFNAMSIZ, "%s", c->p.interface);
	int fd = c->rings[0].fd;
	if (ioctl(fd, SIOCGIFINDEX, &req) != 0)
		return err_set(
			err, -1, "%s: %s", c->p.interface, errno == ENODEV ? "no such interface" : strerror(errno));
	c->index = req.ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, &req) != 0)
		return err_set(err, -1, "%s: %s", c->p.interface, strerror(errno));
	if (!(req.ifr_flags & IFF_UP))
		return err_set(err, -1, "%s: the interface is down", c->p.interface);
	if (ioctl(fd, SIOCGIFHWADDR, &req) != 0)
		return err_set(err, -1, "%s: %s", c->p.interface, strerror(errno));
	for (size_t i = 0; i < sizeof hardware / sizeof *hardware; i++)
		if (hardware[i].arphrd == req.ifr_hwaddr.sa_family) {
			c->linktype = hardware[i].linktype;
			return 0;
		}
	return err_set(err, -1, "%s: hardware type %d is not one that can be watched", c->p.interface,
		req.ifr_hwaddr.sa_family);
}

static int set(int fd, int name, const void *value, socklen_t size, const char *what, struct err *err)
{
	return setsockopt(fd, SOL_PACKET, name, value, size) == 0 ? 0
								  : err_set(err, -1, "%s: %s", what, strerror(errno));
}

static int filter(int fd, const struct sock_fprog *prog, struct err *err)
{
	int none = 0;
	int r = prog ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, prog, sizeof *prog)
		     : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
	return r == 0 ? 0 : err_set(err, -1, "socket filter: %s", strerror(errno));
}

/* The snap length: what the filter answers is how much is kept. */
static int keep_from_now(const struct capture *c, const struct ring *r, struct err *err)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, c->p.snaplen) };
	struct sock_fprog prog = { 1, code };
	return filter(r->fd, c->p.snaplen ? &prog : NULL, err);
}

/* A number that the sandbox keeps from being written to: frames can't be sent through it. */
static int guarded_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, SANDBOX_GUARDED);
	int why = errno;
	close(fd);
	errno = why;
	return high;
}

static int open_ring(struct capture *c, struct ring *r, struct err *err)
{
	struct tpacket_req3 req = {
		.tp_block_size = CAPTURE_BLOCK,
		.tp_block_nr = c->p.blocks,
		.tp_frame_size = 2048,
		.tp_frame_nr = CAPTURE_BLOCK / 2048 * c->p.blocks,
		.tp_retire_blk_tov = CAPTURE_TIMEOUT_MS,
	};
	int version = TPACKET_V3, room = HEADROOM, on = 1;
	r->map = MAP_FAILED;
	r->fd = guarded_socket();
	if (r->fd < 0)
		return err_set(err, -1, "packet socket: %s%s", strerror(errno),
			errno == EPERM ? "; watching needs root or CAP_NET_RAW" : "");
	if (c->opened++ == 0 && find_interface(c, err) < 0)
		return -1;
	if (set(r->fd, PACKET_VERSION, &version, sizeof version, "packet ring version 3", err) < 0 ||
		set(r->fd, PACKET_RESERVE, &room, sizeof room, "packet ring headroom", err) < 0 ||
		set(r->fd, PACKET_RX_RING, &req, sizeof req, "packet ring", err) < 0 ||
		filter(r->fd, &refuse_all, err) < 0)
		return -1;
	if (!c->p.outgoing) /* where the kernel doesn't know it, packets are looked at one by one */
		setsockopt(r->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
	size_t size = (size_t)CAPTURE_BLOCK * c->p.blocks;
	r->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->map == MAP_FAILED)
		return err_set(err, -1, "packet ring of %zu MiB: %s", size >> 20, strerror(errno));
	return 0;
}

static int bind_ring(struct capture *c, struct ring *r, struct err *err)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = c->index
	};
	struct packet_mreq member = { .mr_ifindex = c->index, .mr_type = PACKET_MR_PROMISC };
	if (bind(r->fd, (struct sockaddr *)&addr, sizeof addr) != 0)
		return err_set(err, -1, "%s: %s", c->p.interface, strerror(errno));
	if (c->p.promiscuous && r == &c->rings[0])
		return set(r->fd, PACKET_ADD_MEMBERSHIP, &member, sizeof member, "promiscuous mode", err);
	return 0;
}

/* The first socket gets a number that nobody has, the others join it. */
static int join(struct capture *c, struct err *err)
{
	struct program program;
	make_program(&program, (uint32_t)random_key());
	struct sock_fprog prog = { (unsigned short)program.n, program.code };
	uint32_t id = 0;
	socklen_t size = sizeof id;
	for (unsigned i = 0; i < c->p.workers; i++) {
		uint32_t arg = (id & 0xffff) | PACKET_FANOUT_CBPF << 16;
		if (i == 0)
			arg |= (uint32_t)PACKET_FANOUT_FLAG_UNIQUEID << 16;
		if (!c->p.outgoing)
			arg |= (uint32_t)PACKET_FANOUT_FLAG_IGNORE_OUTGOING << 16;
		if (set(c->rings[i].fd, PACKET_FANOUT, &arg, sizeof arg, "packet fanout", err) < 0)
			return -1;
		if (i == 0 && getsockopt(c->rings[0].fd, SOL_PACKET, PACKET_FANOUT, &id, &size) != 0)
			return err_set(err, -1, "packet fanout: %s", strerror(errno));
	}
	return set(c->rings[0].fd, PACKET_FANOUT_DATA, &prog, sizeof prog, "packet fanout program", err);
}

static int open_all(struct capture *c, struct err *err)
{
	for (unsigned i = 0; i < c->p.workers; i++)
		if (open_ring(c, &c->rings[i], err) < 0 || bind_ring(c, &c->rings[i], err) < 0)
			return -1;
	if (c->p.workers > 1 && join(c, err) < 0)
		return -1;
	/* Only now, so that nothing was seen by two rings or by the wrong one. */
	for (unsigned i = 0; i < c->p.workers; i++)
		if (keep_from_now(c, &c->rings[i], err) < 0)
			return -1;
	return 0;
}

int capture_open(struct capture **out, const struct capture_params *p, struct err *err)
{
	struct capture *c = mem_new(sizeof *c);
	*out = NULL;
	c->p = *p;
	c->p.workers = p->workers ? p->workers : 1;
	c->p.blocks = p->blocks ? p->blocks : CAPTURE_BLOCKS;
	for (unsigned i = 0; i < CAPTURE_WORKERS_MAX; i++)
		c->rings[i] = (struct ring){ .fd = -1, .map = MAP_FAILED };
	int r = c->p.workers > CAPTURE_WORKERS_MAX ? err_set(err, -1, "at most %u workers", CAPTURE_WORKERS_MAX)
		: c->p.blocks > CAPTURE_BLOCKS_MAX ? err_set(err, -1, "a ring has 2 to %u MiB", CAPTURE_BLOCKS_MAX)
						   : open_all(c, err);
	if (r < 0)
		capture_close(c);
	else
		*out = c;
	return r;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->p.workers && i < CAPTURE_WORKERS_MAX; i++) {
		if (c->rings[i].map != MAP_FAILED)
			munmap(c->rings[i].map, (size_t)CAPTURE_BLOCK * c->p.blocks);
		if (c->rings[i].fd >= 0)
			close(c->rings[i].fd);
	}
	free(c);
}

int capture_linktype(const struct capture *c)
{
	return c->linktype;
}

unsigned capture_workers(const struct capture *c)
{
	return c->p.workers;
}

/* ---- reading ---- */

static struct tpacket_hdr_v1 *block_head(struct ring *r)
{
	return &((struct tpacket_block_desc *)(r->map + (size_t)CAPTURE_BLOCK * r->block))->hdr.bh1;
}

static bool ready(struct ring *r)
{
	return __atomic_load_n(&block_head(r)->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

/* Moves the two addresses four octets to the front and writes the tag behind them, into the headroom of this frame. */
static void put_tag_back(const struct tpacket3_hdr *h, struct capfile_record *rec)
{
	uint8_t *frame = (uint8_t *)rec->data.p - VLAN_OCTETS;
	memmove(frame, rec->data.p, MACS_OCTETS);
	store_be16(frame + MACS_OCTETS, h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : ETH_P_8021Q);
	store_be16(frame + MACS_OCTETS + 2, (uint16_t)h->hv1.tp_vlan_tci);
	rec->data.p = frame;
	rec->data.n += VLAN_OCTETS;
	rec->wire_len += VLAN_OCTETS;
}

/* False: not to be handed out. The kernel wrote the header, but nothing is read beyond the block whatever it says. */
static bool take(const struct capture *c, struct ring *r, const struct tpacket3_hdr *h, struct capfile_record *rec)
{
	const struct sockaddr_ll *from = (const void *)((const uint8_t *)h + TPACKET_ALIGN(sizeof *h));
	size_t end = CAPTURE_BLOCK - r->at;
	if (h->tp_mac < FRONT + VLAN_OCTETS || h->tp_mac > end || h->tp_snaplen > end - h->tp_mac) {
		atomic_fetch_add_explicit(&r->bad, 1, memory_order_relaxed);
		return false;
	}
	if (__builtin_expect(!c->p.outgoing && from->sll_pkttype == PACKET_OUTGOING, 0)) {
		atomic_fetch_add_explicit(&r->outgoing, 1, memory_order_relaxed);
		return false;
	}
	*rec = (struct capfile_record){
		.data = { (const uint8_t *)h + h->tp_mac, h->tp_snaplen },
		.wire_len = h->tp_len,
		.linktype = c->linktype,
		.time_ns = (int64_t)h->tp_sec * 1000000000 + h->tp_nsec,
		.has_time = true,
	};
	if ((h->tp_status & TP_STATUS_VLAN_VALID) && c->linktype == LINK_ETHERNET && rec->data.n >= MACS_OCTETS)
		put_tag_back(h, rec);
	return true;
}

/* Gives the block back when all of it was handed out, and takes the next if there is one. */
static bool next_block(struct capture *c, struct ring *r)
{
	if (r->left)
		return true;
	if (r->held) {
		__atomic_store_n(&block_head(r)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->block = (r->block + 1) % c->p.blocks;
		r->held = false;
	}
	if (!ready(r))
		return false;
	r->held = true;
	r->left = block_head(r)->num_pkts;
	r->at = block_head(r)->offset_to_first_pkt;
	return true;
}

size_t capture_read(struct capture *c, unsigned w, struct capfile_record *recs, size_t max)
{
	struct ring *r = &c->rings[w];
	size_t n = 0;
	while (n == 0 && next_block(c, r)) {
		const uint8_t *block = r->map + (size_t)CAPTURE_BLOCK * r->block;
		while (r->left && n < max) {
			if (CAPTURE_BLOCK - r->at < FRONT) {
				atomic_fetch_add_explicit(&r->bad, r->left, memory_order_relaxed);
				r->left = 0;
				break;
			}
			const struct tpacket3_hdr *h = (const void *)(block + r->at);
			n += take(c, r, h, &recs[n]);
			r->left--;
			uint32_t step = h->tp_next_offset;
			r->at = step > CAPTURE_BLOCK - r->at ? CAPTURE_BLOCK : r->at + step;
		}
	}
	atomic_store_explicit(&r->read, atomic_load_explicit(&r->read, memory_order_relaxed) + n, memory_order_relaxed);
	return n;
}

int capture_wait(struct capture *c, unsigned w, int timeout_ms)
{
	struct ring *r = &c->rings[w];
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	if (r->left || ready(r))
		return 1;
	int n = poll(&p, 1, timeout_ms);
	if (n > 0 && (p.revents & (POLLERR | POLLNVAL)) && !ready(r))
		return -1;
	return n > 0;
}

void capture_stop(struct capture *c)
{
	c->stopped = true;
	for (unsigned i = 0; i < c->p.workers; i++)
		ENSURE(filter(c->rings[i].fd, &refuse_all, NULL) == 0);
}

static void ask_kernel(struct ring *r)
{
	struct tpacket_stats_v3 s = { 0 };
	socklen_t size = sizeof s;
	if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &s, &size) != 0)
		return;
	r->kept += s.tp_packets - s.tp_drops; /* the first includes the second; both start anew */
	r->dropped += s.tp_drops;
}

bool capture_done(struct capture *c, unsigned w)
{
	struct ring *r = &c->rings[w];
	if (!c->stopped || r->left || ready(r))
		return false;
	ask_kernel(r);
	return r->read + r->bad + r->outgoing >= r->kept;
}

struct capture_stats capture_stats(struct capture *c)
{
	struct capture_stats sum = { 0 };
	for (unsigned i = 0; i < c->p.workers; i++) {
		struct ring *r = &c->rings[i];
		ask_kernel(r);
		sum.kept += r->kept;
		sum.dropped += r->dropped;
		sum.read += r->read;
		sum.bad += r->bad;
		sum.outgoing += r->outgoing;
	}
	return sum;
}
