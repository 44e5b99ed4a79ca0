// SPDX-License-Identifier: Apache-2.0
/*
 * What the flow archive costs: octets a flow, CPU a flow to sort, compress and sum, and to read back. The flows are
 * those that the telescope makes of the generator's traffic. usage: bench_archive [PACKETS]
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "range/traffic.h"
#include "sensor/telescope/telescope.h"
#include "store/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FLOWS_MAX (1u << 20)

struct bench {
	struct telescope *telescope;
	struct archive_encoder *encoder;
	struct flow *flows; /* of one minute */
	size_t n;
	uint64_t unit_ns;
	enum archive_level level;
	bool shuffle;
	struct column_buf out;
	uint64_t total;
	double write_ns;
};

static double cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static void take(void *arg, const struct flow *f, bool late)
{
	struct bench *b = arg;
	struct flow *to = &b->flows[b->n++];
	*to = *f;
	to->first_ns -= to->first_ns % (int64_t)b->unit_ns;
	to->last_ns -= to->last_ns % (int64_t)b->unit_ns;
}

static void shuffle(struct flow *v, size_t n)
{
	struct random r;
	random_init(&r, 1);
	for (size_t i = n; i > 1; i--) {
		size_t k = random_below(&r, i);
		struct flow t = v[i - 1];
		v[i - 1] = v[k];
		v[k] = t;
	}
}

static void close_minute(void *arg, int64_t minute_ns)
{
	struct bench *b = arg;
	if (b->shuffle)
		shuffle(b->flows, b->n);
	struct archive_batch batch = {
		.flows = b->flows, .n = b->n, .minute = minute_ns / MINUTE_NS, .sensor = "bench", .level = b->level
	};
	double start = cpu_ns();
	archive_encode(b->encoder, &batch, &b->out);
	b->write_ns += cpu_ns() - start;
	b->total += b->n;
	b->n = 0;
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

static int add(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	uint64_t *sum = arg;
	for (size_t i = 0; i < n; i++)
		*sum += flows[i].packets;
	return 0;
}

/* CPU for one pass over all blocks, the least of three. */
static double read_all(struct bytes in, const struct prefix *src)
{
	struct archive_decoder *d = archive_decoder_new();
	double least = 1e30;
	for (int round = 0; round < 3; round++) {
		uint64_t sum = 0;
		struct archive_query q = { INT64_MIN, INT64_MAX, src, add, &sum };
		struct archive_header h;
		double start = cpu_ns();
		for (size_t at = 0; at < in.n; at += ARCHIVE_HEADER + h.payload) {
			ENSURE(archive_header_parse(bytes_from(in, at), &h) == 0);
			struct bytes payload = bytes_head(bytes_from(in, at + ARCHIVE_HEADER), h.payload);
			ENSURE(archive_decode(d, &h, payload, &q) == 0);
		}
		double ns = cpu_ns() - start;
		least = ns < least ? ns : least;
	}
	archive_decoder_free(d);
	return least;
}

struct run {
	const char *name;
	enum traffic_profile profile;
	enum archive_level level;
	uint64_t unit_ns;
	bool shuffle;
};

static void measure(const struct run *run, uint64_t packets)
{
	struct traffic_params params;
	struct bench b = { .unit_ns = run->unit_ns, .level = run->level, .shuffle = run->shuffle };
	traffic_params_init(&params, run->profile);
	params.packets = packets;
	struct telescope_params tp = {
		.sorted = true, .seed = 1, .sink = { &b, .flow = take, .minute = close_minute }
	};
	b.telescope = telescope_new(&tp);
	b.encoder = archive_encoder_new();
	b.flows = mem_map(FLOWS_MAX * sizeof *b.flows);
	struct traffic *t = traffic_new(&params, NULL);
	ENSURE(t && traffic_run(t, emit, &b) == 0);
	telescope_flush(b.telescope);
	traffic_free(t);
	struct bytes in = { b.out.p, b.out.n };
	struct prefix absent = { .addr = addr_from4(0x7f000001), .bits = 128 };
	double n = (double)b.total, all = read_all(in, NULL), one = read_all(in, &absent);
	printf("%-34s %9.0f %7.2f %9.0f %8.1f %8.1f %8.2f\n", run->name, n, (double)in.n / n, b.write_ns / n, all / n,
		1e3 * n / all, one / n);
	column_buf_free(&b.out);
	telescope_free(b.telescope);
	archive_encoder_free(b.encoder);
	mem_unmap(b.flows, FLOWS_MAX * sizeof *b.flows);
}

int main(int argc, char **argv)
{
	static const struct run runs[] = {
		{ "worst, key, packets, tags", TRAFFIC_WORST, ARCHIVE_KEY, 1, false },
		{ "worst, all fields, us", TRAFFIC_WORST, ARCHIVE_ALL, 1000, false },
		{ "worst, all fields, ns", TRAFFIC_WORST, ARCHIVE_ALL, 1, false },
		{ "worst, all fields, ns, unsorted", TRAFFIC_WORST, ARCHIVE_ALL, 1, true },
		{ "repeat, all fields, ns", TRAFFIC_REPEAT, ARCHIVE_ALL, 1, false },
		{ "IPv6, key, packets, tags", TRAFFIC_IP6, ARCHIVE_KEY, 1, false },
		{ "IPv6, all fields, ns", TRAFFIC_IP6, ARCHIVE_ALL, 1, false },
	};
	uint64_t packets = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
	printf("%-34s %9s %7s %9s %8s %8s %8s\n", "CPU of one thread", "flows", "B/flow", "write ns", "read ns", "M/s",
		"absent ns");
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
		measure(&runs[i], packets);
	return 0;
}
