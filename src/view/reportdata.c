// SPDX-License-Identifier: Apache-2.0
#include "view/reportdata.h"

#include "base/mem.h"
#include "base/text.h"
#include "view/reportfindings.h"
#include "view/reportrolled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

/* ---- sensors and their dark space ---- */

/* What lies inside another prefix of the sensor at all its times is counted there. */
static bool inside(const struct report_dark *small, const struct report_dark *large)
{
	return strcmp(small->sensor, large->sensor) == 0 && large->prefix.bits <= small->prefix.bits &&
	       prefix_holds(&large->prefix, &small->prefix.addr) && large->from_ns <= small->from_ns &&
	       large->to_ns >= small->to_ns;
}

static void add_dark(struct report *r, const char *sensor, const char *item)
{
	char prefix[64], from[32] = "-", to[32] = "-";
	struct prefix p;
	int64_t s;
	if (r->dark_n == REPORT_DARK) {
		r->dark_full = true;
		return;
	}
	if (sscanf(item, "%63s %31s %31s", prefix, from, to) < 1 || prefix_parse(prefix, &p, NULL) < 0)
		return;
	bool ip4 = addr_is4(&p.addr);
	struct report_dark *d = &r->dark[r->dark_n++];
	*d = (struct report_dark){ .prefix = p, .from_ns = INT64_MIN, .to_ns = INT64_MAX };
	d->addresses = ip4 ? prefix_size(&p) : 0;
	r->dark6 |= !ip4;
	snprintf(d->text, sizeof d->text, "%s", prefix);
	snprintf(d->sensor, sizeof d->sensor, "%s", sensor);
	if (text_date(from, &s) == 0)
		d->from_ns = s * SECOND;
	if (text_date(to, &s) == 0)
		d->to_ns = s * SECOND;
	for (struct report_dark *e = r->dark; e < d; e++) {
		if (inside(d, e))
			d->addresses = 0;
		else if (inside(e, d))
			e->addresses = 0;
	}
}

static int add_sensor(void *arg, const void *record)
{
	struct report *r = arg;
	const struct sensor *s = record;
	char item[128];
	if (r->sensors_n == REPORT_SENSORS)
		return 0;
	r->sensors[r->sensors_n++] = *s;
	for (const char *at = s->dark; row_list_next(&at, item, sizeof item);)
		add_dark(r, s->id, item);
	return 0;
}

bool report_is_dark(const struct report *r, const struct addr *a)
{
	for (size_t i = 0; i < r->dark_n; i++)
		if (prefix_holds(&r->dark[i].prefix, a))
			return true;
	return false;
}

double report_addresses(const struct report *r, int64_t from_ns, int64_t to_ns)
{
	double sum = 0;
	bool any = false;
	for (size_t i = 0; i < r->dark_n; i++) {
		const struct report_dark *d = &r->dark[i];
		int64_t from = d->from_ns > from_ns ? d->from_ns : from_ns, to = d->to_ns < to_ns ? d->to_ns : to_ns;
		if (from >= to)
			continue;
		any |= d->addresses > 0;
		sum += (double)d->addresses * ((double)(to - from) / (double)(to_ns - from_ns));
	}
	return any && !r->dark_full ? sum : -1;
}

/* Packets per dark address, bin by bin against the addresses of that time. */
static void per_address(const struct report *r, const struct reportscan *s, double *mean, double sums[REPORT_PARTS])
{
	double time = 0, weighed = 0;
	bool all = s->bins_n > 0;
	sums[0] = sums[1] = 0;
	for (size_t i = 0; i < s->bins_n; i++) {
		const struct report_bin *b = &s->bins[i];
		double n = report_addresses(r, b->from_ns, b->to_ns), length = (double)(b->to_ns - b->from_ns);
		if (n > 0) {
			weighed += n * length;
			time += length;
		}
		for (int part = 0; part < REPORT_PARTS; part++) {
			if (n > 0)
				sums[part] += (double)b->to_ip4[part] / n;
			else if (b->to_ip4[part])
				all = false;
		}
	}
	*mean = time > 0 ? weighed / time : -1;
	if (!all || time <= 0)
		sums[0] = sums[1] = -1;
}

/* ---- gaps ---- */

static int add_gap(void *arg, const void *record)
{
	struct report *r = arg;
	struct gap g = *(const struct gap *)record;
	if (g.to_ns <= r->period.from_ns || g.from_ns >= r->period.to_ns)
		return 0;
	if (r->gaps_n == REPORT_GAPS) {
		r->gaps_left_out++;
		return 0;
	}
	g.from_ns = g.from_ns > r->period.from_ns ? g.from_ns : r->period.from_ns;
	g.to_ns = g.to_ns < r->period.to_ns ? g.to_ns : r->period.to_ns;
	r->dropped += g.dropped;
	if (r->gaps_n % 256 == 0)
		r->gaps = mem_grow(r->gaps, (r->gaps_n + 256) * sizeof *r->gaps);
	r->gaps[r->gaps_n++].gap = g;
	return 0;
}

static int by_time(const void *x, const void *y)
{
	const struct gap *a = &((const struct report_gap *)x)->gap, *b = &((const struct report_gap *)y)->gap;
	if (a->from_ns != b->from_ns)
		return a->from_ns < b->from_ns ? -1 : 1;
	int c = strcmp(a->sensor, b->sensor);
	return c ? c : strcmp(a->reason, b->reason);
}

/* The time of [from, to) that gaps of this sensor cover; they are in the order of their begin. */
static int64_t lost_by(const struct report *r, const char *sensor, int64_t from, int64_t to)
{
	int64_t lost = 0, until = from;
	for (size_t i = 0; i < r->gaps_n; i++) {
		const struct gap *g = &r->gaps[i].gap;
		if (strcmp(g->sensor, sensor) != 0)
			continue;
		int64_t a = g->from_ns > until ? g->from_ns : until, b = g->to_ns < to ? g->to_ns : to;
		lost += a < b ? b - a : 0;
		until = b > until ? b : until;
	}
	return lost;
}

/* Sensors that have a record, and those that have gaps alone. */
static size_t name_sensors(const struct report *r, char names[REPORT_SENSORS][64])
{
	size_t n = 0;
	for (size_t i = 0; i < r->sensors_n; i++)
		snprintf(names[n++], sizeof *names, "%s", r->sensors[i].id);
	for (size_t i = 0; i < r->gaps_n; i++) {
		size_t k = 0;
		while (k < n && strcmp(names[k], r->gaps[i].gap.sensor) != 0)
			k++;
		if (k == n && n < REPORT_SENSORS)
			snprintf(names[n++], sizeof *names, "%s", r->gaps[i].gap.sensor);
	}
	return n;
}

/* Of each sensor the time of the period up to the end of the records that no gap covers; the mean of all sensors. */
static void observe(struct report *r)
{
	int64_t from = r->period.from_ns > r->first_ns ? r->period.from_ns : r->first_ns;
	int64_t to = r->period.to_ns < r->until_ns ? r->period.to_ns : r->until_ns;
	char names[REPORT_SENSORS][64];
	size_t n = name_sensors(r, names);
	double seen = to > from ? (double)(to - from) : 0;
	for (size_t k = 0; k < n && seen > 0; k++)
		seen -= (double)lost_by(r, names[k], from, to) / (double)n;
	r->observed = seen / (double)(r->period.to_ns - r->period.from_ns);
}

/* ---- all together ---- */

static const char *country(void *arg, const struct addr *a)
{
	return knowing_key(arg, false, a);
}

struct progress {
	const struct report_params *p;
	int64_t from_ns, to_ns;
	double base, part;
};

static void told(void *arg, int64_t ns)
{
	const struct progress *g = ((void **)arg)[1];
	if (g->p->progress)
		g->p->progress(g->p->progress_arg,
			g->base + g->part * (double)(ns - g->from_ns) / (double)(g->to_ns - g->from_ns));
}

/* The scan's callbacks have one argument: what is known, and whom to tell. */
static const char *scan_research(void *arg, const struct addr *a, int64_t ns)
{
	return knowing_research(((void **)arg)[0], a, ns);
}

static const char *scan_country(void *arg, const struct addr *a)
{
	return country(((void **)arg)[0], a);
}

static int scan(struct report *r, const struct report_params *p, bool brief, struct reportscan **out, struct err *err)
{
	const struct reportperiod *q = brief ? &r->previous : &r->period;
	struct progress g = { p, q->from_ns, q->to_ns, brief ? 0 : r->has_previous ? 0.4 : 0, 1 };
	g.part = brief ? 0.4 : 1 - g.base;
	void *arg[2] = { p->know, &g };
	struct reportscan_params sp = { .store = p->store,
		.zone = &r->zone,
		.period = *q,
		.brief = brief,
		.seed = p->seed,
		.max_sources = p->max_sources,
		.max_pairs = p->max_pairs,
		.research = r->knows_research ? scan_research : NULL,
		.country = r->knows_places ? scan_country : NULL,
		.progress = told,
		.arg = arg,
		.cancel = p->cancel };
	*out = reportscan_new();
	int rc = reportscan_run(*out, &sp, err);
	return rc ? rc : reportrolled_mend(r, *out, p->store);
}

static int choose(struct report *r, const struct report_params *p, struct err *err)
{
	int year, month, day;
	char more;
	if (p->at) {
		int64_t s;
		if (text_date(p->at, &s) < 0 || sscanf(p->at, "%d-%d-%d%c", &year, &month, &day, &more) != 3)
			return err_set(err, -REPORT_BAD, "at: '%.40s' is no date (YYYY-MM-DD)", p->at);
		r->period = reportperiod_of(&r->zone, p->kind, reportzone_day_of(year, month, day));
		return 0;
	}
	/* The end of the records may be the end of a period itself. */
	r->period = reportperiod_of(&r->zone, p->kind, reportzone_day(&r->zone, r->until_ns));
	struct reportperiod whole = reportperiod_before(&r->zone, &r->period);
	if (whole.to_ns > r->first_ns)
		r->period = whole;
	return 0;
}

static int gather(struct report *r, const struct report_params *p, struct err *err)
{
	int rc = store_each(p->store, &sensor_kind, add_sensor, r, err);
	if (!rc)
		rc = reportrolled_ends(r, p->store, err);
	if (rc)
		return -REPORT_FAILED;
	if (!r->until_ns)
		return err_set(err, -REPORT_EMPTY, "the store has no records");
	rc = choose(r, p, err);
	if (rc)
		return rc;
	r->previous = reportperiod_before(&r->zone, &r->period);
	r->has_previous = r->previous.to_ns > r->first_ns;
	rc = store_each(p->store, &gap_kind, add_gap, r, err);
	if (r->gaps_n)
		qsort(r->gaps, r->gaps_n, sizeof *r->gaps, by_time);
	observe(r);
	if (!rc)
		rc = reportrolled_gather(r, p->store);
	if (!rc)
		rc = reportfindings_gather(r, p);
	if (!rc && r->has_previous)
		rc = scan(r, p, true, &r->before, err);
	if (!rc)
		rc = scan(r, p, false, &r->now, err);
	if (rc)
		return rc == -STORE_STOPPED ? -REPORT_STOPPED : -REPORT_FAILED;
	per_address(r, r->now, &r->addresses, r->per_address);
	if (r->before)
		per_address(r, r->before, &r->previous_addresses, r->previous_per_address);
	return 0;
}

int report_gather(struct report **out, const struct report_params *p, struct err *err)
{
	struct report *r = mem_new(sizeof *r);
	*out = r;
	if (reportzone_open(&r->zone, p->zone, err) < 0)
		return -REPORT_BAD;
	if (p->know) {
		struct research_counts c =
			p->know->research ? research_counts(p->know->research) : (struct research_counts){ 0 };
		r->knows_research = c.prefixes + c.names > 0;
		r->knows_places = p->know->geo && geo_files(p->know->geo) > 0;
	}
	return gather(r, p, err);
}

void report_free(struct report *r)
{
	if (!r)
		return;
	reportzone_close(&r->zone);
	reportscan_free(r->now);
	reportscan_free(r->before);
	free(r->gaps);
	free(r);
}
