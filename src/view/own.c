// SPDX-License-Identifier: Apache-2.0
/* Own addresses that findings are about: what was seen of each, whose it is, and the case that there is. */
#include "base/idmap.h"
#include "base/mem.h"
#include "view/cases.h"
#include "view/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 20000u

struct item {
	char id[33], address[64], sensor[64], tenant[64], detail[256];
	enum finding_kind kind;
	const char *tool;
	uint64_t packets, destinations;
	int64_t first_ns, last_ns;
	uint8_t confidence;
};

/* The items of one address lie next to each other. */
struct row {
	size_t at, n;
	enum { STATE_NONE, STATE_WATCH, STATE_SUSPECTED } state;
	bool attacked;
	uint64_t packets, attacked_packets, destinations;
	int64_t first_ns, last_ns;
	/* The run of packets that watch and suspicion of one sensor are both about. */
	const char *run_sensor;
	int64_t run_last_ns;
	uint64_t run_packets;
};

struct open_case {
	char id[40], tenant[64];
	char devices[2048], findings[4096];
};

struct own {
	struct view_call *c;
	struct item *items;
	size_t n, room;
	struct row *rows;
	size_t rows_n, rows_room;
	struct open_case *cases;
	size_t cases_n, cases_room;
	bool cut;
};

static int take(void *arg, const struct finding *f, const struct findings_said *said)
{
	struct own *o = arg;
	if (o->n == ITEMS_MAX || records_over(o->c)) {
		o->cut = true;
		return 1;
	}
	o->items = idmap_room(o->items, o->n + 1, &o->room, sizeof *o->items);
	struct item *i = &o->items[o->n++];
	*i = (struct item){ .kind = f->kind,
		.tool = f->tool,
		.packets = f->packets,
		.destinations = f->has_destinations ? f->destinations : 0,
		.first_ns = f->first_ns,
		.last_ns = f->last_ns,
		.confidence = f->confidence };
	memcpy(i->id, f->id, sizeof i->id);
	cases_address(f, i->address);
	snprintf(i->sensor, sizeof i->sensor, "%s", f->sensor);
	snprintf(i->detail, sizeof i->detail, "%s", f->detail);
	store_tenant(o->c->store, f->sensor, i->tenant);
	return 0;
}

static int take_case(void *arg, const void *record)
{
	struct own *o = arg;
	const struct case_record *r = record;
	if (r->close_code[0] || o->cases_n == CASES_MAX)
		return 0;
	o->cases = idmap_room(o->cases, o->cases_n + 1, &o->cases_room, sizeof *o->cases);
	struct open_case *k = &o->cases[o->cases_n++];
	memcpy(k->id, r->id, sizeof k->id);
	memcpy(k->tenant, r->tenant, sizeof k->tenant);
	memcpy(k->devices, r->devices, sizeof k->devices);
	memcpy(k->findings, r->findings, sizeof k->findings);
	return 0;
}

static bool masked(const struct item *i)
{
	return strcmp(i->address, "(masked)") == 0;
}

static int by_address(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int r = strcmp(a->tenant, b->tenant);
	if (!r)
		r = strcmp(a->address, b->address);
	if (!r)
		r = strcmp(a->sensor, b->sensor);
	if (!r && a->first_ns != b->first_ns)
		r = a->first_ns < b->first_ns ? -1 : 1;
	return r ? r : strcmp(a->id, b->id);
}

/* Of masked ones nobody can tell which are about the same address. */
static bool same(const struct item *a, const struct item *b)
{
	return !masked(a) && strcmp(a->tenant, b->tenant) == 0 && strcmp(a->address, b->address) == 0;
}

/* What was a watch first and then a suspicion, or the other way round, are the same packets: they count once. */
static void add_packets(struct row *r, const struct item *i)
{
	if (!r->run_sensor || strcmp(r->run_sensor, i->sensor) != 0 || i->first_ns > r->run_last_ns) {
		r->run_sensor = i->sensor;
		r->run_last_ns = i->last_ns;
		r->run_packets = 0;
	}
	if (i->packets > r->run_packets) {
		r->packets += i->packets - r->run_packets;
		r->run_packets = i->packets;
	}
	r->run_last_ns = i->last_ns > r->run_last_ns ? i->last_ns : r->run_last_ns;
}

static void add(struct row *r, const struct item *i)
{
	r->n++;
	if (i->kind == FINDING_OWN_ATTACKED) {
		r->attacked = true;
		r->attacked_packets += i->packets;
	} else {
		add_packets(r, i);
		r->destinations = i->destinations > r->destinations ? i->destinations : r->destinations;
		if (r->state < STATE_SUSPECTED)
			/* One without confidence was withdrawn: later packets say otherwise. */
			r->state = i->kind == FINDING_OWN_SUSPECT && i->confidence > 0 ? STATE_SUSPECTED : STATE_WATCH;
	}
	r->first_ns = i->first_ns < r->first_ns ? i->first_ns : r->first_ns;
	r->last_ns = i->last_ns > r->last_ns ? i->last_ns : r->last_ns;
}

static int by_weight(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	if (a->state != b->state)
		return a->state > b->state ? -1 : 1;
	if (a->last_ns != b->last_ns)
		return a->last_ns > b->last_ns ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static void gather(struct own *o)
{
	if (!o->n)
		return;
	qsort(o->items, o->n, sizeof *o->items, by_address);
	for (size_t i = 0; i < o->n; i++) {
		if (i == 0 || !same(&o->items[i - 1], &o->items[i])) {
			o->rows = idmap_room(o->rows, o->rows_n + 1, &o->rows_room, sizeof *o->rows);
			o->rows[o->rows_n++] = (struct row){ .at = i, .first_ns = INT64_MAX, .last_ns = INT64_MIN };
		}
		add(&o->rows[o->rows_n - 1], &o->items[i]);
	}
	qsort(o->rows, o->rows_n, sizeof *o->rows, by_weight);
}

static const char *case_of(const struct own *o, const struct row *r)
{
	const struct item *first = &o->items[r->at];
	for (size_t k = 0; k < o->cases_n; k++) {
		const struct open_case *open = &o->cases[k];
		if (!masked(first) && strcmp(open->tenant, first->tenant) == 0 &&
			cases_holds(open->devices, first->address))
			return open->id;
		for (size_t i = 0; i < r->n; i++)
			if (cases_holds(open->findings, o->items[r->at + i].id))
				return open->id;
	}
	return NULL;
}

static void put_item(struct json *j, const struct item *i)
{
	json_object(j, NULL);
	json_str(j, "id", i->id);
	json_str(j, "kind", finding_kind_name(i->kind));
	json_str(j, "sensor", i->sensor);
	json_str(j, "tool", i->tool);
	json_u64(j, "packets", i->packets);
	json_u64(j, "destinations", i->destinations);
	json_u64(j, "confidence", i->confidence);
	records_time(j, "first", i->first_ns);
	records_time(j, "last", i->last_ns);
	json_end(j, '}');
}

static void put_row(const struct own *o, struct json *j, const struct row *r)
{
	static const char *const states[] = { NULL, "watch", "suspected" };
	const struct item *last = &o->items[r->at];
	struct cases_owner owner;
	for (size_t i = 1; i < r->n; i++)
		last = o->items[r->at + i].last_ns > last->last_ns ? &o->items[r->at + i] : last;
	cases_owner(o->c, last->address, last->detail, r->last_ns, &owner);
	json_object(j, NULL);
	json_str(j, "address", last->address);
	json_str(j, "tenant", last->tenant);
	json_str(j, "owner", owner.owner[0] ? owner.owner : NULL);
	json_str(j, "contact", owner.contact[0] ? owner.contact : NULL);
	json_str(j, "state", states[r->state]);
	json_bool(j, "attacked", r->attacked);
	json_u64(j, "packets", r->packets);
	json_u64(j, "destinations", r->destinations);
	json_u64(j, "attacked_packets", r->attacked_packets);
	records_time(j, "first", r->first_ns);
	records_time(j, "last", r->last_ns);
	json_array(j, "findings");
	for (size_t i = 0; i < r->n; i++)
		put_item(j, &o->items[r->at + i]);
	json_end(j, ']');
	json_str(j, "case", case_of(o, r));
	json_end(j, '}');
}

static int answer(struct own *o, struct err *err)
{
	struct json j;
	const char *sensor = view_text(o->c, "sensor");
	struct findings_query q = { .now_ns = o->c->now_ns,
		.own = true,
		.sensor = sensor && *sensor ? sensor : NULL,
		.spoofable = -1,
		.state = FINDINGS_ALL };
	int rc = records_period(o->c, &q.from_ns, &q.to_ns, err);
	rc = rc ? rc : records_code(findings_each(o->c->store, &q, take, o, err), 0);
	rc = rc ? rc : records_code(store_each(o->c->store, &case_kind, take_case, o, err), VIEW_FAILED);
	if (rc)
		return rc;
	gather(o);
	json_init(&j, o->c->out);
	json_object(&j, NULL);
	json_array(&j, "rows");
	for (size_t i = 0; i < o->rows_n && !records_over(o->c); i++)
		put_row(o, &j, &o->rows[i]);
	json_end(&j, ']');
	json_bool(&j, "cut", o->cut);
	json_end(&j, '}');
	json_line(&j);
	return 0;
}

static int own(struct view_call *c, struct err *err)
{
	struct own o = { .c = c };
	int rc = answer(&o, err);
	free(o.items);
	free(o.rows);
	free(o.cases);
	return rc;
}

static const struct view_param params[] = { RECORDS_PERIOD, { "sensor", VIEW_TEXT, "only what this sensor saw" } };

const struct view own_view = {
	.method = "GET",
	.path = "/own",
	.level = VIEW_VIEWER,
	.summary = "Own addresses that findings of the time asked for are about: suspected first, then watched, then "
		   "attacked",
	.params = params,
	.params_n = sizeof params / sizeof *params,
	.answer =
		"{rows: [{address: text, tenant: text, owner: text|null, contact: text|null, state: text|null, "
		"attacked: bool, packets: integer, destinations: integer, attacked_packets: integer, first: text|null, "
		"first_ns: integer|null, last: text|null, last_ns: integer|null, findings: [{id: text, kind: text, "
		"sensor: text, tool: text|null, packets: integer, destinations: integer, confidence: integer, "
		"first: text|null, first_ns: integer|null, last: text|null, last_ns: integer|null}], case: "
		"text|null}], "
		"cut: bool}",
	.fn = own,
};
