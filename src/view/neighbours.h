// SPDX-License-Identifier: Apache-2.0
/* Who is near a source. For use inside view/. */
#pragma once
#include "view/filter.h"

struct neighbours {
	struct addr of;
	int64_t to_ns; /* the day before this is looked at */
};

/*
 * "neighbours": of its /24 or /64, "as_neighbours": of its autonomous system, both without itself. From the records of
 * sources of a day as far as the filter's time goes, newest hours first, until four million were looked at. 0 or an
 * enum view_error.
 */
int neighbours_json(
	const struct view_call *c, const struct filter *f, const struct neighbours *n, struct json *j) NODISCARD;
