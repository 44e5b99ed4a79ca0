// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/telescope.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "sensor/telescope/flowtable.h"
#include "sensor/telescope/marks.h"
#include "sensor/telescope/sourcetable.h"

#include <stdlib.h>

#define BATCH		FLOWTABLE_BATCH
#define COUNT_BATCH	64 /* counting alone asks for one line a packet, not for four */
#define DEFAULT_FLOWS	((size_t)4 << 20)
#define DEFAULT_SOURCES ((size_t)1 << 20)
#define TIME_MIN	(INT64_MIN + MINUTE_NS) /* so that window arithmetic can't wrap */
#define TIME_MAX	(INT64_MAX - 2 * MINUTE_NS)

enum { NOW, BEFORE, WINDOWS };

struct window {
	bool open;
	int64_t start;
	struct flowtable *flows[2]; /* IPv4, IPv6 */
	struct sourcetable *sources[2];
};

/* Packets of one window, decoded and hashed, whose cache lines are on their way. */
struct pending {
	_Alignas(64) struct tuple tuples[2][BATCH]; /* IPv4, IPv6 */
	size_t n[2];
	int which;
};

struct telescope {
	struct telescope_params p;
	struct telescope_counts counts;
	struct window windows[WINDOWS];
	struct pending pending;
	struct sourcetable *run[2];   /* sum_sources */
	uint64_t share_key;	      /* which worker a source belongs to: the same in all workers */
	int64_t closed_until;	      /* windows before this are closed for good */
	int64_t clock;		      /* time of the last record that had one, any worker's */
	struct distinct *distinct[2]; /* IPv4, IPv6 */
	bool plain; /* neither unwrapping nor a function that wants packets: usual frames go the short way */
};

struct telescope *telescope_new(const struct telescope_params *p)
{
	struct telescope *t = mem_new(sizeof *t);
	t->p = *p;
	if (!t->p.max_flows)
		t->p.max_flows = DEFAULT_FLOWS;
	if (!t->p.max_sources)
		t->p.max_sources = DEFAULT_SOURCES;
	t->share_key = random_mix(p->seed ^ 0x7368617265u);
	t->closed_until = INT64_MIN;
	t->plain = !p->unwrap && !p->sink.packet;
	t->distinct[0] = distinct_new(1, TELESCOPE_EXACT_SOURCES, p->seed);
	t->distinct[1] = distinct_new(4, TELESCOPE_EXACT_SOURCES, p->seed);
	if (p->count_only)
		return t;
	for (int w = 0; w < WINDOWS; w++) {
		for (int wide = 0; wide < 2; wide++) {
			t->windows[w].flows[wide] = flowtable_new(wide, t->p.max_flows, p->seed);
			if (!p->sum_sources)
				t->windows[w].sources[wide] = sourcetable_new(wide, true, t->p.max_sources, p->seed);
		}
	}
	for (int w = 0; w < WINDOWS && p->touch_flows; w++) {
		flowtable_touch(t->windows[w].flows[0], p->touch_flows);
		if (t->windows[w].sources[0])
			sourcetable_touch(t->windows[w].sources[0], p->touch_sources);
	}
	for (int wide = 0; wide < 2 && p->sum_sources; wide++)
		t->run[wide] = sourcetable_new(wide, false, t->p.max_sources, p->seed);
	return t;
}

void telescope_free(struct telescope *t)
{
	if (!t)
		return;
	for (int wide = 0; wide < 2; wide++) {
		for (int w = 0; w < WINDOWS; w++) {
			flowtable_free(t->windows[w].flows[wide]);
			sourcetable_free(t->windows[w].sources[wide]);
		}
		sourcetable_free(t->run[wide]);
		distinct_free(t->distinct[wide]);
	}
	free(t);
}

static inline struct sourcetable *sources_of(struct telescope *t, const struct window *w, int wide)
{
	return t->run[wide] ? t->run[wide] : w->sources[wide];
}

/* Between asking for a source's cache line and using it lies the work on the flows. */
static void flush_pending(struct telescope *t)
{
	struct pending *b = &t->pending;
	struct window *w = &t->windows[b->which];
	for (int wide = 0; wide < 2; wide++) {
		size_t n = b->n[wide];
		if (n == 0)
			continue;
		flowtable_prefetch(w->flows[wide], b->tuples[wide], n);
		sourcetable_prefetch(sources_of(t, w, wide), b->tuples[wide], n);
		flowtable_add(w->flows[wide], b->tuples[wide], n);
		sourcetable_add(sources_of(t, w, wide), b->tuples[wide], n);
		b->n[wide] = 0;
	}
}

static void emit_flow(void *arg, const struct flow *f)
{
	struct telescope *t = arg;
	t->p.sink.flow(t->p.sink.arg, f, false);
}

static void emit_source(void *arg, const struct source *s)
{
	struct telescope *t = arg;
	t->p.sink.source(t->p.sink.arg, s);
}

static void note4(void *distinct, const struct addr *a)
{
	uint32_t key = addr_to4(a);
	distinct_add(distinct, &key);
}

static void note6(void *distinct, const struct addr *a)
{
	uint32_t key[4];
	memcpy(key, a->b, 16);
	distinct_add(distinct, key);
}

static void close_window(struct telescope *t, struct window *w)
{
	uint64_t filled = 0;
	if (!w->open)
		return;
	for (int wide = 0; wide < 2; wide++) {
		struct flowtable_counts c = flowtable_counts(w->flows[wide]);
		filled += c.flows;
		t->counts.flows += c.flows;
		t->counts.folded += c.folded;
		t->counts.flows_lost += c.lost;
		if (t->p.sink.flow && c.flows)
			flowtable_each(w->flows[wide], w->start, t->p.sorted, emit_flow, t);
		flowtable_reset(w->flows[wide]);
	}
	for (int wide = 0; wide < 2 && w->sources[wide]; wide++) {
		t->counts.sources_lost += sourcetable_lost(w->sources[wide]);
		sourcetable_addrs(w->sources[wide], wide ? note6 : note4, t->distinct[wide]);
		if (t->p.sink.source)
			sourcetable_each(w->sources[wide], w->start / MINUTE_NS, emit_source, t);
		sourcetable_reset(w->sources[wide]);
	}
	t->counts.minutes += filled > 0;
	w->open = false;
	if (w->start + MINUTE_NS > t->closed_until)
		t->closed_until = w->start + MINUTE_NS;
	if (t->p.sink.minute && filled)
		t->p.sink.minute(t->p.sink.arg, w->start);
}

/* The minute before is over for good. Its tables, which are large and warm, take over the little that the current
 * minute has. */
static void close_before(struct telescope *t)
{
	struct window *now = &t->windows[NOW], *before = &t->windows[BEFORE];
	flush_pending(t);
	close_window(t, before);
	for (int wide = 0; wide < 2; wide++) {
		struct flowtable *large = before->flows[wide], *small = now->flows[wide];
		if (flowtable_memory(large) <= flowtable_memory(small))
			continue;
		flowtable_move(large, small);
		now->flows[wide] = large;
		before->flows[wide] = small;
	}
}

static int64_t minute_of(int64_t ns)
{
	int64_t m = ns / MINUTE_NS;
	return (m - (ns % MINUTE_NS < 0)) * MINUTE_NS;
}

/* From a time to one that is not before it: that may be more than 63 bits hold. */
static uint64_t since(int64_t from, int64_t ns)
{
	return (uint64_t)ns - (uint64_t)from;
}

/* Makes the minute of `ns` the current one. */
static void roll(struct telescope *t, int64_t ns)
{
	int64_t start = minute_of(ns);
	flush_pending(t);
	close_window(t, &t->windows[BEFORE]);
	struct window now = t->windows[NOW];
	t->windows[NOW] = t->windows[BEFORE];
	t->windows[BEFORE] = now;
	if (now.open && since(now.start, start) > MINUTE_NS)
		close_window(t, &t->windows[BEFORE]);
	t->windows[NOW].open = true;
	t->windows[NOW].start = start;
}

/* The window that takes `ns`, or -1 for late. The first packet of all opens the first. */
static int window_for(struct telescope *t, int64_t ns)
{
	struct window *now = &t->windows[NOW], *before = &t->windows[BEFORE];
	if (now->open && ns >= now->start && since(now->start, ns) < MINUTE_NS) {
		if (before->open && since(now->start, ns) >= TELESCOPE_GRACE_NS)
			close_before(t);
		return NOW;
	}
	if (ns < t->closed_until)
		return -1;
	if (!now->open || ns > now->start) {
		roll(t, ns);
		return NOW;
	}
	if (ns < now->start - MINUTE_NS)
		return -1;
	if (!before->open) {
		before->open = true;
		before->start = now->start - MINUTE_NS;
	}
	return BEFORE;
}

/* How far into the current minute records need no decision. */
static inline uint64_t undecided_from(const struct telescope *t)
{
	return !t->windows[NOW].open ? 0 : t->windows[BEFORE].open ? TELESCOPE_GRACE_NS : MINUTE_NS;
}

static void late_flow(struct telescope *t, const struct packet *p, uint16_t tags, int64_t ns)
{
	t->counts.late++;
	if (!t->p.sink.flow)
		return;
	struct flow f = {
		.src = flow_packet_src(p),
		.dst = flow_packet_dst(p),
		.sport = p->sport,
		.dport = p->dport,
		.ip_len = p->ip_len,
		.proto = p->proto,
		.ttl = p->ttl,
		.tcp_flags = p->tcp_flags,
		.cls = p->cls,
		.tags = tags,
		.packets = 1,
		.bytes = p->ip_len,
		.first_ns = ns,
		.last_ns = ns,
	};
	t->p.sink.flow(t->p.sink.arg, &f, true);
}

/* Hashes of a tuple made the long way. */
static void key(struct telescope *t, const struct window *w, int wide, struct tuple *k)
{
	if (wide) {
		flowtable_key_wide(w->flows[wide], k);
		sourcetable_key_wide(sources_of(t, w, wide), k);
		return;
	}
	struct flowtable_front flows = flowtable_front(w->flows[0]);
	struct sourcetable_front sources = sourcetable_front(sources_of(t, w, 0));
	flowtable_key(&flows, k);
	sourcetable_key(&sources, k);
}

/* A late packet changes no flow, but counts among the sources of the current minute. */
static void add_late(struct telescope *t, const struct packet *p)
{
	struct tuple k;
	struct window *now = &t->windows[NOW];
	int wide = p->layer == LAYER_IP6;
	flush_pending(t);
	tuple_of(p, 0, &k);
	late_flow(t, p, tuple_unpack(k.tags), t->clock);
	key(t, now, wide, &k);
	sourcetable_prefetch(sources_of(t, now, wide), &k, 1);
	sourcetable_add(sources_of(t, now, wide), &k, 1);
}

static void turn_to(struct telescope *t, int which)
{
	if (t->pending.which != which)
		flush_pending(t);
	t->pending.which = which;
}

static void add_packet(struct telescope *t, const struct packet *p, int which)
{
	int wide = p->layer == LAYER_IP6;
	if (which < 0) {
		add_late(t, p);
		return;
	}
	turn_to(t, which);
	struct tuple *k = &t->pending.tuples[wide][t->pending.n[wide]++];
	tuple_of(p, (uint64_t)(t->clock - t->windows[which].start), k);
	key(t, &t->windows[which], wide, k);
}

static inline void count(struct telescope_counts *c, const struct packet *p)
{
	c->layers[p->layer]++;
	if (__builtin_expect(p->vlans > 0, 0))
		c->vlan++;
	if (__builtin_expect(p->cls < CLASS_FRAG, 1)) {
		c->classes[p->cls]++;
		return;
	}
	if (p->cls == CLASS_FRAG) {
		c->classes[p->cls]++;
		c->frag6 += p->layer == LAYER_IP6;
	}
}

static inline bool foreign_key(const struct telescope *t, uint64_t source)
{
	return (random_mix(source ^ t->share_key) >> 32) * t->p.workers >> 32 != t->p.worker;
}

/* The source decides whose share a record is. */
static bool foreign(const struct telescope *t, const struct packet *p)
{
	return foreign_key(t, p->layer == LAYER_IP4   ? p->src4
			      : p->layer == LAYER_IP6 ? load_be64(p->src6) ^ load_be64(p->src6 + 8)
						      : 0);
}

static inline void span(struct telescope_counts *c, int64_t first, int64_t last, size_t n)
{
	if (first < c->first_ns || !c->timed)
		c->first_ns = first;
	if (last > c->last_ns || !c->timed)
		c->last_ns = last;
	c->timed += n;
}

static void count_record(struct telescope_counts *c, const struct capfile_record *r, const struct packet *p)
{
	c->packets++;
	c->bytes += r->wire_len;
	c->captured += r->data.n;
	count(c, p);
	if (r->has_time)
		span(c, r->time_ns, r->time_ns, 1);
}

/* Any record, the long way. */
static void one(struct telescope *t, const struct capfile_record *r)
{
	struct telescope_counts *c = &t->counts;
	const struct window *now = &t->windows[NOW];
	struct packet p, inner;
	int which = NOW;
	if (r->has_time)
		t->clock = r->time_ns < TIME_MIN ? TIME_MIN : r->time_ns > TIME_MAX ? TIME_MAX : r->time_ns;
	/* Before anything else, so that all workers close the same minutes at the same record, whoever owns it. */
	if ((uint64_t)t->clock - (uint64_t)now->start >= undecided_from(t))
		which = window_for(t, t->clock);
	packet_decode(r->linktype, r->data, &p);
	if (t->p.workers > 1 && foreign(t, &p))
		return;
	count_record(c, r, &p);
	if (p.layer > LAYER_IP6)
		return;
	if (t->p.unwrap && packet_unwrap(&p, t->p.unwrap, &inner) && inner.layer <= LAYER_IP6) {
		p = inner;
		c->unwrapped++;
	}
	if (t->p.sink.packet)
		t->p.sink.packet(t->p.sink.arg, &p, t->clock);
	add_packet(t, &p, which);
}

/* Sums over the usual frames of a batch; all are IPv4. */
struct usual_sums {
	size_t n;
	uint64_t bytes, captured;
	int64_t first, last;
};

static inline void sum(struct usual_sums *s, const struct capfile_record *r)
{
	s->n++;
	s->bytes += r->wire_len;
	s->captured += r->data.n;
	s->first = r->time_ns < s->first ? r->time_ns : s->first;
	s->last = r->time_ns > s->last ? r->time_ns : s->last;
}

static inline void count_sums(struct telescope_counts *c, const struct usual_sums *s)
{
	if (s->n == 0)
		return;
	c->packets += s->n;
	c->layers[LAYER_IP4] += s->n;
	c->bytes += s->bytes;
	c->captured += s->captured;
	span(c, s->first, s->last, s->n);
}

#define INLINE inline __attribute__((always_inline))

/* The records that are this worker's or need a closer look, by number: what others have costs no more than this. */
static size_t own_share(
	const struct telescope *t, const struct capfile_record *recs, size_t n, uint64_t end, uint8_t *own)
{
	const uint64_t start = (uint64_t)t->windows[NOW].start;
	size_t m = 0;
	for (size_t i = 0; i < n; i++) {
		const struct capfile_record *r = &recs[i];
		struct usual u = { .addrs = 0 };
		bool easy = r->linktype == LINK_ETHERNET && r->has_time && (uint64_t)r->time_ns - start < end &&
			    usual_network(r->data, &u);
		own[m] = (uint8_t)i;
		m += tuple_opaque(!easy | !foreign_key(t, u.addrs >> 32));
	}
	return m;
}

/* Bytes to tuples, as long as usual frames of the current minute come. Returns how many records that were. */
static INLINE size_t decode_usual(
	struct telescope *t, const struct capfile_record *recs, size_t n, struct tuple **to, bool share)
{
	const uint64_t start = (uint64_t)t->windows[NOW].start, end = undecided_from(t);
	struct usual_sums sums = { .first = INT64_MAX, .last = INT64_MIN };
	struct tuple *k = *to;
	struct flowtable_front flows = flowtable_front(t->windows[0].flows[0]);
	struct sourcetable_front sources = sourcetable_front(sources_of(t, &t->windows[0], 0));
	uint8_t own[BATCH];
	size_t i, m = share ? own_share(t, recs, n, end, own) : n;
	for (i = 0; i < m; i++, k++) {
		const struct capfile_record *r = &recs[share ? own[i] : i];
		k->offset_ns = (uint64_t)r->time_ns - start;
		if (k->offset_ns >= end || !r->has_time || r->linktype != LINK_ETHERNET || !tuple_usual(r->data, k))
			break;
		flowtable_key(&flows, k);
		sourcetable_key(&sources, k);
	}
	for (size_t j = 0; j < i; j++)
		sum(&sums, &recs[share ? own[j] : j]);
	count_sums(&t->counts, &sums);
	*to = k;
	if (share)
		i = i < m ? own[i] : n;
	if (i)
		t->clock = recs[i - 1].time_ns;
	return i;
}

/* Takes usual frames of the current minute as long as they come; returns how many records that were. */
static size_t add_usual(struct telescope *t, const struct capfile_record *recs, size_t n)
{
	const struct window *now = &t->windows[NOW];
	if (!now->open || !t->plain)
		return 0;
	ENSURE(n <= BATCH);
	turn_to(t, NOW);
	struct pending *b = &t->pending;
	struct tuple *k = &b->tuples[0][b->n[0]], *end = k;
	size_t taken = t->p.workers > 1 ? decode_usual(t, recs, n, &end, true) : decode_usual(t, recs, n, &end, false);
	for (; k < end; k++) {
		t->counts.classes[k->tags >> TUPLE_CLASS_SHIFT]++;
	}
	b->n[0] = (size_t)(end - b->tuples[0]);
	return taken;
}

static void count_one(struct telescope *t, const struct capfile_record *r)
{
	struct packet p;
	uint32_t wide[4];
	packet_decode(r->linktype, r->data, &p);
	if (t->p.workers > 1 && foreign(t, &p))
		return;
	count_record(&t->counts, r, &p);
	if (p.layer == LAYER_IP4) {
		distinct_add(t->distinct[0], &p.src4);
	} else if (p.layer == LAYER_IP6) {
		memcpy(wide, p.src6, 16);
		distinct_add(t->distinct[1], wide);
	}
}

/* Counting alone: class and source of usual frames, without a struct packet. */
static void count_records(struct telescope *t, const struct capfile_record *recs, size_t n)
{
	struct usual_sums sums = { .first = INT64_MAX, .last = INT64_MIN };
	uint32_t addrs[COUNT_BATCH];
	bool share = t->p.workers > 1;
	for (size_t i = 0; i < n; i++) {
		const struct capfile_record *r = &recs[i];
		struct usual u;
		int cls = -1;
		if (r->linktype == LINK_ETHERNET && r->has_time && usual_network(r->data, &u))
			cls = usual_class(&u);
		if (__builtin_expect(cls < 0, 0)) {
			count_one(t, r);
			continue;
		}
		if (share && foreign_key(t, u.addrs >> 32))
			continue;
		addrs[sums.n] = (uint32_t)(u.addrs >> 32);
		t->counts.classes[cls]++;
		sum(&sums, r);
	}
	distinct_add_many(t->distinct[0], addrs, sums.n);
	count_sums(&t->counts, &sums);
}

void telescope_add(struct telescope *t, const struct capfile_record *recs, size_t n)
{
	const size_t batch = t->p.count_only ? COUNT_BATCH : BATCH;
	for (size_t i = 0; i < n; i += batch) {
		size_t m = n - i < batch ? n - i : batch;
		if (t->p.count_only) {
			count_records(t, recs + i, m);
			continue;
		}
		for (size_t k = 0; k < m;) {
			k += add_usual(t, recs + i + k, m - k);
			if (k < m)
				one(t, &recs[i + k++]);
		}
		flush_pending(t);
	}
}

void telescope_advance(struct telescope *t, int64_t ns)
{
	struct window *now = &t->windows[NOW], *before = &t->windows[BEFORE];
	if (before->open && ns > before->start && since(before->start, ns) >= MINUTE_NS + TELESCOPE_GRACE_NS)
		close_before(t);
	if (now->open && ns > now->start && since(now->start, ns) >= MINUTE_NS + TELESCOPE_GRACE_NS)
		close_window(t, now);
}

void telescope_flush(struct telescope *t)
{
	if (t->p.count_only)
		return;
	flush_pending(t);
	close_window(t, &t->windows[BEFORE]);
	close_window(t, &t->windows[NOW]);
}

void telescope_restart(struct telescope *t)
{
	telescope_flush(t);
	t->closed_until = INT64_MIN;
}

const struct telescope_counts *telescope_counts(const struct telescope *t)
{
	return &t->counts;
}

const struct distinct *telescope_distinct(const struct telescope *t, bool ip6)
{
	/* A table over the run has them all, so the set is made when somebody asks. Adding again changes nothing. */
	if (t->run[ip6])
		sourcetable_addrs(t->run[ip6], ip6 ? note6 : note4, t->distinct[ip6]);
	return t->distinct[ip6];
}

void telescope_counts_add(struct telescope_counts *a, const struct telescope_counts *b)
{
	if (b->timed && (b->first_ns < a->first_ns || !a->timed))
		a->first_ns = b->first_ns;
	if (b->timed && (b->last_ns > a->last_ns || !a->timed))
		a->last_ns = b->last_ns;
	a->timed += b->timed;
	a->packets += b->packets;
	a->bytes += b->bytes;
	a->captured += b->captured;
	for (int i = 0; i < CLASS_N; i++)
		a->classes[i] += b->classes[i];
	for (int i = 0; i < LAYER_N; i++)
		a->layers[i] += b->layers[i];
	a->frag6 += b->frag6;
	a->vlan += b->vlan;
	a->unwrapped += b->unwrapped;
	a->minutes += b->minutes;
	a->flows += b->flows;
	a->late += b->late;
	a->folded += b->folded;
	a->flows_lost += b->flows_lost;
	a->sources_lost += b->sources_lost;
}

void telescope_each_source(struct telescope *t, void (*fn)(void *arg, const struct source *), void *arg)
{
	for (int wide = 0; wide < 2 && t->run[wide]; wide++)
		sourcetable_sum(t->run[wide], fn, arg);
}

size_t telescope_source_count(const struct telescope *t)
{
	return t->run[0] ? sourcetable_count(t->run[0]) + sourcetable_count(t->run[1]) : 0;
}

size_t telescope_memory(const struct telescope *t)
{
	size_t n = 0;
	for (int wide = 0; wide < 2 && !t->p.count_only; wide++) {
		if (t->run[wide])
			n += sourcetable_memory(t->run[wide]);
		for (int w = 0; w < WINDOWS; w++) {
			n += flowtable_memory(t->windows[w].flows[wide]);
			if (t->windows[w].sources[wide])
				n += sourcetable_memory(t->windows[w].sources[wide]);
		}
	}
	return n;
}
