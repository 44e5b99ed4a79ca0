// SPDX-License-Identifier: Apache-2.0
#include "know/suffixes.h"

#include "base/mem.h"

#include <stdlib.h>

struct suffixes_row {
	char *name;
	size_t order;
	struct suffixes_hit hit;
};

/* In lower case; 0 for what no host's name holds. */
static char letter_of(char c)
{
	static const char known[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	if (c >= 'A' && c <= 'Z')
		c |= 0x20;
	return c && strchr(known, c) ? c : 0;
}

bool suffixes_normal(char out[SUFFIXES_NAME_MAX], const char *name)
{
	size_t n = 0, label = 0, labels = 1;
	bool letter = false; /* in the last label: what ends in digits alone is an address */
	name += *name == '.';
	for (; *name && !(*name == '.' && !name[1]); name++) {
		char c = letter_of(*name);
		if (!c || n + 1 == SUFFIXES_NAME_MAX)
			return false;
		out[n++] = c;
		if (c != '.') {
			letter |= c >= 'a';
			if (++label > 63)
				return false;
			continue;
		}
		if (label == 0)
			return false;
		labels++;
		label = 0;
		letter = false;
	}
	out[n] = 0;
	return labels >= 2 && label && letter;
}

void suffixes_add(struct suffixes *s, const char *normal, int64_t from_ns, int64_t to_ns, uint32_t value)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 64;
		s->rows = mem_grow(s->rows, s->room * sizeof *s->rows);
	}
	size_t size = strlen(normal) + 1;
	struct suffixes_row *r = &s->rows[s->n];
	*r = (struct suffixes_row){ mem_new(size), s->n, { from_ns, to_ns, value } };
	memcpy(r->name, normal, size);
	s->n++;
}

void suffixes_fini(struct suffixes *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->rows[i].name);
	free(s->rows);
	*s = (struct suffixes){ 0 };
}

static int compare(const void *x, const void *y)
{
	const struct suffixes_row *a = x, *b = y;
	int r = strcmp(a->name, b->name);
	return r ? r : a->order > b->order ? -1 : 1;
}

void suffixes_seal(struct suffixes *s)
{
	if (s->n)
		qsort(s->rows, s->n, sizeof *s->rows, compare);
}

/* The first row that is not before the name. */
static size_t lower(const struct suffixes *s, const char *name)
{
	size_t low = 0, n = s->n;
	while (n) {
		size_t half = n / 2;
		if (strcmp(s->rows[low + half].name, name) < 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

void suffixes_each(
	const struct suffixes *s, const char *normal, bool (*hit)(void *arg, const struct suffixes_hit *), void *arg)
{
	for (const char *at = normal; at; at = strchr(at, '.')) {
		at += *at == '.';
		for (size_t i = lower(s, at); i < s->n && strcmp(s->rows[i].name, at) == 0; i++)
			if (!hit(arg, &s->rows[i].hit))
				return;
	}
}
