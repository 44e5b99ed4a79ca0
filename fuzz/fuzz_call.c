// SPDX-License-Identifier: Apache-2.0
/*
 * What the console hands on: a call is read, built and read again; its view is found with all its parameters. And
 * records for the keeper, by whoever may send them: what is well-formed can be judged. The first octet says which.
 */
#include "base/err.h"
#include "base/mem.h"
#include "model/call.h"
#include "role/accounts.h"
#include "role/deskviews.h"
#include "role/proof.h"
#include <stdlib.h>

static bool equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
}

static void find(const struct call *c)
{
	struct view_call v = { .now_ns = INT64_C(1700000000000000000) };
	struct err err = { "" };
	bool get = strcmp(c->method, "GET") == 0;
	struct bytes none = { 0 };
	struct view_ask ask = { c->method, c->path, get ? c->query : none, get ? none : c->body };
	int r = view_find(&v, desk_views, &ask, &err);
	ENSURE(r <= 0 && (r == 0) == (err.text[0] == '\0'));
	for (size_t i = 0; r == 0 && i < v.view->params_n; i++)
		ENSURE(!v.view->params[i].required || *view_text(&v, v.view->params[i].name));
	view_done(&v);
}

static void call(struct bytes in)
{
	struct call *c = mem_new(sizeof *c), *again = mem_new(sizeof *again);
	if (call_parse(in, c) == 0) {
		struct message_buf b = { 0 };
		char id[24];
		call_build(&b, c);
		ENSURE(call_parse((struct bytes){ b.p, b.n }, again) == 0);
		ENSURE(strcmp(c->path, again->path) == 0 && strcmp(c->token, again->token) == 0);
		ENSURE(equal(c->query, again->query) && equal(c->body, again->body));
		free(b.p);
		if (proof_token_id(c->token, id) == 0)
			ENSURE(strlen(id) == 16);
		find(c);
	}
	free(c);
	free(again);
}

static void reply(struct bytes in)
{
	struct reply *r = mem_new(sizeof *r), *again = mem_new(sizeof *again);
	if (reply_parse(in, r) == 0) {
		struct message_buf b = { 0 };
		reply_build(&b, r);
		ENSURE(reply_parse((struct bytes){ b.p, b.n }, again) == 0 && equal(r->octets, again->octets));
		free(b.p);
	}
	free(r);
	free(again);
}

static void record(struct bytes in, const char *kind)
{
	const struct row_kind *k = accounts_kind(kind);
	struct message_reader r = { .in = in };
	struct view_who *who = mem_new(sizeof *who);
	void *value = mem_new(k->size);
	message_get_row(&r, k, value);
	if (message_whole(&r) && accounts_check(k, value, NULL) == 0) {
		if (k == &user_kind) {
			accounts_who(value, NULL, who);
			ENSURE(who->principal.n <= PRINCIPAL_TENANTS);
			ENSURE(accounts_is_admin(value) == !!(who->principal.rights & PRINCIPAL_ADMIN) ||
				strcmp(((struct user *)value)->state, "active") != 0);
		}
		if (k == &token_kind)
			accounts_in_scope(value, "POST", "/findings/x/mute");
	}
	free(value);
	free(who);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = { "user", "token", "credential", "remark", "case" };
	if (!size)
		return 0;
	struct bytes in = { data + 1, size - 1 };
	unsigned which = data[0] % 8;
	if (which < 5)
		record(in, kinds[which]);
	else if (which == 5)
		reply(in);
	else
		call(in);
	return 0;
}
