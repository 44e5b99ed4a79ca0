// SPDX-License-Identifier: Apache-2.0
#include "know/words.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

void words_init(struct words *w)
{
	*w = (struct words){ 0 };
}

void words_fini(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	free(w->slots);
	*w = (struct words){ 0 };
}

static size_t tidy(char *s)
{
	size_t n = strlen(s);
	for (size_t i = 0, step; i < n; i += step) {
		step = text_utf8_length(s + i, n - i);
		if (step == 0) {
			/* A character that a buffer's end cut has no whole byte behind its first. */
			size_t rest = n - i;
			if (rest < 4 && (s[i] & 0xc0) == 0xc0 && text_utf8_length(s + i + 1, rest - 1) == 0) {
				s[i] = 0;
				return i;
			}
			s[i] = '?';
			step = 1;
		} else if (step == 1 && ((uint8_t)s[i] < 0x20 || s[i] == 0x7f)) {
			s[i] = ' ';
		}
	}
	return n;
}

static size_t slot_of(const struct words *w, const char *s)
{
	uint64_t h = 0;
	for (const char *c = s; *c; c++)
		h = random_mix(h ^ (uint8_t)*c) + 0x9e3779b97f4a7c15u;
	size_t at = random_mix(h) & (w->n_slots - 1);
	while (w->slots[at] && strcmp(w->v[w->slots[at] - 1], s) != 0)
		at = (at + 1) & (w->n_slots - 1);
	return at;
}

static void grow(struct words *w)
{
	free(w->slots);
	w->n_slots = w->n_slots ? w->n_slots * 2 : 64;
	w->slots = mem_new(w->n_slots * sizeof *w->slots);
	for (size_t i = 0; i < w->n; i++)
		w->slots[slot_of(w, w->v[i])] = (uint32_t)i + 1;
}

uint32_t words_take(struct words *w, const char *text)
{
	size_t n = strlen(text);
	char *s = mem_new(n + 1);
	memcpy(s, text, n + 1);
	tidy(s);
	if (w->n * 2 >= w->n_slots)
		grow(w);
	size_t at = slot_of(w, s);
	if (w->slots[at] || w->n == WORDS_MAX) {
		free(s);
		return w->slots[at] ? w->slots[at] - 1 : WORDS_NONE;
	}
	if (w->n == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		w->v = mem_grow(w->v, w->room * sizeof *w->v);
	}
	w->v[w->n++] = s;
	w->slots[at] = (uint32_t)w->n;
	return (uint32_t)w->n - 1;
}

const char *words_at(const struct words *w, uint32_t number)
{
	ENSURE(number < w->n);
	return w->v[number];
}
