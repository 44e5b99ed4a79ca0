// SPDX-License-Identifier: Apache-2.0
#include "base/clocksync.h"

#include <sys/timex.h>

const char *clocksync_name(enum clocksync_state s)
{
	static const char *const names[] = { "unknown", "synchronised", "unsynchronised", "scenario" };
	return names[s];
}

struct clocksync clocksync_now(void)
{
	struct timex t = { .modes = 0 };
	struct clocksync c = { .state = CLOCKSYNC_UNKNOWN };
	int state = adjtimex(&t);
	if (state < 0)
		return c;
	c.state = t.status & STA_UNSYNC || state == TIME_ERROR ? CLOCKSYNC_UNSYNCHRONISED : CLOCKSYNC_SYNCHRONISED;
	c.offset_ns = t.status & STA_NANO ? t.offset : t.offset * 1000;
	c.max_error_ns = t.maxerror * 1000;
	c.leap = state == TIME_INS || state == TIME_DEL || state == TIME_OOP || state == TIME_WAIT;
	return c;
}

int64_t clocksync_step(struct clocksync_steps *s, int64_t real_ns, int64_t monotonic_ns, int64_t least_ns)
{
	int64_t apart = real_ns - monotonic_ns, step = s->begun ? apart - s->apart_ns : 0;
	s->begun = true;
	if (step < least_ns && step > -least_ns)
		step = 0;
	s->apart_ns = apart;
	return step;
}
