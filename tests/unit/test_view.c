// SPDX-License-Identifier: Apache-2.0
/* Parameters of a question: what is taken, what is refused and with which words. */
#include "view/params.h"
#include "view/records.h"
#include "view/reporttable.h"
#include "view/shape.h"
#include "view/view.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000000000)
#define NOW  (INT64_C(1700000000) * 1000000000)

static int nothing(struct view_call *c, struct err *err)
{
	return 0;
}

static const struct view_param params[] = {
	{ "id", VIEW_TEXT, "which", .required = true },
	{ "from", VIEW_TIME, "from", .normal = "now-24h" },
	{ "limit", VIEW_NUMBER, "rows", .normal = "20" },
	{ "src", VIEW_PREFIX, "source" },
	{ "at", VIEW_ADDRESS, "address" },
	{ "by", VIEW_WORD, "by", .words = "port|class", .normal = "port" },
	{ "class", VIEW_WORDS, "classes", .words = "tcp_syn|udp|icmp" },
	{ "all", VIEW_FLAG, "all" },
	{ "lines", VIEW_TEXT, "text" },
};
static const struct view thing = { "GET", "/things/{id}/parts", VIEW_VIEWER, "A thing", params,
	sizeof params / sizeof *params, "{a: text}", nothing };
static const struct view change = { "POST", "/things/{id}", VIEW_ANALYST, "Changes a thing", params, 1, "{a: text}",
	nothing };
static const struct view *const extra[] = { &thing, &change, NULL };

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static int look(struct view_call *c, const char *path, const char *query, struct err *err)
{
	*c = (struct view_call){ .now_ns = NOW };
	return view_find(c, extra, &(struct view_ask){ "GET", path, text(query), { 0 } }, err);
}

static void good(void **state)
{
	struct view_call c;
	struct err err = { "" };
	assert_int_equal(
		look(&c, "/things/a%b/parts",
			"limit=5&src=192.0.2.0%2F24&at=2001:db8::1&by=class&class=udp,icmp&all=1&lines=a+b%0Ac", &err),
		0);
	assert_ptr_equal(c.view, &thing);
	assert_string_equal(view_text(&c, "id"), "a%b");
	assert_int_equal(view_number(&c, "limit", 1, 100), 5);
	assert_int_equal(view_number(&c, "limit", 7, 100), 7);
	assert_int_equal(view_number(&c, "limit", 1, 3), 3);
	assert_int_equal(view_value(&c, "src")->prefix.bits, 120);
	assert_int_equal(view_value(&c, "at")->prefix.addr.b[15], 1);
	assert_string_equal(view_text(&c, "by"), "class");
	assert_true(view_value(&c, "all")->flag);
	assert_string_equal(view_text(&c, "lines"), "a b\nc");
	assert_true(view_value(&c, "from")->ns == NOW - 24 * HOUR);
	view_done(&c);
	/* What a form leaves empty was not filled in; its proof is no parameter. */
	assert_int_equal(look(&c, "/things/1/parts", "src=&limit=&csrf=abc&lang=ja", &err), 0);
	assert_null(view_text(&c, "src"));
	assert_int_equal(view_number(&c, "limit", 1, 100), 20);
	view_done(&c);
}

static void bad(void **state)
{
	static const struct {
		const char *path, *query, *says;
		int code;
	} rows[] = {
		{ "/things/1/parts", "limit=-1", "limit: takes a number", VIEW_BAD },
		{ "/things/1/parts", "limit=9007199254740993", "limit: takes a number", VIEW_BAD },
		{ "/things/1/parts", "limit=99999999999999999999999", "limit: takes a number", VIEW_BAD },
		{ "/things/1/parts", "limit=1&limit=2", "limit: comes twice", VIEW_BAD },
		{ "/things/1/parts", "id=2", "id: comes twice", VIEW_BAD },
		{ "/things/1/parts", "other=1", "other: there is no such parameter", VIEW_BAD },
		{ "/things/1/parts", "o%1bther=1", "o\\x1bther: there is no such parameter", VIEW_BAD },
		{ "/things/1/parts", "src=192.0.2.1/24", "src: takes an address or prefix without host bits",
			VIEW_BAD },
		{ "/things/1/parts", "at=192.0.2.0/24", "at: takes an address", VIEW_BAD },
		{ "/things/1/parts", "by=clas", "by: takes port|class", VIEW_BAD },
		{ "/things/1/parts", "by=port|class", "by: takes port|class", VIEW_BAD },
		{ "/things/1/parts", "class=udp,tcp", "class: takes some of tcp_syn|udp|icmp", VIEW_BAD },
		{ "/things/1/parts", "all=yes", "all: takes true or false", VIEW_BAD },
		{ "/things/1/parts", "from=yesterday",
			"from: takes RFC 3339, a date, seconds since 1970, now or now-24h", VIEW_BAD },
		{ "/things/1/parts", "from=now-99999999999999w",
			"from: takes RFC 3339, a date, seconds since 1970, now or now-24h", VIEW_BAD },
		{ "/things/1/parts", "lines=%ff", "lines: is no UTF-8 text, or wrongly escaped", VIEW_BAD },
		{ "/things/1/parts", "lines=%0", "lines: is no UTF-8 text, or wrongly escaped", VIEW_BAD },
		{ "/things/1/parts", "lines=a%00b", "lines: is no UTF-8 text, or wrongly escaped", VIEW_BAD },
		{ "/things/1/parts", "=1", "a parameter's name can't be read", VIEW_BAD },
		{ "/things//parts", "", "there is no such path", VIEW_ABSENT },
		{ "/things/1/parts/", "", "there is no such path", VIEW_ABSENT },
		{ "/things/1/2/parts", "", "there is no such path", VIEW_ABSENT },
		{ "", "", "there is no such path", VIEW_ABSENT },
		{ "/things/1", "", "not with this method", VIEW_CONFLICT },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct view_call c;
		struct err err = { "" };
		int code = look(&c, rows[i].path, rows[i].query, &err);
		view_done(&c);
		assert_string_equal(err.text, rows[i].says);
		assert_int_equal(code, rows[i].code);
	}
}

static void many(void **state)
{
	struct view_call c;
	struct err err = { "" };
	char query[1000] = "";
	for (int i = 0; i < PARAMS_MAX + 1; i++)
		strcat(query, "lang=x&");
	assert_int_equal(look(&c, "/things/1/parts", query, &err), VIEW_BAD);
	assert_string_equal(err.text, "more than 40 parameters");
	view_done(&c);
}

static void times(void **state)
{
	int64_t t;
	assert_int_equal(params_time("now", NOW, &t), 0);
	assert_true(t == NOW);
	assert_int_equal(params_time("now-90m", NOW, &t), 0);
	assert_true(t == NOW - 3 * HOUR / 2);
	assert_int_equal(params_time("2023-11-14T22:13:20Z", NOW, &t), 0);
	assert_true(t == NOW);
	assert_int_equal(params_time("1700000000", NOW, &t), 0);
	assert_true(t == NOW);
	assert_int_equal(params_time("now-", NOW, &t), -1);
	assert_int_equal(params_time("now+1h", NOW, &t), -1);
	assert_int_equal(params_time("1969-01-01", NOW, &t), -1);
}

static void levels(void **state)
{
	struct view_who w = { .level = VIEW_ANALYST,
		.principal = { .n = 2, .tenants = { "a", "b" } },
		.in = { VIEW_VIEWER, VIEW_ANALYST } };
	struct view_call c = { .who = &w };
	struct err err = { "" };
	assert_int_equal(view_needs(&c, VIEW_VIEWER, "a", &err), 0);
	assert_int_equal(view_needs(&c, VIEW_ANALYST, "a", &err), VIEW_REFUSED);
	assert_int_equal(view_needs(&c, VIEW_ANALYST, "b", &err), 0);
	assert_int_equal(view_needs(&c, VIEW_VIEWER, "c", &err), VIEW_ABSENT);
	w.principal.all = true;
	assert_int_equal(view_needs(&c, VIEW_ANALYST, "c", &err), 0);
	assert_int_equal(view_needs(&c, VIEW_ADMIN, "b", &err), VIEW_REFUSED);
}

static void schema(void **state)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	struct json j;
	json_init(&j, f);
	shape_schema(&j, NULL, "{a: text|null, b?: [{c: integer}], d: {*: number}|null}");
	fclose(f);
	assert_string_equal(out,
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"string\",\"null\"]},\"b\":{\"type\":\"array\","
		"\"items\":{\"type\":\"object\",\"properties\":{\"c\":{\"type\":\"integer\"}},\"required\":[\"c\"]}},"
		"\"d\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":\"number\"}}},"
		"\"required\":[\"a\",\"d\"]}");
	free(out);
}

static void no_formulas_in_csv(void **state)
{
	static const struct {
		const char *text, *cell;
	} cases[] = {
		{ "plain", "plain" },
		{ "a,\"b\"", "\"a,\"\"b\"\"\"" },
		{ "=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"" },
		{ "@SUM(1)", "\"'@SUM(1)\"" },
		{ "\n=1", "\"'\n=1\"" },
		{ "\uff1d1+1", "\"'\uff1d1+1\"" },
		{ "\uff0b1", "\"'\uff0b1\"" },
		{ "\uff0d1", "\"'\uff0d1\"" },
		{ "\uff20A1", "\"'\uff20A1\"" },
		{ "\uff21", "\uff21" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct reportcolumn column = { .key = "k" };
		struct reportcell one = { .type = REPORT_TEXT };
		struct reporttable t = { .columns = &column, .columns_n = 1, .rows = 1, .cells = &one };
		char *cell = NULL, *table = NULL, want[64];
		size_t n = 0, table_n = 0;
		FILE *f = open_memstream(&cell, &n), *g = open_memstream(&table, &table_n);
		records_cell(f, cases[i].text);
		snprintf(one.text, sizeof one.text, "%s", cases[i].text);
		reporttable_csv(g, &t);
		fclose(f);
		fclose(g);
		assert_string_equal(cell, cases[i].cell);
		snprintf(want, sizeof want, cell[0] == '"' ? "k\r\n%s\r\n" : "k\r\n\"%s\"\r\n", cell);
		assert_string_equal(table, want);
		free(cell);
		free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(many),
		cmocka_unit_test(times),
		cmocka_unit_test(levels),
		cmocka_unit_test(schema),
		cmocka_unit_test(no_formulas_in_csv),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
