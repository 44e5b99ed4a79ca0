// SPDX-License-Identifier: Apache-2.0
/* Text for people and for JSON: UTF-8 checks, times, escaping of outside bytes, nearest words. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define TEXT_TIME_MAX 48

/* Length of the valid UTF-8 sequence at the front of s (RFC 3629: no surrogates, no overlong forms), 0 when there is
 * none. */
size_t text_utf8_length(const char *s, size_t n);

/* Writes RFC 3339 UTC with nine digits for nanoseconds since 1970 and returns `out`. */
const char *text_time(char out[TEXT_TIME_MAX], int64_t ns);

/* "YYYY-MM-DD" (UTC midnight) to seconds since 1970. Returns 0 or -1. */
int text_date(const char *text, int64_t *seconds);

/* How many bytes of `s` whole characters fill, at most `max`: for "%.*s". */
int text_cut(const char *s, size_t max);

/* Copies outside bytes for a terminal: control characters and invalid UTF-8 as \xNN. Cuts at `size`; always ends with
 * NUL. */
const char *text_escape(char *out, size_t size, const char *s, size_t n);

/* Damerau-free edit distance (Levenshtein), for "did you mean". Words longer than 63 bytes count as far apart. */
unsigned text_distance(const char *a, const char *b);
