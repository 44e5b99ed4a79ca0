// SPDX-License-Identifier: Apache-2.0
/*
 * Streaming JSON output (RFC 8259) to a stdio stream: commas, nesting and escaping are kept right, nothing is built in
 * memory. Text from outside may hold any bytes: what is not valid UTF-8 comes out as U+FFFD, control characters as
 * \u00XX.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_MAX_DEPTH 32

struct json {
	FILE *out;
	int depth;
	bool filled[JSON_MAX_DEPTH]; /* this level already has a member */
};

void json_init(struct json *j, FILE *out);

/* `key` is NULL inside arrays and at the top. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j, char close); /* '}' or ']' */
void json_str(struct json *j, const char *key, const char *text);
void json_strn(struct json *j, const char *key, const char *text, size_t n);
void json_hex(struct json *j, const char *key, const uint8_t *p, size_t n);
void json_u64(struct json *j, const char *key, uint64_t v);
void json_i64(struct json *j, const char *key, int64_t v);
void json_digits(struct json *j, const char *key, const char *digits); /* an integer of any size, as text */
void json_double(struct json *j, const char *key, double v);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);

/* RFC 3339 in UTC with nine digits, for `ns` nanoseconds since 1970 (years 1677 .. 2262 and beyond for unsigned input).
 */
void json_time(struct json *j, const char *key, int64_t ns);

/* Ends a top-level value with a newline: one object a line. */
void json_line(struct json *j);
