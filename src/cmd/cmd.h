// SPDX-License-Identifier: Apache-2.0
/* The commands of each noun, for the table in main.c: one file a noun. */
#pragma once
#include "base/cli.h"

enum { CMD_RANGE_N = 1 };
extern const struct cli_command cmd_range[CMD_RANGE_N];
