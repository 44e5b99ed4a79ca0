// SPDX-License-Identifier: Apache-2.0
/*
 * Minutes into the store while captures are read: the reading thread fills one batch, a writer thread sorts, compresses
 * and commits the other. The same captures imported again are recognised by their sender number and change nothing.
 */
#pragma once
#include "model/finding.h"
#include "base/cli.h"
#include "base/err.h"
#include "sensor/telescope/telescope.h"

struct storing; /* opaque */

struct storing_params {
	const char *dir, *sensor; /* sensor NULL: "local" */
	uint64_t sender;	  /* who numbers the batches: the same input, the same number */
};

/* Opens the store for writing and starts the writer. NULL with the reason in `err`. */
struct storing *storing_new(const struct storing_params *p, struct err *err);

/* Adds a store to what `next` does: each record goes to both. */
struct telescope_sink storing_sink(struct storing *s, const struct telescope_sink *next);

void storing_finding(struct storing *s, const struct finding *f);

/*
 * Waits for the writer, commits what is left, closes the store. Returns 0, or -1 with the first failure in `err`:
 * everything before it is in the store. `*flows`: acknowledged; `*repeated`: minutes that were there already.
 */
int storing_close(struct storing *s, uint64_t *flows, uint64_t *repeated, struct err *err);

/* The same for a command with --store DIR and files: messages on stderr; NULL or an enum cli_exit. */
struct storing *storing_open(const struct cli_global *g, const char *sensor, int argc, char **argv);
int storing_finish(struct storing *s, int code);
