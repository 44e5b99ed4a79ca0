// SPDX-License-Identifier: Apache-2.0
/* The desk's own questions: users and the tokens of programs. */
#include "role/deskviews_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NS	    (86400 * INT64_C(1000000000))
#define TOKEN_DAYS  90
#define TOKEN_MAX_D 366

/* ---- users ---- */

static int needs_admin(struct view_call *c, struct err *err)
{
	if (!desk_call_of(c))
		return desk_away(err);
	return c->who->principal.rights & PRINCIPAL_ADMIN
		       ? 0
		       : err_set(err, VIEW_REFUSED, "that needs the role admin in all tenants");
}

/*
 * All rows of a kind in memory, then out: whoever reads slowly must not hold up what everybody needs, the book.
 * `row` writes to `j`.
 */
static int answer_rows(struct view_call *c, const struct row_kind *kind, struct json *j,
	int (*row)(void *arg, const void *record), void *arg, struct err *err)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	ENSURE(f);
	json_init(j, f);
	json_object(j, NULL);
	json_array(j, "rows");
	int r = deskgate_each(desk_call_of(c)->desk, kind, row, arg, err);
	json_end(j, ']');
	desk_finish(j);
	fclose(f);
	if (r == 0)
		fwrite(text, 1, n, c->out);
	free(text);
	return r;
}

static int put_row(void *arg, const void *row)
{
	row_json(arg, NULL, &user_kind, row);
	return 0;
}

int desk_get_users(struct view_call *c, struct err *err)
{
	struct json j;
	int r = needs_admin(c, err);
	return r ? r : answer_rows(c, &user_kind, &j, put_row, &j, err);
}

static int answer_user(struct view_call *c, const struct user *u, const char *once)
{
	struct json j;
	desk_begin(&j, c);
	row_json(&j, "user", &user_kind, u);
	if (once)
		json_str(&j, "password", once);
	else
		json_null(&j, "password");
	return desk_finish(&j);
}

static int bad(struct err *err, const char *name)
{
	return err_prefix(err, VIEW_BAD, "%s", name);
}

/* What of roles, rights and language is given. */
static int take_fields(struct view_call *c, struct user *u, struct err *err)
{
	const char *text = view_text(c, "roles"), *rights = view_text(c, "rights"),
		   *language = view_text(c, "language");
	if (text && accounts_roles(text, u->roles, sizeof u->roles, err) < 0)
		return bad(err, "roles");
	if (rights && accounts_rights(rights, u->rights, sizeof u->rights, err) < 0)
		return bad(err, "rights");
	if (language)
		snprintf(u->language, sizeof u->language, "%s", language);
	return 0;
}

/* The password that is given, or one for one login. */
static int choose(struct view_call *c, const char *user, char once[PROOF_ONCE], const char **out, struct err *err)
{
	const char *given = view_text(c, "password");
	const char *fault = given && *given ? proof_password_fault(user, given) : NULL;
	if (fault)
		return err_set(err, VIEW_BAD, "password: %s", fault);
	once[0] = '\0';
	if (!given || !*given)
		proof_once(once);
	*out = once[0] ? once : given;
	return 0;
}

static int count_row(void *arg, const void *row)
{
	++*(unsigned *)arg;
	return 0;
}

static int add_user(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call_of(c);
	struct user u = { .created_ns = c->now_ns, .changed_ns = c->now_ns, .state = "active" }, other;
	char once[PROOF_ONCE] = "";
	const char *name = view_text(c, "name"), *password = NULL;
	unsigned n = 0;
	if (!accounts_name_is(name))
		return err_set(err, VIEW_BAD, "name: letters, digits, . _ - @, 63 at most");
	snprintf(u.name, sizeof u.name, "%s", name);
	int r = take_fields(c, &u, err);
	if (!r)
		r = choose(c, name, once, &password, err);
	if (!r)
		r = deskgate_each(dc->desk, &user_kind, count_row, &n, err);
	if (!r && n >= ACCOUNTS_USERS)
		r = err_set(err, VIEW_CONFLICT, "%d users are the most there can be", ACCOUNTS_USERS);
	if (!r && desk_find_user(dc->desk, name, &other, NULL) == 0)
		r = err_set(err, VIEW_CONFLICT, "there is such a user");
	if (!r)
		r = desk_keep(c, &user_kind, &u, "user-add", u.name, err);
	if (!r)
		r = desk_put_password(c, u.name, password, once[0], "password-of", err);
	return r ? r : answer_user(c, &u, once[0] ? once : NULL);
}

int desk_post_users(struct view_call *c, struct err *err)
{
	int r = needs_admin(c, err);
	if (r)
		return r;
	pthread_mutex_lock(&desk_call_of(c)->desk->login);
	r = add_user(c, err);
	pthread_mutex_unlock(&desk_call_of(c)->desk->login);
	return r;
}

/* So that there always is an administrator, nobody takes it from himself. */
static int keeps_himself(struct view_call *c, const struct user *u, struct err *err)
{
	if (strcmp(u->name, c->who->user) == 0 && !accounts_is_admin(u))
		return err_set(err, VIEW_CONFLICT, "another administrator has to do that: you would lock yourself out");
	return 0;
}

int desk_post_user(struct view_call *c, struct err *err)
{
	struct user u = { 0 };
	int r = needs_admin(c, err);
	if (r)
		return r;
	struct desk *d = desk_call_of(c)->desk;
	const char *state = view_text(c, "state");
	r = desk_find_user(d, view_text(c, "name"), &u, err);
	if (!r)
		r = take_fields(c, &u, err);
	if (!r && state && strcmp(state, u.state) != 0) {
		snprintf(u.state, sizeof u.state, "%s", state);
		u.changed_ns = c->now_ns > u.changed_ns ? c->now_ns : u.changed_ns + 1;
	}
	if (!r)
		r = keeps_himself(c, &u, err);
	if (!r)
		r = desk_keep(c, &user_kind, &u, "user-change", u.name, err);
	return r ? r : answer_user(c, &u, NULL);
}

int desk_post_user_password(struct view_call *c, struct err *err)
{
	struct user u = { 0 };
	char once[PROOF_ONCE] = "";
	const char *password = NULL;
	int r = needs_admin(c, err);
	if (r)
		return r;
	r = desk_find_user(desk_call_of(c)->desk, view_text(c, "name"), &u, err);
	if (!r)
		r = choose(c, u.name, once, &password, err);
	if (r)
		return r;
	u.changed_ns = c->now_ns > u.changed_ns ? c->now_ns : u.changed_ns + 1;
	r = desk_keep(c, &user_kind, &u, "user-renew", u.name, err);
	if (!r)
		r = desk_put_password(c, u.name, password, once[0], "password-of", err);
	return r ? r : answer_user(c, &u, once[0] ? once : NULL);
}

/* ---- tokens ---- */

struct tokens {
	struct json *j;
	const char *user; /* NULL: anybody's */
	int64_t now_ns;
	unsigned n;
};

static int put_token(void *arg, const void *row)
{
	struct tokens *t = arg;
	const struct token *one = row;
	if (t->user && strcmp(t->user, one->user) != 0)
		return 0;
	t->n += one->until_ns > t->now_ns;
	if (t->j)
		row_json(t->j, NULL, &token_kind, one);
	return 0;
}

int desk_get_tokens(struct view_call *c, struct err *err)
{
	struct json j;
	struct tokens t = { &j, c->who->user, c->now_ns, 0 };
	if (!desk_call_of(c))
		return desk_away(err);
	if (view_value(c, "all")->flag) {
		int r = needs_admin(c, err);
		if (r)
			return r;
		t.user = NULL;
	}
	return answer_rows(c, &token_kind, &j, put_token, &t, err);
}

static int fill_token(struct view_call *c, struct token *t, struct err *err)
{
	const char *text = view_text(c, "roles"), *scope = view_text(c, "scope"), *label = view_text(c, "label");
	int64_t until = view_value(c, "until")->text ? view_value(c, "until")->ns : c->now_ns + TOKEN_DAYS * DAY_NS;
	if (strlen(label) >= sizeof t->label || !accounts_text_is(label, false))
		return err_set(err, VIEW_BAD, "label: one line of 127 octets");
	snprintf(t->label, sizeof t->label, "%s", label);
	if (accounts_roles(text ? text : "", t->roles, sizeof t->roles, err) < 0)
		return bad(err, "roles");
	if (accounts_scope(scope, t->scope, sizeof t->scope, err) < 0)
		return bad(err, "scope");
	if (until <= c->now_ns || until > c->now_ns + TOKEN_MAX_D * DAY_NS)
		return err_set(err, VIEW_BAD, "until: in the future, a year away at most");
	t->until_ns = until;
	return 0;
}

int desk_post_tokens(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call_of(c);
	struct token t = { .since_ns = c->now_ns };
	struct credential k = { .since_ns = c->now_ns };
	struct tokens have = { NULL, c->who->user, c->now_ns, 0 };
	char secret[PROOF_TOKEN_MAX];
	struct json j;
	if (!dc)
		return desk_away(err);
	int r = fill_token(c, &t, err);
	if (!r)
		r = deskgate_each(dc->desk, &token_kind, put_token, &have, err);
	if (!r && have.n >= ACCOUNTS_TOKENS)
		r = err_set(err, VIEW_CONFLICT, "%d tokens are the most a user can have", ACCOUNTS_TOKENS);
	if (r)
		return r;
	if (t.since_ns < dc->by.user.changed_ns)
		t.since_ns = dc->by.user.changed_ns;
	snprintf(t.user, sizeof t.user, "%s", c->who->user);
	proof_token(t.id, secret);
	snprintf(k.subject, sizeof k.subject, "token %s", t.id);
	proof_sha_hex(k.hash, secret);
	r = desk_keep(c, &token_kind, &t, "token-add", t.id, err);
	if (!r)
		r = desk_keep(c, &credential_kind, &k, "token-key", t.id, err);
	if (r)
		return r;
	desk_begin(&j, c);
	row_json(&j, "token", &token_kind, &t);
	json_str(&j, "secret", secret);
	proof_wipe(secret, sizeof secret);
	return desk_finish(&j);
}

int desk_post_token_revoke(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call_of(c);
	struct token t;
	struct json j;
	if (!dc)
		return desk_away(err);
	int r = deskgate_find(dc->desk, &token_kind, view_text(c, "id"), &t, err);
	bool his = r == 0 && strcmp(t.user, c->who->user) == 0;
	if (r == 1 || (r == 0 && !his && !(c->who->principal.rights & PRINCIPAL_ADMIN)))
		r = err_set(err, VIEW_ABSENT, "there is no such token");
	if (r)
		return r;
	if (t.until_ns > c->now_ns)
		t.until_ns = c->now_ns;
	r = desk_keep(c, &token_kind, &t, "token-revoke", t.id, err);
	if (r)
		return r;
	desk_begin(&j, c);
	row_json(&j, "token", &token_kind, &t);
	return desk_finish(&j);
}
