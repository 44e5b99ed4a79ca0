// SPDX-License-Identifier: Apache-2.0
#include "role/deskviews.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/sensor.h"
#include "role/desk.h"
#include "role/status.h"
#include "role/statusjson.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NS	    (86400 * INT64_C(1000000000))
#define TOKEN_DAYS  90
#define TOKEN_MAX_D 366

/* ---- what they share ---- */

static struct desk_call *desk_call(struct view_call *c)
{
	return c->put_arg;
}

static int away(struct err *err)
{
	return err_set(err, VIEW_AWAY, "this is asked of a console alone");
}

static void begin(struct json *j, struct view_call *c)
{
	json_init(j, c->out);
	json_object(j, NULL);
}

static int finish(struct json *j)
{
	json_end(j, '}');
	json_line(j);
	return 0;
}

static void list_json(struct json *j, const char *key, const char *list)
{
	char item[256];
	json_array(j, key);
	for (const char *at = list; row_list_next(&at, item, sizeof item);)
		json_str(j, NULL, item);
	json_end(j, ']');
}

static int record(struct view_call *c, const struct row_kind *kind, const void *what, const char *did,
	const char *subject, struct err *err)
{
	struct view_put p = { kind, what, did, subject };
	return c->put(c->put_arg, &p, err);
}

static int put_password(
	struct view_call *c, const char *user, const char *password, bool once, const char *did, struct err *err)
{
	struct credential k = { .since_ns = c->now_ns, .once = once };
	snprintf(k.subject, sizeof k.subject, "user %s", user);
	if (proof_password(k.hash, password, err) < 0)
		return VIEW_AWAY;
	int r = record(c, &credential_kind, &k, did, user, err);
	proof_wipe(&k, sizeof k);
	return r;
}

/* 0, VIEW_ABSENT or VIEW_AWAY. */
static int find_user(struct desk *d, const char *name, struct user *out, struct err *err)
{
	int r = accounts_name_is(name) ? deskgate_find(d, &user_kind, name, out, err) : 1;
	return r == 1 ? err_set(err, VIEW_ABSENT, "there is no such user") : r;
}

/* ---- the session ---- */

struct sensors {
	struct json *j;
	const struct view_who *who;
};

static int put_sensor(void *arg, const void *row)
{
	struct sensors *s = arg;
	const struct sensor *one = row;
	if (view_level_in(s->who, one->tenant[0] ? one->tenant : "default") > VIEW_OPEN)
		json_str(s->j, NULL, one->id);
	return 0;
}

static void tenants_json(struct json *j, const struct view_who *w)
{
	json_array(j, "tenants");
	for (size_t i = 0; i < w->principal.n + w->principal.all; i++) {
		bool all = i == w->principal.n;
		json_object(j, NULL);
		json_str(j, "tenant", all ? "*" : w->principal.tenants[i]);
		json_str(j, "level", view_level_name(all ? w->level : w->in[i]));
		json_end(j, '}');
	}
	json_end(j, ']');
}

static int session_json(struct view_call *c, struct err *err)
{
	struct json j;
	struct desk_call *dc = desk_call(c);
	const struct desk_caller *by = &dc->by;
	struct sensors s = { &j, &by->who };
	begin(&j, c);
	json_str(&j, "user", by->user.name);
	json_str(&j, "level", view_level_name(by->who.level));
	tenants_json(&j, &by->who);
	list_json(&j, "rights", by->user.rights);
	json_str(&j, "language", by->who.language);
	json_bool(&j, "must_change", by->by_session && by->session.must_change);
	if (by->by_session) {
		pthread_mutex_lock(&dc->desk->accounts);
		int64_t left = sessions_until(dc->desk->sessions, &by->session) - loop_now_ns();
		pthread_mutex_unlock(&dc->desk->accounts);
		json_str(&j, "csrf", by->session.csrf);
		json_time(&j, "until", c->now_ns + left);
		json_i64(&j, "until_ns", c->now_ns + left);
	} else {
		json_null(&j, "csrf");
		json_time(&j, "until", by->token.until_ns);
		json_i64(&j, "until_ns", by->token.until_ns);
	}
	json_array(&j, "sensors");
	int r = deskgate_each(dc->desk, &sensor_kind, put_sensor, &s, err);
	json_end(&j, ']');
	finish(&j);
	return r;
}

static int get_session(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	if (!dc)
		return away(err);
	return dc->by.user.name[0] ? session_json(c, err) : err_set(err, DESK_NOBODY, "log in first");
}

static int wait_first(struct desk_call *dc, const char *user, struct err *err)
{
	struct desk *d = dc->desk;
	pthread_mutex_lock(&d->accounts);
	dc->retry_s = throttle_wait_s(d->throttle, user, dc->job->call.peer, loop_now_ns());
	pthread_mutex_unlock(&d->accounts);
	return dc->retry_s ? err_set(err, DESK_TOO_OFTEN, "too many wrong passwords: wait %u s", dc->retry_s) : 0;
}

static void failed(struct desk_call *dc, const char *user, bool known)
{
	struct desk *d = dc->desk;
	pthread_mutex_lock(&d->accounts);
	throttle_failed(d->throttle, user, dc->job->call.peer, loop_now_ns());
	pthread_mutex_unlock(&d->accounts);
	deskaudit_failed(d, known ? user : "", dc->job->call.peer);
}

/* The same course and time whether there is such a user or not. 0, DESK_NOBODY or VIEW_AWAY. */
static int prove(struct view_call *c, const char *name, struct user *u, struct credential *k, struct err *err)
{
	char subject[96];
	struct desk_call *dc = desk_call(c);
	struct desk *d = dc->desk;
	int has = deskgate_find(d, &user_kind, name, u, err);
	snprintf(subject, sizeof subject, "user %.80s", name);
	int secret = has < 0 ? has : deskgate_find(d, &credential_kind, subject, k, err);
	if (has < 0 || secret < 0)
		return VIEW_AWAY;
	bool good = proof_password_is(secret == 0 ? k->hash : NULL, view_text(c, "password"));
	bool may = has == 0 && strcmp(u->state, "active") == 0 && (!k->until_ns || k->until_ns > c->now_ns);
	if (good && may)
		return 0;
	failed(dc, name, has == 0);
	return err_set(err, DESK_NOBODY, "user or password is wrong");
}

/* A password for one login is none from here on, before anybody is let in with it. */
static int use_up(struct view_call *c, struct credential *k, const struct user *u, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	struct store_note note = { c->now_ns, u->name, "login-once", dc->job->call.peer };
	snprintf(k->hash, sizeof k->hash, PROOF_NONE);
	k->since_ns = c->now_ns;
	return desk_record(dc->desk, &note, &credential_kind, k, err);
}

static void let_in(struct view_call *c, const struct user *u, bool once)
{
	struct desk_call *dc = desk_call(c);
	struct desk *d = dc->desk;
	char language[sizeof dc->by.who.language];
	/* A clock that was put back must not end it at once. */
	dc->by.session = (struct session){ .since_ns = c->now_ns > u->changed_ns ? c->now_ns : u->changed_ns,
		.must_change = once };
	snprintf(dc->by.session.user, sizeof dc->by.session.user, "%s", u->name);
	pthread_mutex_lock(&d->accounts);
	sessions_begin(d->sessions, &dc->by.session, dc->job->session, loop_now_ns());
	throttle_good(d->throttle, u->name, dc->job->call.peer, loop_now_ns());
	pthread_mutex_unlock(&d->accounts);
	dc->by.user = *u;
	dc->by.by_session = true;
	dc->by.by_token = false;
	memcpy(language, u->language[0] ? u->language : dc->by.who.language, sizeof language);
	accounts_who(u, NULL, &dc->by.who);
	memcpy(dc->by.who.language, language, sizeof language);
}

static int check_login(struct view_call *c, struct user *u, struct credential *k, struct err *err)
{
	const char *name = view_text(c, "user");
	int r = wait_first(desk_call(c), name, err);
	if (!r)
		r = prove(c, name, u, k, err);
	return !r && k->once ? use_up(c, k, u, err) : r;
}

static int post_login(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	struct user u = { "" };
	struct credential k = { "" };
	if (!dc)
		return away(err);
	/* Nobody else tries the same password meanwhile. */
	pthread_mutex_lock(&dc->desk->login);
	int r = check_login(c, &u, &k, err);
	bool once = k.once;
	pthread_mutex_unlock(&dc->desk->login);
	proof_wipe(&k, sizeof k);
	dc->desk->logins[r != 0]++;
	if (r)
		return r;
	let_in(c, &u, once);
	desk_note_late(dc->desk, &(struct store_note){ c->now_ns, u.name, "login", dc->job->call.peer });
	return session_json(c, err);
}

static int post_logout(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	struct json j;
	if (!dc)
		return away(err);
	if (!dc->by.by_session)
		return err_set(err, DESK_NOBODY, "nobody is logged in");
	pthread_mutex_lock(&dc->desk->accounts);
	sessions_end(dc->desk->sessions, &dc->by.session);
	pthread_mutex_unlock(&dc->desk->accounts);
	snprintf(dc->job->session, sizeof dc->job->session, "-");
	desk_note_late(dc->desk, &(struct store_note){ c->now_ns, dc->by.user.name, "logout", dc->job->call.peer });
	begin(&j, c);
	json_null(&j, "user");
	return finish(&j);
}

/* Who has just come in with a password for one login has shown it. */
static int prove_old(struct view_call *c, struct err *err)
{
	char subject[96];
	struct credential k = { "" };
	struct desk_call *dc = desk_call(c);
	const char *name = dc->by.user.name, *old = view_text(c, "old");
	if (dc->by.session.must_change)
		return 0;
	int r = wait_first(dc, name, err);
	if (r)
		return r;
	snprintf(subject, sizeof subject, "user %s", name);
	r = deskgate_find(dc->desk, &credential_kind, subject, &k, err);
	bool good = r == 0 && proof_password_is(k.hash, old ? old : "");
	proof_wipe(&k, sizeof k);
	if (r < 0 || good)
		return r;
	failed(dc, name, true);
	return err_set(err, VIEW_REFUSED, "the old password is wrong");
}

/* This session goes on, all others end, and so do his tokens. */
static int renew(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	struct desk *d = dc->desk;
	struct user u;
	int r = find_user(d, dc->by.user.name, &u, err);
	if (r)
		return r;
	u.changed_ns = c->now_ns > u.changed_ns ? c->now_ns : u.changed_ns + 1;
	dc->by.session.since_ns = u.changed_ns;
	pthread_mutex_lock(&d->accounts);
	sessions_put(d->sessions, &dc->by.session);
	pthread_mutex_unlock(&d->accounts);
	r = record(c, &user_kind, &u, "user-renew", u.name, err);
	if (!r)
		r = put_password(c, u.name, view_text(c, "new"), false, "password", err);
	if (r)
		return r;
	dc->by.session.must_change = false;
	pthread_mutex_lock(&d->accounts);
	sessions_put(d->sessions, &dc->by.session);
	sessions_end_others(d->sessions, u.name, &dc->by.session);
	pthread_mutex_unlock(&d->accounts);
	return 0;
}

static int post_password(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	if (!dc)
		return away(err);
	if (!dc->by.by_session)
		return err_set(err, DESK_NOBODY, "log in first");
	const char *fault = proof_password_fault(dc->by.user.name, view_text(c, "new"));
	if (fault)
		return err_set(err, VIEW_BAD, "new: %s", fault);
	if (view_text(c, "old") && strcmp(view_text(c, "old"), view_text(c, "new")) == 0)
		return err_set(err, VIEW_BAD, "new: the same as before");
	pthread_mutex_lock(&dc->desk->login);
	int r = prove_old(c, err);
	if (!r)
		r = renew(c, err);
	pthread_mutex_unlock(&dc->desk->login);
	return r ? r : session_json(c, err);
}

/* ---- the daemon ---- */

static bool sees_sensor(void *arg, const char *sensor)
{
	struct view_call *c = arg;
	struct desk_call *dc = desk_call(c);
	struct sensor s;
	int r = deskgate_find(dc->desk, &sensor_kind, sensor, &s, NULL);
	return r >= 0 && view_level_in(c->who, r == 0 && s.tenant[0] ? s.tenant : "default") > VIEW_OPEN;
}

/* What is wrong names sensors of others, too: it is for who sees all. */
static int get_status(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	if (!dc)
		return away(err);
	struct status_reader *r = status_open(c->dir, err);
	if (!r)
		return VIEW_AWAY;
	bool all = c->who->principal.all;
	struct status *s = mem_new(sizeof *s);
	struct status_finding *f = mem_new(STATUS_FINDINGS * sizeof *f);
	status_read(r, s, true);
	status_close(r);
	size_t n = all ? status_judge(s, &status_limits_default, f) : 0;
	statusjson_print(c->out, &(struct statusjson){ .store = dc->desk->m->options.store,
					 .status = s,
					 .findings = f,
					 .n = n,
					 .sees = all ? NULL : sees_sensor,
					 .arg = c });
	free(f);
	free(s);
	return 0;
}

/* ---- users ---- */

static int needs_admin(struct view_call *c, struct err *err)
{
	if (!desk_call(c))
		return away(err);
	return c->who->principal.rights & PRINCIPAL_ADMIN
		       ? 0
		       : err_set(err, VIEW_REFUSED, "that needs the role admin in all tenants");
}

static int put_row(void *arg, const void *row)
{
	row_json(arg, NULL, &user_kind, row);
	return 0;
}

static int get_users(struct view_call *c, struct err *err)
{
	struct json j;
	int r = needs_admin(c, err);
	if (r)
		return r;
	begin(&j, c);
	json_array(&j, "rows");
	r = deskgate_each(desk_call(c)->desk, &user_kind, put_row, &j, err);
	json_end(&j, ']');
	finish(&j);
	return r;
}

static int answer_user(struct view_call *c, const struct user *u, const char *once)
{
	struct json j;
	begin(&j, c);
	row_json(&j, "user", &user_kind, u);
	if (once)
		json_str(&j, "password", once);
	else
		json_null(&j, "password");
	return finish(&j);
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
	struct desk_call *dc = desk_call(c);
	struct user u = { .created_ns = c->now_ns, .changed_ns = c->now_ns, .state = "active" }, other;
	char once[PROOF_ONCE];
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
	if (!r && find_user(dc->desk, name, &other, NULL) == 0)
		r = err_set(err, VIEW_CONFLICT, "there is such a user");
	if (!r)
		r = record(c, &user_kind, &u, "user-add", u.name, err);
	if (!r)
		r = put_password(c, u.name, password, once[0], "password-of", err);
	return r ? r : answer_user(c, &u, once[0] ? once : NULL);
}

static int post_users(struct view_call *c, struct err *err)
{
	int r = needs_admin(c, err);
	if (r)
		return r;
	pthread_mutex_lock(&desk_call(c)->desk->login);
	r = add_user(c, err);
	pthread_mutex_unlock(&desk_call(c)->desk->login);
	return r;
}

/* So that there always is an administrator, nobody takes it from himself. */
static int keeps_himself(struct view_call *c, const struct user *u, struct err *err)
{
	if (strcmp(u->name, c->who->user) == 0 && !accounts_is_admin(u))
		return err_set(err, VIEW_CONFLICT, "another administrator has to do that: you would lock yourself out");
	return 0;
}

static int post_user(struct view_call *c, struct err *err)
{
	struct user u;
	int r = needs_admin(c, err);
	if (r)
		return r;
	struct desk *d = desk_call(c)->desk;
	const char *state = view_text(c, "state");
	r = find_user(d, view_text(c, "name"), &u, err);
	if (!r)
		r = take_fields(c, &u, err);
	if (!r && state && strcmp(state, u.state) != 0) {
		snprintf(u.state, sizeof u.state, "%s", state);
		u.changed_ns = c->now_ns > u.changed_ns ? c->now_ns : u.changed_ns + 1;
	}
	if (!r)
		r = keeps_himself(c, &u, err);
	if (!r)
		r = record(c, &user_kind, &u, "user-change", u.name, err);
	return r ? r : answer_user(c, &u, NULL);
}

static int post_user_password(struct view_call *c, struct err *err)
{
	struct user u;
	char once[PROOF_ONCE];
	const char *password = NULL;
	int r = needs_admin(c, err);
	if (r)
		return r;
	r = find_user(desk_call(c)->desk, view_text(c, "name"), &u, err);
	if (!r)
		r = choose(c, u.name, once, &password, err);
	if (r)
		return r;
	u.changed_ns = c->now_ns > u.changed_ns ? c->now_ns : u.changed_ns + 1;
	r = record(c, &user_kind, &u, "user-renew", u.name, err);
	if (!r)
		r = put_password(c, u.name, password, once[0], "password-of", err);
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

static int get_tokens(struct view_call *c, struct err *err)
{
	struct json j;
	struct tokens t = { &j, c->who->user, c->now_ns, 0 };
	if (!desk_call(c))
		return away(err);
	if (view_value(c, "all")->flag) {
		int r = needs_admin(c, err);
		if (r)
			return r;
		t.user = NULL;
	}
	begin(&j, c);
	json_array(&j, "rows");
	int r = deskgate_each(desk_call(c)->desk, &token_kind, put_token, &t, err);
	json_end(&j, ']');
	finish(&j);
	return r;
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

static int post_tokens(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	struct token t = { .since_ns = c->now_ns };
	struct credential k = { .since_ns = c->now_ns };
	struct tokens have = { NULL, c->who->user, c->now_ns, 0 };
	char secret[PROOF_TOKEN_MAX];
	struct json j;
	if (!dc)
		return away(err);
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
	r = record(c, &token_kind, &t, "token-add", t.id, err);
	if (!r)
		r = record(c, &credential_kind, &k, "token-key", t.id, err);
	if (r)
		return r;
	begin(&j, c);
	row_json(&j, "token", &token_kind, &t);
	json_str(&j, "secret", secret);
	proof_wipe(secret, sizeof secret);
	return finish(&j);
}

static int post_token_revoke(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call(c);
	struct token t;
	struct json j;
	if (!dc)
		return away(err);
	int r = deskgate_find(dc->desk, &token_kind, view_text(c, "id"), &t, err);
	bool his = r == 0 && strcmp(t.user, c->who->user) == 0;
	if (r == 1 || (r == 0 && !his && !(c->who->principal.rights & PRINCIPAL_ADMIN)))
		r = err_set(err, VIEW_ABSENT, "there is no such token");
	if (r)
		return r;
	if (t.until_ns > c->now_ns)
		t.until_ns = c->now_ns;
	r = record(c, &token_kind, &t, "token-revoke", t.id, err);
	if (r)
		return r;
	begin(&j, c);
	row_json(&j, "token", &token_kind, &t);
	return finish(&j);
}

/* ---- the table ---- */

#define SESSION                                                                                                        \
	"{user: text, level: text, tenants: [{tenant: text, level: text}], rights: [text], language: text, "           \
	"must_change: bool, csrf: text|null, until: text, until_ns: integer, sensors: [text]}"
#define PARAMS(p) .params = p, .params_n = sizeof p / sizeof *p

static const struct view_param login_params[] = {
	{ "user", VIEW_TEXT, "name", .required = true },
	{ "password", VIEW_TEXT, "his password", .required = true, .secret = true },
};
static const struct view login_view = { "POST", "/login", VIEW_OPEN,
	"Logs in: a session begins, its cookie comes along", PARAMS(login_params), .answer = SESSION,
	.fn = post_login };
static const struct view logout_view = { "POST", "/logout", VIEW_OPEN, "Ends this session",
	.answer = "{user: text|null}", .fn = post_logout };
static const struct view session_view = { "GET", "/session", VIEW_OPEN, "Who is logged in, and what he may",
	.answer = SESSION, .fn = get_session };
static const struct view_param password_params[] = {
	{ "old", VIEW_TEXT, "the password so far; not asked for after a login with a password for one",
		.secret = true },
	{ "new", VIEW_TEXT, "12 to 256 characters", .required = true, .secret = true },
};
static const struct view password_view = { "POST", "/password", VIEW_OPEN,
	"Sets one's own password: other sessions and the tokens made before end", PARAMS(password_params),
	.answer = SESSION, .fn = post_password };
static const struct view status_view = { "GET", "/status", VIEW_VIEWER, "The daemon: its roles, what is wrong",
	.answer = "{daemon: text, version: text, store: text, read: text, problems: [{weight: text, "
		  "text: text}], config?: text, seen?: text|null, roles?: [any]}",
	.fn = get_status };
static const struct view users_view = { "GET", "/users", VIEW_ADMIN, "All users", .answer = "{rows: [@user]}",
	.fn = get_users };
#define USER_FIELDS                                                                                                    \
	{ "roles", VIEW_TEXT, "TENANT ROLE by commas; tenant * means all" },                                           \
		{ "rights", VIEW_TEXT, "some of see-subscriber, see-dark, by commas" },                                \
	{                                                                                                              \
		"language", VIEW_WORD, "of his pages", .words = "en|ja"                                                \
	}
static const struct view_param add_params[] = {
	{ "name", VIEW_TEXT, "letters, digits, . _ - @", .required = true },
	{ "password", VIEW_TEXT, "12 to 256 characters; without: one for one login is made and answered",
		.secret = true },
	USER_FIELDS,
};
static const struct view add_view = { "POST", "/users", VIEW_ADMIN, "Adds a user", PARAMS(add_params),
	.answer = "{user: @user, password: text|null}", .fn = post_users };
static const struct view_param change_params[] = {
	{ "name", VIEW_TEXT, "whom", .required = true },
	USER_FIELDS,
	{ "state", VIEW_WORD, "disabled: his sessions and tokens end", .words = "active|disabled" },
};
static const struct view change_view = { "POST", "/users/{name}", VIEW_ADMIN, "Changes what a user may",
	PARAMS(change_params), .answer = "{user: @user, password: text|null}", .fn = post_user };
static const struct view_param reset_params[] = {
	{ "name", VIEW_TEXT, "whose", .required = true },
	{ "password", VIEW_TEXT, "12 to 256 characters; without: one for one login is made and answered",
		.secret = true },
};
static const struct view reset_view = { "POST", "/users/{name}/password", VIEW_ADMIN,
	"Sets another's password: his sessions and tokens end", PARAMS(reset_params),
	.answer = "{user: @user, password: text|null}", .fn = post_user_password };
static const struct view_param tokens_params[] = { { "all", VIEW_FLAG, "those of all users", .normal = "0" } };
static const struct view tokens_view = { "GET", "/tokens", VIEW_VIEWER, "One's own tokens", PARAMS(tokens_params),
	.answer = "{rows: [@token]}", .fn = get_tokens };
static const struct view_param make_params[] = {
	{ "label", VIEW_TEXT, "what it is for", .required = true },
	{ "roles", VIEW_TEXT, "TENANT ROLE by commas; without: all that its user may" },
	{ "scope", VIEW_TEXT,
		"read, write, and the first words of paths if it shall be good for those alone, by commas",
		.normal = "read" },
	{ "until", VIEW_TIME, "when it ends; without: in 90 days" },
};
static const struct view make_view = { "POST", "/tokens", VIEW_VIEWER, "Makes a token: `secret` is shown this once",
	PARAMS(make_params), .answer = "{token: @token, secret: text}", .fn = post_tokens };
static const struct view_param revoke_params[] = { { "id", VIEW_TEXT, "which", .required = true } };
static const struct view revoke_view = { "POST", "/tokens/{id}/revoke", VIEW_VIEWER, "Ends a token",
	PARAMS(revoke_params), .answer = "{token: @token}", .fn = post_token_revoke };

const struct view *const desk_views[] = { &login_view, &logout_view, &session_view, &password_view, &status_view,
	&users_view, &add_view, &change_view, &reset_view, &tokens_view, &make_view, &revoke_view, NULL };
