// SPDX-License-Identifier: Apache-2.0
#include "response/alert/alert_rule.h"

#include <stdio.h>
#include <string.h>

#define MINUTE (60 * ALERT_SECOND)
#define DAY    (1440 * MINUTE)

static bool wants_kind(const struct alert_rule *r, const char *kind)
{
	if (r->kinds == 0)
		return true;
	for (int k = 0; k < FINDING_KIND_N; k++)
		if (r->kinds >> k & 1 && strcmp(finding_kind_name((enum finding_kind)k), kind) == 0)
			return true;
	return false;
}

/* The subject's address: its first word. */
static bool is_own(const struct alert_rule *r, const char *subject)
{
	char word[ADDR_TEXT_MAX];
	struct addr a;
	if ((size_t)snprintf(word, sizeof word, "%.*s", (int)strcspn(subject, " "), subject) >= sizeof word ||
		addr_parse(word, &a, NULL) < 0)
		return false;
	for (size_t i = 0; i < r->own_n; i++)
		if (prefix_holds(&r->own[i], &a))
			return true;
	return false;
}

static bool one_of(const char *const *wanted, size_t n, const char *is)
{
	for (size_t i = 0; i < n; i++)
		if (is && strcmp(wanted[i], is) == 0)
			return true;
	return n == 0;
}

bool alert_rule_fits(const struct alert_rule *r, const struct alert_matter *m)
{
	if (m->signal ? !r->signals : r->no_findings)
		return false;
	if (m->severity < r->min_severity || (!m->signal && m->confidence < r->min_confidence))
		return false;
	if (!wants_kind(r, m->kind) || !one_of(r->tenants, r->tenants_n, m->tenant) ||
		!one_of(r->sensors, r->sensors_n, m->sensor))
		return false;
	return r->own_n == 0 || is_own(r, m->subject);
}

void alert_rule_bucket(struct alert_bucket *b, const struct alert_rate *r)
{
	uint64_t burst = r->burst ? r->burst : r->count, count = r->count;
	int64_t per = r->per_ns > 0 ? r->per_ns : 3600 * ALERT_SECOND;
	memset(b, 0, sizeof *b);
	if (count == 0)
		return;
	b->cost_ns = count < (uint64_t)per ? per / (int64_t)count : 1;
	if (burst > (uint64_t)(INT64_MAX / 2 / b->cost_ns))
		b->max_ns = INT64_MAX / 2;
	else
		b->max_ns = b->cost_ns * (int64_t)burst;
	b->credit_ns = b->max_ns;
	b->last_ns = INT64_MIN;
}

/* A clock that goes back earns nothing and loses nothing. */
static void earn(struct alert_bucket *b, int64_t now)
{
	if (b->last_ns != INT64_MIN && now > b->last_ns) {
		int64_t gain = now - b->last_ns;
		b->credit_ns = gain > b->max_ns - b->credit_ns ? b->max_ns : b->credit_ns + gain;
	}
	b->last_ns = now;
}

bool alert_rule_ready(struct alert_bucket *b, int64_t now_ns)
{
	if (b->cost_ns == 0)
		return true;
	earn(b, now_ns);
	return b->credit_ns >= b->cost_ns;
}

void alert_rule_take(struct alert_bucket *b)
{
	b->credit_ns -= b->cost_ns;
}

int64_t alert_rule_when(struct alert_bucket *b, int64_t now_ns)
{
	return alert_rule_ready(b, now_ns) ? now_ns : now_ns + (b->cost_ns - b->credit_ns);
}

static int64_t local_ns(const struct alert_clock *c, int64_t ns)
{
	return ns + c->offset_s(c->arg, ns) * ALERT_SECOND;
}

int64_t alert_rule_quiet(
	const struct alert_quiet *q, enum alert_severity s, int64_t now_ns, const struct alert_clock *clock)
{
	if (!q->on || s >= q->except || q->from_min == q->to_min)
		return now_ns;
	int64_t local = local_ns(clock, now_ns), of_day = (local % DAY + DAY) % DAY;
	int64_t from = q->from_min * MINUTE, to = q->to_min * MINUTE;
	bool quiet = from < to ? of_day >= from && of_day < to : of_day >= from || of_day < to;
	if (!quiet)
		return now_ns;
	int64_t want = local + (to > of_day ? to - of_day : to + DAY - of_day);
	/* The clock may be put forward or back until then. An hour that is left out ends it at once. */
	int64_t end = now_ns + (want - local);
	end -= local_ns(clock, end) - want;
	if (local_ns(clock, end) < want)
		end += want - local_ns(clock, end);
	return end > now_ns ? end : now_ns + 1;
}
