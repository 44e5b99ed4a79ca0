// SPDX-License-Identifier: Apache-2.0
#include "response/alert/alert_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct alert_text_row *find(const char *key)
{
	for (size_t i = 0; i < alert_text_rows_n; i++)
		if (strcmp(alert_text_rows[i].key, key) == 0)
			return &alert_text_rows[i];
	return NULL;
}

const char *alert_text(enum alert_language language, const char *key)
{
	const struct alert_text_row *r = find(key);
	ENSURE(r != NULL);
	return language == ALERT_JA ? r->ja : r->en;
}

const char *alert_text2(enum alert_language language, const char *group, const char *word)
{
	char key[96];
	snprintf(key, sizeof key, "%s.%s", group, word);
	return alert_text(language, key);
}

static const char *value_of(const char *name, size_t n, const struct alert_text_value *v, size_t v_n)
{
	for (size_t i = 0; i < v_n; i++)
		if (strlen(v[i].name) == n && memcmp(v[i].name, name, n) == 0)
			return v[i].text;
	return NULL;
}

void alert_text_put(FILE *out, const char *sentence, const struct alert_text_value *v, size_t n)
{
	for (const char *s = sentence; *s;) {
		const char *end = *s == '{' ? strchr(s, '}') : NULL;
		const char *text = end ? value_of(s + 1, (size_t)(end - s - 1), v, n) : NULL;
		if (text) {
			fputs(text, out);
			s = end + 1;
		} else {
			putc(*s++, out);
		}
	}
}

/* Characters that show text in another order than it has, or don't show (Unicode's Cc and Cf that matter in mail). */
static const struct {
	uint8_t octets, prefix[3], from, to; /* of the last octet, or of the one behind the prefix */
} hidden_rows[] = {
	{ 2, { 0xc2 }, 0x80, 0x9f },	   /* C1 */
	{ 2, { 0xc2 }, 0xad, 0xad },	   /* soft hyphen */
	{ 2, { 0xd8 }, 0x9c, 0x9c },	   /* Arabic letter mark */
	{ 3, { 0xe2, 0x80 }, 0x8b, 0x8f }, /* zero width, marks of direction */
	{ 3, { 0xe2, 0x80 }, 0xa8, 0xae }, /* line separators, embeddings, overrides */
	{ 3, { 0xe2, 0x81 }, 0xa0, 0xaf }, /* word joiner, isolates */
	{ 3, { 0xef, 0xbb }, 0xbf, 0xbf }, /* byte order mark */
	{ 4, { 0xf3, 0xa0 }, 0x80, 0xbf }, /* tags, variation selectors */
};

static bool hides(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < sizeof hidden_rows / sizeof *hidden_rows; i++) {
		size_t n = hidden_rows[i].octets == 2 ? 1 : 2;
		if (hidden_rows[i].octets == len && memcmp(p, hidden_rows[i].prefix, n) == 0 &&
			p[n] >= hidden_rows[i].from && p[n] <= hidden_rows[i].to)
			return true;
	}
	return false;
}

const char *alert_text_clean(char *out, size_t size, const char *s)
{
	size_t o = 0, n = strlen(s);
	for (size_t i = 0; i < n;) {
		size_t len = text_utf8_length(s + i, n - i);
		const uint8_t *p = (const uint8_t *)s + i;
		bool bad = len == 0 || *p < 0x20 || *p == 0x7f || hides(p, len);
		size_t take = len ? len : 1;
		if (o + (bad ? 4 * take : take) >= size)
			break;
		for (size_t k = 0; k < take && bad; k++)
			o += (size_t)snprintf(out + o, size - o, "\\x%02x", p[k]);
		if (!bad) {
			memcpy(out + o, p, take);
			o += take;
		}
		i += take;
	}
	out[o] = 0;
	return out;
}

const char *alert_text_time(char out[TEXT_TIME_MAX], int64_t ns, const int64_t *offset_s)
{
	char t[TEXT_TIME_MAX];
	int64_t off = offset_s ? *offset_s : 0, at;
	if (__builtin_add_overflow(ns, off * ALERT_SECOND, &at))
		at = ns;
	text_time(t, at);
	if (!offset_s)
		snprintf(out, TEXT_TIME_MAX, "%.10s %.8s UTC", t, t + 11);
	else
		snprintf(out, TEXT_TIME_MAX, "%.10s %.8s%c%02d:%02d", t, t + 11, off < 0 ? '-' : '+',
			(int)(llabs(off) / 3600 % 100), (int)(llabs(off) / 60 % 60));
	return out;
}

const char *alert_text_number(char out[32], uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, n), o = 0;
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[o++] = ',';
		out[o++] = digits[i];
	}
	out[o] = 0;
	return out;
}

static void duration(char out[64], enum alert_language language, int64_t ns)
{
	int64_t s = ns < 0 ? 0 : ns / ALERT_SECOND;
	const char *unit = s < 120 ? "unit.s" : s < 7200 ? "unit.min" : s < 172800 ? "unit.h" : "unit.d";
	int64_t n = s < 120 ? s : s < 7200 ? s / 60 : s < 172800 ? s / 3600 : s / 86400;
	char number[32];
	struct alert_text_value v = { "n", alert_text_number(number, (uint64_t)n) };
	FILE *f = fmemopen(out, 64, "w");
	ENSURE(f != NULL);
	alert_text_put(f, alert_text(language, unit), &v, 1);
	fclose(f);
}

const char *alert_text_unit(char out[64], enum alert_language language, enum alert_unit unit, int64_t value)
{
	char time[TEXT_TIME_MAX];
	switch (unit) {
	case ALERT_COUNT:
		return alert_text_number(out, (uint64_t)value);
	case ALERT_PERMILLE:
		snprintf(out, 64, "%" PRId64 ".%" PRId64 " %%", value / 10, value % 10);
		break;
	case ALERT_DURATION_NS:
		duration(out, language, value);
		break;
	case ALERT_OFFSET_NS:
		snprintf(out, 64, "%.3f ms", (double)value / 1e6);
		break;
	case ALERT_TIME_NS:
		snprintf(out, 64, "%s", alert_text_time(time, value, NULL));
		break;
	}
	return out;
}
