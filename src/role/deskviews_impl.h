// SPDX-License-Identifier: Apache-2.0
/* Shared by the desk's own questions: deskviews.c (table, sessions, the daemon) and deskusers.c (users, tokens). */
#pragma once
#include "base/json.h"
#include "role/desk.h"

/* NULL: it is asked by a command, without a desk: then desk_away(). */
struct desk_call *desk_call_of(struct view_call *c);
int desk_away(struct err *err);
/* An object as the answer. */
void desk_begin(struct json *j, struct view_call *c);
int desk_finish(struct json *j);
/* A record with its line in the audit: 0 or an enum view_error. */
int desk_keep(struct view_call *c, const struct row_kind *kind, const void *what, const char *did, const char *subject,
	struct err *err);
int desk_put_password(
	struct view_call *c, const char *user, const char *password, bool once, const char *did, struct err *err);
/* 0, VIEW_ABSENT or VIEW_AWAY. */
int desk_find_user(struct desk *d, const char *name, struct user *out, struct err *err);

int desk_get_users(struct view_call *c, struct err *err);
int desk_post_users(struct view_call *c, struct err *err);
int desk_post_user(struct view_call *c, struct err *err);
int desk_post_user_password(struct view_call *c, struct err *err);
int desk_get_tokens(struct view_call *c, struct err *err);
int desk_post_tokens(struct view_call *c, struct err *err);
int desk_post_token_revoke(struct view_call *c, struct err *err);
int desk_get_status(struct view_call *c, struct err *err);
