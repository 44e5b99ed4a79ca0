// SPDX-License-Identifier: Apache-2.0
#include "role/desk.h"

#include "base/json.h"
#include "role/deskviews.h"
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors ---- */

static const struct {
	int code;
	uint16_t status;
	const char *word;
} errors[] = {
	{ VIEW_BAD, 400, "bad-parameter" },
	{ DESK_NOBODY, 401, "not-logged-in" },
	{ VIEW_REFUSED, 403, "forbidden" },
	{ DESK_MUST_CHANGE, 403, "must-change-password" },
	{ VIEW_ABSENT, 404, "not-found" },
	{ DESK_METHOD, 405, "method-not-allowed" },
	{ VIEW_CONFLICT, 409, "conflict" },
	{ VIEW_TOO_LARGE, 413, "too-large" },
	{ DESK_TOO_OFTEN, 429, "too-often" },
	{ VIEW_FAILED, 500, "failed" },
	{ VIEW_AWAY, 503, "unavailable" },
	{ DESK_BUSY, 503, "busy" },
};

/* A parameter's name stands before the colon. */
static void put_parameter(struct json *j, const char *text)
{
	size_t n = strcspn(text, ":");
	if (n && text[n] && strcspn(text, " ") > n)
		json_strn(j, "parameter", text, n);
}

static void answer_error(struct desk_job *k, int code, unsigned retry_s, const struct err *err)
{
	char *text = NULL;
	size_t n = 0, i = 0;
	struct json j;
	if (k->begun) {
		k->desk->cut++;
		deskqueue_last(k, false);
		return;
	}
	while (i + 1 < sizeof errors / sizeof *errors && errors[i].code != code)
		i++;
	if (errors[i].code != code)
		for (i = 0; errors[i].code != VIEW_FAILED;)
			i++;
	FILE *f = open_memstream(&text, &n);
	ENSURE(f);
	json_init(&j, f);
	json_object(&j, NULL);
	json_object(&j, "error");
	json_str(&j, "code", errors[i].word);
	json_str(&j, "message", err->text[0] ? err->text : errors[i].word);
	if (code == VIEW_BAD)
		put_parameter(&j, err->text);
	if (retry_s)
		json_u64(&j, "retry_after_s", retry_s);
	json_end(&j, '}');
	json_end(&j, '}');
	json_line(&j);
	fclose(f);
	k->view = NULL; /* its headers are not those of this answer */
	k->status = errors[i].status;
	k->part.n = 0;
	k->failed = false;
	message_octets(&k->part, text, n);
	free(text);
	deskqueue_last(k, true);
}

/* ---- the store as somebody ---- */

static bool same(const struct principal *a, const struct principal *b)
{
	bool is = a->all == b->all && a->n == b->n && a->rights == b->rights;
	for (size_t i = 0; is && i < a->n; i++)
		is = strcmp(a->tenants[i], b->tenants[i]) == 0;
	return is;
}

static struct store *open_as(struct desk_worker *w, const struct principal *p, struct err *err)
{
	struct err why = { "" };
	if (w->store && same(&w->as, p))
		return w->store;
	store_close(w->store);
	w->as = *p;
	w->store = store_open_as(member_store(w->desk->m), p, NULL, &why);
	if (!w->store)
		err_set(err, VIEW_AWAY, "the store can't be read just now");
	return w->store;
}

void deskanswer_rest(struct desk_worker *w)
{
	store_close(w->store);
	w->store = NULL;
}

/* ---- a view ---- */

static ssize_t on_write(void *arg, const char *p, size_t n)
{
	return deskqueue_put(arg, p, n) < 0 ? 0 : (ssize_t)n;
}

static int put(void *arg, const struct view_put *p, struct err *err)
{
	struct desk_call *dc = arg;
	struct store_note note = { loop_clock_ns(), dc->by.who.user, p->what, p->subject };
	return desk_record(dc->desk, &note, p->kind, p->record, err);
}

static bool is_own(const struct view *v)
{
	const struct view *const *own = desk_views;
	while (*own && *own != v)
		own++;
	return *own;
}

static int ask(struct desk_worker *w, struct view_call *c, struct err *err)
{
	if (!is_own(c->view) && !(c->store = open_as(w, &c->who->principal, err)))
		return VIEW_AWAY;
	int r = deskaudit_view(w->desk, c, err);
	if (!r)
		r = c->view->fn(c, err);
	if (c->store)
		store_rest(c->store);
	return r;
}

/* 0: the answer is whole; 1: it is not wanted any more, or too late; else an error. */
static int run(struct desk_worker *w, struct desk_job *k, struct view_call *c, struct err *err)
{
	cookie_io_functions_t io = { .write = on_write };
	FILE *out = fopencookie(k, "w", io);
	ENSURE(out);
	c->out = out;
	k->view = c;
	int r = ask(w, c, err);
	if (r)
		__fpurge(out);
	bool lost = fclose(out) != 0 || k->failed;
	if (!k->begun && atomic_load(&k->cancel))
		return err_set(err, DESK_BUSY, "that takes too long: ask for less");
	return r ? r : lost;
}

static int find(struct view_call *c, const struct call *call, struct err *err)
{
	/* What a command says is in its body: addresses are written down in many places. */
	bool post = strcmp(call->method, "GET") != 0;
	struct view_ask ask = { .method = call->method, .path = call->path };
	*(post ? &ask.form : &ask.query) = post ? call->body : call->query;
	int r = view_find(c, desk_views, &ask, err);
	return r == VIEW_CONFLICT ? DESK_METHOD : r;
}

bool deskanswer(struct desk_worker *w, struct desk_job *k)
{
	struct desk *d = w->desk;
	struct err err = { "" };
	struct desk_call dc = { .desk = d, .job = k };
	struct view_call c = { .who = &dc.by.who,
		.dir = member_store(d->m),
		.know = &w->know,
		.now_ns = loop_clock_ns(),
		.seed = d->seed,
		.cancel = &k->cancel,
		.put = put,
		.put_arg = &dc };
	int r = deskgate_who(d, &k->call, &dc.by, &err);
	if (r == 0 && !deskqueue_user(k, dc.by.who.user))
		return false;
	if (dc.by.stale)
		snprintf(k->session, sizeof k->session, "-");
	if (r == 0)
		r = find(&c, &k->call, &err);
	if (r == 0)
		r = deskgate_may(&k->call, &dc.by, c.view, &err);
	if (r == 0)
		r = run(w, k, &c, &err);
	if (r < 0)
		answer_error(k, r, dc.retry_s, &err);
	else
		deskqueue_last(k, r == 0);
	view_done(&c);
	return true;
}
