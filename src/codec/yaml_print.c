// SPDX-License-Identifier: Apache-2.0
/* Values as a document. Calls itself as deep as the table is. */
#include "codec/yaml_impl.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX  (YAML_SCALAR_MAX * 2)
#define QUOTED_MAX (YAML_SCALAR_MAX * 8)

/* ---- quoting ---- */

/* Would a reader without our table take it for something else than a text? */
static bool ambiguous(const char *s)
{
	static const char *const words[] = { "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	/* Numbers in any of their forms, times and dates begin so; what doesn't, costs two marks. */
	return isdigit((unsigned char)s[0]) || strchr("+-.", s[0]);
}

/* The characters that mean nothing to YAML, and single blanks between them. */
static bool plain(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || strchr(":%@-", s[0]) || isspace((unsigned char)s[0]) || isspace((unsigned char)s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isascii(s[i]) || (!isalnum((unsigned char)s[i]) && !strchr("_./:+@%-= ", s[i])) ||
			(s[i] == ':' && (i + 1 == n || s[i + 1] == ' ')) || (s[i] == ' ' && s[i + 1] == ' '))
			return false;
	return true;
}

static size_t put_escape(char *out, size_t room, unsigned c)
{
	static const struct {
		unsigned c;
		const char *text;
	} named[] = { { '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" }, { '\t', "\\t" }, { '\r', "\\r" } };
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (named[i].c == c)
			return (size_t)snprintf(out, room, "%s", named[i].text);
	return (size_t)snprintf(out, room, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
}

static unsigned code_point(const unsigned char *s, size_t n)
{
	if (n < 2)
		return s[0];
	unsigned c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Characters that YAML 1.1 has no place for, or takes for the end of a line or a mark of order (section 5.1). */
static bool as_it_is(unsigned c)
{
	return c >= 0x20 && c != '"' && c != '\\' && (c < 0x7f || c >= 0xa0) && c != 0x2028 && c != 0x2029 &&
	       c != 0xfeff && (c & 0xfffe) != 0xfffe;
}

const char *yaml_quote(char *out, size_t size, const char *text)
{
	size_t o = 0, n = strlen(text);
	if (plain(text)) {
		snprintf(out, size, "%s", text);
		return out;
	}
	ENSURE(size >= 4);
	out[o++] = '"';
	for (size_t i = 0, length; i < n && o + 12 < size; i += length) {
		length = text_utf8_length(text + i, n - i);
		unsigned c = code_point((const unsigned char *)text + i, length);
		length = length ? length : 1;
		if (!as_it_is(c)) {
			o += put_escape(out + o, size - o, c);
			continue;
		}
		memcpy(out + o, text + i, length);
		o += length;
	}
	out[o++] = '"';
	out[o] = 0;
	return out;
}

/* ---- printing ---- */

struct printer {
	FILE *out;
	bool dash; /* the next key stands behind "- " */
};

static void rows(struct printer *p, const struct yaml_table *t, const char *base, int indent);

static void indented(struct printer *p, int indent)
{
	if (p->dash)
		fprintf(p->out, "%*s- ", indent - 2, "");
	else
		fprintf(p->out, "%*s", indent, "");
	p->dash = false;
}

/* As a document says it; false: absent. */
static bool shown(const struct yaml_row *row, enum yaml_type type, const char *at, char *out)
{
	char text[SHOWN_MAX], quoted[QUOTED_MAX];
	if (type == YAML_SECRET) {
		const struct yaml_secret *s = (const void *)at;
		if (s->file || s->env)
			snprintf(out, QUOTED_MAX, "{%s: %s}", s->file ? "file" : "env",
				yaml_quote(quoted, sizeof quoted - 16, s->file ? s->file : s->env));
		return s->file || s->env;
	}
	if (!yaml_show(row, type, at, text))
		return false;
	if (yaml_scalar_of(type)->is_text && ambiguous(text) && plain(text))
		snprintf(out, QUOTED_MAX, "\"%s\"", text);
	else
		yaml_quote(out, QUOTED_MAX, text);
	return true;
}

/* A map of which only the key that may stand for it is set. Such maps hold scalars alone. */
static const struct yaml_row *short_form(const struct yaml_table *t, const char *base)
{
	if (!t->shorter)
		return NULL;
	const struct yaml_row *only = NULL;
	char *is = malloc(QUOTED_MAX), *standard = malloc(QUOTED_MAX), *fresh = calloc(1, t->size + 1);
	struct yaml_pool *pool = yaml_pool_new();
	ENSURE(is && standard && fresh);
	yaml_defaults(t, fresh, pool);
	for (size_t i = 0; i < t->n; i++) {
		const struct yaml_row *r = &t->rows[i];
		ENSURE(r->type < YAML_MAP);
		if (strcmp(r->key, t->shorter) == 0) {
			only = r;
			continue;
		}
		bool here = shown(r, r->type, base + r->offset, is);
		if (here != shown(r, r->type, fresh + r->offset, standard) || (here && strcmp(is, standard) != 0)) {
			only = NULL;
			break;
		}
	}
	yaml_pool_free(pool);
	free(is);
	free(standard);
	free(fresh);
	return only;
}

static bool scalar(struct printer *p, const struct yaml_row *row, enum yaml_type type, const char *at)
{
	char text[QUOTED_MAX];
	if (!shown(row, type, at, text))
		return false;
	fprintf(p->out, "%s\n", text);
	return true;
}

static void list(struct printer *p, const struct yaml_row *row, const char *at, int indent)
{
	const struct yaml_any_list *l = (const void *)at;
	size_t size = yaml_size_of(row, row->item);
	fputs(l->n ? "\n" : " []\n", p->out);
	for (size_t i = 0; i < l->n; i++) {
		const char *item = l->v + i * size;
		const struct yaml_row *only = row->item == YAML_MAP ? short_form(row->table, item) : NULL;
		p->dash = true;
		if (row->item == YAML_MAP && !only) {
			rows(p, row->table, item, indent + 4);
			if (p->dash)
				fprintf(p->out, "%*s- {}\n", indent + 2, "");
			continue;
		}
		indented(p, indent + 4);
		if (only)
			scalar(p, only, only->type, item + only->offset);
		else
			scalar(p, row, row->item, item);
	}
	p->dash = false;
}

static bool is_set(const struct yaml_row *r, const char *at)
{
	char text[QUOTED_MAX];
	return r->type == YAML_MAP || r->type == YAML_LIST || shown(r, r->type, at, text);
}

static void one_row(struct printer *p, const struct yaml_row *r, const char *at, int indent)
{
	if (!is_set(r, at))
		return;
	const struct yaml_row *only = r->type == YAML_MAP ? short_form(r->table, at) : NULL;
	indented(p, indent);
	fprintf(p->out, "%s:", r->key);
	if (only) {
		fputc(' ', p->out);
		if (!scalar(p, only, only->type, at + only->offset))
			fputs("{}\n", p->out);
	} else if (r->type == YAML_MAP) {
		fputc('\n', p->out);
		rows(p, r->table, at, indent + 2);
	} else if (r->type == YAML_LIST) {
		list(p, r, at, indent);
	} else {
		fputc(' ', p->out);
		scalar(p, r, r->type, at);
	}
}

static void rows(struct printer *p, const struct yaml_table *t, const char *base, int indent)
{
	size_t n;
	const struct yaml_row *more = yaml_variant_rows(t, base, &n);
	for (size_t i = 0; i < t->n; i++)
		one_row(p, &t->rows[i], base + t->rows[i].offset, indent);
	for (size_t i = 0; i < n; i++)
		one_row(p, &more[i], base + more[i].offset, indent);
}

void yaml_print_row(FILE *out, const struct yaml_row *row, const void *value)
{
	struct printer p = { .out = out };
	one_row(&p, row, value, 0);
}

void yaml_print(FILE *out, const struct yaml_table *table, const void *value)
{
	struct printer p = { .out = out };
	rows(&p, table, value, 0);
}
