// SPDX-License-Identifier: Apache-2.0
#include "know/owner.h"

#include "base/mem.h"
#include "codec/csv.h"
#include "know/document.h"
#include "know/words.h"
#include "model/prefixset.h"

#include <stdlib.h>
#include <strings.h>

struct owner {
	struct prefixset prefixes;
	struct words lines; /* by the value of a prefix */
	bool first;	    /* the row is the first of its file */
};

struct owner *owner_new(void)
{
	struct owner *o = mem_new(sizeof *o);
	prefixset_init(&o->prefixes);
	words_init(&o->lines);
	return o;
}

void owner_free(struct owner *o)
{
	if (!o)
		return;
	prefixset_fini(&o->prefixes);
	words_fini(&o->lines);
	free(o);
}

static int add_row(void *arg, const struct csv_row *row, struct err *err)
{
	struct owner *o = arg;
	struct prefix p;
	int64_t from, to;
	char line[OWNER_LINE_MAX];
	bool heading = o->first && strcasecmp(row->field[0], "prefix") == 0;
	o->first = false;
	if (heading)
		return 0;
	if (row->n < 2 || row->n > 5 || !row->field[1][0])
		return err_set(err, -1, "wanted: prefix,owner,contact[,from[,to]]");
	if (prefix_parse(row->field[0], &p, err) < 0)
		return -1;
	if (document_dates(row->n > 3 ? row->field[3] : NULL, row->n > 4 ? row->field[4] : NULL, &from, &to, err) < 0)
		return -1;
	const char *contact = row->n > 2 ? row->field[2] : "";
	snprintf(line, sizeof line, "%s%s%s", row->field[1], *contact ? ", contact " : "", contact);
	uint32_t word = words_take(&o->lines, line);
	if (word == WORDS_NONE)
		return err_set(err, -1, "more than %u different owners", WORDS_MAX);
	prefixset_add(&o->prefixes, &p, from, to, word);
	return 0;
}

static int add(struct owner *o, const struct document *d, const char *name, struct err *err)
{
	struct csv_options csv = { .name = name, .comments = true, .trim = true, .row = add_row, .arg = o };
	o->first = true;
	return csv_parse(document_bytes(d), &csv, err) < 0 ? -1 : 0;
}

int owner_add_text(struct owner *o, struct bytes text, const char *name, struct err *err)
{
	struct document d;
	if (document_decode(&d, text, name, err) < 0)
		return -1;
	int code = add(o, &d, name, err);
	document_fini(&d);
	return code;
}

int owner_add_file(struct owner *o, const char *path, struct err *err)
{
	struct document d;
	if (document_read(&d, path, err) < 0)
		return -1;
	int code = add(o, &d, path, err);
	document_fini(&d);
	return code;
}

void owner_seal(struct owner *o)
{
	prefixset_seal(&o->prefixes);
}

const char *owner_line(const struct owner *o, const struct addr *a, int64_t ns)
{
	uint32_t word = prefixset_find(&o->prefixes, a, ns);
	return word == PREFIXSET_NONE ? NULL : words_at(&o->lines, word);
}

size_t owner_rows(const struct owner *o)
{
	return o->prefixes.n;
}
