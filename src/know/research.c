// SPDX-License-Identifier: Apache-2.0
#include "know/research.h"

#include "base/mem.h"
#include "codec/csv.h"
#include "know/document.h"
#include "know/suffixes.h"
#include "know/words.h"
#include "model/prefixset.h"

#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#define MAX_NAMES ((size_t)4 << 20)

extern const char research_builtin[]; /* data/research-suffixes.csv, made at build */
extern const size_t research_builtin_n;

struct named {
	struct addr a;
	uint32_t host; /* number in `hosts` */
};

struct research {
	struct prefixset lists, by_name; /* values: numbers in `organisations` */
	struct suffixes suffixes;
	struct words organisations, hosts;
	struct named *names; /* until sealed: a suffix may still come */
	size_t n_names, room_names;
	struct research_counts counts;
	bool first; /* the row is the first of its file */
};

struct research *research_new(void)
{
	struct research *r = mem_new(sizeof *r);
	prefixset_init(&r->lists);
	prefixset_init(&r->by_name);
	words_init(&r->organisations);
	words_init(&r->hosts);
	return r;
}

void research_free(struct research *r)
{
	if (!r)
		return;
	prefixset_fini(&r->lists);
	prefixset_fini(&r->by_name);
	suffixes_fini(&r->suffixes);
	words_fini(&r->organisations);
	words_fini(&r->hosts);
	free(r->names);
	free(r);
}

static bool heading(struct research *r, const struct csv_row *row, const char *word, const char *other)
{
	bool first = r->first;
	r->first = false;
	return first && (strcasecmp(row->field[0], word) == 0 || strcasecmp(row->field[0], other) == 0);
}

static int add_row(void *arg, const struct csv_row *row, struct err *err)
{
	struct research *r = arg;
	struct prefix p;
	int64_t from, to;
	char name[SUFFIXES_NAME_MAX];
	if (heading(r, row, "prefix", "suffix"))
		return 0;
	if (row->n < 2 || row->n > 4 || !row->field[1][0])
		return err_set(err, -1, "wanted: prefix or suffix,organisation[,from[,to]]");
	if (document_dates(row->n > 2 ? row->field[2] : NULL, row->n > 3 ? row->field[3] : NULL, &from, &to, err) < 0)
		return -1;
	uint32_t word = words_take(&r->organisations, row->field[1]);
	if (word == WORDS_NONE)
		return err_set(err, -1, "more than %u different organisations", WORDS_MAX);
	if (prefix_parse(row->field[0], &p, err) == 0) {
		prefixset_add(&r->lists, &p, from, to, word);
		r->counts.prefixes++;
	} else if (suffixes_normal(name, row->field[0])) {
		suffixes_add(&r->suffixes, name, from, to, word);
		r->counts.suffixes++;
	} else {
		return -1; /* with what is wrong about it as a prefix */
	}
	if (err)
		err->text[0] = 0;
	return 0;
}

/* One entry of a warning list. Lists come from elsewhere: what can't be used is counted, not refused. */
static void add_entry(struct research *r, const char *text, bool hostnames, uint32_t word)
{
	struct prefix p;
	char name[SUFFIXES_NAME_MAX];
	if (prefix_parse(text, &p, NULL) == 0) {
		prefixset_add(&r->lists, &p, INT64_MIN, INT64_MAX, word);
		r->counts.prefixes++;
	} else if (hostnames && suffixes_normal(name, text)) {
		suffixes_add(&r->suffixes, name, INT64_MIN, INT64_MAX, word);
		r->counts.suffixes++;
	} else {
		r->counts.skipped++;
	}
}

static int add_warning_list(struct research *r, const json_t *root, const char *name, struct err *err)
{
	const char *title = json_string_value(json_object_get(root, "name"));
	const char *type = json_string_value(json_object_get(root, "type"));
	const json_t *list = json_object_get(root, "list"), *entry;
	size_t i;
	if (!title || !*title || !json_is_array(list))
		return err_set(err, -1, "%.300s: no warning list: it has no \"name\" or no \"list\"", name);
	uint32_t word = words_take(&r->organisations, title);
	json_array_foreach(list, i, entry)
	{
		if (json_is_string(entry) && word != WORDS_NONE)
			add_entry(r, json_string_value(entry), type && strcmp(type, "hostname") == 0, word);
		else
			r->counts.skipped++;
	}
	return 0;
}

static int add_json(struct research *r, struct bytes text, const char *name, struct err *err)
{
	json_error_t fault;
	json_t *root = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &fault);
	if (!root)
		return err_set(err, -1, "%.300s:%d: %.150s", name, fault.line, fault.text);
	int code = add_warning_list(r, root, name, err);
	json_decref(root);
	return code;
}

static int add_csv(struct research *r, struct bytes text, const char *name,
	int (*row)(void *, const struct csv_row *, struct err *), struct err *err)
{
	struct csv_options csv = { .name = name, .comments = true, .trim = true, .row = row, .arg = r };
	r->first = true;
	return csv_parse(text, &csv, err) < 0 ? -1 : 0;
}

static int add_list(struct research *r, const struct document *d, const char *name, struct err *err)
{
	if (d->text[strspn(d->text, " \t\r\n")] == '{')
		return add_json(r, document_bytes(d), name, err);
	return add_csv(r, document_bytes(d), name, add_row, err);
}

int research_add_text(struct research *r, struct bytes text, const char *name, struct err *err)
{
	struct document d;
	if (document_decode(&d, text, name, err) < 0)
		return -1;
	int code = add_list(r, &d, name, err);
	document_fini(&d);
	return code;
}

int research_add_file(struct research *r, const char *path, struct err *err)
{
	struct document d;
	if (document_read(&d, path, err) < 0)
		return -1;
	int code = add_list(r, &d, path, err);
	document_fini(&d);
	return code;
}

void research_add_builtin(struct research *r)
{
	struct bytes text = { (const uint8_t *)research_builtin, research_builtin_n };
	struct err err = { "" };
	ENSURE(research_add_text(r, text, "data/research-suffixes.csv", &err) == 0);
}

static int add_name(void *arg, const struct csv_row *row, struct err *err)
{
	struct research *r = arg;
	struct named one;
	char name[SUFFIXES_NAME_MAX];
	if (heading(r, row, "address", "ip"))
		return 0;
	if (row->n < 2)
		return err_set(err, -1, "wanted: address,name");
	if (addr_parse(row->field[0], &one.a, err) < 0)
		return -1;
	/* A reverse zone may hold anything: what is no name fits no suffix. */
	if (r->n_names == MAX_NAMES || !suffixes_normal(name, row->field[1])) {
		r->counts.skipped++;
		return 0;
	}
	one.host = words_take(&r->hosts, name);
	if (one.host == WORDS_NONE) {
		r->counts.skipped++;
		return 0;
	}
	if (r->n_names == r->room_names) {
		r->room_names = r->room_names ? r->room_names * 2 : 64;
		r->names = mem_grow(r->names, r->room_names * sizeof *r->names);
	}
	r->names[r->n_names++] = one;
	r->counts.names++;
	return 0;
}

int research_add_names_text(struct research *r, struct bytes text, const char *name, struct err *err)
{
	return add_csv(r, text, name, add_name, err);
}

int research_add_names(struct research *r, const char *path, struct err *err)
{
	struct document d;
	if (document_read(&d, path, err) < 0)
		return -1;
	int code = research_add_names_text(r, document_bytes(&d), path, err);
	document_fini(&d);
	return code;
}

struct meeting {
	struct prefix p;
	size_t n;
	struct suffixes_hit hits[16];
};

static bool meet(void *arg, const struct suffixes_hit *hit)
{
	struct meeting *m = arg;
	m->hits[m->n++] = *hit;
	return m->n < sizeof m->hits / sizeof *m->hits;
}

void research_seal(struct research *r)
{
	suffixes_seal(&r->suffixes);
	for (size_t i = 0; i < r->n_names; i++) {
		struct meeting m = { .p = { r->names[i].a, 128 } };
		suffixes_each(&r->suffixes, words_at(&r->hosts, r->names[i].host), meet, &m);
		r->counts.named += m.n != 0;
		/* Of equal prefixes the last added wins: the longest suffix comes last. */
		while (m.n--)
			prefixset_add(&r->by_name, &m.p, m.hits[m.n].from_ns, m.hits[m.n].to_ns, m.hits[m.n].value);
	}
	prefixset_seal(&r->lists);
	prefixset_seal(&r->by_name);
	free(r->names);
	r->names = NULL;
	r->n_names = r->room_names = 0;
	words_fini(&r->hosts);
}

const char *research_name(const struct research *r, const struct addr *a, int64_t ns)
{
	uint32_t word = prefixset_find(&r->lists, a, ns);
	if (word == PREFIXSET_NONE)
		word = prefixset_find(&r->by_name, a, ns);
	return word == PREFIXSET_NONE ? NULL : words_at(&r->organisations, word);
}

struct research_counts research_counts(const struct research *r)
{
	struct research_counts c = r->counts;
	c.skipped += r->lists.refused + r->by_name.refused;
	return c;
}
