// SPDX-License-Identifier: Apache-2.0
/*
 * Records that people look up one after the other: what was said of a finding or case, what was sent, the audit. Reads
 * what the store's principal may see. `fn` other than 0 ends a walk with -STORE_STOPPED.
 */
#pragma once
#include "model/gap.h"
#include "model/remark.h"
#include "model/sent.h"
#include "store/principal.h"

/* The remarks on a finding or case, oldest first. */
int lookup_remarks(struct store *s, const char *subject, int (*fn)(void *arg, const struct remark *), void *arg,
	struct err *err) NODISCARD;

/* When a case was changed last: its opening or its last remark. */
int64_t lookup_changed(struct store *s, const char *subject, int64_t opened_ns);

/* Cases, the one opened last first. The records are struct case_record. */
int lookup_cases(struct store *s, int (*fn)(void *arg, const void *record), void *arg, struct err *err) NODISCARD;

/* Alerts, newest first; `after` is the last one of the page before. */
struct lookup_sent {
	const char *subject;	  /* NULL: of any */
	const struct sent *after; /* NULL: from the beginning; at_ns, subject and channel count */
	uint64_t limit;		  /* 0: none */
};
int lookup_sent(struct store *s, const struct lookup_sent *q, int (*fn)(void *arg, const struct sent *), void *arg,
	struct err *err) NODISCARD;

/* Lines of the audit, newest first. */
struct lookup_line {
	int64_t seq, at_ns;
	char who[64], what[64], subject[256];
};
struct lookup_audit {
	const char *who, *what; /* NULL: any */
	int64_t before_seq;	/* 0: from the newest on */
	uint64_t limit;
};
int lookup_audit(struct store *s, const struct lookup_audit *q, int (*fn)(void *arg, const struct lookup_line *),
	void *arg, struct err *err) NODISCARD;

/* Gaps that touch [from, to), by begin; minutes of clocks in [from, to). `sensor` NULL: any. */
struct lookup_span {
	int64_t from_ns, to_ns;
	const char *sensor;
	uint64_t limit; /* 0: none */
};
int lookup_gaps(struct store *s, const struct lookup_span *q, int (*fn)(void *arg, const struct gap *), void *arg,
	struct err *err) NODISCARD;
int lookup_clock(struct store *s, const struct lookup_span *q, int (*fn)(void *arg, const void *clock_minute),
	void *arg, struct err *err) NODISCARD;

/* The last minute whose clock is known. 1 found, 0 not, or negative. */
struct clock_minute;
int lookup_last_clock(struct store *s, const char *sensor, struct clock_minute *out, struct err *err) NODISCARD;

/* What retention has done, by kind; for who administers all tenants. */
struct lookup_retention {
	char kind[32];
	int64_t at_ns, until_ns; /* of its last pass; nothing before `until_ns` is left */
	uint64_t dropped, octets, held;
};
int lookup_retention(
	struct store *s, int (*fn)(void *arg, const struct lookup_retention *), void *arg, struct err *err) NODISCARD;
