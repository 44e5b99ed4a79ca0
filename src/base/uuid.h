// SPDX-License-Identifier: Apache-2.0
/* UUIDv7 (RFC 9562 section 5.7): ids that sort by the time they were made and can't be guessed. */
#pragma once
#include <stdint.h>

#define UUID_TEXT 40 /* 36 characters, NUL and some room, as records have it */

/* `now_ns`: nanoseconds since 1970. The rest comes from the kernel. */
void uuid_new(char out[UUID_TEXT], int64_t now_ns);
