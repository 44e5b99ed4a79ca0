// SPDX-License-Identifier: Apache-2.0
/* The decisions, pure: does a rule fit, is it quiet, may one more go out. For use inside this folder. */
#pragma once
#include "response/alert/alert.h"

/* What a rule looks at. */
struct alert_matter {
	const char *kind, *subject, *sensor, *tenant; /* tenant may be NULL */
	enum alert_severity severity;
	uint8_t confidence;
	bool signal;
};
bool alert_rule_fits(const struct alert_rule *r, const struct alert_matter *m);

/* Token bucket in time: a message costs so many nanoseconds of credit. */
struct alert_bucket {
	int64_t cost_ns, credit_ns, max_ns, last_ns; /* cost 0: no limit */
};
void alert_rule_bucket(struct alert_bucket *b, const struct alert_rate *r);
bool alert_rule_ready(struct alert_bucket *b, int64_t now_ns);
void alert_rule_take(struct alert_bucket *b);			 /* one; after alert_rule_ready() */
int64_t alert_rule_when(struct alert_bucket *b, int64_t now_ns); /* when ready; now when it is */

/* Seconds east of UTC at a time. */
struct alert_clock {
	int64_t (*offset_s)(void *arg, int64_t ns);
	void *arg;
};

/* The end of the quiet hours that hold `now_ns` for this severity; `now_ns` itself when they don't. */
int64_t alert_rule_quiet(
	const struct alert_quiet *q, enum alert_severity s, int64_t now_ns, const struct alert_clock *clock);
