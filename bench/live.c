// SPDX-License-Identifier: Apache-2.0
/*
 * What a live packet costs the reader, and whether it loses any: a sender in one namespace, the reader in another, a
 * veth pair between. Two ways: `stream`, reading while the sender sends as fast as it can, and `drain`, the ring filled
 * while the reader stands still and then read. The same frames go to `telescope watch` (which classifies, counts flows
 * and sources and looks for signals) and to `tcpdump -w /dev/null` (which copies). Times are processor times of the
 * reader less those of a run without packets; least of ROUNDS. usage: bench_live SAKIMORI [PACKETS [ROUNDS]]; needs
 * root.
 */
#include "../tests/netns/rig.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SOURCES 20000
#define DRAIN	300000 /* what a ring of 64 MiB holds, and some room */

struct reader {
	const char *name, *ready;
	const char *argv[16];
	const char *counted, *dropped; /* what stands before or behind the numbers in its output */
};

struct cost {
	double user_s, system_s, send_s;
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

static int run(struct rig *r, const struct reader *reader, unsigned n, bool drain, struct cost *c)
{
	static struct rig_program p;
	struct rusage before, after;
	*c = (struct cost){ 0 };
	getrusage(RUSAGE_CHILDREN, &before);
	if (rig_start(r, &p, reader->argv, reader->ready) != 0)
		return -1;
	if (drain)
		netns_signal(&p.process, SIGSTOP);
	double begun = clock_s();
	c->sent = rig_send(r, RIG_SYN, n, SOURCES, 0);
	c->send_s = clock_s() - begun;
	if (drain)
		netns_signal(&p.process, SIGCONT);
	nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL); /* tcpdump doesn't wait for the last block */
	netns_signal(&p.process, SIGINT);
	if (rig_finish(&p, 20000) != 0)
		return -1;
	getrusage(RUSAGE_CHILDREN, &after);
	c->user_s = seconds(after.ru_utime) - seconds(before.ru_utime);
	c->system_s = seconds(after.ru_stime) - seconds(before.ru_stime);
	c->counted = number(&p, reader->counted);
	c->dropped = number(&p, reader->dropped);
	return 0;
}

static double above(double with, double without, uint64_t n)
{
	return n && with > without ? (with - without) * 1e9 / (double)n : 0;
}

/* The round with the least processor time, and the most that was ever lost. */
static int measure(struct rig *r, const struct reader *reader, unsigned n, bool drain, int rounds)
{
	struct cost idle, best = { 0 }, c;
	double least = 1e9;
	uint64_t lost = 0, dropped = 0;
	if (run(r, reader, 0, false, &idle) < 0)
		return -1;
	for (int i = 0; i < rounds; i++) {
		if (run(r, reader, n, drain, &c) < 0)
			return -1;
		dropped = c.dropped > dropped ? c.dropped : dropped;
		uint64_t missing = c.sent - c.counted - c.dropped;
		lost = missing > lost ? missing : lost;
		if (c.user_s + c.system_s < least) {
			least = c.user_s + c.system_s;
			best = c;
		}
	}
	printf("%-7s %-18s sent %8" PRIu64 " at %7.0f/s  counted %8" PRIu64 "  dropped %6" PRIu64 "  untold %" PRIu64
	       "  user %6.1f ns  system %6.1f ns a packet\n",
		drain ? "drain" : "stream", reader->name, best.sent, (double)best.sent / best.send_s, best.counted,
		dropped, lost, above(best.user_s, idle.user_s, best.counted),
		above(best.system_s, idle.system_s, best.counted));
	fflush(stdout);
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
		for (int drain = 0; drain < 2; drain++)
			if (measure(&r, &readers[i], drain ? DRAIN : n, drain, rounds) < 0) {
				printf("%s: can't be measured\n", readers[i].name);
				failed = 1;
			}
	rig_close(&r);
	return failed;
}
