// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/darknet.h"

#include "analysis/darknet/emit.h"
#include "analysis/darknet/judge.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND	    ((int64_t)1000000000)
#define MAX_SAMPLES 3
#define MAX_LATES   ((size_t)64 << 10) /* late packets that wait to be judged */

int64_t darknet_timeout(uint64_t dark_addresses)
{
	if (dark_addresses == 0)
		return INT64_MAX;
	double s = 3.0 * 4294967296.0 / (160.0 * (double)dark_addresses);
	return s < 600 ? 600 * SECOND : s > 86400 ? 86400 * SECOND : (int64_t)(s * (double)SECOND);
}

/* Returns how many IPv4 addresses are dark. */
static uint64_t take_prefixes(struct darknet *d, const struct darknet_params *p)
{
	uint64_t space = 0;
	prefixset_init(&d->dark);
	prefixset_init(&d->own);
	for (size_t i = 0; i < p->n_dark; i++) {
		prefixset_add(&d->dark, &p->dark[i].prefix, p->dark[i].from_ns, p->dark[i].to_ns, 0);
		if (addr_is4(&p->dark[i].prefix.addr))
			space += prefix_size(&p->dark[i].prefix);
	}
	for (size_t i = 0; i < p->n_own; i++)
		prefixset_add(&d->own, &p->own[i], INT64_MIN, INT64_MAX, 0);
	prefixset_seal(&d->dark);
	prefixset_seal(&d->own);
	/* The caller's arrays may go now. */
	d->p.dark = NULL;
	d->p.own = NULL;
	return space;
}

struct darknet *darknet_new(const struct darknet_params *params)
{
	struct darknet *d = mem_new(sizeof *d);
	d->p = *params;
	snprintf(d->sensor, sizeof d->sensor, "%s", params->sensor ? params->sensor : "local");
	uint64_t space = take_prefixes(d, params);
	d->p.min_targets = params->min_targets ? params->min_targets : 5;
	d->p.min_ports = params->min_ports ? params->min_ports : 15;
	d->p.max_events = params->max_events ? params->max_events : EVENT_MAX;
	if (!d->p.timeout_ns)
		d->p.timeout_ns = darknet_timeout(space ? space : 65536);
	if (d->p.timeout_ns < MINUTE_NS)
		d->p.timeout_ns = MINUTE_NS;
	event_init(d);
	return d;
}

void darknet_free(struct darknet *d)
{
	if (!d)
		return;
	event_fini(d);
	prefixset_fini(&d->dark);
	prefixset_fini(&d->own);
	free(d->flows);
	free(d->lates);
	free(d->sources);
	free(d);
}

void darknet_set_sensor(struct darknet *d, const char *name)
{
	snprintf(d->sensor, sizeof d->sensor, "%s", name);
}

void darknet_flow(struct darknet *d, const struct flow *f)
{
	d->flows = idmap_room(d->flows, d->n_flows + 1, &d->room_flows, sizeof *d->flows);
	d->flows[d->n_flows++] = *f;
}

void darknet_source(struct darknet *d, const struct source *s)
{
	d->sources = idmap_room(d->sources, d->n_sources + 1, &d->room_sources, sizeof *d->sources);
	d->sources[d->n_sources++] = *s;
}

/* First who talked to whom, then what it means: an answer may be sorted before its question. */
static void judge_all(struct darknet *d, const struct flow *flows, size_t n)
{
	if (d->p.n_dark == 0)
		for (size_t i = 0; i < n; i++)
			judge_note(d, &flows[i]);
	for (size_t i = 0; i < n; i++)
		judge_flow(d, &flows[i]);
}

static void judge_lates(struct darknet *d)
{
	d->late = true;
	judge_all(d, d->lates, d->n_lates);
	d->late = false;
	d->n_lates = 0;
}

void darknet_late(struct darknet *d, const struct flow *f)
{
	if (d->n_lates == MAX_LATES)
		judge_lates(d);
	d->lates = idmap_room(d->lates, d->n_lates + 1, &d->room_lates, sizeof *d->lates);
	d->lates[d->n_lates++] = *f;
}

void darknet_minute(struct darknet *d)
{
	judge_lates(d);
	judge_all(d, d->flows, d->n_flows);
	for (size_t i = 0; i < d->n_sources; i++)
		judge_source(d, &d->sources[i]);
	d->n_flows = d->n_sources = 0;
}

void darknet_named(struct darknet *d, const struct addr *a, const struct addr *by)
{
	uint32_t id = event_address(d, a), namer = event_address(d, by);
	if (id == IDMAP_NONE || namer == IDMAP_NONE)
		return;
	struct address *named = &d->addrs[id];
	named->named_by = named->named_by == 0 || named->named_by == namer + 1 ? namer + 1 : ADDR_NAMED_BY_SEVERAL;
	named->flags |= ADDR_NAMED;
	event_see(named, d->now);
	event_see(&d->addrs[namer], d->now);
}

void darknet_quote(struct darknet *d, const struct darknet_quote *q)
{
	struct flow f = { .packets = 1,
		.proto = PROTO_ICMP,
		.cls = CLASS_ICMP,
		.first_ns = q->ns,
		.last_ns = q->ns,
		.sport = q->type,
		.dport = q->code };
	uint32_t subject = event_address(d, &q->quoted), to = event_address(d, &q->to),
		 reporter = event_address(d, &q->reporter);
	if (subject == IDMAP_NONE || to == IDMAP_NONE || reporter == IDMAP_NONE || !judge_dark(d, &q->to, q->ns))
		return;
	struct event_add in = { .subject = subject,
		.peer = to,
		.port = q->quoted_port,
		.has_port = q->quoted_port != 0,
		.flow = &f,
		.ref = { q->ns, reporter, to, q->type, q->code, PROTO_ICMP } };
	d->quotes++;
	event_add(d, EVENT_QUOTE, &in);
}

bool darknet_wants_sample(const struct darknet *d, const struct addr *src, const struct addr *dst, uint16_t dport)
{
	uint32_t s = event_find(d, src), t = event_find(d, dst);
	return s == IDMAP_NONE || d->addrs[s].sampled_as_src < MAX_SAMPLES || t == IDMAP_NONE ||
	       d->addrs[t].sampled_as_dst < MAX_SAMPLES;
}

void darknet_sample(struct darknet *d, const struct finding_sample *s)
{
	bool fresh;
	uint32_t src = event_address(d, &s->src), dst = event_address(d, &s->dst);
	if (src == IDMAP_NONE || dst == IDMAP_NONE)
		return;
	struct sample_ref r = { s->ns, src, dst, s->sport, s->dport, s->proto };
	uint32_t k = idmap_take(&d->head_map, event_sample_key(d, &r), &fresh);
	if (!fresh)
		return;
	d->heads = idmap_room(d->heads, d->head_map.n, &d->room_heads, sizeof *d->heads);
	d->heads[k].seen = event_minute(s->ns);
	d->heads[k].n = s->head_len;
	memcpy(d->heads[k].bytes, s->head, s->head_len);
	d->addrs[src].sampled_as_src += d->addrs[src].sampled_as_src < MAX_SAMPLES;
	d->addrs[dst].sampled_as_dst += d->addrs[dst].sampled_as_dst < MAX_SAMPLES;
}

uint64_t darknet_refused(const struct darknet *d)
{
	return d->refused + d->addr_map.refused + d->conn_map.refused + d->peer_map.refused + d->pair_map.refused +
	       d->port_map.refused + d->flag_map.refused + d->open_map.refused;
}

void darknet_finish(struct darknet *d, void (*emit)(void *arg, const struct finding *), void *arg)
{
	if (d->n_flows || d->n_lates || d->n_sources)
		darknet_minute(d);
	emit_all(d, emit, arg);
}
