// SPDX-License-Identifier: Apache-2.0
/*
 * Repeatable random numbers for generators and tests (xoshiro256**, Blackman and Vigna 2018, seeded by splitmix64), and
 * keys from the kernel for everything that an outsider must not guess.
 */
#pragma once
#include <stdint.h>

struct random {
	uint64_t s[4];
};

/* The same seed gives the same numbers on every machine. */
void random_init(struct random *r, uint64_t seed);

uint64_t random_u64(struct random *r);

/* 0 .. bound-1; bound 0 gives 0. The bias is below 2^-32 for bounds up to 2^32. */
uint64_t random_below(struct random *r, uint64_t bound);

/* 0 <= x < 1 */
double random_unit(struct random *r);

/* A key from the kernel's generator; never fails. */
uint64_t random_key(void);

/* A strong 64-bit mixer (splitmix64's finaliser): every input bit reaches every output bit. */
static inline uint64_t random_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}
