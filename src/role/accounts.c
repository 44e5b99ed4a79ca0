// SPDX-License-Identifier: Apache-2.0
#include "role/accounts.h"

#include "base/text.h"
#include "model/case.h"
#include "model/remark.h"
#include "role/proof.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TENANT_MAX sizeof((struct principal *)0)->tenants[0]

/* ---- texts ---- */

bool accounts_name_is(const char *name)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@";
	size_t n = strlen(name);
	return n && n < USER_NAME_MAX && strspn(name, good) == n && isalnum((unsigned char)name[0]);
}

bool accounts_text_is(const char *text, bool may_be_empty)
{
	size_t n = strlen(text);
	for (size_t i = 0, k; i < n; i += k) {
		k = text_utf8_length(text + i, n - i);
		if (!k || (uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return n || may_be_empty;
}

/* Text of several lines. */
static bool is_prose(const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0, k; i < n; i += k) {
		k = text_utf8_length(text + i, n - i);
		if (!k || ((uint8_t)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t' && text[i] != '\r'))
			return false;
	}
	return true;
}

/* ---- lists ---- */

static int level_of(const char *word)
{
	for (int l = VIEW_VIEWER; l <= VIEW_ADMIN; l++)
		if (strcmp(view_level_name((enum view_level)l), word) == 0)
			return l;
	return -1;
}

/* "TENANT ROLE". */
static int read_role(const char *item, char tenant[TENANT_MAX], enum view_level *level)
{
	size_t n = strcspn(item, " ");
	int l = item[n] ? level_of(item + n + 1) : -1;
	if (!n || n >= TENANT_MAX || l < 0)
		return -1;
	snprintf(tenant, TENANT_MAX, "%.*s", (int)n, item);
	*level = (enum view_level)l;
	return accounts_text_is(tenant, false) ? 0 : -1;
}

static bool word_in(const char *item, const char *words)
{
	size_t n = strlen(item);
	for (; *words; words += strcspn(words, "|") + (words[strcspn(words, "|")] == '|'))
		if (strcspn(words, "|") == n && strncmp(words, item, n) == 0)
			return true;
	return false;
}

static bool is_role(const char *item)
{
	char tenant[TENANT_MAX];
	enum view_level level;
	return read_role(item, tenant, &level) == 0;
}

static bool is_right(const char *item)
{
	return word_in(item, "see-subscriber|see-dark");
}

static bool is_scope(const char *item)
{
	return *item && strspn(item, "abcdefghijklmnopqrstuvwxyz-") == strlen(item);
}

/* Items between commas or newlines into a list. */
static int read_list(const char *text, char *out, size_t size, bool (*good)(const char *))
{
	out[0] = '\0';
	while (*text) {
		char item[256];
		text += strspn(text, " ,\n\r");
		size_t n = strcspn(text, ",\n\r"), end = n;
		while (end && text[end - 1] == ' ')
			end--;
		if (!n)
			continue;
		if (end >= sizeof item)
			return -1;
		snprintf(item, sizeof item, "%.*s", (int)end, text);
		if (!good(item) || !row_list_add(out, size, item))
			return -1;
		text += n;
	}
	return 0;
}

int accounts_roles(const char *text, char *out, size_t size, struct err *err)
{
	if (read_list(text, out, size, is_role) < 0)
		return err_set(err, -1,
			"takes TENANT ROLE, by commas; roles are viewer, analyst, approver, admin, the "
			"tenant * means all");
	return 0;
}

int accounts_rights(const char *text, char *out, size_t size, struct err *err)
{
	if (read_list(text, out, size, is_right) < 0)
		return err_set(err, -1, "takes some of see-subscriber, see-dark");
	return 0;
}

int accounts_scope(const char *text, char *out, size_t size, struct err *err)
{
	if (read_list(text, out, size, is_scope) < 0)
		return err_set(err, -1, "takes read, write, and first words of paths");
	return 0;
}

static bool is_list(const char *list, bool (*good)(const char *))
{
	char item[256];
	for (const char *at = list; row_list_next(&at, item, sizeof item);)
		if (!good(item))
			return false;
	return true;
}

/* ---- records ---- */

static const struct row_kind *const kinds[] = { &user_kind, &token_kind, &credential_kind, &remark_kind, &case_kind };

const struct row_kind *accounts_kind(const char *kind)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i]->name, kind) == 0)
			return kinds[i];
	return NULL;
}

bool accounts_keepable(const char *kind)
{
	return accounts_kind(kind);
}

static const char *user_fault(const struct user *u)
{
	if (!accounts_name_is(u->name))
		return "a user's name";
	if (!is_list(u->roles, is_role) || !is_list(u->rights, is_right))
		return "roles or rights";
	if (u->language[0] && !word_in(u->language, "en|ja"))
		return "a language";
	return word_in(u->state, "active|disabled") ? NULL : "a user's state";
}

static bool is_id(const char *id)
{
	return strlen(id) == 16 && strspn(id, "0123456789abcdef") == 16;
}

static const char *token_fault(const struct token *t)
{
	if (!is_id(t->id) || !accounts_name_is(t->user))
		return "a token's id or user";
	if (!accounts_text_is(t->label, true) || !is_list(t->roles, is_role) || !is_list(t->scope, is_scope))
		return "label, roles or scope";
	return t->until_ns > 0 ? NULL : "a token without end";
}

static const char *credential_fault(const struct credential *c)
{
	const char *at = strchr(c->subject, ' ');
	size_t n = strlen(c->hash);
	bool token = strncmp(c->subject, "token ", 6) == 0, user = strncmp(c->subject, "user ", 5) == 0;
	if (!(token && is_id(at + 1)) && !(user && accounts_name_is(at + 1)))
		return "a credential's subject";
	if (strcmp(c->hash, PROOF_NONE) == 0)
		return NULL;
	if (token && (n != 2 * PROOF_SHA || strspn(c->hash, "0123456789abcdef") != n))
		return "a hash";
	return user && strncmp(c->hash, "$argon2id$", 10) != 0 ? "a hash" : NULL;
}

static const char *remark_fault(const struct remark *r)
{
	if (!accounts_text_is(r->id, false) || !accounts_text_is(r->tenant, true) ||
		!accounts_text_is(r->subject, false))
		return "a remark's id, tenant or subject";
	if (!accounts_text_is(r->kind, false) || !accounts_text_is(r->who, false))
		return "a remark's kind or user";
	return is_prose(r->text) ? NULL : "a remark's text";
}

/* By its fields: no control characters but between the lines of a list. */
static const char *row_fault(const struct row_kind *kind, const void *record)
{
	for (size_t i = 0; i < kind->n; i++) {
		const struct row_field *f = &kind->fields[i];
		const char *text = (const char *)record + f->offset;
		if ((f->type == ROW_TEXT || f->type == ROW_LIST) && !is_prose(text))
			return f->name;
	}
	return NULL;
}

int accounts_check(const struct row_kind *kind, const void *record, struct err *err)
{
	const char *fault = kind == &user_kind	       ? user_fault(record)
			    : kind == &token_kind      ? token_fault(record)
			    : kind == &credential_kind ? credential_fault(record)
			    : kind == &remark_kind     ? remark_fault(record)
						       : row_fault(kind, record);
	return fault ? err_set(err, -1, "%s: %s is not well-formed", kind->name, fault) : 0;
}

/* ---- who may what ---- */

static unsigned rights_of(const struct user *u)
{
	char item[64];
	unsigned rights = 0;
	for (const char *at = u->rights; row_list_next(&at, item, sizeof item);)
		rights |= strcmp(item, "see-dark") == 0		? PRINCIPAL_SEE_DARK
			  : strcmp(item, "see-subscriber") == 0 ? PRINCIPAL_SEE_SUBSCRIBER
								: 0u;
	return rights;
}

/* The tenant `*` is all of them; `level` is then that of all. */
struct grants {
	enum view_level all;
	size_t n;
	struct {
		char tenant[TENANT_MAX];
		enum view_level level;
	} v[PRINCIPAL_TENANTS];
};

static void grants_add(struct grants *g, const char *tenant, enum view_level level)
{
	if (level == VIEW_OPEN)
		return;
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->v[i].tenant, tenant) == 0) {
			g->v[i].level = level > g->v[i].level ? level : g->v[i].level;
			return;
		}
	if (g->n == PRINCIPAL_TENANTS)
		return;
	snprintf(g->v[g->n].tenant, sizeof g->v->tenant, "%s", tenant);
	g->v[g->n++].level = level;
}

static void grants_read(struct grants *g, const char *roles)
{
	char item[256], tenant[TENANT_MAX];
	enum view_level level;
	*g = (struct grants){ .all = VIEW_OPEN };
	for (const char *at = roles; row_list_next(&at, item, sizeof item);) {
		if (read_role(item, tenant, &level) < 0)
			continue;
		if (strcmp(tenant, "*") != 0)
			grants_add(g, tenant, level);
		else if (level > g->all)
			g->all = level;
	}
}

static enum view_level grants_in(const struct grants *g, const char *tenant)
{
	enum view_level level = g->all;
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->v[i].tenant, tenant) == 0 && g->v[i].level > level)
			level = g->v[i].level;
	return level;
}

static enum view_level lower(enum view_level a, enum view_level b)
{
	return a < b ? a : b;
}

/* What both give. */
static void grants_both(struct grants *out, const struct grants *a, const struct grants *b)
{
	*out = (struct grants){ .all = lower(a->all, b->all) };
	for (size_t i = 0; i < a->n; i++)
		grants_add(out, a->v[i].tenant, lower(grants_in(a, a->v[i].tenant), grants_in(b, a->v[i].tenant)));
	for (size_t i = 0; i < b->n; i++)
		grants_add(out, b->v[i].tenant, lower(grants_in(a, b->v[i].tenant), grants_in(b, b->v[i].tenant)));
}

void accounts_who(const struct user *u, const struct token *t, struct view_who *out)
{
	struct grants his, its, both;
	*out = (struct view_who){ .level = VIEW_OPEN };
	snprintf(out->user, sizeof out->user, "%s", u->name);
	grants_read(&his, u->roles);
	both = his;
	if (t && t->roles[0]) {
		grants_read(&its, t->roles);
		grants_both(&both, &his, &its);
	}
	struct principal *p = &out->principal;
	p->all = both.all > VIEW_OPEN;
	out->level = both.all;
	p->rights = rights_of(u) | (both.all == VIEW_ADMIN ? PRINCIPAL_ADMIN : 0u);
	for (size_t i = 0; i < both.n; i++) {
		snprintf(p->tenants[p->n], sizeof *p->tenants, "%s", both.v[i].tenant);
		out->in[p->n++] = both.v[i].level;
		if (!p->all && both.v[i].level > out->level)
			out->level = both.v[i].level;
	}
}

bool accounts_in_scope(const struct token *t, const char *method, const char *path)
{
	char item[64];
	bool read = false, write = false, some = false, this = false;
	size_t n = strcspn(path + (*path == '/'), "/.");
	for (const char *at = t->scope; row_list_next(&at, item, sizeof item);) {
		if (strcmp(item, "read") == 0)
			read = true;
		else if (strcmp(item, "write") == 0)
			write = true;
		else
			some = true;
		if (strlen(item) == n && strncmp(path + (*path == '/'), item, n) == 0)
			this = true;
	}
	if (some && !this)
		return false;
	return strcmp(method, "GET") == 0 ? read || !write : write;
}

bool accounts_is_admin(const struct user *u)
{
	struct grants g;
	grants_read(&g, u->roles);
	return g.all == VIEW_ADMIN && strcmp(u->state, "active") == 0;
}
