// SPDX-License-Identifier: Apache-2.0
#include "view/report.h"

#include "view/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A page asks beside a daemon: smaller tables than the command's. */
#define VIEW_SOURCES ((size_t)1 << 20)
#define VIEW_PAIRS   ((size_t)2 << 20)

static void sentence(void *arg, const char *text)
{
	json_str(arg, NULL, text);
}

static void period_json(struct json *j, const char *key, const struct reportperiod *p, enum message_language l)
{
	char text[96], iso[16];
	json_object(j, key);
	json_str(j, "kind", reportperiod_word(p->kind));
	json_str(j, "title", report_period_text(text, p, l));
	json_str(j, "first", report_iso(iso, p->first));
	json_str(j, "last", report_iso(iso, p->end - 1));
	json_time(j, "from", p->from_ns);
	json_i64(j, "from_ns", p->from_ns);
	json_time(j, "to", p->to_ns);
	json_i64(j, "to_ns", p->to_ns);
	json_end(j, '}');
}

/* A figure is a text of its own inside: a page shows it as an image, where nothing of it can run. */
static void figure_json(struct json *j, const struct reportfigure *f, const struct reporttables *t,
	const struct report *r, enum message_language l)
{
	char key[96], *svg = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&svg, &n);
	ENSURE(out);
	bool drawn = reportfigure_svg(out, f, t, r, l, true);
	fclose(out);
	if (drawn) {
		snprintf(key, sizeof key, "report.figure.%s", f->name);
		json_object(j, NULL);
		json_str(j, "id", f->name);
		json_str(j, "title", messages_text(l, key));
		json_strn(j, "svg", svg, n);
		json_end(j, '}');
	}
	free(svg);
}

/* A heading, sentences, figures, a table. */
static void section_json(struct json *j, const struct reporttables *t, const struct reporttable *of,
	const struct report *r, enum message_language l)
{
	char key[96];
	json_object(j, NULL);
	json_str(j, "id", of->name);
	snprintf(key, sizeof key, "report.table.%s", of->name);
	json_str(j, "title", messages_text(l, key));
	json_array(j, "text");
	snprintf(key, sizeof key, "report.about.%s", of->name);
	json_str(j, NULL, messages_text(l, key));
	json_end(j, ']');
	json_array(j, "figures");
	for (size_t i = 0; i < reportfigures_n; i++)
		if (strcmp(reportfigures[i].table, of->name) == 0)
			figure_json(j, &reportfigures[i], t, r, l);
	json_end(j, ']');
	json_array(j, "tables");
	reporttable_json(j, of, r, l);
	json_end(j, ']');
	json_end(j, '}');
}

/* Sentences alone. */
static void words_begin(struct json *j, const char *id, const char *title)
{
	json_object(j, NULL);
	json_str(j, "id", id);
	json_str(j, "title", title);
	json_array(j, "text");
}

static void words_end(struct json *j)
{
	json_end(j, ']');
	json_array(j, "figures");
	json_end(j, ']');
	json_array(j, "tables");
	json_end(j, ']');
	json_end(j, '}');
}

void report_json(FILE *out, const struct reporttables *t, const struct report *r, enum message_language l)
{
	struct json j;
	char text[256];
	json_init(&j, out);
	json_object(&j, NULL);
	json_str(&j, "title", report_title(text, r, l));
	json_str(&j, "text", report_stretch(text, r, l));
	json_str(&j, "language", l == MESSAGE_JA ? "ja" : "en");
	json_str(&j, "zone", r->zone.name);
	json_str(&j, "program", "sakimori " SAKIMORI_VERSION);
	period_json(&j, "period", &r->period, l);
	period_json(&j, "previous", &r->previous, l);
	json_time(&j, "until", r->until_ns);
	json_i64(&j, "until_ns", r->until_ns);
	json_bool(&j, "whole", r->until_ns >= r->period.to_ns && r->first_ns <= r->period.from_ns);
	json_double(&j, "observed", r->observed);
	json_u64(&j, "flows", r->now->flows);
	json_array(&j, "sections");
	words_begin(&j, "notes", messages_text(l, "report.notes"));
	report_notes(t, r, l, sentence, &j);
	words_end(&j);
	for (size_t i = 0; i < t->n; i++)
		section_json(&j, t, &t->v[i], r, l);
	words_begin(&j, "method", messages_text(l, "report.method"));
	report_method(r, l, sentence, &j);
	words_end(&j);
	json_end(&j, ']');
	json_end(&j, '}');
	json_line(&j);
}

/* ---- the question ---- */

static const struct view_param params[] = {
	{ "period", VIEW_WORD, "what stretch of the calendar", REPORTPERIOD_WORDS, "week" },
	{ "at", VIEW_TEXT, "a date in it (YYYY-MM-DD); default: the last whole one that the records reach over" },
	{ "lang", VIEW_WORD, "language of the texts; default: the user's", "en|ja" },
	{ "tz", VIEW_TEXT, "time zone that days begin in; default: Asia/Tokyo in Japanese, UTC in English" },
	{ "format", VIEW_WORD, "what comes back", "json|html|csv|svg", "json" },
	{ "table", VIEW_WORD, "which table, of csv", REPORTTABLE_NAMES, "totals" },
	{ "figure", VIEW_WORD, "which figure, of svg", REPORTFIGURE_NAMES, "packets" },
};

static int write_out(struct view_call *c, const struct report *r, enum message_language l, struct err *err)
{
	struct reporttables t;
	char iso[16];
	const char *format = view_text(c, "format");
	int rc = 0;
	reporttables_fill(&t, r, l);
	report_iso(iso, r->period.first);
	if (strcmp(format, "json") == 0) {
		report_json(c->out, &t, r, l);
	} else if (strcmp(format, "html") == 0) {
		snprintf(c->type, sizeof c->type, "text/html; charset=utf-8");
		snprintf(c->file, sizeof c->file, "telescope-%s-%s.html", reportperiod_word(r->period.kind), iso);
		reporthtml_write(c->out, &t, r, l);
	} else if (strcmp(format, "csv") == 0) {
		snprintf(c->type, sizeof c->type, "text/csv; charset=utf-8");
		snprintf(c->file, sizeof c->file, "telescope-%s-%s-%s.csv", reportperiod_word(r->period.kind), iso,
			view_text(c, "table"));
		reporttable_csv(c->out, reporttables_find(&t, view_text(c, "table")));
	} else {
		snprintf(c->type, sizeof c->type, "image/svg+xml");
		snprintf(c->file, sizeof c->file, "telescope-%s-%s-%s.svg", reportperiod_word(r->period.kind), iso,
			view_text(c, "figure"));
		if (!reportfigure_svg(c->out, reportfigure_find(view_text(c, "figure")), &t, r, l, true))
			rc = err_set(err, VIEW_ABSENT, "that figure has nothing to show");
	}
	reporttables_free(&t);
	return rc;
}

static int answer(struct view_call *c, struct err *err)
{
	const char *lang = view_text(c, "lang");
	enum message_language l = messages_language(lang ? lang : c->who->language);
	const char *zone = view_text(c, "tz");
	struct report *r;
	struct report_params p = { .store = c->store,
		.know = c->know,
		.zone = zone		  ? zone
			: l == MESSAGE_JA ? "Asia/Tokyo"
					  : "UTC",
		.at = view_text(c, "at"),
		.seed = c->seed,
		.max_sources = VIEW_SOURCES,
		.max_pairs = VIEW_PAIRS,
		.cancel = c->cancel };
	if (reportperiod_parse(view_text(c, "period"), &p.kind) < 0)
		return err_set(err, VIEW_BAD, "period: not one of " REPORTPERIOD_WORDS);
	int rc = report_gather(&r, &p, err);
	switch (rc) {
	case 0:
		rc = write_out(c, r, l, err);
		break;
	case -REPORT_BAD:
		rc = VIEW_BAD;
		break;
	case -REPORT_EMPTY:
		rc = VIEW_ABSENT;
		break;
	default:
		rc = VIEW_FAILED;
	}
	report_free(r);
	return rc;
}

const struct view report_telescope_view = {
	.method = "GET",
	.path = "/report/telescope",
	.level = VIEW_VIEWER,
	.summary = "The report of the telescope on a day, week, quarter, half year or year.",
	.params = params,
	.params_n = sizeof params / sizeof *params,
	.answer = "{title: text, text: text, language: text, zone: text, program: text, period: any, previous: any,"
		  " until: text, until_ns: integer, whole: bool, observed: number, flows: integer,"
		  " sections: [{id: text, title: text, text: [text], figures: [{id: text, title: text, svg: text}],"
		  " tables: [{id: text, title: text, notes: [text], estimate: bool, left_out: integer,"
		  " columns: [{key: text, title: text, type: text, wide: bool}], rows: [any], shown: [[text]]}]}]}",
	.fn = answer,
};
