// SPDX-License-Identifier: Apache-2.0
#include "role/ring.h"

#include "base/mem.h"
#include "role/counters.h"
#include "sensor/telescope/capture.h"
#include "store/packetwrite.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define WAITS	 200 /* of a replay for a file; it goes on without */
#define FLUSH_NS 1000000000
#define AGAIN_NS 5000000000 /* an answer that does not come: asked again */

struct ring_worker {
	struct ring *ring;
	struct packetwrite *writer;
	_Atomic int64_t wanted_ns;    /* packet time of the next file; 0: none is wanted */
	_Atomic int fd;		      /* that came and wasn't taken yet; -1: none */
	int64_t asked_ns, flushed_ns; /* monotonic */
	_Atomic uint64_t packets, bytes, lost;
	bool begun;
	unsigned waited;
};

struct ring {
	struct ring_params p;
	struct prefixset dark;
	unsigned n;
	struct ring_worker workers[CAPTURE_WORKERS_MAX];
};

/* In the worker's thread. */
static void on_ask(void *arg, int64_t ns)
{
	struct ring_worker *w = arg;
	atomic_store(&w->wanted_ns, ns ? ns : 1);
	w->ring->p.wake(w->ring->p.arg);
}

static void begin(struct ring_worker *w, int linktype)
{
	struct packetwrite_params p = {
		.dark = &w->ring->dark, .linktype = linktype, .snaplen = w->ring->p.snaplen, .ask = on_ask, .arg = w
	};
	w->writer = packetwrite_new(&p);
}

struct ring *ring_new(const struct ring_params *p)
{
	if (!p->sensor->dark.n)
		return NULL;
	struct ring *r = mem_new(sizeof *r);
	r->p = *p;
	r->n = p->workers ? p->workers : 1;
	prefixset_init(&r->dark);
	for (size_t i = 0; i < p->sensor->dark.n; i++) {
		const struct darknet_dark *d = &p->sensor->dark.v[i];
		prefixset_add(&r->dark, &d->prefix, d->from_ns, d->to_ns, 0);
	}
	prefixset_seal(&r->dark);
	for (unsigned i = 0; i < r->n; i++) {
		r->workers[i].ring = r;
		atomic_store(&r->workers[i].fd, -1);
		atomic_store(&r->workers[i].wanted_ns, p->now_ns);
		if (p->linktype >= 0)
			begin(&r->workers[i], p->linktype);
	}
	return r;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->n; i++) {
		int fd = atomic_load(&r->workers[i].fd);
		packetwrite_free(r->workers[i].writer);
		if (fd >= 0)
			close(fd);
	}
	prefixset_fini(&r->dark);
	free(r);
}

void ring_records(struct ring *r, unsigned worker, const struct capfile_record *recs, size_t n)
{
	struct ring_worker *w = &r->workers[worker];
	if (!w->writer && n)
		begin(w, recs[0].linktype);
	/* Before there is a packet nobody knows the link: the file waits. */
	int fd = w->writer ? atomic_exchange(&w->fd, -1) : -1;
	if (fd >= 0)
		packetwrite_give(w->writer, fd);
	for (size_t i = 0; i < n; i++) {
		struct packet p;
		packet_decode(recs[i].linktype, recs[i].data, &p);
		if (recs[i].has_time && (p.layer == LAYER_IP4 || p.layer == LAYER_IP6))
			packetwrite_packet(w->writer, &p, recs[i].time_ns, recs[i].data, recs[i].wire_len);
	}
	int64_t now = loop_now_ns();
	if (!w->writer || now - w->flushed_ns < FLUSH_NS)
		return;
	w->flushed_ns = now;
	packetwrite_flush(w->writer);
	struct packetwrite_counts c = packetwrite_counts(w->writer);
	atomic_store_explicit(&w->packets, c.packets, memory_order_relaxed);
	atomic_store_explicit(&w->bytes, c.bytes, memory_order_relaxed);
	atomic_store_explicit(&w->lost, c.lost, memory_order_relaxed);
}

bool ring_wait(struct ring *r, int64_t ns)
{
	struct ring_worker *w = &r->workers[0];
	if (!w->begun) {
		w->begun = true;
		atomic_store(&w->wanted_ns, ns ? ns : 1);
	}
	if (!atomic_load(&w->wanted_ns))
		w->waited = 0;
	return atomic_load(&w->wanted_ns) && w->waited++ < WAITS;
}

void ring_ask(struct ring *r, struct channel *c)
{
	int64_t now = loop_now_ns();
	for (unsigned i = 0; i < r->n && c; i++) {
		struct ring_worker *w = &r->workers[i];
		int64_t wanted = atomic_load(&w->wanted_ns);
		if (!wanted || (w->asked_ns && now - w->asked_ns < AGAIN_NS))
			continue;
		struct message_buf b = { 0 };
		message_u32(&b, i);
		message_u64(&b, (uint64_t)wanted);
		if (channel_send(c, &(struct message){ .kind = MESSAGE_RING_WANT, .body = { b.p, b.n } }) == 0)
			w->asked_ns = now;
		free(b.p);
	}
}

void ring_file(struct ring *r, const struct message *m, int fd)
{
	struct message_reader in = { .in = m->body };
	uint32_t i = message_get_u32(&in);
	if (!message_whole(&in) || i >= r->n) {
		close(fd);
		return;
	}
	struct ring_worker *w = &r->workers[i];
	w->asked_ns = 0;
	atomic_store(&w->wanted_ns, 0);
	int before = atomic_exchange(&w->fd, fd);
	if (before >= 0)
		close(before);
}

void ring_publish(struct ring *r)
{
	uint64_t packets = 0, bytes = 0, lost = 0;
	for (unsigned i = 0; i < r->n; i++) {
		packets += atomic_load_explicit(&r->workers[i].packets, memory_order_relaxed);
		bytes += atomic_load_explicit(&r->workers[i].bytes, memory_order_relaxed);
		lost += atomic_load_explicit(&r->workers[i].lost, memory_order_relaxed);
	}
	counters_set(COUNTER_RING_PACKETS, packets);
	counters_set(COUNTER_RING_BYTES, bytes);
	counters_set(COUNTER_RING_LOST, lost);
}
