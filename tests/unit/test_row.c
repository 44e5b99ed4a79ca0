// SPDX-License-Identifier: Apache-2.0
/* The row tables (row, kinds). */
#include "model/case.h"
#include "model/decision.h"
#include "model/gap.h"
#include "model/sensor.h"
#include "model/signal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void lists(void **state)
{
	char list[12] = "", item[8];
	static const struct {
		const char *item;
		bool fits;
	} adds[] = { { "ab", true }, { "", false }, { "c\nd", false }, { "cdef", true }, { "ghij", false },
		{ "g", true } };
	for (size_t i = 0; i < sizeof adds / sizeof *adds; i++)
		assert_int_equal(row_list_add(list, sizeof list, adds[i].item), adds[i].fits);
	assert_string_equal(list, "ab\ncdef\ng");
	const char *at = list;
	static const char *const want[] = { "ab", "cdef", "g" };
	for (size_t i = 0; i < 3; i++) {
		assert_true(row_list_next(&at, item, sizeof item));
		assert_string_equal(item, want[i]);
	}
	assert_false(row_list_next(&at, item, sizeof item));
	at = "longerthanitem";
	assert_true(row_list_next(&at, item, sizeof item));
	assert_string_equal(item, "longert");
}

static void json(void **state)
{
	struct gap g = { .sensor = "s1", .from_ns = 1000000000, .reason = "killed", .dropped = 7 };
	struct case_record c = { .id = "x", .devices = "a\nb" };
	struct signal s = { .at_ns = 1,
		.sensor = "s1",
		.source = "192.0.2.1",
		.kind = "scan",
		.value = 5,
		.threshold = 5,
		.samples_n = 1 };
	s.samples[0].src = s.samples[0].dst = addr_from4(0xc0000201);
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	struct json j;
	json_init(&j, out);
	row_json(&j, NULL, &gap_kind, &g);
	json_line(&j);
	row_json(&j, NULL, &case_kind, &c);
	json_line(&j);
	signal_json(&j, NULL, &s);
	json_line(&j);
	fclose(out);
	assert_string_equal(text,
		"{\"sensor\":\"s1\",\"from\":\"1970-01-01T00:00:01.000000000Z\",\"from_ns\":1000000000,\"to\":null,"
		"\"to_ns\":null,"
		"\"reason\":\"killed\",\"dropped\":7}\n"
		"{\"id\":\"x\",\"tenant\":null,\"party\":null,\"devices\":[\"a\",\"b\"],\"state\":null,\"opened\":null,"
		"\"opened_ns\":null,"
		"\"next_step\":null,\"due\":null,\"due_ns\":null,\"holder\":null,\"findings\":[],\"close_code\":null}\n"
		"{\"at\":\"1970-01-01T00:00:00.000000001Z\",\"at_ns\":1,\"sensor\":\"s1\",\"source\":\"192.0.2.1\","
		"\"kind\":\"scan\",\"value\":5,"
		"\"threshold\":5,\"samples\":[{\"ns\":0,\"src\":\"192.0.2.1\",\"sport\":0,\"dst\":\"192.0.2.1\","
		"\"dport\":0,\"proto\":0,"
		"\"head\":null}]}\n");
	free(text);
}

/* Tables fit their structs, and the field lists are those that others build on. */
static void tables(void **state)
{
	static const struct {
		const struct row_kind *kind;
		const char *fields;
	} want[] = {
		{ &case_kind, "id tenant party devices state opened_ns next_step due_ns holder findings close_code " },
		{ &decision_kind, "id tenant subject means scope basis evidence reach collateral from_ns to_ns state "
				  "approvers signature " },
		{ &sensor_kind, "id tenant place dark clock_state clock_offset_ns " },
		{ &gap_kind, "sensor from_ns to_ns reason dropped " },
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		char names[512] = "";
		for (size_t k = 0; k < want[i].kind->n; k++) {
			strcat(names, want[i].kind->fields[k].name);
			strcat(names, " ");
		}
		assert_string_equal(names, want[i].fields);
	}
	for (size_t i = 0; i < row_kinds_n; i++) {
		const struct row_kind *k = row_kinds[i];
		for (size_t f = 0; f < k->n; f++) {
			assert_true(k->fields[f].offset + k->fields[f].size <= k->size);
			bool text = k->fields[f].type <= ROW_LIST;
			assert_true(text || k->fields[f].type == ROW_BOOL || k->fields[f].size == 8);
			if (k->fields[f].type == ROW_TIME)
				assert_non_null(strstr(k->fields[f].name, "_ns"));
		}
	}
	char sql[1024], cut[10];
	size_t n = row_sql(sql, sizeof sql, &gap_kind);
	assert_string_equal(sql, "create table \"gap\" (\"sensor\" text not null, \"from_ns\" integer not null, "
				 "\"to_ns\" integer not null, "
				 "\"reason\" text not null, \"dropped\" integer not null, primary key (sensor, "
				 "from_ns, reason)) without rowid;");
	assert_int_equal(n, strlen(sql));
	assert_int_equal(row_sql(cut, sizeof cut, &gap_kind), n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lists), cmocka_unit_test(json), cmocka_unit_test(tables) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
