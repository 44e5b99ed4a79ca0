// SPDX-License-Identifier: Apache-2.0
/*
 * The command line from row tables: parsing, --help, shell completion and the option list of the
 * manual pages come from the same rows. A command is a noun and a verb; words that fit nothing are
 * answered with the valid ones and the nearest.
 *
 * Global options may stand anywhere, options of the command after its verb. `--name value` and
 * `--name=value`, `-n value` and `-nvalue` are the same; flags of one letter may be joined (-vn5).
 * `--` ends the options; `-` is an argument. The last of a repeated option counts, CLI_LIST gathers.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of every command. */
enum cli_exit {
	CLI_DONE = 0,	  /* done */
	CLI_NEGATIVE = 1, /* a negative result: check failed, not conforming */
	CLI_USAGE = 2,	  /* the words of the call are off */
	CLI_FAILED = 3,	  /* operating failure, also when only some named inputs failed */
	CLI_REFUSED = 4,  /* refused by policy */
};

enum cli_kind {
	CLI_FLAG,   /* bool */
	CLI_TEXT,   /* const char * */
	CLI_NUMBER, /* uint64_t; suffixes k, M, G (powers of 1000) and Ki, Mi, Gi */
	CLI_LIST,   /* struct cli_list: repeatable text */
	CLI_CHOICE, /* const char *, one of `arg` ("a|b|c") */
};

/* Offset for a row: { "dark", 0, CLI_LIST, CLI_FIELD(struct my_options, dark), "PREFIX", "..." }. */
#define CLI_FIELD(type, member) offsetof(type, member)

#define CLI_LIST_MAX 256 /* more of one option in a call is a usage error */
struct cli_list {
	const char *v[CLI_LIST_MAX];
	size_t n;
};

struct cli_option {
	const char *name; /* without the dashes */
	char letter;	  /* one-letter form, 0: none */
	enum cli_kind kind;
	size_t offset;	  /* of the value in the command's options struct, from CLI_FIELD */
	const char *arg;  /* name of the value for help: FILE and DIR are also completed, N, PREFIX;
			     the choices of CLI_CHOICE; NULL for flags */
	const char *help; /* one sentence without the full stop */
};

/* What every command gets beside its own options. */
struct cli_global {
	const char *config, *store; /* NULL: default */
	bool json, verbose, quiet;
};

struct cli_command {
	const char *noun, *verb; /* verb NULL: the noun alone is the command */
	const char *args;	 /* positional arguments: "FILE...", "[FILE...]", "ID [FILE]"; NULL: none.
				    Too few or too many are a usage error before run() is called */
	const char *summary;	 /* one line */
	const struct cli_option *options;
	size_t n_options;
	size_t options_size; /* of the options struct; handed to run() zeroed, then filled */
	/* Returns an enum cli_exit. argv are the positional arguments, argc of them. */
	int (*run)(const struct cli_global *global, const void *options, int argc, char **argv);
};

/* A noun and its commands. */
struct cli_noun {
	const char *noun, *summary;
	const struct cli_command *commands;
	size_t n;
};

/*
 * Finds the command, parses and runs it; reorders argv. Returns the exit code: what run() returned, but
 * CLI_FAILED when standard output could not be written. Hidden words for the build: `--completion bash`,
 * `--manual [NOUN]`.
 */
int cli_main(const char *version, const struct cli_noun *nouns, size_t n_nouns, int argc, char **argv);

/*
 * Reads a number as CLI_NUMBER does: decimal digits, then k, M, G (powers of 1000) or Ki, Mi, Gi.
 * Returns 0, -1 when the text is no such number or does not fit.
 */
int cli_number(const char *text, uint64_t *out);

/* A completion script of bash for all commands; to stdout. */
void cli_print_completion(const struct cli_noun *nouns, size_t n_nouns);

/* The mdoc(7) list of the commands and options of one noun; to stdout. */
void cli_print_manual(const struct cli_noun *noun);

/* The mdoc(7) lists of the global options and of the nouns; to stdout. */
void cli_print_manual_top(const struct cli_noun *nouns, size_t n_nouns);
