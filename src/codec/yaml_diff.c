// SPDX-License-Identifier: Apache-2.0
/* What differs between two values of one table. Calls itself as deep as the table is. */
#include "codec/yaml_impl.h"

#include <stdlib.h>
#include <string.h>

#define PATH_MAX_OCTETS 256

struct diff {
	void (*changed)(void *arg, const char *path, unsigned touches);
	void *arg;
};

/* Two values, their path, and what the row above them touches. */
struct pair {
	const char *a, *b, *path;
	unsigned touches;
};

static void rows(const struct diff *d, const struct yaml_row *r, size_t n, struct pair p);

static char *printed(const struct yaml_row *row, const void *value)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	ENSURE(out);
	yaml_print_row(out, row, value);
	ENSURE(fclose(out) == 0);
	return text;
}

static bool same(const struct yaml_row *row, const void *a, const void *b)
{
	char *x = printed(row, a), *y = printed(row, b);
	bool equal = strcmp(x, y) == 0;
	free(x);
	free(y);
	return equal;
}

static void tables(const struct diff *d, const struct yaml_table *t, struct pair p)
{
	size_t n;
	const struct yaml_row *more = yaml_variant_rows(t, p.a, &n);
	rows(d, t->rows, t->n, p);
	rows(d, more, n, p);
}

static const struct yaml_row *naming(const struct yaml_table *t)
{
	for (size_t i = 0; t->named && i < t->n; i++)
		if (strcmp(t->rows[i].key, t->named) == 0)
			return &t->rows[i];
	return NULL;
}

/* May the items be compared one by one? */
static bool alike(const struct yaml_row *row, const struct yaml_any_list *a, const struct yaml_any_list *b)
{
	if (row->item != YAML_MAP || a->n != b->n)
		return false;
	const struct yaml_table *t = row->table;
	const struct yaml_row *name = naming(t);
	for (size_t i = 0; i < a->n; i++) {
		const char *x = a->v + i * t->size, *y = b->v + i * t->size;
		if (name && !same(name, x + name->offset, y + name->offset))
			return false;
		if (t->variants && !same(&t->rows[0], x + t->rows[0].offset, y + t->rows[0].offset))
			return false;
	}
	return true;
}

static void lists(const struct diff *d, const struct yaml_row *row, struct pair p)
{
	const struct yaml_any_list *a = (const void *)p.a, *b = (const void *)p.b;
	const struct yaml_row *name = row->item == YAML_MAP ? naming(row->table) : NULL;
	if (same(row, p.a, p.b))
		return;
	if (!alike(row, a, b)) {
		d->changed(d->arg, p.path, p.touches);
		return;
	}
	for (size_t i = 0; i < a->n; i++) {
		char path[PATH_MAX_OCTETS], text[YAML_SCALAR_MAX * 2];
		struct pair item = { a->v + i * row->table->size, b->v + i * row->table->size, path, p.touches };
		if (name && yaml_show(name, name->type, item.a + name->offset, text))
			snprintf(path, sizeof path, "%.120s[%.64s]", p.path, text);
		else
			snprintf(path, sizeof path, "%.120s[%zu]", p.path, i);
		tables(d, row->table, item);
	}
}

static void rows(const struct diff *d, const struct yaml_row *r, size_t n, struct pair p)
{
	for (size_t i = 0; i < n; i++, r++) {
		char path[PATH_MAX_OCTETS];
		struct pair in = { p.a + r->offset, p.b + r->offset, path, r->touches ? r->touches : p.touches };
		snprintf(path, sizeof path, "%.200s%s%.50s", p.path, p.path[0] ? "." : "", r->key);
		if (r->type == YAML_MAP)
			tables(d, r->table, in);
		else if (r->type == YAML_LIST)
			lists(d, r, in);
		else if (!same(r, in.a, in.b))
			d->changed(d->arg, path, in.touches);
	}
}

void yaml_diff(const struct yaml_table *table, const void *a, const void *b,
	void (*changed)(void *arg, const char *path, unsigned touches), void *arg)
{
	struct diff d = { changed, arg };
	tables(&d, table, (struct pair){ a, b, "", 0 });
}
