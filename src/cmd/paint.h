// SPDX-License-Identifier: Apache-2.0
/* What makes a report readable on a terminal: bars, colours, grouped digits. Without a terminal no colours, and
 * NO_COLOR is obeyed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum paint_colour { PAINT_PLAIN, PAINT_BOLD, PAINT_DIM, PAINT_RED, PAINT_GREEN, PAINT_YELLOW, PAINT_BLUE, PAINT_CYAN };

/* Is this stream a terminal that takes colours? */
bool paint_on(FILE *out);

/* The text in that colour. */
void paint_text(FILE *out, enum paint_colour c, const char *text);

/* A bar of part/whole, `width` cells. */
void paint_bar(FILE *out, uint64_t part, uint64_t whole, unsigned width);

/* "12,345,678"; returns `out`. */
const char *paint_number(char out[32], uint64_t n);

/* A heading on a line of its own. */
void paint_heading(FILE *out, const char *text);
