// SPDX-License-Identifier: Apache-2.0
/* Top lists: packets and unique sources, this day against the one before and a week ago, days by zone; what is left out
 * is told. */
#include "analysis/tally/tally.h"
#include "wire/packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define DAY ((int64_t)86400 * 1000000000)
#define T0  (20000 * DAY)

static struct tally_row rows[16];
static size_t n_rows;

static void take(void *arg, const struct tally_row *row)
{
	rows[n_rows++] = *row;
}

static void add(struct tally *t, uint32_t src, uint16_t port, uint64_t packets, int64_t ns)
{
	struct flow f = { .src = addr_from4(src),
		.dst = addr_from4(0xc6120001),
		.dport = port,
		.proto = PROTO_TCP,
		.cls = CLASS_TCP_SYN,
		.packets = packets,
		.first_ns = ns,
		.last_ns = ns };
	tally_flow(t, &f);
}

static bool is_nine(void *arg, const struct addr *a, int64_t ns)
{
	return addr_to4(a) == 9;
}

static int64_t tokyo(void *arg, int64_t ns)
{
	return 9 * 3600;
}

static void days(void **state)
{
	struct tally_params p = { .seed = 1, .leave_out = is_nine };
	struct tally *t = tally_new(&p);
	add(t, 1, 23, 10, T0 - 7 * DAY);
	add(t, 1, 23, 20, T0 - DAY);
	add(t, 2, 23, 20, T0 - DAY);
	add(t, 1, 23, 100, T0);
	add(t, 1, 80, 7, T0 + 1);
	add(t, 9, 80, 5000, T0 + 1);
	n_rows = 0;
	assert_int_equal(tally_top(t, TALLY_PORT, 10, take, NULL), 2);
	assert_string_equal(rows[0].key, "23/tcp");
	assert_true(rows[0].packets == 150 && rows[0].sources == 2 && rows[0].day_packets == 100 &&
		    rows[0].day_sources == 1);
	assert_true(rows[0].has_before && rows[0].before_packets == 40 && rows[0].before_sources == 2);
	assert_true(rows[0].has_week && rows[0].week_packets == 10 && rows[0].week_sources == 1);
	assert_true(rows[1].packets == 7 && rows[1].has_before && rows[1].before_packets == 0);
	uint64_t packets, sources;
	tally_left_out(t, &packets, &sources);
	assert_true(packets == 5000 && sources == 1 && tally_refused(t) == 0);
	n_rows = 0;
	assert_int_equal(tally_top(t, TALLY_SOURCE, 1, take, NULL), 2);
	assert_int_equal(n_rows, 1);
	assert_string_equal(rows[0].key, "0.0.0.1");
	tally_free(t);
}

/* An hour before midnight UTC is the next day in Tokyo. */
static void zone(void **state)
{
	for (int east = 0; east < 2; east++) {
		struct tally_params p = { .seed = 1, .offset_s = east ? tokyo : NULL };
		struct tally *t = tally_new(&p);
		add(t, 1, 23, 1, T0 - DAY / 24);
		add(t, 2, 23, 1, T0);
		n_rows = 0;
		tally_top(t, TALLY_PORT, 10, take, NULL);
		assert_true(rows[0].day_packets == (east ? 2 : 1) && rows[0].has_before == !east);
		tally_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(days), cmocka_unit_test(zone) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
