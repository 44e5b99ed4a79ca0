// SPDX-License-Identifier: Apache-2.0
#include "view/reportscan.h"

#include "base/idmap.h"
#include "base/mem.h"
#include "view/reportpairs.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_NS	    (INT64_C(3600) * 1000000000)
#define SAMPLE_KEY  UINT64_C(0x7265706f72743031) /* fixed: the same records, the same numbers */
#define MAX_SOURCES ((size_t)4 << 20)
#define MAX_PAIRS   ((size_t)8 << 20)
#define FACTS	    65536u
#define JAPAN	    (1 + 9 * 26 + 15)

/* What is kept of a host. */
struct host {
	uint16_t bin;  /* of `now`, + 1 */
	uint16_t now;  /* traits in that bin */
	uint16_t ever; /* traits in the period */
	uint16_t country, org;
};

/* What is known of an address, for hosts that are not kept: the last one of each hash. */
struct fact {
	uint64_t hash;
	uint16_t country, org;
	bool set;
};

struct pass {
	const struct reportscan_params *p;
	struct reportscan *out;
	struct idmap map; /* hash of an address -> number of its host */
	struct host *hosts;
	size_t hosts_room, max_sources;
	struct reportpairs pairs;
	struct fact *facts;
	size_t bin;
	/* The run of flows of one source. */
	struct addr last;
	bool running;
	uint64_t hash;
	uint32_t number; /* IDMAP_NONE: not in the sample */
	uint16_t country, org;
	uint32_t pair_host, pair_port; /* the pair added last */
	int64_t told_hour;
};

struct reportscan *reportscan_new(void)
{
	struct reportscan *s = mem_new(sizeof *s);
	s->ports = mem_new(REPORT_PORTS * sizeof *s->ports);
	return s;
}

void reportscan_free(struct reportscan *s)
{
	if (!s)
		return;
	free(s->ports);
	free(s);
}

const char *reportscan_country(size_t number, char out[3])
{
	out[0] = number ? (char)('A' + (number - 1) / 26) : '\0';
	out[1] = number ? (char)('A' + (number - 1) % 26) : '\0';
	out[2] = '\0';
	return out;
}

static uint16_t country_number(const char *code)
{
	if (!code || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z')
		return 0;
	return (uint16_t)(1 + (code[0] - 'A') * 26 + (code[1] - 'A'));
}

static uint16_t org_number(struct reportscan *s, const char *name)
{
	if (!name)
		return 0;
	s->orgs_n = s->orgs_n ? s->orgs_n : 1;
	for (size_t i = 1; i < s->orgs_n; i++)
		if (s->orgs[i].name == name || (s->orgs[i].name && strcmp(s->orgs[i].name, name) == 0))
			return (uint16_t)i;
	if (s->orgs_n == REPORT_ORGS - 1)
		return REPORT_ORGS - 1;
	s->orgs[s->orgs_n].name = name;
	return (uint16_t)s->orgs_n++;
}

/* ---- counting hosts ---- */

static void count_host(struct report_hosts *h, const struct host *host, unsigned traits, uint64_t each)
{
	int part = host->org ? REPORT_RESEARCH : REPORT_OTHERS;
	bool japan = host->country == JAPAN, mirai = traits >> REPORT_MIRAI & 1;
	h->all.n[part] += each;
	for (int t = 0; t < REPORT_TRAITS; t++)
		if (traits >> t & 1)
			h->trait[t].n[part] += each;
	if (mirai && japan)
		h->japan_mirai.n[part] += each;
	if (!mirai && (traits >> REPORT_TELNET & 1)) {
		h->telnet_alone.n[part] += each;
		if (japan)
			h->japan_telnet_alone.n[part] += each;
	}
}

static void close_bin(struct pass *s)
{
	struct report_bin *b = &s->out->bins[s->bin];
	b->hosts.estimate = s->out->level > 0;
	for (size_t i = 0; i < s->map.n; i++)
		if (s->hosts[i].bin == s->bin + 1)
			count_host(&b->hosts, &s->hosts[i], s->hosts[i].now, UINT64_C(1) << s->out->level);
}

static void finish(struct pass *s)
{
	struct reportscan *o = s->out;
	uint64_t each = UINT64_C(1) << o->level;
	if (s->bin < o->bins_n)
		close_bin(s);
	o->hosts.estimate = o->level > 0;
	for (size_t i = 0; i < s->map.n; i++) {
		const struct host *h = &s->hosts[i];
		count_host(&o->hosts, h, h->ever, each);
		o->countries[h->country].hosts.n[h->org ? REPORT_RESEARCH : REPORT_OTHERS] += each;
		if (h->org)
			o->orgs[h->org].hosts += each;
	}
	o->port_level = s->pairs.level;
	for (size_t i = 0; i < s->pairs.n_slots; i++) {
		const struct reportpair *r = &s->pairs.slots[i];
		if (r->used)
			o->ports[r->port].hosts.n[s->hosts[r->host].org ? REPORT_RESEARCH : REPORT_OTHERS] +=
				UINT64_C(1) << s->pairs.level;
	}
}

/* ---- the sample ---- */

/* Half of the hosts go, the others are numbered anew. */
static void thin(struct pass *s)
{
	struct reportscan *o = s->out;
	uint32_t *now = mem_new((s->map.n + 1) * sizeof *now);
	size_t kept = 0;
	o->level++;
	for (size_t i = 0; i < s->map.n; i++) {
		bool stays = (s->map.keys[i] & ((UINT64_C(1) << o->level) - 1)) == 0;
		now[i] = stays ? (uint32_t)kept : IDMAP_NONE;
		if (!stays)
			continue;
		s->map.keys[kept] = s->map.keys[i];
		s->hosts[kept++] = s->hosts[i];
	}
	idmap_rebuild(&s->map, kept);
	memset(s->hosts + kept, 0, (s->hosts_room - kept) * sizeof *s->hosts);
	reportpairs_renumber(&s->pairs, now, o->level);
	free(now);
}

static void look_up(struct pass *s, const struct addr *a, int64_t ns)
{
	struct fact *f = &s->facts[s->hash >> 32 & (FACTS - 1)];
	if (!f->set || f->hash != s->hash) {
		*f = (struct fact){ .hash = s->hash, .set = true };
		if (s->p->country)
			f->country = country_number(s->p->country(s->p->arg, a));
		if (s->p->research)
			f->org = org_number(s->out, s->p->research(s->p->arg, a, ns));
	}
	s->country = f->country;
	s->org = f->org;
}

static void begin_run(struct pass *s, const struct addr *a, int64_t ns)
{
	bool fresh = false;
	s->last = *a;
	s->running = true;
	s->hash = addr_hash(a, SAMPLE_KEY);
	s->pair_host = IDMAP_NONE;
	s->number = IDMAP_NONE;
	while (s->map.n >= s->max_sources)
		thin(s);
	if ((s->hash & ((UINT64_C(1) << s->out->level) - 1)) == 0)
		s->number = idmap_take(&s->map, s->hash, &fresh);
	if (s->number == IDMAP_NONE || fresh)
		look_up(s, a, ns);
	if (s->number == IDMAP_NONE)
		return;
	s->hosts = idmap_room(s->hosts, s->map.n, &s->hosts_room, sizeof *s->hosts);
	struct host *h = &s->hosts[s->number];
	if (fresh) {
		h->country = s->country;
		h->org = s->org;
	}
	s->country = h->country;
	s->org = h->org;
}

/* ---- flows ---- */

static int group_of(unsigned cls)
{
	switch (cls) {
	case CLASS_TCP_SYN:
		return REPORT_SYN;
	case CLASS_TCP_SYN_ACK:
		return REPORT_SYNACK;
	case CLASS_UDP:
		return REPORT_UDP;
	case CLASS_ICMP:
		return REPORT_ICMP;
	default:
		return REPORT_OTHER;
	}
}

static unsigned traits_of(const struct flow *f)
{
	unsigned t = 1u << group_of(f->cls);
	if (f->cls == CLASS_TCP_SYN && (f->dport == 23 || f->dport == 2323))
		t |= 1u << REPORT_TELNET;
	if (f->tags & FLOW_MIRAI)
		t |= 1u << REPORT_MIRAI;
	if (f->tags & (FLOW_ZMAP_ID | FLOW_ZMAP_SYN))
		t |= 1u << REPORT_ZMAP;
	if (f->tags & FLOW_MASSCAN)
		t |= 1u << REPORT_MASSCAN;
	if (f->tags & FLOW_NMAP)
		t |= 1u << REPORT_NMAP;
	return t;
}

static void add_packets(struct pass *s, const struct flow *f, unsigned traits, int part)
{
	struct reportscan *o = s->out;
	struct report_bin *b = &o->bins[s->bin];
	b->packets[group_of(f->cls)].n[part] += f->packets;
	if (addr_is4(&f->dst))
		b->to_ip4[part] += f->packets;
	o->countries[s->country].packets.n[part] += f->packets;
	o->orgs[s->org].packets += f->packets;
	for (int t = REPORT_TELNET; traits >> t; t++)
		if (traits >> t & 1)
			o->marks[t].n[part] += f->packets;
	if (!o->first_ns || f->first_ns < o->first_ns)
		o->first_ns = f->first_ns;
	if (f->last_ns > o->last_ns)
		o->last_ns = f->last_ns;
}

static void add_flow(struct pass *s, const struct flow *f)
{
	struct reportscan *o = s->out;
	if (!s->running || !addr_same(&f->src, &s->last))
		begin_run(s, &f->src, f->first_ns);
	int part = s->org ? REPORT_RESEARCH : REPORT_OTHERS;
	unsigned traits = traits_of(f);
	add_packets(s, f, traits, part);
	if (s->number != IDMAP_NONE) {
		struct host *h = &s->hosts[s->number];
		h->now = h->bin == s->bin + 1 ? (uint16_t)(h->now | traits) : (uint16_t)traits;
		h->bin = (uint16_t)(s->bin + 1);
		h->ever |= (uint16_t)traits;
	}
	if (s->p->brief || (f->cls != CLASS_TCP_SYN && f->cls != CLASS_UDP))
		return;
	uint32_t port = (f->cls == CLASS_UDP ? 65536u : 0) + f->dport;
	o->ports[port].packets.n[part] += f->packets;
	if (s->number != IDMAP_NONE && (s->number != s->pair_host || port != s->pair_port)) {
		reportpairs_add(&s->pairs, s->map.keys, s->number, port);
		s->pair_host = s->number;
		s->pair_port = port;
	}
}

static int take(void *arg, const struct archive_header *block, const struct flow *flows, size_t n)
{
	struct pass *s = arg;
	int64_t hour = flows[0].first_ns / HOUR_NS;
	while (s->bin + 1 < s->out->bins_n && flows[0].first_ns >= s->out->bins[s->bin].to_ns) {
		close_bin(s);
		s->bin++;
	}
	for (size_t i = 0; i < n; i++)
		add_flow(s, &flows[i]);
	if (s->p->progress && hour != s->told_hour)
		s->p->progress(s->p->arg, flows[0].first_ns);
	s->told_hour = hour;
	return 0;
}

static void broken(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	struct pass *s = arg;
	s->out->broken++;
}

/* Days; of one day, its hours. */
static void make_bins(struct reportscan *o, const struct reportscan_params *p)
{
	const struct reportperiod *q = &p->period;
	if (q->kind == REPORT_DAY) {
		for (int64_t at = q->from_ns; at < q->to_ns && o->bins_n < REPORT_BINS; at += HOUR_NS) {
			int64_t to = at + HOUR_NS < q->to_ns ? at + HOUR_NS : q->to_ns;
			o->bins[o->bins_n++] = (struct report_bin){ .from_ns = at, .to_ns = to, .day = q->first };
		}
		return;
	}
	ENSURE(q->end - q->first <= REPORT_BINS);
	for (int64_t d = q->first; d < q->end; d++) {
		int64_t from = reportzone_begin_ns(p->zone, d), to = reportzone_begin_ns(p->zone, d + 1);
		o->bins[o->bins_n++] = (struct report_bin){ .from_ns = from, .to_ns = to, .day = d };
	}
}

int reportscan_run(struct reportscan *out, const struct reportscan_params *p, struct err *err)
{
	struct pass s = { .p = p, .out = out, .max_sources = p->max_sources ? p->max_sources : MAX_SOURCES };
	struct store_scan scan = { .from_ns = p->period.from_ns,
		.to_ns = p->period.to_ns,
		.fn = take,
		.broken = broken,
		.arg = &s,
		.cancel = p->cancel };
	make_bins(out, p);
	idmap_init(&s.map, s.max_sources + 1, p->seed);
	reportpairs_init(&s.pairs, p->max_pairs ? p->max_pairs : MAX_PAIRS, p->seed);
	s.facts = mem_new(FACTS * sizeof *s.facts);
	int rc = store_scan_flows(p->store, &scan, err);
	out->flows = scan.flows;
	if (!rc)
		finish(&s);
	free(s.facts);
	free(s.hosts);
	reportpairs_fini(&s.pairs);
	idmap_fini(&s.map);
	return rc;
}
