// SPDX-License-Identifier: Apache-2.0
#include "cmd/daemon.h"

#include "base/text.h"
#include "cmd/run.h"
#include "cmd/status.h"
#include "role/config.h"
#include "role/member.h"
#include "role/supervisor.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct daemon_options {
	bool check, schema, roles, no_sandbox, once, status, watch;
	const char *replay, *speed, *tz;
};

#define OPT(field) CLI_FIELD(struct daemon_options, field)
static const struct cli_option options[] = {
	{ "check", 'n', CLI_FLAG, OPT(check), NULL, "check the configuration and end; with -v print what is in force" },
	{ "schema", 0, CLI_FLAG, OPT(schema), NULL, "print every key of the configuration with its meaning" },
	{ "roles", 0, CLI_FLAG, OPT(roles), NULL, "print the roles and who may send what to whom" },
	{ "status", 's', CLI_FLAG, OPT(status), NULL, "print how the daemon of the store is doing and what is wrong" },
	{ "watch", 'w', CLI_FLAG, OPT(watch), NULL, "the same again every second, with what came in it" },
	{ "tz", 0, CLI_TEXT, OPT(tz), "ZONE", "with --status: time zone of what is shown" },
	{ "replay", 0, CLI_TEXT, OPT(replay), "FILE", "a capture file in place of the first sensor's interface" },
	{ "speed", 0, CLI_TEXT, OPT(speed), "N|max", "of the replay: N times as fast as it was (default max)" },
	{ "once", 0, CLI_FLAG, OPT(once), NULL, "end when the replay is kept" },
	{ "no-sandbox", 0, CLI_FLAG, OPT(no_sandbox), NULL,
		"roles keep privileges and system calls: for debugging alone" },
};

static const char *store_of(const struct cli_global *g, const struct config *c)
{
	return g->store ? g->store : c->store.directory ? c->store.directory : run_store_dir(g);
}

static int show(const struct cli_global *g, const struct daemon_options *o, struct config *c)
{
	struct status_show show = { .store = store_of(g, c),
		.zone = o->tz ? o->tz : c->time_zone,
		.limits = status_limits_default,
		.json = g->json,
		.watch = o->watch };
	if (c->alerts.alarms.disk)
		show.limits.disk_percent = (unsigned)c->alerts.alarms.disk;
	if (c->alerts.alarms.clock_offset_ns)
		show.limits.clock_offset_ns = c->alerts.alarms.clock_offset_ns;
	int code = status_show(&show);
	config_free(c);
	return code;
}

static int start(const struct cli_global *g, const struct daemon_options *o, struct config *c)
{
	static char store[PATH_MAX], replay[PATH_MAX];
	const char *dir = store_of(g, c);
	struct supervisor_params p = {
		.config = c,
		.config_path = g->config,
		.options = { .replay = o->replay, .speed = o->speed ? o->speed : "max", .no_sandbox = o->no_sandbox },
		.once = o->once,
		.quiet = g->quiet,
	};
	if (o->replay && strcmp(o->replay, "-") != 0) {
		if (!realpath(o->replay, replay)) {
			fprintf(stderr, "sakimori: %s: %m\n", o->replay);
			return CLI_FAILED;
		}
		p.options.replay = replay;
	}
	snprintf(store, sizeof store, "%s", dir);
	if (dir[0] != '/') {
		char here[PATH_MAX];
		if (!getcwd(here, sizeof here) ||
			snprintf(store, sizeof store, "%s/%s", here, dir) >= (int)sizeof store) {
			fprintf(stderr, "sakimori: %s: %m\n", dir);
			return CLI_FAILED;
		}
	}
	p.options.store = store;
	if (o->no_sandbox)
		fputs("sakimori: WARNING: no sandbox: every role keeps its user, its privileges and all system calls\n",
			stderr);
	return supervisor_run(&p) == 0 ? CLI_DONE : CLI_FAILED;
}

static int run(const struct cli_global *g, const void *opts, int argc, char **argv)
{
	const struct daemon_options *o = opts;
	struct yaml_faults faults = { 0 };
	struct config *c;
	if (o->schema) {
		config_reference(stdout);
		return CLI_DONE;
	}
	if (o->roles) {
		roles_print(stdout);
		return CLI_DONE;
	}
	int code = config_read(&c, g->config, &faults);
	if (code < 0) {
		yaml_faults_print(stderr, g->config, &faults);
		return code == CONFIG_IO ? CLI_FAILED : CLI_USAGE;
	}
	if (o->status || o->watch)
		return show(g, o, c);
	if (!o->check)
		return start(g, o, c);
	if (g->verbose)
		config_print(stdout, c);
	config_free(c);
	return CLI_DONE;
}

static const struct cli_command commands[] = {
	{ "run", NULL, NULL, "the daemon: watch, keep, tell", options, sizeof options / sizeof *options,
		sizeof(struct daemon_options), run },
};

const struct cli_noun run_noun = { "run", "the daemon: watch, keep, tell", commands, 1 };

/* sakimori --role NAME INDEX PARENT STORE sealed|bare [REPLAY SPEED] */
int daemon_role(int argc, char **argv)
{
	if (argc < 7)
		return CLI_USAGE;
	enum role_id id = roles_find(argv[2]);
	struct member_options o = { .parent = (pid_t)atoi(argv[4]),
		.store = argv[5],
		.no_sandbox = strcmp(argv[6], "bare") == 0,
		.replay = argc > 8 ? argv[7] : NULL,
		.speed = argc > 8 ? argv[8] : NULL };
	if (id == ROLE_N || !member_roles[id]) {
		fputs("sakimori: --role is for the daemon itself\n", stderr);
		return CLI_USAGE;
	}
	return member_main(id, (unsigned)atoi(argv[3]), &o);
}
