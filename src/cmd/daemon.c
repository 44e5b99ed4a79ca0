// SPDX-License-Identifier: Apache-2.0
#include "cmd/daemon.h"

#include "role/config.h"

#include <stdio.h>

struct daemon_options {
	bool check, schema;
};

static const struct cli_option options[] = {
	{ "check", 'n', CLI_FLAG, CLI_FIELD(struct daemon_options, check), NULL,
		"check the configuration and end; with -v print what is in force" },
	{ "schema", 0, CLI_FLAG, CLI_FIELD(struct daemon_options, schema), NULL,
		"print every key of the configuration with its meaning" },
};

static int run(const struct cli_global *g, const void *opts, int argc, char **argv)
{
	const struct daemon_options *o = opts;
	struct yaml_faults faults = { 0 };
	struct config *c;
	if (o->schema) {
		config_reference(stdout);
		return CLI_DONE;
	}
	int code = config_read(&c, g->config, &faults);
	if (code < 0) {
		yaml_faults_print(stderr, g->config, &faults);
		return code == CONFIG_IO ? CLI_FAILED : CLI_USAGE;
	}
	if (o->check && g->verbose)
		config_print(stdout, c);
	config_free(c);
	if (o->check)
		return CLI_DONE;
	fprintf(stderr, "sakimori run: this version only checks its configuration: --check\n");
	return CLI_USAGE;
}

static const struct cli_command commands[] = {
	{ "run", NULL, NULL, "the daemon: watch, keep, tell", options, sizeof options / sizeof *options,
		sizeof(struct daemon_options), run },
};

const struct cli_noun run_noun = { "run", "the daemon: watch, keep, tell", commands, 1 };
