// SPDX-License-Identifier: Apache-2.0
#include "view/records.h"

#include "base/text.h"
#include "base/uuid.h"
#include "view/dark.h"

#include <stdio.h>
#include <string.h>

int records_period(const struct view_call *c, int64_t *from_ns, int64_t *to_ns, struct err *err)
{
	*from_ns = view_value(c, "from")->ns;
	*to_ns = view_value(c, "to")->ns;
	return *from_ns < *to_ns ? 0 : err_set(err, VIEW_BAD, "to: takes a time behind from");
}

int records_code(int rc, int stopped)
{
	return rc >= 0 ? 0 : rc == -STORE_STOPPED ? stopped : VIEW_FAILED;
}

bool records_over(const struct view_call *c)
{
	return (c->cancel && atomic_load_explicit(c->cancel, memory_order_relaxed)) || ferror(c->out);
}

void records_time(struct json *j, const char *name, int64_t ns)
{
	char number[64];
	snprintf(number, sizeof number, "%s_ns", name);
	if (ns) {
		json_time(j, name, ns);
		json_i64(j, number, ns);
	} else {
		json_null(j, name);
		json_null(j, number);
	}
}

void records_said(struct json *j, const struct findings_said *said)
{
	records_time(j, "muted_until", said->muted_until_ns);
	json_str(j, "assigned", said->assigned[0] ? said->assigned : NULL);
	json_u64(j, "comments", said->comments);
}

void records_finding(const struct view_call *c, struct json *j, struct finding *f, const struct findings_said *said)
{
	dark_mask_finding(c, f);
	json_object(j, NULL);
	finding_json_fields(j, f);
	if (said)
		records_said(j, said);
	json_end(j, '}');
}

/* Marks that change the direction of what stands behind them, and line ends that aren't newlines. */
static bool turns(uint32_t c)
{
	return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

static uint32_t character(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	if (n == 1)
		return p[0];
	uint32_t c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

static bool is_blank(uint32_t c)
{
	return c == ' ' || c == '\n' || c == 0x3000 || c == 0xa0;
}

static bool is_control(uint32_t c)
{
	return (c < 0x20 && c != '\n') || (c >= 0x7f && c < 0xa0) || turns(c);
}

int records_check(const char *name, const char *text, size_t least, size_t size, struct err *err)
{
	size_t n = text ? strlen(text) : 0, written = 0;
	if (n >= size || n > RECORDS_TEXT_MAX)
		return err_set(err, VIEW_BAD, "%s: is too long", name);
	for (size_t i = 0, k; i < n; i += k) {
		k = text_utf8_length(text + i, n - i);
		uint32_t c = k ? character(text + i, k) : 0;
		if (!k)
			return err_set(err, VIEW_BAD, "%s: is no UTF-8 text", name);
		if (is_control(c))
			return err_set(err, VIEW_BAD, "%s: has control characters", name);
		written += !is_blank(c);
	}
	if (written < least)
		return err_set(err, VIEW_BAD, n ? "%s: is too short" : "%s: is missing", name);
	return 0;
}

int records_put(struct view_call *c, const struct view_put *p, struct err *err)
{
	return c->put ? c->put(c->put_arg, p, err) : err_set(err, VIEW_AWAY, "nothing can be written here");
}

int records_remark(struct view_call *c, const struct records_word *w, struct remark *out, struct err *err)
{
	memset(out, 0, sizeof *out);
	uuid_new(out->id, c->now_ns);
	snprintf(out->tenant, sizeof out->tenant, "%s", w->tenant);
	snprintf(out->subject, sizeof out->subject, "%s", w->subject);
	snprintf(out->kind, sizeof out->kind, "%s", w->kind);
	snprintf(out->text, sizeof out->text, "%s", w->text);
	snprintf(out->who, sizeof out->who, "%s", c->who->user);
	out->at_ns = c->now_ns;
	out->until_ns = w->until_ns;
	struct view_put put = { &remark_kind, out, w->what, out->subject };
	return records_put(c, &put, err);
}

bool records_formula(const char *text)
{
	/* Also as wide as a Japanese spreadsheet takes them: U+FF1D, FF0B, FF0D, FF20. */
	static const char *const wide[] = { "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0" };
	bool is = *text && strchr("=+-@\t\r\n", *text);
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
		is = is || strncmp(text, wide[i], 3) == 0;
	return is;
}

void records_cell(FILE *out, const char *text)
{
	bool formula = records_formula(text);
	if (!formula && !strpbrk(text, "\",\r\n")) {
		fputs(text, out);
		return;
	}
	fputs(formula ? "\"'" : "\"", out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}
