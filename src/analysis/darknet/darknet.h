// SPDX-License-Identifier: Apache-2.0
/*
 * From the flows and sources of a darknet (or any capture) to findings: scans and their tools, backscatter, amplification, lone scan packets,
 * suspects among the operator's own addresses. Pure: the same records in the same order with the same parameters give the same
 * findings with the same ids, whatever fed them (a file, an interface, the store).
 */
#pragma once
#include "model/finding.h"
#include "model/source.h"

struct darknet; /* opaque */

struct darknet_dark {
	struct prefix prefix;
	int64_t from_ns, to_ns;	/* valid in [from, to); 0, INT64_MAX: always */
};

struct darknet_params {
	const char *sensor;		/* name in the findings; default "local" */
	const struct darknet_dark *dark;	/* n_dark 0: ordinary traffic, the rule without --dark */
	size_t n_dark;
	const struct prefix *own;	/* the operator's live ranges */
	size_t n_own;
	uint32_t min_targets, min_ports; /* 5, 15 */
	int64_t timeout_ns;		/* 0: clamp(3 x 2^32 / (160 x dark addresses) s, 600 s, 24 h); unused without dark */
};

struct darknet *darknet_new(const struct darknet_params *params);
void darknet_free(struct darknet *d);

/*
 * Feeds one closed minute after the other. Within a minute the order of calls does not matter; a record of an earlier minute
 * (late) counts too. Flows and sources describe the same packets: flows say who talked to whom, sources carry the marks.
 */
void darknet_flow(struct darknet *d, const struct flow *f);
void darknet_source(struct darknet *d, const struct source *s);

/* An address that a DNS answer in the input named (A or AAAA of any answer). */
void darknet_named(struct darknet *d, const struct addr *a);

/* A packet of `src` that may serve as evidence; the analysis keeps what it needs of it. */
void darknet_sample(struct darknet *d, const struct finding_sample *s);

/* All records up to `ns` have been fed: events that timed out are reported to `emit`. */
void darknet_advance(struct darknet *d, int64_t ns, void (*emit)(void *arg, const struct finding *), void *arg);

/* The end of the input: reports all that is left, ordered by (first, kind, subject). */
void darknet_finish(struct darknet *d, void (*emit)(void *arg, const struct finding *), void *arg);
