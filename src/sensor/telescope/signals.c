// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/signals.h"

#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAYS	   4 /* a bucket of entries is one cache line */
#define BATCH	   64
#define KEPT	   (FINDING_SAMPLES - 1) /* before the packet that crosses */
#define BUSY	   1024			 /* sources: from here on huge pages pay */
#define CLOCK_BITS 27			 /* `last` counts units of 2^27 ns, 0.13 s */

/* What every packet touches. `more` of the same index is only needed until the source was told. */
struct entry {
	uint64_t key;  /* 0: free */
	uint32_t last; /* wraps after 18 years */
	bool told;
	uint8_t destinations, samples_n;
};

/* A packet that may become evidence, as it came: half the octets of a decoded sample. */
struct kept {
	int64_t ns;
	int32_t linktype;
	uint32_t n;
	uint8_t frame[FINDING_HEAD + 32]; /* link header and tags, then what a sample shows */
};

struct listener {
	signals_fn *fn;
	void *arg;
};

struct signals {
	struct signals_params p;
	char sensor[64];
	struct prefix *dark;
	size_t mask;			     /* of buckets */
	size_t kept_at, ports_at, more_size; /* offsets in `more`: samples, ports, the end */
	struct entry (*buckets)[WAYS];
	uint8_t *more; /* per entry: keys of destinations, counts of their ports, kept packets, ports */
	struct signals_counts counts;
	uint64_t begun; /* places that were given */
	struct packet packets[BATCH];
	uint64_t hashes[BATCH]; /* 0: not looked at */
	uint32_t places[BATCH];
	bool replies[BATCH];
};

struct signals *signals_new(const struct signals_params *p)
{
	struct signals *s = mem_new(sizeof *s);
	size_t buckets = 1;
	s->p = *p;
	s->p.min_destinations = p->min_destinations ? p->min_destinations : 5;
	s->p.min_ports = p->min_ports ? p->min_ports : 15;
	s->p.idle_ns = p->idle_ns ? p->idle_ns : 10 * MINUTE_NS;
	ENSURE(s->p.min_destinations <= SIGNALS_DESTINATIONS_MAX && s->p.min_ports <= SIGNALS_PORTS_MAX);
	while (buckets * WAYS < (p->max_sources ? p->max_sources : 65536))
		buckets *= 2;
	s->mask = buckets - 1;
	snprintf(s->sensor, sizeof s->sensor, "%s", p->sensor ? p->sensor : "");
	s->dark = mem_new((p->dark_n + 1) * sizeof *s->dark);
	if (p->dark_n)
		memcpy(s->dark, p->dark, p->dark_n * sizeof *s->dark);
	size_t destinations = s->p.min_destinations;
	s->kept_at = (destinations * (sizeof(uint64_t) + 1) + 7) & ~(size_t)7;
	s->ports_at = s->kept_at + KEPT * sizeof(struct kept);
	s->more_size = (s->ports_at + destinations * (s->p.min_ports - 1) * sizeof(uint16_t) + 63) & ~(size_t)63;
	s->buckets = mem_map(buckets * sizeof *s->buckets);
	s->more = mem_map(buckets * WAYS * s->more_size);
	/* Touched now, not by the first flood of new sources. */
	mem_touch(s->buckets, buckets * sizeof *s->buckets);
	mem_touch(s->more, buckets * WAYS * s->more_size);
	return s;
}

void signals_free(struct signals *s)
{
	if (!s)
		return;
	mem_unmap(s->buckets, (s->mask + 1) * sizeof *s->buckets);
	mem_unmap(s->more, (s->mask + 1) * WAYS * s->more_size);
	free(s->dark);
	free(s);
}

struct signals_counts signals_counts(const struct signals *s)
{
	return s->counts;
}

static bool is_dark(const struct signals *s, const struct packet *p)
{
	if (s->p.dark_n == 0)
		return true;
	struct addr dst = flow_packet_dst(p);
	for (size_t i = 0; i < s->p.dark_n; i++)
		if (prefix_holds(&s->dark[i], &dst))
			return true;
	return false;
}

/* Answers to packets that were sent in the destination's name, or misuse of a reflector. */
static bool is_reply(const struct packet *p)
{
	static const uint32_t icmp4 =
		1u << 0 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 11 | 1u << 12 | 1u << 14 | 1u << 16 | 1u << 18;
	switch (p->cls) {
	case CLASS_TCP_SYN_ACK:
	case CLASS_TCP_RST:
		return true;
	case CLASS_UDP:
		return p->sport == 53 || p->sport == 123 || p->sport == 1900 || p->sport == 11211;
	case CLASS_ICMP:
		return p->layer == LAYER_IP4 ? p->sport < 32 && (icmp4 >> p->sport & 1)
					     : (p->sport >= 1 && p->sport <= 4) || p->sport == 129;
	default:
		return false;
	}
}

static uint64_t source_hash(const struct signals *s, const struct packet *p, bool reply)
{
	struct addr src = flow_packet_src(p);
	uint64_t h = addr_hash(&src, s->p.seed) ^ (reply ? 0x9e3779b97f4a7c15u : 0);
	return h ? h : 1;
}

static uint32_t clock_of(int64_t ns)
{
	return (uint32_t)((uint64_t)ns >> CLOCK_BITS);
}

static struct entry *entry_at(struct signals *s, uint32_t i)
{
	return &s->buckets[i / WAYS][i % WAYS];
}

/* Where the source is; a new or idle one begins anew, in the place that was silent longest. */
static uint32_t place_for(struct signals *s, uint64_t hash, int64_t ns)
{
	size_t b = (hash >> 20) & s->mask;
	struct entry *bucket = s->buckets[b];
	uint32_t now = clock_of(ns), best = 0;
	for (uint32_t w = 0; w < WAYS; w++) {
		if (bucket[w].key == hash) {
			best = w;
			break;
		}
		if (!bucket[w].key || (bucket[best].key && (int32_t)(bucket[w].last - bucket[best].last) < 0))
			best = w;
	}
	struct entry *e = &bucket[best];
	bool same = e->key == hash, idle = (int32_t)(now - e->last) > (int32_t)clock_of(s->p.idle_ns);
	if (!same || idle) {
		s->counts.evicted += e->key && !same && !idle;
		*e = (struct entry){ .key = hash, .last = now };
		if (++s->begun == BUSY) {
			mem_busy(s->buckets, (s->mask + 1) * sizeof *s->buckets);
			mem_busy(s->more, (s->mask + 1) * WAYS * s->more_size);
		}
	}
	if ((int32_t)(now - e->last) > 0)
		e->last = now;
	return (uint32_t)(b * WAYS + best);
}

static uint8_t *more_of(struct signals *s, uint32_t i)
{
	return s->more + i * s->more_size;
}

static struct kept *kept_of(struct signals *s, uint32_t i)
{
	return (struct kept *)(more_of(s, i) + s->kept_at);
}

static void keep(struct kept *k, const struct capfile_record *r)
{
	struct bytes head = bytes_head(r->data, sizeof k->frame);
	k->ns = r->time_ns;
	k->linktype = r->linktype;
	k->n = (uint32_t)head.n;
	memcpy(k->frame, head.p, head.n);
}

static void show(struct finding_sample *out, const struct kept *k)
{
	struct bytes frame = { k->frame, k->n };
	struct packet p;
	struct link link;
	packet_decode(k->linktype, frame, &p);
	*out = (struct finding_sample){
		.ns = k->ns, .src = flow_packet_src(&p), .dst = flow_packet_dst(&p), .proto = p.proto
	};
	if (p.proto == PROTO_TCP || p.proto == PROTO_UDP) {
		out->sport = p.sport;
		out->dport = p.dport;
	}
	if (link_known(k->linktype) && link_parse(k->linktype, frame, &link) == 0) {
		struct bytes head = bytes_head(link.payload, FINDING_HEAD);
		memcpy(out->head, head.p, head.n);
		out->head_len = (uint8_t)head.n;
	}
}

/* The number of the destination among those of the source; a new one is added. */
static unsigned note_destination(struct signals *s, uint32_t i, const struct packet *p)
{
	struct entry *e = entry_at(s, i);
	struct addr dst = flow_packet_dst(p);
	uint64_t key = addr_hash(&dst, s->p.seed), *keys = (uint64_t *)more_of(s, i);
	uint8_t *ports_n = more_of(s, i) + s->p.min_destinations * sizeof *keys;
	for (unsigned k = 0; k < e->destinations; k++)
		if (keys[k] == key)
			return k;
	keys[e->destinations] = key;
	ports_n[e->destinations] = 0;
	return e->destinations++;
}

/* Counts the port of a destination; true when it is the one that reaches the threshold. */
static bool note_port(struct signals *s, uint32_t i, unsigned destination, uint16_t port)
{
	unsigned most = s->p.min_ports - 1;
	uint8_t *n = more_of(s, i) + s->p.min_destinations * sizeof(uint64_t) + destination;
	uint16_t *ports = (uint16_t *)(more_of(s, i) + s->ports_at) + destination * most;
	for (unsigned k = 0; k < *n; k++)
		if (ports[k] == port)
			return false;
	if (*n == most)
		return true;
	ports[(*n)++] = port;
	return false;
}

static void tell(
	struct signals *s, size_t k, const struct capfile_record *r, uint64_t threshold, const struct listener *to)
{
	uint32_t i = s->places[k];
	struct entry *e = entry_at(s, i);
	struct kept last;
	char source[ADDR_TEXT_MAX];
	struct signal out = { .at_ns = r->time_ns, .value = threshold, .threshold = threshold };
	struct addr src = flow_packet_src(&s->packets[k]);
	for (; out.samples_n < e->samples_n; out.samples_n++)
		show(&out.samples[out.samples_n], &kept_of(s, i)[out.samples_n]);
	keep(&last, r);
	show(&out.samples[out.samples_n++], &last);
	snprintf(out.sensor, sizeof out.sensor, "%s", s->sensor);
	snprintf(out.source, sizeof out.source, "%s", addr_text(source, &src));
	snprintf(
		out.kind, sizeof out.kind, "%s", finding_kind_name(s->replies[k] ? FINDING_BACKSCATTER : FINDING_SCAN));
	e->told = true;
	s->counts.told++;
	to->fn(to->arg, &out);
}

static void look(struct signals *s, size_t k, const struct capfile_record *r, const struct listener *to)
{
	const struct packet *p = &s->packets[k];
	uint32_t i = s->places[k];
	struct entry *e = entry_at(s, i);
	/* Pushed out by a later packet of this batch, or told. */
	if (e->key != s->hashes[k] || e->told)
		return;
	unsigned destination = note_destination(s, i, p);
	bool ported = !s->replies[k] && (p->proto == PROTO_TCP || p->proto == PROTO_UDP);
	if (e->destinations >= s->p.min_destinations)
		tell(s, k, r, s->p.min_destinations, to);
	else if (ported && note_port(s, i, destination, p->dport))
		tell(s, k, r, s->p.min_ports, to);
	else if (e->samples_n < KEPT)
		keep(&kept_of(s, i)[e->samples_n++], r);
}

/* In three rounds, so that the cache lines of all packets are on their way at once: buckets, then what lies behind new
 * sources. */
static void batch(struct signals *s, const struct capfile_record *recs, size_t n, const struct listener *to)
{
	for (size_t k = 0; k < n; k++) {
		struct packet *p = &s->packets[k];
		packet_decode(recs[k].linktype, recs[k].data, p);
		s->hashes[k] = 0;
		if (p->layer > LAYER_IP6 || p->cls >= CLASS_SHORT || !is_dark(s, p))
			continue;
		s->replies[k] = is_reply(p);
		s->hashes[k] = source_hash(s, p, s->replies[k]);
		__builtin_prefetch(s->buckets[(s->hashes[k] >> 20) & s->mask], 1);
	}
	for (size_t k = 0; k < n; k++) {
		if (!s->hashes[k])
			continue;
		s->places[k] = place_for(s, s->hashes[k], recs[k].time_ns);
		if (entry_at(s, s->places[k])->told)
			continue;
		__builtin_prefetch(more_of(s, s->places[k]), 1);
		__builtin_prefetch(more_of(s, s->places[k]) + 64, 1);
		__builtin_prefetch(more_of(s, s->places[k]) + s->ports_at, 1);
	}
	for (size_t k = 0; k < n; k++)
		if (s->hashes[k])
			look(s, k, &recs[k], to);
}

void signals_add(struct signals *s, const struct capfile_record *recs, size_t n, signals_fn *fn, void *arg)
{
	const struct listener to = { fn, arg };
	for (size_t i = 0; i < n; i += BATCH)
		batch(s, recs + i, n - i < BATCH ? n - i : BATCH, &to);
}
