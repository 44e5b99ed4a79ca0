// SPDX-License-Identifier: Apache-2.0
/* Which packets led to a finding: for picking them out of captures. */
#pragma once
#include "model/finding.h"

struct match {
	const struct finding *f; /* the caller's; used by match_packet() */
	struct addr subject;
	bool is_target;	       /* the subject receives */
	uint16_t sport, dport; /* scan-type */
	unsigned unwrap;       /* UNWRAP_*, for the caller */
};

/* Returns 0, -1 when the finding's subject is no address (port findings): no packet can be picked for it. */
int match_init(struct match *m, const struct finding *f) NODISCARD;

/* Does a packet of that time belong to it: subject, time range, kind, flags. */
bool match_packet(const struct match *m, const struct packet *p, int64_t ns);
