// SPDX-License-Identifier: Apache-2.0
/* A line in the store's audit for what a command did beside the store. */
#pragma once
#include "base/cli.h"

/*
 * Notes that the caller did `what` ("key rotate") to `subject` ("evidence"). When another process holds the store, the
 * line can't be written: that is told on stderr, and what was done stays done. Returns 0, -1 when it wasn't noted.
 */
int auditing_note(const struct cli_global *g, const char *what, const char *subject);

/* "user NAME (uid N)", with who called sudo; looked up once. Returns `out`. */
const char *auditing_who(char *out, size_t size);
