// SPDX-License-Identifier: Apache-2.0
/*
 * One table of rows {field, type, unit, meaning} per kind: the JSON of a record, its SQLite columns and its page of
 * reference come from it. Records are plain structs; texts are arrays inside them, always ended by NUL.
 */
#pragma once
#include "base/json.h"
#include <stddef.h>

enum row_type {
	ROW_TEXT, /* char[size] */
	ROW_LIST, /* char[size]: items separated by '\n' */
	ROW_U64,  /* uint64_t; in SQLite the same bits, signed */
	ROW_I64,  /* int64_t */
	ROW_TIME, /* int64_t, name ends in _ns; JSON has the name without _ns in RFC 3339 as well; 0: not set, null */
	ROW_BOOL, /* bool */
};

struct row_field {
	const char *name;
	enum row_type type;
	const char *unit; /* NULL: none */
	const char *meaning;
	size_t offset, size;
	bool subscriber; /* tells who a subscriber is: masked for whoever has no right to see that */
};

/* Whose a record is: its field `tenant` says it, or that of the sensor which its field `sensor` names. */
enum row_owner { ROW_OF_TENANT, ROW_OF_SENSOR, ROW_OF_ADMIN /* of nobody: for who administers all tenants */ };

struct row_kind {
	const char *name; /* of the noun and of its table */
	const char *meaning;
	const char *key; /* fields that name a record, comma-separated */
	const struct row_field *fields;
	size_t n;
	size_t size; /* of the struct */
	enum row_owner owner;
};

#define ROW_FIELD(s, f, type, unit, meaning)                                                                           \
	{                                                                                                              \
#f, type, unit, meaning, offsetof(struct s, f), sizeof(((struct s *)0)->f)                             \
	}

/* The same for a field that tells who a subscriber is. */
#define ROW_SUBSCRIBER(s, f, type, unit, meaning)                                                                      \
	{                                                                                                              \
#f, type, unit, meaning, offsetof(struct s, f), sizeof(((struct s *)0)->f), true                       \
	}

/* Every kind that has a row table. */
extern const struct row_kind *const row_kinds[];
extern const size_t row_kinds_n;

/* One object with every field; `key` as in json.h. */
void row_json(struct json *j, const char *key, const struct row_kind *kind, const void *record);

/* The fields alone, inside an object that the caller has begun. */
void row_json_fields(struct json *j, const struct row_kind *kind, const void *record);

/* Appends an item; false when it doesn't fit or holds a newline: the list is then as it was. */
bool row_list_add(char *list, size_t size, const char *item);

/* The next item from `*at` on into `item` (cut at `size`); false at the end. Start with *at = list. */
bool row_list_next(const char **at, char *item, size_t size);

/* "create table NAME (...)" for SQLite. Returns the length it has, like snprintf. */
size_t row_sql(char *out, size_t size, const struct row_kind *kind);

/* The kind's page of reference in Markdown. */
void row_reference(FILE *out, const struct row_kind *kind);
