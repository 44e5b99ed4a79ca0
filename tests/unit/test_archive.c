// SPDX-License-Identifier: Apache-2.0
/* Blocks of flows (archive, rowset, column, flowsort): round trips, order, queries, lies. */
#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "store/archive.h"
#include "store/flowsort.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

#define MINUTE INT64_C(28000000)

enum shape { ORDINARY, WILD, ONE_KEY, ONE_SOURCE, SECONDS };

static struct flow make(struct random *r, enum shape shape, bool wide)
{
	struct flow f = { .sport = (uint16_t)random_u64(r),
		.dport = (uint16_t)(random_below(r, 4) ? 23 : random_u64(r)),
		.ip_len = 40,
		.proto = PROTO_TCP,
		.ttl = (uint8_t)(40 + random_below(r, 30)),
		.tcp_flags = TCP_SYN,
		.packets = 1,
		.bytes = 40 };
	f.src = addr_from4((uint32_t)random_below(r, 300) * 0x01030507u);
	f.dst = addr_from4(0xc6336400u | (uint32_t)random_below(r, 256));
	f.first_ns = MINUTE * MINUTE_NS + (int64_t)random_below(r, MINUTE_NS);
	f.last_ns = f.first_ns;
	if (wide) {
		uint8_t a[16] = { 0x20, 0x01, [15] = (uint8_t)random_below(r, 9), [7] = (uint8_t)random_below(r, 3) };
		f.src = random_below(r, 5) ? addr_from6(a) : addr_from4((uint32_t)random_below(r, 9));
		if (!random_below(r, 9))
			f.src = (struct addr){ .b = { [15] = 1 } };
		a[14] = (uint8_t)random_u64(r);
		f.dst = addr_from6(a);
	}
	if (shape == WILD) {
		f.packets = random_u64(r) >> random_below(r, 64);
		f.bytes = random_u64(r) >> random_below(r, 64);
		f.first_ns = (int64_t)random_u64(r);
		f.last_ns = (int64_t)random_u64(r);
		f.tags = (uint16_t)random_u64(r);
		f.cls = (uint8_t)random_below(r, CLASS_N);
		f.ip_len = (uint16_t)random_u64(r);
		for (int i = 0; wide && i < 16; i++)
			f.src.b[i] = (uint8_t)random_u64(r);
	} else if (shape == ONE_KEY) {
		f.src = f.dst;
		f.sport = f.dport = 0;
		f.ttl = 1;
	} else if (shape == ONE_SOURCE) {
		f.src = addr_from4(0x01020304);
	} else if (shape == SECONDS) {
		f.first_ns = (MINUTE * 60 + (int64_t)random_below(r, 60)) * 1000000000;
		f.last_ns = f.first_ns;
	}
	return f;
}

struct collect {
	struct flow *flows;
	size_t n, cap;
	struct archive_header last;
};

static int collect(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct collect *c = arg;
	assert_true(c->n + n <= c->cap);
	memcpy(c->flows + c->n, flows, n * sizeof *flows);
	c->n += n;
	c->last = *h;
	return 0;
}

static int decode(struct bytes in, const struct archive_query *q)
{
	struct archive_decoder *d = archive_decoder_new();
	struct archive_header h;
	int rc = 0;
	for (size_t at = 0; at < in.n && !rc; at += ARCHIVE_HEADER + h.payload) {
		rc = archive_header_parse(bytes_from(in, at), &h);
		if (!rc)
			rc = archive_decode(d, &h, bytes_head(bytes_from(in, at + ARCHIVE_HEADER), h.payload), q);
	}
	archive_decoder_free(d);
	return rc;
}

static int by_key(const void *a, const void *b)
{
	const struct flow *x = a, *y = b;
	int d = flowsort_cmp(x, y);
	return d ? d : memcmp(x, y, sizeof *x);
}

static void encode(const struct flow *flows, size_t n, enum archive_level level, struct column_buf *out)
{
	struct archive_encoder *e = archive_encoder_new();
	struct archive_batch b = {
		.flows = flows, .n = n, .minute = MINUTE, .sensor = "s1", .sender = 5, .sequence = 6, .level = level
	};
	archive_encode(e, &b, out);
	archive_encoder_free(e);
}

/* What goes in comes out: every field of every flow, in the documented order. */
static void round_trip(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		enum shape shape;
		unsigned wide_of_8;
		enum archive_level level;
	} cases[] = {
		{ "one flow", 1, ORDINARY, 0, ARCHIVE_ALL },
		{ "two flows", 2, WILD, 0, ARCHIVE_ALL },
		{ "one wide flow", 1, ORDINARY, 8, ARCHIVE_ALL },
		{ "ordinary", 5000, ORDINARY, 0, ARCHIVE_ALL },
		{ "mixed", 5000, ORDINARY, 3, ARCHIVE_ALL },
		{ "wild", 9000, WILD, 4, ARCHIVE_ALL },
		{ "one key", 9000, ONE_KEY, 0, ARCHIVE_ALL },
		{ "one source", 9000, ONE_SOURCE, 0, ARCHIVE_ALL },
		{ "seconds", 5000, SECONDS, 0, ARCHIVE_ALL },
		{ "without times", 5000, ORDINARY, 2, ARCHIVE_KEY },
		{ "more than a block", ARCHIVE_BLOCK_FLOWS + 9, ORDINARY, 0, ARCHIVE_ALL },
	};
	struct random r;
	random_init(&r, 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = cases[i].n;
		struct flow *in = mem_new(n * sizeof *in), *back = mem_new(n * sizeof *back);
		for (size_t k = 0; k < n; k++) {
			in[k] = make(&r, cases[i].shape, random_below(&r, 8) < cases[i].wide_of_8);
			if (cases[i].level == ARCHIVE_KEY)
				in[k].first_ns = in[k].last_ns = MINUTE * MINUTE_NS;
		}
		struct column_buf out = { 0 };
		encode(in, n, cases[i].level, &out);
		struct collect c = { back, 0, n };
		struct archive_query q = { INT64_MIN, INT64_MAX, NULL, collect, &c };
		print_message("%s: %zu flows, %.2f bytes each\n", cases[i].name, n, (double)out.n / (double)n);
		assert_int_equal(decode((struct bytes){ out.p, out.n }, &q), 0);
		assert_int_equal(c.n, n);
		for (size_t k = 1; k < n; k++)
			if (addr_is4(&back[k - 1].dst) == addr_is4(&back[k].dst))
				assert_true(flowsort_cmp(&back[k - 1], &back[k]) <= 0);
		qsort(in, n, sizeof *in, by_key);
		qsort(back, n, sizeof *back, by_key);
		assert_memory_equal(in, back, n * sizeof *in);
		assert_int_equal(c.last.sender, 5);
		assert_int_equal(c.last.sequence, 6);
		assert_string_equal(c.last.sensor, "s1");
		column_buf_free(&out);
		free(in);
		free(back);
	}
}

/* The same flows in any order give the same bytes. */
static void order_free(void **state)
{
	enum { N = 4000 };
	struct flow *flows = mem_new(N * sizeof *flows);
	struct random r;
	random_init(&r, 2);
	for (size_t i = 0; i < N; i++) {
		flows[i] = make(&r, ORDINARY, i & 1);
		flows[i].sport = (uint16_t)i;
	}
	struct column_buf a = { 0 }, b = { 0 };
	encode(flows, N, ARCHIVE_ALL, &a);
	for (size_t i = N - 1; i > 0; i--) {
		size_t k = random_below(&r, i + 1);
		struct flow t = flows[i];
		flows[i] = flows[k];
		flows[k] = t;
	}
	encode(flows, N, ARCHIVE_ALL, &b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	column_buf_free(&a);
	column_buf_free(&b);
	free(flows);
}

static void queries(void **state)
{
	enum { N = 3000 };
	struct flow *flows = mem_new(N * sizeof *flows), *back = mem_new(N * sizeof *back);
	struct random r;
	random_init(&r, 3);
	for (size_t i = 0; i < N; i++)
		flows[i] = make(&r, ORDINARY, i % 3 == 0);
	struct column_buf out = { 0 };
	encode(flows, N, ARCHIVE_ALL, &out);
	static const char *const prefixes[] = { NULL, "0.0.0.0/0", "::/0", "9.0.0.0/8", "3.9.15.21/32", "2001::/16",
		"2001:0:0:100::/64", "203.0.113.0/24" };
	const int64_t start = MINUTE * MINUTE_NS;
	static const struct {
		int64_t from, to;
	} spans[] = { { 0, MINUTE_NS }, { 0, 1000000 }, { 30000000000, 31000000000 }, { MINUTE_NS, MINUTE_NS * 2 } };
	size_t found_any = 0;
	for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++)
		for (size_t s = 0; s < sizeof spans / sizeof *spans; s++) {
			struct prefix src;
			if (prefixes[p])
				assert_int_equal(prefix_parse(prefixes[p], &src, NULL), 0);
			struct collect c = { back, 0, N };
			struct archive_query q = { start + spans[s].from, start + spans[s].to,
				prefixes[p] ? &src : NULL, collect, &c };
			size_t want = 0;
			for (size_t i = 0; i < N; i++)
				want += flows[i].first_ns >= q.from_ns && flows[i].first_ns < q.to_ns &&
					(!q.src || prefix_holds(q.src, &flows[i].src));
			assert_int_equal(decode((struct bytes){ out.p, out.n }, &q), 0);
			assert_int_equal(c.n, want);
			found_any += want > 0 && want < N;
		}
	assert_true(found_any > 5);
	column_buf_free(&out);
	free(flows);
	free(back);
}

/* Blocks are passed over by their header, at its edges exactly. */
static void headers_match(void **state)
{
	struct archive_header h = {
		.first_ns = 100, .last_ns = 200, .src_min = addr_from4(0x0a000000), .src_max = addr_from4(0x0a0000ff)
	};
	static const struct {
		const char *src;
		int64_t from, to;
		bool want;
	} cases[] = {
		{ NULL, 0, 100, false },
		{ NULL, 0, 101, true },
		{ NULL, 200, 201, true },
		{ NULL, 201, 300, false },
		{ "10.0.0.0/32", 0, 300, true },
		{ "10.0.0.255/32", 0, 300, true },
		{ "10.0.1.0/32", 0, 300, false },
		{ "9.255.255.255/32", 0, 300, false },
		{ "9.0.0.0/8", 0, 300, false },
		{ "10.0.0.0/8", 0, 300, true },
		{ "10.0.0.64/26", 0, 300, true },
		{ "::/0", 0, 300, true },
		{ "2001::/16", 0, 300, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct prefix p;
		if (cases[i].src)
			assert_int_equal(prefix_parse(cases[i].src, &p, NULL), 0);
		assert_int_equal(archive_header_matches(&h, cases[i].from, cases[i].to, cases[i].src ? &p : NULL),
			cases[i].want);
	}
}

/* The exact bytes of a small block: the format is the same on every machine and in every version. */
static void fixed_bytes(void **state)
{
	struct flow f = { .src = addr_from4(0xc0000201),
		.dst = addr_from4(0xc6336407),
		.sport = 40000,
		.dport = 23,
		.ip_len = 40,
		.proto = PROTO_TCP,
		.ttl = 55,
		.tcp_flags = TCP_SYN,
		.cls = CLASS_TCP_SYN,
		.tags = FLOW_MIRAI,
		.packets = 2,
		.bytes = 80,
		.first_ns = MINUTE * MINUTE_NS + 1500000,
		.last_ns = MINUTE * MINUTE_NS + 2500000 };
	struct column_buf out = { 0 };
	encode(&f, 1, ARCHIVE_ALL, &out);
	static const uint8_t head[] = { 'S', 'K', 'F', 'B', 1, 0, 0, 0, 1, 0, 0, 0 };
	assert_memory_equal(out.p, head, sizeof head);
	assert_int_equal(out.n, ARCHIVE_HEADER + 10 * 19);
	static const struct {
		int col;
		uint64_t want;
	} cols[] = { { 0, 0xc0000201 }, { 1, 23 }, { 2, 0xc6336407 }, { 3, 40000 }, { 4, UINT64_C(0x0006020000080028) },
		{ 5, 55 }, { 6, 2 }, { 7, 0 }, { 8, 1500 }, { 9, 1000 } };
	for (size_t i = 0; i < sizeof cols / sizeof *cols; i++) {
		const uint8_t *p = out.p + ARCHIVE_HEADER + 19 * cols[i].col;
		assert_int_equal(p[1], 0);
		assert_int_equal(load_le64(p + 2), cols[i].want);
	}
	column_buf_free(&out);
}

static int nothing(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_true(flows[i].cls < CLASS_N);
	*(size_t *)arg += n;
	return 0;
}

/* Columns that lie, with a right checksum: an error or flows, never a crash. Called by the fuzz target's twin here too.
 */
static void lies(void **state)
{
	enum { N = 700 };
	struct flow flows[N];
	struct random r;
	random_init(&r, 4);
	for (size_t i = 0; i < N; i++)
		flows[i] = make(&r, i & 1 ? WILD : ORDINARY, i % 3 == 0);
	struct column_buf out = { 0 };
	encode(flows, N, ARCHIVE_ALL, &out);
	struct archive_decoder *d = archive_decoder_new();
	struct archive_header h;
	size_t handed = 0, refused = 0;
	struct archive_query q = { INT64_MIN, INT64_MAX, NULL, nothing, &handed };
	for (size_t at = 0; at < out.n; at += ARCHIVE_HEADER + h.payload) {
		assert_int_equal(archive_header_parse((struct bytes){ out.p + at, out.n - at }, &h), 0);
		for (size_t cut = 0; cut < h.payload; cut++) {
			uint8_t *copy = malloc(cut + 1);
			memcpy(copy, out.p + at + ARCHIVE_HEADER, cut);
			struct archive_header lie = h;
			lie.payload = (uint32_t)cut;
			lie.sum = archive_sum((struct bytes){ copy, cut });
			assert_int_equal(archive_decode(d, &lie, (struct bytes){ copy, cut }, &q), -ARCHIVE_BAD);
			free(copy);
		}
		for (int round = 0; round < 3000; round++) {
			uint8_t *copy = malloc(h.payload);
			memcpy(copy, out.p + at + ARCHIVE_HEADER, h.payload);
			for (uint64_t k = 1 + random_below(&r, 3); k > 0; k--)
				copy[random_below(&r, h.payload)] = (uint8_t)random_u64(&r);
			struct archive_header lie = h;
			assert_true(archive_decode(d, &lie, (struct bytes){ copy, h.payload }, &q) <= 0);
			lie.sum = archive_sum((struct bytes){ copy, h.payload });
			refused += archive_decode(d, &lie, (struct bytes){ copy, h.payload }, &q) != 0;
			free(copy);
		}
	}
	assert_true(refused > 100);
	archive_decoder_free(d);
	column_buf_free(&out);
}

static void header_checks(void **state)
{
	struct random r;
	random_init(&r, 5);
	struct flow f = make(&r, ORDINARY, false);
	struct column_buf out = { 0 };
	struct archive_header h;
	encode(&f, 1, ARCHIVE_ALL, &out);
	for (size_t n = 0; n < ARCHIVE_HEADER; n++)
		assert_int_equal(archive_header_parse((struct bytes){ out.p, n }, &h), -ARCHIVE_SHORT);
	for (size_t i = 0; i < ARCHIVE_HEADER; i++) {
		out.p[i] ^= 0x10;
		assert_int_equal(archive_header_parse((struct bytes){ out.p, out.n }, &h), -ARCHIVE_BAD);
		out.p[i] ^= 0x10;
	}
	assert_int_equal(archive_header_parse((struct bytes){ out.p, out.n }, &h), 0);
	size_t handed = 0;
	struct archive_query q = { INT64_MIN, INT64_MAX, NULL, nothing, &handed };
	out.p[out.n - 1] ^= 1;
	assert_int_equal(decode((struct bytes){ out.p, out.n }, &q), -ARCHIVE_SUM);
	assert_int_equal(handed, 0);
	column_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(round_trip), cmocka_unit_test(order_free),
		cmocka_unit_test(queries), cmocka_unit_test(headers_match), cmocka_unit_test(fixed_bytes),
		cmocka_unit_test(lies), cmocka_unit_test(header_checks) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
