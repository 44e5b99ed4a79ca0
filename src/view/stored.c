// SPDX-License-Identifier: Apache-2.0
#include "view/stored.h"

#include "view/filter.h"

#include <stdio.h>
#include <stdlib.h>

static int give_source(void *arg, const char *sensor, const struct source *src)
{
	struct stored *s = arg;
	/* A source that was seen across the end of a minute has a record in each. */
	if (src->minute != s->minute || (s->sensor && strcmp(s->sensor, sensor) != 0))
		return 0;
	if (!s->filter || filter_source(s->filter, &src->addr, src->first_ns))
		s->sink->source(s->sink->arg, src);
	return 0;
}

static int end_minute(struct stored *s)
{
	int64_t start = s->minute * MINUTE_NS;
	if (!s->open)
		return 0;
	s->open = false;
	s->counts.minutes++;
	if (s->sink->source && store_each_source(s->store, start, start + MINUTE_NS, NULL, give_source, s) < 0)
		return -1;
	if (s->sink->minute)
		s->sink->minute(s->sink->arg, start);
	return 0;
}

static void count(struct telescope_counts *c, const struct flow *f)
{
	c->packets += f->packets;
	c->classes[f->cls] += f->packets;
	c->layers[addr_is4(&f->src) ? LAYER_IP4 : LAYER_IP6] += f->packets;
	c->first_ns = c->timed && c->first_ns < f->first_ns ? c->first_ns : f->first_ns;
	c->last_ns = c->timed && c->last_ns > f->last_ns ? c->last_ns : f->last_ns;
	c->timed += f->packets;
}

/* Flows come by source. */
static void count_source(struct stored *s, const struct addr *a)
{
	uint32_t key[4];
	bool ip6 = !addr_is4(a);
	if (s->counts.timed && addr_same(a, &s->last_source))
		return;
	s->last_source = *a;
	memcpy(key, ip6 ? a->b : a->b + 12, ip6 ? 16 : 4);
	distinct_add(s->addresses[ip6], key);
}

static int give_flows(void *arg, const struct archive_header *block, const struct flow *flows, size_t n)
{
	struct stored *s = arg;
	if (s->most && s->counts.flows + n > s->most) {
		s->too_many = true;
		return -1;
	}
	if (strcmp(s->seen, block->sensor) != 0)
		snprintf(s->seen, sizeof s->seen, "%s", s->seen[0] ? "several" : block->sensor);
	if (s->open && block->minute != s->minute && end_minute(s) < 0)
		return -1;
	s->minute = block->minute;
	s->open = true;
	for (size_t i = 0; i < n; i++) {
		if (s->filter && !filter_flow(s->filter, &flows[i]))
			continue;
		s->fitted++;
		count_source(s, &flows[i].src);
		count(&s->counts, &flows[i]);
		if (s->sink->flow)
			s->sink->flow(s->sink->arg, &flows[i], false);
	}
	s->counts.flows += n;
	return 0;
}

static bool passed_over(void *arg, const struct archive_header *block, bool whole)
{
	const struct stored *s = arg;
	(void)whole;
	return s->sensor && strcmp(s->sensor, block->sensor) != 0;
}

static void broken(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	struct stored *s = arg;
	s->broken_n++;
	if (s->broken)
		s->broken(file, offset, octets, reason);
}

int stored_run(struct stored *s, struct err *err)
{
	struct store_scan scan = { .from_ns = s->from_ns,
		.to_ns = s->to_ns,
		.src = s->filter && s->filter->has_src ? &s->filter->src : NULL,
		.fn = give_flows,
		.block = s->sensor ? passed_over : NULL,
		.broken = broken,
		.arg = s,
		.cancel = s->cancel };
	s->seen[0] = 0;
	s->addresses[0] = distinct_new(1, TELESCOPE_EXACT_SOURCES, s->seed);
	s->addresses[1] = distinct_new(4, TELESCOPE_EXACT_SOURCES, s->seed);
	int code = store_scan_flows(s->store, &scan, err);
	code = code == 0 ? end_minute(s) : code;
	s->exact = true;
	for (int ip6 = 0; ip6 < 2; ip6++) {
		s->distinct[ip6] = distinct_count(s->addresses[ip6]);
		s->exact = s->exact && distinct_exact(s->addresses[ip6]);
		distinct_free(s->addresses[ip6]);
		s->addresses[ip6] = NULL;
	}
	return code;
}

/* ---- what the store has concluded ---- */

struct looking {
	const char *sensor;
	bool found;
};

static int see_sensor(void *arg, const void *record)
{
	struct looking *l = arg;
	const struct sensor *row = record;
	l->found = l->found || !l->sensor || strcmp(l->sensor, row->id) == 0;
	return 0;
}

int stored_concluded(struct store *s, const char *sensor, bool *yes, struct err *err)
{
	struct looking l = { .sensor = sensor };
	int code = store_each(s, &sensor_kind, see_sensor, &l, err);
	*yes = l.found;
	return code;
}

struct telling {
	const struct stored *s;
	void (*fn)(void *arg, const struct finding *);
	void *arg;
};

static int see_finding(void *arg, const struct finding *f)
{
	struct telling *t = arg;
	if (!t->s->sensor || strcmp(t->s->sensor, f->sensor) == 0)
		t->fn(t->arg, f);
	return t->s->cancel && atomic_load_explicit(t->s->cancel, memory_order_relaxed);
}

int stored_findings(const struct stored *s, void (*fn)(void *arg, const struct finding *), void *arg)
{
	struct telling t = { s, fn, arg };
	return store_each_finding(s->store, s->from_ns, s->to_ns, see_finding, &t);
}
