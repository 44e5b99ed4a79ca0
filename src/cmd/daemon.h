// SPDX-License-Identifier: Apache-2.0
/* sakimori run: the daemon, and what can be asked of its configuration without starting it. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun run_noun;
