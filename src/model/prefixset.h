// SPDX-License-Identifier: Apache-2.0
/*
 * Dated prefixes, found by address and time: dark space, own ranges, lists of scanners, owners. Built once, then read
 * only; a look-up is one binary search and a walk up the prefixes that hold each other. IPv4 and IPv6 lie in one order
 * (addr.h), so that ::/0 holds both, as prefix_holds() says.
 */
#pragma once
#include "model/addr.h"

#define PREFIXSET_NONE UINT32_MAX
#define PREFIXSET_MAX  ((size_t)16 << 20) /* more prefixes are refused and counted */

struct prefixset_row;

struct prefixset {
	struct prefixset_row *rows;
	struct prefixset_key *keys; /* first addresses, ascending; beside the rows for the cache */
	size_t n, room;
	uint64_t refused;
	bool sealed;
};

void prefixset_init(struct prefixset *s);
void prefixset_fini(struct prefixset *s);

/* Valid in [from_ns, to_ns). `value` (not PREFIXSET_NONE) is what a look-up returns. Not after prefixset_seal(). */
void prefixset_add(struct prefixset *s, const struct prefix *p, int64_t from_ns, int64_t to_ns, uint32_t value);

/* Sorts. Once, before the first look-up; an empty set is sealed too. */
void prefixset_seal(struct prefixset *s);

/*
 * The value of the longest prefix that holds the address and is valid at that time; of equal ones that which was added
 * last. PREFIXSET_NONE: no such prefix.
 */
uint32_t prefixset_find(const struct prefixset *s, const struct addr *a, int64_t ns);

static inline bool prefixset_holds(const struct prefixset *s, const struct addr *a, int64_t ns)
{
	return prefixset_find(s, a, ns) != PREFIXSET_NONE;
}
