// SPDX-License-Identifier: Apache-2.0
#include "codec/yaml_impl.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16 << 10)

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};

struct mark {
	const void *member;
	unsigned line;
};

struct yaml_pool {
	struct chunk *chunks;
	struct mark *marks;
	size_t n_marks, room_marks;
};

struct yaml_pool *yaml_pool_new(void)
{
	return memset(mem_new(sizeof(struct yaml_pool)), 0, sizeof(struct yaml_pool));
}

void yaml_pool_free(struct yaml_pool *p)
{
	if (!p)
		return;
	for (struct chunk *c = p->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(p->marks);
	free(p);
}

void *yaml_pool_take(struct yaml_pool *p, size_t size)
{
	struct chunk *c = p->chunks;
	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (!c || c->size - c->used < size) {
		size_t room = size > CHUNK ? size : CHUNK;
		c = mem_new(sizeof *c + room);
		c->next = p->chunks;
		c->used = 0;
		c->size = room;
		p->chunks = c;
	}
	void *out = (char *)c->data + c->used;
	c->used += size;
	return memset(out, 0, size);
}

const char *yaml_pool_text(struct yaml_pool *p, const char *text, size_t n)
{
	char *copy = yaml_pool_take(p, n + 1);
	memcpy(copy, text, n);
	return copy;
}

void yaml_line_set(struct yaml_pool *p, const void *member, unsigned line)
{
	if (p->n_marks == p->room_marks) {
		p->room_marks = p->room_marks ? 2 * p->room_marks : 64;
		p->marks = mem_grow(p->marks, p->room_marks * sizeof *p->marks);
	}
	p->marks[p->n_marks++] = (struct mark){ member, line };
}

/* From the end: a struct and its first member have one address, and the member is set later. */
unsigned yaml_line(const struct yaml_pool *p, const void *member)
{
	for (size_t i = p->n_marks; i-- > 0;)
		if (p->marks[i].member == member)
			return p->marks[i].line;
	return 0;
}

void yaml_fault(struct yaml_faults *f, unsigned line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	if (f->n == YAML_FAULTS_MAX) {
		f->lost++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct yaml_fault *v = &f->v[f->n++];
	v->line = line;
	text_escape(v->text, sizeof v->text, text, strlen(text));
}

void yaml_faults_sort(struct yaml_faults *f)
{
	for (size_t i = 1; i < f->n; i++)
		for (size_t k = i; k && f->v[k - 1].line > f->v[k].line; k--) {
			struct yaml_fault t = f->v[k];
			f->v[k] = f->v[k - 1];
			f->v[k - 1] = t;
		}
}

void yaml_faults_print(FILE *out, const char *name, const struct yaml_faults *f)
{
	char safe[1024];
	text_escape(safe, sizeof safe, name, strlen(name));
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].line)
			fprintf(out, "%s:%u: %s\n", safe, f->v[i].line, f->v[i].text);
		else
			fprintf(out, "%s: %s\n", safe, f->v[i].text);
	if (f->lost)
		fprintf(out, "%s: %zu more faults\n", safe, f->lost);
}

const char *yaml_word(const char *words, size_t place, size_t *n)
{
	for (const char *p = words;; p += *n + 1) {
		*n = strcspn(p, "|");
		if (place-- == 0)
			return p;
		if (!p[*n])
			return NULL;
	}
}

const char *yaml_nearest(char out[96], const char *given, const char *words)
{
	char word[64];
	const char *w;
	size_t n, length = strlen(given);
	unsigned least = 99;
	out[0] = 0;
	for (size_t i = 0; (w = yaml_word(words, i, &n)); i++) {
		snprintf(word, sizeof word, "%.*s", (int)n, w);
		unsigned d = text_distance(given, word);
		if (d < least && d <= 1 + length / 3 && d < length) {
			least = d;
			snprintf(out, 96, ", did you mean `%s`?", word);
		}
	}
	return out;
}
