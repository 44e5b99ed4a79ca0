// SPDX-License-Identifier: Apache-2.0
#include "codec/csv.h"

#include "base/mem.h"

#include <stdlib.h>

struct reader {
	const uint8_t *p, *end;
	size_t line; /* where p is */
	struct csv_row row;
	char *text; /* CSV_MAX_ROW bytes for the fields */
	size_t used;
	const struct csv_options *o;
};

static bool at_eol(const struct reader *r)
{
	return r->p == r->end || *r->p == '\n' || *r->p == '\r';
}

static void skip_eol(struct reader *r)
{
	if (r->p == r->end)
		return;
	if (*r->p == '\r' && r->p + 1 < r->end && r->p[1] == '\n')
		r->p++;
	r->p++;
	r->line++;
}

static void skip_line(struct reader *r)
{
	while (!at_eol(r))
		r->p++;
	skip_eol(r);
}

static int keep(struct reader *r, uint8_t c, struct err *err)
{
	if (c == 0)
		return err_set(err, CSV_MALFORMED, "a NUL byte");
	if (r->used + 1 >= CSV_MAX_ROW)
		return err_set(err, CSV_LIMIT, "the row is longer than %d bytes", CSV_MAX_ROW);
	r->text[r->used++] = (char)c;
	return CSV_OK;
}

/* Behind the opening quote; ends behind the closing one. */
static int quoted(struct reader *r, struct err *err)
{
	size_t opened = r->line;
	for (; r->p < r->end; r->p++) {
		if (*r->p == '"') {
			if (r->p + 1 == r->end || r->p[1] != '"') {
				r->p++;
				return CSV_OK;
			}
			r->p++;
		}
		int code = keep(r, *r->p, err);
		if (code < 0)
			return code;
		r->line += *r->p == '\n' || (*r->p == '\r' && (r->p + 1 == r->end || r->p[1] != '\n'));
	}
	r->line = opened;
	return err_set(err, CSV_MALFORMED, "the quote that opens here has no end");
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct reader *r)
{
	while (r->o->trim && r->p < r->end && blank(*r->p))
		r->p++;
}

static int plain(struct reader *r, struct err *err)
{
	size_t start = r->used;
	while (!at_eol(r) && *r->p != ',') {
		if (*r->p == '"')
			return err_set(err, CSV_MALFORMED, "a quote within a field that isn't quoted");
		int code = keep(r, *r->p++, err);
		if (code < 0)
			return code;
	}
	while (r->o->trim && r->used > start && blank((uint8_t)r->text[r->used - 1]))
		r->used--;
	return CSV_OK;
}

static int field(struct reader *r, struct err *err)
{
	int code;
	if (r->row.n == CSV_MAX_FIELDS)
		return err_set(err, CSV_LIMIT, "more than %d fields", CSV_MAX_FIELDS);
	if (r->used + 1 >= CSV_MAX_ROW)
		return err_set(err, CSV_LIMIT, "the row is longer than %d bytes", CSV_MAX_ROW);
	r->row.field[r->row.n++] = r->text + r->used;
	skip_blanks(r);
	if (r->p < r->end && *r->p == '"') {
		r->p++;
		code = quoted(r, err);
		skip_blanks(r);
		if (code == CSV_OK && !at_eol(r) && *r->p != ',')
			code = err_set(err, CSV_MALFORMED, "text behind a closing quote");
	} else {
		code = plain(r, err);
	}
	r->text[r->used++] = 0;
	return code;
}

static int row(struct reader *r, struct err *err)
{
	r->row.n = 0;
	r->row.line = r->line;
	r->used = 0;
	for (;;) {
		int code = field(r, err);
		if (code < 0)
			return code;
		if (at_eol(r))
			break;
		r->p++; /* the comma */
	}
	size_t line = r->line;
	r->line = r->row.line;
	if (r->o->row(r->o->arg, &r->row, err) < 0)
		return CSV_STOPPED;
	r->line = line;
	skip_eol(r);
	return CSV_OK;
}

int csv_parse(struct bytes text, const struct csv_options *o, struct err *err)
{
	static const uint8_t mark[3] = { 0xef, 0xbb, 0xbf };
	int code = CSV_OK;
	if (text.n >= 3 && memcmp(text.p, mark, 3) == 0)
		text = bytes_from(text, 3);
	if (text.n == 0)
		return CSV_OK;
	struct reader r = { .p = text.p, .end = text.p + text.n, .line = 1, .o = o, .text = mem_new(CSV_MAX_ROW) };
	while (code == CSV_OK && r.p < r.end) {
		if (at_eol(&r))
			skip_eol(&r);
		else if (o->comments && *r.p == '#')
			skip_line(&r);
		else
			code = row(&r, err);
	}
	if (code < 0)
		err_prefix(err, code, "%.300s:%zu", o->name ? o->name : "CSV", r.line);
	free(r.text);
	return code;
}

static bool needs_quotes(const char *s)
{
	size_t n = strlen(s);
	return strpbrk(s, ",\"\r\n") || *s == '#' || (n && (blank((uint8_t)s[0]) || blank((uint8_t)s[n - 1])));
}

void csv_put(FILE *out, const char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *s = fields[i] ? fields[i] : "";
		/* A lone empty field would be an empty line, which a reader skips. */
		bool quotes = needs_quotes(s) || (n == 1 && *s == 0);
		if (i)
			putc(',', out);
		if (quotes)
			putc('"', out);
		for (; *s; s++) {
			if (*s == '"')
				putc('"', out);
			putc(*s, out);
		}
		if (quotes)
			putc('"', out);
	}
	fputs("\r\n", out);
}
