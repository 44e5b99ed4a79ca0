// SPDX-License-Identifier: Apache-2.0
/*
 * What a live packet costs the reader, and whether it loses any: a sender in one namespace, the reader in another, a
 * veth pair between. `stream`: read while the sender sends as fast as it can, once with flows and sources that are all
 * new, then with the same again (the tables' memory has been touched by then). `drain`: the ring is filled while the
 * reader stands still, then read. The same frames go to `telescope watch`, which classifies, counts flows and sources
 * and looks for signals, and to `tcpdump -w /dev/null`, which copies. The cost is the reader's whole processor time,
 * in the kernel as well, above that of a run with less; least of ROUNDS. The kernel's part of receiving is the
 * sender's. usage: bench_live SAKIMORI [PACKETS [ROUNDS]]; needs root.
 */
#include "../tests/netns/rig.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SOURCES 200000 /* three packets each of 600,000: tables at their worst, and no signals */
#define DRAIN	250000 /* what a ring of 64 MiB holds, and some room */

struct reader {
	const char *name, *ready;
	const char *argv[16];
	const char *counted, *dropped; /* what stands before or behind the numbers in its output */
};

struct cost {
	double processor_s, send_s;
	uint64_t sent, counted, dropped;
};

static double clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* "word":N in JSON, or "N word" as tcpdump says it. */
static uint64_t number(const struct rig_program *p, const char *word)
{
	const char *total = strstr(p->text, "{\"kind\":\"total\"");
	char key[64];
	if (total) {
		snprintf(key, sizeof key, "\"%s\":", word);
		const char *at = strstr(total, key);
		return at ? strtoull(at + strlen(key), NULL, 10) : 0;
	}
	const char *at = strstr(p->err_text, word);
	while (at && at > p->err_text && (at[-1] == ' ' || (at[-1] >= '0' && at[-1] <= '9')))
		at--;
	return at ? strtoull(at, NULL, 10) : 0;
}

/* `passes` times the same `n` frames. */
struct load {
	unsigned n, passes;
	bool drain;
};

static int run(struct rig *r, const struct reader *reader, struct load load, struct cost *c)
{
	static struct rig_program p;
	struct rusage before, after;
	*c = (struct cost){ 0 };
	getrusage(RUSAGE_CHILDREN, &before);
	if (rig_start(r, &p, reader->argv, reader->ready) != 0)
		return -1;
	if (load.drain)
		netns_signal(&p.process, SIGSTOP);
	double begun = clock_s();
	for (unsigned i = 0; i < load.passes; i++)
		c->sent += rig_send(r, RIG_SYN, load.n, SOURCES, 0);
	c->send_s = clock_s() - begun;
	if (load.drain)
		netns_signal(&p.process, SIGCONT);
	nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL); /* tcpdump doesn't wait for the last block */
	netns_signal(&p.process, SIGINT);
	if (rig_finish(&p, 20000) != 0)
		return -1;
	getrusage(RUSAGE_CHILDREN, &after);
	c->processor_s =
		seconds(after.ru_utime) - seconds(before.ru_utime) + seconds(after.ru_stime) - seconds(before.ru_stime);
	c->counted = number(&p, reader->counted);
	c->dropped = number(&p, reader->dropped);
	return 0;
}

/* The round with the least processor time, and the most that was ever lost. */
static int best_of(struct rig *r, const struct reader *reader, struct load load, int rounds, struct cost *best)
{
	struct cost c;
	*best = (struct cost){ .processor_s = 1e9 };
	uint64_t dropped = 0;
	for (int i = 0; i < rounds; i++) {
		if (run(r, reader, load, &c) < 0)
			return -1;
		if (c.counted + c.dropped != c.sent)
			printf("%s: sent %" PRIu64 ", counted %" PRIu64 ", dropped %" PRIu64 "\n", reader->name, c.sent,
				c.counted, c.dropped);
		dropped = c.dropped > dropped ? c.dropped : dropped;
		if (c.processor_s < best->processor_s)
			*best = c;
	}
	best->dropped = dropped;
	return 0;
}

static void show(const char *what, const struct reader *reader, const struct cost *c, const struct cost *without)
{
	double ns = (c->processor_s - without->processor_s) * 1e9 / (double)(c->counted - without->counted);
	printf("%-22s %-11s sent %8" PRIu64 " at %7.0f/s  dropped %6" PRIu64 "  %6.1f ns a packet\n", what,
		reader->name, c->sent, (double)c->sent / c->send_s, c->dropped, ns);
	fflush(stdout);
}

static int measure(struct rig *r, const struct reader *reader, unsigned n, int rounds)
{
	struct cost idle, once, twice, drained;
	if (best_of(r, reader, (struct load){ 0, 1, false }, rounds, &idle) < 0 ||
		best_of(r, reader, (struct load){ n, 1, false }, rounds, &once) < 0 ||
		best_of(r, reader, (struct load){ n, 2, false }, rounds, &twice) < 0 ||
		best_of(r, reader, (struct load){ DRAIN, 1, true }, rounds, &drained) < 0)
		return -1;
	show("stream, new flows", reader, &once, &idle);
	show("stream, the same again", reader, &twice, &once);
	show("drain, new flows", reader, &drained, &idle);
	return 0;
}

int main(int argc, char **argv)
{
	struct rig r;
	struct err err;
	if (argc < 2) {
		fputs("usage: bench_live SAKIMORI [PACKETS [ROUNDS]]\n", stderr);
		return 2;
	}
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 1000000;
	int rounds = argc > 3 ? atoi(argv[3]) : 3;
	const struct reader readers[] = {
		{ "watch", "watching", { argv[1], "--json", "telescope", "watch", "vb" }, "packets", "drops" },
		{ "watch -w 2", "watching", { argv[1], "--json", "telescope", "watch", "-w", "2", "vb" }, "packets",
			"drops" },
		{ "tcpdump -w", "listening",
			{ "/usr/bin/tcpdump", "-n", "-Z", "root", "-B", "65536", "-s", "96", "-i", "vb", "-w",
				"/dev/null" },
			" packets captured", " packets dropped by kernel" },
	};
	if (rig_open(&r, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	int failed = 0;
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
		if (measure(&r, &readers[i], n, rounds) < 0) {
			printf("%s: can't be measured\n", readers[i].name);
			failed = 1;
		}
	rig_close(&r);
	return failed;
}
