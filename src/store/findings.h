// SPDX-License-Identifier: Apache-2.0
/*
 * Findings by what people ask: filtered, page by page, with what was said of them. Reads what the store's principal may
 * see.
 *
 * A mute names kind, subject and sensor of the finding it was said of, so that the next event of the same kind is muted
 * too; the last word (mute or unmute) counts, and a mute until it ends. When the subject is masked for the reader, only
 * the very finding that was muted counts as such.
 */
#pragma once
#include "store/principal.h"

enum findings_state { FINDINGS_OPEN, FINDINGS_MUTED, FINDINGS_ALL };

/* Behind which finding the next page begins: pages go by `first_ns` and id, newest first, which never change. So what
 * is found meanwhile moves nothing. */
struct findings_cursor {
	int64_t first_ns;
	char id[33]; /* empty: from the beginning */
};

/* NULL or negative where it doesn't matter. */
struct findings_query {
	int64_t from_ns, to_ns; /* that overlap [from, to) */
	int64_t now_ns;		/* for mutes */
	const char *id;		/* one of them; its times then don't matter */
	const char *kinds;	/* "scan,own-watch" */
	bool own; /* kinds that begin with "own-" alone, found fast among many others; not for findings_count() */
	const char *severity; /* the same: "high,medium" */
	const char *subject;  /* or its address: what stands before the first space */
	const char *sensor;
	const char *assigned; /* to this user; "" to nobody */
	int min_confidence;
	int spoofable; /* 0, 1 */
	enum findings_state state;
	struct findings_cursor after;
	uint64_t limit; /* 0: none */
};

/* What people said of it. */
struct findings_said {
	int64_t muted_until_ns; /* 0: not muted */
	char assigned[64];
	uint64_t comments;
};

/* fn other than 0 ends it with -STORE_STOPPED. */
int findings_each(struct store *s, const struct findings_query *q,
	int (*fn)(void *arg, const struct finding *, const struct findings_said *), void *arg,
	struct err *err) NODISCARD;

/* How many there are, whatever limit and cursor say. */
int findings_count(struct store *s, const struct findings_query *q, uint64_t *n, struct err *err) NODISCARD;

/* One by its id: 1 found, 0 not, or negative. `said` may be NULL. */
int findings_get(struct store *s, const char *id, int64_t now_ns, struct finding *out, struct findings_said *said,
	struct err *err) NODISCARD;
