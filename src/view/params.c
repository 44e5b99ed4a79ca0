// SPDX-License-Identifier: Apache-2.0
#include "view/params.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX (UINT64_C(1) << 53) /* what a JSON number surely holds */
#define AGO_MAX	   5200		       /* weeks */

static int bad(struct err *err, const char *name, const char *why)
{
	return err_set(err, VIEW_BAD, "%s: %s", name, why);
}

/* "now-90m" */
static int time_ago(const char *text, int64_t now_ns, int64_t *out)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	char *end;
	*out = now_ns;
	if (*text == '\0')
		return 0;
	if (*text != '-' || !isdigit((unsigned char)text[1]))
		return -1;
	unsigned long n = strtoul(text + 1, &end, 10);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (end[0] == units[i].unit && end[1] == '\0') {
			if (n > (unsigned long)AGO_MAX * 604800 / (unsigned long)units[i].seconds)
				return -1;
			*out = now_ns - (int64_t)n * units[i].seconds * 1000000000;
			return 0;
		}
	return -1;
}

int params_time(const char *text, int64_t now_ns, int64_t *out)
{
	if (strncmp(text, "now", 3) == 0)
		return time_ago(text + 3, now_ns, out);
	return zone_parse(text, out) == 0 && *out >= PARAMS_TIME_LEAST ? 0 : -1;
}

static bool is_word(const char *words, const char *text, size_t n)
{
	while (*words) {
		size_t m = strcspn(words, "|");
		if (m == n && strncmp(words, text, n) == 0)
			return true;
		words += m + (words[m] == '|');
	}
	return false;
}

static bool are_words(const char *words, const char *text)
{
	do {
		size_t n = strcspn(text, ",");
		if (!is_word(words, text, n))
			return false;
		text += n + (text[n] == ',');
	} while (*text);
	return true;
}

static int read_number(const char *text, uint64_t *out)
{
	uint64_t n = 0;
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text) || n > NUMBER_MAX / 10)
			return -1;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	*out = n;
	return n <= NUMBER_MAX ? 0 : -1;
}

/* Of addresses, prefixes and flags. NULL, or what is taken instead. */
static const char *convert_plain(enum view_type type, struct view_value *v)
{
	struct err why = { "" };
	switch (type) {
	case VIEW_NUMBER:
		return read_number(v->text, &v->number) < 0 ? "takes a number" : NULL;
	case VIEW_FLAG:
		v->flag = is_word("1|true", v->text, strlen(v->text));
		return v->flag || is_word("0|false", v->text, strlen(v->text)) ? NULL : "takes true or false";
	case VIEW_ADDRESS:
		v->prefix.bits = 128;
		return addr_parse(v->text, &v->prefix.addr, &why) < 0 ? "takes an address" : NULL;
	case VIEW_PREFIX:
		return prefix_parse(v->text, &v->prefix, &why) < 0 ? "takes an address or prefix without host bits"
								   : NULL;
	default:
		return NULL;
	}
}

static int convert(const struct view_call *c, const struct view_param *p, struct view_value *v, struct err *err)
{
	const char *takes = convert_plain(p->type, v);
	if (takes)
		return bad(err, p->name, takes);
	if (p->type == VIEW_TIME && params_time(v->text, c->now_ns, &v->ns) < 0)
		return bad(err, p->name, "takes RFC 3339, a date, seconds since 1970, now or now-24h");
	if (p->type == VIEW_WORD && !is_word(p->words, v->text, strlen(v->text)))
		return err_set(err, VIEW_BAD, "%s: takes %s", p->name, p->words);
	if (p->type == VIEW_WORDS && !are_words(p->words, v->text))
		return err_set(err, VIEW_BAD, "%s: takes some of %s", p->name, p->words);
	return 0;
}

static int find(const struct view *v, const char *name)
{
	for (size_t i = 0; i < v->params_n; i++)
		if (strcmp(v->params[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Texts of all values lie in one piece of memory that is as large as they may be together. */
static char *keep(struct view_call *c, const char *text)
{
	size_t n = strlen(text) + 1;
	char *at = c->room + c->room_n;
	if (n > PARAMS_TEXT_MAX - c->room_n)
		return NULL;
	memcpy(at, text, n);
	c->room_n += n;
	return at;
}

int params_set(struct view_call *c, const char *name, const char *text, struct err *err)
{
	char safe[80];
	int i = find(c->view, name);
	if (i < 0)
		return err_set(err, VIEW_BAD, "%s: there is no such parameter",
			text_escape(safe, sizeof safe, name, strnlen(name, 60)));
	if (c->values[i].text)
		return bad(err, name, "comes twice");
	c->values[i].text = keep(c, text);
	if (!c->values[i].text)
		return bad(err, name, "is too long");
	/* What is empty in a form was not filled in. */
	if (!*text && c->view->params[i].type != VIEW_TEXT) {
		c->values[i].text = NULL;
		return 0;
	}
	return convert(c, &c->view->params[i], &c->values[i], err);
}

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* "+" and "%41" (WHATWG URL section 5.1). Returns the length, -1 for an escape that is none and for NUL. */
static ssize_t decode(char *out, size_t size, struct bytes in)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n && n + 1 < size; i++) {
		int c = in.p[i];
		if (c == '+')
			c = ' ';
		if (c == '%') {
			if (in.n - i < 3 || hex(in.p[i + 1]) < 0 || hex(in.p[i + 2]) < 0)
				return -1;
			c = hex(in.p[i + 1]) << 4 | hex(in.p[i + 2]);
			i += 2;
		}
		if (c == 0)
			return -1;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return (ssize_t)n;
}

static bool is_utf8(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = text_utf8_length(s + i, n - i);
		if (!k)
			return false;
		i += k;
	}
	return true;
}

static int read_pair(struct view_call *c, struct bytes pair, char *text, struct err *err)
{
	char name[64];
	const uint8_t *eq = memchr(pair.p, '=', pair.n);
	struct bytes left = { pair.p, eq ? (size_t)(eq - pair.p) : pair.n };
	struct bytes right = { eq ? eq + 1 : pair.p + pair.n, eq ? pair.n - left.n - 1 : 0 };
	ssize_t n = left.n < sizeof name ? decode(name, sizeof name, left) : -1;
	if (n <= 0 || !is_utf8(name, (size_t)n))
		return err_set(err, VIEW_BAD, "a parameter's name can't be read");
	n = decode(text, PARAMS_TEXT_MAX, right);
	if (n < 0 || !is_utf8(text, (size_t)n))
		return bad(err, name, "is no UTF-8 text, or wrongly escaped");
	/* Proof and language of the question, not its parameters. */
	if (strcmp(name, "csrf") == 0 || (strcmp(name, "lang") == 0 && find(c->view, name) < 0))
		return 0;
	return params_set(c, name, text, err);
}

int params_read(struct view_call *c, struct bytes pairs, struct err *err)
{
	char *text = mem_new(PARAMS_TEXT_MAX);
	int rc = 0;
	unsigned n = 0;
	while (pairs.n && rc == 0) {
		const uint8_t *end = memchr(pairs.p, '&', pairs.n);
		struct bytes pair = { pairs.p, end ? (size_t)(end - pairs.p) : pairs.n };
		if (pair.n)
			rc = n++ < PARAMS_MAX ? read_pair(c, pair, text, err)
					      : err_set(err, VIEW_BAD, "more than %u parameters", (unsigned)PARAMS_MAX);
		size_t taken = pair.n + (end ? 1 : 0);
		pairs = (struct bytes){ pairs.p + taken, pairs.n - taken };
	}
	free(text);
	return rc;
}

int params_finish(struct view_call *c, struct err *err)
{
	for (size_t i = 0; i < c->view->params_n; i++) {
		const struct view_param *p = &c->view->params[i];
		if (!c->values[i].text && p->normal) {
			int rc = params_set(c, p->name, p->normal, err);
			if (rc)
				return rc;
		}
		if (p->required && (!c->values[i].text || !*c->values[i].text))
			return bad(err, p->name, "is missing");
	}
	return 0;
}
