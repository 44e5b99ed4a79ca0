// SPDX-License-Identifier: Apache-2.0
#include "base/cli.h"
#include "base/clitext.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One call on its way: what is left of the words, what was found in them so far. */
struct call {
	const struct cli_noun *nouns;
	size_t n_nouns;
	int argc, at; /* the word that is looked at */
	char **argv;
	int n_args; /* arguments so far; they are moved to the front of argv */
	const struct cli_noun *noun;
	const struct cli_command *command;
	void *options; /* of `command` */
	struct cli_global global;
	bool help;			 /* --help, or the first word was "help" */
	bool ended;			 /* after "--" */
	const char *completion, *manual; /* the hidden words */
	bool manual_top, version;
};

static const char *shown(char out[128], const char *word)
{
	return text_escape(out, 128, word, strlen(word));
}

static int usage_hint(const struct call *call)
{
	if (call->command && call->command->verb)
		fprintf(stderr, "`sakimori help %s %s` tells more.\n", call->noun->noun, call->command->verb);
	else if (call->noun)
		fprintf(stderr, "`sakimori help %s` tells more.\n", call->noun->noun);
	else
		fprintf(stderr, "`sakimori --help` tells more.\n");
	return CLI_USAGE;
}

/* The nearest of the valid words so far, when it is near enough to be what was meant. */
struct nearest {
	const char *given, *word;
	unsigned distance;
};

static void nearest_try(struct nearest *n, const char *word)
{
	unsigned d = text_distance(n->given, word);
	if (!n->word || d < n->distance) {
		n->word = word;
		n->distance = d;
	}
	fprintf(stderr, " %s", word);
}

static int nearest_end(const struct nearest *n, const char *dashes, const struct call *call)
{
	fputc('\n', stderr);
	size_t length = strlen(n->given);
	if (n->word && n->distance <= 1 + length / 3 && n->distance < length)
		fprintf(stderr, "Did you mean `%s%s`?\n", dashes, n->word);
	return usage_hint(call);
}

static int unknown_noun(const struct call *call, const char *word)
{
	char buf[128];
	struct nearest n = { .given = word };
	fprintf(stderr, "sakimori: unknown noun `%s`; valid:", shown(buf, word));
	for (size_t i = 0; i < call->n_nouns; i++)
		nearest_try(&n, call->nouns[i].noun);
	return nearest_end(&n, "", call);
}

static int unknown_verb(const struct call *call, const char *word)
{
	char buf[128];
	struct nearest n = { .given = word };
	fprintf(stderr, "sakimori %s: unknown verb `%s`; valid:", call->noun->noun, shown(buf, word));
	for (size_t i = 0; i < call->noun->n; i++)
		if (call->noun->commands[i].verb)
			nearest_try(&n, call->noun->commands[i].verb);
	return nearest_end(&n, "", call);
}

static int unknown_option(const struct call *call, const char *word)
{
	char buf[128], name[64];
	snprintf(name, sizeof name, "%.*s", (int)strcspn(word + strspn(word, "-"), "="), word + strspn(word, "-"));
	struct nearest n = { .given = name };
	fprintf(stderr, "sakimori: unknown option `%s`; valid:", shown(buf, word));
	if (call->command)
		for (size_t i = 0; i < call->command->n_options; i++)
			nearest_try(&n, call->command->options[i].name);
	for (size_t i = 0; i < clitext_n_global; i++)
		nearest_try(&n, clitext_global[i].name);
	nearest_try(&n, "help");
	return nearest_end(&n, "--", call);
}

int cli_number(const char *text, uint64_t *out)
{
	static const struct {
		const char *suffix;
		uint64_t unit;
	} units[] = {
		{ "", 1 },
		{ "k", 1000 },
		{ "M", 1000000 },
		{ "G", 1000000000 },
		{ "Ki", 1ull << 10 },
		{ "Mi", 1ull << 20 },
		{ "Gi", 1ull << 30 },
	};
	if (*text < '0' || *text > '9')
		return -1;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno)
		return -1;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(end, units[i].suffix) == 0)
			return __builtin_mul_overflow((uint64_t)v, units[i].unit, out) ? -1 : 0;
	return -1;
}

static bool choice_fits(const char *choices, const char *value)
{
	size_t n = strlen(value);
	for (const char *p = choices; n; p++) {
		size_t len = strcspn(p, "|");
		if (len == n && memcmp(p, value, n) == 0)
			return true;
		p += len;
		if (!*p)
			break;
	}
	return false;
}

static int set_option(const struct call *call, const struct cli_option *o, void *base, const char *value)
{
	char buf[128];
	char *at = (char *)base + o->offset;
	switch (o->kind) {
	case CLI_FLAG:
		*(bool *)(void *)at = true;
		return 0;
	case CLI_NUMBER:
		if (cli_number(value, (uint64_t *)(void *)at) == 0)
			return 0;
		fprintf(stderr, "sakimori: --%s wants a number (also with k, M, G, Ki, Mi, Gi), not `%s`\n", o->name,
			shown(buf, value));
		return usage_hint(call);
	case CLI_LIST: {
		struct cli_list *list = (struct cli_list *)(void *)at;
		if (list->n == CLI_LIST_MAX) {
			fprintf(stderr, "sakimori: more than %d times --%s\n", CLI_LIST_MAX, o->name);
			return usage_hint(call);
		}
		list->v[list->n++] = value;
		return 0;
	}
	case CLI_CHOICE:
		if (!choice_fits(o->arg, value)) {
			fprintf(stderr, "sakimori: --%s is one of %s, not `%s`\n", o->name, o->arg, shown(buf, value));
			return usage_hint(call);
		}
		break;
	case CLI_TEXT:
		break;
	}
	*(const char **)(void *)at = value;
	return 0;
}

/* The row for `name` (n bytes) or for `letter`; *base becomes the struct its offset counts in. */
static const struct cli_option *find_option(struct call *call, const char *name, size_t n, char letter, void **base)
{
	const struct cli_option *rows[] = { call->command ? call->command->options : NULL, clitext_global };
	size_t counts[] = { call->command ? call->command->n_options : 0, clitext_n_global };
	void *bases[] = { call->options, &call->global };
	for (size_t r = 0; r < 2; r++)
		for (size_t i = 0; i < counts[r]; i++) {
			const struct cli_option *o = &rows[r][i];
			if (name ? strlen(o->name) == n && memcmp(o->name, name, n) == 0
				 : o->letter && o->letter == letter) {
				*base = bases[r];
				return o;
			}
		}
	return NULL;
}

/* The next word as the value of an option; NULL and a message when there is none. */
static const char *next_value(struct call *call, const char *option)
{
	if (call->at + 1 < call->argc)
		return call->argv[++call->at];
	char buf[128];
	fprintf(stderr, "sakimori: %s wants a value\n", shown(buf, option));
	usage_hint(call);
	return NULL;
}

/* Words that no help text names: they serve the build and the packages. */
static int hidden_option(struct call *call, const char *word)
{
	if (strcmp(word, "--version") == 0) {
		call->version = true;
		return 0;
	}
	if (strcmp(word, "--completion") == 0 && !call->noun)
		return (call->completion = next_value(call, word)) ? 0 : CLI_USAGE;
	if (strcmp(word, "--manual") == 0 && !call->noun) {
		if (call->at + 1 < call->argc)
			call->manual = call->argv[++call->at];
		else
			call->manual_top = true;
		return 0;
	}
	return -1;
}

static int long_option(struct call *call, const char *word)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t n = equals ? (size_t)(equals - name) : strlen(name);
	if (strcmp(name, "help") == 0) {
		call->help = true;
		return 0;
	}
	int hidden = hidden_option(call, word);
	if (hidden >= 0)
		return hidden;
	void *base;
	const struct cli_option *o = find_option(call, name, n, 0, &base);
	if (!o)
		return unknown_option(call, word);
	if (o->kind == CLI_FLAG) {
		if (!equals)
			return set_option(call, o, base, NULL);
		fprintf(stderr, "sakimori: --%s takes no value\n", o->name);
		return usage_hint(call);
	}
	const char *value = equals ? equals + 1 : next_value(call, word);
	return value ? set_option(call, o, base, value) : CLI_USAGE;
}

static int short_options(struct call *call, const char *word)
{
	for (const char *p = word + 1; *p; p++) {
		if (*p == 'h') {
			call->help = true;
			continue;
		}
		void *base;
		const struct cli_option *o = find_option(call, NULL, 0, *p, &base);
		if (!o)
			return unknown_option(call, word);
		int r;
		if (o->kind == CLI_FLAG) {
			r = set_option(call, o, base, NULL);
		} else {
			const char *value = p[1] ? p + 1 : next_value(call, word);
			return value ? set_option(call, o, base, value) : CLI_USAGE;
		}
		if (r)
			return r;
	}
	return 0;
}

static int take_command(struct call *call, const struct cli_command *command)
{
	call->command = command;
	/* calloc(0) may give NULL; one byte more costs nothing. */
	call->options = calloc(1, command->options_size + 1);
	if (call->options)
		return 0;
	fprintf(stderr, "sakimori: no memory\n");
	return CLI_FAILED;
}

static int take_noun(struct call *call, const char *word)
{
	if (strcmp(word, "help") == 0 && !call->help) {
		call->help = true;
		return 0;
	}
	for (size_t i = 0; i < call->n_nouns; i++)
		if (strcmp(call->nouns[i].noun, word) == 0)
			call->noun = &call->nouns[i];
	if (!call->noun)
		return unknown_noun(call, word);
	/* A noun that is a command and has no verbs: its options may follow at once. */
	if (call->noun->n == 1 && !call->noun->commands[0].verb)
		return take_command(call, &call->noun->commands[0]);
	return 0;
}

static int take_word(struct call *call, char *word)
{
	if (!call->noun)
		return take_noun(call, word);
	if (!call->command) {
		const struct cli_command *bare = NULL;
		for (size_t i = 0; i < call->noun->n; i++) {
			const struct cli_command *c = &call->noun->commands[i];
			if (!c->verb)
				bare = c;
			else if (strcmp(c->verb, word) == 0)
				return take_command(call, c);
		}
		if (!bare)
			return unknown_verb(call, word);
		int r = take_command(call, bare);
		if (r)
			return r;
	}
	call->argv[call->n_args++] = word;
	return 0;
}

static int parse_words(struct call *call)
{
	for (call->at = 1; call->at < call->argc; call->at++) {
		char *word = call->argv[call->at];
		int r;
		if (call->ended || word[0] != '-' || !word[1])
			r = take_word(call, word);
		else if (strcmp(word, "--") == 0)
			r = (call->ended = true, 0);
		else if (word[1] == '-')
			r = long_option(call, word);
		else
			r = short_options(call, word);
		if (r)
			return r;
	}
	if (!call->noun || call->command)
		return 0;
	for (size_t i = 0; i < call->noun->n; i++)
		if (!call->noun->commands[i].verb)
			return take_command(call, &call->noun->commands[i]);
	return 0;
}

/* Counts the arguments against "ID [FILE...]". */
static int check_args(const struct call *call)
{
	const char *args = call->command->args;
	int least = 0, most = 0;
	for (const char *p = args ? args : ""; *p;) {
		size_t n = strcspn(p, " ");
		least += *p != '[';
		most = most < 0 || memmem(p, n, "...", 3) ? -1 : most + 1;
		p += n;
		p += *p == ' ';
	}
	if (call->n_args < least)
		fprintf(stderr, "sakimori: missing argument, wanted: %s\n", args);
	else if (most >= 0 && call->n_args > most && !most)
		fprintf(stderr, "sakimori: no arguments are taken here\n");
	else if (most >= 0 && call->n_args > most)
		fprintf(stderr, "sakimori: too many arguments, wanted: %s\n", args);
	else
		return 0;
	return usage_hint(call);
}

static int print_hidden(const struct call *call)
{
	if (call->manual_top) {
		cli_print_manual_top(call->nouns, call->n_nouns);
		return CLI_DONE;
	}
	if (call->manual) {
		for (size_t i = 0; i < call->n_nouns; i++)
			if (strcmp(call->nouns[i].noun, call->manual) == 0) {
				cli_print_manual(&call->nouns[i]);
				return CLI_DONE;
			}
		return unknown_noun(call, call->manual);
	}
	if (strcmp(call->completion, "bash") != 0) {
		fprintf(stderr, "sakimori: completion is made for bash alone\n");
		return CLI_USAGE;
	}
	cli_print_completion(call->nouns, call->n_nouns);
	return CLI_DONE;
}

static int print_help(const struct call *call)
{
	FILE *out = call->help ? stdout : stderr;
	if (call->command)
		clitext_help_command(out, call->command);
	else if (call->noun)
		clitext_help_noun(out, call->noun);
	else
		clitext_help_top(out, call->nouns, call->n_nouns);
	return call->help ? CLI_DONE : CLI_USAGE;
}

static int dispatch(struct call *call, const char *version)
{
	int r = parse_words(call);
	if (r)
		return r;
	if (call->version) {
		printf("sakimori %s\n", version);
		return CLI_DONE;
	}
	if (call->completion || call->manual || call->manual_top)
		return print_hidden(call);
	if (call->help || !call->command)
		return print_help(call);
	if (call->global.verbose && call->global.quiet) {
		fprintf(stderr, "sakimori: -v and -q exclude each other\n");
		return usage_hint(call);
	}
	r = check_args(call);
	if (r)
		return r;
	call->argv[call->n_args] = NULL;
	return call->command->run(&call->global, call->options, call->n_args, call->argv);
}

int cli_main(const char *version, const struct cli_noun *nouns, size_t n_nouns, int argc, char **argv)
{
	struct call call = { .nouns = nouns, .n_nouns = n_nouns, .argc = argc, .argv = argv };
	int r = dispatch(&call, version);
	free(call.options);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "sakimori: standard output: %s\n", strerror(errno));
		return r == CLI_DONE || r == CLI_NEGATIVE ? CLI_FAILED : r;
	}
	return r;
}
