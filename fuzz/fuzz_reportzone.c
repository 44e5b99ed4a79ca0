// SPDX-License-Identifier: Apache-2.0
/* Files of time zones (RFC 8536): whatever is taken gives offsets of a day at most, and days that begin in order. */
#include "view/reportzone.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reportzone z;
	struct err err = { "" };
	if (reportzone_read(&z, "fuzz", (struct bytes){ data, n }, &err) == 0) {
		int64_t before = INT64_MIN;
		for (int64_t day = -20000; day < 60000; day += 511) {
			int64_t ns = reportzone_begin_ns(&z, day);
			if (ns <= before)
				abort();
			before = ns;
		}
	}
	reportzone_close(&z);
	return 0;
}
