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
	uint32_t k = idmap_take(&d->hour_map, key_of(f, hour_of(f->first_ns)), &fresh);
	if (k == IDMAP_NONE)
		return;
	d->hours = idmap_room(d->hours, d->hour_map.n, &d->room_hours, sizeof *d->hours);
	struct port_hour *h = &d->hours[k];
	struct sample_ref r = { f->first_ns, src, dst, f->sport, f->dport, f->proto };
	if (fresh)
		*h = (struct port_hour){ .first = f->first_ns, .last = f->last_ns, .ref = r };
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
static unsigned hours_seen(const uint64_t *seen, uint64_t hour, uint64_t begin)
{
	unsigned n = 0;
	for (uint64_t h = hour - HISTORY; h < hour; h++)
		n += seen[(h - begin) / 64] >> ((h - begin) % 64) & 1;
	return n;
}

/* Sources an hour, on average over `hours`, in the day before v[i], of the same port. */
static double mean_before(const struct darknet *d, const uint32_t *v, size_t i, unsigned hours)
{
	uint64_t key = d->hour_map.keys[v[i]], sum = 0;
	for (size_t k = i; k > 0; k--) {
		uint64_t other = d->hour_map.keys[v[k - 1]];
		if (other >> 24 != key >> 24 || key - other > HISTORY)
			break;
		sum += d->hours[v[k - 1]].sources;
	}
	return (double)sum / hours;
}

/* A bit for each hour from `begin` on that has any probe. */
static uint64_t *map_hours(const struct darknet *d, uint64_t begin)
{
	uint64_t end = begin;
	for (size_t i = 0; i < d->hour_map.n; i++)
		end = (d->hour_map.keys[i] & 0xffffff) > end ? d->hour_map.keys[i] & 0xffffff : end;
	uint64_t *seen = mem_new(((end - begin) / 64 + 1) * sizeof *seen);
	for (size_t i = 0; i < d->hour_map.n; i++) {
		uint64_t h = (d->hour_map.keys[i] & 0xffffff) - begin;
		seen[h / 64] |= (uint64_t)1 << (h % 64);
	}
	return seen;
}

void ports_judge(struct darknet *d, void (*fn)(void *arg, enum finding_kind kind, uint32_t hour), void *arg)
{
	size_t n = d->hour_map.n;
	uint64_t begin = UINT64_MAX;
	uint32_t *v = mem_new(n * sizeof *v);
	for (size_t i = 0; i < n; i++) {
		v[i] = (uint32_t)i;
		begin = (d->hour_map.keys[i] & 0xffffff) < begin ? d->hour_map.keys[i] & 0xffffff : begin;
	}
	qsort_r(v, n, sizeof *v, compare, d);
	bool surging = false;
	uint64_t *seen = map_hours(d, begin);
	for (size_t i = 0; i < n; i++) {
		uint64_t key = d->hour_map.keys[v[i]];
		const struct port_hour *h = &d->hours[v[i]];
		bool first = i == 0 || d->hour_map.keys[v[i - 1]] >> 24 != key >> 24;
		bool before = surging && !first && d->hour_map.keys[v[i - 1]] + 1 == key;
		surging = false;
		if ((key & 0xffffff) < begin + HISTORY)
			continue;
		unsigned hours = hours_seen(seen, key & 0xffffff, begin);
		if (hours < MIN_HISTORY)
			continue;
		double mean = mean_before(d, v, i, hours);
		if (mean == 0 && h->sources >= NEW_SOURCES) {
			fn(arg, FINDING_PORT_NEW, v[i]);
			surging = true;
		} else if (h->sources >= SURGE_SOURCES && (double)h->sources >= SURGE_TIMES * mean) {
			surging = true;
			if (!before)
				fn(arg, FINDING_PORT_SURGE, v[i]);
		}
	}
	free(seen);
	free(v);
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
	f->first_ns = h->first;
	f->last_ns = h->last;
	f->confidence = h->sources >= 100 ? 90 : h->sources >= 40 ? 75 : 60;
	f->severity = "low";
	f->spoofable = true;
}
