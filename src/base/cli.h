// SPDX-License-Identifier: Apache-2.0
/*
 * The command line from row tables: parsing, --help, shell completion and the option list of the manual pages come from the same
 * rows. A command is a noun and a verb; words that fit nothing are answered with the valid ones and the nearest.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of every command. */
enum cli_exit {
	CLI_DONE = 0,		/* done */
	CLI_NEGATIVE = 1,	/* a negative result: check failed, not conforming */
	CLI_USAGE = 2,		/* the words of the call are off */
	CLI_FAILED = 3,		/* operating failure, also when only some named inputs failed */
	CLI_REFUSED = 4,	/* refused by policy */
};

enum cli_kind {
	CLI_FLAG,	/* bool */
	CLI_TEXT,	/* const char * */
	CLI_NUMBER,	/* uint64_t; suffixes k, M, G (powers of 1000) and Ki, Mi, Gi */
	CLI_LIST,	/* struct cli_list: repeatable text */
	CLI_CHOICE,	/* const char *, one of `arg` ("a|b|c") */
};

#define CLI_LIST_MAX 256
struct cli_list {
	const char *v[CLI_LIST_MAX];
	size_t n;
};

struct cli_option {
	const char *name;	/* without the dashes */
	char letter;		/* one-letter form, 0: none */
	enum cli_kind kind;
	size_t offset;		/* of the value in the command's options struct, set by CLI_FIELD */
	const char *arg;	/* name of the value for help: FILE, N, PREFIX; the choices of CLI_CHOICE; NULL for flags */
	const char *help;	/* one sentence without the full stop */
};

/* What every command gets beside its own options. */
struct cli_global {
	const char *config, *store;	/* NULL: default */
	bool json, verbose, quiet;
};

struct cli_command {
	const char *noun, *verb;	/* verb NULL: the noun alone is the command */
	const char *args;		/* positional arguments for help: "FILE...", "[FILE...]"; NULL: none */
	const char *summary;		/* one line */
	const struct cli_option *options;
	size_t n_options;
	size_t options_size;		/* of the options struct; handed to run() zeroed, then filled */
	/* Returns an enum cli_exit. argv are the positional arguments, argc of them. */
	int (*run)(const struct cli_global *global, const void *options, int argc, char **argv);
};

/* A noun and its commands. */
struct cli_noun {
	const char *noun, *summary;
	const struct cli_command *commands;
	size_t n;
};

/* Finds the command, parses and runs it. `version` is printed by --version. Returns the exit code. */
int cli_main(const char *version, const struct cli_noun *nouns, size_t n_nouns, int argc, char **argv);

/* A completion script of bash for all commands, an mdoc(7) option list of one noun; to stdout. Used by `sakimori` itself at build time. */
void cli_print_completion(const struct cli_noun *nouns, size_t n_nouns);
void cli_print_manual(const struct cli_noun *noun);
