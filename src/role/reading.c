// SPDX-License-Identifier: Apache-2.0
#include "role/reading.h"

#include "base/idmap.h"
#include "base/mem.h"
#include "store/query.h"
#include "store/sourceblock.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED	((size_t)1 << 20)
#define MINUTES 16 /* looked at before others get their turn */
/* A store whose writer begins anew is busy for a moment. */
#define AGAIN_MS  100
#define AGAIN_MAX 50

struct reading {
	struct reading_params p;
	int64_t minute, end; /* the next; behind the last */
	struct archive_encoder *encoder;
	struct sourceblock *sources_encoder;
	struct flow *flows;
	struct source *sources;
	size_t n_flows, room_flows, n_sources, room_sources;
	struct batch *batch; /* being given */
	int timer;
	bool findings_given, skipped;
	int failed; /* times in a row */
};

struct reading *reading_new(const struct reading_params *p)
{
	struct reading *r = mem_new(sizeof *r);
	r->p = *p;
	r->minute = p->from_ns / MINUTE_NS;
	int64_t most = INT64_MAX - 2 * MINUTE_NS, to = p->to_ns < most ? p->to_ns : most;
	r->end = to / MINUTE_NS + (to % MINUTE_NS > 0);
	r->encoder = archive_encoder_new();
	r->sources_encoder = sourceblock_new();
	r->timer = -1;
	return r;
}

void reading_free(struct reading *r)
{
	if (!r)
		return;
	loop_cancel(r->p.loop, r->timer);
	archive_encoder_free(r->encoder);
	sourceblock_free(r->sources_encoder);
	batch_free(r->batch);
	free(r->flows);
	free(r->sources);
	free(r);
}

static int take_flows(void *arg, const struct archive_header *block, const struct flow *flows, size_t n)
{
	struct reading *r = arg;
	if (strcmp(block->sensor, r->p.sensor) != 0 || block->minute != r->minute)
		return 0;
	r->flows = idmap_room(r->flows, r->n_flows + n, &r->room_flows, sizeof *r->flows);
	memcpy(r->flows + r->n_flows, flows, n * sizeof *flows);
	r->n_flows += n;
	return 0;
}

static int take_source(void *arg, const char *sensor, const struct source *s)
{
	struct reading *r = arg;
	if (s->minute != r->minute || strcmp(sensor, r->p.sensor) != 0)
		return 0;
	r->sources = idmap_room(r->sources, r->n_sources + 1, &r->room_sources, sizeof *r->sources);
	r->sources[r->n_sources++] = *s;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	return addr_cmp(&((const struct source *)a)->addr, &((const struct source *)b)->addr);
}

static int take_finding(void *arg, const struct finding *f)
{
	struct reading *r = arg;
	if (strcmp(f->sensor, r->p.sensor) == 0)
		batch_finding(r->batch, f);
	return 0;
}

/* True: to be tried again. What can't be read for good is passed over. */
static bool again(struct reading *r, int code, const char *what)
{
	if (code < 0 && code != -STORE_DAMAGED && r->failed++ < AGAIN_MAX)
		return true;
	if (code < 0)
		fprintf(stderr, "sakimori: query: %s can't be read whole\n", what);
	r->failed = 0;
	return false;
}

/* Findings that may go on: told before the minutes. False: try again. */
static bool give_findings(struct reading *r)
{
	r->batch = batch_new(0);
	if (again(r, store_each_finding(r->p.store, r->p.from_ns, r->p.to_ns, take_finding, r), "findings")) {
		batch_free(r->batch);
		r->batch = NULL;
		return false;
	}
	r->findings_given = true;
	batch_commit(r->batch, 0, false);
	return true;
}

/* What was broken in the archive is passed over: it is broken for everybody. False: try again. */
static bool read_minute(struct reading *r)
{
	int64_t from = r->minute * MINUTE_NS;
	struct store_scan scan = { .from_ns = from, .to_ns = from + MINUTE_NS, .fn = take_flows, .arg = r };
	r->n_flows = r->n_sources = 0;
	int code = store_scan_flows(r->p.store, &scan, NULL);
	if (code == 0)
		code = store_each_source(r->p.store, from, from + MINUTE_NS, NULL, take_source, r);
	return !again(r, code, "a minute");
}

static int take_next(void *arg, const char *const *names, const struct store_value *v, size_t n)
{
	if (v && v[0].type == STORE_INTEGER)
		*(int64_t *)arg = v[0].integer;
	return 0;
}

/*
 * Past hours of which nothing is kept: a sensor that was away for a year, or an old capture beside it, must not cost a
 * look at each of half a million minutes. A question that fails skips nothing.
 */
static void skip(struct reading *r)
{
	char sql[256];
	int64_t next = r->end;
	struct store_query q = { .fn = take_next, .arg = &next };
	snprintf(sql, sizeof sql,
		"select min(m) from (select min(hour) * 60 as m from segment where hour >= %" PRId64
		" union all select min(minute) from source where minute >= %" PRId64 ")",
		r->minute / 60, r->minute);
	if (store_query(r->p.store, sql, &q, NULL) == 0 && q.cut == STORE_WHOLE && next > r->minute)
		r->minute = next < r->end ? next : r->end;
}

static void seal_minute(struct reading *r)
{
	struct column_buf blocks = { 0 };
	struct archive_batch a = { .minute = r->minute };
	snprintf(a.sensor, sizeof a.sensor, "%s", r->p.sensor);
	r->batch = batch_new(0);
	for (size_t i = 0; i < r->n_flows; i += BATCH_FLOWS) {
		a.flows = r->flows + i;
		a.n = r->n_flows - i < BATCH_FLOWS ? r->n_flows - i : BATCH_FLOWS;
		archive_encode(r->encoder, &a, &blocks);
	}
	batch_blocks(r->batch, (struct bytes){ blocks.p, blocks.n });
	column_buf_free(&blocks);
	if (r->n_sources) {
		qsort(r->sources, r->n_sources, sizeof *r->sources, by_address);
		batch_sources(r->batch, r->sources_encoder, r->sources, r->n_sources);
	}
	batch_commit(r->batch, (r->minute + 1) * MINUTE_NS, false);
}

/* False: the channel is full for now. */
static bool give(struct reading *r)
{
	struct message m;
	while (r->batch) {
		size_t at = r->batch->sent;
		if (channel_queued(r->p.to) >= FEED)
			return false;
		if (!batch_next((struct bytes){ r->batch->frames.p, r->batch->frames.n }, &at, &m)) {
			batch_free(r->batch);
			r->batch = NULL;
		} else if (channel_send(r->p.to, &m) == 0) {
			r->batch->sent = at;
		} else {
			return false;
		}
	}
	return true;
}

static void step(void *arg)
{
	struct reading *r = arg;
	r->timer = -1;
	for (int i = 0; i < MINUTES; i++) {
		if (!give(r))
			return;
		if (!r->findings_given) {
			if (give_findings(r))
				continue;
			r->timer = loop_after(r->p.loop, AGAIN_MS, step, r);
			return;
		}
		if (!r->skipped || r->minute % 60 == 0)
			skip(r);
		r->skipped = true;
		if (r->minute >= r->end) {
			channel_tell(r->p.to, MESSAGE_END, 0);
			r->p.done(r->p.arg);
			return;
		}
		if (!read_minute(r)) {
			r->timer = loop_after(r->p.loop, AGAIN_MS, step, r);
			return;
		}
		if (r->n_flows || r->n_sources)
			seal_minute(r);
		r->minute++;
	}
	r->timer = loop_after(r->p.loop, 0, step, r);
}

void reading_go_on(struct reading *r)
{
	if (r->timer < 0)
		r->timer = loop_after(r->p.loop, 0, step, r);
}
