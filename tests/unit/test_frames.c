// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"
#include "role/frames.h"
#include "role/sender.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static void build(struct message_buf *out, uint32_t length, uint16_t kind, uint16_t version)
{
	message_u32(out, length);
	message_u16(out, kind);
	message_u16(out, version);
	message_u32(out, 1);
	message_u64(out, 7);
}

static void what_is_no_frame(void **state)
{
	static const struct {
		const char *name;
		uint32_t length;
		uint16_t kind, version;
		int want;
	} cases[] = {
		{ "no body", 16, MESSAGE_ACK, 1, 1 },
		{ "a body that is still to come", 17, MESSAGE_ACK, 1, 0 },
		{ "the longest", MESSAGE_MAX, MESSAGE_BLOCKS, 1, 0 },
		{ "one octet longer", MESSAGE_MAX + 1, MESSAGE_BLOCKS, 1, -1 },
		{ "length without a header", 15, MESSAGE_ACK, 1, -1 },
		{ "length 0", 0, MESSAGE_ACK, 1, -1 },
		{ "the largest number", UINT32_MAX, MESSAGE_ACK, 1, -1 },
		{ "kind 0", 16, 0, 1, -1 },
		{ "a kind that nobody knows", 16, MESSAGE_KIND_N, 1, -1 },
		{ "a kind that nobody knows, before its body came", 99, MESSAGE_KIND_N, 1, -1 },
		{ "another version", 16, MESSAGE_ACK, 2, -1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message_buf b = { 0 };
		struct message m;
		size_t used;
		build(&b, cases[i].length, cases[i].kind, cases[i].version);
		int got = frames_next((struct bytes){ b.p, b.n }, &used, &m);
		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].name, got);
		if (got >= 0)
			assert_int_equal(used, 4 + cases[i].length);
		free(b.p);
	}
}

static void a_stream_in_any_pieces(void **state)
{
	static uint8_t body[MESSAGE_BODY];
	static const size_t sizes[] = { 0, 1, 300, MESSAGE_BODY, 5 };
	struct message_buf b = { 0 };
	struct message m;
	struct random r;
	size_t n = sizeof sizes / sizeof *sizes, used;
	random_init(&r, 1);
	for (size_t i = 0; i < n; i++)
		frames_put(
			&b, &(struct message){ .kind = MESSAGE_BLOCKS, .sequence = i + 1, .body = { body, sizes[i] } });
	for (int round = 0; round < 50; round++) {
		size_t at = 0, have = 0, i = 0;
		while (i < n) {
			struct bytes in = { b.p + at, have - at };
			int got = frames_next(in, &used, &m);
			assert_true(got >= 0);
			if (got == 0) {
				assert_true(used > in.n && used <= FRAMES_MAX && have < b.n);
				have += 1 + random_below(&r, 40000);
				have = have > b.n ? b.n : have;
				continue;
			}
			assert_int_equal(m.sequence, i + 1);
			assert_int_equal(m.body.n, sizes[i]);
			at += used;
			i++;
		}
		assert_int_equal(at, b.n);
	}
	free(b.p);
}

static void cut_at_each_octet(void **state)
{
	struct message_buf b = { 0 };
	struct message m;
	size_t used;
	frames_put(&b, &(struct message){ .kind = MESSAGE_HELLO, .body = { (const uint8_t *)"abcdef", 6 } });
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *copy = malloc(n + 1);
		memcpy(copy, b.p, n);
		assert_int_equal(frames_next((struct bytes){ copy, n }, &used, &m), 0);
		free(copy);
	}
	assert_int_equal(frames_next((struct bytes){ b.p, b.n }, &used, &m), 1);
	free(b.p);
}

static void numbers_of_senders(void **state)
{
	uint64_t a = sender_id("north", "live"), b = sender_id("south", "live");
	assert_true(a && a <= INT64_MAX && a != b && a != sender_id("north", "forward"));
	assert_true(sender_id_of(a, "north") && sender_id_of(sender_id("north", "forward"), "north"));
	assert_false(sender_id_of(a, "south") || sender_id_of(b, "north"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_frame),
		cmocka_unit_test(a_stream_in_any_pieces),
		cmocka_unit_test(cut_at_each_octet),
		cmocka_unit_test(numbers_of_senders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
