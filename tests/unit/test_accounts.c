// SPDX-License-Identifier: Apache-2.0
/* What a user and his tokens may, and which records the keeper takes. */
#include "model/case.h"
#include "model/remark.h"
#include "role/accounts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = { { "eve", true }, { "eve.x_y-z@example.net", true }, { "", false }, { "-eve", false },
		{ ".eve", false }, { "eve smith", false }, { "eve\n", false }, { "e/ve", false },
		{ "\xe3\x81\x82", false },
		{ "0123456789012345678901234567890123456789012345678901234567890123", false } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (accounts_name_is(cases[i].name) != cases[i].good)
			fail_msg("%s", cases[i].name);
}

static void lists(void **state)
{
	char out[2048];
	struct err err;
	assert_int_equal(accounts_roles(" west viewer, * admin\ndefault analyst ,", out, sizeof out, &err), 0);
	assert_string_equal(out, "west viewer\n* admin\ndefault analyst");
	assert_int_equal(accounts_roles("", out, sizeof out, &err), 0);
	assert_string_equal(out, "");
	static const char *const bad[] = { "west", "west king", "viewer", " ", "west  viewer", "west viewer x",
		"\x01 viewer" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (accounts_roles(bad[i], out, sizeof out, &err) == 0 && out[0])
			fail_msg("%s", bad[i]);
	assert_int_equal(accounts_rights("see-dark,see-subscriber", out, sizeof out, &err), 0);
	assert_int_equal(accounts_rights("see-all", out, sizeof out, &err), -1);
	assert_int_equal(accounts_scope("read,flows", out, sizeof out, &err), 0);
	assert_int_equal(accounts_scope("../x", out, sizeof out, &err), -1);
}

static void who(void **state)
{
	static const struct {
		const char *name, *user, *token;
		bool all, admin;
		enum view_level level, west, east;
	} cases[] = {
		{ "nothing", "", "", false, false, VIEW_OPEN, VIEW_OPEN, VIEW_OPEN },
		{ "one tenant", "west analyst", "", false, false, VIEW_ANALYST, VIEW_ANALYST, VIEW_OPEN },
		{ "the highest", "west viewer\neast approver", "", false, false, VIEW_APPROVER, VIEW_VIEWER,
			VIEW_APPROVER },
		{ "of one tenant admin", "west admin", "", false, false, VIEW_ADMIN, VIEW_ADMIN, VIEW_OPEN },
		{ "all", "* viewer\nwest admin", "", true, false, VIEW_VIEWER, VIEW_ADMIN, VIEW_VIEWER },
		{ "admin of all", "* admin", "", true, true, VIEW_ADMIN, VIEW_ADMIN, VIEW_ADMIN },
		{ "a token for less", "* admin", "west viewer", false, false, VIEW_VIEWER, VIEW_VIEWER, VIEW_OPEN },
		{ "a token for more", "west viewer", "* admin", false, false, VIEW_VIEWER, VIEW_VIEWER, VIEW_OPEN },
		{ "of another tenant", "west viewer", "east admin", false, false, VIEW_OPEN, VIEW_OPEN, VIEW_OPEN },
		{ "of both", "* analyst", "west admin\n* viewer", true, false, VIEW_VIEWER, VIEW_ANALYST, VIEW_VIEWER },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct user u = { .name = "eve", .state = "active", .rights = "see-dark" };
		struct token t = { .id = "" };
		struct view_who w;
		snprintf(u.roles, sizeof u.roles, "%s", cases[i].user);
		snprintf(t.roles, sizeof t.roles, "%s", cases[i].token);
		accounts_who(&u, cases[i].token[0] ? &t : NULL, &w);
		if (w.principal.all != cases[i].all || w.level != cases[i].level ||
			!(w.principal.rights & PRINCIPAL_ADMIN) != !cases[i].admin ||
			view_level_in(&w, "west") != cases[i].west || view_level_in(&w, "east") != cases[i].east ||
			!(w.principal.rights & PRINCIPAL_SEE_DARK) || w.principal.rights & PRINCIPAL_SEE_SUBSCRIBER)
			fail_msg("%s: all %d level %d west %d east %d", cases[i].name, w.principal.all, w.level,
				view_level_in(&w, "west"), view_level_in(&w, "east"));
	}
}

static void scope(void **state)
{
	static const struct {
		const char *scope, *method, *path;
		bool good;
	} cases[] = { { "", "GET", "/flows", true }, { "", "POST", "/cases", false }, { "read", "GET", "/flows", true },
		{ "read", "POST", "/cases", false }, { "write", "POST", "/cases", true },
		{ "write", "GET", "/cases", false }, { "read\nwrite", "GET", "/cases", true },
		{ "flows", "GET", "/flows", true }, { "flows", "GET", "/flows.csv", true },
		{ "flows", "GET", "/findings/x", false }, { "findings", "GET", "/findings/x/pcap", true },
		{ "flows", "POST", "/flows", false }, { "write\ncases", "POST", "/cases/x", true },
		{ "write\ncases", "POST", "/findings/x/mute", false } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct token t = { .id = "" };
		snprintf(t.scope, sizeof t.scope, "%s", cases[i].scope);
		if (accounts_in_scope(&t, cases[i].method, cases[i].path) != cases[i].good)
			fail_msg("%s %s %s", cases[i].scope, cases[i].method, cases[i].path);
	}
}

static void records(void **state)
{
	struct user u = { .name = "eve", .state = "active" };
	struct credential c = { .subject = "user eve", .hash = "$argon2id$v=19$m=19456,t=2,p=1$a$b" };
	struct remark r = {
		.id = "x", .tenant = "west", .subject = "y", .kind = "comment", .who = "eve", .text = "a\nb"
	};
	struct case_record k = { .id = "x" };
	assert_int_equal(accounts_check(&user_kind, &u, NULL), 0);
	assert_int_equal(accounts_check(&credential_kind, &c, NULL), 0);
	assert_int_equal(accounts_check(&remark_kind, &r, NULL), 0);
	assert_int_equal(accounts_check(&case_kind, &k, NULL), 0);
	u.name[1] = '\x1b';
	assert_int_equal(accounts_check(&user_kind, &u, NULL), -1);
	snprintf(u.name, sizeof u.name, "eve");
	snprintf(u.roles, sizeof u.roles, "* god");
	assert_int_equal(accounts_check(&user_kind, &u, NULL), -1);
	snprintf(c.hash, sizeof c.hash, "plain text");
	assert_int_equal(accounts_check(&credential_kind, &c, NULL), -1);
	snprintf(c.subject, sizeof c.subject, "token ../../x");
	assert_int_equal(accounts_check(&credential_kind, &c, NULL), -1);
	snprintf(r.text, sizeof r.text, "\x1b[2J");
	assert_int_equal(accounts_check(&remark_kind, &r, NULL), -1);
	snprintf(k.holder, sizeof k.holder, "\x07");
	assert_int_equal(accounts_check(&case_kind, &k, NULL), -1);
	assert_null(accounts_kind("sensor"));
	assert_null(accounts_kind("finding"));
	assert_null(accounts_kind(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(lists), cmocka_unit_test(who),
		cmocka_unit_test(scope), cmocka_unit_test(records) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
