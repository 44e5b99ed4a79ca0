// SPDX-License-Identifier: Apache-2.0
/*
 * Which tool made a scan: rules as rows, with the time from which (and until which) the tool left such packets. Old
 * versions stay in use for years, so a date never forbids a match: it lowers the confidence. Private to
 * analysis/darknet.
 */
#pragma once
#include "analysis/darknet/event.h"

struct tools_match {
	const char *tool;   /* "none" when nothing fits */
	uint8_t confidence; /* 0..100, of the tool alone */
	bool in_date;
	uint64_t matches; /* packets that carried the mark */
};

/* Is that mark (enum source_mark) one of the tool's? */
bool tools_leaves(const char *tool, int mark);

struct tools_match tools_of(const struct darknet *d, const struct event *e);
