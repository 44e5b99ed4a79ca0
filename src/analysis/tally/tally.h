// SPDX-License-Identifier: Apache-2.0
/*
 * Who and what stands out: packets and unique sources by port, class, source, country, AS, tool ..., for the whole
 * input and day by day, so that a day can be held against the one before and the one a week before. Counts are exact
 * within limits that are told.
 */
#pragma once
#include "base/idmap.h"
#include "model/flow.h"

enum tally_by { TALLY_PORT, TALLY_CLASS, TALLY_SOURCE, TALLY_TARGET, TALLY_COUNTRY, TALLY_AS, TALLY_TOOL, TALLY_N };
const char *tally_by_name(enum tally_by by);

struct tally; /* opaque */

struct tally_params {
	uint64_t seed;
	/* Seconds east of UTC at that time, for the boundaries of days; NULL: UTC. */
	int64_t (*offset_s)(void *arg, int64_t ns);
	/* Key of a source for TALLY_COUNTRY and TALLY_AS, NULL: unknown. Asked once a source. May be NULL. */
	const char *(*place)(void *arg, enum tally_by by, const struct addr *a);
	/* Leave this source out (research scanners). Asked once a source. May be NULL. */
	bool (*leave_out)(void *arg, const struct addr *a, int64_t ns);
	void *arg;
	unsigned only; /* bits of enum tally_by: what is asked for later; 0: everything. Less is faster */
	bool no_days;  /* totals alone: no row has a day before or a week before, the last day is empty */
};

struct tally *tally_new(const struct tally_params *p);
void tally_free(struct tally *t);

/* Ports are the destination ports of TCP SYN and UDP. */
void tally_flow(struct tally *t, const struct flow *f);

/* A source's tool, as concluded, with the packets it sent as that: for totals, not by day. */
void tally_tool(struct tally *t, const char *tool, const struct addr *source, uint64_t packets, int64_t ns);

struct tally_row {
	char key[64];			   /* "23/tcp", "tcp_syn", an address, "JP", "64500 NAME" */
	uint64_t packets, sources;	   /* TALLY_SOURCE: sources are its targets */
	uint64_t day_packets, day_sources; /* of the last day of the input */
	/* The same key a day and seven days before; has_* false when the input has nothing of that day at all. */
	bool has_before, has_week;
	uint64_t before_packets, before_sources, week_packets, week_sources;
};

/* The `max` rows with most packets (then most sources, then key); calls fn in that order. Returns how many keys there
 * are. */
size_t tally_top(const struct tally *t, enum tally_by by, size_t max, void (*fn)(void *arg, const struct tally_row *),
	void *arg);

/* Packets and sources left out by leave_out(). */
void tally_left_out(const struct tally *t, uint64_t *packets, uint64_t *sources);
uint64_t tally_refused(const struct tally *t);
