// SPDX-License-Identifier: Apache-2.0
/* The commands of the telescope: their option rows are in telescope.c, each command in a file of its own. */
#pragma once
#include "base/cli.h"

/* What the commands have in common; each row table names the members it offers. */
struct telescope_options {
	bool count, summary, no_map, no_sandbox, no_promiscuous, outgoing;
	uint64_t workers, max_flows, max_sources, limit, min_targets, min_ports, timeout_s, max_events, seed;
	struct cli_list dark, own, unwrap, research_file, names, owners, geo;
	const char *sensor, *research, *tz;
	const char *from, *to, *kind, *output, *interface, *by, *finding;
	uint64_t duration_s, count_packets, ring_mib, snaplen;
	const char *user;
};

extern const struct cli_noun telescope_noun;

int telescope_read(const struct cli_global *g, const void *options, int argc, char **argv);
int telescope_events(const struct cli_global *g, const void *options, int argc, char **argv);
int telescope_flows(const struct cli_global *g, const void *options, int argc, char **argv);
int telescope_sources(const struct cli_global *g, const void *options, int argc, char **argv);
int telescope_top(const struct cli_global *g, const void *options, int argc, char **argv);
int telescope_export(const struct cli_global *g, const void *options, int argc, char **argv);
int telescope_watch(const struct cli_global *g, const void *options, int argc, char **argv);
