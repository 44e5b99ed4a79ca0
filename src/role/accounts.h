// SPDX-License-Identifier: Apache-2.0
/*
 * Users, tokens and what else the desk has the keeper write: what of it is well-formed, asked by whoever makes it and
 * again by the keeper, and what a user or his token may see.
 */
#pragma once
#include "base/err.h"
#include "model/user.h"
#include "view/view.h"

#define ACCOUNTS_TOKENS	     20 /* that hold at once, of a user */
#define ACCOUNTS_USERS	     500
#define ACCOUNTS_PATIENCE_NS 3000000000 /* changed_ns of a user lies so far ahead of the clock at most */

/* Letters, digits, . _ - @, beginning with a letter or digit. */
bool accounts_name_is(const char *name);

/* "TENANT ROLE" items between commas or newlines into a list as struct user has it. 0, -1 with what is wrong. */
int accounts_roles(const char *text, char *out, size_t size, struct err *err) NODISCARD;
int accounts_rights(const char *text, char *out, size_t size, struct err *err) NODISCARD;
int accounts_scope(const char *text, char *out, size_t size, struct err *err) NODISCARD;

/* May the keeper keep it? By kind: user, token, credential, remark, case; others not. */
bool accounts_keepable(const char *kind);
const struct row_kind *accounts_kind(const char *kind); /* NULL: none of them */
int accounts_check(const struct row_kind *kind, const void *record, struct err *err) NODISCARD;

/* A line of text for the audit: no control characters, UTF-8, not empty unless `may_be_empty`. */
bool accounts_text_is(const char *text, bool may_be_empty);

/* What the user may; with a token no more than that says. `out` is filled whole but for the language. */
void accounts_who(const struct user *u, const struct token *t, struct view_who *out);

/* May a token ask this? */
bool accounts_in_scope(const struct token *t, const char *method, const char *path);

/* An administrator of all tenants, who is active. */
bool accounts_is_admin(const struct user *u);
