// SPDX-License-Identifier: Apache-2.0
/* /sources/{address}: all that is known of one address: what it sent, when, where it is, what was found, who is near.
 */
#include "view/filter.h"
#include "view/list.h"
#include "view/neighbours.h"
#include "view/place.h"
#include "view/records.h"
#include "store/history.h"

#include "base/mem.h"

#include <stdlib.h>

#define PORTS	    256		      /* shown */
#define MAX_PORTS   ((size_t)1 << 17) /* kept: all of TCP and UDP */
#define MAX_TARGETS ((size_t)1 << 20)
#define HISTORY	    10000
#define FINDINGS    100

struct port {
	uint32_t number; /* protocol << 16 | port */
	uint64_t packets;
};

struct one {
	struct view_call *call;
	struct filter *filter;
	struct json j;
	uint64_t classes[CLASS_N], flows, packets, bytes;
	uint32_t marks[PLACE_TOOLS];
	int64_t first_ns, last_ns;
	struct idmap targets, ports;
	struct port *v;
	size_t room;
	uint64_t shown;
	struct finding *copy;
};

static void add_flow(struct one *o, const struct flow *f)
{
	bool fresh;
	o->first_ns = !o->flows || f->first_ns < o->first_ns ? f->first_ns : o->first_ns;
	o->last_ns = !o->flows || f->last_ns > o->last_ns ? f->last_ns : o->last_ns;
	o->flows++;
	o->packets += f->packets;
	o->bytes += f->bytes;
	o->classes[f->cls] += f->packets;
	place_marks(o->marks, f);
	(void)idmap_take(&o->targets,
		addr_is4(&f->dst) ? addr_to4(&f->dst) : addr_hash(&f->dst, o->targets.seed) | (uint64_t)1 << 63,
		&fresh);
	if (f->proto != PROTO_TCP && f->proto != PROTO_UDP)
		return;
	uint32_t n = idmap_take(&o->ports, (uint64_t)f->proto << 16 | f->dport, &fresh);
	if (n == IDMAP_NONE)
		return;
	o->v = idmap_room(o->v, o->ports.n, &o->room, sizeof *o->v);
	o->v[n].number = (uint32_t)f->proto << 16 | f->dport;
	o->v[n].packets += f->packets;
}

static int add(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct one *o = arg;
	(void)h;
	for (size_t i = 0; i < n; i++)
		add_flow(o, &flows[i]);
	return 0;
}

static int by_packets(const void *x, const void *y)
{
	const struct port *a = x, *b = y;
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static void put_ports(struct one *o)
{
	struct json *j = &o->j;
	if (o->ports.n)
		qsort(o->v, o->ports.n, sizeof *o->v, by_packets);
	json_array(j, "ports");
	for (size_t i = 0; i < o->ports.n && i < PORTS; i++) {
		json_object(j, NULL);
		json_u64(j, "port", o->v[i].number & 0xffff);
		json_str(j, "proto", o->v[i].number >> 16 == PROTO_TCP ? "tcp" : "udp");
		json_u64(j, "packets", o->v[i].packets);
		json_end(j, '}');
	}
	json_end(j, ']');
	json_u64(j, "ports_n", o->ports.n);
}

static void time_or_null(struct json *j, const char *key, const char *key_ns, bool known, int64_t ns)
{
	if (known) {
		json_time(j, key, ns);
		json_i64(j, key_ns, ns);
	} else {
		json_null(j, key);
		json_null(j, key_ns);
	}
}

static void head(struct one *o, const struct addr *a, const struct filter_scan *s)
{
	char text[ADDR_TEXT_MAX];
	const struct view_call *c = o->call;
	struct json *j = &o->j;
	bool owners = c->know && (c->who->principal.rights & PRINCIPAL_SEE_SUBSCRIBER);
	json_str(j, "address", addr_text(text, a));
	place_json(c, j, a);
	json_str(j, "research", c->know ? knowing_research(c->know, a, c->now_ns) : NULL);
	json_str(j, "owner", owners ? knowing_owner(c->know, a, c->now_ns) : NULL);
	json_u64(j, "packets", o->packets);
	json_u64(j, "bytes", o->bytes);
	json_u64(j, "flows", s->flows);
	time_or_null(j, "first", "first_ns", o->flows, o->first_ns);
	time_or_null(j, "last", "last_ns", o->flows, o->last_ns);
	json_object(j, "classes");
	for (int k = 0; k < CLASS_N; k++)
		if (k <= CLASS_ICMP || o->classes[k])
			json_u64(j, packet_class_name((enum packet_class)k), o->classes[k]);
	json_end(j, '}');
	json_u64(j, "targets", o->targets.n);
	json_bool(j, "exact", !o->targets.refused);
	json_array(j, "tools");
	place_tools(j, o->marks, o->packets);
	json_end(j, ']');
	put_ports(o);
}

static int put_history(void *arg, const char *sensor, enum history_span span, const struct source *s)
{
	static const char *const spans[] = { "hour", "day", "minute" };
	struct one *o = arg;
	struct json *j = &o->j;
	if (o->filter->sensor && strcmp(o->filter->sensor, sensor) != 0)
		return 0;
	if (o->shown++ == HISTORY || records_over(o->call))
		return 1;
	json_object(j, NULL);
	json_time(j, "start", s->minute * MINUTE_NS);
	json_i64(j, "start_ns", s->minute * MINUTE_NS);
	json_str(j, "span", spans[span]);
	json_str(j, "sensor", sensor);
	json_u64(j, "packets", s->packets);
	json_u64(j, "targets", s->targets);
	json_u64(j, "ports", s->ports);
	json_end(j, '}');
	return 0;
}

static int put_finding(void *arg, const struct finding *f, const struct findings_said *said)
{
	struct one *o = arg;
	*o->copy = *f;
	records_finding(o->call, &o->j, o->copy, said);
	return records_over(o->call);
}

static int findings(struct one *o, const struct addr *a, struct err *err)
{
	char text[ADDR_TEXT_MAX];
	struct findings_query q = { .from_ns = o->filter->from_ns,
		.to_ns = o->filter->to_ns,
		.now_ns = o->call->now_ns,
		.subject = addr_text(text, a),
		.sensor = o->filter->sensor,
		.spoofable = -1,
		.min_confidence = -1,
		.state = FINDINGS_ALL,
		.limit = FINDINGS };
	o->copy = mem_new(sizeof *o->copy);
	json_array(&o->j, "findings");
	int rc = findings_each(o->call->store, &q, put_finding, o, err);
	json_end(&o->j, ']');
	free(o->copy);
	return rc < 0 && rc != -STORE_STOPPED ? VIEW_FAILED : 0;
}

static int print(struct one *o, const struct addr *a, const struct filter_scan *s, struct err *err)
{
	struct json *j = &o->j;
	json_init(j, o->call->out);
	json_object(j, NULL);
	head(o, a, s);
	json_array(j, "history");
	int rc = store_history(o->call->store, a, o->filter->from_ns, o->filter->to_ns, put_history, o);
	json_end(j, ']');
	int code = rc < 0 && rc != -STORE_STOPPED ? VIEW_FAILED : findings(o, a, err);
	if (!code)
		code = neighbours_json(o->call, o->filter,
			&(struct neighbours){ *a, o->flows ? o->last_ns + 1 : o->filter->to_ns }, j);
	json_end(j, '}');
	json_line(j);
	return code;
}

static int source(struct view_call *c, struct err *err)
{
	struct filter f;
	struct one o = { .call = c, .filter = &f };
	struct filter_scan s = { .fn = add, .arg = &o };
	idmap_init(&o.targets, MAX_TARGETS, c->seed);
	idmap_init(&o.ports, MAX_PORTS, c->seed + 1);
	int code = filter_init(&f, c, err);
	f.src = view_value(c, "address")->prefix;
	f.has_src = true;
	f.open = false;
	if (!code)
		code = filter_scan(&s, &f, c, err);
	if (!code)
		code = print(&o, &f.src.addr, &s, err);
	idmap_fini(&o.targets);
	idmap_fini(&o.ports);
	free(o.v);
	filter_fini(&f);
	return code;
}

static const struct view_param params[] = {
	{ .name = "address", .type = VIEW_ADDRESS, .required = true, .meaning = "the address" },
	FILTER_TIME,
	FILTER_SENSOR,
};

#define NEIGHBOUR "{address: text, packets: integer, tools: [text]}"

const struct view source_view = {
	"GET",
	"/sources/{address}",
	VIEW_VIEWER,
	"All about one address: what it sent (from the flows; the 256 ports with most packets of `ports_n`), its "
	"history by "
	"minutes, hours and days (10,000 rows), findings about it (the newest 100), and who is near: the 256 busiest "
	"of its "
	"/24 or /64 and the 100 busiest of its autonomous system, both of the day up to when it was seen last, or as "
	"much of it "
	"as four "
	"million records reach (`from_ns`).",
	params,
	sizeof params / sizeof *params,
	"{address: text, place: " PLACE_SHAPE
	", research: text|null, owner: text|null, packets: integer, bytes: integer, "
	"flows: integer, first: text|null, first_ns: integer|null, last: text|null, last_ns: integer|null, "
	"classes: {*: integer}, targets: integer, exact: bool, tools: [text], "
	"ports: [{port: integer, proto: text, packets: integer}], ports_n: integer, "
	"history: [{start: text, start_ns: integer, span: text, sensor: text, packets: integer, targets: integer, "
	"ports: "
	"integer}], findings: [{" RECORDS_FINDING ", " RECORDS_SAID "}], neighbours: [" NEIGHBOUR "], "
	"as_neighbours: {asn: integer|null, sources: integer, packets: integer, from_ns: integer, to_ns: integer, "
	"rows: "
	"[" NEIGHBOUR "]}}",
	source,
};
