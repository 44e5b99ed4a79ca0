// SPDX-License-Identifier: Apache-2.0
#include "view/tallying.h"

#include "base/zone.h"

static const char *place(void *arg, enum tally_by by, const struct addr *a)
{
	const struct tallying *t = arg;
	return t->call->know ? knowing_key(t->call->know, by == TALLY_AS, a) : NULL;
}

static bool leave_out(void *arg, const struct addr *a, int64_t ns)
{
	const struct tallying *t = arg;
	return t->filter->no_research && t->call->know && knowing_research(t->call->know, a, ns);
}

static int64_t zone(void *arg, int64_t ns)
{
	(void)arg;
	return zone_offset_s(ns);
}

static void on_flow(void *arg, const struct flow *f, bool late)
{
	struct tallying *t = arg;
	if (t->darknet && late)
		darknet_late(t->darknet, f);
	else if (t->darknet)
		darknet_flow(t->darknet, f);
	tally_flow(t->tally, f);
}

static void on_source(void *arg, const struct source *s)
{
	struct tallying *t = arg;
	darknet_source(t->darknet, s);
}

static void on_minute(void *arg, int64_t minute_ns)
{
	struct tallying *t = arg;
	(void)minute_ns;
	darknet_minute(t->darknet);
}

static void start_darknet(struct tallying *t)
{
	struct knowing *know = t->call->know;
	struct darknet_params p = {
		.sensor = t->filter->sensor,
		.seed = t->call->seed,
		.research = know ? knowing_research : NULL,
		.owner = know ? knowing_owner : NULL,
		.place = know ? knowing_place : NULL,
		.arg = know,
	};
	t->darknet = darknet_new(&p);
}

static int code_of(const struct stored *s, int code, struct err *err)
{
	if (s->too_many)
		return err_set(
			err, VIEW_TOO_LARGE, "more than %llu flows: ask for less time", (unsigned long long)s->most);
	if (code == -STORE_STOPPED)
		return err_set(err, VIEW_AWAY, "stopped: nobody waits for it any more");
	return code ? VIEW_FAILED : 0;
}

int tallying_run(struct tallying *t, struct err *err)
{
	const struct view_call *c = t->call;
	struct tally_params p = { .seed = c->seed,
		.offset_s = zone,
		.place = place,
		.leave_out = leave_out,
		.arg = t,
		.only = t->only,
		.no_days = t->no_days };
	bool concluded = true;
	t->tally = tally_new(&p);
	if (t->findings && stored_concluded(c->store, t->filter->sensor, &concluded, err))
		return VIEW_FAILED;
	if (!concluded)
		start_darknet(t);
	struct telescope_sink sink = { .arg = t,
		.flow = on_flow,
		.source = t->darknet ? on_source : NULL,
		.minute = t->darknet ? on_minute : NULL };
	t->stored = (struct stored){ .store = c->store,
		.from_ns = t->filter->from_ns,
		.to_ns = t->filter->to_ns,
		.sensor = t->filter->sensor,
		.sink = &sink,
		.filter = t->filtered ? t->filter : NULL,
		.cancel = c->cancel,
		.most = FILTER_FLOWS,
		.seed = c->seed };
	int code = stored_run(&t->stored, err);
	t->stored.sink = NULL;
	return code_of(&t->stored, code, err);
}

void tallying_free(struct tallying *t)
{
	tally_free(t->tally);
	darknet_free(t->darknet);
}

int tallying_findings(struct tallying *t, void (*fn)(void *arg, const struct finding *), void *arg)
{
	if (!t->darknet)
		return stored_findings(&t->stored, fn, arg) ? VIEW_FAILED : 0;
	if (t->stored.seen[0])
		darknet_set_sensor(t->darknet, t->stored.seen);
	darknet_finish(t->darknet, fn, arg);
	return 0;
}

void tallying_tool(struct tally *t, const struct finding *f)
{
	struct addr a;
	if (f->kind == FINDING_SCAN && addr_parse(f->subject, &a, NULL) == 0)
		tally_tool(t, f->tool, &a, f->packets, f->first_ns);
}
