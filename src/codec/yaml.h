// SPDX-License-Identifier: Apache-2.0
/*
 * YAML documents (YAML 1.1 as libyaml reads it) to structs and back, by tables of rows. What a row says gives parsing,
 * faults with their line, defaults, printing and the reference pages; a new key is one row.
 *
 * A document is one map. Anchors, aliases, tags and a second document are refused, so nothing can grow; a key that
 * stands twice is a fault. The type of a value is what its row says: `name: yes` is the text "yes". Values that are not
 * in the document get the row's default. All texts and lists belong to the pool and live until yaml_pool_free().
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"
#include <stdio.h>

#define YAML_SIZE_MAX	((size_t)1 << 20) /* of a document, octets */
#define YAML_DEPTH_MAX	12
#define YAML_NODES_MAX	65536
#define YAML_SCALAR_MAX 4096 /* octets of one value */
#define YAML_FAULTS_MAX 20   /* more are counted */

enum yaml_type {
	YAML_TEXT,     /* const char *: any text without NUL; NULL: absent. min and max: its octets */
	YAML_LINE,     /* the same without control characters */
	YAML_NAME,     /* the same of ASCII letters, digits, '.', '_' and '-', at most 63 */
	YAML_FILE,     /* the same, a path; not empty */
	YAML_NUMBER,   /* uint64_t */
	YAML_SIZE,     /* uint64_t octets: 0, 64MiB, 20GB */
	YAML_DURATION, /* int64_t ns, not negative: 0, 250ms, 1h30m, 7d */
	YAML_PERCENT,  /* uint64_t: 5% */
	YAML_RATE,     /* struct yaml_rate: 30 per hour */
	YAML_BOOL,     /* bool: true or false, also yes, no, on, off */
	YAML_CHOICE,   /* int: the place of the word in `words` */
	YAML_SECRET,   /* struct yaml_secret: {file: PATH} or {env: NAME}; a value itself is refused and never echoed */
	YAML_HOSTPORT, /* struct yaml_hostport; with words "off" also that */
	YAML_ZONE,     /* const char *: a time zone of this system */
	YAML_OWN,      /* a scalar that the owner of the table parses and prints: `own` */
	YAML_MAP,      /* a struct at `offset`: `table` */
	YAML_LIST,     /* YAML_LIST_OF(): items of type `item`; max: how many */
};

struct yaml_rate {
	uint64_t count;
	int64_t per_ns; /* a second, minute, hour or day */
};

struct yaml_secret {
	const char *file, *env; /* both NULL: absent */
};

struct yaml_hostport {
	const char *host; /* without the brackets of IPv6; NULL: off or absent */
	uint16_t port;
};

#define YAML_LIST_OF(type)                                                                                             \
	struct {                                                                                                       \
		type *v;                                                                                               \
		size_t n;                                                                                              \
	}

struct yaml_own {
	const char *what;  /* for faults: "expected WHAT" */
	const char *value; /* for pages: "PREFIX" */
	size_t size;
	/* Returns 0, or -1 with the reason when there is more to say than `what`. */
	int (*parse)(const char *text, void *out, struct err *why);
	void (*print)(char *out, size_t size, const void *value); /* an empty text: absent */
};

struct yaml_row {
	const char *key;
	enum yaml_type type;
	size_t offset;
	const char *fallback; /* the default as a document would say it; NULL: zero, absent */
	const char *help;     /* one sentence without the full stop */
	uint64_t min, max;    /* in the units of the member; max 0: none */
	const char *words;    /* "a|b|c" */
	const struct yaml_own *own;
	const struct yaml_table *table; /* YAML_MAP, and YAML_LIST of maps */
	enum yaml_type item;		/* YAML_LIST: never YAML_LIST */
	bool required;
	bool one;	  /* YAML_LIST of maps that is absent: one item with its defaults */
	unsigned touches; /* bits of the table's owner: what a change of it reaches; 0: as the row above it in the tree
			   */
};

/* The kinds of a tagged union: the first row of its table is the choice that names them, in the same order. */
struct yaml_variant {
	const struct yaml_row *rows;
	size_t n;
};

struct yaml_table {
	const struct yaml_row *rows;
	size_t n;
	size_t size;	     /* of the struct */
	const char *shorter; /* key that is meant when a scalar stands in place of the map; NULL: none */
	const char *named;   /* key whose text names an item of a list in paths; NULL: its number */
	const struct yaml_variant *variants;
};

struct yaml_faults {
	size_t n;    /* in v */
	size_t lost; /* found no room */
	struct yaml_fault {
		unsigned line; /* 0: of no line */
		char text[400];
	} v[YAML_FAULTS_MAX];
};

struct yaml_pool; /* opaque */

struct yaml_pool *yaml_pool_new(void);
void yaml_pool_free(struct yaml_pool *p);
void *yaml_pool_take(struct yaml_pool *p, size_t size); /* zeroed, aligned for everything */
const char *yaml_pool_text(struct yaml_pool *p, const char *text, size_t n);

/* The line in which a member was set last, by its address; 0: it was not. For checks across keys. */
unsigned yaml_line(const struct yaml_pool *p, const void *member);

/* Adds a fault; the text is escaped. */
void yaml_fault(struct yaml_faults *f, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ", did you mean `WORD`?" for the word of "a|b|c" that is near enough to `given`, else an empty text. */
const char *yaml_nearest(char out[96], const char *given, const char *words);

/* By line. */
void yaml_faults_sort(struct yaml_faults *f);

/* "NAME:LINE: text", one a line. */
void yaml_faults_print(FILE *out, const char *name, const struct yaml_faults *f);

/* Fills `out`, table->size octets, with the defaults. */
void yaml_defaults(const struct yaml_table *table, void *out, struct yaml_pool *pool);

/*
 * Defaults, then what the document says. Returns 0, or -1 when there were faults: what was right is in `out` all the
 * same, the rest has its default.
 */
int yaml_parse(struct bytes text, const struct yaml_table *table, void *out, struct yaml_pool *pool,
	struct yaml_faults *faults) NODISCARD;

/* The document that gives these values, every key that has one; parsing it gives the same again. */
void yaml_print(FILE *out, const struct yaml_table *table, const void *value);

/* A text as a scalar of YAML, quoted when it has to be. `size` of 4 * its length + 3 always suffices. */
const char *yaml_quote(char *out, size_t size, const char *text);

/*
 * Tells every key whose value differs, as "alerts.rules[night].rate" with what it touches. A list with another number
 * of items, or with items of other names, is told whole.
 */
void yaml_diff(const struct yaml_table *table, const void *a, const void *b,
	void (*changed)(void *arg, const char *path, unsigned touches), void *arg);

/* The rows as a page of reference. `touch_names`: by bit, ended by NULL; NULL: left out. */
void yaml_markdown(FILE *out, const struct yaml_table *table, const char *const *touch_names);

/* The rows as the list of a manual page (mdoc). */
void yaml_mdoc(FILE *out, const struct yaml_table *table);
