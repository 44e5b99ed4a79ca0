// SPDX-License-Identifier: Apache-2.0
/*
 * What the live map costs the packet path: nanoseconds a packet for the telescope alone, with a sampler that nobody
 * looks at, and with one that is asked four times a second. Least of ROUNDS, in turn. usage: bench_sampler [PACKETS]
 */
#include "range/frame.h"
#include "sensor/telescope/sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FRAMES 4096
#define BATCH  64
#define ROUNDS 7

static struct frame frames[FRAMES];
static struct capfile_record recs[FRAMES];

static int64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

enum how { ALONE, UNSEEN, SEEN, HOW_N };

static double run(enum how how, size_t packets, uint64_t *glimpses)
{
	static struct glimpse g;
	struct telescope_params tp = { .seed = 1 };
	struct sampler_params sp = { .sensor = "bench", .workers = 1, .seed = 1, .interval_ns = 250000000 };
	struct telescope *t = telescope_new(&tp);
	struct sampler *s = sampler_new(&sp);
	sampler_watch(s, how == SEEN);
	telescope_add(t, recs, BATCH);
	int64_t begun = clock_ns();
	for (size_t i = 0; i < packets; i += BATCH) {
		const struct capfile_record *r = recs + i % FRAMES;
		telescope_add(t, r, BATCH);
		if (how != ALONE)
			sampler_records(s, 0, r, BATCH, telescope_counts(t));
		if (how == SEEN && i % (BATCH * 1024) == 0)
			*glimpses += sampler_take(s, clock_ns(), &g);
	}
	double ns = (double)(clock_ns() - begun) / (double)packets;
	sampler_free(s);
	telescope_free(t);
	return ns;
}

int main(int argc, char **argv)
{
	static const char *const names[HOW_N] = { "telescope alone", "sampler, nobody looks",
		"sampler, 4 times a second" };
	size_t packets = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000000;
	double least[HOW_N] = { 0 };
	uint64_t glimpses = 0;
	struct frame_tcp syn = { .sport = 40000, .dport = 23, .flags = TCP_SYN };
	for (size_t i = 0; i < FRAMES; i++) {
		struct frame_net net = {
			.src = 0xcb007100 + (uint32_t)i * 7, .dst = 0xc6336400 + (uint32_t)i, .ttl = 60
		};
		frame_tcp(&frames[i], &net, &syn);
		recs[i] = (struct capfile_record){ .data = { frames[i].b, frames[i].n },
			.wire_len = 60,
			.linktype = LINK_ETHERNET,
			.time_ns = INT64_C(1767225600000000000) + (int64_t)i,
			.has_time = true };
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int how = 0; how < HOW_N; how++) {
			double ns = run((enum how)how, packets, &glimpses);
			if (round == 0 || ns < least[how])
				least[how] = ns;
		}
	for (int how = 0; how < HOW_N; how++)
		printf("%-26s %6.2f ns a packet (%+.2f)\n", names[how], least[how], least[how] - least[ALONE]);
	printf("%llu glimpses\n", (unsigned long long)glimpses);
	return 0;
}
