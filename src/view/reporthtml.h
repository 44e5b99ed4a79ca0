// SPDX-License-Identifier: Apache-2.0
/* A report as one page of HTML: style and figures inside, no script, prints on A4. */
#pragma once
#include "view/reportfigure.h"

void reporthtml_write(FILE *out, const struct reporttables *t, const struct report *r, enum message_language l);

/*
 * What a reader has to know beside the numbers (the period isn't over, gaps, estimates, what is not known). Calls `fn`
 * for each sentence.
 */
void report_notes(const struct reporttables *t, const struct report *r, enum message_language l,
	void (*fn)(void *arg, const char *text), void *arg);

/* How the numbers were made, sentence by sentence. */
void report_method(const struct report *r, enum message_language l, void (*fn)(void *arg, const char *text), void *arg);

/* "Observation report of the telescope, Q4 2026". */
const char *report_title(char out[256], const struct report *r, enum message_language l);

/* "1 October 2026 00:00 to 31 December 2026 24:00, Asia/Tokyo (UTC+09:00)" */
const char *report_stretch(char out[256], const struct report *r, enum message_language l);
