// SPDX-License-Identifier: Apache-2.0
#include "analysis/darknet/ports.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR_NS	      ((int64_t)3600 * 1000000000)
#define HISTORY	      24 /* hours before a port can be called new or surging */
#define MIN_HISTORY   18 /* of which so many must have been watched */
#define NEW_SOURCES   10
#define SURGE_SOURCES 20
#define SURGE_TIMES   5

/* Hours are counted from 1677, so that the number is never negative: 23 bits; protocol and port follow. */
static uint64_t hour_of(int64_t ns)
{
	return (uint64_t)(ns / HOUR_NS - (ns % HOUR_NS < 0) + (1 << 22));
}

static uint64_t key_of(const struct flow *f, uint64_t hour)
{
	return ((uint64_t)(f->proto == PROTO_UDP) << 16 | f->dport) << 24 | (hour & 0xffffff);
}

void ports_add(struct darknet *d, const struct flow *f, uint32_t src, uint32_t dst)
{
	bool fresh;
	uint64_t hour = hour_of(f->first_ns);
	uint32_t k = idmap_take(&d->hour_map, key_of(f, hour), &fresh);
	if (k == IDMAP_NONE)
		return;
	d->hours = idmap_room(d->hours, d->hour_map.n, &d->room_hours, sizeof *d->hours);
	struct port_hour *h = &d->hours[k];
	struct sample_ref r = { f->first_ns, src, dst, f->sport, f->dport, f->proto };
	if (fresh) {
		*h = (struct port_hour){ .first = f->first_ns, .last = f->last_ns, .ref = r };
		d->hours_begin = hour < d->hours_begin ? hour : d->hours_begin;
		(void)idmap_take(&d->watched_map, hour & 0xffffff, &fresh);
	}
	if (f->first_ns < h->first) {
		h->first = f->first_ns;
		h->ref = r;
	}
	h->last = f->last_ns > h->last ? f->last_ns : h->last;
	h->packets += f->packets;
	(void)idmap_take(&d->hour_source_map, (uint64_t)k << 32 | src, &fresh);
	h->sources += fresh;
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct darknet *d = arg;
	uint64_t a = d->hour_map.keys[*(const uint32_t *)x], b = d->hour_map.keys[*(const uint32_t *)y];
	return a < b ? -1 : a > b;
}

/* Hours of the day before `hour` in which anything was seen at all: a gap is no silence. */
static unsigned hours_seen(const struct darknet *d, uint64_t hour)
{
	unsigned n = 0;
	for (uint64_t h = hour - HISTORY; h < hour; h++)
		n += idmap_find(&d->watched_map, h) != IDMAP_NONE;
	return n;
}

/* Sources an hour, on average over `hours`, in the day before, of the same port. */
static double mean_before(const struct darknet *d, uint64_t key, unsigned hours)
{
	uint64_t sum = 0;
	for (uint64_t k = key - HISTORY; k < key; k++) {
		uint32_t h = idmap_find(&d->hour_map, k);
		sum += h == IDMAP_NONE ? 0 : d->hours[h].sources;
	}
	return (double)sum / hours;
}

static bool was_surging(const struct darknet *d, uint64_t key)
{
	uint32_t h = idmap_find(&d->hour_map, key - 1);
	return h != IDMAP_NONE && d->hours[h].surging;
}

/* Is the hour new or does it surge? A surge that goes on is not told again. */
static bool judge(struct darknet *d, uint32_t hour, enum finding_kind *kind)
{
	uint64_t key = d->hour_map.keys[hour];
	struct port_hour *h = &d->hours[hour];
	h->surging = false;
	if (h->sources < NEW_SOURCES || (key & 0xffffff) < d->hours_begin + HISTORY)
		return false;
	unsigned hours = hours_seen(d, key & 0xffffff);
	if (hours < MIN_HISTORY)
		return false;
	double mean = mean_before(d, key, hours);
	*kind = mean == 0 ? FINDING_PORT_NEW : FINDING_PORT_SURGE;
	if (mean == 0)
		return h->surging = true;
	h->surging = h->sources >= SURGE_SOURCES && (double)h->sources >= SURGE_TIMES * mean;
	return h->surging && !was_surging(d, key);
}

void ports_judge(struct darknet *d, void (*fn)(void *arg, bool yes, enum finding_kind kind, uint32_t hour), void *arg)
{
	size_t n = 0;
	uint32_t *v = mem_new((d->hour_map.n - d->hours_open + 1) * sizeof *v);
	for (size_t i = d->hours_open; i < d->hour_map.n; i++)
		if (d->hours[i].sources >= NEW_SOURCES)
			v[n++] = (uint32_t)i;
	if (n)
		qsort_r(v, n, sizeof *v, compare, d);
	for (size_t i = 0; i < n; i++) {
		const struct told *t = &d->hours[v[i]].told;
		enum finding_kind kind = FINDING_PORT_NEW;
		bool yes = judge(d, v[i], &kind);
		if (t->kind && (!yes || t->kind != kind + 1))
			fn(arg, false, (enum finding_kind)(t->kind - 1), v[i]);
		if (yes)
			fn(arg, true, kind, v[i]);
	}
	free(v);
}

bool ports_over(const struct darknet *d, uint32_t hour, int64_t ns)
{
	return (d->hour_map.keys[hour] & 0xffffff) < hour_of(ns);
}

void ports_close(struct darknet *d, int64_t ns)
{
	while (d->hours_open < d->hour_map.n && ports_over(d, (uint32_t)d->hours_open, ns) &&
		(!d->hours[d->hours_open].told.kind || d->hours[d->hours_open].told.ended))
		d->hours_open++;
}

bool ports_unwatched(uint64_t hour, int64_t ns)
{
	return hour + HISTORY + 1 < hour_of(ns);
}

bool ports_stale(const struct darknet *d, uint32_t hour, int64_t ns)
{
	return hour < d->hours_open && (d->hour_map.keys[hour] & 0xffffff) + HISTORY + 1 < hour_of(ns);
}

void ports_fill(struct darknet *d, uint32_t hour, struct finding *f)
{
	const struct port_hour *h = &d->hours[hour];
	uint64_t key = d->hour_map.keys[hour];
	uint16_t port = (uint16_t)(key >> 24);
	snprintf(f->subject, sizeof f->subject, "%u/%s", port, key >> 40 ? "udp" : "tcp");
	snprintf(f->sensor, sizeof f->sensor, "%s", d->sensor);
	snprintf(f->detail, sizeof f->detail, "%s",
		f->kind == FINDING_PORT_NEW ? "nobody asked for it the day before"
					    : "at least five times the mean hour of the day before");
	f->packets = h->packets;
	f->sources = h->sources;
	f->ports = 1;
	f->has_sources = f->has_ports = true;
	f->port_list[0] = port;
	f->port_list_n = 1;
	snprintf(f->top_ports[0].name, sizeof f->top_ports[0].name, "%u", port);
	f->top_ports[0].n = h->packets;
	f->top_ports_n = 1;
	f->first_ns = h->told.at ? h->told.first : h->first;
	f->last_ns = h->last;
	f->confidence = h->sources >= 100 ? 90 : h->sources >= 40 ? 75 : 60;
	f->severity = "low";
	f->spoofable = true;
}
