// SPDX-License-Identifier: Apache-2.0
/* Who may be connected, and who goes when there are too many. */
#include "console/admit.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static struct admit *a;
static int peers[4096];
static int peers_n;

static int set_up(void **state)
{
	a = mem_new(sizeof *a);
	admit_init(a);
	peers_n = 0;
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < ADMIT_ALL; i++)
		if (a->guests[i].fd >= 0)
			close(a->guests[i].fd);
	for (int i = 0; i < peers_n; i++)
		close(peers[i]);
	free(a);
	return 0;
}

static struct guest *from(const char *address, int64_t now)
{
	int pair[2];
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	bool four = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	if (!four)
		assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct guest *g = admit_one(a, pair[0], four ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, now);
	if (g)
		g->known = true;
	else
		close(pair[0]);
	peers[peers_n++] = pair[1];
	return g;
}

/* What the server does when it notices. */
static size_t sweep(void)
{
	size_t n = 0;
	for (size_t i = 0; i < ADMIT_ALL; i++)
		if (a->guests[i].fd >= 0 && a->guests[i].ending) {
			close(a->guests[i].fd);
			admit_free(&a->guests[i]);
			n++;
		}
	return n;
}

static void one_address_has_its_share(void **state)
{
	struct guest *first = from("192.0.2.1", 1), *other = from("192.0.2.2", 0);
	for (int i = 1; i < ADMIT_EACH / 4; i++)
		assert_non_null(from("192.0.2.1", 2));
	assert_int_equal(a->ended, 0);
	assert_non_null(from("192.0.2.1", 3));
	assert_true(first->ending);
	assert_false(other->ending);
	assert_int_equal(sweep(), 1);
	/* Those that ask something stay; when all do, a new one is turned away. */
	for (int i = 0; i < ADMIT_EACH; i++) {
		struct guest *g = from("192.0.2.9", 4);
		assert_non_null(g);
		admit_phase(g, GUEST_LIVE, 4);
	}
	assert_null(from("192.0.2.9", 5));
	assert_int_equal(a->refused, 1);
	assert_non_null(from("192.0.2.10", 5));
}

static void a_network_counts_as_one(void **state)
{
	char text[64];
	for (int i = 0; i < ADMIT_EACH; i++) {
		snprintf(text, sizeof text, "2001:db8::%x", i + 1);
		struct guest *g = from(text, 1);
		assert_non_null(g);
		assert_string_equal(g->text, text);
		admit_phase(g, GUEST_LIVE, 1);
	}
	assert_null(from("2001:db8::ffff:1", 2));
	assert_non_null(from("2001:db8:0:1::1", 2));
	struct guest *mapped = from("::ffff:192.0.2.7", 3), *plain = from("192.0.2.7", 3);
	assert_memory_equal(mapped->key, plain->key, sizeof plain->key);
	assert_string_equal(mapped->text, "192.0.2.7");
}

static void slow_ones_go_first(void **state)
{
	char text[64];
	struct guest *asks = from("198.51.100.1", 0);
	admit_phase(asks, GUEST_ASKS, 0);
	for (int i = 0; i < ADMIT_NEW; i++) {
		snprintf(text, sizeof text, "203.0.%d.%d", i / 200, i % 200);
		assert_non_null(from(text, i + 1));
	}
	assert_int_equal(a->ended, 0);
	for (int i = 0; i < 100; i++)
		assert_non_null(from("198.51.100.2", 1000 + i));
	assert_false(asks->ending);
	assert_int_equal(sweep(), 100);
	assert_int_equal(admit_count(a), 1 + ADMIT_NEW);
}

static void a_machine_of_its_own_has_more(void **state)
{
	for (int i = 0; i < ADMIT_EACH_LOCAL; i++) {
		struct guest *g = from("127.0.0.1", 1);
		assert_non_null(g);
		admit_phase(g, GUEST_LIVE, 1);
	}
	assert_null(from("127.0.0.1", 1));
	for (int i = 0; i < ADMIT_ALL - ADMIT_EACH_LOCAL; i++) {
		char text[64];
		snprintf(text, sizeof text, "203.0.%d.%d", i / 200, i % 200);
		struct guest *g = from(text, 1);
		assert_non_null(g);
		admit_phase(g, i ? GUEST_LIVE : GUEST_RESTS, 1);
	}
	/* Full: one that rests makes room, but its place is free only when it is closed. */
	assert_null(from("198.51.100.3", 2));
	assert_int_equal(sweep(), 1);
	assert_non_null(from("198.51.100.3", 2));
}

static void time_is_limited(void **state)
{
	static const struct {
		enum guest_phase phase;
		int64_t s;
	} limits[] = { { GUEST_NEW, 10 }, { GUEST_ASKS, 60 }, { GUEST_ASKS_LONG, 900 }, { GUEST_RESTS, 30 } };
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct guest *g = from("192.0.2.1", 0);
		admit_phase(g, limits[i].phase, 5 * SECOND);
		admit_tick(a, (5 + limits[i].s) * SECOND);
		assert_false(g->ending);
		admit_tick(a, (5 + limits[i].s) * SECOND + 1);
		assert_true(g->ending);
		assert_int_equal(sweep(), 1);
	}
	struct guest *live = from("192.0.2.1", 0);
	admit_phase(live, GUEST_LIVE, 0);
	admit_tick(a, 1000000 * SECOND);
	assert_false(live->ending);
	/* One that the server never took up. */
	struct guest *lost = from("192.0.2.2", 0);
	int fd = lost->fd;
	lost->known = false;
	assert_ptr_equal(admit_find(a, fd), lost);
	admit_tick(a, 6 * SECOND);
	assert_int_equal(lost->fd, -1);
	close(fd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_address_has_its_share),
		TEST(a_network_counts_as_one),
		TEST(slow_ones_go_first),
		TEST(a_machine_of_its_own_has_more),
		TEST(time_is_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
