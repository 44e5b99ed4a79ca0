// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"
#include "model/gap.h"
#include "model/sensor.h"
#include "role/batch.h"
#include "role/frames.h"
#include "store/sourceblock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define SENDER	UINT64_C(77)
#define MINUTE	INT64_C(29448000)
#define FLOWS	2000
#define SOURCES 700

static struct flow flows[FLOWS];
static struct source sources[SOURCES];

static void fill(void)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		flows[i] = (struct flow){ .sport = (uint16_t)i,
			.dport = 23,
			.proto = 6,
			.packets = 1 + i % 3,
			.bytes = 40,
			.first_ns = MINUTE * MINUTE_NS + i,
			.last_ns = MINUTE * MINUTE_NS + i + 5 };
		assert_int_equal(addr_parse("192.0.2.1", &flows[i].src, NULL), 0);
		assert_int_equal(addr_parse("198.51.100.1", &flows[i].dst, NULL), 0);
	}
	for (uint32_t i = 0; i < SOURCES; i++) {
		sources[i] = (struct source){ .minute = MINUTE + i / 400,
			.packets = i + 1,
			.bytes = 40,
			.first_ns = MINUTE * MINUTE_NS,
			.last_ns = MINUTE * MINUTE_NS };
		assert_int_equal(addr_parse("192.0.2.0", &sources[i].addr, NULL), 0);
		sources[i].addr.b[14] = (uint8_t)(i >> 8);
		sources[i].addr.b[15] = (uint8_t)i;
	}
}

static struct batch *build(uint64_t sequence, const char *sensor)
{
	struct archive_encoder *e = archive_encoder_new();
	struct sourceblock *s = sourceblock_new();
	struct rollup *r = rollup_new();
	struct column_buf blocks = { 0 };
	struct batch *b = batch_new(sequence);
	struct archive_batch a = {
		.flows = flows, .n = FLOWS, .minute = MINUTE, .sender = SENDER, .sequence = sequence
	};
	snprintf(a.sensor, sizeof a.sensor, "%s", sensor);
	archive_encode(e, &a, &blocks);
	batch_blocks(b, (struct bytes){ blocks.p, blocks.n });
	batch_sources(b, s, sources, SOURCES);
	rollup_add_flows(r, MINUTE / 60, flows, FLOWS);
	batch_rollup(b, r);
	struct signal signal = { .at_ns = 5, .value = 9, .samples_n = 1 };
	struct gap gap = { .from_ns = 1, .to_ns = 2, .reason = "killed", .dropped = 3 };
	struct sensor row = { .place = "roof" };
	snprintf(signal.sensor, sizeof signal.sensor, "%s", sensor);
	snprintf(gap.sensor, sizeof gap.sensor, "%s", sensor);
	snprintf(row.id, sizeof row.id, "%s", sensor);
	batch_signal(b, &signal);
	batch_row(b, MESSAGE_GAP, &gap_kind, &gap);
	batch_row(b, MESSAGE_SENSOR, &sensor_kind, &row);
	batch_commit(b, 4711, true);
	column_buf_free(&blocks);
	archive_encoder_free(e);
	sourceblock_free(s);
	rollup_free(r);
	return b;
}

/* Returns what the last message gave. */
static int take(struct assembly *a, const struct batch *b, const char **why)
{
	struct message m;
	int r = 0;
	size_t at = 0;
	while (r == 0 && batch_next((struct bytes){ b->frames.p, b->frames.n }, &at, &m))
		r = assembly_add(a, &m, why);
	return r;
}

static int same_sensor(void *arg, const void *record)
{
	const struct sensor *s = record;
	assert_string_equal(s->place, "roof");
	(*(int *)arg)++;
	return 0;
}

static void what_goes_in_comes_out(void **state)
{
	struct assembly *a = assembly_new();
	const char *why;
	assembly_begin(a, SENDER, "north");
	for (uint64_t sequence = 1; sequence <= 3; sequence++) {
		struct batch *b = build(sequence, "north");
		int sensors = 0;
		uint64_t packets = 0;
		for (size_t i = 0; i < FLOWS; i++)
			packets += flows[i].packets;
		assert_int_equal(take(a, b, &why), 1);
		const struct store_batch *got = assembly_batch(a);
		assert_int_equal(got->sequence, sequence);
		assert_int_equal(got->sender, SENDER);
		assert_string_equal(got->sensor, "north");
		assert_int_equal(got->sources_n, SOURCES);
		assert_memory_equal(&got->sources[699].addr, &sources[699].addr, sizeof sources[0].addr);
		assert_int_equal(got->sources[699].packets, 700);
		assert_int_equal(got->sources[699].minute, MINUTE + 1);
		assert_true(got->signals_n == 1 && got->signals[0].value == 9 && got->signals[0].samples_n == 1);
		assert_true(got->gaps_n == 1 && got->gaps[0].dropped == 3);
		assert_int_equal(assembly_flows(a), FLOWS);
		assert_int_equal(assembly_packets(a), packets);
		assert_int_equal(assembly_first(a), MINUTE * MINUTE_NS);
		assert_int_equal(assembly_until(a), 4711);
		assert_true(assembly_ended(a));
		assert_int_equal(assembly_each(a, MESSAGE_SENSOR, &sensor_kind, same_sensor, &sensors), 0);
		assert_int_equal(sensors, 1);
		assembly_clear(a);
		batch_free(b);
	}
	assembly_free(a);
}

static void what_is_refused(void **state)
{
	struct gap gap = { .sensor = "south" };
	struct signal signal = { .sensor = "south" };
	struct sensor row = { .id = "south" };
	struct assembly *a = assembly_new();
	const char *why;
	for (int i = 0; i < 5; i++) {
		struct batch *b = i == 3 ? build(1, "south") : i == 4 ? build(2, "north") : batch_new(1);
		if (i == 0)
			batch_row(b, MESSAGE_GAP, &gap_kind, &gap);
		else if (i == 1)
			batch_signal(b, &signal);
		else if (i == 2)
			batch_row(b, MESSAGE_SENSOR, &sensor_kind, &row);
		assembly_begin(a, i == 4 ? SENDER + 1 : SENDER, "north");
		if (take(a, b, &why) != -1 || !why[0])
			fail_msg("case %d was taken", i);
		batch_free(b);
	}
	/* Kinds that are no part of a batch. */
	for (uint16_t kind = 1; kind < MESSAGE_KIND_N; kind++) {
		bool part = (kind >= MESSAGE_BLOCKS && kind <= MESSAGE_COMMIT);
		assembly_begin(a, SENDER, "north");
		if (!part)
			assert_int_equal(assembly_add(a, &(struct message){ .kind = kind, .sequence = 1 }, &why), -1);
	}
	assembly_free(a);
}

/* Any octet changed: it is refused, or a batch of the same sensor and sender all the same. */
static void changed_octets(void **state)
{
	struct assembly *a = assembly_new();
	struct random r;
	const char *why;
	random_init(&r, 5);
	struct batch *b = build(1, "north");
	for (int i = 0; i < 1500; i++) {
		size_t at = random_below(&r, b->frames.n);
		uint8_t old = b->frames.p[at];
		b->frames.p[at] ^= (uint8_t)(1 + random_below(&r, 255));
		assembly_begin(a, SENDER, "north");
		if (take(a, b, &why) == 1) {
			const struct store_batch *got = assembly_batch(a);
			assert_true(got->sender == SENDER && strcmp(got->sensor, "north") == 0);
			for (size_t k = 0; k < got->gaps_n; k++)
				assert_string_equal(got->gaps[k].sensor, "north");
		}
		b->frames.p[at] = old;
	}
	assembly_begin(a, SENDER, "north");
	assert_int_equal(take(a, b, &why), 1);
	batch_free(b);
	assembly_free(a);
}

static void cut_at_each_message(void **state)
{
	struct assembly *a = assembly_new();
	const char *why;
	struct batch *b = build(1, "north");
	size_t whole = b->frames.n, at = 0, n = 0;
	struct message m;
	while (batch_next((struct bytes){ b->frames.p, whole }, &at, &m)) {
		b->frames.n = at;
		assembly_begin(a, SENDER, "north");
		assert_int_equal(take(a, b, &why), at == whole);
		n++;
	}
	assert_int_equal(at, whole);
	assert_true(n >= 8);
	b->frames.n = whole;
	batch_free(b);
	assembly_free(a);
}

static int begin(void **state)
{
	fill();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(changed_octets),
		cmocka_unit_test(cut_at_each_message),
	};
	return cmocka_run_group_tests(tests, begin, NULL);
}
