// SPDX-License-Identifier: Apache-2.0
/*
 * Acknowledged research scanners: who says of himself that he scans, and who he is. A match labels a finding, it never
 * hides one: anybody can write such a name into his own reverse zone, and addresses change hands. Three kinds of lists,
 * in any number:
 *
 *  - CSV "PREFIX,ORGANISATION[,FROM[,TO]]" or "SUFFIX,ORGANISATION[,FROM[,TO]]": a suffix is the end of a reverse name
 * at a label's border (scan.example.net matches itself and a.scan.example.net). '#' begins a comment line.
 *  - MISP warning lists: JSON {"name", "type", "list": [...]}. Prefixes and addresses are taken, of type "hostname"
 * names as suffixes too; what is neither is skipped and counted.
 *  - names: CSV "ADDRESS,NAME", reverse names that somebody looked up before. No DNS question is ever asked from here.
 *
 * The longest valid prefix wins, then the longest suffix of the address's name.
 */
#pragma once
#include "model/addr.h"

struct research; /* opaque */

struct research_counts {
	uint64_t prefixes, suffixes, names;
	uint64_t named;	  /* names that fit a suffix: only these are kept */
	uint64_t skipped; /* entries of warning lists that are neither prefix nor name, and what limits refused */
};

struct research *research_new(void);
void research_free(struct research *r);

/* A list in CSV or JSON, told apart by its first byte. Returns 0, or -1 with PATH[:LINE]: reason. Before
 * research_seal(). */
int research_add_file(struct research *r, const char *path, struct err *err) NODISCARD;

/* The same for a text in memory, named in messages as `name`. */
int research_add_text(struct research *r, struct bytes text, const char *name, struct err *err) NODISCARD;

/* The suffixes that come with the program (data/research-suffixes.csv). */
void research_add_builtin(struct research *r);

/* Reverse names. In any order with the lists. */
int research_add_names(struct research *r, const char *path, struct err *err) NODISCARD;
int research_add_names_text(struct research *r, struct bytes text, const char *name, struct err *err) NODISCARD;

/* Sorts all. Once, before the first look-up. */
void research_seal(struct research *r);

/* The organisation, or NULL. Lives as long as `r`. */
const char *research_name(const struct research *r, const struct addr *a, int64_t ns);

struct research_counts research_counts(const struct research *r);
