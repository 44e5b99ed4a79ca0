// SPDX-License-Identifier: Apache-2.0
/* Nodes against the table. Calls itself as deep as the table is, never as deep as the document. */
#include "codec/yaml_impl.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 64 /* of one map, with those of its variant */

struct walk {
	const struct yaml_tree *tree;
	struct yaml_pool *pool;
	struct yaml_faults *faults;
};

/* A map and the rows that hold for it. */
struct place {
	const struct yaml_table *table;
	const char *name; /* its key */
	void *base;
	const struct yaml_row *more; /* of its variant */
	size_t n_more;
	unsigned lines[ROWS_MAX]; /* where each row was set, 0: not yet */
};

static void value(
	struct walk *w, const struct yaml_item *node, const struct yaml_row *row, enum yaml_type type, void *at);

static const struct yaml_item *item_at(const struct walk *w, uint32_t at)
{
	return at == YAML_NONE ? NULL : &w->tree->v[at];
}

/* What stands there, for faults. */
static const char *found(char out[128], const struct yaml_item *node)
{
	if (node->kind != YAML_IS_SCALAR)
		snprintf(out, 128, "%s", node->kind == YAML_IS_MAP ? "a map" : "a list");
	else if (node->plain && !node->text[0])
		snprintf(out, 128, "nothing");
	else
		snprintf(out, 128, "`%.*s`%s", text_cut(node->text, 100), node->text,
			strlen(node->text) > 100 ? "..." : "");
	return out;
}

static const struct yaml_row *row_at(const struct place *p, size_t i)
{
	if (i < p->table->n)
		return &p->table->rows[i];
	return i - p->table->n < p->n_more ? &p->more[i - p->table->n] : NULL;
}

const struct yaml_row *yaml_variant_rows(const struct yaml_table *t, const void *base, size_t *n)
{
	*n = 0;
	if (!t->variants)
		return NULL;
	const struct yaml_variant *v = &t->variants[*(const int *)((const char *)base + t->rows[0].offset)];
	*n = v->n;
	return v->rows;
}

/* ---- defaults ---- */

static void default_rows(const struct yaml_row *rows, size_t n, char *base, struct yaml_pool *pool)
{
	for (size_t i = 0; i < n; i++) {
		const struct yaml_row *r = &rows[i];
		if (r->type == YAML_MAP) {
			yaml_defaults(r->table, base + r->offset, pool);
		} else if (r->type == YAML_LIST && r->one) {
			struct yaml_any_list *list = (void *)(base + r->offset);
			list->n = 1;
			list->v = yaml_pool_take(pool, r->table->size);
			yaml_defaults(r->table, list->v, pool);
		} else if (r->fallback) {
			struct err why;
			ENSURE(yaml_scalar_of(r->type)->parse(r, r->fallback, base + r->offset, pool, &why) == 0);
		}
	}
}

void yaml_defaults(const struct yaml_table *table, void *out, struct yaml_pool *pool)
{
	memset(out, 0, table->size);
	default_rows(table->rows, table->n, out, pool);
}

/* ---- scalars ---- */

static void scalar(
	struct walk *w, const struct yaml_item *node, const struct yaml_row *row, enum yaml_type type, void *at)
{
	const struct yaml_scalar *s = yaml_scalar_of(type);
	const char *what = type == YAML_OWN ? row->own->what : s->what;
	max_align_t room[16];
	char text[128];
	struct err why = { "" };
	size_t size = yaml_size_of(row, type);
	ENSURE(size <= sizeof room);
	memset(room, 0, sizeof room);
	if (node->kind != YAML_IS_SCALAR || (node->plain && !node->text[0])) {
		yaml_fault(w->faults, node->line, "%s for `%s`; expected %s", found(text, node), row->key, what);
	} else if (s->parse(row, node->text, room, w->pool, &why) < 0) {
		yaml_fault(w->faults, node->line, "%s for `%s`; expected %s", found(text, node), row->key,
			why.text[0] ? why.text : what);
	} else {
		memcpy(at, room, size);
		yaml_line_set(w->pool, at, node->line);
	}
}

static bool env_name(const char *s)
{
	if (!isascii(*s) || (!isalpha((unsigned char)*s) && *s != '_'))
		return false;
	for (; *s; s++)
		if (!isascii(*s) || (!isalnum((unsigned char)*s) && *s != '_'))
			return false;
	return true;
}

/* Nothing that stands here is echoed: it may be the secret itself, put in the wrong place. */
static void secret(struct walk *w, const struct yaml_item *node, const struct yaml_row *row, struct yaml_secret *at)
{
	const char *what = yaml_scalar_of(YAML_SECRET)->what;
	const struct yaml_item *key = item_at(w, node->child), *is = key ? item_at(w, key->next) : NULL;
	if (node->kind != YAML_IS_MAP) {
		yaml_fault(w->faults, node->line, "a value itself for the secret `%s`; expected %s", row->key, what);
		return;
	}
	if (node->n != 1 || !key || !is || key->kind != YAML_IS_SCALAR || is->kind != YAML_IS_SCALAR) {
		yaml_fault(w->faults, node->line, "something else for the secret `%s`; expected %s", row->key, what);
	} else if (strcmp(key->text, "file") == 0) {
		if (is->text[0] != '/')
			yaml_fault(w->faults, is->line, "no path for the secret `%s`; expected one that begins with /",
				row->key);
		else
			*at = (struct yaml_secret){ .file = is->text };
	} else if (strcmp(key->text, "env") == 0) {
		if (!env_name(is->text))
			yaml_fault(w->faults, is->line,
				"no name of an environment variable for the secret `%s`; expected one such as TOKEN",
				row->key);
		else
			*at = (struct yaml_secret){ .env = is->text };
	} else {
		yaml_fault(w->faults, key->line, "an unknown key in the secret `%s`; expected file or env", row->key);
	}
	yaml_line_set(w->pool, at, node->line);
}

/* ---- maps ---- */

/* Required rows that nobody set, also in maps that are not there at all. */
static void missing(struct walk *w, const struct yaml_row *row, unsigned line)
{
	if (row->required)
		yaml_fault(w->faults, line, "`%s` is missing%s%s", row->key, row->words ? "; expected one of " : "",
			row->words ? row->words : "");
	if (row->type == YAML_MAP)
		for (size_t i = 0; i < row->table->n; i++)
			missing(w, &row->table->rows[i], line);
}

/* The keys of the map as "a|b|c". */
static void key_words(const struct place *p, char *out, size_t size)
{
	const struct yaml_row *r;
	size_t o = 0;
	out[0] = 0;
	for (size_t i = 0; (r = row_at(p, i)) && o < size; i++)
		o += (size_t)snprintf(out + o, size - o, "%s%s", i ? "|" : "", r->key);
}

static void unknown(struct walk *w, const struct place *p, const struct yaml_item *key)
{
	char words[1024], nearest[96], text[128];
	key_words(p, words, sizeof words);
	yaml_nearest(nearest, key->text, words);
	for (char *c = words; *c; c++)
		*c = *c == '|' ? ' ' : *c;
	yaml_fault(w->faults, key->line, "unknown key %s in %s%s%s", found(text, key), p->name,
		nearest[0] ? nearest : "; expected one of: ", nearest[0] ? "" : words);
}

static void entry(struct walk *w, struct place *p, const struct yaml_item *key, const struct yaml_item *is)
{
	char text[128];
	const struct yaml_row *row;
	if (key->kind != YAML_IS_SCALAR) {
		yaml_fault(w->faults, key->line, "%s as a key in %s; expected a word", found(text, key), p->name);
		return;
	}
	for (size_t i = 0; (row = row_at(p, i)); i++) {
		if (strcmp(row->key, key->text) != 0)
			continue;
		if (p->lines[i]) {
			yaml_fault(w->faults, key->line, "`%s` a second time in %s; line %u has it already", row->key,
				p->name, p->lines[i]);
			return;
		}
		p->lines[i] = key->line;
		value(w, is, row, row->type, (char *)p->base + row->offset);
		return;
	}
	unknown(w, p, key);
}

/* Sets the variant from the tag, wherever in the map it stands. */
static int variant(struct walk *w, struct place *p, const struct yaml_item *node)
{
	const struct yaml_row *tag = &p->table->rows[0];
	void *at = (char *)p->base + tag->offset;
	const struct yaml_item *is;
	for (const struct yaml_item *key = item_at(w, node->child); key; key = item_at(w, is->next)) {
		is = item_at(w, key->next);
		if (key->kind != YAML_IS_SCALAR || strcmp(key->text, tag->key) != 0)
			continue;
		scalar(w, is, tag, tag->type, at);
		if (!yaml_line(w->pool, at))
			return -1;
		p->more = yaml_variant_rows(p->table, p->base, &p->n_more);
		default_rows(p->more, p->n_more, p->base, w->pool);
		return 0;
	}
	missing(w, tag, node->line);
	return -1;
}

static void map(
	struct walk *w, const struct yaml_item *node, const struct yaml_table *table, const char *name, void *base)
{
	struct place p = { .table = table, .name = name, .base = base };
	const struct yaml_item *is;
	const struct yaml_row *row;
	if (table->variants && variant(w, &p, node) < 0)
		return;
	ENSURE(table->n + p.n_more <= ROWS_MAX);
	for (const struct yaml_item *key = item_at(w, node->child); key; key = item_at(w, is->next)) {
		is = item_at(w, key->next);
		if (is)
			entry(w, &p, key, is);
		else
			break;
	}
	for (size_t i = 0; (row = row_at(&p, i)); i++)
		if (!p.lines[i])
			missing(w, row, node->line);
}

static void map_value(struct walk *w, const struct yaml_item *node, const struct yaml_row *row, void *at)
{
	static const struct yaml_item nothing = { .kind = YAML_IS_MAP, .child = YAML_NONE, .next = YAML_NONE };
	struct yaml_item empty = nothing;
	char text[128], name[80];
	const struct yaml_table *t = row->table;
	yaml_line_set(w->pool, at, node->line);
	snprintf(name, sizeof name, "`%s`", row->key);
	if (node->kind == YAML_IS_MAP) {
		map(w, node, t, name, at);
	} else if (node->kind == YAML_IS_SCALAR && node->plain && !node->text[0]) {
		empty.line = node->line;
		map(w, &empty, t, name, at);
	} else if (node->kind == YAML_IS_SCALAR && t->shorter) {
		for (size_t i = 0; i < t->n; i++)
			if (strcmp(t->rows[i].key, t->shorter) == 0)
				scalar(w, node, &t->rows[i], t->rows[i].type, (char *)at + t->rows[i].offset);
	} else {
		yaml_fault(w->faults, node->line, "%s for `%s`; expected a map", found(text, node), row->key);
	}
}

static void list_value(struct walk *w, const struct yaml_item *node, const struct yaml_row *row, void *at)
{
	struct yaml_any_list *list = at;
	char text[128];
	size_t size = yaml_size_of(row, row->item), i = 0;
	yaml_line_set(w->pool, at, node->line);
	if (node->kind != YAML_IS_LIST && !(node->kind == YAML_IS_SCALAR && node->plain && !node->text[0])) {
		yaml_fault(w->faults, node->line, "%s for `%s`; expected a list", found(text, node), row->key);
		return;
	}
	if (row->max && node->n > row->max) {
		yaml_fault(w->faults, node->line, "%u items for `%s`; expected at most %llu", node->n, row->key,
			(unsigned long long)row->max);
		return;
	}
	list->v = yaml_pool_take(w->pool, node->n * size + 1);
	for (const struct yaml_item *is = item_at(w, node->child); is; is = item_at(w, is->next), i++) {
		if (row->item == YAML_MAP)
			yaml_defaults(row->table, list->v + i * size, w->pool);
		value(w, is, row, row->item, list->v + i * size);
	}
	list->n = i;
}

static void value(
	struct walk *w, const struct yaml_item *node, const struct yaml_row *row, enum yaml_type type, void *at)
{
	switch (type) {
	case YAML_MAP:
		map_value(w, node, row, at);
		break;
	case YAML_LIST:
		list_value(w, node, row, at);
		break;
	case YAML_SECRET:
		secret(w, node, row, at);
		break;
	default:
		scalar(w, node, row, type, at);
	}
}

int yaml_parse(struct bytes text, const struct yaml_table *table, void *out, struct yaml_pool *pool,
	struct yaml_faults *faults)
{
	static const struct yaml_item nothing = { YAML_IS_MAP, 1, false, NULL, YAML_NONE, YAML_NONE, 0 };
	struct yaml_tree tree;
	struct walk w = { &tree, pool, faults };
	size_t before = faults->n;
	yaml_defaults(table, out, pool);
	if (yaml_tree_read(text, &tree, pool, faults) == 0) {
		const struct yaml_item *root = tree.n ? &tree.v[0] : &nothing;
		if (root->kind == YAML_IS_SCALAR && root->plain && !root->text[0])
			root = &nothing;
		if (root->kind == YAML_IS_MAP)
			map(&w, root, table, "the document", out);
		else
			yaml_fault(faults, root->line, "%s; expected a map at the top",
				root->kind == YAML_IS_LIST ? "a list" : "a text");
	}
	free(tree.v);
	return faults->n > before ? -1 : 0;
}
