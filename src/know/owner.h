// SPDX-License-Identifier: Apache-2.0
/*
 * Whose an address of one's own is: from CSV files "PREFIX,OWNER,CONTACT[,FROM[,TO]]" (RFC 4180, UTF-8 or CP932; '#'
 * begins a comment line; a first row whose first field is "prefix" is a heading). A contact list is personal data:
 * nothing of it is logged.
 */
#pragma once
#include "model/addr.h"

#define OWNER_LINE_MAX 512 /* bytes of a line with its NUL; longer ones are cut between characters */

struct owner; /* opaque */

struct owner *owner_new(void);
void owner_free(struct owner *o);

/* Adds a file; later files win over equal prefixes of earlier ones. Returns 0, or -1 with FILE:LINE: reason. Before
 * owner_seal(). */
int owner_add_file(struct owner *o, const char *path, struct err *err) NODISCARD;

/* The same for a text in memory, named in messages as `name`. */
int owner_add_text(struct owner *o, struct bytes text, const char *name, struct err *err) NODISCARD;

/* Once, before the first look-up. */
void owner_seal(struct owner *o);

/*
 * "OWNER, contact CONTACT" of the longest prefix that holds the address and is valid then, one line of UTF-8 without
 * control characters; NULL when the list has none. Lives as long as `o`.
 */
const char *owner_line(const struct owner *o, const struct addr *a, int64_t ns);

size_t owner_rows(const struct owner *o);
