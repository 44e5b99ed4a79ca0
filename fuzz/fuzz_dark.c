// SPDX-License-Identifier: Apache-2.0
/* Packets whose destination gets a stand-in: nothing is touched outside, and the header holds the stand-in. */
#include "base/mem.h"
#include "view/dark.h"

#include <stdlib.h>

static struct addr stand_in(void *arg, const struct addr *a)
{
	static const uint8_t six[16] = { 1, [15] = 7 };
	return addr_is4(a) ? addr_from4(0xf0000007) : addr_from6(six);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = mem_new(size + 1);
	memcpy(copy, data, size);
	dark_rewrite(copy, size, stand_in, NULL);
	if (size >= 20 && data[0] >> 4 == 4)
		ENSURE(load_be32(copy + 16) == 0xf0000007);
	if (size >= 40 && data[0] >> 4 == 6)
		ENSURE(load_be64(copy + 24) == UINT64_C(1) << 56 && load_be64(copy + 32) == 7);
	free(copy);
	return 0;
}
