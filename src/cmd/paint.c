// SPDX-License-Identifier: Apache-2.0
#include "cmd/paint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool paint_on(FILE *out)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
	return isatty(fileno(out)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

void paint_text(FILE *out, enum paint_colour c, const char *text)
{
	static const char *const codes[] = { "", "1", "2", "31", "32", "33", "34", "36" };
	if (c != PAINT_PLAIN && paint_on(out))
		fprintf(out, "\033[%sm%s\033[0m", codes[c], text);
	else
		fputs(text, out);
}

void paint_bar(FILE *out, uint64_t part, uint64_t whole, unsigned width)
{
	/* Eighths of a cell: U+258F .. U+2588. */
	static const char *const eighths[] = { "", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a",
		"\u2589" };
	char bar[512] = "";
	size_t n = 0;
	double cells = whole ? (double)part / (double)whole * width : 0;
	unsigned eight = (unsigned)(cells * 8 + 0.5), full = eight / 8, used = full + (eight % 8 != 0);
	if (part && eight == 0)
		eight = used = 1;
	for (unsigned i = 0; i < full && n + 4 < sizeof bar; i++)
		n += (size_t)snprintf(bar + n, sizeof bar - n, "\u2588");
	snprintf(bar + n, sizeof bar - n, "%s", eighths[eight % 8]);
	paint_text(out, PAINT_CYAN, bar);
	fprintf(out, "%*s", (int)(width - used), "");
}

const char *paint_number(char out[32], uint64_t n)
{
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%" PRIu64, n), o = 0;
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out[o++] = ',';
		out[o++] = digits[i];
	}
	out[o] = 0;
	return out;
}

void paint_heading(FILE *out, const char *text)
{
	fputc('\n', out);
	paint_text(out, PAINT_BOLD, text);
	fputc('\n', out);
}
