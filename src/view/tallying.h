// SPDX-License-Identifier: Apache-2.0
/*
 * A part of the store into a tally, and its findings: those that the store keeps, or concluded anew where no sensor has
 * told of itself (summary.h says why). The same for a caller of the interface and for a command.
 */
#pragma once
#include "analysis/darknet/darknet.h"
#include "analysis/tally/tally.h"
#include "view/filter.h"
#include "view/stored.h"

struct tallying {
	/* Set before. */
	const struct view_call *call;
	struct filter *filter; /* time, sensor, research; the rest of it when `filtered` */
	bool filtered;	       /* what the filter leaves out is not counted at all */
	bool findings;	       /* are wanted */
	unsigned only;	       /* as in struct tally_params */
	bool no_days;

	struct tally *tally;
	struct darknet *darknet; /* NULL: nothing is concluded anew */
	struct stored stored;
};

/* Reads the store. 0 or an enum view_error; tallying_free() in any case. */
int tallying_run(struct tallying *t, struct err *err) NODISCARD;
void tallying_free(struct tallying *t);

/* After it, once. */
int tallying_findings(struct tallying *t, void (*fn)(void *arg, const struct finding *), void *arg) NODISCARD;

/* A scan's tool, for `tool` rows. */
void tallying_tool(struct tally *t, const struct finding *f);
