// SPDX-License-Identifier: Apache-2.0
/*
 * What alerts say, in English and Japanese: one table {key, en, ja} with {names} for values. For use inside this folder
 * and its test alone.
 */
#pragma once
#include "base/text.h"
#include "response/alert/alert.h"

struct alert_text_row {
	const char *key, *en, *ja;
};
extern const struct alert_text_row alert_text_rows[];
extern const size_t alert_text_rows_n;

/* A value for {name}. `text` is printed as it is: outside text through alert_text_clean() first. */
struct alert_text_value {
	const char *name, *text;
};

/* The sentence of that key. A key that the table lacks is a bug. */
const char *alert_text(enum alert_language language, const char *key);
const char *alert_text2(enum alert_language language, const char *group, const char *word); /* key "GROUP.WORD" */

/* Prints the sentence with its values put in; an unknown {name} stays as it is. */
void alert_text_put(FILE *out, const char *sentence, const struct alert_text_value *v, size_t n);

/*
 * Outside text for people: control characters, what is not UTF-8, and characters that reorder or hide text (Unicode
 * bidirectional and zero-width ones, line separators) as \xNN. Cut at `size`. Returns `out`.
 */
const char *alert_text_clean(char *out, size_t size, const char *s);

/* "2026-11-24 12:39:00 UTC", or with the offset "2026-11-24 21:39:00+09:00". */
const char *alert_text_time(char out[TEXT_TIME_MAX], int64_t ns, const int64_t *offset_s);

/* "17 min", "3.1 %", "1,234": a value in its unit. */
const char *alert_text_unit(char out[64], enum alert_language language, enum alert_unit unit, int64_t value);

/* 1234567 as "1,234,567". */
const char *alert_text_number(char out[32], uint64_t n);
