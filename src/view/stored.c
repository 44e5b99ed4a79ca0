// SPDX-License-Identifier: Apache-2.0
#include "view/stored.h"

#include "base/idmap.h"
#include "base/text.h"
#include "view/filter.h"

#include <stdio.h>
#include <stdlib.h>

static int give_source(void *arg, const char *sensor, const struct source *src)
{
	struct stored *s = arg;
	/* A source that was seen across the end of a minute has a record in each. */
	if (src->minute != s->minute || (s->sensor && strcmp(s->sensor, sensor) != 0))
		return 0;
	if (!s->filter || filter_source(s->filter, &src->addr, src->first_ns))
		s->sink->source(s->sink->arg, src);
	return 0;
}

static int end_minute(struct stored *s)
{
	int64_t start = s->minute * MINUTE_NS;
	if (!s->open)
		return 0;
	s->open = false;
	s->counts.minutes++;
	if (s->sink->source && store_each_source(s->store, start, start + MINUTE_NS, NULL, give_source, s) < 0)
		return -1;
	if (s->sink->minute)
		s->sink->minute(s->sink->arg, start);
	return 0;
}

static void count(struct telescope_counts *c, const struct flow *f)
{
	c->packets += f->packets;
	c->classes[f->cls] += f->packets;
	c->layers[addr_is4(&f->src) ? LAYER_IP4 : LAYER_IP6] += f->packets;
	c->first_ns = c->timed && c->first_ns < f->first_ns ? c->first_ns : f->first_ns;
	c->last_ns = c->timed && c->last_ns > f->last_ns ? c->last_ns : f->last_ns;
	c->timed += f->packets;
}

static int give_flows(void *arg, const struct archive_header *block, const struct flow *flows, size_t n)
{
	struct stored *s = arg;
	if (s->most && s->counts.flows + n > s->most) {
		s->too_many = true;
		return -1;
	}
	if (strcmp(s->seen, block->sensor) != 0)
		snprintf(s->seen, sizeof s->seen, "%s", s->seen[0] ? "several" : block->sensor);
	if (s->open && block->minute != s->minute && end_minute(s) < 0)
		return -1;
	s->minute = block->minute;
	s->open = true;
	for (size_t i = 0; i < n; i++) {
		if (s->filter && !filter_flow(s->filter, &flows[i]))
			continue;
		count(&s->counts, &flows[i]);
		if (s->sink->flow)
			s->sink->flow(s->sink->arg, &flows[i], false);
	}
	s->counts.flows += n;
	return 0;
}

static bool passed_over(void *arg, const struct archive_header *block, bool whole)
{
	const struct stored *s = arg;
	(void)whole;
	return s->sensor && strcmp(s->sensor, block->sensor) != 0;
}

static void broken(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	struct stored *s = arg;
	s->broken_n++;
	if (s->broken)
		s->broken(file, offset, octets, reason);
}

int stored_run(struct stored *s, struct err *err)
{
	struct store_scan scan = { .from_ns = s->from_ns,
		.to_ns = s->to_ns,
		.src = s->filter && s->filter->has_src ? &s->filter->src : NULL,
		.fn = give_flows,
		.block = s->sensor ? passed_over : NULL,
		.broken = broken,
		.arg = s,
		.cancel = s->cancel };
	s->seen[0] = 0;
	int code = store_scan_flows(s->store, &scan, err);
	return code == 0 ? end_minute(s) : code;
}

/* ---- what the store says of sensors ---- */

/* "-" for open. */
static bool date(const char *text, int64_t otherwise, int64_t *ns)
{
	int64_t s;
	*ns = otherwise;
	if (strcmp(text, "-") == 0)
		return true;
	if (text_date(text, &s) < 0)
		return false;
	*ns = s < INT64_MIN / 1000000000 ? INT64_MIN : s > INT64_MAX / 1000000000 ? INT64_MAX : s * 1000000000;
	return true;
}

static bool read_dark(const char *item, struct darknet_dark *out)
{
	char prefix[80] = "", from[16] = "-", to[16] = "-";
	if (sscanf(item, "%79s %15s %15s", prefix, from, to) < 1 || prefix_parse(prefix, &out->prefix, NULL) < 0)
		return false;
	return date(from, INT64_MIN, &out->from_ns) && date(to, INT64_MAX, &out->to_ns) && out->from_ns < out->to_ns;
}

static int see_sensor(void *arg, const void *record)
{
	struct stored_dark *d = arg;
	const struct sensor *row = record;
	char item[256];
	const char *at = row->dark;
	if (d->sensor && strcmp(d->sensor, row->id) != 0)
		return 0;
	while (row_list_next(&at, item, sizeof item)) {
		struct darknet_dark one;
		if (!read_dark(item, &one)) {
			d->odd++;
			continue;
		}
		d->v = idmap_room(d->v, d->n + 1, &d->room, sizeof *d->v);
		d->v[d->n++] = one;
	}
	return 0;
}

int stored_dark(struct store *s, const char *sensor, struct stored_dark *out, struct err *err)
{
	*out = (struct stored_dark){ .sensor = sensor };
	return store_each(s, &sensor_kind, see_sensor, out, err);
}

struct owning {
	const struct stored *s;
	void (*fn)(void *arg, const struct finding *);
	void *arg;
};

static int see_finding(void *arg, const struct finding *f)
{
	struct owning *o = arg;
	if (f->kind >= FINDING_OWN_WATCH && (!o->s->sensor || strcmp(o->s->sensor, f->sensor) == 0))
		o->fn(o->arg, f);
	return 0;
}

int stored_own(const struct stored *s, void (*fn)(void *arg, const struct finding *), void *arg)
{
	struct owning o = { s, fn, arg };
	return store_each_finding(s->store, s->from_ns, s->to_ns, see_finding, &o);
}
