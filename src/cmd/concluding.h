// SPDX-License-Identifier: Apache-2.0
/* From the command line's options to an analysis that a feed fills: dark and own prefixes, samples, names that DNS
 * answers gave. */
#pragma once
#include "analysis/darknet/darknet.h"
#include "analysis/tally/tally.h"
#include "cmd/telescope.h"
#include "sensor/telescope/telescope.h"

struct concluding; /* opaque */

/* Reads --dark, --own, --research ... Returns NULL with a message on stderr (a usage error). */
struct concluding *concluding_new(const struct telescope_options *o, uint64_t seed);
void concluding_free(struct concluding *e);

/* Where a telescope sends what the analysis wants. */
struct telescope_sink concluding_sink(struct concluding *e);

struct darknet *concluding_darknet(struct concluding *e);

/* The same for what the store has concluded: flows are counted, nothing more. */
struct telescope_sink concluding_counting(struct concluding *e);

/* From now on flows are also counted by port, source ...; `only` and `no_days` as in struct tally_params. */
struct tally *concluding_tally(struct concluding *e, uint64_t seed, unsigned only, bool no_days);

/* Shall this finding be shown: kinds asked for, research scanners in or out. */
bool concluding_shows(const struct concluding *e, const struct finding *f);
