// SPDX-License-Identifier: Apache-2.0
/*
 * Seeded darknet traffic for demo, tests and benchmarks. The same parameters give the same packets, byte for byte, on
 * every machine. Beside the packets stands the truth: who was planted, how often and where it shows. Nothing is ever
 * sent.
 */
#pragma once
#include "model/addr.h"

#include <stdio.h>

enum traffic_profile {
	TRAFFIC_WORST,	/* 10 minutes, 200,000 sources by Zipf's law, nearly every packet its own flow: the benchmark's
			   worst case */
	TRAFFIC_REPEAT, /* the same senders, about 20 packets a flow and minute */
	TRAFFIC_DEMO,	/* 30 minutes with planted actors that have names */
	TRAFFIC_FLOOD,	/* one minute of SYNs, each with an invented source */
	TRAFFIC_SPARSE, /* one packet an hour; ten days by default */
	TRAFFIC_JUMP,	/* ten minutes, then ten years later ten minutes */
	TRAFFIC_IP6,	/* ten minutes of scans and backscatter over IPv6 */
	TRAFFIC_PROFILE_N
};

#define TRAFFIC_PACKETS_MAX 10000000000u
#define TRAFFIC_DEMO_MIN    20000u		/* fewer packets leave no room for the planted actors */
#define TRAFFIC_DEMO_MAX    1000000u		/* more would turn the demo's noise into scanners */
#define TRAFFIC_START_NS    1767225600000000000 /* default start: 2026-01-01 00:00 UTC */

const char *traffic_profile_name(enum traffic_profile p);
const char *traffic_profile_summary(enum traffic_profile p);

/* -1 when there is no such profile. */
int traffic_profile_find(const char *name);

struct traffic_params {
	enum traffic_profile profile;
	uint64_t seed;
	uint64_t packets;   /* 0: as many as the profile has by default */
	int64_t start_ns;   /* UTC */
	struct prefix dark; /* IPv4 /8 .. /32, for TRAFFIC_IP6 an IPv6 /16 .. /64 */
	struct prefix own;  /* TRAFFIC_DEMO only: the operator's live range, IPv4 /25 or shorter */
};

/* Profile's dark prefix, own range 203.0.113.0/24, default start and number of packets, seed 1. */
void traffic_params_init(struct traffic_params *p, enum traffic_profile profile);

/*
 * One planted sender, or all senders of one kind where a profile plants none by name. Counts are of what was generated.
 * Text is static or lives as long as the traffic.
 */
struct traffic_actor {
	const char *name;	     /* "mirai-1", or the kind's name */
	const char *kind;	     /* scan, backscatter, amplification, icmp-quote, scan-type, own-suspect, own-watch,
					own-attacked, noise */
	const char *tool;	     /* as in findings; NULL: none can be named */
	const char *note;	     /* one sentence for people, NULL: none */
	char address[ADDR_TEXT_MAX]; /* empty: many */
	uint64_t sources;	     /* distinct addresses it sent from; 0: as many as packets, not counted */
	uint64_t packets;
	uint64_t targets; /* distinct dark addresses; IPv6: distinct low 16 bits of them */
	uint64_t ports;	  /* distinct TCP and UDP ports; of victims their own ports */
	int64_t first_ns, last_ns;
	bool research; /* an acknowledged research scanner */
};

struct traffic; /* opaque */

/* Returns NULL with a reason when the parameters can't be: prefix out of range, actors inside the dark prefix, too few
 * packets. */
struct traffic *traffic_new(const struct traffic_params *params, struct err *err);
void traffic_free(struct traffic *t);

/*
 * Generates all packets in order of time, as Ethernet frames (LINKTYPE 1) that live until `emit` returns. A value other
 * than 0 from `emit` ends the run and is returned. Once only.
 */
int traffic_run(struct traffic *t, int (*emit)(void *arg, int64_t ns, struct bytes frame), void *arg) NODISCARD;

/* After the run: the actors that sent something; returns how many. */
size_t traffic_actors(const struct traffic *t, const struct traffic_actor **out);

/* True when actor number `i` used the port. */
bool traffic_actor_port(const struct traffic *t, size_t i, uint16_t port);

/* One JSON object {profile, seed, packets, start, end, dark, own, actors[]}, with up to 1,024 ports in each actor's
 * port_list. */
void traffic_truth(const struct traffic *t, FILE *out);
