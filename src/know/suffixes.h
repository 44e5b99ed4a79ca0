// SPDX-License-Identifier: Apache-2.0
/*
 * Ends of domain names with dates, the longest first: "example.net" is the end of itself and of "a.example.net", not of
 * "badexample.net". Names are compared as RFC 4343 says, by ASCII letters without case. Private to know/.
 */
#pragma once
#include "base/bytes.h"

#define SUFFIXES_NAME_MAX 256 /* bytes of a domain name with its NUL */

struct suffixes {
	struct suffixes_row *rows;
	size_t n, room;
};

/* In lower case, without dots at its ends. False: no domain name of two labels or more whose last has a letter. */
bool suffixes_normal(char out[SUFFIXES_NAME_MAX], const char *name);

/* `normal` as from suffixes_normal(). */
void suffixes_add(struct suffixes *s, const char *normal, int64_t from_ns, int64_t to_ns, uint32_t value);
void suffixes_seal(struct suffixes *s);
void suffixes_fini(struct suffixes *s);

/* One row of a suffix; later added ones come first among equals. */
struct suffixes_hit {
	int64_t from_ns, to_ns;
	uint32_t value;
};

/* Calls `hit` for each row that ends the name, the longest suffix first; stops when it returns false. */
void suffixes_each(
	const struct suffixes *s, const char *normal, bool (*hit)(void *arg, const struct suffixes_hit *), void *arg);
