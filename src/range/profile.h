// SPDX-License-Identifier: Apache-2.0
/* Inside the traffic generator: what a profile gets to work with. Others use range/traffic.h. */
#pragma once
#include "range/probe.h"
#include "range/traffic.h"

#define TRAFFIC_ACTORS	    40
#define TRAFFIC_TARGET_BITS 24 /* log2 of the largest dark prefix */

struct traffic {
	struct traffic_params params;
	const struct profile *profile;
	struct random random;
	uint32_t dark_base, dark_bits; /* IPv4: first address, log2 of their number */
	struct traffic_actor actors[TRAFFIC_ACTORS];
	uint64_t *targets[TRAFFIC_ACTORS]; /* bit sets of dark addresses, mapped */
	uint64_t ports[TRAFFIC_ACTORS][65536 / 64];
	size_t n_actors;
	int (*emit)(void *arg, int64_t ns, struct bytes frame);
	void *arg;
};

/* A profile is a row. `run` sends exactly params.packets packets. */
struct profile {
	const char *name, *summary;
	uint64_t packets;    /* default */
	int64_t duration_ns; /* the packets spread over it evenly */
	int64_t gap_ns;	     /* instead of the duration: this far apart */
	int64_t jump_ns;     /* the second half comes this much later */
	int (*run)(struct traffic *t);
	int (*check)(const struct traffic_params *p, struct err *err); /* NULL: nothing more to check */
};

/* Adds an actor and returns its number. Text is kept, not copied. */
size_t profile_actor(struct traffic *t, const char *name, const struct probe_row *row);

/* Time of packet `i`. */
int64_t profile_time(struct traffic *t, uint64_t i);

/*
 * Counts and emits. `target` is the dark address's place within the prefix, `port` the one that tells about the actor,
 * -1: none. Returns what emit returned.
 */
struct profile_packet {
	size_t actor;
	int64_t ns;
	uint64_t target;
	int port;
};
int profile_send(struct traffic *t, const struct profile_packet *p, const struct frame *f);

/* The port that tells about a sender, for profile_packet. */
int profile_port(const struct sender *s, uint16_t dport);

/*
 * Number `i` of a repeatable order of all numbers below 2^bits (bits <= 32), another order for each key: what scanners
 * do that visit every address once.
 */
uint32_t profile_order(uint32_t i, unsigned bits, uint32_t key);

/* Ports that scanners look for, most wanted first. */
#define PROFILE_PORTS 20
extern const uint16_t profile_ports[PROFILE_PORTS];

int mix_run(struct traffic *t); /* worst, sparse, jump */
int repeat_run(struct traffic *t);
int flood_run(struct traffic *t);
int demo_run(struct traffic *t);
int demo_check(const struct traffic_params *p, struct err *err);
int scan6_run(struct traffic *t);
