// SPDX-License-Identifier: Apache-2.0
#include "view/reportrolled.h"

#include "base/mem.h"
#include "store/principal.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_NS (INT64_C(3600) * 1000000000)

struct ends {
	struct report *r;
	struct store *s;
	int64_t first_hour, last_hour;
};

static int see_hour(void *arg, const struct store_sum *sum)
{
	struct ends *e = arg;
	if (!e->first_hour || sum->start_ns < e->first_hour)
		e->first_hour = sum->start_ns;
	if (sum->start_ns > e->last_hour)
		e->last_hour = sum->start_ns;
	return 0;
}

static int see_flows(void *arg, const struct archive_header *block, const struct flow *flows, size_t n)
{
	struct report *r = arg;
	for (size_t i = 0; i < n; i++)
		r->until_ns = flows[i].last_ns + 1 > r->until_ns ? flows[i].last_ns + 1 : r->until_ns;
	return 0;
}

static void see_progress(void *arg, const char *sensor, int64_t until_ns)
{
	struct ends *e = arg;
	if (principal_sees(e->s, sensor) && until_ns > e->r->until_ns)
		e->r->until_ns = until_ns;
}

static int see_first(void *arg, const struct archive_header *block, const struct flow *flows, size_t n)
{
	int64_t *first = arg;
	for (size_t i = 0; i < n; i++)
		*first = !*first || flows[i].first_ns < *first ? flows[i].first_ns : *first;
	return 0;
}

int reportrolled_ends(struct report *r, struct store *s, struct err *err)
{
	struct ends e = { .r = r, .s = s };
	struct store_rollup q = {
		.span = ROLLUP_HOUR, .dim = ROLLUP_CLASS, .from_ns = 0, .to_ns = INT64_MAX, .fn = see_hour, .arg = &e
	};
	int64_t first = 0;
	if (store_rollup(s, &q))
		return err_set(err, -STORE_IO, "the sums of the store can't be read");
	if (!e.last_hour)
		return 0;
	struct store_scan last = { .from_ns = e.last_hour, .to_ns = e.last_hour + HOUR_NS, .fn = see_flows, .arg = r };
	struct store_scan begin = {
		.from_ns = e.first_hour, .to_ns = e.first_hour + HOUR_NS, .fn = see_first, .arg = &first
	};
	int rc = store_scan_flows(s, &last, err);
	if (!rc)
		rc = store_scan_flows(s, &begin, err);
	store_each_progress(s, see_progress, &e);
	r->first_ns = first ? first : e.first_hour;
	if (!r->until_ns)
		r->until_ns = e.last_hour + HOUR_NS;
	return rc;
}

struct days {
	struct report *r;
	int64_t first;
	size_t n;
	uint64_t *packets;
};

static int add_hour(void *arg, const struct store_sum *sum)
{
	struct days *d = arg;
	int64_t day = reportzone_day(&d->r->zone, sum->start_ns) - d->first;
	if (day >= 0 && (uint64_t)day < d->n)
		d->packets[day] += sum->packets;
	return 0;
}

static void add_span(struct report *r, const struct days *d, const struct reportperiod *p)
{
	struct report_span s = { .period = *p };
	double sum = 0;
	size_t with = 0;
	bool known = true;
	for (int64_t day = p->first; day < p->end; day++) {
		if (day < d->first || (uint64_t)(day - d->first) >= d->n || !d->packets[day - d->first])
			continue;
		double n =
			report_addresses(r, reportzone_begin_ns(&r->zone, day), reportzone_begin_ns(&r->zone, day + 1));
		s.packets += d->packets[day - d->first];
		if (n > 0) {
			s.per_address += (double)d->packets[day - d->first] / n;
			sum += n;
			with++;
		} else {
			known = false;
		}
	}
	s.addresses = with ? sum / (double)with : 0;
	if (!known || !with || r->dark6)
		s.per_address = -1;
	s.partial = p->from_ns < r->first_ns || p->to_ns > r->until_ns;
	if (r->spans_n < REPORT_SPANS)
		r->spans[r->spans_n++] = s;
}

int reportrolled_gather(struct report *r, struct store *s)
{
	struct days d = { .r = r, .first = reportzone_day(&r->zone, r->first_ns) };
	int64_t last = reportzone_day(&r->zone, r->until_ns - 1);
	if (last - d.first >= REPORT_DAYS)
		d.first = last - REPORT_DAYS + 1;
	d.n = (size_t)(last - d.first + 1);
	d.packets = mem_new(d.n * sizeof *d.packets);
	struct store_rollup q = {
		.span = ROLLUP_HOUR, .dim = ROLLUP_CLASS, .from_ns = 0, .to_ns = INT64_MAX, .fn = add_hour, .arg = &d
	};
	int rc = store_rollup(s, &q);
	static const enum reportperiod_kind kinds[] = { REPORT_QUARTER, REPORT_YEAR };
	for (size_t k = 0; k < 2 && !rc; k++) {
		/* The newest hundred quarters. */
		struct reportperiod p = reportperiod_of(&r->zone, kinds[k], d.first);
		while (p.first <= last) {
			if (k || last - p.first < 100 * 92)
				add_span(r, &d, &p);
			p = reportperiod_of(&r->zone, kinds[k], p.end);
		}
	}
	free(d.packets);
	return rc;
}

struct mend {
	struct reportscan *scan;
	uint64_t (*sums)[REPORT_GROUPS]; /* of each bin */
	size_t at;
};

static int add_group(void *arg, const struct store_sum *sum)
{
	struct mend *m = arg;
	static const char *const names[] = {
		[REPORT_SYN] = "tcp_syn", [REPORT_SYNACK] = "tcp_syn_ack", [REPORT_UDP] = "udp", [REPORT_ICMP] = "icmp"
	};
	int g = 0;
	while (g < REPORT_OTHER && strcmp(names[g], sum->key) != 0)
		g++;
	/* Sums come by time. */
	while (m->at + 1 < m->scan->bins_n && sum->start_ns >= m->scan->bins[m->at].to_ns)
		m->at++;
	m->sums[m->at][g] += sum->packets;
	return 0;
}

static void mend_bin(const struct report *r, struct report_bin *b, const uint64_t sums[REPORT_GROUPS])
{
	uint64_t have = 0, all = 0;
	for (int g = 0; g < REPORT_GROUPS; g++) {
		have += report_with(&b->packets[g]);
		all += sums[g];
	}
	if (have + all / 1000 >= all)
		return;
	b->rolled = true;
	if (!r->dark6)
		b->to_ip4[REPORT_OTHERS] += all - have;
	for (int g = 0; g < REPORT_GROUPS; g++)
		b->packets[g] = (struct report_split){ { sums[g], 0 } };
}

int reportrolled_mend(const struct report *r, struct reportscan *scan, struct store *s)
{
	struct mend m = { .scan = scan, .sums = mem_new((scan->bins_n + 1) * sizeof *m.sums) };
	int64_t from = scan->bins[0].from_ns, to = scan->bins[scan->bins_n - 1].to_ns;
	struct store_rollup q = {
		.span = ROLLUP_HOUR, .dim = ROLLUP_CLASS, .from_ns = from, .to_ns = to, .fn = add_group, .arg = &m
	};
	bool whole = true;
	for (size_t i = 0; i < scan->bins_n; i++)
		whole &= scan->bins[i].from_ns % HOUR_NS == 0 && scan->bins[i].to_ns % HOUR_NS == 0;
	int rc = whole ? store_rollup(s, &q) : 0;
	for (size_t i = 0; i < scan->bins_n && whole && !rc; i++) {
		mend_bin(r, &scan->bins[i], m.sums[i]);
		scan->rolled_n += scan->bins[i].rolled;
	}
	free(m.sums);
	return rc;
}
