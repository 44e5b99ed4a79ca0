// SPDX-License-Identifier: Apache-2.0
#include "view/reporthtml.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND	  INT64_C(1000000000)
#define GAPS_TOLD 200 /* rows of a table on paper; CSV has all */

static const char style[] =
	":root{color-scheme:light "
	"dark;--fg:#1b1f24;--bg:#fff;--soft:#f4f6f8;--line:#d0d7de;--muted:#57606a;--link:#0060a8}"
	"@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#12161c;--soft:#1c222b;--line:#3d444d;--muted:#"
	"9da7b1;"
	"--link:#6cb6ff}}"
	"body{font:16px/1.6 system-ui,\"Hiragino Sans\",\"Noto Sans CJK JP\",\"Yu Gothic\",sans-serif;color:var(--fg);"
	"background:var(--bg);max-width:70rem;margin:0 auto;padding:1.5rem}"
	"h1{font-size:1.8rem;line-height:1.3;margin:0 0 .3rem}h2{font-size:1.3rem;margin:2.5rem 0 .5rem;"
	"border-bottom:2px solid var(--line);padding-bottom:.2rem}p{margin:.4rem 0}"
	"a{color:var(--link)}.muted,figcaption,.about{color:var(--muted)}.about{max-width:50rem}"
	".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.8rem;margin:1.2rem "
	"0;padding:0}"
	".facts div{background:var(--soft);border:1px solid var(--line);border-radius:.5rem;padding:.7rem 1rem}"
	".facts dt{color:var(--muted);font-size:.85rem}.facts dd{margin:0;font-size:1.4rem;font-weight:600;"
	"font-variant-numeric:tabular-nums}.facts "
	"small{display:block;font-size:.8rem;font-weight:400;color:var(--muted)}"
	".notes{border:1px solid var(--line);border-left:.35rem solid #b34000;padding:.5rem 1rem .5rem "
	"2rem;margin:1rem 0}"
	".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:"
	"tabular-nums}"
	"th,td{padding:.3rem .55rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}"
	"thead th{background:var(--soft);border-bottom:2px solid var(--line)}.n{text-align:right;white-space:nowrap}"
	"th.n{white-space:normal;min-width:4.2rem}td.t{min-width:6rem}td.d{min-width:14rem}caption{text-align:left;"
	"padding:.2rem .55rem}"
	".w{white-space:nowrap}figure{margin:1rem 0}svg{width:100%;height:auto;max-width:60rem}"
	"nav ul{columns:16rem;padding-left:1.2rem}"
	"@page{size:A4;margin:16mm 14mm 18mm}"
	"@media "
	"print{:root{--fg:#000;--bg:#fff;--soft:#f4f6f8;--line:#bbb;--muted:#444;--link:#000}body{font-size:10pt;"
	"max-width:none;padding:0}nav{display:none}h2{break-after:avoid}figure,.facts,tr{break-inside:avoid}"
	"thead{display:table-header-group}section.page{break-before:page}.scroll{overflow:visible}table{font-size:8pt}"
	"th,td{padding:1.2mm 1.5mm}th.n,td.t,td.d{min-width:0}a{text-decoration:none}}";

struct page {
	FILE *out;
	const struct reporttables *t;
	const struct report *r;
	enum message_language l;
};

static const char *say(const struct page *p, const char *key)
{
	return messages_text(p->l, key);
}

static const char *named(const struct page *p, const char *prefix, const char *name)
{
	char key[96];
	snprintf(key, sizeof key, "%s%s", prefix, name);
	return messages_text(p->l, key);
}

static void element(const struct page *p, const char *tag, const char *more, const char *text)
{
	fprintf(p->out, "<%s%s>", tag, more);
	report_escape(p->out, text);
	fprintf(p->out, "</%s>", tag);
}

/* ---- words about the whole ---- */

const char *report_title(char out[256], const struct report *r, enum message_language l)
{
	char period[96];
	report_period_text(period, &r->period, l);
	return report_say(out, 256, l, "report.title", (const struct report_fill[]){ { "period", period } }, 1);
}

static void offset_text(char out[16], int32_t s)
{
	int32_t a = s < 0 ? -s : s;
	snprintf(out, 16, "UTC%c%02d:%02d", s < 0 ? '-' : '+', (int)(a / 3600 % 100), (int)(a / 60 % 60));
}

const char *report_stretch(char out[256], const struct report *r, enum message_language l)
{
	char first[48], last[48], offset[16];
	report_date_text(first, r->period.first, l);
	report_date_text(last, r->period.end - 1, l);
	offset_text(offset, reportzone_offset(&r->zone, r->period.from_ns / SECOND));
	return report_say(out, 256, l, r->period.end - r->period.first == 1 ? "report.stretch.day" : "report.stretch",
		(const struct report_fill[]){
			{ "first", first }, { "last", last }, { "zone", r->zone.name }, { "offset", offset } },
		4);
}

static const char *moment(char out[REPORTCELL_TEXT], const struct report *r, int64_t ns, enum message_language l)
{
	struct reportcell c = { .type = REPORT_TIME, .at = ns };
	return reportcell_text(out, &c, &r->zone, l);
}

static void note(const struct report_fill *fills, size_t n, enum message_language l, const char *key,
	void (*fn)(void *arg, const char *text), void *arg)
{
	char text[1024];
	fn(arg, report_say(text, sizeof text, l, key, fills, n));
}

static void notes_of_gaps(
	const struct report *r, enum message_language l, void (*fn)(void *arg, const char *text), void *arg)
{
	char n[32], m[32], share[32];
	report_number(n, r->gaps_n + r->gaps_left_out);
	report_number(m, r->dropped);
	snprintf(share, sizeof share, "%.2f", floor(r->observed * 10000) / 100);
	const struct report_fill fills[] = { { "n", n }, { "dropped", m }, { "share", share } };
	if (r->gaps_n)
		note(fills, 3, l, "report.note.gaps", fn, arg);
	if (r->gaps_n && r->dropped)
		note(fills, 3, l, "report.note.dropped", fn, arg);
}

void report_notes(const struct reporttables *t, const struct report *r, enum message_language l,
	void (*fn)(void *arg, const char *text), void *arg)
{
	char a[REPORTCELL_TEXT], n[32];
	bool estimate = false;
	for (size_t i = 0; i < t->n; i++)
		estimate |= t->v[i].estimate;
	const struct report_fill until[] = { { "time", moment(a, r, r->until_ns, l) } };
	if (r->until_ns < r->period.to_ns)
		note(until, 1, l, "report.note.until", fn, arg);
	const struct report_fill since[] = { { "time", moment(a, r, r->first_ns, l) } };
	if (r->first_ns > r->period.from_ns)
		note(since, 1, l, "report.note.since", fn, arg);
	notes_of_gaps(r, l, fn, arg);
	report_number(n, r->now->rolled_n);
	const struct report_fill rolled[] = { { "n", n } };
	if (r->now->rolled_n)
		note(rolled, 1, l,
			r->period.kind == REPORT_DAY ? "report.note.rolled_hours" : "report.note.rolled_days", fn, arg);
	report_number(n, r->now->broken);
	const struct report_fill broken[] = { { "n", n } };
	if (r->now->broken)
		note(broken, 1, l, "report.note.broken", fn, arg);
	if (estimate)
		note(NULL, 0, l, "report.note.estimate", fn, arg);
	if (!r->knows_research)
		note(NULL, 0, l, "report.note.no_research", fn, arg);
	if (!r->knows_places)
		note(NULL, 0, l, "report.note.no_places", fn, arg);
	if (r->masked)
		note(NULL, 0, l, "report.note.masked", fn, arg);
	if (r->addresses < 0)
		note(NULL, 0, l, "report.note.no_dark", fn, arg);
	report_number(n, r->refused);
	const struct report_fill refused[] = { { "n", n } };
	if (r->refused)
		note(refused, 1, l, "report.note.refused", fn, arg);
}

void report_method(const struct report *r, enum message_language l, void (*fn)(void *arg, const char *text), void *arg)
{
	static const char *const keys[] = { "report.method.packets", "report.method.hosts", "report.method.research",
		"report.method.dark", "report.method.ports", "report.method.bots", "report.method.tools",
		"report.method.victims", "report.method.history", "report.method.gaps", "report.method.hidden",
		"report.method.made" };
	char until[REPORTCELL_TEXT], flows[32], level[16], offset[16];
	moment(until, r, r->until_ns, l);
	report_number(flows, r->now->flows);
	snprintf(level, sizeof level, "%u", r->now->level);
	offset_text(offset, reportzone_offset(&r->zone, r->period.from_ns / SECOND));
	const struct report_fill fills[] = { { "until", until }, { "flows", flows }, { "level", level },
		{ "zone", r->zone.name }, { "offset", offset }, { "version", SAKIMORI_VERSION } };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		note(fills, 6, l, keys[i], fn, arg);
}

/* ---- parts of the page ---- */

static void list_item(void *arg, const char *text)
{
	element(arg, "li", "", text);
}

static void saw(void *arg, const char *text)
{
	*(bool *)arg = true;
}

static void notes(const struct page *p)
{
	bool any = false;
	report_notes(p->t, p->r, p->l, saw, &any);
	if (!any)
		return;
	fputs("<ul class=\"notes\">", p->out);
	report_notes(p->t, p->r, p->l, list_item, (void *)p);
	fputs("</ul>\n", p->out);
}

/* One of the large numbers: a cell of the first row of the totals. */
static void fact(const struct page *p, const char *column, const char *other)
{
	const struct reporttable *t = reporttables_find(p->t, "totals");
	char text[REPORTCELL_TEXT], without[REPORTCELL_TEXT] = "-";
	for (size_t k = 0; k < t->columns_n; k++) {
		if (strcmp(t->columns[k].key, column) == 0)
			reportcell_text(text, &t->cells[k], &p->r->zone, p->l);
		if (other && strcmp(t->columns[k].key, other) == 0)
			reportcell_text(without, &t->cells[k], &p->r->zone, p->l);
	}
	fputs("<div>", p->out);
	element(p, "dt", "", named(p, "report.column.", column));
	fputs("<dd>", p->out);
	report_escape(p->out, text);
	if (other && p->r->knows_research) {
		char line[512];
		const struct report_fill fills[] = { { "n", without } };
		element(p, "small", "", report_say(line, sizeof line, p->l, "report.without", fills, 1));
	}
	fputs("</dd></div>", p->out);
}

static void facts(const struct page *p)
{
	char share[32];
	fputs("<dl class=\"facts\">", p->out);
	fact(p, "packets", "packets_without");
	fact(p, "hosts", "hosts_without");
	fact(p, "dark_addresses", NULL);
	fact(p, "per_address", "per_address_without");
	snprintf(share, sizeof share, "%.2f %%", floor(p->r->observed * 10000) / 100);
	fputs("<div>", p->out);
	element(p, "dt", "", say(p, "report.observed"));
	element(p, "dd", "", share);
	fputs("</div></dl>\n", p->out);
}

static bool is_number(enum reportcell_type t)
{
	return t == REPORT_COUNT || t == REPORT_HOSTS || t == REPORT_PERCENT || t == REPORT_RATIO;
}

static void heading_row(const struct page *p, const struct reporttable *t)
{
	fputs("<thead><tr>", p->out);
	for (size_t k = 0; k < t->columns_n; k++)
		if (!t->columns[k].wide)
			element(p, "th",
				is_number(t->columns[k].type) ? " scope=\"col\" class=\"n\"" : " scope=\"col\"",
				named(p, "report.column.", t->columns[k].key));
	fputs("</tr></thead><tbody>\n", p->out);
}

/* How the cells of a column are set: numbers, times, long words, others. */
static const char *column_class(const struct reportcolumn *c)
{
	if (is_number(c->type))
		return "n";
	if (c->type == REPORT_DATE || c->type == REPORT_TIME)
		return "w";
	return strcmp(c->key, "devices") == 0 ? "d" : "t";
}

static void body_row(const struct page *p, const struct reporttable *t, size_t i)
{
	char text[REPORTCELL_TEXT];
	fputs("<tr>", p->out);
	for (size_t k = 0; k < t->columns_n; k++) {
		if (t->columns[k].wide)
			continue;
		bool outside = t->columns[k].type == REPORT_TEXT;
		fprintf(p->out, "<td class=\"%s\">%s", column_class(&t->columns[k]), outside ? "<bdi>" : "");
		report_escape(p->out, reportcell_text(text, &t->cells[i * t->columns_n + k], &p->r->zone, p->l));
		fputs(outside ? "</bdi></td>" : "</td>", p->out);
	}
	fputs("</tr>\n", p->out);
}

static void table(const struct page *p, const struct reporttable *t)
{
	char n[32], line[512];
	size_t rows = t->rows < GAPS_TOLD || strcmp(t->name, "gaps") != 0 ? t->rows : GAPS_TOLD;
	size_t left = t->left_out + (t->rows - rows);
	if (t->rows == 0) {
		element(p, "p", " class=\"muted\"", say(p, "report.nothing"));
		return;
	}
	fputs("<div class=\"scroll\"><table><caption class=\"muted\">", p->out);
	report_escape(p->out, say(p, t->estimate ? "report.precision.estimate" : "report.precision.exact"));
	fputs("</caption>", p->out);
	heading_row(p, t);
	for (size_t i = 0; i < rows; i++)
		body_row(p, t, i);
	fputs("</tbody></table></div>\n", p->out);
	const struct report_fill fills[] = { { "n", report_number(n, left) } };
	if (left)
		element(p, "p", " class=\"muted\"", report_say(line, sizeof line, p->l, "report.left_out", fills, 1));
}

static void section(const struct page *p, const struct reporttable *t)
{
	fprintf(p->out, "<section id=\"%s\"%s>", t->name,
		strcmp(t->name, "packets") == 0 || strcmp(t->name, "ports") == 0 ? " class=\"page\"" : "");
	element(p, "h2", "", named(p, "report.table.", t->name));
	element(p, "p", " class=\"about\"", named(p, "report.about.", t->name));
	fputs("\n", p->out);
	for (size_t i = 0; i < reportfigures_n; i++) {
		const struct reportfigure *f = &reportfigures[i];
		if (strcmp(f->table, t->name) != 0 || t->rows < (f->bars ? 1 : 2))
			continue;
		fputs("<figure>", p->out);
		reportfigure_svg(p->out, f, p->t, p->r, p->l, false);
		element(p, "figcaption", "", named(p, "report.figure.", f->name));
		fputs("</figure>\n", p->out);
	}
	table(p, t);
	fputs("</section>\n", p->out);
}

static void contents(const struct page *p)
{
	fprintf(p->out, "<nav aria-label=\"");
	report_escape(p->out, say(p, "report.contents"));
	fputs("\"><ul>", p->out);
	for (size_t i = 0; i < p->t->n; i++) {
		fprintf(p->out, "<li><a href=\"#%s\">", p->t->v[i].name);
		report_escape(p->out, named(p, "report.table.", p->t->v[i].name));
		fputs("</a></li>", p->out);
	}
	fputs("<li><a href=\"#method\">", p->out);
	report_escape(p->out, say(p, "report.method"));
	fputs("</a></li></ul></nav>\n", p->out);
}

void reporthtml_write(FILE *out, const struct reporttables *t, const struct report *r, enum message_language l)
{
	struct page p = { out, t, r, l };
	char title[256], line[512], until[REPORTCELL_TEXT];
	report_title(title, r, l);
	fprintf(out, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"/>",
		l == MESSAGE_JA ? "ja" : "en");
	fputs("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>", out);
	fputs("<meta name=\"generator\" content=\"sakimori " SAKIMORI_VERSION "\"/>", out);
	element(&p, "title", "", title);
	fprintf(out, "<style>%s%s</style></head>\n<body><header>", style, reportfigure_style());
	element(&p, "h1", "", title);
	element(&p, "p", "", report_stretch(line, r, l));
	const struct report_fill fills[] = { { "time", moment(until, r, r->until_ns, l) } };
	element(&p, "p", " class=\"muted\"", report_say(line, sizeof line, l, "report.reach", fills, 1));
	fputs("</header>\n<main>", out);
	facts(&p);
	notes(&p);
	contents(&p);
	for (size_t i = 0; i < t->n; i++)
		section(&p, &t->v[i]);
	fputs("<section id=\"method\" class=\"page\">", out);
	element(&p, "h2", "", say(&p, "report.method"));
	fputs("<ul>", out);
	report_method(r, l, list_item, &p);
	fputs("</ul></section></main></body></html>\n", out);
}
