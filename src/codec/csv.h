// SPDX-License-Identifier: Apache-2.0
/*
 * Comma-separated values (RFC 4180): fields in quotes may hold commas, doubled quotes and line ends; lines end in LF,
 * CR LF or CR. A UTF-8 byte order mark in front is skipped, and so are empty lines. Bytes that the RFC has no place for
 * are an error with its line, never a guess.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#include <stdio.h>

#define CSV_MAX_FIELDS 64
#define CSV_MAX_ROW    65536 /* bytes of all fields of a row, with a NUL behind each */

enum csv_error {
	CSV_OK = 0,
	CSV_MALFORMED = -1, /* a stray quote, text behind a closing quote, an unclosed quote, a NUL byte */
	CSV_LIMIT = -2,	    /* more fields or bytes in a row than the limits */
	CSV_STOPPED = -3,   /* row() returned a negative value */
};

struct csv_row {
	size_t line;			   /* of the row's first byte, from 1 */
	size_t n;			   /* fields, at least 1 */
	const char *field[CSV_MAX_FIELDS]; /* unquoted, with a NUL at the end, none within; live until row() returns */
};

struct csv_options {
	const char *name; /* for messages, usually the path */
	bool comments;	  /* rows that begin with '#' are skipped */
	bool trim;	  /* spaces and tabs around unquoted fields are left out (the RFC keeps them) */
	/* Called for each row. A negative value stops; its text in `err` gets NAME:LINE in front. */
	int (*row)(void *arg, const struct csv_row *row, struct err *err);
	void *arg;
};

/* Reads the whole text. Returns an enum csv_error; `err` says "NAME:LINE: reason". Rows before the fault were handed
 * out. */
int csv_parse(struct bytes text, const struct csv_options *o, struct err *err) NODISCARD;

/* Writes one row with CR LF; fields with a comma, quote, line end, '#' in front or blanks at their ends are quoted.
 * NULL is empty. */
void csv_put(FILE *out, const char *const *fields, size_t n);
