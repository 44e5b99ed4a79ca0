// SPDX-License-Identifier: Apache-2.0
/*
 * A part of the store told as a telescope would tell it: flows, sources, ends of minutes into a sink. The commands of
 * the telescope read the store this way, and so do the questions that need conclusions.
 */
#pragma once
#include "analysis/darknet/darknet.h"
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
	void (*broken)(const char *file, uint64_t offset, uint64_t octets, const char *reason); /* NULL: counted alone */

	/* Results. */
	struct telescope_counts counts;
	char seen[64];	  /* the sensor whose flows came: its name, "several", empty: none */
	uint64_t broken_n; /* blocks that can't be read */
	bool too_many;	  /* more than `most`: it ended there with -STORE_STOPPED */
	int64_t minute;
	bool open;
};

/* 0, or a negative enum store_error with the reason. */
int stored_run(struct stored *s, struct err *err) NODISCARD;

/*
 * Which addresses are dark, as the rows of the sensors say that the caller may see. `sensor` NULL: those of all. A row
 * that is no prefix with dates is left out and counted. The caller frees v.
 */
struct stored_dark {
	struct darknet_dark *v;
	size_t n, room;
	uint64_t odd;
	const char *sensor;
};
int stored_dark(struct store *s, const char *sensor, struct stored_dark *out, struct err *err) NODISCARD;

/* What the store keeps of own addresses (own-watch, own-suspect, own-attacked) in [from, to). */
int stored_own(const struct stored *s, void (*fn)(void *arg, const struct finding *), void *arg) NODISCARD;
