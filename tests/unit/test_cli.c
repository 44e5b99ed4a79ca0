// SPDX-License-Identifier: Apache-2.0
#include "base/cli.h"
#include "base/clitext.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A made-up table: a noun with two verbs, a noun that is a command itself. */
struct paint_options {
	bool wet;
	const char *colour, *from;
	uint64_t coats;
	struct cli_list walls;
};

static const struct cli_option paint_rows[] = {
	{ "wet", 'w', CLI_FLAG, CLI_FIELD(struct paint_options, wet), NULL, "paint on wet ground" },
	{ "colour", 0, CLI_CHOICE, CLI_FIELD(struct paint_options, colour), "red|green", "the colour" },
	{ "from", 0, CLI_TEXT, CLI_FIELD(struct paint_options, from), "FILE", "read the plan" },
	{ "coats", 'n', CLI_NUMBER, CLI_FIELD(struct paint_options, coats), "N", "how many coats" },
	{ "wall", 0, CLI_LIST, CLI_FIELD(struct paint_options, walls), "WALL", "a wall" },
};

static struct {
	int calls, argc;
	struct cli_global global;
	struct paint_options options;
	char args[256];
} seen;

static int run_paint(const struct cli_global *global, const void *options, int argc, char **argv)
{
	seen.calls++;
	seen.argc = argc;
	seen.global = *global;
	memcpy(&seen.options, options, sizeof seen.options);
	seen.args[0] = 0;
	for (int i = 0; i < argc; i++)
		snprintf(seen.args + strlen(seen.args), sizeof seen.args - strlen(seen.args), "<%s>", argv[i]);
	assert_null(argv[argc]);
	return CLI_DONE;
}

static int run_plain(const struct cli_global *global, const void *options, int argc, char **argv)
{
	seen.calls++;
	seen.argc = argc;
	seen.global = *global;
	return CLI_NEGATIVE;
}

static const struct cli_command house_commands[] = {
	{ "house", "paint", "WALL...", "Paints a house", paint_rows, 5, sizeof(struct paint_options), run_paint },
	{ "house", "sell", "[BUYER]", "Sells a house", NULL, 0, 0, run_plain },
};
static const struct cli_command clock_commands[] = {
	{ "clock", NULL, NULL, "Tells the time", NULL, 0, 0, run_plain },
};
static const struct cli_noun nouns[] = {
	{ "house", "everything about houses", house_commands, 2 },
	{ "clock", "the time", clock_commands, 1 },
};

static char out[16384], err_out[4096];

static void slurp(FILE *f, char *to, size_t size)
{
	rewind(f);
	to[fread(to, 1, size - 1, f)] = 0;
	fclose(f);
}

/* Calls cli_main with the words of `line`; `out` and `err_out` get what was printed. */
static int call(const char *line)
{
	static char words[512];
	char *argv[64] = { (char *)"sakimori" }, *save = NULL;
	int argc = 1;
	snprintf(words, sizeof words, "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	memset(&seen, 0, sizeof seen);
	FILE *o = tmpfile(), *e = tmpfile();
	int keep_o = dup(1), keep_e = dup(2);
	fflush(stdout);
	dup2(fileno(o), 1);
	dup2(fileno(e), 2);
	int r = cli_main("1.2.3", nouns, 2, argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(keep_o, 1);
	dup2(keep_e, 2);
	close(keep_o);
	close(keep_e);
	slurp(o, out, sizeof out);
	slurp(e, err_out, sizeof err_out);
	return r;
}

static void exit_codes(void **state)
{
	static const struct {
		const char *line;
		int want, calls;
		const char *in_out, *in_err; /* NULL: nothing is printed there */
	} cases[] = {
		{ "", CLI_USAGE, 0, NULL, "usage: sakimori" },
		{ "--help", CLI_DONE, 0, "everything about houses", NULL },
		{ "-h", CLI_DONE, 0, "everything about houses", NULL },
		{ "help", CLI_DONE, 0, "everything about houses", NULL },
		{ "--version", CLI_DONE, 0, "sakimori 1.2.3\n", NULL },
		{ "house", CLI_USAGE, 0, NULL, "Paints a house" },
		{ "help house", CLI_DONE, 0, "Paints a house", NULL },
		{ "house --help", CLI_DONE, 0, "Sells a house", NULL },
		{ "help house paint", CLI_DONE, 0, "--colour red|green", NULL },
		{ "house paint --help", CLI_DONE, 0, "a wall (repeatable)", NULL },
		{ "house paint --help --colour red", CLI_DONE, 0, "--store DIR", NULL },
		{ "house paint north", CLI_DONE, 1, NULL, NULL },
		{ "house sell", CLI_NEGATIVE, 1, NULL, NULL },
		{ "clock", CLI_NEGATIVE, 1, NULL, NULL },
		{ "clock --json", CLI_NEGATIVE, 1, NULL, NULL },
		{ "hose paint", CLI_USAGE, 0, NULL, "unknown noun `hose`; valid: house clock\nDid you mean `house`?" },
		{ "help hose", CLI_USAGE, 0, NULL, "Did you mean `house`?" },
		{ "zzzzzz", CLI_USAGE, 0, NULL, "valid: house clock\n`sakimori --help`" },
		{ "house pant x", CLI_USAGE, 0, NULL, "unknown verb `pant`; valid: paint sell\nDid you mean `paint`?" },
		{ "house paint --color red x", CLI_USAGE, 0, NULL, "Did you mean `--colour`?" },
		{ "house paint -x y", CLI_USAGE, 0, NULL, "unknown option `-x`" },
		{ "--wet house paint x", CLI_USAGE, 0, NULL, "unknown option `--wet`" },
		{ "--jsn house paint x", CLI_USAGE, 0, NULL, "Did you mean `--json`?" },
		{ "house paint", CLI_USAGE, 0, NULL, "missing argument, wanted: WALL..." },
		{ "house sell a b", CLI_USAGE, 0, NULL, "too many arguments, wanted: [BUYER]" },
		{ "clock now", CLI_USAGE, 0, NULL, "no arguments are taken here" },
		{ "house paint --colour blue x", CLI_USAGE, 0, NULL, "--colour is one of red|green, not `blue`" },
		{ "house paint --colour= x", CLI_USAGE, 0, NULL, "--colour is one of" },
		{ "house paint --colour re x", CLI_USAGE, 0, NULL, "--colour is one of" },
		{ "house paint --coats many x", CLI_USAGE, 0, NULL, "--coats wants a number" },
		{ "house paint x --coats", CLI_USAGE, 0, NULL, "--coats wants a value" },
		{ "house paint x -n", CLI_USAGE, 0, NULL, "-n wants a value" },
		{ "house paint --wet=yes x", CLI_USAGE, 0, NULL, "--wet takes no value" },
		{ "-v clock -q", CLI_USAGE, 0, NULL, "exclude each other" },
		{ "\x1b[2J", CLI_USAGE, 0, NULL, "`\\x1b[2J`" },
		{ "--completion zsh", CLI_USAGE, 0, NULL, "bash alone" },
		{ "--completion bash", CLI_DONE, 0, "complete -o filenames -F _sakimori sakimori", NULL },
		{ "--manual house", CLI_DONE, 0, ".It Fl Fl colour Ar red|green\n", NULL },
		{ "--manual", CLI_DONE, 0, ".Xr sakimori-house 1 .", NULL },
		{ "--manual nought", CLI_USAGE, 0, NULL, "unknown noun" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int r = call(cases[i].line);
		bool good = r == cases[i].want && seen.calls == cases[i].calls;
		good = good && (cases[i].in_out ? strstr(out, cases[i].in_out) != NULL : !*out);
		good = good && (cases[i].in_err ? strstr(err_out, cases[i].in_err) != NULL : !*err_out);
		if (!good)
			fail_msg("`%s`: exit %d, %d calls, out `%s`, err `%s`", cases[i].line, r, seen.calls, out,
				err_out);
	}
}

static void values(void **state)
{
	assert_int_equal(
		call("--json house --store /s paint -wn3 a --colour green --wall=n b --wall s -v --from - -- --wet -"),
		0);
	assert_int_equal(seen.calls, 1);
	assert_true(seen.global.json && seen.global.verbose && !seen.global.quiet);
	assert_string_equal(seen.global.store, "/s");
	assert_null(seen.global.config);
	assert_true(seen.options.wet);
	assert_int_equal(seen.options.coats, 3);
	assert_string_equal(seen.options.colour, "green");
	assert_string_equal(seen.options.from, "-");
	assert_int_equal(seen.options.walls.n, 2);
	assert_string_equal(seen.options.walls.v[0], "n");
	assert_string_equal(seen.options.walls.v[1], "s");
	assert_string_equal(seen.args, "<a><b><--wet><->");

	assert_int_equal(call("house paint -"), 0);
	assert_string_equal(seen.args, "<->");
	assert_false(seen.options.wet);
	assert_null(seen.options.colour);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int want;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "7", 0, 7 },
		{ "5k", 0, 5000 },
		{ "2M", 0, 2000000 },
		{ "3G", 0, 3000000000 },
		{ "1Ki", 0, 1024 },
		{ "1Mi", 0, 1048576 },
		{ "1Gi", 0, 1073741824 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -1, 0 },
		{ "18446744073709551615k", -1, 0 },
		{ "", -1, 0 },
		{ "-1", -1, 0 },
		{ "+1", -1, 0 },
		{ " 1", -1, 0 },
		{ "1x", -1, 0 },
		{ "0x10", -1, 0 },
		{ "1K", -1, 0 },
		{ "k", -1, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t v = 0;
		int r = cli_number(cases[i].text, &v);
		if (r != cases[i].want || (r == 0 && v != cases[i].value))
			fail_msg("%s: %d %llu", cases[i].text, r, (unsigned long long)v);
	}
}

static void lists_have_a_limit(void **state)
{
	static char *argv[2 * CLI_LIST_MAX + 8];
	int argc = 0;
	argv[argc++] = (char *)"sakimori";
	argv[argc++] = (char *)"house";
	argv[argc++] = (char *)"paint";
	argv[argc++] = (char *)"x";
	for (int i = 0; i < CLI_LIST_MAX; i++)
		argv[argc++] = (char *)"--wall=w";
	memset(&seen, 0, sizeof seen);
	assert_int_equal(cli_main("1", nouns, 2, argc, argv), CLI_DONE);
	assert_int_equal(seen.options.walls.n, CLI_LIST_MAX);
	argv[1] = (char *)"house";
	argv[2] = (char *)"paint";
	argv[3] = (char *)"x";
	argv[0] = (char *)"sakimori";
	for (int i = 4; i < argc; i++)
		argv[i] = (char *)"--wall=w";
	argv[argc++] = (char *)"--wall=w";
	assert_int_equal(cli_main("1", nouns, 2, argc, argv), CLI_USAGE);
}

static void full_disk_is_a_failure(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	if (!full)
		skip();
	int keep = dup(1);
	fflush(stdout);
	dup2(fileno(full), 1);
	char *argv[] = { (char *)"sakimori", (char *)"--version", NULL };
	int r = cli_main("1", nouns, 2, 2, argv);
	clearerr(stdout);
	dup2(keep, 1);
	close(keep);
	fclose(full);
	assert_int_equal(r, CLI_FAILED);
}

static void every_global_option_is_helped(void **state)
{
	char want[64];
	assert_int_equal(call("help house paint"), CLI_DONE);
	for (size_t i = 0; i < clitext_n_global; i++) {
		snprintf(want, sizeof want, "--%s", clitext_global[i].name);
		assert_non_null(strstr(out, want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(exit_codes), cmocka_unit_test(values),
		cmocka_unit_test(numbers), cmocka_unit_test(lists_have_a_limit),
		cmocka_unit_test(full_disk_is_a_failure), cmocka_unit_test(every_global_option_is_helped) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
