// SPDX-License-Identifier: Apache-2.0
/* Which host asked for which port, once each, for reportscan.c: a sample of hosts by their hashes when it gets large.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reportpair {
	uint32_t host;
	uint32_t port : 31, used : 1;
};

struct reportpairs {
	struct reportpair *slots;
	size_t n, n_slots, max;
	uint64_t seed;
	unsigned level; /* only hosts whose hash has so many zero bits at its end are in */
};

void reportpairs_init(struct reportpairs *p, size_t max, uint64_t seed);
void reportpairs_fini(struct reportpairs *p);

/* `hashes`: by number of the host. */
void reportpairs_add(struct reportpairs *p, const uint64_t *hashes, uint32_t host, uint32_t port);

/* Hosts have new numbers, or UINT32_MAX: they are gone, and one more bit of the hashes is zero now. */
void reportpairs_renumber(struct reportpairs *p, const uint32_t *now, unsigned level);
