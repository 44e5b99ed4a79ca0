// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t text_size;
static struct json j;

static void begin(void)
{
	FILE *out = open_memstream(&text, &text_size);
	assert_non_null(out);
	json_init(&j, out);
}

static void end(const char *want)
{
	json_line(&j);
	fclose(j.out);
	char *got = text;
	text = NULL;
	size_t n = strlen(got);
	bool same = n == strlen(want) + 1 && got[n - 1] == '\n' && memcmp(got, want, n - 1) == 0;
	if (!same)
		printf("got %s", got);
	free(got);
	assert_true(same);
}

static void nesting(void **state)
{
	begin();
	json_object(&j, NULL);
	json_u64(&j, "a", UINT64_MAX);
	json_array(&j, "b");
	json_i64(&j, NULL, INT64_MIN);
	json_bool(&j, NULL, true);
	json_null(&j, NULL);
	json_object(&j, NULL);
	json_end(&j, '}');
	json_array(&j, NULL);
	json_end(&j, ']');
	json_end(&j, ']');
	json_str(&j, "c", NULL);
	json_time(&j, "t", 1);
	json_hex(&j, "x", (const uint8_t *)"\x00\xff", 2);
	json_end(&j, '}');
	end("{\"a\":18446744073709551615,\"b\":[-9223372036854775808,true,null,{},[]],\"c\":null,"
	    "\"t\":\"1970-01-01T00:00:00.000000001Z\",\"x\":\"00ff\"}");
}

static void two_lines(void **state)
{
	begin();
	json_array(&j, NULL);
	json_end(&j, ']');
	json_line(&j);
	json_object(&j, NULL);
	json_end(&j, '}');
	end("[]\n{}");
}

static void outside_bytes(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *want;
	} cases[] = {
		{ "plain", 5, "\"plain\"" },
		{ "\"\\/", 3, "\"\\\"\\\\/\"" },
		{ "a\0b", 3, "\"a\\u0000b\"" },
		{ "\n\t\x1b\x7f", 4, "\"\\u000a\\u0009\\u001b\\u007f\"" },
		{ "\xff\xfe", 2, "\"\\ufffd\\ufffd\"" },
		{ "\xe9\x98\xb2\xe4\xba\xba", 6, "\"\xe9\x98\xb2\xe4\xba\xba\"" },
		{ "\xe9\x98", 2, "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "", 0, "\"\"" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin();
		json_strn(&j, NULL, cases[i].in, cases[i].n);
		end(cases[i].want);
	}
	begin();
	json_object(&j, NULL);
	json_u64(&j, "a\"\xff", 1);
	json_end(&j, '}');
	end("{\"a\\\"\\ufffd\":1}");
}

static void doubles(void **state)
{
	static const struct {
		double v;
		const char *want;
	} cases[] = {
		{ 0.5, "0.5" },
		{ -1e300, "-1e+300" },
		{ 1.0 / 3, "0.333333333" },
		{ NAN, "null" },
		{ INFINITY, "null" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin();
		json_double(&j, NULL, cases[i].v);
		end(cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nesting), cmocka_unit_test(two_lines),
		cmocka_unit_test(outside_bytes), cmocka_unit_test(doubles) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
