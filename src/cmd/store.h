// SPDX-License-Identifier: Apache-2.0
/* sakimori store: what is kept, whether it is whole, copies of it, questions to it. */
#pragma once
#include "base/cli.h"
#include "base/err.h"
#include "store/store.h"

struct store_options {
	/* query */
	uint64_t rows, time_ms, memory_mib;
	bool csv, ask;
	/* backup */
	bool with_keys;
	/* export */
	const char *from, *to, *tz;
	/* hold */
	const char *finding, *of_case, *sensor, *reason, *who, *tenant;
	bool all;
};

extern const struct cli_noun store_noun;

int store_status(const struct cli_global *g, const void *options, int argc, char **argv);
int store_check_command(const struct cli_global *g, const void *options, int argc, char **argv);
int store_backup(const struct cli_global *g, const void *options, int argc, char **argv);
int store_restore(const struct cli_global *g, const void *options, int argc, char **argv);
int store_query_command(const struct cli_global *g, const void *options, int argc, char **argv);
int store_export(const struct cli_global *g, const void *options, int argc, char **argv);
int store_migrate(const struct cli_global *g, const void *options, int argc, char **argv);
int store_hold_add(const struct cli_global *g, const void *options, int argc, char **argv);
int store_hold_list(const struct cli_global *g, const void *options, int argc, char **argv);
int store_hold_release(const struct cli_global *g, const void *options, int argc, char **argv);

/* For its files: a message on stderr, escaped; returns `code`. */
int store_complain(const char *what, int code);

/* Opens the store of this call, or says why not: NULL with an enum cli_exit in `*code`. */
struct store *store_open_for(const struct cli_global *g, enum store_mode mode, int *code);

/* Progress of `what` on a terminal: for checks and backups. */
struct store_progress {
	const char *what;
	bool on;
	int64_t last_ms;
};
void store_progress_begin(struct store_progress *p, const struct cli_global *g, const char *what);
void store_progress_show(void *arg, uint64_t done, uint64_t all);
void store_progress_end(struct store_progress *p);

int64_t store_now_ns(void);
