// SPDX-License-Identifier: Apache-2.0
#include "cmd/telescope.h"

#define OPT(field) CLI_FIELD(struct telescope_options, field)

static const struct cli_option read_options[] = {
	{ "count", 'c', CLI_FLAG, OPT(count), NULL, "count and classify only" },
	{ "workers", 'w', CLI_NUMBER, OPT(workers), "N", "worker threads, each with its share of the sources (default 1)" },
	{ "no-map", 0, CLI_FLAG, OPT(no_map), NULL, "use read(2) instead of mapping files" },
};

static const struct cli_option flows_options[] = {
	{ "summary", 's', CLI_FLAG, OPT(summary), NULL, "do the whole work and print only totals" },
	{ "workers", 'w', CLI_NUMBER, OPT(workers), "N", "worker threads, each with its share of the sources (default 1)" },
	{ "max-flows", 0, CLI_NUMBER, OPT(max_flows), "N", "flows an open minute and address family may hold (default 4 Mi)" },
	{ "no-map", 0, CLI_FLAG, OPT(no_map), NULL, "use read(2) instead of mapping files" },
};

#define COMMAND(verb, args, summary, rows, run) \
	{ "telescope", verb, args, summary, rows, sizeof rows / sizeof *rows, sizeof(struct telescope_options), run }

static const struct cli_command commands[] = {
	COMMAND("read", "FILE...", "what came, in which class, from how many", read_options, telescope_read),
	COMMAND("flows", "FILE...", "the flows of each minute", flows_options, telescope_flows),
};

const struct cli_noun telescope_noun = { "telescope", "observe unused addresses: scans, victims, suspects", commands,
	sizeof commands / sizeof *commands };
