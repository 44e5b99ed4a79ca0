// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Well-formed sequences: first byte, second byte, length (RFC 3629 section 4). */
static const struct {
	uint8_t from, to, second_from, second_to, length;
} utf8_rows[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t text_utf8_length(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof utf8_rows / sizeof *utf8_rows; i++) {
		if (p[0] < utf8_rows[i].from || p[0] > utf8_rows[i].to)
			continue;
		if (n < utf8_rows[i].length || p[1] < utf8_rows[i].second_from || p[1] > utf8_rows[i].second_to)
			return 0;
		for (size_t k = 2; k < utf8_rows[i].length; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return utf8_rows[i].length;
	}
	return 0;
}

/* Days since 1970 to a civil date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static void civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned doe = (unsigned)(days - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int64_t)yoe + era * 400 + (*month <= 2);
}

/* Days from 1970 to a civil date: the inverse of civil(). */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	unsigned yoe = (unsigned)(year - era * 400);
	unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

int text_date(const char *text, int64_t *seconds)
{
	int year, month, day, end = 0;
	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || text[end] || end != 10)
		return -1;
	int64_t days = days_of(year, (unsigned)month, (unsigned)day), y;
	unsigned m, d;
	civil(days, &y, &m, &d);
	if (y != year || m != (unsigned)month || d != (unsigned)day)
		return -1;
	*seconds = days * 86400;
	return 0;
}

int text_cut(const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);
	if (n <= max)
		return (int)n;
	/* Back to the beginning of the character that max cuts. */
	for (n = max; n && max - n < 3 && ((uint8_t)s[n] & 0xc0) == 0x80; n--)
		;
	return (int)n;
}

const char *text_time(char out[TEXT_TIME_MAX], int64_t ns)
{
	int64_t sec = ns / 1000000000, frac = ns % 1000000000;
	if (frac < 0) {
		frac += 1000000000;
		sec--;
	}
	int64_t days = sec / 86400, rest = sec % 86400, year;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	unsigned month, day;
	civil(days, &year, &month, &day);
	snprintf(out, TEXT_TIME_MAX, "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u.%09uZ", year, month, day,
		(unsigned)(rest / 3600), (unsigned)(rest / 60 % 60), (unsigned)(rest % 60), (unsigned)frac);
	return out;
}

const char *text_escape(char *out, size_t size, const char *s, size_t n)
{
	size_t o = 0;
	for (size_t i = 0; i < n && o + 5 < size;) {
		size_t len = text_utf8_length(s + i, n - i);
		unsigned char c = (unsigned char)s[i];
		if (len == 0 || c < 0x20 || c == 0x7f || (c == 0xc2 && len == 2 && (unsigned char)s[i + 1] < 0xa0)) {
			o += (size_t)snprintf(out + o, size - o, "\\x%02x", c);
			i++;
			continue;
		}
		memcpy(out + o, s + i, len);
		o += len;
		i += len;
	}
	if (size)
		out[o] = 0;
	return out;
}

unsigned text_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[64];
	if (n > 63 || m > 63)
		return 99;
	for (size_t k = 0; k <= m; k++)
		row[k] = (unsigned)k;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t k = 1; k <= m; k++) {
			unsigned best = diagonal + (a[i - 1] != b[k - 1]);
			diagonal = row[k];
			best = row[k] + 1 < best ? row[k] + 1 : best;
			best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
			row[k] = best;
		}
	}
	return row[m];
}
