// SPDX-License-Identifier: Apache-2.0
#include "store/packetpick.h"

#include "base/mem.h"
#include "wire/capfile.h"
#include "wire/pcapwrite.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define RECORDS 64
#define WINDOW	((size_t)1 << 20)

struct picked {
	int64_t ns;
	size_t offset; /* of its bytes in `bytes` */
	uint32_t n, wire_len, order;
};

struct packetpick {
	struct packetring_query q;
	struct packetring_found found;
	struct picked *v;
	uint8_t *bytes; /* max_bytes, touched as far as used */
	size_t n, pinned, used, room;
	uint8_t *window;
	size_t window_room;
};

struct packetpick *packetpick_new(const struct packetring_query *q)
{
	struct packetpick *p = mem_new(sizeof *p);
	*p = (struct packetpick){ .q = *q, .found.linktype = -1, .window_room = WINDOW };
	p->bytes = mem_map(q->max_bytes ? q->max_bytes : 1);
	p->window = mem_new(WINDOW);
	return p;
}

void packetpick_free(struct packetpick *p)
{
	mem_unmap(p->bytes, p->q.max_bytes ? p->q.max_bytes : 1);
	free(p->window);
	free(p->v);
	free(p);
}

bool packetpick_full(const struct packetpick *p)
{
	return p->found.limited;
}

/* A number that is asked for; -1: any. */
static bool is(int asked, int n)
{
	return asked < 0 || asked == n;
}

static bool asked_for(const struct packetring_query *q, const struct packet *p, int64_t ns)
{
	if (p->layer > LAYER_IP6 || ns < q->from_ns || ns > q->to_ns)
		return false;
	struct addr src = flow_packet_src(p), dst = flow_packet_dst(p);
	if ((q->src && !addr_same(q->src, &src)) || (q->dst && !addr_same(q->dst, &dst)))
		return false;
	if (!is(q->proto, p->proto) || !is(q->sport, p->sport) || !is(q->dport, p->dport))
		return false;
	if (q->match && !match_packet(q->match, p, ns))
		return false;
	return !q->keep || q->keep(q->arg, p, ns);
}

/* Is the packet among the pinned ones, which were read first and lie in order? */
static bool is_pinned(const struct packetpick *p, const struct capfile_record *r)
{
	size_t low = 0, high = p->pinned;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (p->v[mid].ns < r->time_ns)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < p->pinned && p->v[low].ns == r->time_ns; low++)
		if (p->v[low].n == r->data.n &&
			(!r->data.n || !memcmp(p->bytes + p->v[low].offset, r->data.p, r->data.n)))
			return true;
	return false;
}

static void take(struct packetpick *p, const struct capfile_record *r)
{
	if (p->found.linktype < 0)
		p->found.linktype = r->linktype;
	if (r->linktype != p->found.linktype) {
		p->found.other_link++;
		return;
	}
	if (is_pinned(p, r))
		return;
	if (p->n >= p->q.max_packets || r->data.n > p->q.max_bytes - p->used) {
		p->found.limited = true;
		return;
	}
	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 256;
		p->v = mem_grow(p->v, p->room * sizeof *p->v);
	}
	p->v[p->n] = (struct picked){ r->time_ns, p->used, (uint32_t)r->data.n, r->wire_len, (uint32_t)p->n };
	if (r->data.n)
		memcpy(p->bytes + p->used, r->data.p, r->data.n);
	p->used += r->data.n;
	p->n++;
	p->found.packets++;
	p->found.bytes += r->data.n;
}

static void take_all(struct packetpick *p, const struct capfile_record *recs, size_t n)
{
	for (size_t i = 0; i < n && !p->found.limited; i++) {
		struct packet packet;
		if (!recs[i].has_time || recs[i].time_ns < p->q.from_ns || recs[i].time_ns > p->q.to_ns)
			continue;
		packet_decode(recs[i].linktype, recs[i].data, &packet);
		if (asked_for(&p->q, &packet, recs[i].time_ns))
			take(p, &recs[i]);
	}
}

/* Reads more behind what the window holds. False at the end or when it can't be read. */
static bool fill(struct packetpick *p, int fd, size_t *held, size_t want)
{
	if (want > p->window_room) {
		p->window = mem_grow(p->window, want);
		p->window_room = want;
	}
	ssize_t n;
	do
		n = read(fd, p->window + *held, p->window_room - *held);
	while (n < 0 && errno == EINTR);
	*held += n > 0 ? (size_t)n : 0;
	return n > 0;
}

static int by_time(const void *a, const void *b)
{
	const struct picked *x = a, *y = b;
	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void packetpick_file(struct packetpick *p, int fd, bool pinned)
{
	struct capfile *c = capfile_new();
	struct capfile_record recs[RECORDS];
	size_t held = 0, at = 0;
	ENSURE(c);
	p->found.files++;
	while (!p->found.limited) {
		size_t n, used;
		enum capfile_status s =
			capfile_read(c, (struct bytes){ p->window + at, held - at }, recs, RECORDS, &n, &used);
		take_all(p, recs, n);
		at += used;
		if (s == CAPFILE_RECORDS)
			continue;
		memmove(p->window, p->window + at, held - at);
		held -= at;
		at = 0;
		if (s == CAPFILE_BAD || !fill(p, fd, &held, capfile_want(c))) {
			/* An empty file is one that was just made. */
			p->found.cut += s == CAPFILE_BAD || held > 0;
			break;
		}
	}
	capfile_free(c);
	if (!pinned)
		return;
	if (p->n)
		qsort(p->v, p->n, sizeof *p->v, by_time);
	p->pinned = p->n;
}

int packetpick_write(struct packetpick *p, int fd)
{
	if (!p->n)
		return 0;
	qsort(p->v, p->n, sizeof *p->v, by_time);
	struct pcapwrite *w = pcapwrite_new(fd, PCAPWRITE_NS, p->found.linktype);
	for (size_t i = 0; i < p->n; i++) {
		int rc = pcapwrite_packet(
			w, p->v[i].ns, (struct bytes){ p->bytes + p->v[i].offset, p->v[i].n }, p->v[i].wire_len);
		if (rc)
			break; /* told by the end */
	}
	return pcapwrite_free(w);
}

int packetpick_each(struct packetpick *p, int (*fn)(void *arg, const struct capfile_record *), void *arg)
{
	int rc = 0;
	if (p->n)
		qsort(p->v, p->n, sizeof *p->v, by_time);
	for (size_t i = 0; i < p->n && !rc; i++) {
		struct capfile_record r = { .linktype = p->found.linktype,
			.has_time = true,
			.time_ns = p->v[i].ns,
			.data = { p->bytes + p->v[i].offset, p->v[i].n },
			.wire_len = p->v[i].wire_len };
		rc = fn(arg, &r);
	}
	return rc;
}

struct packetring_found packetpick_found(const struct packetpick *p)
{
	return p->found;
}
