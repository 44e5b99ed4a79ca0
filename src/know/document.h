// SPDX-License-Identifier: Apache-2.0
/*
 * A list that an operator keeps, read whole and as UTF-8. What begins with a byte order mark or is valid UTF-8
 * throughout is UTF-8; all else is taken for CP932, the code page of Japanese Windows (a superset of Shift_JIS), whose
 * second bytes would mislead a CSV reader.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#define DOCUMENT_MAX ((size_t)256 << 20) /* bytes of a file; longer is an error */

struct document {
	char *text; /* UTF-8 with a NUL behind; free with document_fini() */
	size_t n;
	const char *encoding; /* "UTF-8" or "CP932" */
};

/* Returns 0, or -1 with "PATH: reason" or "PATH:LINE: reason" for bytes that are neither. Regular files and pipes. */
int document_read(struct document *d, const char *path, struct err *err) NODISCARD;

/* The same for bytes in memory; `name` is for messages. */
int document_decode(struct document *d, struct bytes in, const char *name, struct err *err) NODISCARD;

void document_fini(struct document *d);

static inline struct bytes document_bytes(const struct document *d)
{
	return (struct bytes){ (const uint8_t *)d->text, d->n };
}

/*
 * The dates of a row, as lists have them: valid in [from, to) by UTC days "YYYY-MM-DD", empty or NULL is for ever.
 * Returns 0 or -1 with a reason.
 */
int document_dates(const char *from, const char *to, int64_t *from_ns, int64_t *to_ns, struct err *err) NODISCARD;
