// SPDX-License-Identifier: Apache-2.0
/* From the text of a parameter to its value. For use inside view/. */
#pragma once
#include "view/view.h"

#define PARAMS_MAX	  40 /* pairs of one question */
#define PARAMS_TEXT_MAX	  65536
#define PARAMS_TIME_LEAST 0 /* 1970 */
#define CALL_SEGMENT_MAX  256

/*
 * Reads "name=value&..." into c->values by the rows of c->view. Returns 0 or VIEW_BAD with the name of what is wrong:
 * a name that the view doesn't have, one that comes twice, escapes that aren't, NUL, what is not UTF-8.
 */
int params_read(struct view_call *c, struct bytes pairs, struct err *err) NODISCARD;

/* One value. `text` need not live. */
int params_set(struct view_call *c, const char *name, const char *text, struct err *err) NODISCARD;

/* Defaults, and whether all that is required is there. */
int params_finish(struct view_call *c, struct err *err) NODISCARD;

/* RFC 3339, a date, seconds since 1970, "now", "now-90m". Returns 0 or -1. */
int params_time(const char *text, int64_t now_ns, int64_t *out);
