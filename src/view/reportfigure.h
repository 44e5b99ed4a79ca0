// SPDX-License-Identifier: Apache-2.0
/*
 * The figures of a report as SVG (1.1, without script): each is drawn from a table and says so. Series differ by line
 * pattern and marker, bars by hatching: colour is never the only difference. Light and dark by the reader's setting.
 */
#pragma once
#include "view/reporttable.h"

#define REPORTFIGURE_NAMES "packets|hosts|ports|bots|countries"

struct reportfigure {
	const char *name, *table;
	bool bars;
	int label; /* column */
	int first; /* column of the first series; of bars: all */
	int n;	   /* columns of series; of bars: the column without research scanners */
};
extern const struct reportfigure reportfigures[];
extern const size_t reportfigures_n;
const struct reportfigure *reportfigure_find(const char *name); /* NULL: none */

/* False when the table has nothing to draw. `alone`: a file of its own, else inside a page. */
bool reportfigure_svg(FILE *out, const struct reportfigure *f, const struct reporttables *t, const struct report *r,
	enum message_language l, bool alone);

/* The style sheet that a page with figures needs. */
const char *reportfigure_style(void);

/* Text with what XML needs escaped; control characters and what is not UTF-8 as U+FFFD. */
void report_escape(FILE *out, const char *text);
