// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include "base/err.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void json_init(struct json *j, FILE *out)
{
	memset(j, 0, sizeof *j);
	j->out = out;
}

static void put_text(FILE *out, const char *s, size_t n)
{
	putc('"', out);
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)s[i];
		if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", c);
			i++;
		} else if (c < 0x20 || c == 0x7f) {
			fprintf(out, "\\u%04x", c);
			i++;
		} else if (c < 0x80) {
			putc(c, out);
			i++;
		} else {
			size_t len = text_utf8_length(s + i, n - i);
			if (len)
				fwrite(s + i, 1, len, out);
			else
				fputs("\\ufffd", out);
			i += len ? len : 1;
		}
	}
	putc('"', out);
}

static void member(struct json *j, const char *key)
{
	if (j->filled[j->depth])
		putc(',', j->out);
	j->filled[j->depth] = true;
	if (key) {
		put_text(j->out, key, strlen(key));
		putc(':', j->out);
	}
}

static void open_level(struct json *j, const char *key, char c)
{
	member(j, key);
	putc(c, j->out);
	ENSURE(j->depth + 1 < JSON_MAX_DEPTH);
	j->filled[++j->depth] = false;
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, '{');
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, '[');
}

void json_end(struct json *j, char close)
{
	ENSURE(j->depth > 0);
	j->depth--;
	putc(close, j->out);
}

void json_strn(struct json *j, const char *key, const char *text, size_t n)
{
	member(j, key);
	put_text(j->out, text, n);
}

void json_str(struct json *j, const char *key, const char *text)
{
	if (text)
		json_strn(j, key, text, strlen(text));
	else
		json_null(j, key);
}

void json_hex(struct json *j, const char *key, const uint8_t *p, size_t n)
{
	member(j, key);
	putc('"', j->out);
	for (size_t i = 0; i < n; i++)
		fprintf(j->out, "%02x", p[i]);
	putc('"', j->out);
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	member(j, key);
	fprintf(j->out, "%" PRIu64, v);
}

void json_i64(struct json *j, const char *key, int64_t v)
{
	member(j, key);
	fprintf(j->out, "%" PRId64, v);
}

void json_digits(struct json *j, const char *key, const char *digits)
{
	member(j, key);
	fputs(digits, j->out);
}

void json_double(struct json *j, const char *key, double v)
{
	if (!isfinite(v)) {
		json_null(j, key);
		return;
	}
	member(j, key);
	fprintf(j->out, "%.9g", v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	member(j, key);
	fputs(v ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	member(j, key);
	fputs("null", j->out);
}

void json_time(struct json *j, const char *key, int64_t ns)
{
	char text[TEXT_TIME_MAX];
	json_str(j, key, text_time(text, ns));
}

void json_line(struct json *j)
{
	ENSURE(j->depth == 0);
	putc('\n', j->out);
	j->filled[0] = false;
}
