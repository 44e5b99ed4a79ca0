// SPDX-License-Identifier: Apache-2.0
/* What one flow means: probe, answer nobody asked for, lone scan packet. Private to analysis/darknet. */
#pragma once
#include "analysis/darknet/event.h"

/* Ordinary traffic only: takes note of who opened and answered what. Before any judge_flow() of the minute. */
void judge_note(struct darknet *d, const struct flow *f);
void judge_flow(struct darknet *d, const struct flow *f);

/* Marks and constants of a source go to its open events. After the flows of the minute. */
void judge_source(struct darknet *d, const struct source *s);

/* Is the address dark at that time? */
bool judge_dark(const struct darknet *d, const struct addr *a, int64_t ns);
