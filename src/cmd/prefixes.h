// SPDX-License-Identifier: Apache-2.0
/*
 * Prefixes from the command line or from a file (@FILE): one a line, optionally with dates: "PREFIX[,FROM[,TO]]" where
 * FROM and TO are YYYY-MM-DD in UTC, valid in [FROM, TO). '#' starts a comment.
 */
#pragma once
#include "analysis/darknet/darknet.h"
#include "base/cli.h"

struct prefixes {
	struct darknet_dark *v;
	size_t n, room;
};

/* Appends all of `list`. Returns 0 or -1 with FILE:LINE: reason. The caller frees v. */
int prefixes_read(struct prefixes *out, const struct cli_list *list, struct err *err) NODISCARD;
