// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include "base/random.h"

#include <inttypes.h>
#include <stdio.h>

void uuid_new(char out[UUID_TEXT], int64_t now_ns)
{
	uint64_t a = random_key(), b = random_key(), ms = (uint64_t)(now_ns / 1000000);
	snprintf(out, UUID_TEXT, "%08" PRIx64 "-%04" PRIx64 "-7%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
		ms >> 16 & 0xffffffff, ms & 0xffff, a & 0xfff, 0x8000 | (b >> 48 & 0x3fff), b & 0xffffffffffff);
}
