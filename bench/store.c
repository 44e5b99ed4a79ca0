// SPDX-License-Identifier: Apache-2.0
/*
 * What it costs to keep a minute: compressing its flows, summing roll-ups and the commit with its two waits for the
 * disk; then how fast all of it is read back. usage: bench_store DIR [PROFILE [PACKETS]] - DIR must not exist and is
 * left behind.
 */
#include "base/err.h"
#include "base/mem.h"
#include "range/traffic.h"
#include "sensor/telescope/telescope.h"
#include "store/segment.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FLOWS_MAX (1u << 20)

enum part { ENCODE, SUM, COMMIT, PARTS };

struct bench {
	struct telescope *telescope;
	struct archive_encoder *encoder;
	struct rollup *rollup;
	struct store *store;
	struct flow *flows;
	struct source *sources;
	size_t n, sources_n;
	struct column_buf out;
	uint64_t total, sources_total;
	double cpu[PARTS], wall, longest;
};

static double clock_ns(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static void take(void *arg, const struct flow *f, bool late)
{
	struct bench *b = arg;
	b->flows[b->n++] = *f;
}

static void take_source(void *arg, const struct source *s)
{
	struct bench *b = arg;
	b->sources[b->sources_n++] = *s;
}

static void close_minute(void *arg, int64_t minute_ns)
{
	struct bench *b = arg;
	struct err err = { "" };
	int64_t minute = minute_ns / MINUTE_NS;
	struct archive_batch batch = { .flows = b->flows, .n = b->n, .minute = minute, .sensor = "bench" };
	double t[PARTS + 1];
	t[ENCODE] = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	b->out.n = 0;
	archive_encode(b->encoder, &batch, &b->out);
	t[SUM] = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	rollup_clear(b->rollup);
	rollup_add_flows(b->rollup, segment_hour(minute), b->flows, b->n);
	t[COMMIT] = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	double start = clock_ns(CLOCK_MONOTONIC);
	struct store_batch all = { .sensor = "bench",
		.blocks = { b->out.p, b->out.n },
		.sources = b->sources,
		.sources_n = b->sources_n,
		.rollup = b->rollup };
	if (store_commit(b->store, &all, &err))
		fprintf(stderr, "bench_store: %s\n", err.text);
	double wall = clock_ns(CLOCK_MONOTONIC) - start;
	t[PARTS] = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (int k = 0; k < PARTS; k++)
		b->cpu[k] += t[k + 1] - t[k];
	b->wall += wall;
	b->longest = wall > b->longest ? wall : b->longest;
	b->total += b->n;
	b->sources_total += b->sources_n;
	b->n = b->sources_n = 0;
}

static int emit(void *arg, int64_t ns, struct bytes frame)
{
	struct bench *b = arg;
	struct capfile_record r = {
		.data = frame, .wire_len = (uint32_t)frame.n, .linktype = LINK_ETHERNET, .time_ns = ns, .has_time = true
	};
	telescope_add(b->telescope, &r, 1);
	return 0;
}

static int add_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*(uint64_t *)arg += flows[i].packets;
	return 0;
}

static int add_source(void *arg, const char *sensor, const struct source *s)
{
	*(uint64_t *)arg += s->packets;
	return 0;
}

static void read_back(struct bench *b)
{
	uint64_t flows = 0, sources = 0;
	struct store_scan scan = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .fn = add_flows, .arg = &flows };
	double t0 = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	ENSURE(store_scan_flows(b->store, &scan, NULL) == 0);
	double t1 = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	ENSURE(store_each_source(b->store, INT64_MIN, INT64_MAX, NULL, add_source, &sources) == 0);
	double t2 = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	ENSURE(flows == sources);
	printf("read back: flows %.1f ns (%.1f M/s), sources %.1f ns\n", (t1 - t0) / (double)b->total,
		1e3 * (double)b->total / (t1 - t0), (t2 - t1) / (double)b->sources_total);
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	struct traffic_params params;
	struct err err = { "" };
	int profile = argc > 2 ? traffic_profile_find(argv[2]) : TRAFFIC_WORST;
	if (argc < 2 || profile < 0 || access(argv[1], F_OK) == 0) {
		fprintf(stderr, "usage: bench_store NEW-DIR [PROFILE [PACKETS]]\n");
		return 2;
	}
	traffic_params_init(&params, (enum traffic_profile)profile);
	params.packets = argc > 3 ? strtoull(argv[3], NULL, 10) : 5000000;
	struct telescope_params tp = {
		.sorted = true, .seed = 1, .sink = { &b, .flow = take, .source = take_source, .minute = close_minute }
	};
	b.telescope = telescope_new(&tp);
	b.encoder = archive_encoder_new();
	b.rollup = rollup_new();
	b.flows = mem_map(FLOWS_MAX * sizeof *b.flows);
	b.sources = mem_map(FLOWS_MAX * sizeof *b.sources);
	b.store = store_open(argv[1], STORE_WRITE, NULL, &err);
	struct traffic *t = traffic_new(&params, &err);
	if (!b.store || !t || traffic_run(t, emit, &b)) {
		fprintf(stderr, "bench_store: %s\n", err.text);
		return 3;
	}
	telescope_flush(b.telescope);
	double n = (double)b.total;
	printf("%s: %.0f flows, %.0f sources; CPU ns a flow: encode %.0f, sum %.0f, commit %.0f, together %.0f; "
	       "longest commit %.0f ms\n",
		traffic_profile_name((enum traffic_profile)profile), n, (double)b.sources_total, b.cpu[ENCODE] / n,
		b.cpu[SUM] / n, b.cpu[COMMIT] / n, (b.cpu[ENCODE] + b.cpu[SUM] + b.cpu[COMMIT]) / n, b.longest / 1e6);
	read_back(&b);
	telescope_free(b.telescope);
	traffic_free(t);
	store_close(b.store);
	return 0;
}
