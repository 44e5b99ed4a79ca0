// SPDX-License-Identifier: Apache-2.0
/* The keeper's side of a peer that is in other hands: what it sends without end, and never reads, costs little. */
#include "base/err.h"
#include "base/random.h"
#include "model/gap.h"
#include "role/feeder.h"
#include "role/relay.h"
#include "role/upkeep.h"
#include "store/packetring.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <ftw.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 400

static char dir[64];
static struct member member;
static struct keeper keeper;
static int peer;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int set_up(void **state)
{
	static const char text[] = "network: {operator: self}\npackets: {keep: true}\nsensors:\n  - {name: west}\n";
	struct yaml_faults faults = { 0 };
	struct err err = { "" };
	snprintf(dir, sizeof dir, "/tmp/test_relay.XXXXXX");
	assert_non_null(mkdtemp(dir));
	memset(&member, 0, sizeof member);
	memset(&keeper, 0, sizeof keeper);
	member.name = "keeper";
	member.id = ROLE_KEEPER;
	member.loop = loop_new();
	member.options.store = dir;
	if (config_parse(&member.config, (struct bytes){ (const uint8_t *)text, sizeof text - 1 }, &faults) < 0) {
		print_error("%s\n", faults.v[0].text);
		return -1;
	}
	keeper.m = &member;
	keeper.store = store_open(dir, STORE_WRITE, NULL, &err);
	assert_non_null(keeper.store);
	return upkeep_open(&keeper, &err);
}

static int tear_down(void **state)
{
	feeder_free_all(&keeper);
	upkeep_close(&keeper);
	store_close(keeper.store);
	loop_free(member.loop);
	config_free(member.config);
	if (peer >= 0)
		close(peer);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void enough(void *arg)
{
	loop_stop(member.loop);
}

static void run(int ms)
{
	loop_after(member.loop, ms, enough, NULL);
	loop_run(member.loop);
}

static void join(enum role_id role)
{
	int pair[2];
	assert_int_equal(channel_pair(pair), 0);
	peer = pair[1];
	assert_int_equal(feeder_new(&keeper, role, 0, pair[0]), 0);
}

/* As the peer: as much as the socket takes. Returns how many. */
static unsigned say(enum message_kind kind, const struct message_buf *body, unsigned n)
{
	uint8_t raw[16384];
	static uint64_t batches = 1; /* one number a batch */
	struct message m = { .kind = (uint16_t)kind, .count = 1, .sequence = batches };
	batches += kind == MESSAGE_COMMIT;
	size_t len = body ? body->n : 0;
	unsigned i = 0;
	message_header_build(raw, &m);
	if (len)
		memcpy(raw + MESSAGE_HEADER, body->p, len);
	while (i < n && send(peer, raw, MESSAGE_HEADER + len, MSG_DONTWAIT) > 0)
		i++;
	return i;
}

static void hello(const char *sensor, const char *what)
{
	struct message_buf b = { 0 };
	struct sender_hello h = { .id = sender_id(sensor, what) };
	snprintf(h.sensor, sizeof h.sensor, "%s", sensor);
	sender_hello_put(&b, &h);
	assert_int_equal(say(MESSAGE_HELLO, &b, 1), 1);
	free(b.p);
}

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* Asked for files of the ring, and never taken, or taken and left empty. */
static void ring_files(void **state)
{
	char path[128];
	join(ROLE_CAPTURE);
	hello("west", "capture");
	run(20);
	unsigned before = entries("/proc/self/fd");
	for (unsigned i = 0; i < 3000;) {
		struct message_buf b = { 0 };
		message_u32(&b, i % 64);
		message_u64(&b, (uint64_t)i * 1000000000);
		i += say(MESSAGE_RING_WANT, &b, 1);
		free(b.p);
		if (i % 64 == 0)
			run(1);
	}
	run(50);
	snprintf(path, sizeof path, "%s/packets/west", dir);
	assert_in_range(entries("/proc/self/fd"), before, before + 2);
	assert_in_range(entries(path), 64, 200);
}

/* The analysis asks for the end, and reads nothing. */
static void ends(void **state)
{
	join(ROLE_ANALYSIS);
	run(20);
	size_t before = mallinfo2().uordblks;
	for (unsigned i = 0; i < 400000;) {
		i += say(MESSAGE_END, NULL, 100);
		run(0);
	}
	size_t grown = mallinfo2().uordblks - before;
	print_message("grown by %zu octets\n", grown);
	assert_in_range(grown, 0, 40 << 20);
}

/* A good row of a kind with numbers that aren't; nothing for other kinds. */
static void row(struct message_buf *b, unsigned kind, const char *sensor, uint64_t dice)
{
	static struct finding f;
	int64_t far = (int64_t)(dice & 64 ? UINT64_MAX >> (dice & 63) : random_mix(dice));
	struct signal s = { .at_ns = far, .value = (uint64_t)far, .samples_n = dice & 1 };
	struct gap g = { .from_ns = far, .to_ns = -far / 2, .dropped = UINT64_MAX };
	snprintf(s.sensor, sizeof s.sensor, "%s", sensor);
	snprintf(s.source, sizeof s.source, "\x1b[2J\n%u", (unsigned)dice);
	snprintf(g.sensor, sizeof g.sensor, "%s", sensor);
	memset(&f, 0, sizeof f);
	snprintf(f.id, sizeof f.id, "%016llx%016llx", (unsigned long long)dice, (unsigned long long)dice);
	snprintf(f.sensor, sizeof f.sensor, "%s", dice & 1 ? "../.." : "west");
	snprintf(f.subject, sizeof f.subject, "a\nb");
	f.severity = finding_word("high");
	f.first_ns = far;
	f.last_ns = -far / 2;
	f.packets = UINT64_MAX;
	b->n = 0;
	if (kind == MESSAGE_SIGNAL)
		message_signal(b, &s);
	else if (kind == MESSAGE_GAP)
		message_row(b, &gap_kind, &g);
	else if (kind == MESSAGE_FINDING)
		message_finding(b, &f);
}

static uint64_t dice = 1;

static uint64_t roll(void)
{
	return dice = random_mix(dice);
}

static bool has_row(unsigned kind)
{
	return kind == MESSAGE_SIGNAL || kind == MESSAGE_GAP || kind == MESSAGE_FINDING;
}

/* A number or a text after the other; half of the time a good row. */
static void babble(enum role_id role, const char *sensor, bool good)
{
	uint64_t kinds = edges_kinds(role, ROLE_KEEPER);
	struct message_buf b = { 0 };
	unsigned kind = 0;
	for (uint64_t n = roll() % 60; n; n--)
		if (roll() & 1)
			message_text(&b, dice & 2 ? "west" : "\x1b]0;\n\"'");
		else
			message_u64(&b, dice & 4 ? dice : dice & 8 ? UINT64_MAX >> (dice >> 4 & 63) : dice >> 60);
	while (!(kinds & MESSAGE_BIT(kind)))
		kind = (unsigned)(roll() % MESSAGE_KIND_N);
	if (good && !has_row(kind))
		kind = role == ROLE_ANALYSIS ? MESSAGE_FINDING : MESSAGE_GAP;
	if (kinds & MESSAGE_BIT(kind) && has_row(kind))
		row(&b, kind, sensor, dice);
	say(kind, &b, 1);
	b.n = 0;
	message_u64(&b, dice & 8 ? dice : dice & 16 ? INT64_MAX - 60000000000 : dice >> 20);
	message_u8(&b, dice & 1);
	if ((dice & 2) == 0)
		say(MESSAGE_COMMIT, &b, 1);
	free(b.p);
}

/* Bodies of all kinds that the edge takes, near to good ones; every role in its turn. The keeper keeps on. */
static void noise(void **state)
{
	static const struct {
		enum role_id role;
		const char *sensor, *what;
	} who[] = { { ROLE_CAPTURE, "west", "capture" }, { ROLE_COLLECT, "far", "capture" },
		{ ROLE_ANALYSIS, "", "analysis" }, { ROLE_ALERT, "", "alert" }, { ROLE_QUERY, "", "query" } };
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned w = round % 5;
		join(who[w].role);
		if (edges_kinds(who[w].role, ROLE_KEEPER) & MESSAGE_BIT(MESSAGE_HELLO))
			hello(who[w].sensor, who[w].what);
		for (unsigned i = 0; i < 12; i++)
			babble(who[w].role, who[w].sensor, round & 8);
		run(1);
		close(peer);
		peer = -1;
	}
	assert_true(counters_get(counters, COUNTER_COMMITS) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(ring_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(noise, set_up, tear_down) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
