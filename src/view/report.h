// SPDX-License-Identifier: Apache-2.0
/*
 * The report of the telescope on a stretch of the calendar: the tables and figures that observation centres publish, in
 * Japanese or English. The same records give the same bytes. No dark address is in it. See docs/reports.md.
 */
#pragma once
#include "view/reporthtml.h"
#include "view/view.h"

/* One object: title, period, notes, tables, figures, method. */
void report_json(FILE *out, const struct reporttables *t, const struct report *r, enum message_language l);
