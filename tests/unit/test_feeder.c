// SPDX-License-Identifier: Apache-2.0
/* The keeper's side of its edges, with a store of its own; the test is the role that was taken over. */
#include "role/feeder.h"

#include "base/mem.h"
#include "model/gap.h"
#include "model/sensor.h"
#include "role/relay.h"
#include "role/upkeep.h"
#include "store/archive.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xxhash.h>

#define MINUTE INT64_C(28000000) /* a minute in 2023 */
#define NS     INT64_C(60000000000)

static char dir[64];
static struct member member;
static struct keeper keeper;
static struct counters page;
static int turns;

static void on_turn(void *arg)
{
	if (turns-- == 0)
		loop_stop(member.loop);
}

static void run(void)
{
	turns = 3;
	int timer = loop_timer(member.loop, 1, on_turn, NULL);
	loop_run(member.loop);
	loop_cancel(member.loop, timer);
}

static int open_keeper(void **state)
{
	static const char text[] = "network: {operator: self}\npackets: {keep: no}\nsensors:\n  - {name: west, dark: "
				   "[198.18.0.0/16]}\n  - {name: east, dark: [198.19.0.0/16]}\n";
	struct yaml_faults faults = { 0 };
	struct err err = { "" };
	snprintf(dir, sizeof dir, "/tmp/sakimori-feeder-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	memset(&keeper, 0, sizeof keeper);
	memset(&page, 0, sizeof page);
	counters = &page;
	member =
		(struct member){ .role = &roles[ROLE_KEEPER], .id = ROLE_KEEPER, .name = "keeper", .loop = loop_new() };
	member.options.store = dir;
	member.state = &keeper;
	if (config_parse(&member.config, (struct bytes){ (const uint8_t *)text, sizeof text - 1 }, &faults) < 0) {
		fprintf(stderr, "%s\n", faults.v[0].text);
		return -1;
	}
	keeper.m = &member;
	keeper.control = -1;
	keeper.store = store_open(dir, STORE_WRITE, NULL, &err);
	return keeper.store && upkeep_open(&keeper, &err) == 0 ? 0 : -1;
}

static int close_keeper(void **state)
{
	char command[128];
	feeder_free_all(&keeper);
	upkeep_close(&keeper);
	store_close(keeper.store);
	config_free(member.config);
	loop_free(member.loop);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

/* ---- the peer ---- */

static int new_peer(enum role_id role, unsigned index)
{
	int pair[2];
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(feeder_new(&keeper, role, index, pair[0]), 0);
	return pair[1];
}

/* False: it was cut off. */
static bool give(int peer, enum message_kind kind, uint32_t count, uint64_t sequence, const struct message_buf *body)
{
	uint8_t octets[MESSAGE_MAX];
	size_t n = body ? body->n : 0;
	message_header_build(octets, &(struct message){ .kind = (uint16_t)kind, .count = count, .sequence = sequence });
	if (n)
		memcpy(octets + MESSAGE_HEADER, body->p, n);
	return send(peer, octets, MESSAGE_HEADER + n, MSG_NOSIGNAL) > 0;
}

static void greet(int peer, const char *sensor, uint32_t flags)
{
	struct message_buf b = { 0 };
	struct sender_hello h = { .id = sender_id(sensor, "live"), .flags = flags };
	snprintf(h.sensor, sizeof h.sensor, "%s", sensor);
	sender_hello_put(&b, &h);
	give(peer, MESSAGE_HELLO, 1, 0, &b);
	free(b.p);
	run();
}

static void commit(int peer, uint64_t sequence, int64_t until_ns)
{
	struct message_buf b = { 0 };
	message_u64(&b, (uint64_t)until_ns);
	message_u8(&b, 0);
	give(peer, MESSAGE_COMMIT, 0, sequence, &b);
	free(b.p);
	run();
}

/* The kind of what comes next, 0: nothing, -1: the end. */
static int answer(int peer)
{
	uint8_t octets[MESSAGE_MAX];
	struct message m;
	ssize_t n = recv(peer, octets, sizeof octets, MSG_DONTWAIT);
	if (n <= 0)
		return n == 0 ? -1 : 0;
	assert_int_equal(message_parse((struct bytes){ octets, (size_t)n }, &m), 0);
	return m.kind;
}

static int feeders(void)
{
	int n = 0;
	for (int i = 0; i < FEEDERS_MAX; i++)
		n += keeper.feeders[i] != NULL;
	return n;
}

/* A sealed block of three flows. */
static struct column_buf block(const char *sensor, uint64_t sender, uint64_t sequence)
{
	struct column_buf out = { 0 };
	struct archive_encoder *e = archive_encoder_new();
	struct flow flows[3];
	memset(flows, 0, sizeof flows);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(addr_parse("203.0.113.7", &flows[i].src, NULL), 0);
		assert_int_equal(addr_parse("198.18.0.9", &flows[i].dst, NULL), 0);
		flows[i].dport = (uint16_t)(23 + i);
		flows[i].proto = 6;
		flows[i].packets = 1;
		flows[i].ip_len = 40;
		flows[i].bytes = 40;
		flows[i].first_ns = flows[i].last_ns = MINUTE * NS + i;
	}
	struct archive_batch b = { .flows = flows, .n = 3, .minute = MINUTE, .sender = sender, .sequence = sequence };
	snprintf(b.sensor, sizeof b.sensor, "%s", sensor);
	assert_int_equal(archive_encode(e, &b, &out), 1);
	archive_encoder_free(e);
	return out;
}

/* A header that is right in itself, whatever it says. */
static void seal(uint8_t *p)
{
	store_le64(p + ARCHIVE_HEADER - 8, XXH64(p, ARCHIVE_HEADER - 8, 0));
}

static const struct lie {
	const char *name;
	size_t at, size; /* octets of the header that are changed */
	uint64_t to;
	bool sealed, kept;
} lies[] = {
	{ "the truth", 8, 0, 0, true, true },
	{ "a header whose checksum is another's", 48, 8, 1, false },
	{ "no flows", 8, 4, 0, true },
	{ "more flows than a block holds", 8, 4, UINT32_MAX, true },
	{ "columns longer than what came", 12, 4, 1 << 20, true },
	{ "columns beyond all limits", 12, 4, UINT32_MAX, true },
	{ "columns shorter than what came", 12, 4, 8, true },
	{ "another sender", 16, 8, 77, true },
	{ "another sequence", 24, 8, 900, true },
	{ "another sensor", 128, 4, 0x74736165 /* east */, true },
	{ "another version", 4, 2, 9, true },
	{ "columns with another checksum", 120, 8, 4711, true },
};

static void send_block(int peer, const struct lie *l, uint64_t sequence)
{
	struct column_buf b = block("west", sender_id("west", "live"), sequence);
	for (size_t i = 0; i < l->size; i++)
		b.p[l->at + i] = (uint8_t)(l->to >> 8 * i);
	if (l->sealed)
		seal(b.p);
	struct message_buf body = { .p = b.p, .n = b.n };
	give(peer, MESSAGE_BLOCKS, 0, sequence, &body);
	commit(peer, sequence, (MINUTE + 1) * NS);
	column_buf_free(&b);
}

static void blocks_that_lie(void **state)
{
	int other = new_peer(ROLE_CAPTURE, 1);
	uint64_t kept = 0;
	greet(other, "east", 0);
	assert_int_equal(answer(other), MESSAGE_WELCOME);
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		int peer = new_peer(ROLE_CAPTURE, 0);
		uint64_t refused = channel_counts.refused;
		greet(peer, "west", 0);
		assert_int_equal(answer(peer), MESSAGE_WELCOME);
		send_block(peer, &lies[i], kept + 1);
		int got = answer(peer);
		kept += got == MESSAGE_ACK;
		if (got != (lies[i].kept ? MESSAGE_ACK : -1))
			fail_msg("%s: %s", lies[i].name, got < 0 ? "cut off" : message_kind_name((unsigned)got));
		assert_int_equal(channel_counts.refused - refused, !lies[i].kept);
		assert_int_equal(counters_get(&page, COUNTER_STORED_FLOWS), 3);
		close(peer);
		run();
	}
	/* The others go on. */
	commit(other, 1, MINUTE * NS);
	assert_int_equal(answer(other), MESSAGE_ACK);
	close(other);
	run();
	assert_int_equal(feeders(), 0);
}

static struct message_buf gap_body(const char *sensor)
{
	struct message_buf b = { 0 };
	struct gap g = { .from_ns = 1, .to_ns = 2 };
	snprintf(g.sensor, sizeof g.sensor, "%s", sensor);
	snprintf(g.reason, sizeof g.reason, "kernel-drop");
	message_row(&b, &gap_kind, &g);
	return b;
}

static struct message_buf sensor_body(const char *sensor)
{
	struct message_buf b = { 0 };
	struct sensor s = { 0 };
	snprintf(s.id, sizeof s.id, "%s", sensor);
	message_row(&b, &sensor_kind, &s);
	return b;
}

/* One message each, after a greeting as "west" (or none), that ends it. */
static const struct {
	const char *name;
	bool greeted;
	enum message_kind kind;
	uint32_t count;
	const char *gap, *sensor; /* body of that kind; else `n` octets of 0x5a */
	size_t n;
} ends[] = {
	{ "a batch before its greeting", false, MESSAGE_GAP, 1, "west", NULL, 0 },
	{ "a commit before its greeting", false, MESSAGE_COMMIT, 0, NULL, NULL, 9 },
	{ "a greeting of garbage", false, MESSAGE_HELLO, 1, NULL, NULL, 30 },
	{ "an empty greeting", false, MESSAGE_HELLO, 1, NULL, NULL, 0 },
	{ "a gap of another sensor", true, MESSAGE_GAP, 1, "east", NULL, 0 },
	{ "another sensor", true, MESSAGE_SENSOR, 1, NULL, "east", 0 },
	{ "a gap of garbage", true, MESSAGE_GAP, 1, NULL, NULL, 50 },
	{ "a commit of garbage", true, MESSAGE_COMMIT, 0, NULL, NULL, 50 },
	{ "a cut commit", true, MESSAGE_COMMIT, 0, NULL, NULL, 8 },
	{ "no sources", true, MESSAGE_SOURCES, 0, NULL, NULL, 100 },
	{ "sources of garbage", true, MESSAGE_SOURCES, 3, NULL, NULL, 100 },
	{ "sources beyond a block", true, MESSAGE_SOURCES, UINT32_MAX, NULL, NULL, 100 },
	{ "roll-ups of garbage", true, MESSAGE_ROLLUP, 3, NULL, NULL, 100 },
	{ "roll-ups beyond the limits", true, MESSAGE_ROLLUP, BATCH_ROLLUPS + 1, NULL, NULL, 100 },
	{ "a signal of garbage", true, MESSAGE_SIGNAL, 1, NULL, NULL, 100 },
	{ "what capture may not say", true, MESSAGE_FINDING, 1, NULL, NULL, 100 },
	{ "what the supervisor says", true, MESSAGE_EDGE, 0, NULL, NULL, 3 },
	{ "a second greeting", true, MESSAGE_HELLO, 1, "greeting", NULL, 0 },
};

static void what_ends_a_peer(void **state)
{
	int other = new_peer(ROLE_CAPTURE, 1);
	greet(other, "east", 0);
	assert_int_equal(answer(other), MESSAGE_WELCOME);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct message_buf b = { 0 };
		int peer = new_peer(ROLE_CAPTURE, 0);
		uint64_t before = channel_counts.refused;
		if (ends[i].greeted) {
			greet(peer, "west", 0);
			assert_int_equal(answer(peer), MESSAGE_WELCOME);
		}
		if (ends[i].gap && ends[i].kind == MESSAGE_HELLO)
			sender_hello_put(
				&b, &(struct sender_hello){ .id = sender_id("west", "live"), .sensor = "west" });
		else if (ends[i].gap)
			b = gap_body(ends[i].gap);
		else if (ends[i].sensor)
			b = sensor_body(ends[i].sensor);
		for (size_t k = 0; k < ends[i].n; k++)
			message_u8(&b, 0x5a);
		give(peer, ends[i].kind, ends[i].count, 1, &b);
		free(b.p);
		run();
		uint64_t refused = channel_counts.refused - before;
		if (answer(peer) != -1 || refused != 1)
			fail_msg("%s: it goes on, %d refused", ends[i].name, (int)refused);
		close(peer);
		run();
	}
	commit(other, 1, MINUTE * NS);
	assert_int_equal(answer(other), MESSAGE_ACK);
	close(other);
	run();
}

static void the_name_of_another_sensor(void **state)
{
	int peer = new_peer(ROLE_CAPTURE, 0);
	greet(peer, "east", 0);
	assert_int_equal(answer(peer), -1);
	close(peer);
	assert_int_equal(feeders(), 0);
}

static void half_a_batch_then_silence(void **state)
{
	struct message_buf b = gap_body("west");
	int peer = new_peer(ROLE_CAPTURE, 0);
	greet(peer, "west", 0);
	assert_int_equal(answer(peer), MESSAGE_WELCOME);
	give(peer, MESSAGE_GAP, 1, 1, &b);
	run();
	assert_int_equal(answer(peer), 0);
	/* The next in its place begins anew: nothing of the half is kept. */
	int next = new_peer(ROLE_CAPTURE, 0);
	greet(next, "west", 0);
	assert_int_equal(answer(peer), -1);
	assert_int_equal(answer(next), MESSAGE_WELCOME);
	commit(next, 1, MINUTE * NS);
	assert_int_equal(answer(next), MESSAGE_ACK);
	assert_int_equal(counters_get(&page, COUNTER_GAPS), 0);
	free(b.p);
	close(peer);
	close(next);
	run();
	assert_int_equal(feeders(), 0);
}

/* As many rows as it likes: the limit ends it, and memory stays below. */
static void floods(void **state)
{
	struct message_buf b = gap_body("west");
	struct rusage before, after;
	uint64_t refused = channel_counts.refused;
	int peer = new_peer(ROLE_CAPTURE, 0), sent = 0;
	greet(peer, "west", 0);
	assert_int_equal(answer(peer), MESSAGE_WELCOME);
	getrusage(RUSAGE_SELF, &before);
	while (sent < 200000 && give(peer, MESSAGE_GAP, 1, 1, &b))
		if (++sent % 256 == 0)
			run();
	getrusage(RUSAGE_SELF, &after);
	assert_in_range(sent, BATCH_ROWS, BATCH_ROWS + 4096);
	assert_int_equal(channel_counts.refused - refused, 1);
	assert_true(after.ru_maxrss - before.ru_maxrss < 128 << 10);
	free(b.p);
	close(peer);
	run();
	assert_int_equal(feeders(), 0);
}

/* Collect speaks for many, and greets again and again for the one who asks it to. */
static void endless_greetings(void **state)
{
	int peer = new_peer(ROLE_COLLECT, 0);
	greet(peer, "far", 0);
	commit(peer, 1, MINUTE * NS);
	for (int i = 0; i < 100; i++)
		greet(peer, "far", SENDER_LIVE);
	assert_true(counters_get(&page, COUNTER_GAPS) >= 1 && counters_get(&page, COUNTER_GAPS) <= 3);
	close(peer);
	run();
}

static void too_many_peers(void **state)
{
	int peers[FEEDERS_MAX], pair[2];
	for (int i = 0; i < FEEDERS_MAX; i++)
		peers[i] = new_peer(ROLE_COMMAND, 0);
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(feeder_new(&keeper, ROLE_COMMAND, 0, pair[0]), -1);
	close(pair[0]);
	close(pair[1]);
	for (int i = 0; i < FEEDERS_MAX; i++)
		close(peers[i]);
	run();
	assert_int_equal(feeders(), 0);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, open_keeper, close_keeper)

int main(void)
{
	const struct CMUnitTest tests[] = { ROW(blocks_that_lie), ROW(what_ends_a_peer),
		ROW(the_name_of_another_sensor), ROW(half_a_batch_then_silence), ROW(floods), ROW(endless_greetings),
		ROW(too_many_peers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
