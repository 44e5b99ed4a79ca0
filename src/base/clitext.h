// SPDX-License-Identifier: Apache-2.0
/* What the command line prints about itself: help from the rows of cli.h. Used by cli.c alone. */
#pragma once
#include "base/cli.h"
#include <stdio.h>

/* The rows of the global options; their offsets are those of struct cli_global. */
extern const struct cli_option clitext_global[];
extern const size_t clitext_n_global;

/* Help of the whole program, of one noun, of one command. */
void clitext_help_top(FILE *out, const struct cli_noun *nouns, size_t n_nouns);
void clitext_help_noun(FILE *out, const struct cli_noun *noun);
void clitext_help_command(FILE *out, const struct cli_command *command);
