// SPDX-License-Identifier: Apache-2.0
/* Closed minutes of several workers, kept until all are at the same place, then given to one sink in order. Private to
 * feed.c. */
#pragma once
#include "sensor/telescope/telescope.h"

struct collect; /* opaque */

struct collect *collect_new(void);
void collect_free(struct collect *c);

/* A sink that fills `c`; only functions that `final` has are set. */
struct telescope_sink collect_sink(struct collect *c, const struct telescope_sink *final);

/* Late flows first, then minute by minute: flows merged in flow_cmp order, sources by address, the minute. Empties all.
 */
void collect_merge(struct collect **all, unsigned n, const struct telescope_sink *final);
