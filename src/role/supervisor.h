// SPDX-License-Identifier: Apache-2.0
/*
 * Starts the roles, joins them by socket pairs, starts again what dies, ends all in order. It parses nothing that comes
 * from a role but "ready".
 */
#pragma once
#include "role/config.h"
#include "role/member.h"

struct supervisor_params {
	struct config *config;	 /* the supervisor's from here on */
	const char *config_path; /* read again at SIGHUP; NULL: none */
	struct member_options options;
	bool once; /* ends when all replays are kept */
	bool quiet;
};

/* Until SIGINT or SIGTERM. Returns 0, or 3 with the reason on stderr. */
int supervisor_run(const struct supervisor_params *p);

/* The text of a configuration in a sealed piece of memory; -1: failed. */
int supervisor_config_fd(const struct config *c);

/* Makes or takes the store's directory and hands what lies in it to the roles' users, when root. */
int supervisor_directory(const char *dir, struct err *err) NODISCARD;
