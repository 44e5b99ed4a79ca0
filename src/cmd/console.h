// SPDX-License-Identifier: Apache-2.0
/* The console noun: what the pages are made of, asked from the command line. */
#pragma once
#include "base/cli.h"

extern const struct cli_noun console_noun;

/* docs/api.md. Hidden, for the build. */
void console_reference(void);
