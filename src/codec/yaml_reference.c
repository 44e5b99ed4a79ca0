// SPDX-License-Identifier: Apache-2.0
/* The rows as pages for people. Calls itself as deep as the table is. */
#include "codec/yaml_impl.h"

#include <ctype.h>
#include <string.h>

/* Where in the tree a page is. */
struct page {
	FILE *out;
	const char *const *touch_names;
	const char *path;
	const char *variant; /* the word of the tagged union, NULL: of all */
	unsigned touches;
	void (*row)(const struct page *p, const struct yaml_row *r, const char *path);
};

static void rows(const struct page *up, const struct yaml_row *r, size_t n);

static void tables(const struct page *p, const struct yaml_table *t)
{
	char word[64];
	const char *w;
	size_t length;
	rows(p, t->rows, t->n);
	for (size_t i = 0; t->variants && (w = yaml_word(t->rows[0].words, i, &length)); i++) {
		struct page in = *p;
		snprintf(word, sizeof word, "%.*s", (int)length, w);
		in.variant = word;
		rows(&in, t->variants[i].rows, t->variants[i].n);
	}
}

static void rows(const struct page *up, const struct yaml_row *r, size_t n)
{
	for (size_t i = 0; i < n; i++, r++) {
		char path[200];
		struct page p = *up;
		bool list = r->type == YAML_LIST && r->item == YAML_MAP;
		snprintf(path, sizeof path, "%.100s%s%.50s%s", up->path, up->path[0] ? "." : "", r->key,
			list ? "[]" : "");
		p.path = path;
		p.touches = r->touches ? r->touches : up->touches;
		p.row(&p, r, path);
		if (r->type == YAML_MAP || list)
			tables(&p, r->table);
	}
}

static const char *value_name(const struct yaml_row *r, enum yaml_type type)
{
	if (type == YAML_MAP)
		return "map";
	if (type == YAML_CHOICE)
		return r->words;
	return type == YAML_OWN ? r->own->value : yaml_scalar_of(type)->value;
}

/* "1 to 64", "at least 1MiB"; empty: no limit that is worth a word. */
static const char *limits(const struct yaml_row *r, char out[100])
{
	char low[40], high[40];
	out[0] = 0;
	if (r->type == YAML_LIST && r->max)
		snprintf(out, 100, "at most %llu items", (unsigned long long)r->max);
	if (r->type < YAML_NUMBER && r->max)
		snprintf(out, 100, "at most %llu octets", (unsigned long long)r->max);
	if (r->type < YAML_NUMBER || r->type > YAML_PERCENT || (!r->min && !r->max))
		return out;
	yaml_scalar_of(r->type)->print(r, &r->min, low, sizeof low);
	yaml_scalar_of(r->type)->print(r, &r->max, high, sizeof high);
	if (r->max)
		snprintf(out, 100, "%s to %s", low, high);
	else
		snprintf(out, 100, "at least %s", low);
	return out;
}

/* ---- Markdown ---- */

static void cell(FILE *out, const char *s)
{
	for (; *s; s++)
		if (*s == '|')
			fputs("\\|", out);
		else
			fputc(*s, out);
}

/* The keys at the top are the chapters. */
static void chapter(const struct page *p, const struct yaml_row *r)
{
	fprintf(p->out, "\n## %s\n\n", r->key);
	if (r->type == YAML_MAP)
		fprintf(p->out, "%c%s.\n\n", toupper((unsigned char)r->help[0]), r->help + 1);
	fprintf(p->out, "| key | value | default | limits | meaning |%s\n",
		p->touch_names ? " a change reaches |" : "");
	fprintf(p->out, "|---|---|---|---|---|%s\n", p->touch_names ? "---|" : "");
}

static void touched(const struct page *p)
{
	const char *before = " | ";
	for (size_t i = 0; p->touch_names && p->touch_names[i]; i++)
		if (p->touches >> i & 1) {
			fprintf(p->out, "%s%s", before, p->touch_names[i]);
			before = ", ";
		}
}

static void markdown_row(const struct page *p, const struct yaml_row *r, const char *path)
{
	char text[100];
	if (!strchr(path, '.')) {
		chapter(p, r);
		if (r->type == YAML_MAP)
			return;
	}
	fprintf(p->out, "| `%s`", path);
	if (p->variant)
		fprintf(p->out, " (%s)", p->variant);
	fputs(r->type == YAML_LIST ? " | list of " : " | ", p->out);
	cell(p->out, value_name(r, r->type == YAML_LIST ? r->item : r->type));
	fputs(" | ", p->out);
	if (r->required)
		fputs("required", p->out);
	else if (r->fallback)
		fprintf(p->out, "`%s`", r->fallback);
	fprintf(p->out, " | %s | ", limits(r, text));
	cell(p->out, r->help);
	touched(p);
	fputs(" |\n", p->out);
}

void yaml_markdown(FILE *out, const struct yaml_table *table, const char *const *touch_names)
{
	struct page p = { .out = out, .touch_names = touch_names, .path = "", .row = markdown_row };
	tables(&p, table);
}

/* ---- mdoc ---- */

static void mdoc_text(FILE *out, const char *s)
{
	for (; *s; s++)
		if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '"')
			fputs("\\(dq", out);
		else
			fputc(*s, out);
}

static void mdoc_row(const struct page *p, const struct yaml_row *r, const char *path)
{
	char text[100];
	fprintf(p->out, ".It Ic \"%s\" Ar \"", path);
	if (r->type == YAML_LIST)
		fputs("list of ", p->out);
	mdoc_text(p->out, value_name(r, r->type == YAML_LIST ? r->item : r->type));
	fputs("\"\n", p->out);
	if (p->variant)
		fprintf(p->out, "With type %s:\n", p->variant);
	mdoc_text(p->out, r->help);
	if (r->required)
		fputs("; required", p->out);
	else if (r->fallback)
		fprintf(p->out, "; default %s", r->fallback);
	if (limits(r, text)[0])
		fprintf(p->out, "; %s", text);
	fputs(".\n", p->out);
}

void yaml_mdoc(FILE *out, const struct yaml_table *table)
{
	struct page p = { .out = out, .path = "", .row = mdoc_row };
	fputs(".Bl -tag -width Ds\n", out);
	tables(&p, table);
	fputs(".El\n", out);
}
