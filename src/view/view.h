// SPDX-License-Identifier: Apache-2.0
/*
 * What people ask of the store: a question has a path, parameters and an answer. One table (views.c) gives the paths of
 * the console's interface, the checks of parameters, who may ask, and the OpenAPI document. The same questions are
 * asked by `sakimori console ask`, so that a page and the command line can't differ.
 *
 * A view reads the store as its caller (store/principal.h): it can't see another tenant's rows even when it is wrong.
 * Dark addresses go out through view_dark() alone.
 */
#pragma once
#include "know/knowing.h"
#include "model/row.h"
#include "store/principal.h"
#include "store/query.h"
#include "store/store.h"

#include <stdatomic.h>

/* Who may ask. In a tenant each level may what those before it may. */
enum view_level { VIEW_OPEN, VIEW_VIEWER, VIEW_ANALYST, VIEW_APPROVER, VIEW_ADMIN };
const char *view_level_name(enum view_level l); /* "viewer" .. */

struct view_who {
	char user[64]; /* empty: nobody has logged in */
	struct principal principal;
	enum view_level level;		       /* in all tenants (`principal.all`), else the highest of any */
	enum view_level in[PRINCIPAL_TENANTS]; /* in principal.tenants[i] */
	char language[8];		       /* en, ja */
};

/* The level in one tenant; VIEW_OPEN: none. */
enum view_level view_level_in(const struct view_who *w, const char *tenant);

enum view_type {
	VIEW_TEXT,
	VIEW_NUMBER,  /* 0 .. 2^53 */
	VIEW_TIME,    /* RFC 3339, a date, seconds since 1970, or "now", "now-90m" (s, m, h, d, w) */
	VIEW_FLAG,    /* 1, 0, true, false */
	VIEW_ADDRESS, /* one address */
	VIEW_PREFIX,  /* or address */
	VIEW_WORD,    /* one of `words` */
	VIEW_WORDS,   /* several of them, by commas */
};

struct view_param {
	const char *name;
	enum view_type type;
	const char *meaning;
	const char *words;  /* "a|b|c" */
	const char *normal; /* default as text; NULL: none */
	bool required;
	bool secret; /* never in an address, a log, an audit */
};

struct view_call;

struct view {
	const char *method; /* GET; POST: changes something */
	const char *path;   /* "/findings/{id}": a name in braces is a parameter */
	enum view_level level;
	const char *summary; /* a sentence for the reference */
	const struct view_param *params;
	size_t params_n;
	/*
	 * Shape of the answer: text, integer, number, bool, any; {a: T, b?: T} an object (`?`: may be absent), {*: T} a
	 * map, [T] an array, T|null, @KIND the fields of a row kind. Another media type: "text/csv" ...
	 */
	const char *answer;
	int (*fn)(struct view_call *c, struct err *err);
};

/* What a view returns when it is not 0. Before it has written anything; afterwards the answer is cut off. */
enum view_error {
	VIEW_BAD = -400,       /* a parameter */
	VIEW_REFUSED = -403,   /* not this user */
	VIEW_ABSENT = -404,    /* no such thing, or none that he may see: the same */
	VIEW_CONFLICT = -409,  /* it was changed meanwhile, or can't be */
	VIEW_TOO_LARGE = -413, /* more than may be answered at once */
	VIEW_FAILED = -500,
	VIEW_AWAY = -503, /* the store, or who writes it, is not there just now */
};

/* A record that a command wants kept. */
struct view_put {
	const struct row_kind *kind;
	const void *record;
	const char *what, *subject; /* of the line in the audit */
};

struct view_call {
	const struct view *view;
	const struct view_who *who;
	struct store *store;  /* opened as `who` */
	const char *dir;      /* of the store, as this process sees it */
	struct knowing *know; /* NULL: nothing is known of places */
	int64_t now_ns;
	uint64_t seed;		   /* of hash tables */
	const atomic_bool *cancel; /* nobody waits any more; NULL: none */
	FILE *out;
	/* Headers of the answer; set before the first octet. Empty: application/json, shown. */
	char type[64], file[96];
	/* NULL where nothing may be written. Returns 0 when the record is safe, or an enum view_error. */
	int (*put)(void *arg, const struct view_put *p, struct err *err);
	void *put_arg;
	const struct view *const *also; /* `extra` of view_find() */
	/* From view_find(). */
	struct view_value {
		const char *text; /* NULL: not given, no default */
		uint64_t number;
		int64_t ns;
		struct prefix prefix;
		bool flag;
	} * values; /* as params */
	char *room; /* texts of the values */
	size_t room_n;
};

extern const struct view *const views[]; /* all of this program, ended by NULL */

/*
 * Finds the view and checks its parameters: those of the path, then `query` and `form` (urlencoded). Returns 0 with
 * c->view and c->values, or an enum view_error: VIEW_ABSENT no such path, VIEW_CONFLICT another method, VIEW_BAD with
 * the parameter's name. view_done() in any case. `extra`: more views, ended by NULL; NULL: none.
 */
struct view_ask {
	const char *method, *path;
	struct bytes query, form;
};
int view_find(
	struct view_call *c, const struct view *const *extra, const struct view_ask *ask, struct err *err) NODISCARD;
void view_done(struct view_call *c);

/* The value of a parameter that the view declares; ENSURE otherwise. */
const struct view_value *view_value(const struct view_call *c, const char *name);
const char *view_text(const struct view_call *c, const char *name); /* NULL: not given */
uint64_t view_number(const struct view_call *c, const char *name, uint64_t least, uint64_t most);

/* May the caller do what needs `level` in this tenant? 0 or VIEW_REFUSED (VIEW_ABSENT when he may not even look). */
int view_needs(const struct view_call *c, enum view_level level, const char *tenant, struct err *err) NODISCARD;

/*
 * An address of the dark space as this caller may see it: as it is, or a stand-in that is the same for the same
 * address of this store: 240.0.0.0/4 and 28 bits, 100::/64 and 64 bits of a keyed hash.
 */
struct addr view_dark(const struct view_call *c, const struct addr *a);

/* The OpenAPI 3.1 document of these views. */
void view_openapi(FILE *out, const struct view *const *extra);

/* The reference page, Markdown. */
void view_reference(FILE *out, const struct view *const *extra);
