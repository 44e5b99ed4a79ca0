// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "base/random.h"
#include "model/message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static struct random rng;

static void any_text(char *out, size_t size)
{
	size_t n = random_below(&rng, 4) ? random_below(&rng, size) : size - 1;
	memset(out, 0, size);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(1 + random_below(&rng, 255));
}

static uint64_t any(void)
{
	static const uint64_t edges[] = { 0, 1, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX };
	return random_below(&rng, 3) ? random_u64(&rng) : edges[random_below(&rng, 5)];
}

static void any_row(const struct row_kind *kind, void *record)
{
	memset(record, 0, kind->size);
	for (size_t i = 0; i < kind->n; i++) {
		const struct row_field *f = &kind->fields[i];
		void *p = (char *)record + f->offset;
		uint64_t v = any();
		if (f->type == ROW_TEXT || f->type == ROW_LIST)
			any_text(p, f->size);
		else if (f->type == ROW_BOOL)
			*(bool *)p = v & 1;
		else
			memcpy(p, &v, sizeof v);
	}
}

static uint32_t any_samples(struct finding_sample *v)
{
	uint32_t n = (uint32_t)random_below(&rng, FINDING_SAMPLES + 1);
	for (uint32_t i = 0; i < n; i++) {
		v[i].ns = (int64_t)any();
		for (size_t k = 0; k < 16; k++) {
			v[i].src.b[k] = (uint8_t)any();
			v[i].dst.b[k] = (uint8_t)any();
		}
		v[i].sport = (uint16_t)any();
		v[i].dport = (uint16_t)any();
		v[i].proto = (uint8_t)any();
		v[i].head_len = (uint8_t)random_below(&rng, FINDING_HEAD + 1);
		for (size_t k = 0; k < v[i].head_len; k++)
			v[i].head[k] = (uint8_t)any();
	}
	return n;
}

static uint32_t any_counts(struct finding_count *v, size_t max)
{
	uint32_t n = (uint32_t)random_below(&rng, max + 1);
	for (uint32_t i = 0; i < n; i++) {
		any_text(v[i].name, sizeof v[i].name);
		v[i].n = any();
	}
	return n;
}

static void any_finding(struct finding *f)
{
	static const char *const tools[] = { NULL, "zmap", "masscan", "mirai", "none" };
	static const char *const severities[] = { NULL, "info", "low", "medium", "high" };
	memset(f, 0, sizeof *f);
	any_text(f->id, sizeof f->id);
	f->kind = (enum finding_kind)random_below(&rng, FINDING_KIND_N);
	any_text(f->subject, sizeof f->subject);
	any_text(f->sensor, sizeof f->sensor);
	f->tool = finding_word(tools[random_below(&rng, 5)] ?: "");
	f->shape = (enum finding_shape)random_below(&rng, SHAPE_BLOCK + 1);
	f->packets = any();
	f->targets = any();
	f->ports = any();
	f->destinations = any();
	f->sources = any();
	uint64_t bits = any();
	f->has_targets = bits & 1;
	f->has_ports = bits >> 1 & 1;
	f->has_destinations = bits >> 2 & 1;
	f->has_sources = bits >> 3 & 1;
	f->spoofable = bits >> 4 & 1;
	f->port_list_n = (uint32_t)random_below(&rng, FINDING_PORT_LIST + 1);
	for (uint32_t i = 0; i < f->port_list_n; i++)
		f->port_list[i] = (uint16_t)any();
	f->top_ports_n = any_counts(f->top_ports, FINDING_TOP);
	f->by_flags_n = any_counts(f->by_flags, 64);
	f->first_ns = (int64_t)any();
	f->last_ns = (int64_t)any();
	f->confidence = (uint8_t)any();
	f->severity = finding_word(severities[random_below(&rng, 5)] ?: "");
	f->samples_n = any_samples(f->samples);
	f->counts_n = any_counts(f->counts, FINDING_COUNTS);
	any_text(f->place.country, sizeof f->place.country);
	any_text(f->place.city, sizeof f->place.city);
	any_text(f->place.as_name, sizeof f->place.as_name);
	f->place.has_position = bits >> 5 & 1;
	f->place.has_asn = bits >> 6 & 1;
	f->place.latitude = (double)(int32_t)any() / 1e7;
	f->place.longitude = (double)(int32_t)any() / 1e7;
	f->place.asn = (uint32_t)any();
	any_text(f->detail, sizeof f->detail);
}

/* Every cut of the body is bad, and so is an octet more. */
static void cuts(const struct message_buf *b, void (*get)(struct message_reader *r, void *arg), void *arg)
{
	for (size_t n = 0; n <= b->n + 1; n += 1 + (n > 300 && n + 300 < b->n) * 97) {
		uint8_t *copy = calloc(1, n + 1); /* in its own allocation: one octet too far is seen */
		memcpy(copy, b->p, n < b->n ? n : b->n);
		struct message_reader r = { .in = { copy, n } };
		get(&r, arg);
		if (message_whole(&r) != (n == b->n))
			fail_msg("cut at %zu of %zu", n, b->n);
		free(copy);
	}
}

static const struct row_kind *row_now;

static void get_row(struct message_reader *r, void *to)
{
	message_get_row(r, row_now, to);
}

static void get_signal(struct message_reader *r, void *to)
{
	message_get_signal(r, to);
}

static void get_finding(struct message_reader *r, void *to)
{
	message_get_finding(r, to);
}

static void rows(void **state)
{
	for (size_t k = 0; k < row_kinds_n; k++) {
		row_now = row_kinds[k];
		void *in = mem_new(row_now->size), *out = mem_new(row_now->size);
		for (int i = 0; i < 50; i++) {
			struct message_buf b = { 0 };
			any_row(row_now, in);
			message_row(&b, row_now, in);
			struct message_reader r = { .in = { b.p, b.n } };
			message_get_row(&r, row_now, out);
			assert_true(message_whole(&r));
			assert_memory_equal(in, out, row_now->size);
			if (i == 0)
				cuts(&b, get_row, out);
			free(b.p);
		}
		free(in);
		free(out);
	}
}

static void signals(void **state)
{
	static struct signal in, out;
	for (int i = 0; i < 300; i++) {
		struct message_buf b = { 0 };
		memset(&in, 0, sizeof in);
		any_row(&signal_kind, &in);
		in.samples_n = any_samples(in.samples);
		message_signal(&b, &in);
		struct message_reader r = { .in = { b.p, b.n } };
		memset(&out, 0xff, sizeof out);
		message_get_signal(&r, &out);
		assert_true(message_whole(&r));
		assert_int_equal(in.samples_n, out.samples_n);
		assert_memory_equal(in.samples, out.samples, sizeof in.samples);
		assert_string_equal(in.source, out.source);
		assert_true(in.at_ns == out.at_ns && in.value == out.value && in.threshold == out.threshold);
		if (i < 3)
			cuts(&b, get_signal, &out);
		free(b.p);
	}
}

static void findings(void **state)
{
	static struct finding in, out;
	for (int i = 0; i < 300; i++) {
		struct message_buf b = { 0 }, again = { 0 };
		any_finding(&in);
		message_finding(&b, &in);
		assert_true(b.n <= MESSAGE_BODY);
		struct message_reader r = { .in = { b.p, b.n } };
		message_get_finding(&r, &out);
		assert_true(message_whole(&r));
		assert_ptr_equal(in.tool, out.tool);
		assert_ptr_equal(in.severity, out.severity);
		assert_memory_equal(in.port_list, out.port_list, sizeof in.port_list);
		assert_memory_equal(in.by_flags, out.by_flags, sizeof in.by_flags);
		assert_memory_equal(in.samples, out.samples, sizeof in.samples);
		message_finding(&again, &out);
		assert_int_equal(again.n, b.n);
		assert_memory_equal(again.p, b.p, b.n);
		if (i < 2)
			cuts(&b, get_finding, &out);
		free(b.p);
		free(again.p);
	}
}

static void headers(void **state)
{
	uint8_t p[MESSAGE_HEADER];
	struct message out, in = { .kind = MESSAGE_ACK, .count = 0xfffefdfc, .sequence = UINT64_MAX - 1 };
	message_header_build(p, &in);
	static const uint8_t octets[] = { MESSAGE_ACK, 0, 1, 0, 0xfc, 0xfd, 0xfe, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff };
	assert_memory_equal(p, octets, sizeof octets);
	assert_int_equal(message_parse((struct bytes){ p, sizeof p }, &out), 0);
	assert_true(out.count == in.count && out.sequence == in.sequence && out.body.n == 0);
	for (size_t n = 0; n < sizeof p; n++)
		assert_int_equal(message_parse((struct bytes){ p, n }, &out), -1);
}

static void texts_that_are_none(void **state)
{
	static const struct {
		const char *name;
		uint8_t in[8];
		size_t n;
		bool good;
	} cases[] = {
		{ "plain", { 2, 0, 'a', 'b' }, 4, true },
		{ "empty", { 0, 0 }, 2, true },
		{ "as long as there is room", { 3, 0, 'a', 'b', 'c' }, 5, true },
		{ "no room for the NUL", { 4, 0, 'a', 'b', 'c', 'd' }, 6, false },
		{ "a NUL inside", { 2, 0, 'a', 0 }, 4, false },
		{ "longer than what is there", { 3, 0, 'a', 'b' }, 4, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[4];
		struct message_reader r = { .in = { cases[i].in, cases[i].n } };
		message_get_text(&r, out, sizeof out);
		if (message_whole(&r) != cases[i].good)
			fail_msg("%s", cases[i].name);
		if (!cases[i].good)
			assert_string_equal(out, "");
	}
}

static int begin(void **state)
{
	random_init(&rng, 3);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(texts_that_are_none),
		cmocka_unit_test(rows),
		cmocka_unit_test(signals),
		cmocka_unit_test(findings),
	};
	return cmocka_run_group_tests(tests, begin, NULL);
}
