// SPDX-License-Identifier: Apache-2.0
/*
 * What is said to people, in their language: the texts of web/messages/NAME.LANG.json under the keys that C code uses
 * ("report.", "country."). The table is made at build time; tools/check messages holds keys and uses together.
 */
#pragma once
#include <stddef.h>

enum message_language { MESSAGE_EN, MESSAGE_JA, MESSAGE_LANGUAGES };

struct message {
	const char *key;
	const char *text[MESSAGE_LANGUAGES];
};

/* Ascending by key. */
extern const struct message messages[];
extern const size_t messages_n;

/* "ja" and "ja-JP" are Japanese, all else is English. */
enum message_language messages_language(const char *tag);

/* The text; NULL when there is no such key. */
const char *messages_find(enum message_language l, const char *key);

/* The text; a key that does not exist comes back itself, so that it is seen. */
const char *messages_text(enum message_language l, const char *key);
