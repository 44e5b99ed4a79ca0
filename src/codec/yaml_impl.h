// SPDX-License-Identifier: Apache-2.0
/* What the files of yaml.h share: the nodes of a document, and what a scalar type can do. */
#pragma once
#include "codec/yaml.h"

#define YAML_NONE UINT32_MAX

enum yaml_kind { YAML_IS_SCALAR, YAML_IS_MAP, YAML_IS_LIST };

/* A document as an array; the children of a map alternate key, value. */
struct yaml_item {
	enum yaml_kind kind;
	unsigned line;
	bool plain;	  /* a scalar without quotes */
	const char *text; /* of a scalar */
	uint32_t child, next;
	uint32_t n; /* children; of a map: keys */
};

struct yaml_tree {
	struct yaml_item *v; /* v[0] is the root */
	uint32_t n, room;
};

/* Returns 0, or -1 with a fault. An empty document has n 0. The caller frees v; texts are the pool's. */
int yaml_tree_read(struct bytes text, struct yaml_tree *out, struct yaml_pool *pool, struct yaml_faults *faults);

/* Every type but YAML_MAP and YAML_LIST; YAML_SECRET only prints through its keys. */
struct yaml_scalar {
	const char *what;  /* for faults and pages: "a duration such as 90s or 7d" */
	const char *value; /* for pages: "DURATION" */
	size_t size;
	int (*parse)(const struct yaml_row *row, const char *text, void *out, struct yaml_pool *pool, struct err *why);
	void (*print)(const struct yaml_row *row, const void *value, char *out, size_t size); /* empty: absent */
	bool is_text; /* printed so that other readers take it for a text */
};
const struct yaml_scalar *yaml_scalar_of(enum yaml_type type);

/* Octets of one value of that type. */
size_t yaml_size_of(const struct yaml_row *row, enum yaml_type type);

/* The text of a value; false: absent. */
bool yaml_show(const struct yaml_row *row, enum yaml_type type, const void *value, char out[YAML_SCALAR_MAX * 2]);

/* Lists by their layout. */
struct yaml_any_list {
	char *v;
	size_t n;
};

void yaml_line_set(struct yaml_pool *p, const void *member, unsigned line);

/* The word of "a|b|c" at a place; its length in *n. NULL behind the last. */
const char *yaml_word(const char *words, size_t place, size_t *n);

/* The variant's rows behind the common ones: *n of them, NULL when there are none. */
const struct yaml_row *yaml_variant_rows(const struct yaml_table *t, const void *base, size_t *n);

/* One key with its value; nothing when it is absent. */
void yaml_print_row(FILE *out, const struct yaml_row *row, const void *value);
