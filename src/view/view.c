// SPDX-License-Identifier: Apache-2.0
#include "view/view.h"

#include "base/mem.h"
#include "view/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *view_level_name(enum view_level l)
{
	static const char *const names[] = { "open", "viewer", "analyst", "approver", "admin" };
	return names[l];
}

enum view_level view_level_in(const struct view_who *w, const char *tenant)
{
	enum view_level level = w->principal.all ? w->level : VIEW_OPEN;
	for (size_t i = 0; i < w->principal.n; i++)
		if (strcmp(w->principal.tenants[i], tenant) == 0 && w->in[i] > level)
			level = w->in[i];
	return level;
}

int view_needs(const struct view_call *c, enum view_level level, const char *tenant, struct err *err)
{
	enum view_level has = view_level_in(c->who, tenant);
	if (has == VIEW_OPEN)
		return err_set(err, VIEW_ABSENT, "there is no such thing");
	if (has < level)
		return err_set(err, VIEW_REFUSED, "that needs the role %s", view_level_name(level));
	return 0;
}

/* ---- dark addresses ---- */

struct addr view_dark(const struct view_call *c, const struct addr *a)
{
	uint8_t key[16];
	uint64_t half[2];
	if (c->who->principal.rights & PRINCIPAL_SEE_DARK)
		return *a;
	store_dark_key(c->store, key);
	memcpy(half, key, sizeof half);
	uint64_t h = random_mix(addr_hash(a, half[0]) ^ half[1]);
	if (addr_is4(a))
		return addr_from4(0xf0000000 | (uint32_t)(h >> 36));
	uint8_t b[16] = { 0x01 };
	store_be32(b + 8, (uint32_t)(h >> 32));
	store_be32(b + 12, (uint32_t)h);
	return addr_from6(b);
}

/* ---- which view ---- */

/* Does the path fit? With `c` the names in braces become parameters. 1: yes, 0: no, negative: a parameter is wrong. */
static int fits(const struct view *v, const char *path, struct view_call *c, struct err *err)
{
	const char *want = v->path;
	while (*want) {
		size_t n = strcspn(path, "/");
		if (*want != '{') {
			if (*path++ != *want++)
				return 0;
			continue;
		}
		char name[32], text[CALL_SEGMENT_MAX];
		size_t k = strcspn(want, "}");
		if (n == 0 || n >= sizeof text)
			return 0;
		snprintf(name, sizeof name, "%.*s", (int)k - 1, want + 1);
		snprintf(text, sizeof text, "%.*s", (int)n, path);
		int rc = c ? params_set(c, name, text, err) : 0;
		if (rc)
			return rc;
		want += k + 1;
		path += n;
	}
	return *path == '\0';
}

static const struct view *look(const struct view *const *list, const char *method, const char *path, bool *other)
{
	for (; list && *list; list++) {
		if (fits(*list, path, NULL, NULL) != 1)
			continue;
		if (strcmp((*list)->method, method) == 0)
			return *list;
		*other = true;
	}
	return NULL;
}

int view_find(struct view_call *c, const struct view *const *extra, const struct view_ask *ask, struct err *err)
{
	bool other = false;
	c->also = extra;
	c->values = NULL;
	c->room = NULL;
	c->room_n = 0;
	c->view = look(extra, ask->method, ask->path, &other);
	if (!c->view)
		c->view = look(views, ask->method, ask->path, &other);
	if (!c->view)
		return other ? err_set(err, VIEW_CONFLICT, "not with this method")
			     : err_set(err, VIEW_ABSENT, "there is no such path");
	c->values = mem_new((c->view->params_n + 1) * sizeof *c->values);
	c->room = mem_new(PARAMS_TEXT_MAX);
	int rc = fits(c->view, ask->path, c, err);
	if (rc < 0)
		return rc;
	rc = params_read(c, ask->query, err);
	if (!rc)
		rc = params_read(c, ask->form, err);
	return rc ? rc : params_finish(c, err);
}

void view_done(struct view_call *c)
{
	/* Among the texts may be a password. */
	if (c->room)
		explicit_bzero(c->room, c->room_n);
	free(c->room);
	free(c->values);
	c->room = NULL;
	c->values = NULL;
}

const struct view_value *view_value(const struct view_call *c, const char *name)
{
	for (size_t i = 0; i < c->view->params_n; i++)
		if (strcmp(c->view->params[i].name, name) == 0)
			return &c->values[i];
	ENSURE(!"a parameter that the view has");
	return NULL;
}

const char *view_text(const struct view_call *c, const char *name)
{
	return view_value(c, name)->text;
}

uint64_t view_number(const struct view_call *c, const char *name, uint64_t least, uint64_t most)
{
	uint64_t n = view_value(c, name)->number;
	return n < least ? least : n > most ? most : n;
}
