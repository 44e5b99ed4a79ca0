// SPDX-License-Identifier: Apache-2.0
#include "cmd/telescope.h"

#define OPT(field) CLI_FIELD(struct telescope_options, field)

#define COMMON \
	{ "from", 0, CLI_TEXT, OPT(from), "TIME", "without files: the part of the store from this time on" }, \
	{ "to", 0, CLI_TEXT, OPT(to), "TIME", "... and before this one" }, \
	{ "tz", 0, CLI_TEXT, OPT(tz), "ZONE", "time zone of what is shown and of days (default UTC)" }, \
	{ "no-map", 0, CLI_FLAG, OPT(no_map), NULL, "use read(2) instead of mapping files" }, \
	{ "no-sandbox", 0, CLI_FLAG, OPT(no_sandbox), NULL, "parse without the sandbox" }

/* What every command with conclusions takes. */
#define CONCLUDING \
	{ "dark", 'd', CLI_LIST, OPT(dark), "PREFIX|@FILE", "unused addresses that are watched; without it the input is ordinary traffic" }, \
	{ "own", 0, CLI_LIST, OPT(own), "PREFIX|@FILE", "live ranges of your own: their addresses are looked for among the sources" }, \
	{ "min-targets", 0, CLI_NUMBER, OPT(min_targets), "N", "silent targets that make a scan (default 5)" }, \
	{ "min-ports", 0, CLI_NUMBER, OPT(min_ports), "N", "ports of one target that make a scan (default 15)" }, \
	{ "timeout", 0, CLI_NUMBER, OPT(timeout_s), "SECONDS", "silence that ends an event in dark space (default: by its size)" }, \
	{ "research", 0, CLI_CHOICE, OPT(research), "include|exclude", "show acknowledged research scanners (default include)" }, \
	{ "sensor", 0, CLI_TEXT, OPT(sensor), "NAME", "name of the sensor in findings (default local)" }, \
	{ "unwrap", 0, CLI_LIST, OPT(unwrap), "gre,ipip", "look into one level of these tunnels" }, \
	COMMON

static const struct cli_option events_options[] = {
	CONCLUDING,
	{ "kind", 'k', CLI_TEXT, OPT(kind), "KIND,...", "only findings of these kinds" },
};

static const struct cli_option read_options[] = {
	{ "count", 'c', CLI_FLAG, OPT(count), NULL, "count and classify only" },
	{ "workers", 'w', CLI_NUMBER, OPT(workers), "N", "with --count: worker threads, each with its share of the sources (default 1)" },
	{ "limit", 'n', CLI_NUMBER, OPT(limit), "N", "rows of each top list (default 10)" },
	CONCLUDING,
};

static const struct cli_option flows_options[] = {
	{ "summary", 's', CLI_FLAG, OPT(summary), NULL, "do the whole work and print only totals" },
	{ "workers", 'w', CLI_NUMBER, OPT(workers), "N", "worker threads, each with its share of the sources (default 1)" },
	{ "max-flows", 0, CLI_NUMBER, OPT(max_flows), "N", "flows an open minute and address family may hold (default 4 Mi)" },
	{ "limit", 'n', CLI_NUMBER, OPT(limit), "N", "print the first N flows (default all)" },
	{ "sensor", 0, CLI_TEXT, OPT(sensor), "NAME", "name of the sensor in the store (default local)" },
	{ "unwrap", 0, CLI_LIST, OPT(unwrap), "gre,ipip", "look into one level of these tunnels" },
	COMMON,
};

#define COMMAND(verb, args, summary, rows, run) \
	{ "telescope", verb, args, summary, rows, sizeof rows / sizeof *rows, sizeof(struct telescope_options), run }

static const struct cli_command commands[] = {
	COMMAND("read", "[FILE...]", "what came, in which class, from how many", read_options, telescope_read),
	COMMAND("events", "[FILE...]", "findings: scans, victims, suspects", events_options, telescope_events),
	COMMAND("flows", "[FILE...]", "the flows of each minute", flows_options, telescope_flows),
};

const struct cli_noun telescope_noun = { "telescope", "observe unused addresses: scans, victims, suspects", commands,
	sizeof commands / sizeof *commands };
