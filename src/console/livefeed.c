// SPDX-License-Identifier: Apache-2.0
#include "console/livefeed.h"

#include "base/json.h"
#include "base/mem.h"
#include "model/finding.h"
#include "model/gap.h"
#include <stdlib.h>

/* A value on one line: json.h ends none by itself. */
struct line {
	char *text;
	size_t n;
	FILE *f;
	struct json j;
};

static void begin(struct line *l)
{
	*l = (struct line){ 0 };
	l->f = open_memstream(&l->text, &l->n);
	ENSURE(l->f);
	json_init(&l->j, l->f);
	json_object(&l->j, NULL);
}

static void give(struct line *l, struct live *to, const char *event, const char *sensor, unsigned needs)
{
	json_end(&l->j, '}');
	fclose(l->f);
	live_event(to, event, sensor, needs, l->text, l->n);
	free(l->text);
}

/* Subjects begin with an address, or have none. */
static bool is_own(const struct livefeed_own *own, const char *subject)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;
	size_t n = strcspn(subject, " ");
	if (!own || n >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", (int)n, subject);
	if (addr_parse(text, &a, NULL) < 0)
		return false;
	for (size_t i = 0; i < own->n; i++)
		if (prefix_holds(&own->v[i], &a))
			return true;
	return false;
}

/* Whoever reads own-*, or of an own address, may learn who is behind it. */
static unsigned needs_of(const struct livefeed_own *own, const char *kind, const char *subject)
{
	return strncmp(kind, "own-", 4) == 0 || is_own(own, subject) ? LIVE_SEE_SUBSCRIBER : 0;
}

static void tell_finding(struct live *to, const struct livefeed_own *own, const struct finding *f)
{
	struct line l;
	const char *kind = finding_kind_name(f->kind);
	begin(&l);
	json_str(&l.j, "id", f->id);
	json_str(&l.j, "kind", kind);
	json_str(&l.j, "subject", f->subject);
	json_str(&l.j, "sensor", f->sensor);
	if (f->tool)
		json_str(&l.j, "tool", f->tool);
	else
		json_null(&l.j, "tool");
	json_str(&l.j, "severity", f->severity);
	json_u64(&l.j, "confidence", f->confidence);
	json_bool(&l.j, "spoofable", f->spoofable);
	json_u64(&l.j, "packets", f->packets);
	json_i64(&l.j, "first_ns", f->first_ns);
	json_i64(&l.j, "last_ns", f->last_ns);
	give(&l, to, "finding", f->sensor, needs_of(own, kind, f->subject));
}

static void tell_signal(struct live *to, const struct livefeed_own *own, const struct signal *s)
{
	struct line l;
	begin(&l);
	json_i64(&l.j, "at_ns", s->at_ns);
	json_str(&l.j, "sensor", s->sensor);
	json_str(&l.j, "source", s->source);
	json_str(&l.j, "kind", s->kind);
	json_u64(&l.j, "value", s->value);
	json_u64(&l.j, "threshold", s->threshold);
	give(&l, to, "signal", s->sensor, needs_of(own, s->kind, s->source));
}

static void tell_gap(struct live *to, const struct gap *g)
{
	struct line l;
	begin(&l);
	json_str(&l.j, "sensor", g->sensor);
	json_i64(&l.j, "from_ns", g->from_ns);
	json_i64(&l.j, "to_ns", g->to_ns);
	json_str(&l.j, "reason", g->reason);
	json_u64(&l.j, "dropped", g->dropped);
	give(&l, to, "gap", g->sensor, 0);
}

static void take_one(struct live *l, const struct livefeed_own *own, unsigned kind, struct message_reader *in)
{
	if (kind == MESSAGE_FINDING) {
		struct finding *f = mem_new(sizeof *f);
		message_get_finding(in, f);
		if (!in->bad)
			tell_finding(l, own, f);
		free(f);
	} else if (kind == MESSAGE_SIGNAL) {
		struct signal s = { 0 };
		message_get_signal(in, &s);
		if (!in->bad)
			tell_signal(l, own, &s);
	} else {
		struct gap g = { 0 };
		message_get_row(in, &gap_kind, &g);
		if (!in->bad)
			tell_gap(l, &g);
	}
}

int livefeed_take(struct live *l, const struct livefeed_own *own, const struct message *m)
{
	struct message_reader in = { .in = m->body };
	if (m->kind != MESSAGE_FINDING && m->kind != MESSAGE_SIGNAL && m->kind != MESSAGE_GAP)
		return -1;
	uint32_t n = 0;
	for (; n < m->count && !in.bad && in.in.n; n++)
		take_one(l, own, m->kind, &in);
	return n == m->count && message_whole(&in) ? 0 : -1;
}
