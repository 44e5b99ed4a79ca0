// SPDX-License-Identifier: Apache-2.0
#include "sensor/telescope/collect.h"

#include "base/mem.h"

#include <stdlib.h>

struct minute {
	int64_t start;
	size_t flows_end, sources_end;
};

struct collect {
	struct flow *flows, *late;
	struct source *sources;
	struct minute *minutes;
	size_t n_flows, n_late, n_sources, n_minutes;
	size_t room_flows, room_late, room_sources, room_minutes;
	size_t at_minute, at_flow, at_source; /* read position while merging */
};

struct collect *collect_new(void)
{
	return mem_new(sizeof(struct collect));
}

void collect_free(struct collect *c)
{
	if (!c)
		return;
	free(c->flows);
	free(c->late);
	free(c->sources);
	free(c->minutes);
	free(c);
}

static void *room_for(void *p, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return p;
	*room = *room ? *room * 2 : 64;
	return mem_grow(p, *room * size);
}

static void take_flow(void *arg, const struct flow *f, bool late)
{
	struct collect *c = arg;
	if (late) {
		c->late = room_for(c->late, c->n_late, &c->room_late, sizeof *c->late);
		c->late[c->n_late++] = *f;
	} else {
		c->flows = room_for(c->flows, c->n_flows, &c->room_flows, sizeof *c->flows);
		c->flows[c->n_flows++] = *f;
	}
}

static void take_source(void *arg, const struct source *s)
{
	struct collect *c = arg;
	c->sources = room_for(c->sources, c->n_sources, &c->room_sources, sizeof *c->sources);
	c->sources[c->n_sources++] = *s;
}

static void take_minute(void *arg, int64_t start)
{
	struct collect *c = arg;
	c->minutes = room_for(c->minutes, c->n_minutes, &c->room_minutes, sizeof *c->minutes);
	c->minutes[c->n_minutes++] = (struct minute){ start, c->n_flows, c->n_sources };
}

struct telescope_sink collect_sink(struct collect *c, const struct telescope_sink *final)
{
	return (struct telescope_sink){
		.arg = c,
		.flow = final->flow ? take_flow : NULL,
		.source = final->source ? take_source : NULL,
		.minute = final->flow || final->source || final->minute ? take_minute : NULL,
	};
}

static int compare_late(const void *x, const void *y)
{
	const struct flow *a = x, *b = y;
	return a->first_ns < b->first_ns ? -1 : a->first_ns > b->first_ns ? 1 : flow_cmp(a, b);
}

static void merge_late(struct collect **all, unsigned n, const struct telescope_sink *final)
{
	struct flow *late = NULL;
	size_t room = 0, k = 0;
	for (unsigned i = 0; i < n; i++)
		for (size_t j = 0; j < all[i]->n_late; j++) {
			late = room_for(late, k, &room, sizeof *late);
			late[k++] = all[i]->late[j];
		}
	if (k)
		qsort(late, k, sizeof *late, compare_late);
	for (size_t i = 0; i < k; i++)
		final->flow(final->arg, &late[i], true);
	free(late);
}

/* The worker with the least flow (or source) below its end, or -1. */
static int least_flow(struct collect **all, unsigned n, const size_t *end)
{
	int best = -1;
	for (unsigned i = 0; i < n; i++)
		if (all[i]->at_flow < end[i] && (best < 0 || flow_cmp(&all[i]->flows[all[i]->at_flow],
								     &all[best]->flows[all[best]->at_flow]) < 0))
			best = (int)i;
	return best;
}

static int least_source(struct collect **all, unsigned n, const size_t *end)
{
	int best = -1;
	for (unsigned i = 0; i < n; i++)
		if (all[i]->at_source < end[i] &&
			(best < 0 || addr_cmp(&all[i]->sources[all[i]->at_source].addr,
					     &all[best]->sources[all[best]->at_source].addr) < 0))
			best = (int)i;
	return best;
}

static void merge_minute(struct collect **all, unsigned n, int64_t start, const struct telescope_sink *final)
{
	size_t flows[16], sources[16];
	int w;
	for (unsigned i = 0; i < n; i++) {
		struct collect *c = all[i];
		bool mine = c->at_minute < c->n_minutes && c->minutes[c->at_minute].start == start;
		flows[i] = mine ? c->minutes[c->at_minute].flows_end : c->at_flow;
		sources[i] = mine ? c->minutes[c->at_minute].sources_end : c->at_source;
		c->at_minute += mine;
	}
	while ((w = least_flow(all, n, flows)) >= 0)
		final->flow(final->arg, &all[w]->flows[all[w]->at_flow++], false);
	while ((w = least_source(all, n, sources)) >= 0)
		final->source(final->arg, &all[w]->sources[all[w]->at_source++]);
	if (final->minute)
		final->minute(final->arg, start);
}

void collect_merge(struct collect **all, unsigned n, const struct telescope_sink *final)
{
	merge_late(all, n, final);
	for (;;) {
		int64_t start = INT64_MAX;
		for (unsigned i = 0; i < n; i++)
			if (all[i]->at_minute < all[i]->n_minutes && all[i]->minutes[all[i]->at_minute].start < start)
				start = all[i]->minutes[all[i]->at_minute].start;
		if (start == INT64_MAX)
			break;
		merge_minute(all, n, start, final);
	}
	for (unsigned i = 0; i < n; i++) {
		struct collect *c = all[i];
		c->n_flows = c->n_late = c->n_sources = c->n_minutes = 0;
		c->at_flow = c->at_source = c->at_minute = 0;
	}
}
