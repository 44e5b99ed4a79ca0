// SPDX-License-Identifier: Apache-2.0
/* What the store's records come back as: findings, sources, signals, roll-ups (rollupsql, record). */
#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "store/segment.h"
#include "store/sourceblock.h"
#include "store/store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOUR	INT64_C(460000)
#define HOUR_NS (60 * MINUTE_NS)

static char dir[64];
static struct store *store;

static int set_up(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/test_storerows.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	store = store_open(dir, STORE_WRITE, NULL, NULL);
	return store ? 0 : -1;
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

static void finding_text(const struct finding *f, char **text)
{
	size_t n;
	FILE *out = open_memstream(text, &n);
	struct json j;
	json_init(&j, out);
	finding_json(&j, NULL, f);
	fclose(out);
}

struct texts {
	char *v[8];
	int n;
};

static int take_finding(void *arg, const struct finding *f)
{
	struct texts *t = arg;
	finding_text(f, &t->v[t->n++]);
	return t->n == 8;
}

/* What was read twice, in the order of both calls. */
static void check_texts(const struct finding *f, struct texts *got)
{
	static const int want[] = { 0, 1, 1, 3 };
	assert_int_equal(got->n, 4);
	for (int i = 0; i < 4; i++) {
		char *text;
		finding_text(&f[want[i]], &text);
		assert_string_equal(got->v[i], text);
		free(text);
		free(got->v[i]);
	}
}

static void findings(void **state)
{
	struct finding *f = mem_new(4 * sizeof *f);
	f[0] = (struct finding){ .kind = FINDING_SCAN,
		.subject = "192.0.2.1",
		.sensor = "s1",
		.tool = "zmap",
		.shape = SHAPE_HORIZONTAL,
		.packets = 9,
		.targets = 7,
		.ports = 2,
		.has_targets = true,
		.has_ports = true,
		.port_list = { 23, 65535 },
		.port_list_n = 2,
		.top_ports = { { "23", 8 }, { "65535", 1 } },
		.top_ports_n = 2,
		.by_flags = { { "0x02", 9 } },
		.by_flags_n = 1,
		.first_ns = 100,
		.last_ns = 200,
		.confidence = 90,
		.severity = "medium",
		.samples_n = 2,
		.place = { "JP", "Tokyo", "Example", true, true, 35.5, -139.75, 4294967295 },
		.detail = "x\"y" };
	f[0].samples[0] = (struct finding_sample){ .ns = 100,
		.src = addr_from4(0xc0000201),
		.dst = addr_from4(1),
		.sport = 5,
		.dport = 23,
		.proto = 6,
		.head_len = 3,
		.head = { 1, 2, 3 } };
	f[0].samples[1] = (struct finding_sample){ .ns = 101, .head_len = FINDING_HEAD };
	finding_add_count(&f[0], "mark zmap", 7);
	f[1] = (struct finding){ .kind = FINDING_OWN_ATTACKED,
		.subject = "2001:db8::1",
		.first_ns = 150,
		.last_ns = INT64_MAX,
		.spoofable = true,
		.has_destinations = true,
		.destinations = 3,
		.has_sources = true,
		.severity = "info" };
	f[2] = (struct finding){ .kind = FINDING_BACKSCATTER, .subject = "before", .first_ns = 1, .last_ns = 99 };
	f[3] = (struct finding){ .kind = FINDING_BACKSCATTER, .subject = "after", .first_ns = 300, .last_ns = 301 };
	for (uint16_t i = 0; i < FINDING_PORT_LIST; i++)
		f[3].port_list[f[3].port_list_n++] = i;
	for (int i = 0; i < 4; i++)
		finding_identify(&f[i]);
	struct store_batch b = { .findings = f, .findings_n = 4 };
	assert_int_equal(store_commit(store, &b, NULL), 0);
	f[0].packets = 10;
	b.findings_n = 1;
	assert_int_equal(store_commit(store, &b, NULL), 0);
	struct texts got = { .n = 0 };
	assert_int_equal(store_each_finding(store, 100, 300, take_finding, &got), 0);
	assert_int_equal(got.n, 2);
	assert_int_equal(store_each_finding(store, 300, 301, take_finding, &got), 0);
	check_texts(f, &got);
	free(f);
}

struct got_sources {
	struct source v[8];
	char sensors[8][64];
	int n;
};

static int take_source(void *arg, const char *sensor, const struct source *src)
{
	struct got_sources *g = arg;
	snprintf(g->sensors[g->n], sizeof g->sensors[0], "%s", sensor);
	g->v[g->n++] = *src;
	return 0;
}

static int drop_source(void *arg, const struct source *src)
{
	return 0;
}

static void put_source(const char *sensor, const struct source *src)
{
	struct store_batch b = { .sensor = sensor, .sources = src, .sources_n = 1 };
	assert_int_equal(store_commit(store, &b, NULL), 0);
}

static struct source make_source(struct random *r, int64_t minute)
{
	struct source s = {
		.addr = addr_from4((uint32_t)random_u64(r)), .minute = minute, .packets = 1 + random_below(r, 99)
	};
	if (!random_below(r, 4))
		s.addr.b[0] = 0x20;
	if (!random_below(r, 50))
		s.packets = random_u64(r);
	s.bytes = s.packets * 40;
	s.first_ns = minute * MINUTE_NS + (int64_t)random_below(r, MINUTE_NS);
	s.last_ns = s.first_ns + (int64_t)random_below(r, 1000);
	for (int k = 0; k < CLASS_N; k++)
		s.by_class[k] = (uint32_t)(random_u64(r) >> random_below(r, 64));
	for (int k = 0; k < MARK_N; k++)
		s.marks[k] = (uint32_t)(random_u64(r) >> random_below(r, 64));
	s.syns = (uint32_t)random_u64(r);
	s.constants = (uint32_t)random_below(r, 64);
	s.targets = (uint32_t)random_u64(r);
	s.ports = (uint32_t)random_below(r, 9);
	return s;
}

struct compare {
	struct source *v;
	size_t n, wrong;
};

static int same_source(void *arg, const char *sensor, const struct source *src)
{
	struct compare *c = arg;
	c->wrong += strcmp(sensor, "s1") != 0 || memcmp(&c->v[c->n++], src, sizeof *src) != 0;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	return x->minute != y->minute ? (x->minute < y->minute ? -1 : 1) : addr_cmp(&x->addr, &y->addr);
}

/* Every field of every source, in order, whatever the order they were committed in; more than one block a minute. */
static void sources_exact(void **state)
{
	enum { N = SOURCEBLOCK_MAX + 3000 };
	struct source *v = mem_new(N * sizeof *v);
	struct random r;
	random_init(&r, 6);
	for (size_t i = 0; i < N; i++)
		v[i] = make_source(&r, HOUR * 60 + (i % 50 ? 7 : (int64_t)random_below(&r, 30)));
	struct store_batch b = { .sensor = "s1", .sources = v, .sources_n = N };
	assert_int_equal(store_commit(store, &b, NULL), 0);
	qsort(v, N, sizeof *v, by_place);
	struct compare c = { v, 0, 0 };
	assert_int_equal(store_each_source(store, INT64_MIN, INT64_MAX, NULL, same_source, &c), 0);
	assert_int_equal(c.n, N);
	assert_int_equal(c.wrong, 0);
	free(v);
}

/* A block that lies or is cut is an error, never a crash. */
static void source_lies(void **state)
{
	struct source v[40];
	struct random r;
	random_init(&r, 7);
	for (size_t i = 0; i < 40; i++)
		v[i] = make_source(&r, 5);
	qsort(v, 40, sizeof *v, by_place);
	struct sourceblock *b = sourceblock_new();
	struct column_buf out = { 0 };
	sourceblock_encode(b, v, 40, &out);
	struct got_sources none = { .n = 0 };
	struct sourceblock_query all = { NULL, drop_source, &none };
	struct prefix nobody = { .addr = { .b = { 0xff } }, .bits = 128 };
	for (size_t cut = 0; cut < out.n; cut++) {
		uint8_t *copy = malloc(cut + 1);
		memcpy(copy, out.p, cut);
		assert_int_equal(sourceblock_decode(b, (struct bytes){ copy, cut }, 5, 40, &all), -1);
		free(copy);
	}
	for (int round = 0; round < 20000; round++) {
		uint8_t *copy = malloc(out.n);
		memcpy(copy, out.p, out.n);
		copy[random_below(&r, out.n)] = (uint8_t)random_u64(&r);
		all.src = round & 1 ? &nobody : NULL;
		int rc = sourceblock_decode(b, (struct bytes){ copy, out.n }, 5, 40, &all);
		assert_in_range(rc + 1, 0, 1);
		free(copy);
	}
	column_buf_free(&out);
	sourceblock_free(b);
}

static void sources_found(void **state)
{
	struct source a = { .addr = addr_from4(0x01020304),
		.minute = HOUR * 60,
		.packets = 5,
		.first_ns = HOUR * HOUR_NS + 5,
		.last_ns = HOUR * HOUR_NS + 9 };
	struct got_sources g = { .n = 0 };
	put_source("s1", &a);
	a.minute += 60;
	a.first_ns += HOUR_NS;
	a.last_ns += HOUR_NS;
	put_source("s1", &a);
	a.addr = addr_from4(0x01020305);
	put_source("s0", &a);
	static const struct {
		const char *prefix;
		int64_t from_ns, to_ns;
		int n;
	} cases[] = {
		{ NULL, 0, HOUR_NS, 1 },
		{ NULL, 0, 2 * HOUR_NS, 3 },
		{ "1.2.3.4/32", 0, 2 * HOUR_NS, 2 },
		{ "1.2.3.5/32", 0, 2 * HOUR_NS, 1 },
		{ "1.2.3.6/32", 0, 2 * HOUR_NS, 0 },
		{ "1.2.3.4/31", HOUR_NS, 2 * HOUR_NS, 2 },
		{ "::/1", 0, 9 * HOUR_NS, 3 },
		{ "2001::/16", 0, 9 * HOUR_NS, 0 },
		{ NULL, 2 * HOUR_NS, 9 * HOUR_NS, 0 },
		{ NULL, -9 * HOUR_NS, 0, 0 },
		{ NULL, 0, 0, 0 },
		{ NULL, 0, 5, 0 },
		{ NULL, 9, 10, 1 },
		{ NULL, 10, HOUR_NS, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct prefix p;
		g.n = 0;
		if (cases[i].prefix)
			assert_int_equal(prefix_parse(cases[i].prefix, &p, NULL), 0);
		assert_int_equal(store_each_source(store, HOUR * HOUR_NS + cases[i].from_ns,
					 HOUR * HOUR_NS + cases[i].to_ns, cases[i].prefix ? &p : NULL, take_source, &g),
			0);
		assert_int_equal(g.n, cases[i].n);
		if (cases[i].n == 1 && i == 3)
			assert_string_equal(g.sensors[0], "s0");
	}
}

static int take_signal(void *arg, const struct signal *s)
{
	struct signal *out = arg;
	out[out[7].value++] = *s;
	return 0;
}

static void signals(void **state)
{
	struct signal in[3] = { { .at_ns = 10,
					.sensor = "s1",
					.source = "192.0.2.1",
					.kind = "scan",
					.value = 5,
					.threshold = 5,
					.samples_n = 1 },
		{ .at_ns = 5, .sensor = "s1", .source = "192.0.2.2", .kind = "own-watch" },
		{ .at_ns = 20, .sensor = "s1" } },
		      out[8] = { 0 };
	in[0].samples[0] =
		(struct finding_sample){ .ns = 10, .src = addr_from4(1), .dport = 7, .head_len = 1, .head = { 9 } };
	struct store_batch b = { .signals = in, .signals_n = 3 };
	assert_int_equal(store_commit(store, &b, NULL), 0);
	assert_int_equal(store_each_signal(store, 0, 20, take_signal, out), 0);
	assert_int_equal(out[7].value, 2);
	assert_memory_equal(&out[0], &in[1], sizeof in[1]);
	assert_memory_equal(&out[1], &in[0], sizeof in[0]);
}

struct sums {
	struct store_sum v[1100];
	int n;
};

static int take_sum(void *arg, const struct store_sum *sum)
{
	struct sums *s = arg;
	assert_true(s->n < 1100);
	s->v[s->n++] = *sum;
	return 0;
}

static void add_up(int64_t hour, const char *key, uint32_t from, uint32_t count)
{
	struct rollup *r = rollup_new();
	for (uint32_t i = 0; i < count; i++) {
		struct addr a = addr_from4(from + i);
		rollup_add(r, hour, ROLLUP_COUNTRY, key, &a, 2);
	}
	struct store_batch b = { .sensor = "s1", .rollup = r };
	assert_int_equal(store_commit(store, &b, NULL), 0);
	rollup_free(r);
}

static int read_sums(enum rollup_span span, enum rollup_dim dim, int64_t from, int64_t to, struct sums *s)
{
	struct store_rollup q = { span, dim, from * HOUR_NS, to * HOUR_NS, "s1", take_sum, s };
	s->n = 0;
	assert_int_equal(store_rollup(store, &q), 0);
	return s->n;
}

/* Unique sources add up over batches: the same source twice is one. Beyond the sketch the number is an estimate within
 * 10 %. */
static void rollups(void **state)
{
	struct sums *s = mem_new(sizeof *s);
	add_up(HOUR, "JP", 0, 100);
	add_up(HOUR, "JP", 50, 100);
	add_up(HOUR, "NL", 0, 1);
	add_up(HOUR + 1, "JP", 0, 100);
	add_up(HOUR + 1, "DE", 0, 20000);
	add_up(HOUR + 1, "DE", 10000, 20000);
	assert_int_equal(read_sums(ROLLUP_HOUR, ROLLUP_COUNTRY, HOUR, HOUR + 1, s), 2);
	assert_string_equal(s->v[0].key, "JP");
	assert_int_equal(s->v[0].packets, 400);
	assert_int_equal(s->v[0].sources, 150);
	assert_false(s->v[0].estimate);
	assert_int_equal(s->v[0].start_ns, HOUR * HOUR_NS);
	assert_int_equal(s->v[0].end_ns, (HOUR + 1) * HOUR_NS);
	assert_string_equal(s->v[1].key, "NL");
	assert_int_equal(read_sums(ROLLUP_HOUR, ROLLUP_COUNTRY, HOUR + 1, HOUR + 2, s), 2);
	assert_string_equal(s->v[0].key, "DE");
	assert_true(s->v[0].estimate);
	assert_in_range(s->v[0].sources, 27000, 33000);
	assert_int_equal(read_sums(ROLLUP_DAY, ROLLUP_COUNTRY, HOUR, HOUR + 2, s), 3);
	assert_int_equal(s->v[1].packets, 600);
	assert_int_equal(s->v[1].sources, 150);
	assert_int_equal(read_sums(ROLLUP_HOUR, ROLLUP_TOOL, HOUR, HOUR + 2, s), 0);
	free(s);
}

/* A finished hour keeps its top keys, and the sum over all stays what it was. */
static void top_and_rest(void **state)
{
	struct sums *s = mem_new(sizeof *s);
	struct flow f = { .proto = PROTO_UDP, .cls = CLASS_UDP };
	struct rollup *r = rollup_new();
	uint64_t all = 0;
	struct store_batch b = { .sensor = "s1", .rollup = r };
	for (uint32_t port = 0; port < 1050; port++) {
		f.dport = (uint16_t)port;
		f.packets = 1 + port;
		f.src = addr_from4(port % 40);
		all += f.packets;
		rollup_add_flows(r, HOUR, &f, 1);
		/* Two batches: each alone has room for its keys. */
		if (port != 500 && port != 1049)
			continue;
		assert_int_equal(store_commit(store, &b, NULL), 0);
		rollup_clear(r);
	}
	assert_int_equal(read_sums(ROLLUP_HOUR, ROLLUP_PORT, HOUR, HOUR + 1, s), 1050);
	rollup_add_flows(r, HOUR + 5, &f, 1);
	assert_int_equal(store_commit(store, &b, NULL), 0);
	assert_int_equal(read_sums(ROLLUP_HOUR, ROLLUP_PORT, HOUR, HOUR + 1, s), ROLLUP_TOP + 1);
	assert_string_equal(s->v[0].key, "udp/1049");
	assert_string_equal(s->v[ROLLUP_TOP].key, ROLLUP_REST);
	assert_int_equal(s->v[ROLLUP_TOP].packets, 50 * 51 / 2);
	assert_int_equal(s->v[ROLLUP_TOP].sources, 40);
	for (int i = 0; i < s->n; i++)
		all -= s->v[i].packets;
	assert_int_equal(all, 0);
	assert_int_equal(read_sums(ROLLUP_HOUR, ROLLUP_CLASS, HOUR, HOUR + 1, s), 1);
	assert_string_equal(s->v[0].key, "udp");
	/* A late batch still adds its packets. */
	rollup_clear(r);
	rollup_add_flows(r, HOUR, &f, 1);
	assert_int_equal(store_commit(store, &b, NULL), 0);
	assert_int_equal(read_sums(ROLLUP_HOUR, ROLLUP_PORT, HOUR, HOUR + 1, s), ROLLUP_TOP + 1);
	assert_int_equal(s->v[0].packets, 2100);
	rollup_free(r);
	free(s);
}

/* More keys than rows: counted under the rest, never lost, never more memory. */
static void many_keys(void **state)
{
	struct rollup *r = rollup_new();
	struct addr a = addr_from4(1);
	char key[16];
	for (uint32_t i = 0; i < ROLLUP_ROWS_MAX + 1000; i++) {
		snprintf(key, sizeof key, "%u", i);
		rollup_add(r, HOUR, ROLLUP_AS, key, &a, 1);
	}
	size_t n;
	uint64_t sum = 0;
	const struct rollup_row *rows = rollup_rows(r, &n);
	assert_int_equal(n, ROLLUP_BATCH + 1);
	for (size_t i = 0; i < n; i++)
		sum += rows[i].packets;
	assert_int_equal(sum, ROLLUP_ROWS_MAX + 1000);
	assert_string_equal(rows[n - 1].key, ROLLUP_REST);
	assert_int_equal(rollup_lost(r), 0);
	rollup_free(r);
}

static int take_decision(void *arg, const void *record)
{
	*(struct decision *)arg = *(const struct decision *)record;
	return 0;
}

static void nouns(void **state)
{
	struct decision in = { .id = "0",
		.subject = "192.0.2.1",
		.evidence = "a\nb",
		.reach = UINT64_MAX,
		.from_ns = -5,
		.state = "proposed" },
			out;
	assert_int_equal(store_put(store, &decision_kind, &in, NULL), 0);
	snprintf(in.state, sizeof in.state, "approved");
	assert_int_equal(store_put(store, &decision_kind, &in, NULL), 0);
	assert_int_equal(store_each(store, &decision_kind, take_decision, &out, NULL), 0);
	assert_memory_equal(&in, &out, sizeof in);
	assert_int_equal(store_audit(store, 1, "operator", "approve", "0", NULL), 0);
}

static int count_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	*(size_t *)arg += n;
	return 0;
}

static void dropping(void **state)
{
	struct archive_encoder *e = archive_encoder_new();
	struct column_buf out = { 0 };
	for (int hour = 0; hour < 4; hour++) {
		struct flow f = {
			.src = addr_from4((uint32_t)hour), .dst = addr_from4(9), .first_ns = (HOUR + hour) * HOUR_NS
		};
		archive_encode(e, &(struct archive_batch){ .flows = &f, .n = 1, .minute = (HOUR + hour) * 60 }, &out);
	}
	struct store_batch b = { .blocks = { out.p, out.n } };
	assert_int_equal(store_commit(store, &b, NULL), 0);
	uint32_t dropped;
	assert_int_equal(store_drop(store, (HOUR + 2) * HOUR_NS + 5, &dropped, NULL), 0);
	assert_int_equal(dropped, 2);
	size_t n = 0;
	struct prefix p;
	struct store_scan scan = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .fn = count_flows, .arg = &n };
	assert_int_equal(store_scan_flows(store, &scan, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(prefix_parse("0.0.0.3/32", &p, NULL), 0);
	scan.src = &p;
	n = 0;
	assert_int_equal(store_scan_flows(store, &scan, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(scan.skipped, 1);
	column_buf_free(&out);
	archive_encoder_free(e);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = { T(findings), T(sources_exact), T(source_lies), T(sources_found), T(signals),
		T(rollups), T(top_and_rest), T(many_keys), T(nouns), T(dropping) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
