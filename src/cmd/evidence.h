// SPDX-License-Identifier: Apache-2.0
/* From the command line's options to an analysis that a feed fills: dark and own prefixes, samples, names that DNS
 * answers gave. */
#pragma once
#include "analysis/darknet/darknet.h"
#include "analysis/tally/tally.h"
#include "cmd/telescope.h"
#include "sensor/telescope/telescope.h"

struct evidence; /* opaque */

/* Reads --dark, --own, --research ... Returns NULL with a message on stderr (a usage error). */
struct evidence *evidence_new(const struct telescope_options *o, uint64_t seed);
void evidence_free(struct evidence *e);

/* Where a telescope sends what the analysis wants. */
struct telescope_sink evidence_sink(struct evidence *e);

struct darknet *evidence_darknet(struct evidence *e);

/* From now on flows are also counted by port, source ... */
struct tally *evidence_tally(struct evidence *e, uint64_t seed);

/* Shall this finding be shown: kinds asked for, research scanners in or out. */
bool evidence_shows(const struct evidence *e, const struct finding *f);
