// SPDX-License-Identifier: Apache-2.0
#include "role/pipeline.h"

#include "base/idmap.h"
#include "base/mem.h"
#include "store/segment.h"
#include "store/sourceblock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_NS (10 * INT64_C(1000000000)) /* between two gaps of lost batches */
#define HOURS	256u			   /* changes of the hour in a batch: each costs the keeper a file */
#define FEW_MAX 4096u			   /* signals or gaps between two batches; more are counted as lost */

struct pipeline {
	struct pipeline_params p;
	struct archive_encoder *encoder;
	struct sourceblock *sources_encoder;
	struct rollup *rollup;
	struct column_buf blocks;
	struct flow *flows;
	struct source *sources;
	struct signal *signals;
	struct gap *gaps;
	size_t n_flows, room_flows, n_sources, room_sources, n_signals, room_signals, n_gaps, room_gaps;
	struct batch *extra;		  /* rows that go with the next batch */
	int64_t until_ns;		  /* the end of the last whole minute */
	int64_t sealed_ns;		  /* how far the batch before went; 0: there was none */
	int64_t lost_from_ns, lost_to_ns; /* what batches that were lost covered */
	uint64_t lost;
	const char *lost_why;
	int64_t hour;	 /* of the last flow */
	unsigned hours;	 /* changes of it in this batch */
	int64_t told_ns; /* when the last gap of lost batches was given */
};

struct pipeline *pipeline_new(const struct pipeline_params *p)
{
	struct pipeline *l = mem_new(sizeof *l);
	l->p = *p;
	l->encoder = archive_encoder_new();
	l->sources_encoder = sourceblock_new();
	l->rollup = rollup_new();
	return l;
}

void pipeline_free(struct pipeline *l)
{
	if (!l)
		return;
	archive_encoder_free(l->encoder);
	sourceblock_free(l->sources_encoder);
	rollup_free(l->rollup);
	column_buf_free(&l->blocks);
	batch_free(l->extra);
	free(l->flows);
	free(l->sources);
	free(l->signals);
	free(l->gaps);
	free(l);
}

static int64_t minute_of(int64_t ns)
{
	return ns / MINUTE_NS - (ns % MINUTE_NS < 0);
}

/* Blocks hold flows of one minute; late ones come before the others, in any order. */
static void seal_flows(struct pipeline *l, struct batch *b)
{
	l->blocks.n = 0;
	for (size_t i = 0, end; i < l->n_flows; i = end) {
		int64_t minute = minute_of(l->flows[i].first_ns);
		for (end = i + 1; end < l->n_flows && minute_of(l->flows[end].first_ns) == minute;)
			end++;
		struct archive_batch a = { .flows = l->flows + i,
			.n = end - i,
			.minute = minute,
			.sender = l->p.sender_id,
			.sequence = b->sequence };
		snprintf(a.sensor, sizeof a.sensor, "%s", l->p.sensor);
		archive_encode(l->encoder, &a, &l->blocks);
		rollup_add_flows(l->rollup, segment_hour(minute), l->flows + i, end - i);
	}
	for (size_t i = 0; i < l->n_flows; i++)
		b->packets += l->flows[i].packets;
	batch_blocks(b, (struct bytes){ l->blocks.p, l->blocks.n });
}

/* Place and tool are asked once a source, not once a packet. */
static void sum_sources(struct pipeline *l)
{
	for (size_t i = 0; i < l->n_sources; i++) {
		const struct source *s = &l->sources[i];
		int64_t hour = segment_hour(s->minute);
		char country[3] = "", as[16];
		uint32_t asn = 0;
		if (l->p.place)
			l->p.place(l->p.arg, &s->addr, country, &asn);
		if (country[0])
			rollup_add(l->rollup, hour, ROLLUP_COUNTRY, country, &s->addr, s->packets);
		snprintf(as, sizeof as, "%u", asn);
		if (asn)
			rollup_add(l->rollup, hour, ROLLUP_AS, as, &s->addr, s->packets);
		const char *tool = l->p.tool ? l->p.tool(s) : NULL;
		if (tool)
			rollup_add(l->rollup, hour, ROLLUP_TOOL, tool, &s->addr, s->packets);
	}
}

static int by_address(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	if (x->minute != y->minute)
		return x->minute < y->minute ? -1 : 1;
	return addr_cmp(&x->addr, &y->addr);
}

/* When what waits began: a late flow is older than the batch before. */
static int64_t first_of(const struct pipeline *l, int64_t ns)
{
	for (size_t i = 0; i < l->n_flows; i++)
		if (l->flows[i].first_ns < ns)
			ns = l->flows[i].first_ns;
	return ns;
}

static void add_lost(struct pipeline *l)
{
	if (!l->lost_why)
		return;
	pipeline_gap(l, l->lost_from_ns, l->lost_to_ns, l->lost_why, l->lost);
	l->told_ns = loop_now_ns();
	l->lost_why = NULL;
	l->lost = 0;
}

static void seal(struct pipeline *l, int64_t until_ns, bool ended)
{
	struct batch *b = batch_new(sender_sequence(l->p.sender));
	b->from_ns = first_of(l, l->sealed_ns ? l->sealed_ns : until_ns);
	if (until_ns)
		l->sealed_ns = until_ns;
	if (l->lost_why) { /* should this batch be lost, too, that goes on */
		b->told = l->lost;
		b->from_ns = l->lost_from_ns < b->from_ns ? l->lost_from_ns : b->from_ns;
	}
	add_lost(l);
	rollup_clear(l->rollup);
	if (l->n_flows)
		seal_flows(l, b);
	if (l->n_sources) {
		qsort(l->sources, l->n_sources, sizeof *l->sources, by_address);
		sum_sources(l);
		batch_sources(b, l->sources_encoder, l->sources, l->n_sources);
	}
	if (l->n_flows || l->n_sources)
		batch_rollup(b, l->rollup);
	for (size_t i = 0; i < l->n_signals; i++)
		batch_signal(b, &l->signals[i]);
	for (size_t i = 0; i < l->n_gaps; i++)
		batch_row(b, MESSAGE_GAP, &gap_kind, &l->gaps[i]);
	if (l->extra) {
		struct message m;
		for (size_t at = 0; batch_next((struct bytes){ l->extra->frames.p, l->extra->frames.n }, &at, &m);)
			batch_add(b, m.kind, m.count, m.body.p, m.body.n);
		batch_free(l->extra);
		l->extra = NULL;
	}
	batch_commit(b, until_ns, ended);
	l->n_flows = l->n_sources = l->n_signals = l->n_gaps = 0;
	l->hours = 0;
	sender_give(l->p.sender, b);
}

static void note_lost(struct pipeline *l, int64_t from_ns, int64_t to_ns, const char *why)
{
	if (!l->lost_why || from_ns < l->lost_from_ns)
		l->lost_from_ns = from_ns;
	if (!l->lost_why || to_ns > l->lost_to_ns)
		l->lost_to_ns = to_ns;
	l->lost_why = why;
}

static void take_flow(void *arg, const struct flow *f, bool late)
{
	struct pipeline *l = arg;
	if ((l->n_flows >= BATCH_FLOWS || l->hours >= HOURS) && sender_welcomed(l->p.sender))
		seal(l, l->until_ns, false);
	/* Before the keeper has answered: a start into a flood. */
	if (l->n_flows >= 4 * BATCH_FLOWS) {
		note_lost(l, f->first_ns, f->last_ns, "writer-behind");
		l->lost += f->packets;
		return;
	}
	l->flows = idmap_room(l->flows, l->n_flows + 1, &l->room_flows, sizeof *l->flows);
	l->flows[l->n_flows++] = *f;
	int64_t hour = segment_hour(minute_of(f->first_ns));
	l->hours += hour != l->hour;
	l->hour = hour;
	counters_add(COUNTER_FLOWS, 1);
}

static void take_source(void *arg, const struct source *s)
{
	struct pipeline *l = arg;
	if (l->n_sources >= BATCH_SOURCES && sender_welcomed(l->p.sender))
		seal(l, l->until_ns, false);
	if (l->n_sources >= 4 * BATCH_SOURCES)
		return;
	l->sources = idmap_room(l->sources, l->n_sources + 1, &l->room_sources, sizeof *l->sources);
	l->sources[l->n_sources++] = *s;
	counters_add(COUNTER_SOURCES, 1);
}

static void take_minute(void *arg, int64_t minute_ns)
{
	struct pipeline *l = arg;
	l->until_ns = minute_ns + MINUTE_NS;
	counters_set(COUNTER_LAST_MINUTE, (uint64_t)minute_ns);
	if (sender_welcomed(l->p.sender))
		seal(l, l->until_ns, false);
}

struct telescope_sink pipeline_sink(struct pipeline *l)
{
	return (struct telescope_sink){ .arg = l, .flow = take_flow, .source = take_source, .minute = take_minute };
}

void pipeline_signal(struct pipeline *l, const struct signal *s)
{
	if (l->n_signals == FEW_MAX) {
		counters_add(COUNTER_SIGNALS_LOST, 1);
		return;
	}
	l->signals = idmap_room(l->signals, l->n_signals + 1, &l->room_signals, sizeof *l->signals);
	l->signals[l->n_signals++] = *s;
	counters_add(COUNTER_SIGNALS, 1);
}

void pipeline_gap(struct pipeline *l, int64_t from_ns, int64_t to_ns, const char *reason, uint64_t dropped)
{
	if (l->n_gaps == FEW_MAX) /* one more long one in place of many */
		l->n_gaps--;
	l->gaps = idmap_room(l->gaps, l->n_gaps + 1, &l->room_gaps, sizeof *l->gaps);
	struct gap *g = &l->gaps[l->n_gaps++];
	*g = (struct gap){ .from_ns = from_ns, .to_ns = to_ns, .dropped = dropped };
	snprintf(g->sensor, sizeof g->sensor, "%s", l->p.sensor);
	snprintf(g->reason, sizeof g->reason, "%s", reason);
}

void pipeline_row(struct pipeline *l, enum message_kind kind, const struct row_kind *row, const void *record)
{
	if (!l->extra)
		l->extra = batch_new(0);
	if (l->extra->frames.n < ((size_t)1 << 20))
		batch_row(l->extra, kind, row, record);
}

void pipeline_tick(struct pipeline *l)
{
	/* While the one that keeps batches is full, each would only be lost in its turn. */
	bool lost = l->lost_why && loop_now_ns() - l->told_ns > TELL_NS;
	if ((l->n_signals || l->n_gaps || lost) && sender_welcomed(l->p.sender) && !l->n_flows)
		seal(l, l->until_ns, false);
}

void pipeline_upto(struct pipeline *l, int64_t ns)
{
	ns = minute_of(ns) * MINUTE_NS;
	if (ns <= l->until_ns || !sender_welcomed(l->p.sender))
		return;
	l->until_ns = ns;
	seal(l, ns, false);
}

void pipeline_back(struct pipeline *l, int64_t now_ns)
{
	if (l->until_ns > now_ns)
		l->until_ns = l->sealed_ns = now_ns;
}

void pipeline_finish(struct pipeline *l, int64_t until_ns, bool ended)
{
	if (sender_welcomed(l->p.sender))
		seal(l, until_ns, ended);
}

void pipeline_welcome(struct pipeline *l, int64_t since_ns)
{
	if (l->until_ns < since_ns)
		l->until_ns = since_ns;
	if (since_ns || l->n_flows || l->n_sources)
		seal(l, l->until_ns, false);
}

/* Gaps in a batch that is lost are told again: those of lost batches as a part of the next, others as they are. */
static void tell_again(struct pipeline *l, const struct batch *b)
{
	struct message m;
	struct gap g;
	for (size_t at = 0; batch_next((struct bytes){ b->frames.p, b->frames.n }, &at, &m);) {
		struct message_reader in = { .in = m.body };
		counters_add(COUNTER_SIGNALS_LOST, m.kind == MESSAGE_SIGNAL);
		if (m.kind != MESSAGE_GAP)
			continue;
		message_get_row(&in, &gap_kind, &g);
		if (strcmp(g.reason, "writer-behind") != 0 && strcmp(g.reason, "spool-full") != 0)
			pipeline_gap(l, g.from_ns, g.to_ns, g.reason, g.dropped);
	}
}

void pipeline_lost(struct pipeline *l, const struct batch *b, const char *why)
{
	note_lost(l, b->from_ns, b->until_ns, strcmp(why, "spool-full") == 0 ? "spool-full" : "writer-behind");
	l->lost += b->packets + b->told;
	tell_again(l, b);
	counters_add(COUNTER_FLOWS_LOST, b->packets);
}
