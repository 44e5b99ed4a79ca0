// SPDX-License-Identifier: Apache-2.0
/* A row of `telescope top --json` and of /top. */
#pragma once
#include "analysis/tally/tally.h"
#include "base/json.h"

/* What a row counts beside packets: "sources", of a source "targets". */
const char *toprows_others(enum tally_by by);

/* False when there is no such word. */
bool toprows_by(const char *word, enum tally_by *out);

/* One object. */
void toprows_json(struct json *j, enum tally_by by, const struct tally_row *row);
