// SPDX-License-Identifier: Apache-2.0
#include "role/desk.h"

#include "role/deskviews.h"
#include <stdio.h>
#include <string.h>

/* ---- the book ---- */

/* With `accounts`. The keeper makes the store; a first start has to wait for it. */
static int open_book(struct desk *d, struct err *err)
{
	struct err why = { "" };
	if (!d->book)
		d->book = store_open(member_store(d->m), STORE_READ, NULL, &why);
	return d->book ? 0 : err_set(err, VIEW_AWAY, "the store can't be read just now");
}

/* With `accounts`. */
static int look_up(struct desk *d, const struct row_kind *kind, const char *key, void *record, struct err *err)
{
	if (open_book(d, err) < 0)
		return VIEW_AWAY;
	int r = store_find(d->book, kind, key, record, NULL);
	return r < 0 ? err_set(err, VIEW_AWAY, "the store can't be read just now") : r;
}

int deskgate_find(struct desk *d, const struct row_kind *kind, const char *key, void *record, struct err *err)
{
	pthread_mutex_lock(&d->accounts);
	int r = look_up(d, kind, key, record, err);
	pthread_mutex_unlock(&d->accounts);
	return r;
}

int deskgate_each(struct desk *d, const struct row_kind *kind, int (*fn)(void *arg, const void *record), void *arg,
	struct err *err)
{
	pthread_mutex_lock(&d->accounts);
	int r = open_book(d, err);
	if (r == 0 && store_each(d->book, kind, fn, arg, NULL) < 0)
		r = err_set(err, VIEW_AWAY, "the store can't be read just now");
	pthread_mutex_unlock(&d->accounts);
	return r;
}

/* ---- who ---- */

static bool is(const struct call *c, const char *method, const char *path)
{
	return strcmp(c->method, method) == 0 && strcmp(c->path, path) == 0;
}

/* With `accounts`. 0: `out` has him, 1: it is over, or VIEW_AWAY. */
static int by_session(struct desk *d, const struct call *call, struct desk_caller *out, struct err *err)
{
	/* Whoever only looks whether it lasts doesn't make it last. */
	bool touch = !is(call, "GET", "/session");
	if (!sessions_find(d->sessions, call->token, touch, loop_now_ns(), &out->session))
		return 1;
	int r = look_up(d, &user_kind, out->session.user, &out->user, err);
	if (r < 0)
		return r;
	if (r == 0 && strcmp(out->user.state, "active") == 0 && out->user.changed_ns <= out->session.since_ns)
		return 0;
	sessions_end(d->sessions, &out->session);
	return 1;
}

/* With `accounts`. The same. */
static int by_token(struct desk *d, const struct call *call, struct desk_caller *out, struct err *err)
{
	char subject[96], sha[2 * PROOF_SHA + 1];
	struct credential c;
	int64_t now = loop_clock_ns();
	if (proof_token_id(call->token, out->token.id) < 0)
		return 1;
	snprintf(subject, sizeof subject, "token %s", out->token.id);
	int r = look_up(d, &credential_kind, subject, &c, err);
	if (r)
		return r;
	proof_sha_hex(sha, call->token);
	if (!proof_same(sha, c.hash))
		return 1;
	r = look_up(d, &token_kind, out->token.id, &out->token, err);
	if (r || out->token.until_ns <= now)
		return r ? r : 1;
	r = look_up(d, &user_kind, out->token.user, &out->user, err);
	if (r)
		return r;
	return strcmp(out->user.state, "active") == 0 && out->user.changed_ns <= out->token.since_ns ? 0 : 1;
}

int deskgate_who(struct desk *d, const struct call *call, struct desk_caller *out, struct err *err)
{
	int r = 1;
	*out = (struct desk_caller){ 0 };
	pthread_mutex_lock(&d->accounts);
	if (call->proof == CALL_COOKIE)
		r = by_session(d, call, out, err);
	else if (call->proof == CALL_BEARER)
		r = by_token(d, call, out, err);
	pthread_mutex_unlock(&d->accounts);
	if (r < 0)
		return r;
	/* What was read of somebody whose proof is none any more. */
	if (r)
		*out = (struct desk_caller){ 0 };
	if (r == 0) {
		out->by_session = call->proof == CALL_COOKIE;
		out->by_token = call->proof == CALL_BEARER;
		accounts_who(&out->user, out->by_token ? &out->token : NULL, &out->who);
	}
	out->stale = r && call->proof == CALL_COOKIE;
	const char *language = r == 0 && out->user.language[0] ? out->user.language : call->language;
	snprintf(out->who.language, sizeof out->who.language, "%s", strcmp(language, "ja") == 0 ? "ja" : "en");
	return 0;
}

/* ---- may he ---- */

/* A browser sends the cookie without being asked: what comes from another's page is not his wish. */
static int command(const struct call *call, const struct desk_caller *by, struct err *err)
{
	bool login = is(call, "POST", "/login");
	if ((login || by->by_session) && !call->same_site)
		return err_set(err, VIEW_REFUSED, "this comes from another site's page");
	if (login || !by->by_session)
		return 0;
	if (!proof_same(call->csrf, by->session.csrf))
		return err_set(err, VIEW_REFUSED,
			"the token against forged requests is missing or wrong: load the page again");
	bool own = is(call, "POST", "/password") || is(call, "POST", "/logout");
	return by->session.must_change && !own ? err_set(err, DESK_MUST_CHANGE, "set a password of your own first") : 0;
}

/* Sessions, users and tokens: no program makes itself another key. */
static bool is_account(const struct view *v)
{
	for (const struct view *const *own = desk_views; *own; own++)
		if (*own == v)
			return strcmp(v->method, "POST") == 0;
	return false;
}

int deskgate_may(const struct call *call, const struct desk_caller *by, const struct view *v, struct err *err)
{
	bool post = strcmp(v->method, "GET") != 0;
	if (v->level > VIEW_OPEN && !by->who.user[0])
		return err_set(err, DESK_NOBODY, "log in first");
	int r = post ? command(call, by, err) : 0;
	if (r)
		return r;
	if (by->by_token && (is_account(v) || !accounts_in_scope(&by->token, v->method, call->path)))
		return err_set(err, VIEW_REFUSED, "the token is not good for this");
	if (by->who.level < v->level)
		return err_set(err, VIEW_REFUSED, "that needs the role %s", view_level_name(v->level));
	return 0;
}
