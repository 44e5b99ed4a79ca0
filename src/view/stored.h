// SPDX-License-Identifier: Apache-2.0
/*
 * A part of the store told as a telescope would tell it: flows, sources, ends of minutes into a sink. The commands of
 * the telescope read the store this way, and so do the questions that need conclusions.
 */
#pragma once
#include "base/distinct.h"
#include "sensor/telescope/telescope.h"
#include "store/store.h"

struct filter;

struct stored {
	struct store *store;
	int64_t from_ns, to_ns;
	const char *sensor; /* NULL: all */
	const struct telescope_sink *sink;
	struct filter *filter;	   /* of flows and sources; NULL: all */
	const atomic_bool *cancel; /* NULL: none */
	uint64_t most;		   /* flows; 0: no limit */
	uint64_t seed;		   /* of hash tables */
	void (*broken)(
		const char *file, uint64_t offset, uint64_t octets, const char *reason); /* NULL: counted alone */

	/* Results. */
	struct telescope_counts counts;
	char seen[64];	      /* the sensor whose flows came: its name, "several", empty: none */
	uint64_t broken_n;    /* blocks that can't be read */
	uint64_t fitted;      /* flows that the sink got */
	uint64_t distinct[2]; /* sources of IPv4, IPv6 */
	bool exact;	      /* they are no estimates */
	bool too_many;	      /* more than `most`: it ended there with -STORE_STOPPED */

	struct distinct *addresses[2];
	struct addr last_source;
	int64_t minute;
	bool open;
};

/* 0, or a negative enum store_error with the reason. */
int stored_run(struct stored *s, struct err *err) NODISCARD;

/*
 * Has a sensor (NULL: any) that the caller may see told of itself? Then the findings of its part of the store are those
 * of an analysis that went on all the time, and there is nothing to conclude.
 */
int stored_concluded(struct store *s, const char *sensor, bool *yes, struct err *err) NODISCARD;

/* The findings of the time and sensor, by first, then id. */
int stored_findings(const struct stored *s, void (*fn)(void *arg, const struct finding *), void *arg) NODISCARD;
