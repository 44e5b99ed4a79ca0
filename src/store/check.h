// SPDX-License-Identifier: Apache-2.0
/*
 * Is everything in the store as it was committed? Looks at every block of every segment, every block of sources, the
 * database and the audit chain; changes nothing. For a store without a principal.
 */
#pragma once
#include "store/store.h"

struct store_check {
	/* Each thing that is broken, in one line of text. */
	void (*problem)(void *arg, const char *text);
	void *problem_arg;
	/* Now and then: octets of segments done and all; NULL: none. */
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *arg;
	/* Results. */
	uint64_t problems, segments, blocks, octets, flows, source_blocks, sources, audit_rows;
};

/* 0 when nothing is broken, -STORE_DAMAGED otherwise, another code when it couldn't be found out. */
int store_check(struct store *s, struct store_check *c, struct err *err) NODISCARD;
