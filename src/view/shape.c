// SPDX-License-Identifier: Apache-2.0
#include "view/shape.h"

#include "base/err.h"
#include "model/row.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEPTH 12

struct shape {
	struct json *j;
	const char *at;
	int depth;
};

static void blank(struct shape *s)
{
	while (isspace((unsigned char)*s->at))
		s->at++;
}

static bool take(struct shape *s, const char *word)
{
	blank(s);
	size_t n = strlen(word);
	if (strncmp(s->at, word, n) != 0 || (isalpha((unsigned char)word[0]) && isalnum((unsigned char)s->at[n])))
		return false;
	s->at += n;
	return true;
}

static void type(struct json *j, const char *name, bool null)
{
	if (!null) {
		json_str(j, "type", name);
		return;
	}
	json_array(j, "type");
	json_str(j, NULL, name);
	json_str(j, NULL, "null");
	json_end(j, ']');
}

static void value(struct shape *s, const char *key);

static void name(struct shape *s, char out[64])
{
	size_t n = 0;
	for (blank(s); isalnum((unsigned char)*s->at) || *s->at == '_' || *s->at == '-'; s->at++)
		if (n < 63)
			out[n++] = *s->at;
	out[n] = '\0';
	ENSURE(n);
}

/* Behind "{". The names that must be there are gathered and written last. */
static void object(struct shape *s)
{
	char must[64][64], field[64];
	size_t n = 0;
	if (take(s, "*")) {
		ENSURE(take(s, ":"));
		value(s, "additionalProperties");
		ENSURE(take(s, "}"));
		return;
	}
	json_object(s->j, "properties");
	while (!take(s, "}")) {
		name(s, field);
		if (!take(s, "?") && n < 64)
			snprintf(must[n++], sizeof *must, "%s", field);
		ENSURE(take(s, ":"));
		value(s, field);
		ENSURE(take(s, ",") || *s->at == '}');
	}
	json_end(s->j, '}');
	json_array(s->j, "required");
	for (size_t i = 0; i < n; i++)
		json_str(s->j, NULL, must[i]);
	json_end(s->j, ']');
}

/* The fields of a row kind, as row_json() writes them. */
static void kind(struct shape *s)
{
	char word[64], plain[64];
	const struct row_kind *k = NULL;
	static const char *const types[] = { "string", "array", "integer", "integer", "integer", "boolean" };
	name(s, word);
	for (size_t i = 0; i < row_kinds_n; i++)
		k = strcmp(row_kinds[i]->name, word) == 0 ? row_kinds[i] : k;
	ENSURE(k);
	json_str(s->j, "description", k->meaning);
	json_object(s->j, "properties");
	for (size_t i = 0; i < k->n; i++) {
		const struct row_field *f = &k->fields[i];
		if (f->type == ROW_TIME) {
			snprintf(plain, sizeof plain, "%.*s", (int)strlen(f->name) - 3, f->name);
			json_object(s->j, plain);
			type(s->j, "string", true);
			json_str(s->j, "format", "date-time");
			json_end(s->j, '}');
		}
		json_object(s->j, f->name);
		type(s->j, types[f->type], f->type == ROW_TEXT || f->type == ROW_TIME);
		json_str(s->j, "description", f->meaning);
		json_end(s->j, '}');
	}
	json_end(s->j, '}');
	json_array(s->j, "required");
	for (size_t i = 0; i < k->n; i++)
		json_str(s->j, NULL, k->fields[i].name);
	json_end(s->j, ']');
}

/* Is what begins here followed by "|null"? */
static bool nullable(const struct shape *s)
{
	int depth = 0;
	const char *p = s->at;
	for (; *p; p++) {
		depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
		if (depth < 0 || (depth == 0 && (*p == ',' || *p == '|')))
			break;
	}
	return strncmp(p, "|null", 5) == 0;
}

static void value(struct shape *s, const char *key)
{
	static const char *const words[][2] = { { "text", "string" }, { "integer", "integer" }, { "number", "number" },
		{ "bool", "boolean" } };
	bool known = false;
	blank(s);
	bool null = nullable(s);
	ENSURE(s->depth++ < DEPTH);
	json_object(s->j, key);
	if (take(s, "{")) {
		type(s->j, "object", null);
		object(s);
	} else if (take(s, "[")) {
		type(s->j, "array", null);
		value(s, "items");
		ENSURE(take(s, "]"));
	} else if (take(s, "@")) {
		type(s->j, "object", null);
		kind(s);
	} else if (!take(s, "any")) {
		for (size_t i = 0; i < sizeof words / sizeof *words && !known; i++)
			if (take(s, words[i][0])) {
				type(s->j, words[i][1], null);
				known = true;
			}
		ENSURE(known);
	}
	if (null)
		ENSURE(take(s, "|") && take(s, "null"));
	json_end(s->j, '}');
	s->depth--;
}

void shape_schema(struct json *j, const char *key, const char *shape)
{
	struct shape s = { .j = j, .at = shape };
	value(&s, key);
	blank(&s);
	ENSURE(*s.at == '\0');
}
