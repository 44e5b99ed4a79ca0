// SPDX-License-Identifier: Apache-2.0
#include "base/clitext.h"

#include <string.h>

const struct cli_option clitext_global[] = {
	{ "config", 0, CLI_TEXT, CLI_FIELD(struct cli_global, config), "FILE",
		"configuration of the daemon; other commands take store.directory from it" },
	{ "store", 0, CLI_TEXT, CLI_FIELD(struct cli_global, store), "DIR", "use the store in this directory" },
	{ "json", 0, CLI_FLAG, CLI_FIELD(struct cli_global, json), NULL, "print one JSON object a line" },
	{ "verbose", 'v', CLI_FLAG, CLI_FIELD(struct cli_global, verbose), NULL, "tell more on standard error" },
	{ "quiet", 'q', CLI_FLAG, CLI_FIELD(struct cli_global, quiet), NULL, "tell only failures on standard error" },
};
const size_t clitext_n_global = sizeof clitext_global / sizeof *clitext_global;

#define LEFT_COLUMN 28

static const char *value_name(const struct cli_option *o)
{
	return o->kind == CLI_FLAG ? NULL : o->arg ? o->arg : o->kind == CLI_NUMBER ? "N" : "TEXT";
}

static void help_options(FILE *out, const struct cli_option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct cli_option *o = &options[i];
		const char *value = value_name(o);
		char left[160], letter[8] = "    ";
		if (o->letter)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		int w = snprintf(
			left, sizeof left, "  %s--%s%s%s", letter, o->name, value ? " " : "", value ? value : "");
		if (w >= LEFT_COLUMN)
			fprintf(out, "%s\n%*s%s", left, LEFT_COLUMN, "", o->help);
		else
			fprintf(out, "%-*s%s", LEFT_COLUMN, left, o->help);
		fputs(o->kind == CLI_LIST ? " (repeatable)\n" : "\n", out);
	}
}

static void help_usage(FILE *out, const struct cli_command *c)
{
	fprintf(out, "sakimori %s%s%s%s%s%s\n", c->noun, c->verb ? " " : "", c->verb ? c->verb : "",
		c->n_options ? " [OPTION...]" : "", c->args ? " " : "", c->args ? c->args : "");
}

void clitext_help_top(FILE *out, const struct cli_noun *nouns, size_t n_nouns)
{
	fputs("usage: sakimori [--config FILE] [--store DIR] [--json] [-v|-q] NOUN VERB [OPTION...] [ARGUMENT...]\n"
	      "       sakimori help NOUN [VERB]\n"
	      "       sakimori --version\n\n"
	      "Guards the frontier between the Internet of Things and the Internet.\n\nnouns:\n",
		out);
	for (size_t i = 0; i < n_nouns; i++)
		fprintf(out, "  %-12s %s\n", nouns[i].noun, nouns[i].summary);
	fputs("\nglobal options:\n", out);
	help_options(out, clitext_global, clitext_n_global);
}

void clitext_help_noun(FILE *out, const struct cli_noun *noun)
{
	fprintf(out, "%s: %s\n\n", noun->noun, noun->summary);
	for (size_t i = 0; i < noun->n; i++) {
		fputs("  ", out);
		help_usage(out, &noun->commands[i]);
		fprintf(out, "      %s\n", noun->commands[i].summary);
	}
	fprintf(out, "\n`sakimori help %s VERB` tells the options.\n", noun->noun);
}

void clitext_help_command(FILE *out, const struct cli_command *c)
{
	fputs("usage: ", out);
	help_usage(out, c);
	fprintf(out, "\n%s\n", c->summary);
	if (c->n_options) {
		fputs("\noptions:\n", out);
		help_options(out, c->options, c->n_options);
	}
	fputs("\nglobal options:\n", out);
	help_options(out, clitext_global, clitext_n_global);
}

/* How bash completes a value: by file, by directory, from a list of words, not at all. */
static void completion_value(const struct cli_option *o)
{
	const char *arg = value_name(o);
	if (o->kind == CLI_CHOICE) {
		fputs("words='", stdout);
		for (; *arg; arg++)
			putchar(*arg == '|' ? ' ' : *arg);
		fputs("'", stdout);
	} else if (strstr(arg, "FILE")) {
		fputs("kind=file", stdout);
	} else if (strstr(arg, "DIR")) {
		fputs("kind=dir", stdout);
	} else {
		fputs("kind=none", stdout);
	}
}

static void completion_values(const char *noun, const char *verb, const struct cli_option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct cli_option *o = &options[i];
		if (o->kind == CLI_FLAG)
			continue;
		printf("\t%s%s%s:--%s", noun, *verb ? "," : "", verb, o->name);
		if (o->letter)
			printf("|%s%s%s:-%c", noun, *verb ? "," : "", verb, o->letter);
		fputs(") ", stdout);
		completion_value(o);
		puts(" ;;");
	}
}

static void completion_names(const struct cli_option *options, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf(" --%s", options[i].name);
}

/* The words that may follow, for each place in the line: "" (top), "NOUN", "NOUN,VERB". */
static void completion_places(const struct cli_noun *nouns, size_t n_nouns)
{
	puts("\tcase \"$place\" in");
	fputs("\t'') words='help", stdout);
	for (size_t i = 0; i < n_nouns; i++)
		printf(" %s", nouns[i].noun);
	puts("' options=\"$global --version\" ;;");
	for (size_t i = 0; i < n_nouns; i++) {
		printf("\t%s) words='", nouns[i].noun);
		for (size_t k = 0; k < nouns[i].n; k++)
			if (nouns[i].commands[k].verb)
				printf("%s%s", k ? " " : "", nouns[i].commands[k].verb);
		fputs("' options=\"$global", stdout);
		for (size_t k = 0; k < nouns[i].n; k++)
			if (!nouns[i].commands[k].verb)
				completion_names(nouns[i].commands[k].options, nouns[i].commands[k].n_options);
		puts("\" ;;");
		for (size_t k = 0; k < nouns[i].n; k++) {
			const struct cli_command *c = &nouns[i].commands[k];
			if (!c->verb)
				continue;
			printf("\t%s,%s) options=\"$global", c->noun, c->verb);
			completion_names(c->options, c->n_options);
			printf("\"%s ;;\n", c->args && strstr(c->args, "FILE") ? " kind=file" : "");
		}
	}
	puts("\tesac");
}

void cli_print_completion(const struct cli_noun *nouns, size_t n_nouns)
{
	puts("# bash completion for sakimori; made by `sakimori --completion bash`\n"
	     "_sakimori()\n{\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev='' place='' depth=0 i word words='' options='' kind=''");
	fputs("\tlocal global='", stdout);
	completion_names(clitext_global, clitext_n_global);
	puts(" --help'\n"
	     "\tCOMPREPLY=()\n"
	     "\t(( COMP_CWORD > 0 )) && prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	     "\tif [[ $cur == '=' ]]; then cur=''\n"
	     "\telif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	     "\tfor (( i = 1; i < COMP_CWORD && depth < 2; i++ )); do\n"
	     "\t\tword=${COMP_WORDS[i]}\n"
	     "\t\tcase \"$word\" in\n"
	     "\t\t--config|--store) [[ ${COMP_WORDS[i+1]} == '=' ]] && i=$((i + 1)); i=$((i + 1)) ;;\n"
	     "\t\t-*|=|help) ;;\n"
	     "\t\t*) place+=${place:+,}$word; depth=$((depth + 1)) ;;\n"
	     "\t\tesac\n"
	     "\tdone\n"
	     "\tcase \"$place:$prev\" in\n"
	     "\t*:--config) kind=file ;;\n"
	     "\t*:--store) kind=dir ;;");
	for (size_t i = 0; i < n_nouns; i++)
		for (size_t k = 0; k < nouns[i].n; k++) {
			const struct cli_command *c = &nouns[i].commands[k];
			completion_values(c->noun, c->verb ? c->verb : "", c->options, c->n_options);
		}
	puts("\t*)");
	completion_places(nouns, n_nouns);
	puts("\t;;\n\tesac\n"
	     "\tif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	     "\telif [[ $kind == file ]]; then COMPREPLY=($(compgen -f -- \"$cur\"))\n"
	     "\telif [[ $kind == dir ]]; then COMPREPLY=($(compgen -d -- \"$cur\"))\n"
	     "\telse COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")); fi\n"
	     "}\n"
	     "complete -o filenames -F _sakimori sakimori");
}

/* Free text for mdoc: a line must not begin with a control character, a backslash is a roff escape. */
static void manual_text(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s; s++)
		if (*s == '\\')
			fputs("\\e", stdout);
		else
			putchar(*s);
}

static void manual_options(const struct cli_option *options, size_t n)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < n; i++) {
		const struct cli_option *o = &options[i];
		const char *value = value_name(o);
		fputs(".It ", stdout);
		if (o->letter)
			printf("Fl %c , ", o->letter);
		printf("Fl Fl %s", o->name);
		if (value)
			printf(" Ar %s", value);
		putchar('\n');
		manual_text(o->help);
		puts(o->kind == CLI_LIST ? " (repeatable)." : ".");
	}
	puts(".El");
}

void cli_print_manual(const struct cli_noun *noun)
{
	for (size_t i = 0; i < noun->n; i++) {
		const struct cli_command *c = &noun->commands[i];
		printf(".Ss %s\n.Nm sakimori\n.Cm %s%s%s\n", c->verb ? c->verb : c->noun, c->noun, c->verb ? " " : "",
			c->verb ? c->verb : "");
		if (c->n_options)
			puts(".Op Ar OPTION ...");
		if (c->args)
			printf(".Ar %s\n", c->args);
		puts(".Pp");
		manual_text(c->summary);
		puts(".");
		if (c->n_options)
			manual_options(c->options, c->n_options);
	}
}

void cli_print_manual_top(const struct cli_noun *nouns, size_t n_nouns)
{
	puts(".Ss Global options");
	manual_options(clitext_global, clitext_n_global);
	if (n_nouns == 0)
		return;
	puts(".Ss Nouns\n.Bl -tag -width Ds");
	for (size_t i = 0; i < n_nouns; i++) {
		printf(".It Cm %s\n", nouns[i].noun);
		manual_text(nouns[i].summary);
		printf("; see\n.Xr sakimori-%s 1 .\n", nouns[i].noun);
	}
	puts(".El");
}
