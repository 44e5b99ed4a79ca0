// SPDX-License-Identifier: Apache-2.0
#include "cmd/telescope.h"

#define OPT(field) CLI_FIELD(struct telescope_options, field)

#define COMMON                                                                                                         \
	{ "from", 0, CLI_TEXT, OPT(from), "TIME",                                                                      \
		"without files: the part of the store from this time on, also now-24h" },                              \
		{ "to", 0, CLI_TEXT, OPT(to), "TIME", "... and before this one" },                                     \
		{ "tz", 0, CLI_TEXT, OPT(tz), "ZONE", "time zone of what is shown and of days (default UTC)" },        \
		{ "no-map", 0, CLI_FLAG, OPT(no_map), NULL,                                                            \
			"with several workers: read(2) instead of a shared mapping" },                                 \
	{                                                                                                              \
		"no-sandbox", 0, CLI_FLAG, OPT(no_sandbox), NULL, "parse without the sandbox"                          \
	}

/* What every command with conclusions takes. */
#define CONCLUDING                                                                                                     \
	{ "dark", 'd', CLI_LIST, OPT(dark), "PREFIX|@FILE",                                                            \
		"unused addresses that are watched; without it the input is ordinary traffic" },                       \
		{ "own", 0, CLI_LIST, OPT(own), "PREFIX|@FILE",                                                        \
			"live ranges of your own: their addresses are looked for among the sources" },                 \
		{ "min-targets", 0, CLI_NUMBER, OPT(min_targets), "N",                                                 \
			"silent targets that make a scan (default 5)" },                                               \
		{ "min-ports", 0, CLI_NUMBER, OPT(min_ports), "N",                                                     \
			"ports of one target that make a scan (default 15)" },                                         \
		{ "timeout", 0, CLI_NUMBER, OPT(timeout_s), "SECONDS",                                                 \
			"silence that ends an event in dark space (default: by its size)" },                           \
		{ "max-events", 0, CLI_NUMBER, OPT(max_events), "N",                                                   \
			"events kept at once, about 1 KiB each (default 2 Mi); what finds no room is told" },          \
		{ "research", 0, CLI_CHOICE, OPT(research), "include|exclude",                                         \
			"show acknowledged research scanners (default include)" },                                     \
		{ "research-file", 0, CLI_LIST, OPT(research_file), "FILE",                                            \
			"acknowledged research scanners: CSV prefix or suffix,organisation[,from[,to]], or a MISP "    \
			"warning list" },                                                                              \
		{ "names", 0, CLI_LIST, OPT(names), "FILE",                                                            \
			"reverse names that were looked up before: CSV address,name" },                                \
		{ "owners", 0, CLI_LIST, OPT(owners), "FILE",                                                          \
			"owners of own addresses: CSV prefix,owner,contact[,from[,to]]" },                             \
		{ "geo", 0, CLI_LIST, OPT(geo), "FILE|DIR|none",                                                       \
			"MMDB files with country, place or AS (default those of tools/fetch-geo)" },                   \
		{ "sensor", 0, CLI_TEXT, OPT(sensor), "NAME", "name of the sensor in findings (default local)" },      \
		{ "unwrap", 0, CLI_LIST, OPT(unwrap), "gre,ipip", "look into one level of these tunnels" }, COMMON

static const struct cli_option events_options[] = {
	CONCLUDING,
	{ "kind", 'k', CLI_TEXT, OPT(kind), "KIND,...", "only findings of these kinds" },
};

static const struct cli_option read_options[] = {
	{ "count", 'c', CLI_FLAG, OPT(count), NULL, "count and classify only" },
	{ "workers", 'w', CLI_NUMBER, OPT(workers), "N",
		"with --count: worker threads, each with its share of the sources (default 1)" },
	{ "limit", 'n', CLI_NUMBER, OPT(limit), "N", "rows of each top list (default 10)" },
	CONCLUDING,
};

static const struct cli_option flows_options[] = {
	{ "summary", 's', CLI_FLAG, OPT(summary), NULL, "do the whole work and print only totals" },
	{ "workers", 'w', CLI_NUMBER, OPT(workers), "N",
		"worker threads, each with its share of the sources (default 1)" },
	{ "max-flows", 0, CLI_NUMBER, OPT(max_flows), "N",
		"flows an open minute and address family may hold (default 4 Mi)" },
	{ "limit", 'n', CLI_NUMBER, OPT(limit), "N", "print the first N flows (default all)" },
	{ "sensor", 0, CLI_TEXT, OPT(sensor), "NAME", "name of the sensor in the store (default local)" },
	{ "unwrap", 0, CLI_LIST, OPT(unwrap), "gre,ipip", "look into one level of these tunnels" },
	COMMON,
};

static const struct cli_option sources_options[] = {
	{ "limit", 'n', CLI_NUMBER, OPT(limit), "N", "rows (default 20, with --json all)" },
	{ "workers", 'w', CLI_NUMBER, OPT(workers), "N",
		"worker threads, each with its share of the sources (default 1)" },
	{ "unwrap", 0, CLI_LIST, OPT(unwrap), "gre,ipip", "look into one level of these tunnels" },
	COMMON,
};

static const struct cli_option top_options[] = {
	{ "by", 'b', CLI_CHOICE, OPT(by), "port|class|source|target|country|as|tool",
		"what is counted (default port)" },
	{ "limit", 'n', CLI_NUMBER, OPT(limit), "N", "rows (default 20)" },
	CONCLUDING,
};

static const struct cli_option export_options[] = {
	{ "finding", 'f', CLI_TEXT, OPT(finding), "ID",
		"the finding whose packets are wanted: its id or the id's beginning" },
	{ "output", 'o', CLI_TEXT, OPT(output), "FILE", "the capture to write, - for standard output" },
	CONCLUDING,
};

static const struct cli_option watch_options[] = {
	{ "dark", 'd', CLI_LIST, OPT(dark), "PREFIX|@FILE",
		"unused addresses: only packets to them make a signal (default all)" },
	{ "workers", 'w', CLI_NUMBER, OPT(workers), "N",
		"rings and threads, each with its share of the sources (default 1)" },
	{ "duration", 't', CLI_NUMBER, OPT(duration_s), "SECONDS", "end after so long" },
	{ "count", 'c', CLI_NUMBER, OPT(count_packets), "N",
		"end after N packets; what has arrived by then is still counted" },
	{ "min-targets", 0, CLI_NUMBER, OPT(min_targets), "N", "dark targets that make a signal (default 5)" },
	{ "min-ports", 0, CLI_NUMBER, OPT(min_ports), "N", "ports of one dark target that make a signal (default 15)" },
	{ "sensor", 0, CLI_TEXT, OPT(sensor), "NAME",
		"name of the sensor in signals and in the store (default local)" },
	{ "unwrap", 0, CLI_LIST, OPT(unwrap), "gre,ipip", "look into one level of these tunnels" },
	{ "ring", 0, CLI_NUMBER, OPT(ring_mib), "MIB", "memory of each ring in MiB (default 64)" },
	{ "snaplen", 0, CLI_NUMBER, OPT(snaplen), "OCTETS", "keep only the first octets of each packet" },
	{ "outgoing", 0, CLI_FLAG, OPT(outgoing), NULL, "count also what this host sends" },
	{ "no-promiscuous", 'p', CLI_FLAG, OPT(no_promiscuous), NULL, "only frames that are addressed to this host" },
	{ "user", 0, CLI_TEXT, OPT(user), "USER", "whom to become once the interface is open (default 47001)" },
	{ "no-sandbox", 0, CLI_FLAG, OPT(no_sandbox), NULL, "keep privileges and system calls" },
};

#define COMMAND(verb, args, summary, rows, run)                                                                        \
	{                                                                                                              \
		"telescope", verb, args, summary, rows, sizeof rows / sizeof *rows, sizeof(struct telescope_options),  \
			run                                                                                            \
	}

static const struct cli_command commands[] = {
	COMMAND("read", "[FILE...]", "what came, in which class, from how many", read_options, telescope_read),
	COMMAND("events", "[FILE...]", "findings: scans, victims, suspects", events_options, telescope_events),
	COMMAND("flows", "[FILE...]", "the flows of each minute", flows_options, telescope_flows),
	COMMAND("sources", "[FILE...]", "who sent, one line an address", sources_options, telescope_sources),
	COMMAND("top", "[FILE...]", "what stands out, against yesterday and a week before", top_options, telescope_top),
	COMMAND("export", "FILE...", "the packets behind a finding, unchanged, as a capture", export_options,
		telescope_export),
	COMMAND("watch", "INTERFACE", "a live interface: signals at once, a line a minute", watch_options,
		telescope_watch),
};

const struct cli_noun telescope_noun = { "telescope", "observe unused addresses: scans, victims, suspects", commands,
	sizeof commands / sizeof *commands };
