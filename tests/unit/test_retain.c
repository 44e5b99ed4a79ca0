// SPDX-License-Identifier: Apache-2.0
/* What goes when it is old and what a hold keeps (retain); what one source did over weeks (history). */
#include "base/mem.h"
#include "base/random.h"
#include "model/hold.h"
#include "store/history.h"
#include "store/query.h"
#include "store/retain.h"
#include "store/segment.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOUR	INT64_C(480000) /* the first of a day */
#define HOUR_NS (60 * MINUTE_NS)
#define HOURS	6

static char dir[64];
static struct store *store;

static int set_up(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/test_retain.XXXXXX");
	return mkdtemp(dir) && (store = store_open(dir, STORE_WRITE, NULL, NULL)) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	store_close(store);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* An hour of a sensor: a flow, a source, a finding, a signal, a gap, a roll-up. The finding's id comes back. */
static void put_hour(const char *sensor, int64_t hour, char id[33])
{
	struct archive_encoder *e = archive_encoder_new();
	struct column_buf out = { 0 };
	int64_t ns = hour * HOUR_NS + 5;
	struct flow f = { .src = addr_from4(7), .dst = addr_from4(9), .packets = 1, .first_ns = ns };
	struct source src = { .addr = f.src, .minute = hour * 60, .first_ns = ns, .last_ns = ns, .packets = 1 };
	struct archive_batch a = { .flows = &f, .n = 1, .minute = hour * 60 };
	struct finding found = { .kind = FINDING_SCAN, .subject = "0.0.0.7", .first_ns = ns, .last_ns = ns };
	struct signal sig = { .at_ns = ns, .source = "0.0.0.7", .kind = "scan" };
	struct gap gap = { .from_ns = ns, .to_ns = ns + 1 };
	struct rollup *r = rollup_new();
	snprintf(a.sensor, sizeof a.sensor, "%s", sensor);
	snprintf(found.sensor, sizeof found.sensor, "%s", sensor);
	snprintf(sig.sensor, sizeof sig.sensor, "%s", sensor);
	snprintf(gap.sensor, sizeof gap.sensor, "%s", sensor);
	finding_identify(&found);
	snprintf(id, 33, "%s", found.id);
	archive_encode(e, &a, &out);
	rollup_add_flows(r, hour, &f, 1);
	struct store_batch b = { .sensor = sensor,
		.blocks = { out.p, out.n },
		.sources = &src,
		.sources_n = 1,
		.findings = &found,
		.findings_n = 1,
		.signals = &sig,
		.signals_n = 1,
		.gaps = &gap,
		.gaps_n = 1,
		.rollup = r };
	assert_int_equal(store_commit(store, &b, NULL), 0);
	rollup_free(r);
	column_buf_free(&out);
	archive_encoder_free(e);
}

static int first_value(void *arg, const char *const *names, const struct store_value *values, size_t n)
{
	if (values)
		*(int64_t *)arg = values[0].integer;
	return 0;
}

static int64_t ask(const char *sql)
{
	int64_t n = -1;
	struct err err = { "" };
	struct store *s = store_open(dir, STORE_READ, NULL, NULL);
	struct store_query q = { .fn = first_value, .arg = &n };
	if (store_query(s, sql, &q, &err))
		fail_msg("%s: %s", sql, err.text);
	store_close(s);
	return n;
}

static struct retain_report retain(const struct retain_params *p)
{
	struct retain_report sum = { 0 }, r;
	int calls = 0;
	do {
		assert_int_equal(store_retain(store, p, (HOUR + HOURS) * HOUR_NS, &r, NULL), 0);
		for (int k = 0; k < RETAIN_KIND_N; k++) {
			sum.dropped[k] += r.dropped[k];
			sum.held[k] = r.held[k];
		}
		sum.octets += r.octets;
		assert_true(++calls < 50);
	} while (r.more);
	sum.more = calls > 1;
	return sum;
}

static const struct retain_params two_hours = { .age_ns = { [RETAIN_FLOWS] = 2 * HOUR_NS,
							[RETAIN_SOURCES] = 2 * HOUR_NS,
							[RETAIN_SIGNALS] = 2 * HOUR_NS,
							[RETAIN_FINDINGS] = 2 * HOUR_NS,
							[RETAIN_GAPS] = 2 * HOUR_NS,
							[RETAIN_ROLLUP_HOURS] = 2 * HOUR_NS },
	.rows = 1,
	.segments = 1 };

static void by_age(void **state)
{
	char id[33];
	for (int64_t h = 0; h < HOURS; h++)
		put_hour("s1", HOUR + h, id);
	struct retain_report r = retain(&two_hours);
	assert_true(r.more);
	assert_int_equal(r.dropped[RETAIN_FLOWS], 4);
	assert_int_equal(r.dropped[RETAIN_SOURCES], 4);
	assert_int_equal(r.dropped[RETAIN_SIGNALS], 4);
	assert_int_equal(r.dropped[RETAIN_FINDINGS], 4);
	assert_int_equal(r.dropped[RETAIN_GAPS], 4);
	assert_int_equal(ask("select count(*) from segment"), 2);
	assert_int_equal(ask("select count(*) from finding"), 2);
	assert_int_equal(ask("select count(*) from signal_samples"), 2);
	assert_int_equal(ask("select count(distinct start) from rollup where span = 0"), 2);
	assert_int_equal(ask("select sum(dropped) from retention where kind = 'flows'"), 4);
	assert_true(ask("select count(*) from audit where what = 'retention'") >= 20);
	struct store_audit_state a;
	assert_int_equal(store_audit_verify(store, &a, NULL), 0);
	r = retain(&two_hours);
	assert_int_equal(r.dropped[RETAIN_FLOWS] + r.dropped[RETAIN_FINDINGS], 0);
}

static void by_size(void **state)
{
	char id[33];
	for (int64_t h = 0; h < HOURS; h++)
		put_hour("s1", HOUR + h, id);
	int64_t one = ask("select max(length) from segment");
	struct retain_params p = { .archive_max = (uint64_t)one * 2 };
	struct retain_report r = retain(&p);
	assert_int_equal(r.dropped[RETAIN_FLOWS], 4);
	assert_int_equal(ask("select min(hour) from segment"), HOUR + 4);
	assert_int_equal(ask("select count(*) from finding"), HOURS);
}

/* Range, finding and case each keep what they name, and only that. */
static void holds(void **state)
{
	static const struct {
		const char *what, *subject; /* subject NULL: the id of hour 1's finding of s1 */
		int64_t from, to, until;
		int segments, findings, signals; /* left of 6, 12 and 12 */
	} cases[] = {
		{ "range", "", HOUR, HOUR + 2, 0, 4, 8, 8 }, { "range", "s1", HOUR, HOUR + 2, 0, 4, 6, 6 },
		{ "range", "s1", HOUR + 1, 0, 0, 5, 7, 7 },
		{ "range", "s9", HOUR, 0, 0, 6, 4, 4 }, /* a segment does not say which sensors it holds */
		{ "range", "s1", HOUR, HOUR + 2, (HOUR + 1) * HOUR_NS, 2, 4, 4 }, { "finding", NULL, 0, 0, 0, 3, 5, 5 },
		{ "case", "c1", 0, 0, 0, 3, 5, 5 },
		{ "nothing", "", 0, 0, 0, 2, 5, 4 }, /* the case alone, open: its finding stays */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char id[HOURS][33], other[33];
		struct hold h = { .id = "h",
			.from_ns = cases[i].from * HOUR_NS,
			.to_ns = cases[i].to * HOUR_NS,
			.until_ns = cases[i].until };
		for (int64_t n = 0; n < HOURS; n++) {
			put_hour("s1", HOUR + n, id[n]);
			put_hour("s2", HOUR + n, other);
		}
		struct case_record c = { .id = "c1" };
		snprintf(c.findings, sizeof c.findings, "x\n%s", id[1]);
		snprintf(c.close_code, sizeof c.close_code, "%s", strcmp(cases[i].what, "nothing") != 0 ? "clean" : "");
		assert_int_equal(store_put(store, &case_kind, &c, NULL), 0);
		snprintf(h.what, sizeof h.what, "%s", cases[i].what);
		snprintf(h.subject, sizeof h.subject, "%s", cases[i].subject ? cases[i].subject : id[1]);
		assert_int_equal(store_put(store, &hold_kind, &h, NULL), 0);
		struct retain_report r = retain(&two_hours);
		if (ask("select count(*) from segment") != cases[i].segments ||
			ask("select count(*) from finding") != cases[i].findings ||
			ask("select count(*) from signal") != cases[i].signals)
			fail_msg("case %d: %d segments, %d findings, %d signals", (int)i,
				(int)ask("select count(*) from segment"), (int)ask("select count(*) from finding"),
				(int)ask("select count(*) from signal"));
		assert_int_equal(ask("select count(*) from signal_samples"), cases[i].signals);
		assert_int_equal(r.held[RETAIN_FLOWS], cases[i].segments - 2);
		assert_int_equal(r.held[RETAIN_FINDINGS], cases[i].findings - 4);
		tear_down(NULL);
		set_up(NULL);
	}
}

/* A reader that was under way when an hour went sees nothing broken. */
static int drop_meanwhile(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct retain_params p = { .age_ns = { [RETAIN_FLOWS] = HOUR_NS }, .segments = 100 };
	struct retain_report r;
	*(int *)arg += (int)n;
	return store_retain(store, &p, (HOUR + HOURS) * HOUR_NS, &r, NULL);
}

static void reading_beside(void **state)
{
	char id[33];
	int seen = 0;
	for (int64_t h = 0; h < HOURS; h++)
		put_hour("s1", HOUR + h, id);
	struct store *s = store_open(dir, STORE_READ, NULL, NULL);
	struct store_scan scan = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .fn = drop_meanwhile, .arg = &seen };
	assert_int_equal(store_scan_flows(s, &scan, NULL), 0);
	assert_int_equal(scan.broken_n, 0);
	assert_int_equal(seen, 2);
	store_close(s);
}

/* ---- history ---- */

#define SOURCES 3000

struct sums {
	uint64_t packets, spans[3], days;
	uint32_t targets;
	int64_t last_minute;
};

static int add_sum(void *arg, const char *sensor, enum history_span span, const struct source *src)
{
	struct sums *s = arg;
	assert_string_equal(sensor, "s1");
	assert_true(src->minute >= s->last_minute);
	s->last_minute = src->minute;
	s->packets += src->packets;
	s->spans[span]++;
	s->targets = src->targets > s->targets ? src->targets : s->targets;
	return 0;
}

static struct sums history(uint32_t addr, int64_t from_min, int64_t to_min)
{
	struct sums s = { 0 };
	struct addr a = addr_from4(addr);
	struct store *r = store_open(dir, STORE_READ, NULL, NULL);
	assert_int_equal(store_history(r, &a, from_min * MINUTE_NS, to_min * MINUTE_NS, add_sum, &s), 0);
	store_close(r);
	return s;
}

static uint64_t truth[SOURCES];

static void put_minute(int64_t minute, uint64_t *seed)
{
	struct source *v = mem_new(SOURCES * sizeof *v);
	size_t n = 0;
	for (uint32_t i = 0; i < SOURCES; i++) {
		uint64_t x = *seed = random_mix(*seed + i + 1);
		if (x % 3 == 0)
			continue;
		v[n++] = (struct source){ .addr = addr_from4(1000 + i * 7),
			.minute = minute,
			.first_ns = minute * MINUTE_NS,
			.last_ns = minute * MINUTE_NS + 1,
			.packets = x % 100,
			.targets = (uint32_t)(x % 50) };
		truth[i] += x % 100;
	}
	struct store_batch b = { .sensor = "s1", .sources = v, .sources_n = n };
	assert_int_equal(store_commit(store, &b, NULL), 0);
	free(v);
}

static void weeks(void **state)
{
	uint64_t seed = 1;
	memset(truth, 0, sizeof truth);
	/* Three days, ten minutes of each hour; then late minutes of the first day. */
	for (int64_t h = 0; h < 72; h++)
		for (int64_t m = 0; m < 60; m += 6)
			put_minute((HOUR + h) * 60 + m, &seed);
	for (uint32_t i = 0; i < SOURCES; i += 311) {
		struct sums s = history(1000 + i * 7, HOUR * 60, (HOUR + 72) * 60);
		assert_int_equal(s.packets, truth[i]);
		assert_int_equal(s.spans[HISTORY_DAY], 2);
		assert_in_range(s.spans[HISTORY_HOUR], 18, 24);
		assert_in_range(s.spans[HISTORY_MINUTE], 1, 20);
		assert_int_equal(history(1001 + i * 7, HOUR * 60, (HOUR + 72) * 60).packets, 0);
	}
	/* Parts of days and hours come in smaller spans. */
	struct sums part = history(1000, HOUR * 60 + 90, (HOUR + 30) * 60);
	assert_int_equal(part.spans[HISTORY_DAY], 0);
	put_minute(HOUR * 60 + 1, &seed);
	struct sums late = history(1000 + 311 * 7, INT64_C(0), (HOUR + 72) * 60);
	assert_int_equal(late.packets, truth[311]);
	assert_int_equal(late.spans[HISTORY_DAY], 1);
	put_minute((HOUR + 72) * 60, &seed);
	put_minute((HOUR + 72) * 60 + 1, &seed);
	put_minute((HOUR + 72) * 60 + 2, &seed);
	late = history(1000 + 311 * 7, INT64_C(0), (HOUR + 73) * 60);
	assert_int_equal(late.packets, truth[311]);
	assert_int_equal(late.spans[HISTORY_DAY], 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = { T(by_age), T(by_size), T(holds), T(reading_beside), T(weeks) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
