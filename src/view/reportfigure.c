// SPDX-License-Identifier: Apache-2.0
#include "view/reportfigure.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH  760
#define HEIGHT 320
#define LEFT   84
#define RIGHT  16
#define TOP    44
#define BOTTOM 40
#define SERIES 5

const struct reportfigure reportfigures[] = {
	{ "packets", "packets", false, 0, 1, 5 },
	{ "hosts", "hosts", false, 0, 1, 5 },
	{ "ports", "ports", true, 1, 3, 5 },
	{ "bots", "bots-by-time", false, 0, 1, 4 },
	{ "countries", "countries", true, 2, 6, 7 },
};
const size_t reportfigures_n = sizeof reportfigures / sizeof *reportfigures;

const struct reportfigure *reportfigure_find(const char *name)
{
	for (size_t i = 0; i < reportfigures_n; i++)
		if (strcmp(reportfigures[i].name, name) == 0)
			return &reportfigures[i];
	return NULL;
}

void report_escape(FILE *out, const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n;) {
		size_t k = text_utf8_length(text + i, n - i);
		unsigned char c = (unsigned char)text[i];
		if (k == 0 || c < 32 || c == 127) {
			fputs("\xef\xbf\xbd", out);
			i++;
			continue;
		}
		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else
			fwrite(text + i, 1, k, out);
		i += k;
	}
}

/* Colours of Okabe and Ito (2008), darkened where they need contrast on white. */
static const char style[] =
	"text{font:13px system-ui,sans-serif;fill:#1b1f24}.m{fill:#57606a}.g{stroke:#d0d7de;stroke-width:1}"
	".l{fill:none;stroke-width:2;stroke-linejoin:round}"
	".s0{stroke:#0060a8}.s1{stroke:#b34000}.s2{stroke:#00734f}.s3{stroke:#8a3a73}.s4{stroke:#57606a}"
	".f0{fill:#0060a8}.f1{fill:#b34000}.f2{fill:#00734f}.f3{fill:#8a3a73}.f4{fill:#57606a}"
	"@media(prefers-color-scheme:dark){text{fill:#e6edf3}.m{fill:#9da7b1}.g{stroke:#3d444d}"
	".s0{stroke:#6cb6ff}.s1{stroke:#ff9a57}.s2{stroke:#4ad295}.s3{stroke:#e29bd0}.s4{stroke:#9da7b1}"
	".f0{fill:#6cb6ff}.f1{fill:#ff9a57}.f2{fill:#4ad295}.f3{fill:#e29bd0}.f4{fill:#9da7b1}}"
	"@media print{text{fill:#000}.s0{stroke:#0060a8}.s1{stroke:#b34000}.s2{stroke:#00734f}.s3{stroke:#8a3a73}"
	".s4{stroke:#57606a}.f0{fill:#0060a8}.f1{fill:#b34000}.f2{fill:#00734f}.f3{fill:#8a3a73}.f4{fill:#57606a}}";

static const char *const dashes[SERIES] = { "", "8 4", "2 3", "10 3 2 3", "4 4" };

static void marker(FILE *out, int series, double x, double y)
{
	static const char *const paths[SERIES] = { "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0", "M-3 -3h6v6h-6z",
		"M0 -4l4 7h-8z", "M0 -4l4 4l-4 4l-4 -4z", "M-3 -1h6v2h-6z" };
	fprintf(out, "<path class=\"f%d\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>", series, x, y, paths[series]);
}

/* The least of 1, 2, 5 times a power of ten that is not less. */
static double nice(double x)
{
	double p = x > 0 ? pow(10, floor(log10(x))) : 1;
	for (int i = 0; i < 3; i++)
		if (x <= p * (i == 0 ? 1 : i == 1 ? 2 : 5))
			return p * (i == 0 ? 1 : i == 1 ? 2 : 5);
	return p * 10;
}

static void axis_number(FILE *out, double x, enum message_language l)
{
	static const struct {
		double from;
		const char *key;
	} units[MESSAGE_LANGUAGES][3] = {
		{ { 1e9, "report.unit.9" }, { 1e6, "report.unit.6" }, { 1e3, "report.unit.3" } },
		{ { 1e12, "report.unit.12" }, { 1e8, "report.unit.8" }, { 1e4, "report.unit.4" } },
	};
	char n[32];
	for (int i = 0; i < 3; i++)
		if (x >= units[l][i].from) {
			double v = x / units[l][i].from;
			if (v == floor(v))
				fputs(report_number(n, (uint64_t)v), out);
			else
				fprintf(out, "%.1f", v);
			fputs(messages_text(l, units[l][i].key), out);
			return;
		}
	fputs(report_number(n, (uint64_t)(x + 0.5)), out);
}

struct drawing {
	FILE *out;
	const struct reportfigure *f;
	const struct reporttable *t;
	const struct report *r;
	enum message_language l;
};

static const struct reportcell *at(const struct drawing *d, size_t row, int column)
{
	return &d->t->cells[row * d->t->columns_n + (size_t)column];
}

static const char *column_title(const struct drawing *d, int column)
{
	char key[96];
	snprintf(key, sizeof key, "report.column.%s", d->t->columns[column].key);
	return messages_text(d->l, key);
}

static void head(const struct drawing *d, int height, bool alone)
{
	char key[96];
	if (alone)
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", d->out);
	fprintf(d->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" lang=\"%s\""
		" aria-labelledby=\"%s-t %s-d\"><title id=\"%s-t\">",
		WIDTH, height, d->l == MESSAGE_JA ? "ja" : "en", d->f->name, d->f->name, d->f->name);
	snprintf(key, sizeof key, "report.figure.%s", d->f->name);
	report_escape(d->out, messages_text(d->l, key));
	fprintf(d->out, "</title><desc id=\"%s-d\">", d->f->name);
	snprintf(key, sizeof key, "report.about.%s", d->f->table);
	report_escape(d->out, messages_text(d->l, key));
	fputs(" ", d->out);
	report_escape(d->out, messages_text(d->l, "report.figure.same"));
	fputs("</desc>", d->out);
	if (alone)
		fprintf(d->out, "<style>%s</style>", style);
}

static void legend(const struct drawing *d)
{
	double x = LEFT;
	for (int k = 0; k < d->f->n; k++) {
		const char *name = column_title(d, d->f->first + k);
		double width = 0;
		for (const char *p = name; *p; p += text_utf8_length(p, strlen(p)) ? text_utf8_length(p, strlen(p)) : 1)
			width += (unsigned char)*p < 128 ? 7.2 : 13.5;
		fprintf(d->out, "<path class=\"l s%d\" stroke-dasharray=\"%s\" d=\"M%.1f 18h28\"/>", k, dashes[k], x);
		marker(d->out, k, x + 14, 18);
		fprintf(d->out, "<text x=\"%.1f\" y=\"22\">", x + 34);
		report_escape(d->out, name);
		fputs("</text>", d->out);
		x += 34 + width + 22;
	}
}

/* Months and days alone: "11/25", "25 Nov"; hours of a day. */
static void tick(const struct drawing *d, const struct reportcell *c)
{
	char text[REPORTCELL_TEXT];
	int year, month, day;
	if (c->type == REPORT_TIME) {
		reportcell_text(text, c, &d->r->zone, d->l);
		fprintf(d->out, "%.5s", text + strlen(text) - 8);
		return;
	}
	reportzone_date(c->at, &year, &month, &day);
	if (d->l == MESSAGE_JA)
		fprintf(d->out, "%d/%d", month, day);
	else
		fprintf(d->out, "%.*s", (int)strcspn(report_date_text(text, c->at, d->l), " ") + 4,
			report_date_text(text, c->at, d->l));
}

static void grid(const struct drawing *d, double most)
{
	const double high = HEIGHT - TOP - BOTTOM;
	for (int i = 0; i <= 4; i++) {
		double y = TOP + high - high * i / 4;
		fprintf(d->out,
			"<path class=\"g\" d=\"M%d %.1fH%d\"/><text class=\"m\" text-anchor=\"end\" x=\"%d\" "
			"y=\"%.1f\">",
			LEFT, y, WIDTH - RIGHT, LEFT - 8, y + 4);
		axis_number(d->out, most * i / 4, d->l);
		fputs("</text>", d->out);
	}
}

static void lines(const struct drawing *d)
{
	const double wide = WIDTH - LEFT - RIGHT, high = HEIGHT - TOP - BOTTOM;
	size_t rows = d->t->rows, every = rows / 8 + 1;
	double most = 4, step = rows > 1 ? wide / (double)(rows - 1) : 0;
	for (size_t i = 0; i < rows; i++)
		for (int k = 0; k < d->f->n; k++)
			most = (double)at(d, i, d->f->first + k)->n > most ? (double)at(d, i, d->f->first + k)->n
									   : most;
	most = nice(most / 4) * 4;
	legend(d);
	grid(d, most);
	for (size_t i = 0; i < rows; i += every) {
		fprintf(d->out, "<text class=\"m\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">",
			LEFT + step * (double)i, HEIGHT - BOTTOM + 20);
		tick(d, at(d, i, d->f->label));
		fputs("</text>", d->out);
	}
	for (int k = 0; k < d->f->n; k++) {
		if (at(d, 0, d->f->first + k)->type == REPORT_NONE)
			continue;
		fprintf(d->out, "<path class=\"l s%d\" stroke-dasharray=\"%s\" d=\"", k, dashes[k]);
		for (size_t i = 0; i < rows; i++)
			fprintf(d->out, "%c%.1f %.1f", i ? 'L' : 'M', LEFT + step * (double)i,
				TOP + high - high * (double)at(d, i, d->f->first + k)->n / most);
		fputs("\"/>", d->out);
		for (size_t i = 0; i < rows; i += every)
			marker(d->out, k, LEFT + step * (double)i,
				TOP + high - high * (double)at(d, i, d->f->first + k)->n / most);
	}
}

/* A bar is what all sent; its hatched end is the research scanners' part. */
static void bars(const struct drawing *d)
{
	char text[REPORTCELL_TEXT];
	const double left = 190, wide = WIDTH - left - 130;
	double most = 1;
	for (size_t i = 0; i < d->t->rows; i++)
		most = (double)at(d, i, d->f->first)->n > most ? (double)at(d, i, d->f->first)->n : most;
	fprintf(d->out,
		"<defs><pattern id=\"%s-h\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\""
		" patternTransform=\"rotate(45)\"><path class=\"l s1\" d=\"M0 0V6\"/></pattern></defs>",
		d->f->name);
	for (size_t i = 0; i < d->t->rows; i++) {
		double y = 16 + 24 * (double)i, all = wide * (double)at(d, i, d->f->first)->n / most;
		double part = wide * (double)at(d, i, d->f->n)->n / most;
		fprintf(d->out, "<text text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">", left - 8, y + 13);
		report_escape(d->out, reportcell_text(text, at(d, i, d->f->label), &d->r->zone, d->l));
		fprintf(d->out, "</text><rect class=\"f0\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"18\"/>", left,
			y, part);
		if (all > part)
			fprintf(d->out,
				"<rect class=\"s1\" fill=\"url(#%s-h)\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
				"height=\"18\"/>",
				d->f->name, left + part, y, all - part);
		fprintf(d->out, "<text x=\"%.1f\" y=\"%.1f\">", left + all + 8, y + 13);
		report_escape(d->out, reportcell_text(text, at(d, i, d->f->first), &d->r->zone, d->l));
		fputs("</text>", d->out);
	}
	double y = 16 + 24 * (double)d->t->rows + 8;
	fprintf(d->out,
		"<rect class=\"f0\" x=\"%.1f\" y=\"%.1f\" width=\"18\" height=\"12\"/><text x=\"%.1f\" y=\"%.1f\">",
		left, y, left + 26, y + 11);
	report_escape(d->out, messages_text(d->l, "report.legend.others"));
	fprintf(d->out,
		"</text><rect class=\"s1\" fill=\"url(#%s-h)\" x=\"%.1f\" y=\"%.1f\" width=\"18\" height=\"12\"/>"
		"<text x=\"%.1f\" y=\"%.1f\">",
		d->f->name, left + 230, y, left + 256, y + 11);
	report_escape(d->out, messages_text(d->l, "report.legend.research"));
	fputs("</text>", d->out);
}

bool reportfigure_svg(FILE *out, const struct reportfigure *f, const struct reporttables *t, const struct report *r,
	enum message_language l, bool alone)
{
	struct drawing d = { out, f, reporttables_find(t, f->table), r, l };
	if (!d.t || d.t->rows < (f->bars ? 1 : 2))
		return false;
	head(&d, f->bars ? 52 + 24 * (int)d.t->rows : HEIGHT, alone);
	if (f->bars)
		bars(&d);
	else
		lines(&d);
	fputs("</svg>\n", out);
	return true;
}

const char *reportfigure_style(void)
{
	return style;
}
