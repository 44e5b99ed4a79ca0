// SPDX-License-Identifier: Apache-2.0
#include "response/alert/alert_mail.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLAIN_MAX 60 /* of a title: the header stays below 78 columns without folding */
#define WORD_MAX  39 /* octets in an encoded word: with "Subject: " below 76 columns (RFC 2047 section 2) */
#define LINE_MAX  900

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(FILE *out, const char *s, size_t n, size_t columns)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t column = 0;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v =
			(uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
		putc(alphabet[v >> 18], out);
		putc(alphabet[v >> 12 & 63], out);
		putc(i + 1 < n ? alphabet[v >> 6 & 63] : '=', out);
		putc(i + 2 < n ? alphabet[v & 63] : '=', out);
		column += 4;
		if (columns && column >= columns && i + 3 < n) {
			fputs("\r\n", out);
			column = 0;
		}
	}
}

static bool is_plain(const char *s)
{
	for (const char *c = s; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return false;
	return strlen(s) <= PLAIN_MAX && !strstr(s, "=?");
}

static void put_subject(FILE *out, const char *title)
{
	fputs("Subject: ", out);
	if (is_plain(title)) {
		fprintf(out, "%s\r\n", title);
		return;
	}
	for (const char *s = title; *s;) {
		size_t n = (size_t)text_cut(s, WORD_MAX);
		fprintf(out, "%s=?UTF-8?B?", s == title ? "" : " ");
		put_base64(out, s, n ? n : 1, 0);
		fputs("?=\r\n", out);
		s += n ? n : 1;
	}
}

static void put_date(FILE *out, int64_t ns)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
		"Nov", "Dec" };
	time_t s = (time_t)(ns / ALERT_SECOND);
	struct tm tm;
	gmtime_r(&s, &tm);
	fprintf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_id(
	FILE *out, const char *header, const char *id, const struct alert_mail_names *names, const char *from)
{
	fprintf(out, "%s: <%s.%s%s>\r\n", header, id, names->store_id, strchr(from, '@'));
}

static void put_body(FILE *out, const char *text)
{
	bool plain = true;
	size_t line = 0;
	for (const char *c = text; *c && plain; c++) {
		line = *c == '\n' ? 0 : line + 1;
		plain = (*c == '\n' || (*c >= 0x20 && *c <= 0x7e)) && line <= LINE_MAX;
	}
	fprintf(out,
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
		plain ? "us-ascii" : "utf-8", plain ? "7bit" : "base64");
	if (!plain) {
		put_base64(out, text, strlen(text), 76);
		fputs("\r\n", out);
		return;
	}
	for (const char *c = text; *c; c++) {
		if (*c == '\n')
			putc('\r', out);
		putc(*c, out);
	}
}

char *alert_mail_build(
	const struct alert_channel *c, const struct alert_message *m, const struct alert_mail_names *names, size_t *n)
{
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, n);
	ENSURE(out != NULL && strpbrk(m->title, "\r\n") == NULL);
	put_date(out, m->at_ns);
	fprintf(out, "From: sakimori <%s>\r\nTo:", c->from);
	for (size_t i = 0; i < c->to_n; i++)
		fprintf(out, "%s <%s>%s", i ? "\r\n" : "", c->to[i], i + 1 < c->to_n ? "," : "\r\n");
	put_id(out, "Message-ID", m->id, names, c->from);
	if (strcmp(m->id, m->thread) != 0) {
		put_id(out, "In-Reply-To", m->thread, names, c->from);
		put_id(out, "References", m->thread, names, c->from);
	}
	put_subject(out, m->title);
	fputs("Auto-Submitted: auto-generated\r\n", out);
	fprintf(out, "X-Sakimori-Severity: %s\r\n", alert_severity_name(m->severity));
	put_body(out, m->text);
	ENSURE(fclose(out) == 0);
	return bytes;
}

bool alert_mail_address(const char *text)
{
	const char *at = strchr(text, '@');
	if (!at || at == text || !at[1] || strchr(at + 1, '@') || strlen(text) > 254)
		return false;
	for (const char *c = text; *c; c++)
		if (*c <= 0x20 || *c > 0x7e || strchr("<>(),;:\\\"[]", *c))
			return false;
	return at[1] != '-' && at[1] != '.' && text[0] != '-';
}

/* RFC 5424 section 6.3.3: '"', '\' and ']' are escaped in values of structured data. */
static void put_param(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	for (const char *c = value; *c; c++) {
		if (strchr("\"\\]", *c))
			putc('\\', out);
		putc(*c, out);
	}
	putc('"', out);
}

size_t alert_mail_syslog(
	char *out, size_t size, const struct alert_channel *c, const struct alert_message *m, const char *host)
{
	static const int levels[ALERT_SEVERITY_N] = { 6, 5, 4, 2 }; /* informational, notice, warning, critical */
	char time[TEXT_TIME_MAX];
	FILE *f = fmemopen(out, size, "w");
	ENSURE(f != NULL && strpbrk(m->title, "\r\n") == NULL);
	text_time(time, m->at_ns);
	/* Six digits at most (section 6.2.3). */
	fprintf(f, "<%d>1 %.26sZ %.255s sakimori - %s [sakimori@32473", c->facility * 8 + levels[m->severity], time,
		host, alert_event_name(m->event));
	put_param(f, "id", m->id);
	put_param(f, "severity", alert_severity_name(m->severity));
	fprintf(f, "] \xef\xbb\xbf%s", m->title);
	long n = ftell(f);
	fclose(f);
	if (n < 0 || (size_t)n >= size)
		n = (long)size - 1;
	return (size_t)text_cut(out, (size_t)n);
}
