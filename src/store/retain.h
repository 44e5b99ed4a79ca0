// SPDX-License-Identifier: Apache-2.0
/*
 * What is old goes, by age and by the size of the archive, a bounded step a call; what a legal hold names stays. A hold
 * on a finding also keeps the flows, sources, signals and gaps of its sensor and time, a hold on a case those of all of
 * its findings. Findings of cases that are open are kept like that too, without the flows around them. Everything that
 * goes is counted in the table `retention` and has a line in the audit.
 */
#pragma once
#include "store/store.h"

enum retain_kind {
	RETAIN_FLOWS, /* segments, whole hours */
	RETAIN_SOURCES,
	RETAIN_SOURCE_DAYS, /* sums of sources by hour and day */
	RETAIN_SIGNALS,
	RETAIN_FINDINGS,
	RETAIN_GAPS,
	RETAIN_ROLLUP_HOURS,
	RETAIN_ROLLUP_DAYS,
	RETAIN_CLOCKS,
	RETAIN_SENT,
	RETAIN_KIND_N
};
const char *retain_kind_name(enum retain_kind k);

struct retain_params {
	int64_t age_ns[RETAIN_KIND_N]; /* what is older goes; 0: kept for ever */
	uint64_t archive_max;	       /* octets of all segments; the oldest hours go until they fit. 0: no limit */
	uint32_t rows, segments;       /* at most so many of each kind a call; 0: 2,000 and 4 */
};

struct retain_report {
	uint64_t dropped[RETAIN_KIND_N], held[RETAIN_KIND_N]; /* rows, of flows segments; held counts at most 10,000 */
	uint64_t octets;				      /* of the segments that went */
	bool more;					      /* call again: there is more to do */
};

/* One step. For the writer. What a failure left undone is done by the next call. */
int store_retain(struct store *s, const struct retain_params *p, int64_t now_ns, struct retain_report *out,
	struct err *err) NODISCARD;
