// SPDX-License-Identifier: Apache-2.0
/* Sessions, how often passwords may be tried, and proofs, in a time of the test's own. */
#include "role/proof.h"
#include "role/session.h"
#include "role/throttle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S    INT64_C(1000000000)
#define MIN  (60 * S)
#define HOUR (3600 * S)

static struct session of(const char *user)
{
	struct session s = { .since_ns = 1 };
	snprintf(s.user, sizeof s.user, "%s", user);
	return s;
}

/* ---- sessions ---- */

static void limits(void **state)
{
	struct sessions *s = sessions_new(30 * MIN, 12 * HOUR);
	struct session one = of("a"), found;
	char token[PROOF_KEY + 1];
	sessions_begin(s, &one, token, 0);
	assert_int_equal(strlen(token), PROOF_KEY);
	assert_true(sessions_find(s, token, false, 30 * MIN - 1, &found));
	assert_string_equal(found.csrf, one.csrf);
	/* Looking doesn't make it last, using does. */
	assert_false(sessions_find(s, token, true, 30 * MIN, &found));
	sessions_begin(s, &one, token, 0);
	for (int64_t t = 0; t < 12 * HOUR; t += 20 * MIN)
		assert_true(sessions_find(s, token, true, t, &found));
	assert_int_equal(sessions_until(s, &found), 12 * HOUR);
	assert_false(sessions_find(s, token, true, 12 * HOUR, &found));
	assert_int_equal(sessions_count(s), 0);
	sessions_free(s);
}

static void tokens_are_not_guessed(void **state)
{
	struct sessions *s = sessions_new(30 * MIN, 12 * HOUR);
	struct session one = of("a"), found;
	char token[PROOF_KEY + 1], other[PROOF_KEY + 1];
	sessions_begin(s, &one, token, 0);
	sessions_begin(s, &one, other, 0);
	assert_string_not_equal(token, other);
	assert_false(sessions_find(s, "", true, 0, &found));
	for (int i = 0; i < PROOF_KEY; i++) {
		char wrong[PROOF_KEY + 1];
		memcpy(wrong, token, sizeof wrong);
		wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
		assert_false(sessions_find(s, wrong, true, 0, &found));
		wrong[i] = '\0';
		assert_false(sessions_find(s, wrong, true, 0, &found));
	}
	/* Neither it nor a part of it is kept. */
	assert_true(sessions_find(s, token, true, 0, &found));
	for (size_t i = 0; i + 8 <= sizeof found; i++)
		assert_int_not_equal(memcmp((const char *)&found + i, token, 8), 0);
	sessions_free(s);
}

static void bounded(void **state)
{
	struct sessions *s = sessions_new(30 * MIN, 12 * HOUR);
	char first[PROOF_KEY + 1], token[PROOF_KEY + 1], name[32];
	struct session one = of("a"), found;
	sessions_begin(s, &one, first, 0);
	for (int i = 1; i < SESSIONS_A_USER; i++) {
		one = of("a");
		sessions_begin(s, &one, token, i);
	}
	assert_true(sessions_find(s, first, false, 20, &found));
	one = of("a");
	sessions_begin(s, &one, token, 20);
	assert_false(sessions_find(s, first, false, 20, &found));
	assert_int_equal(sessions_count(s), SESSIONS_A_USER);
	for (int i = 0; i < 2 * SESSIONS_MAX; i++) {
		snprintf(name, sizeof name, "u%d", i);
		one = of(name);
		sessions_begin(s, &one, token, 100 + i);
	}
	assert_int_equal(sessions_count(s), SESSIONS_MAX);
	assert_true(sessions_find(s, token, false, 9999, &found));
	sessions_free(s);
}

static void others_end(void **state)
{
	struct sessions *s = sessions_new(30 * MIN, 12 * HOUR);
	char mine[PROOF_KEY + 1], other[PROOF_KEY + 1], his[PROOF_KEY + 1];
	struct session a = of("a"), b = of("a"), c = of("b"), found;
	sessions_begin(s, &a, mine, 0);
	sessions_begin(s, &b, other, 0);
	sessions_begin(s, &c, his, 0);
	sessions_end_others(s, "a", &a);
	assert_true(sessions_find(s, mine, false, 1, &found));
	assert_false(sessions_find(s, other, false, 1, &found));
	assert_true(sessions_find(s, his, false, 1, &found));
	sessions_end(s, &a);
	assert_false(sessions_find(s, mine, false, 1, &found));
	sessions_put(s, &a);
	assert_int_equal(sessions_count(s), 1);
	sessions_free(s);
}

/* ---- throttle ---- */

static void doubles(void **state)
{
	static const unsigned want[] = { 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900 };
	struct throttle *t = throttle_new(7);
	int64_t now = HOUR;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		throttle_failed(t, "admin", "192.0.2.1", now);
		assert_int_equal(throttle_wait_s(t, "admin", "192.0.2.1", now), want[i]);
		now += (int64_t)want[i] * S;
		assert_int_equal(throttle_wait_s(t, "admin", "192.0.2.1", now), 0);
	}
	/* Long after the last failure nothing of it is left. */
	now += 2 * HOUR;
	throttle_failed(t, "admin", "192.0.2.1", now);
	assert_int_equal(throttle_wait_s(t, "admin", "192.0.2.1", now), 0);
	throttle_free(t);
}

/* A flood at one address, against one user, all that it can do. */
static void one_address(void **state)
{
	struct throttle *t = throttle_new(7);
	int64_t now = HOUR;
	unsigned tried = 0;
	throttle_good(t, "admin", "198.51.100.1", now);
	for (int i = 0; i < 3600; i++, now += S)
		if (!throttle_wait_s(t, "admin", "192.0.2.1", now)) {
			throttle_failed(t, "admin", "192.0.2.1", now);
			tried++;
		}
	assert_true(tried < 25);
	assert_int_equal(throttle_wait_s(t, "admin", "198.51.100.1", now), 0);
	assert_int_equal(throttle_wait_s(t, "admin", "203.0.113.5", now), 0);
	throttle_free(t);
}

/* One address, a password for each of many users. */
static void spray(void **state)
{
	struct throttle *t = throttle_new(7);
	char name[32];
	unsigned tried = 0;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "user%d", i);
		if (throttle_wait_s(t, name, "192.0.2.1", HOUR))
			continue;
		throttle_failed(t, name, "192.0.2.1", HOUR);
		tried++;
	}
	assert_int_equal(tried, THROTTLE_ADDRESS);
	throttle_free(t);
}

/* Many addresses, one user: it is slowed down for strangers, not where he was lately. */
static void many_addresses(void **state)
{
	struct throttle *t = throttle_new(7);
	char peer[32];
	int64_t now = HOUR;
	throttle_good(t, "admin", "198.51.100.1", now);
	for (int i = 0; i < 3000; i++) {
		snprintf(peer, sizeof peer, "10.%d.%d.1", i / 250, i % 250);
		throttle_failed(t, "admin", peer, now);
	}
	unsigned wait = throttle_wait_s(t, "admin", "203.0.113.5", now);
	assert_true(wait > 0 && wait <= THROTTLE_USER_S);
	assert_int_equal(throttle_wait_s(t, "admin", "198.51.100.1", now), 0);
	assert_int_equal(throttle_wait_s(t, "other", "203.0.113.5", now), 0);
	throttle_free(t);
}

static void sixty_four(void **state)
{
	struct throttle *t = throttle_new(7);
	char peer[64];
	for (int i = 0; i < 8; i++) {
		snprintf(peer, sizeof peer, "2001:db8:0:1::%x", i + 1);
		throttle_failed(t, "admin", peer, HOUR);
	}
	assert_int_not_equal(throttle_wait_s(t, "admin", "2001:db8:0:1:ffff::1", HOUR), 0);
	assert_int_equal(throttle_wait_s(t, "admin", "2001:db8:0:2::1", HOUR), 0);
	throttle_free(t);
}

/* ---- proofs ---- */

static void passwords(void **state)
{
	static const struct {
		const char *password;
		bool good;
	} cases[] = {
		{ "", false },
		{ "elevenchars", false },
		{ "twelve chars", true },
		{ "password1234", false },
		{ "PassWord1234", false },
		{ "aaaaaaaaaaaaaaaa", false },
		{ "an-admin-of-it", false },
		{ "with\ta tab inside", false },
		{ "broken \xff utf-8 in it", false },
		{ "ぬるぽガッという合言葉", false }, /* 11 characters */
		{ "ぬるぽガッという合言葉!", true },
	};
	char long_one[4 * 257 + 1] = "";
	proof_init();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (!proof_password_fault("an-admin-of-it", cases[i].password) != cases[i].good)
			fail_msg("%s", cases[i].password);
	for (int i = 0; i < 128; i++)
		strcat(long_one, "ab");
	assert_null(proof_password_fault("x", long_one));
	strcat(long_one, "c");
	assert_non_null(proof_password_fault("x", long_one));
}

static void hashes(void **state)
{
	char a[160], b[160];
	proof_init();
	assert_int_equal(proof_password(a, "correct horse battery", NULL), 0);
	assert_int_equal(proof_password(b, "correct horse battery", NULL), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(strncmp(a, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
	assert_true(proof_password_is(a, "correct horse battery"));
	assert_false(proof_password_is(a, "correct horse batterz"));
	assert_false(proof_password_is(a, ""));
	assert_false(proof_password_is(PROOF_NONE, PROOF_NONE));
	assert_false(proof_password_is(NULL, ""));
	assert_false(proof_password_is("", ""));
	assert_false(proof_password_is("$argon2id$broken", "x"));
}

static void tokens(void **state)
{
	char id[24], again[24], token[PROOF_TOKEN_MAX];
	proof_init();
	proof_token(id, token);
	assert_int_equal(strlen(token), 64);
	assert_int_equal(proof_token_id(token, again), 0);
	assert_string_equal(id, again);
	for (size_t n = 0; n < 64; n++) {
		char cut[PROOF_TOKEN_MAX] = "";
		memcpy(cut, token, n);
		assert_int_equal(proof_token_id(cut, again), -1);
	}
	token[10] = '/';
	assert_int_equal(proof_token_id(token, again), -1);
	assert_true(proof_same("a", "a"));
	assert_false(proof_same("a", "b"));
	assert_false(proof_same("", ""));
}

static void once(void **state)
{
	char a[PROOF_ONCE], b[PROOF_ONCE];
	proof_init();
	proof_once(a);
	proof_once(b);
	assert_int_equal(strlen(a), 23);
	assert_int_equal(strspn(a, "23456789abcdefghjkmnpqrstuvwxyz-"), 23);
	assert_string_not_equal(a, b);
	assert_null(proof_password_fault("admin", a));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(limits), cmocka_unit_test(tokens_are_not_guessed),
		cmocka_unit_test(bounded), cmocka_unit_test(others_end), cmocka_unit_test(doubles),
		cmocka_unit_test(one_address), cmocka_unit_test(spray), cmocka_unit_test(many_addresses),
		cmocka_unit_test(sixty_four), cmocka_unit_test(passwords), cmocka_unit_test(hashes),
		cmocka_unit_test(tokens), cmocka_unit_test(once) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
