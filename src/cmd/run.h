// SPDX-License-Identifier: Apache-2.0
/*
 * The common course of the telescope's commands: records come from the capture files that were named, or, with --from
 * and --to and no file, from the store; they go into one sink. What parses outside bytes runs in the sandbox.
 */
#pragma once
#include "cmd/inputs.h"
#include "cmd/telescope.h"
#include "know/knowing.h"
#include "view/stored.h"

/* What reads a part of the store whose findings are taken from it (view/summary.h): who gets its flows, its findings.
 */
struct run_known {
	struct telescope_sink sink;
	void (*finding)(void *arg, const struct finding *); /* NULL: everything is concluded anew */
	void *arg;
};

struct run {
	struct inputs in;
	struct feed *feed; /* NULL when the store was read */
	struct telescope_counts counts;
	char sensor[64];	/* of what the store gave: its name, "several", empty: nothing */
	bool ran;		/* something was read, so there is something to say */
	uint64_t broken;	/* blocks of the store that could not be read */
	int64_t from_ns, to_ns; /* of the store's part */
	struct run_known known; /* set before */
	bool concluded;		/* it was used: no dark or own space was named, and a sensor told of itself */
	struct stored stored;	/* how the store was read */
	const char *store;	/* directory that is written, NULL: none */
};

/* The store directory of this call: --store, store.directory of --config, or the default. NULL after a message: the
 * configuration can't be read. */
const char *run_store_dir(const struct cli_global *g);

/*
 * knowing_open() with `p`; lists that it leaves empty are those of the configuration that --config names, so that the
 * command line says what the pages say. The caller calls knowing_close() in any case.
 */
int run_knowing(struct knowing *k, struct knowing_params p, const struct cli_global *g, struct err *err);

/* What --from and --to take: RFC 3339, a date, seconds since 1970, and as on pages "now" or "now-24h". 0 or -1. */
int run_time(const char *text, int64_t *ns);

/*
 * Runs everything into fp->telescope.sink. Returns an enum cli_exit; messages are on stderr. run_free() in any case.
 * `writes`: a store directory that is written while parsing, NULL: none.
 */
int run_all(struct run *r, const struct cli_global *g, const struct telescope_options *o, int argc, char **argv,
	const struct feed_params *fp);
void run_free(struct run *r);
