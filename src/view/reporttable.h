// SPDX-License-Identifier: Apache-2.0
/* The tables of a report: cells with a type, filled from the numbers once, printed as CSV, JSON or HTML. */
#pragma once
#include "base/json.h"
#include "view/messages.h"
#include "view/reportdata.h"

enum reportcell_type {
	REPORT_NONE, /* nothing to say */
	REPORT_TEXT,
	REPORT_COUNT,
	REPORT_HOSTS,	/* a count that may be an estimate */
	REPORT_PERCENT, /* 0 .. 100, one decimal */
	REPORT_RATIO,	/* two decimals */
	REPORT_DATE,	/* a day of the zone */
	REPORT_TIME,	/* nanoseconds since 1970 */
};

struct reportcolumn {
	const char *key; /* heading: message report.column.KEY; the same word in CSV and JSON */
	enum reportcell_type type;
	bool wide; /* not on paper: CSV and JSON alone */
};

struct reportcell {
	enum reportcell_type type;
	uint64_t n;
	int64_t at;
	double x;
	bool estimate;
	char text[160];
};

#define REPORTTABLE_COLUMNS 24

struct reporttable {
	const char *name; /* messages report.table.NAME and report.table.NAME.about */
	const struct reportcolumn *columns;
	size_t columns_n;
	struct reportcell *cells;
	size_t rows, room;
	size_t left_out; /* rows that there are beyond those told */
	bool estimate;	 /* a cell is */
};

#define REPORTTABLES 20
struct reporttables {
	struct reporttable v[REPORTTABLES];
	size_t n;
};

/* All tables of a report, in order. Texts for people in that language. */
void reporttables_fill(struct reporttables *t, const struct report *r, enum message_language l);
void reporttables_free(struct reporttables *t);
const struct reporttable *reporttables_find(const struct reporttables *t, const char *name); /* NULL: none */

/* "totals|history|..." for the check of a parameter. */
#define REPORTTABLE_NAMES                                                                                              \
	"totals|history|packets|hosts|ports|bots|bots-by-time|tools|marks|countries|victims|attacks|new-ports|"        \
	"research|own|sensors|gaps"

/* A cell as people read it; returns `out`. */
#define REPORTCELL_TEXT 256
const char *reportcell_text(
	char out[REPORTCELL_TEXT], const struct reportcell *c, const struct reportzone *z, enum message_language l);

/* RFC 4180, UTF-8 without a mark; numbers and times as programs read them. */
void reporttable_csv(FILE *out, const struct reporttable *t);
void reporttable_json(struct json *j, const struct reporttable *t, const struct report *r, enum message_language l);

/* "1,234,567"; "2026-11-25" and "25 Nov 2026" or its like; returns `out`. */
const char *report_number(char out[32], uint64_t n);
const char *report_date_text(char out[48], int64_t day, enum message_language l);
const char *report_iso(char out[16], int64_t day);

/* "Q4 2026", the days of a week ... */
const char *report_period_text(char out[96], const struct reportperiod *p, enum message_language l);

/* A message with the values put in for {a}, {b}; returns `out`. */
struct report_fill {
	const char *name, *value;
};
const char *report_say(
	char *out, size_t size, enum message_language l, const char *key, const struct report_fill *fills, size_t n);
