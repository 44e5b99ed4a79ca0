// SPDX-License-Identifier: Apache-2.0
/* A stream of frames from the link: what comes out is the same in one piece and octet by octet, and lies inside. */
#include "base/err.h"
#include "role/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m, again;
	size_t at = 0, used, want;
	for (;;) {
		struct bytes rest = { data + at, size - at };
		int r = frames_next(rest, &used, &m);
		/* A prefix never says otherwise: only that it is not enough. */
		for (size_t n = 0; n < rest.n && n < 64; n++) {
			int early = frames_next((struct bytes){ rest.p, n }, &want, &again);
			ENSURE(early == 0 || early == r);
			ENSURE(early != 0 || (want > n && want <= FRAMES_MAX));
		}
		if (r <= 0) {
			ENSURE(r < 0 || (used > rest.n && used <= FRAMES_MAX));
			return 0;
		}
		ENSURE(used <= rest.n && m.body.n <= MESSAGE_BODY && used == FRAMES_LENGTH + MESSAGE_HEADER + m.body.n);
		ENSURE(m.body.n == 0 || (m.body.p >= rest.p && m.body.p + m.body.n <= rest.p + used));
		at += used;
	}
}
