// SPDX-License-Identifier: Apache-2.0
#include "view/reporttable.h"

#include "base/text.h"
#include "view/records.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

const char *report_number(char out[32], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n), at = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *report_iso(char out[16], int64_t day)
{
	int year, month, mday;
	reportzone_date(day, &year, &month, &mday);
	snprintf(out, 16, "%04u-%02u-%02u", (unsigned)year % 10000, (unsigned)month % 100, (unsigned)mday % 100);
	return out;
}

const char *report_date_text(char out[48], int64_t day, enum message_language l)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
		"Nov", "Dec" };
	int year, month, mday;
	reportzone_date(day, &year, &month, &mday);
	if (l == MESSAGE_JA)
		snprintf(out, 48, "%d年%d月%d日", year, month, mday);
	else
		snprintf(out, 48, "%d %s %d", mday, months[month - 1], year);
	return out;
}

const char *report_say(
	char *out, size_t size, enum message_language l, const char *key, const struct report_fill *fills, size_t n)
{
	size_t at = 0;
	for (const char *p = messages_text(l, key); *p && at + 1 < size; p++) {
		const char *value = NULL;
		for (size_t i = 0; i < n && *p == '{'; i++) {
			size_t k = strlen(fills[i].name);
			if (strncmp(p + 1, fills[i].name, k) == 0 && p[1 + k] == '}') {
				value = fills[i].value;
				p += k + 1;
				break;
			}
		}
		if (!value) {
			out[at++] = *p;
			continue;
		}
		at += (size_t)snprintf(out + at, size - at, "%s", value);
		at = at < size ? at : size - 1;
	}
	out[at] = '\0';
	out[text_cut(out, at)] = '\0';
	return out;
}

const char *report_period_text(char out[96], const struct reportperiod *p, enum message_language l)
{
	static const char *const keys[] = { "report.period.day", "report.period.week", "report.period.quarter",
		"report.period.half", "report.period.year" };
	int year, month, mday, week;
	char first[48], last[48], y[16], n[16];
	report_date_text(first, p->first, l);
	report_date_text(last, p->end - 1, l);
	reportzone_date(p->first, &year, &month, &mday);
	snprintf(n, sizeof n, "%d", p->kind == REPORT_HALF ? (month - 1) / 6 + 1 : (month - 1) / 3 + 1);
	if (p->kind == REPORT_WEEK) {
		reportperiod_week(p->first, &year, &week);
		snprintf(n, sizeof n, "%d", week);
	}
	snprintf(y, sizeof y, "%d", year);
	const struct report_fill fills[] = { { "year", y }, { "n", n }, { "first", first }, { "last", last } };
	return report_say(out, 96, l, keys[p->kind], fills, 4);
}

/* ---- for people ---- */

static const char *time_text(char out[REPORTCELL_TEXT], int64_t ns, const struct reportzone *z, enum message_language l)
{
	char day[48];
	int64_t s = ns / SECOND - (ns % SECOND < 0);
	int64_t local = s + reportzone_offset(z, s), in = ((local % 86400) + 86400) % 86400;
	report_date_text(day, reportzone_day(z, ns), l);
	snprintf(out, REPORTCELL_TEXT, "%s %02d:%02d:%02d", day, (int)(in / 3600), (int)(in / 60 % 60), (int)(in % 60));
	return out;
}

/* With two decimals below a hundred, with grouped digits above. */
static void ratio_text(char out[REPORTCELL_TEXT], double x)
{
	char n[32];
	if (x < 100 && x != floor(x))
		snprintf(out, REPORTCELL_TEXT, "%.2f", x);
	else
		snprintf(out, REPORTCELL_TEXT, "%s", report_number(n, (uint64_t)(x + 0.5)));
}

const char *reportcell_text(
	char out[REPORTCELL_TEXT], const struct reportcell *c, const struct reportzone *z, enum message_language l)
{
	char n[32], day[48];
	switch (c->type) {
	case REPORT_NONE:
		snprintf(out, REPORTCELL_TEXT, "-");
		return out;
	case REPORT_TEXT:
		snprintf(out, REPORTCELL_TEXT, "%s", c->text);
		return out;
	case REPORT_COUNT:
	case REPORT_HOSTS:
		snprintf(out, REPORTCELL_TEXT, "%s%s", c->estimate ? messages_text(l, "report.about") : "",
			report_number(n, c->n));
		return out;
	case REPORT_PERCENT:
		snprintf(out, REPORTCELL_TEXT, "%.1f %%", c->x);
		return out;
	case REPORT_RATIO:
		ratio_text(out, c->x);
		return out;
	case REPORT_DATE:
		snprintf(out, REPORTCELL_TEXT, "%s", report_date_text(day, c->at, l));
		return out;
	case REPORT_TIME:
		return time_text(out, c->at, z, l);
	}
	out[0] = '\0';
	return out;
}

/* ---- for programs ---- */

/* RFC 4180; what a spreadsheet would take for a formula begins with an apostrophe. */
static void text_csv(FILE *out, const char *s)
{
	fputc('"', out);
	if (records_formula(s))
		fputc('\'', out);
	for (; *s; s++) {
		if (*s == '"')
			fputc('"', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

static void cell_csv(FILE *out, const struct reportcell *c)
{
	char iso[16], time[TEXT_TIME_MAX];
	switch (c->type) {
	case REPORT_NONE:
		return;
	case REPORT_TEXT:
		text_csv(out, c->text);
		return;
	case REPORT_COUNT:
	case REPORT_HOSTS:
		fprintf(out, "%" PRIu64, c->n);
		return;
	case REPORT_PERCENT:
	case REPORT_RATIO:
		fprintf(out, "%.6g", c->x);
		return;
	case REPORT_DATE:
		fputs(report_iso(iso, c->at), out);
		return;
	case REPORT_TIME:
		fputs(text_time(time, c->at), out);
		return;
	}
}

void reporttable_csv(FILE *out, const struct reporttable *t)
{
	for (size_t k = 0; k < t->columns_n; k++)
		fprintf(out, "%s%s", k ? "," : "", t->columns[k].key);
	fputs("\r\n", out);
	for (size_t i = 0; i < t->rows; i++) {
		for (size_t k = 0; k < t->columns_n; k++) {
			if (k)
				fputc(',', out);
			cell_csv(out, &t->cells[i * t->columns_n + k]);
		}
		fputs("\r\n", out);
	}
}

static void cell_json(struct json *j, const struct reportcell *c)
{
	char iso[16], time[TEXT_TIME_MAX];
	switch (c->type) {
	case REPORT_NONE:
		json_null(j, NULL);
		return;
	case REPORT_TEXT:
		json_str(j, NULL, c->text);
		return;
	case REPORT_COUNT:
	case REPORT_HOSTS:
		json_u64(j, NULL, c->n);
		return;
	case REPORT_PERCENT:
	case REPORT_RATIO:
		json_double(j, NULL, c->x);
		return;
	case REPORT_DATE:
		json_str(j, NULL, report_iso(iso, c->at));
		return;
	case REPORT_TIME:
		json_str(j, NULL, text_time(time, c->at));
		return;
	}
}

void reporttable_json(struct json *j, const struct reporttable *t, const struct report *r, enum message_language l)
{
	static const char *const types[] = { "none", "text", "count", "count", "percent", "decimal", "date", "time" };
	char key[96], text[REPORTCELL_TEXT], n[32];
	json_object(j, NULL);
	json_str(j, "id", t->name);
	snprintf(key, sizeof key, "report.table.%s", t->name);
	json_str(j, "title", messages_text(l, key));
	json_array(j, "notes");
	if (t->rows == 0)
		json_str(j, NULL, messages_text(l, "report.nothing"));
	else
		json_str(j, NULL,
			messages_text(l, t->estimate ? "report.precision.estimate" : "report.precision.exact"));
	const struct report_fill fills[] = { { "n", report_number(n, t->left_out) } };
	if (t->left_out)
		json_str(j, NULL, report_say(text, sizeof text, l, "report.left_out", fills, 1));
	json_end(j, ']');
	json_bool(j, "estimate", t->estimate);
	json_u64(j, "left_out", t->left_out);
	json_array(j, "columns");
	for (size_t k = 0; k < t->columns_n; k++) {
		json_object(j, NULL);
		json_str(j, "key", t->columns[k].key);
		snprintf(key, sizeof key, "report.column.%s", t->columns[k].key);
		json_str(j, "title", messages_text(l, key));
		json_str(j, "type", types[t->columns[k].type]);
		json_bool(j, "wide", t->columns[k].wide);
		json_end(j, '}');
	}
	json_end(j, ']');
	json_array(j, "rows");
	for (size_t i = 0; i < t->rows; i++) {
		json_array(j, NULL);
		for (size_t k = 0; k < t->columns_n; k++)
			cell_json(j, &t->cells[i * t->columns_n + k]);
		json_end(j, ']');
	}
	json_end(j, ']');
	/* The same as people read it. */
	json_array(j, "shown");
	for (size_t i = 0; i < t->rows; i++) {
		json_array(j, NULL);
		for (size_t k = 0; k < t->columns_n; k++)
			json_str(j, NULL, reportcell_text(text, &t->cells[i * t->columns_n + k], &r->zone, l));
		json_end(j, ']');
	}
	json_end(j, ']');
	json_end(j, '}');
}
