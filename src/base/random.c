// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include "base/err.h"

#include <sys/random.h>

void random_init(struct random *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = random_mix(seed += 0x9e3779b97f4a7c15u);
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t random_u64(struct random *r)
{
	uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

/* The upper half of a 128-bit product; machines of 32 bits have no type for it. */
static uint64_t multiply_high(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	return (uint64_t)((unsigned __int128)a * b >> 64);
#else
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t middle = a1 * b0 + (a0 * b0 >> 32), low = a0 * b1 + (uint32_t)middle;
	return a1 * b1 + (middle >> 32) + (low >> 32);
#endif
}

uint64_t random_below(struct random *r, uint64_t bound)
{
	return multiply_high(random_u64(r), bound);
}

double random_unit(struct random *r)
{
	return (double)(random_u64(r) >> 11) * 0x1p-53;
}

uint64_t random_key(void)
{
	uint64_t key;
	ENSURE(getrandom(&key, sizeof key, 0) == sizeof key);
	return key;
}
