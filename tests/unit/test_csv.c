// SPDX-License-Identifier: Apache-2.0
#include "codec/csv.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

/* Rows as "line:field|field;". */
static int note(void *arg, const struct csv_row *row, struct err *err)
{
	char *out = arg;
	size_t n = strlen(out);
	n += (size_t)sprintf(out + n, "%zu:", row->line);
	for (size_t i = 0; i < row->n; i++)
		n += (size_t)sprintf(out + n, "%s%s", i ? "|" : "", row->field[i]);
	strcpy(out + n, ";");
	return strcmp(row->field[0], "stop") == 0 ? err_set(err, -7, "no more") : 0;
}

static struct bytes bytes_of(const char *s, size_t n)
{
	return (struct bytes){ (const uint8_t *)s, n };
}

static const struct {
	const char *name, *text, *want;
	int code;
	const char *err;
	bool comments, trim;
} cases[] = {
	{ "nothing", "", "" },
	{ "one row without an end", "a,b", "1:a|b;" },
	{ "all line ends", "a\r\nb\nc\rd", "1:a;2:b;3:c;4:d;" },
	{ "empty fields", ",,\n", "1:||;" },
	{ "empty lines", "\n\na\n\nb\n", "3:a;5:b;" },
	{ "quotes", "\"a,b\",\"say \"\"x\"\"\",\"\"\n", "1:a,b|say \"x\"|;" },
	{ "lines within quotes", "\"a\r\nb\nc\",d\ne\n", "1:a\r\nb\nc|d;4:e;" },
	{ "a mark in front",
		"\xef\xbb\xbf"
		"a\n",
		"1:a;" },
	{ "spaces stay", " a , b\n", "1: a | b;" },
	{ "spaces trimmed", " a \t, \" b \" ,c d\n", "1:a| b |c d;", .trim = true },
	{ "comments", "# x\"y\na\n#b\n", "2:a;", .comments = true },
	{ "no comments", "#a\n", "1:#a;" },
	{ "no quote at the end", "a\n\"b\nc\n", "1:a;", CSV_MALFORMED, "list:2: the quote that opens here has no end" },
	{ "quote within", "a\nb\"c\n", "1:a;", CSV_MALFORMED, "list:2: a quote within a field that isn't quoted" },
	{ "text behind the quote", "\"a\"b\n", "", CSV_MALFORMED, "list:1: text behind a closing quote" },
	{ "only the whole word stops", "\"stop\nx\"\nb\n", "1:stop\nx;3:b;" },
	{ "stopped with its line", "a\n\nstop,\"\n\n\"\nb\n", "1:a;3:stop|\n\n;", CSV_STOPPED, "list:3: no more" },
};

static void texts(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[256] = "";
		struct err err = { "" };
		struct csv_options o = { "list", cases[i].comments, cases[i].trim, note, out };
		print_message("%s\n", cases[i].name);
		assert_int_equal(csv_parse(bytes_of(cases[i].text, strlen(cases[i].text)), &o, &err), cases[i].code);
		assert_string_equal(out, cases[i].want);
		assert_string_equal(err.text, cases[i].err ? cases[i].err : "");
	}
}

static void limits(void **state)
{
	char out[256] = "", commas[CSV_MAX_FIELDS + 1];
	struct err err = { "" };
	struct csv_options o = { .name = "list", .row = note, .arg = out };
	memset(commas, ',', sizeof commas);
	assert_int_equal(csv_parse(bytes_of(commas, CSV_MAX_FIELDS - 1), &o, &err), CSV_OK);
	assert_int_equal(csv_parse(bytes_of(commas, CSV_MAX_FIELDS), &o, &err), CSV_LIMIT);
	assert_string_equal(err.text, "list:1: more than 64 fields");
	char *big = malloc(CSV_MAX_ROW + 1);
	memset(big, 'a', CSV_MAX_ROW + 1);
	assert_int_equal(csv_parse(bytes_of(big, CSV_MAX_ROW), &o, &err), CSV_LIMIT);
	free(big);
	assert_int_equal(csv_parse(bytes_of("a\0b", 3), &o, &err), CSV_MALFORMED);
	assert_string_equal(err.text, "list:1: a NUL byte");
}

static int ignore(void *arg, const struct csv_row *row, struct err *err)
{
	size_t *rows = arg;
	assert_true(row->n >= 1);
	++*rows;
	return 0;
}

/* A text cut at any byte gives the rows before the cut, at most one more, and never a read too far. */
static void cut_anywhere(void **state)
{
	static const char text[] = "a,b\r\n\"x\"\"\r\ny\",z\r\n,,\r\n\"\"\r\nlast,row";
	size_t before = 0;
	for (size_t n = 0; n < sizeof text; n++) {
		size_t rows = 0;
		char *copy = malloc(n ? n : 1);
		memcpy(copy, text, n);
		struct csv_options o = { .row = ignore, .arg = &rows };
		struct err err;
		int code = csv_parse(bytes_of(copy, n), &o, &err);
		assert_true(code == CSV_OK || code == CSV_MALFORMED);
		free(copy);
		assert_true(rows + 1 >= before && rows <= before + 1);
		before = rows;
	}
	assert_int_equal(before, 5);
}

static void writes(void **state)
{
	static const char *const fields[] = { "a", "b,c", "say \"x\"", "two\nlines", " blank", "#", NULL };
	static const char *const empty[] = { "" };
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	csv_put(f, fields, 7);
	csv_put(f, empty, 1);
	fclose(f);
	assert_string_equal(text, "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\",\" blank\",\"#\",\r\n\"\"\r\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts), cmocka_unit_test(limits),
		cmocka_unit_test(cut_anywhere), cmocka_unit_test(writes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
