// SPDX-License-Identifier: Apache-2.0
/* sakimori run: the daemon, and what can be asked of its configuration without starting it. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun run_noun;

/* One process of the daemon: how the supervisor starts this program again. Returns its exit code. */
int daemon_role(int argc, char **argv);
