// SPDX-License-Identifier: Apache-2.0
/* Texts kept once each and known by number: the names that many prefixes of a list share. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_NONE UINT32_MAX
#define WORDS_MAX  (1u << 20)

struct words {
	char **v;
	size_t n, room;
	uint32_t *slots; /* 0: empty, else number + 1; open addressing */
	size_t n_slots;
};

void words_init(struct words *w);
void words_fini(struct words *w);

/*
 * The number of the text, which is kept as one line: control characters become spaces, what isn't UTF-8 '?', an
 * unfinished character at the end is left out. WORDS_NONE after WORDS_MAX different texts.
 */
uint32_t words_take(struct words *w, const char *text);

const char *words_at(const struct words *w, uint32_t number);
