// SPDX-License-Identifier: Apache-2.0
#include "role/deskviews.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/sensor.h"
#include "role/deskviews_impl.h"
#include "role/status.h"
#include "role/statusjson.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what they share ---- */

struct desk_call *desk_call_of(struct view_call *c)
{
	return c->put_arg;
}

int desk_away(struct err *err)
{
	return err_set(err, VIEW_AWAY, "this is asked of a console alone");
}

void desk_begin(struct json *j, struct view_call *c)
{
	json_init(j, c->out);
	json_object(j, NULL);
}

int desk_finish(struct json *j)
{
	json_end(j, '}');
	json_line(j);
	return 0;
}

int desk_keep(struct view_call *c, const struct row_kind *kind, const void *what, const char *did, const char *subject,
	struct err *err)
{
	struct view_put p = { kind, what, did, subject };
	return c->put(c->put_arg, &p, err);
}

int desk_put_password(
	struct view_call *c, const char *user, const char *password, bool once, const char *did, struct err *err)
{
	struct credential k = { .since_ns = c->now_ns, .once = once };
	snprintf(k.subject, sizeof k.subject, "user %s", user);
	if (proof_password(k.hash, password, err) < 0)
		return VIEW_AWAY;
	int r = desk_keep(c, &credential_kind, &k, did, user, err);
	proof_wipe(&k, sizeof k);
	return r;
}

/* 0, VIEW_ABSENT or VIEW_AWAY. */
int desk_find_user(struct desk *d, const char *name, struct user *out, struct err *err)
{
	int r = accounts_name_is(name) ? deskgate_find(d, &user_kind, name, out, err) : 1;
	return r == 1 ? err_set(err, VIEW_ABSENT, "there is no such user") : r;
}

/* ---- the session ---- */

static void list_json(struct json *j, const char *key, const char *list)
{
	char item[256];
	json_array(j, key);
	for (const char *at = list; row_list_next(&at, item, sizeof item);)
		json_str(j, NULL, item);
	json_end(j, ']');
}

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
	struct desk_call *dc = desk_call_of(c);
	const struct desk_caller *by = &dc->by;
	struct sensors s = { &j, &by->who };
	desk_begin(&j, c);
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
	desk_finish(&j);
	return r;
}

static int get_session(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call_of(c);
	if (!dc)
		return desk_away(err);
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
	struct desk_call *dc = desk_call_of(c);
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
	struct desk_call *dc = desk_call_of(c);
	struct store_note note = { c->now_ns, u->name, "login-once", dc->job->call.peer };
	snprintf(k->hash, sizeof k->hash, PROOF_NONE);
	k->since_ns = c->now_ns;
	return desk_record(dc->desk, &note, &credential_kind, k, err);
}

static void let_in(struct view_call *c, const struct user *u, bool once)
{
	struct desk_call *dc = desk_call_of(c);
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
	int r = wait_first(desk_call_of(c), name, err);
	if (!r)
		r = prove(c, name, u, k, err);
	return !r && k->once ? use_up(c, k, u, err) : r;
}

static int post_login(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call_of(c);
	struct user u = { "" };
	struct credential k = { "" };
	if (!dc)
		return desk_away(err);
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
	struct desk_call *dc = desk_call_of(c);
	struct json j;
	if (!dc)
		return desk_away(err);
	if (!dc->by.by_session)
		return err_set(err, DESK_NOBODY, "nobody is logged in");
	pthread_mutex_lock(&dc->desk->accounts);
	sessions_end(dc->desk->sessions, &dc->by.session);
	pthread_mutex_unlock(&dc->desk->accounts);
	snprintf(dc->job->session, sizeof dc->job->session, "-");
	desk_note_late(dc->desk, &(struct store_note){ c->now_ns, dc->by.user.name, "logout", dc->job->call.peer });
	desk_begin(&j, c);
	json_null(&j, "user");
	return desk_finish(&j);
}

/* Who has just come in with a password for one login has shown it. */
static int prove_old(struct view_call *c, struct err *err)
{
	char subject[96];
	struct credential k = { "" };
	struct desk_call *dc = desk_call_of(c);
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
	struct desk_call *dc = desk_call_of(c);
	struct desk *d = dc->desk;
	struct user u = { 0 };
	int r = desk_find_user(d, dc->by.user.name, &u, err);
	if (r)
		return r;
	u.changed_ns = c->now_ns > u.changed_ns ? c->now_ns : u.changed_ns + 1;
	dc->by.session.since_ns = u.changed_ns;
	pthread_mutex_lock(&d->accounts);
	sessions_put(d->sessions, &dc->by.session);
	pthread_mutex_unlock(&d->accounts);
	r = desk_keep(c, &user_kind, &u, "user-renew", u.name, err);
	if (!r)
		r = desk_put_password(c, u.name, view_text(c, "new"), false, "password", err);
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
	struct desk_call *dc = desk_call_of(c);
	if (!dc)
		return desk_away(err);
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
	struct desk_call *dc = desk_call_of(c);
	struct sensor s;
	int r = deskgate_find(dc->desk, &sensor_kind, sensor, &s, NULL);
	return r >= 0 && view_level_in(c->who, r == 0 && s.tenant[0] ? s.tenant : "default") > VIEW_OPEN;
}

/* What is wrong names sensors of others, too: it is for who sees all. */
int desk_get_status(struct view_call *c, struct err *err)
{
	struct desk_call *dc = desk_call_of(c);
	if (!dc)
		return desk_away(err);
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
	.fn = desk_get_status };
static const struct view users_view = { "GET", "/users", VIEW_ADMIN, "All users", .answer = "{rows: [@user]}",
	.fn = desk_get_users };
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
	.answer = "{user: @user, password: text|null}", .fn = desk_post_users };
static const struct view_param change_params[] = {
	{ "name", VIEW_TEXT, "whom", .required = true },
	USER_FIELDS,
	{ "state", VIEW_WORD, "disabled: his sessions and tokens end", .words = "active|disabled" },
};
static const struct view change_view = { "POST", "/users/{name}", VIEW_ADMIN, "Changes what a user may",
	PARAMS(change_params), .answer = "{user: @user, password: text|null}", .fn = desk_post_user };
static const struct view_param reset_params[] = {
	{ "name", VIEW_TEXT, "whose", .required = true },
	{ "password", VIEW_TEXT, "12 to 256 characters; without: one for one login is made and answered",
		.secret = true },
};
static const struct view reset_view = { "POST", "/users/{name}/password", VIEW_ADMIN,
	"Sets another's password: his sessions and tokens end", PARAMS(reset_params),
	.answer = "{user: @user, password: text|null}", .fn = desk_post_user_password };
static const struct view_param tokens_params[] = { { "all", VIEW_FLAG, "those of all users", .normal = "0" } };
static const struct view tokens_view = { "GET", "/tokens", VIEW_VIEWER, "One's own tokens", PARAMS(tokens_params),
	.answer = "{rows: [@token]}", .fn = desk_get_tokens };
static const struct view_param make_params[] = {
	{ "label", VIEW_TEXT, "what it is for", .required = true },
	{ "roles", VIEW_TEXT, "TENANT ROLE by commas; without: all that its user may" },
	{ "scope", VIEW_TEXT,
		"read, write, and the first words of paths if it shall be good for those alone, by commas",
		.normal = "read" },
	{ "until", VIEW_TIME, "when it ends; without: in 90 days" },
};
static const struct view make_view = { "POST", "/tokens", VIEW_VIEWER, "Makes a token: `secret` is shown this once",
	PARAMS(make_params), .answer = "{token: @token, secret: text}", .fn = desk_post_tokens };
static const struct view_param revoke_params[] = { { "id", VIEW_TEXT, "which", .required = true } };
static const struct view revoke_view = { "POST", "/tokens/{id}/revoke", VIEW_VIEWER, "Ends a token",
	PARAMS(revoke_params), .answer = "{token: @token}", .fn = desk_post_token_revoke };

const struct view *const desk_views[] = { &login_view, &logout_view, &session_view, &password_view, &status_view,
	&users_view, &add_view, &change_view, &reset_view, &tokens_view, &make_view, &revoke_view, NULL };
