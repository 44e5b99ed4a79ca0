// SPDX-License-Identifier: Apache-2.0
#include "model/row.h"

#include <string.h>

static const void *at(const void *record, const struct row_field *f)
{
	return (const char *)record + f->offset;
}

static void list_json(struct json *j, const char *key, const char *list)
{
	char item[1024];
	json_array(j, key);
	while (row_list_next(&list, item, sizeof item))
		json_str(j, NULL, item);
	json_end(j, ']');
}

static void time_json(struct json *j, const char *name, int64_t ns)
{
	char plain[64];
	size_t n = strlen(name);
	snprintf(plain, sizeof plain, "%.*s", (int)(n > 3 ? n - 3 : n), name);
	if (ns) {
		json_time(j, plain, ns);
		json_i64(j, name, ns);
	} else {
		json_null(j, plain);
		json_null(j, name);
	}
}

static void field_json(struct json *j, const struct row_field *f, const void *record)
{
	const void *p = at(record, f);
	switch (f->type) {
	case ROW_TEXT:
		json_str(j, f->name, *(const char *)p ? p : NULL);
		break;
	case ROW_LIST:
		list_json(j, f->name, p);
		break;
	case ROW_U64:
		json_u64(j, f->name, *(const uint64_t *)p);
		break;
	case ROW_I64:
		json_i64(j, f->name, *(const int64_t *)p);
		break;
	case ROW_TIME:
		time_json(j, f->name, *(const int64_t *)p);
		break;
	case ROW_BOOL:
		json_bool(j, f->name, *(const bool *)p);
	}
}

void row_json_fields(struct json *j, const struct row_kind *kind, const void *record)
{
	for (size_t i = 0; i < kind->n; i++)
		field_json(j, &kind->fields[i], record);
}

void row_json(struct json *j, const char *key, const struct row_kind *kind, const void *record)
{
	json_object(j, key);
	row_json_fields(j, kind, record);
	json_end(j, '}');
}

bool row_list_add(char *list, size_t size, const char *item)
{
	size_t have = strnlen(list, size), n = strlen(item), gap = have > 0;
	if (n == 0 || strchr(item, '\n') || have + gap + n >= size)
		return false;
	if (gap)
		list[have] = '\n';
	memcpy(list + have + gap, item, n + 1);
	return true;
}

bool row_list_next(const char **at, char *item, size_t size)
{
	if (!**at)
		return false;
	size_t n = strcspn(*at, "\n");
	snprintf(item, size, "%.*s", (int)(n < size ? n : size - 1), *at);
	*at += n + ((*at)[n] == '\n');
	return true;
}

size_t row_sql(char *out, size_t size, const struct row_kind *kind)
{
	size_t n = 0;
#define ADD(...) (n += (size_t)snprintf(out + (n < size ? n : size), n < size ? size - n : 0, __VA_ARGS__))
	ADD("create table \"%s\" (", kind->name);
	for (size_t i = 0; i < kind->n; i++)
		ADD("\"%s\" %s not null, ", kind->fields[i].name,
			kind->fields[i].type <= ROW_LIST ? "text" : "integer");
	ADD("primary key (%s)) without rowid;", kind->key);
#undef ADD
	return n;
}

void row_reference(FILE *out, const struct row_kind *kind)
{
	static const char *const types[] = { "text", "list of texts", "number", "number with sign", "time",
		"yes or no" };
	fprintf(out, "## %s\n\n%s. Named by %s.\n\n| field | type | unit | meaning |\n|---|---|---|---|\n", kind->name,
		kind->meaning, kind->key);
	for (size_t i = 0; i < kind->n; i++) {
		const struct row_field *f = &kind->fields[i];
		fprintf(out, "| `%s` | %s | %s | %s |\n", f->name, types[f->type], f->unit ? f->unit : "", f->meaning);
	}
	fputc('\n', out);
}
