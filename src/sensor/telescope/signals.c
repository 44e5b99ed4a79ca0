// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/signals.h"

#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAYS  4
#define BATCH 64

enum group { PROBES, REPLIES };

/* The line that every packet touches. `more` of the same index is only needed until the source was told. */
struct entry {
	uint64_t key;
	int64_t last_ns;
	uint8_t used, told, destinations, samples_n;
};

struct destination {
	uint64_t key;
	uint32_t ports_n;
	uint16_t ports[SIGNALS_PORTS_MAX - 1]; /* `min_ports` - 1 of them are there */
};

struct signals {
	struct signals_params p;
	char sensor[64];
	struct prefix *dark;
	size_t mask; /* of buckets */
	size_t destination_size, more_size;
	uint32_t (*tags)[WAYS]; /* of entries, 0: free */
	struct entry *entries;
	uint8_t *more; /* samples, then destinations */
	struct signals_counts counts;
	struct packet packets[BATCH];
	uint64_t hashes[BATCH]; /* 0: not looked at */
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
	size_t ports = (s->p.min_ports - 1) * sizeof(uint16_t);
	s->destination_size = (offsetof(struct destination, ports) + ports + 7) & ~(size_t)7;
	s->more_size = FINDING_SAMPLES * sizeof(struct finding_sample) + s->p.min_destinations * s->destination_size;
	s->tags = mem_map(buckets * sizeof *s->tags);
	s->entries = mem_map(buckets * WAYS * sizeof *s->entries);
	s->more = mem_map(buckets * WAYS * s->more_size);
	return s;
}

void signals_free(struct signals *s)
{
	if (!s)
		return;
	mem_unmap(s->tags, (s->mask + 1) * sizeof *s->tags);
	mem_unmap(s->entries, (s->mask + 1) * WAYS * sizeof *s->entries);
	mem_unmap(s->more, (s->mask + 1) * WAYS * s->more_size);
	free(s->dark);
	free(s);
}

struct signals_counts signals_counts(const struct signals *s)
{
	return s->counts;
}

static struct addr source_of(const struct packet *p)
{
	return p->layer == LAYER_IP4 ? addr_from4(p->src4) : addr_from6(p->src6);
}

static struct addr destination_of(const struct packet *p)
{
	return p->layer == LAYER_IP4 ? addr_from4(p->dst4) : addr_from6(p->dst6);
}

static bool is_dark(const struct signals *s, const struct packet *p)
{
	if (s->p.dark_n == 0)
		return true;
	struct addr dst = destination_of(p);
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
	struct addr src = source_of(p);
	uint64_t h = addr_hash(&src, s->p.seed) ^ (reply ? 0x9e3779b97f4a7c15u : 0);
	return h ? h : 1;
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

static size_t bucket_of(const struct signals *s, uint64_t hash)
{
	return hash & s->mask;
}

/* The entry of the source, begun anew when it is not there or was idle. */
static size_t entry_for(struct signals *s, uint64_t hash, int64_t ns)
{
	size_t b = bucket_of(s, hash), best = b * WAYS;
	uint32_t tag = tag_of(hash);
	for (size_t i = b * WAYS, w = 0; w < WAYS; i++, w++) {
		const struct entry *e = &s->entries[i];
		if (s->tags[b][w] == tag && e->key == hash) {
			best = i;
			break;
		}
		if (!e->used || (s->entries[best].used && e->last_ns < s->entries[best].last_ns))
			best = i;
	}
	struct entry *e = &s->entries[best];
	bool same = e->used && e->key == hash, idle = ns - e->last_ns > s->p.idle_ns;
	if (!same || idle) {
		s->counts.evicted += e->used && !same && !idle;
		*e = (struct entry){ .key = hash, .used = 1, .last_ns = ns };
		s->tags[b][best - b * WAYS] = tag;
	}
	if (ns > e->last_ns)
		e->last_ns = ns;
	return best;
}

static struct finding_sample *samples_of(struct signals *s, size_t i)
{
	return (struct finding_sample *)(s->more + i * s->more_size);
}

static struct destination *destination_at(struct signals *s, size_t i, size_t k)
{
	uint8_t *first = s->more + i * s->more_size + FINDING_SAMPLES * sizeof(struct finding_sample);
	return (struct destination *)(first + k * s->destination_size);
}

static void sample(struct finding_sample *out, const struct packet *p, const struct capfile_record *r)
{
	struct link link;
	*out = (struct finding_sample){
		.ns = r->time_ns, .src = source_of(p), .dst = destination_of(p), .proto = p->proto
	};
	if (p->proto == PROTO_TCP || p->proto == PROTO_UDP) {
		out->sport = p->sport;
		out->dport = p->dport;
	}
	if (link_known(r->linktype) && link_parse(r->linktype, r->data, &link) == 0) {
		struct bytes head = bytes_head(link.payload, FINDING_HEAD);
		memcpy(out->head, head.p, head.n);
		out->head_len = (uint8_t)head.n;
	}
}

/* Counts the port; returns how many there are now. */
static unsigned note_port(const struct signals *s, struct destination *d, uint16_t port)
{
	for (uint32_t i = 0; i < d->ports_n && i < s->p.min_ports - 1; i++)
		if (d->ports[i] == port)
			return 0;
	if (d->ports_n < s->p.min_ports - 1)
		d->ports[d->ports_n] = port;
	return ++d->ports_n;
}

static struct destination *note_destination(struct signals *s, size_t i, const struct packet *p)
{
	struct entry *e = &s->entries[i];
	struct addr dst = destination_of(p);
	uint64_t key = addr_hash(&dst, s->p.seed);
	for (size_t k = 0; k < e->destinations; k++)
		if (destination_at(s, i, k)->key == key)
			return destination_at(s, i, k);
	struct destination *d = destination_at(s, i, e->destinations++);
	d->key = key;
	d->ports_n = 0;
	return d;
}

/* A crossing: the last sample is the packet that did it. */
struct crossing {
	size_t i;
	const struct packet *packet;
	const struct capfile_record *record;
	bool reply;
	uint64_t threshold;
};

static void tell(struct signals *s, const struct crossing *c, signals_fn *fn, void *arg)
{
	struct entry *e = &s->entries[c->i];
	struct finding_sample *samples = samples_of(s, c->i);
	char source[ADDR_TEXT_MAX];
	sample(&samples[e->samples_n++], c->packet, c->record);
	struct signal out = {
		.at_ns = c->record->time_ns,
		.value = c->threshold,
		.threshold = c->threshold,
		.samples_n = e->samples_n,
	};
	snprintf(out.sensor, sizeof out.sensor, "%s", s->sensor);
	snprintf(out.source, sizeof out.source, "%s", addr_text(source, &samples[0].src));
	snprintf(out.kind, sizeof out.kind, "%s", finding_kind_name(c->reply ? FINDING_BACKSCATTER : FINDING_SCAN));
	memcpy(out.samples, samples, e->samples_n * sizeof *samples);
	e->told = 1;
	s->counts.told++;
	fn(arg, &out);
}

static void look(struct signals *s, const struct capfile_record *r, size_t k, signals_fn *fn, void *arg)
{
	const struct packet *p = &s->packets[k];
	size_t i = entry_for(s, s->hashes[k], r->time_ns);
	struct entry *e = &s->entries[i];
	if (e->told)
		return;
	struct crossing c = { .i = i, .packet = p, .record = r, .reply = s->replies[k] };
	struct destination *d = note_destination(s, i, p);
	if (e->destinations >= s->p.min_destinations)
		c.threshold = s->p.min_destinations;
	else if (!c.reply && (p->proto == PROTO_TCP || p->proto == PROTO_UDP) &&
		 note_port(s, d, p->dport) >= s->p.min_ports)
		c.threshold = s->p.min_ports;
	if (c.threshold)
		tell(s, &c, fn, arg);
	else if (e->samples_n < FINDING_SAMPLES - 1)
		sample(&samples_of(s, i)[e->samples_n++], p, r);
}

static void batch(struct signals *s, const struct capfile_record *recs, size_t n, signals_fn *fn, void *arg)
{
	for (size_t k = 0; k < n; k++) {
		struct packet *p = &s->packets[k];
		packet_decode(recs[k].linktype, recs[k].data, p);
		s->hashes[k] = 0;
		if (p->layer > LAYER_IP6 || p->cls >= CLASS_SHORT || !is_dark(s, p))
			continue;
		s->replies[k] = is_reply(p);
		s->hashes[k] = source_hash(s, p, s->replies[k]);
		__builtin_prefetch(&s->tags[bucket_of(s, s->hashes[k])]);
		__builtin_prefetch(&s->entries[bucket_of(s, s->hashes[k]) * WAYS]);
	}
	for (size_t k = 0; k < n; k++)
		if (s->hashes[k])
			look(s, &recs[k], k, fn, arg);
}

void signals_add(struct signals *s, const struct capfile_record *recs, size_t n, signals_fn *fn, void *arg)
{
	for (size_t i = 0; i < n; i += BATCH)
		batch(s, recs + i, n - i < BATCH ? n - i : BATCH, fn, arg);
}
