// SPDX-License-Identifier: Apache-2.0
/* Who watches, how far each is, what its clock is worth, and when it saw nothing. */
#include "base/idmap.h"
#include "base/text.h"
#include "model/clock.h"
#include "store/lookup.h"
#include "view/list.h"
#include "view/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENSORS_MAX 1000u
#define DARK_MAX    256u /* what fits into a row */
#define HOUR_NS	    (INT64_C(3600) * 1000000000)
#define DAY_NS	    (24 * HOUR_NS)

struct watcher {
	struct sensor row;
	int64_t progress_ns;
	uint64_t packets, gaps, dropped;
	struct gap last_gap;
	bool named; /* it has a row */
};

struct watchers {
	struct view_call *c;
	struct watcher *v;
	size_t n, room;
};

static struct watcher *find(struct watchers *w, const char *name, bool make)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i].row.id, name) == 0)
			return &w->v[i];
	if (!make || w->n == SENSORS_MAX)
		return NULL;
	w->v = idmap_room(w->v, w->n + 1, &w->room, sizeof *w->v);
	struct watcher *made = &w->v[w->n++];
	*made = (struct watcher){ .named = false };
	snprintf(made->row.id, sizeof made->row.id, "%s", name);
	store_tenant(w->c->store, name, made->row.tenant);
	return made;
}

static int take_sensor(void *arg, const void *record)
{
	const struct sensor *s = record;
	struct watcher *w = find(arg, s->id, true);
	if (!w)
		return 0;
	char tenant[64];
	memcpy(tenant, w->row.tenant, sizeof tenant);
	w->row = *s;
	memcpy(w->row.tenant, tenant, sizeof tenant);
	w->named = true;
	return 0;
}

static void take_progress(void *arg, const char *sensor, int64_t until_ns)
{
	/* What concludes over all sensors sends batches, too, in nobody's name. */
	struct watcher *w = *sensor ? find(arg, sensor, true) : NULL;
	if (w)
		w->progress_ns = until_ns;
}

static int take_gap(void *arg, const struct gap *g)
{
	struct watcher *w = find(arg, g->sensor, true);
	if (!w)
		return 0;
	w->gaps++;
	w->dropped += g->dropped;
	w->last_gap = *g;
	return 0;
}

static int take_sum(void *arg, const struct store_sum *sum)
{
	struct watcher *w = find(arg, sum->sensor, true);
	if (w)
		w->packets += sum->packets;
	return 0;
}

static int gather(struct watchers *w, struct err *err)
{
	struct store *s = w->c->store;
	int64_t now = w->c->now_ns;
	struct lookup_span day = { .from_ns = now - DAY_NS, .to_ns = now };
	/* The hour that runs and the 23 before it: sums have no parts of hours. */
	struct store_rollup sums = { .span = ROLLUP_HOUR,
		.dim = ROLLUP_CLASS,
		.from_ns = now / HOUR_NS * HOUR_NS - 23 * HOUR_NS,
		.to_ns = now,
		.fn = take_sum,
		.arg = w };
	int rc = store_each(s, &sensor_kind, take_sensor, w, err);
	store_each_progress(s, take_progress, w);
	rc = rc ? rc : store_rollup(s, &sums);
	return rc ? rc : lookup_gaps(s, &day, take_gap, w, err);
}

/* One of a sensor's dark prefixes, "PREFIX FROM TO"; false: none, or it isn't dark now. */
static bool dark_now(const char *item, int64_t now_ns, struct prefix *out)
{
	char prefix[80] = "", date[2][16] = { "-", "-" };
	int64_t s;
	if (sscanf(item, "%79s %15s %15s", prefix, date[0], date[1]) < 1 || prefix_parse(prefix, out, NULL) < 0)
		return false;
	for (int i = 0; i < 2; i++) {
		if (strcmp(date[i], "-") == 0)
			continue;
		if (text_date(date[i], &s) < 0 || (now_ns / 1000000000 >= s) == (i == 1))
			return false;
	}
	return true;
}

/* Addresses that are dark now. A prefix inside another one counts once. */
static uint64_t count_dark(const struct sensor *row, int64_t now_ns)
{
	const char *at = row->dark;
	char item[256];
	uint64_t sum = 0;
	struct prefix v[DARK_MAX];
	size_t n = 0;
	while (n < DARK_MAX && row_list_next(&at, item, sizeof item))
		n += dark_now(item, now_ns, &v[n]);
	for (size_t i = 0; i < n; i++) {
		bool inside = false;
		for (size_t k = 0; k < n && !inside; k++)
			inside = k != i && prefix_holds(&v[k], &v[i].addr) &&
				 (v[k].bits < v[i].bits || (v[k].bits == v[i].bits && k < i));
		uint64_t size = inside ? 0 : prefix_size(&v[i]);
		sum = sum + size < sum ? UINT64_MAX : sum + size;
	}
	return sum;
}

static int put_watcher(struct watchers *w, struct json *j, const struct watcher *v, struct err *err)
{
	struct clock_minute clock;
	int known = lookup_last_clock(w->c->store, v->row.id, &clock, err);
	if (known < 0)
		return known;
	json_object(j, NULL);
	row_json_fields(j, &sensor_kind, &v->row);
	json_bool(j, "known", v->named);
	records_time(j, "progress", v->progress_ns);
	if (known)
		row_json(j, "clock", &clock_kind, &clock);
	else
		json_null(j, "clock");
	json_u64(j, "gaps_24h", v->gaps);
	json_u64(j, "dropped_24h", v->dropped);
	if (v->gaps)
		row_json(j, "last_gap", &gap_kind, &v->last_gap);
	else
		json_null(j, "last_gap");
	json_u64(j, "packets_24h", v->packets);
	json_u64(j, "dark_addresses", count_dark(&v->row, w->c->now_ns));
	json_end(j, '}');
	return 0;
}

static int sensors(struct view_call *c, struct err *err)
{
	struct watchers w = { .c = c };
	struct json j;
	int rc = gather(&w, err);
	json_init(&j, c->out);
	if (!rc) {
		json_object(&j, NULL);
		json_array(&j, "rows");
		for (size_t i = 0; i < w.n && !rc; i++)
			rc = put_watcher(&w, &j, &w.v[i], err);
		json_end(&j, ']');
		json_end(&j, '}');
		json_line(&j);
	}
	free(w.v);
	return records_code(rc, VIEW_FAILED);
}

/* ---- gaps, clocks ---- */

struct listing {
	struct view_call *c;
	struct json j;
	uint64_t rows, limit;
	bool cut;
};

static int put_any(struct listing *l, const struct row_kind *kind, const void *record)
{
	if (records_over(l->c))
		return 1;
	l->cut = l->rows == l->limit;
	if (l->cut)
		return 1;
	l->rows++;
	row_json(&l->j, NULL, kind, record);
	return 0;
}

static int put_gap(void *arg, const struct gap *g)
{
	return put_any(arg, &gap_kind, g);
}

static int put_clock(void *arg, const void *record)
{
	return put_any(arg, &clock_kind, record);
}

static int answer(struct view_call *c, bool gaps, struct err *err)
{
	struct listing l = { .c = c, .limit = view_number(c, "limit", 1, 20000) };
	struct lookup_span q = { .sensor = view_text(c, "sensor") };
	int rc = records_period(c, &q.from_ns, &q.to_ns, err);
	if (rc)
		return rc;
	q.limit = l.limit + 1;
	json_init(&l.j, c->out);
	json_object(&l.j, NULL);
	json_array(&l.j, "rows");
	rc = gaps ? lookup_gaps(c->store, &q, put_gap, &l, err) : lookup_clock(c->store, &q, put_clock, &l, err);
	json_end(&l.j, ']');
	json_bool(&l.j, "cut", l.cut);
	json_end(&l.j, '}');
	json_line(&l.j);
	return records_code(rc, 0);
}

static int gaps(struct view_call *c, struct err *err)
{
	return answer(c, true, err);
}

static int clocks(struct view_call *c, struct err *err)
{
	return answer(c, false, err);
}

static const struct view_param params[] = {
	RECORDS_PERIOD,
	{ "sensor", VIEW_TEXT, "of this one alone" },
	{ "limit", VIEW_NUMBER, "rows, up to 20000; `cut` says that there are more", NULL, "5000" },
};

const struct view sensors_view = {
	.method = "GET",
	.path = "/sensors",
	.level = VIEW_VIEWER,
	.summary =
		"Sensors: how far each is, its clock, gaps and packets of a day (the hour that runs and 23 before it), "
		"dark addresses today. `known`: the sensor has said who it is",
	.answer = "{rows: [{id: text, tenant: text|null, place: text|null, dark: [text], clock_state: text|null, "
		  "clock_offset_ns: integer, known: bool, progress: text|null, progress_ns: integer|null, "
		  "clock: @clock|null, gaps_24h: integer, dropped_24h: integer, last_gap: @gap|null, "
		  "packets_24h: integer, dark_addresses: integer}]}",
	.fn = sensors,
};

const struct view gaps_view = {
	.method = "GET",
	.path = "/gaps",
	.level = VIEW_VIEWER,
	.summary = "Gaps that touch the time asked for, by their begin",
	.params = params,
	.params_n = sizeof params / sizeof *params,
	.answer = "{rows: [@gap], cut: bool}",
	.fn = gaps,
};

const struct view clock_view = {
	.method = "GET",
	.path = "/clock",
	.level = VIEW_VIEWER,
	.summary = "How far the sensors' clocks could be trusted, by minute",
	.params = params,
	.params_n = sizeof params / sizeof *params,
	.answer = "{rows: [@clock], cut: bool}",
	.fn = clocks,
};
