// SPDX-License-Identifier: Apache-2.0
/*
 * Everything that a report of the telescope says, as numbers: gathered from the store as its reader, before any word is
 * written. Flows are passed once for the period and once for the one before; sums of other times come from the hours'
 * roll-ups; conclusions from the findings.
 */
#pragma once
#include "know/knowing.h"
#include "model/finding.h"
#include "model/gap.h"
#include "model/sensor.h"
#include "view/reportscan.h"

#define REPORT_VICTIMS	20
#define REPORT_SENSORS	64
#define REPORT_GAPS	10000
#define REPORT_DARK	1024   /* prefixes of all sensors; with more the dark space counts as unknown */
#define REPORT_DAYS	36600  /* days that the store may reach over */
#define REPORT_SPANS	160    /* quarters and years that are told */
#define REPORT_FINDINGS 200000 /* subjects that are summed of a kind */
#define REPORT_SURGES	20

/* A prefix of dark space by date. */
struct report_dark {
	struct prefix prefix;
	char text[64];
	char sensor[64];
	int64_t from_ns, to_ns;
	uint64_t addresses; /* 0: IPv6, or inside another one */
};

struct report_gap {
	struct gap gap; /* cut to the period */
};

/* Packets of a stretch by the hours' roll-ups. */
struct report_span {
	struct reportperiod period;
	uint64_t packets;
	double addresses;   /* mean of the days that have records; 0: not known */
	double per_address; /* sum of the days' packets per address; negative: not known */
	bool partial;
};

struct report_victim {
	char subject[64];
	struct location place;
	uint64_t packets, events;
	uint64_t most; /* packets of the event whose ports are told */
	char ports[96];
	char detail[64];
	int64_t first_ns, last_ns;
};

/* An attack that used reflectors, told without the address that it hit. */
struct report_attack {
	char detail[64];
	uint64_t packets, sources;
	int64_t first_ns, last_ns;
};

struct report_tool {
	const char *name; /* static */
	struct report_split packets, hosts;
};
#define REPORT_TOOLS 16

struct report_surge {
	char subject[32];
	bool fresh; /* port-new */
	uint64_t packets, sources;
	int64_t first_ns;
};

struct report {
	struct reportzone zone;
	struct reportperiod period, previous;
	int64_t first_ns, until_ns; /* of all records */
	bool has_previous;
	struct reportscan *now, *before; /* before: NULL when there are no records */
	struct sensor sensors[REPORT_SENSORS];
	size_t sensors_n;
	struct report_dark dark[REPORT_DARK];
	size_t dark_n;
	bool dark6;				     /* a sensor watches IPv6 too */
	double addresses, per_address[REPORT_PARTS]; /* mean of the period; sums. Negative: not known */
	double previous_addresses, previous_per_address[REPORT_PARTS];
	struct report_gap *gaps;
	size_t gaps_n, gaps_left_out;
	uint64_t dropped;
	double observed; /* share of the period's time that is without gap; negative: not known */
	struct report_span spans[REPORT_SPANS];
	size_t spans_n;
	struct report_victim victims[REPORT_VICTIMS];
	size_t victims_n, victims_all;
	struct report_attack attacks[REPORT_VICTIMS];
	size_t attacks_n, attacks_all;
	struct report_tool tools[REPORT_TOOLS];
	size_t tools_n;
	struct report_surge surges[REPORT_SURGES];
	size_t surges_n, surges_all;
	uint64_t own[3];  /* different own addresses: watch, suspect, attacked */
	bool masked;	  /* the reader may not see subscribers: findings are counted, not addresses */
	bool dark_full;	  /* more prefixes than REPORT_DARK */
	uint64_t refused; /* subjects that found no room */
	bool knows_research, knows_places;
};

struct report_params {
	struct store *store;
	struct knowing *know; /* NULL: nothing is known */
	const char *zone;
	enum reportperiod_kind kind;
	const char *at; /* a date in the period; NULL: the last whole period that the records reach over */
	uint64_t seed;
	size_t max_sources, max_pairs;
	void (*progress)(void *arg, double share);
	void *progress_arg;
	const atomic_bool *cancel;
};

enum report_error {
	REPORT_BAD = 1, /* zone or date */
	REPORT_EMPTY,	/* the store has no records */
	REPORT_FAILED,	/* the store can't be read */
	REPORT_STOPPED, /* nobody waits any more */
};

/* 0, or a negative enum report_error. report_free() when it is not NULL. */
int report_gather(struct report **out, const struct report_params *p, struct err *err) NODISCARD;
void report_free(struct report *r);

/* Does it lie in dark space, whenever that was? */
bool report_is_dark(const struct report *r, const struct addr *a);

/* Dark IPv4 addresses on average over [from, to); negative: none is known. */
double report_addresses(const struct report *r, int64_t from_ns, int64_t to_ns);
