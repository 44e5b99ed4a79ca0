// SPDX-License-Identifier: Apache-2.0
#include "view/filter.h"

#include "base/json.h"
#include "view/place.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum { VERDICT_IN = 1, VERDICT_RESEARCH = 2, VERDICT_COUNTED = 4 };

static bool declared(const struct view_call *c, const char *name)
{
	for (size_t i = 0; i < c->view->params_n; i++)
		if (strcmp(c->view->params[i].name, name) == 0)
			return true;
	return false;
}

static const struct view_value *given(const struct view_call *c, const char *name)
{
	const struct view_value *v = declared(c, name) ? view_value(c, name) : NULL;
	return v && v->text && v->text[0] ? v : NULL;
}

static int number(const struct view_call *c, const char *name, uint64_t most, int64_t *out, struct err *err)
{
	const struct view_value *v = given(c, name);
	if (!v)
		return 0;
	if (v->number > most)
		return err_set(err, VIEW_BAD, "%s: at most %llu", name, (unsigned long long)most);
	*out = (int64_t)v->number;
	return 0;
}

int filter_proto(const char *text)
{
	static const struct {
		const char *name;
		int number;
	} known[] = { { "tcp", PROTO_TCP }, { "udp", PROTO_UDP }, { "icmp", PROTO_ICMP } };
	char *end;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(text, known[i].name) == 0)
			return known[i].number;
	if (!isdigit((unsigned char)text[0]))
		return -1;
	unsigned long n = strtoul(text, &end, 10);
	return *end || end - text > 3 || n > 255 ? -1 : (int)n;
}

int filter_classes(const char *words, uint32_t *out)
{
	*out = 0;
	for (const char *w = words; *w;) {
		size_t n = strcspn(w, ",");
		int found = -1;
		for (int k = 0; k < CLASS_N; k++) {
			const char *name = packet_class_name((enum packet_class)k);
			if (strlen(name) == n && strncmp(name, w, n) == 0)
				found = k;
		}
		if (found < 0)
			return -1;
		*out |= 1u << found;
		w += n + (w[n] == ',');
	}
	return 0;
}

int filter_country(const char *text, char out[3])
{
	if (strlen(text) != 2 || !isalpha((unsigned char)text[0]) || !isalpha((unsigned char)text[1]))
		return -1;
	out[0] = (char)toupper((unsigned char)text[0]);
	out[1] = (char)toupper((unsigned char)text[1]);
	out[2] = 0;
	return 0;
}

static int ends(struct filter *f, const struct view_call *c, struct err *err)
{
	const struct view_value *v;
	if ((v = given(c, "src"))) {
		f->has_src = true;
		f->src = v->prefix;
	}
	if ((v = given(c, "dst"))) {
		if (!(c->who->principal.rights & PRINCIPAL_SEE_DARK))
			return err_set(err, VIEW_REFUSED, "dst: only who may see dark addresses can ask for them");
		f->has_dst = true;
		f->dst = v->prefix;
	}
	int64_t sport = -1, dport = -1;
	int code = number(c, "sport", 65535, &sport, err);
	if (!code)
		code = number(c, "dport", 65535, &dport, err);
	f->sport = (int)sport;
	f->dport = (int)dport;
	return code;
}

static int place(struct filter *f, const struct view_call *c, struct err *err)
{
	const struct view_value *v = given(c, "country");
	int64_t asn = -1;
	if (v && filter_country(v->text, f->country))
		return err_set(err, VIEW_BAD, "country: two letters, as JP");
	int code = number(c, "asn", UINT32_MAX, &asn, err);
	f->has_asn = asn >= 0;
	f->asn = asn >= 0 ? (uint32_t)asn : 0;
	return code;
}

static int kinds(struct filter *f, const struct view_call *c, struct err *err)
{
	const struct view_value *v = given(c, "proto");
	if (v && (f->proto = filter_proto(v->text)) < 0)
		return err_set(err, VIEW_BAD, "proto: tcp, udp, icmp or a number to 255");
	if ((v = given(c, "class")) && filter_classes(v->text, &f->classes))
		return err_set(err, VIEW_BAD, "class: one of %s, or several by commas", FILTER_CLASSES);
	if ((v = given(c, "mark")) && !(f->marks = place_tags(v->text)))
		return err_set(err, VIEW_BAD, "mark: zmap, masscan, mirai or nmap");
	return 0;
}

int filter_init(struct filter *f, const struct view_call *c, struct err *err)
{
	const struct view_value *v;
	*f = (struct filter){ .sport = -1, .dport = -1, .proto = -1, .know = c->know };
	idmap_init(&f->seen, FILTER_SOURCES, c->seed);
	f->from_ns = view_value(c, "from")->ns;
	f->to_ns = view_value(c, "to")->ns;
	if (f->from_ns >= f->to_ns)
		return err_set(err, VIEW_BAD, "from: must lie before to");
	if ((v = given(c, "sensor")))
		f->sensor = v->text;
	f->no_research = (v = given(c, "research")) && strcmp(v->text, "exclude") == 0;
	int code = ends(f, c, err);
	if (!code)
		code = place(f, c, err);
	if (!code)
		code = kinds(f, c, err);
	f->open = !f->no_research && !f->has_src && !f->has_dst && !f->has_asn && f->sport < 0 && f->dport < 0 &&
		  f->proto < 0 && !f->classes && !f->marks && !f->country[0];
	return code;
}

void filter_fini(struct filter *f)
{
	idmap_fini(&f->seen);
	free(f->verdicts);
}

static uint8_t judge(struct filter *f, const struct addr *a, int64_t ns)
{
	struct location l = { 0 };
	if (f->country[0] || f->has_asn) {
		if (f->know)
			knowing_place(f->know, a, &l);
		if (f->country[0] && strcmp(l.country, f->country) != 0)
			return 0;
		if (f->has_asn && (!l.has_asn || l.asn != f->asn))
			return 0;
	}
	if (f->no_research && f->know && knowing_research(f->know, a, ns))
		return VERDICT_RESEARCH;
	return VERDICT_IN;
}

/* What is known of the source, remembered. */
static uint8_t *verdict(struct filter *f, const struct addr *a, int64_t ns)
{
	bool fresh;
	if (f->has_last && addr_same(&f->last, a))
		return &f->verdicts[f->last_n];
	uint64_t key = addr_is4(a) ? addr_to4(a) : addr_hash(a, f->seen.seed) | (uint64_t)1 << 63;
	uint32_t n = idmap_take(&f->seen, key, &fresh);
	if (n == IDMAP_NONE) {
		f->unkept = judge(f, a, ns);
		return &f->unkept;
	}
	f->verdicts = idmap_room(f->verdicts, f->seen.n, &f->verdicts_room, sizeof *f->verdicts);
	if (fresh)
		f->verdicts[n] = judge(f, a, ns);
	f->last = *a;
	f->last_n = n;
	f->has_last = true;
	return &f->verdicts[n];
}

static bool needs_verdict(const struct filter *f)
{
	return f->no_research || f->country[0] || f->has_asn;
}

bool filter_source(struct filter *f, const struct addr *a, int64_t ns)
{
	if (f->has_src && !prefix_holds(&f->src, a))
		return false;
	return !needs_verdict(f) || (*verdict(f, a, ns) & VERDICT_IN);
}

static bool same_proto(int asked, uint8_t proto)
{
	return asked < 0 || asked == proto || (asked == PROTO_ICMP && proto == PROTO_ICMPV6);
}

static bool same_ends(const struct filter *f, const struct flow *flow)
{
	return (!f->has_src || prefix_holds(&f->src, &flow->src)) &&
	       (!f->has_dst || prefix_holds(&f->dst, &flow->dst)) && (f->sport < 0 || f->sport == flow->sport) &&
	       (f->dport < 0 || f->dport == flow->dport);
}

bool filter_flow(struct filter *f, const struct flow *flow)
{
	if (f->open)
		return true;
	if (!same_ends(f, flow) || !same_proto(f->proto, flow->proto))
		return false;
	if ((f->classes && !(f->classes >> flow->cls & 1)) || (f->marks && !(f->marks & flow->tags)))
		return false;
	if (!needs_verdict(f))
		return true;
	uint8_t *v = verdict(f, &flow->src, flow->first_ns);
	if (*v & VERDICT_RESEARCH) {
		f->out_packets += flow->packets;
		f->out_sources += !(*v & VERDICT_COUNTED);
		*v |= VERDICT_COUNTED;
	}
	return *v & VERDICT_IN;
}

static int chunk(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct filter_scan *s = arg;
	struct filter *f = s->filter;
	struct flow kept[ARCHIVE_CHUNK];
	size_t k = 0;
	if (f->sensor && strcmp(f->sensor, h->sensor) != 0)
		return 0;
	s->seen += n;
	if (s->seen > FILTER_FLOWS) {
		s->code = VIEW_TOO_LARGE;
		return 1;
	}
	if (f->open) {
		for (size_t i = 0; i < n; i++)
			s->packets += flows[i].packets;
		s->flows += n;
		s->code = s->fn(s->arg, h, flows, n);
		return s->code != 0;
	}
	for (size_t i = 0; i < n; i++)
		if (filter_flow(f, &flows[i])) {
			s->packets += flows[i].packets;
			kept[k++] = flows[i];
		}
	s->flows += k;
	s->code = k ? s->fn(s->arg, h, kept, k) : 0;
	return s->code != 0;
}

static bool passed_over(void *arg, const struct archive_header *h, bool whole)
{
	struct filter_scan *s = arg;
	if (s->filter->sensor && strcmp(s->filter->sensor, h->sensor) != 0)
		return true;
	if (!whole || !s->filter->open || !s->block || !s->block(s->arg, h))
		return false;
	s->flows += h->flows;
	s->packets += h->packets;
	return true;
}

int filter_scan(struct filter_scan *s, struct filter *f, const struct view_call *c, struct err *err)
{
	s->filter = f;
	s->call = c;
	s->seen = s->flows = s->packets = 0;
	s->code = 0;
	struct store_scan scan = { .from_ns = f->from_ns,
		.to_ns = f->to_ns,
		.src = f->has_src ? &f->src : NULL,
		.fn = chunk,
		.block = passed_over,
		.arg = s,
		.cancel = c->cancel };
	int rc = store_scan_flows(c->store, &scan, err);
	s->broken = scan.broken_n;
	if (rc == -STORE_STOPPED && s->code)
		return s->code == VIEW_TOO_LARGE ? err_set(err, s->code, "more than %llu flows: ask for less time",
							   (unsigned long long)FILTER_FLOWS)
						 : s->code;
	if (rc == -STORE_STOPPED)
		return err_set(err, VIEW_AWAY, "stopped: nobody waits for it any more");
	return rc ? VIEW_FAILED : 0;
}

#define GAPS 1000

struct gaps {
	struct json *j;
	const struct filter *f;
	uint64_t n;
};

static int put_gap(void *arg, const void *record)
{
	struct gaps *g = arg;
	const struct gap *gap = record;
	if (gap->to_ns <= g->f->from_ns || gap->from_ns >= g->f->to_ns ||
		(g->f->sensor && strcmp(g->f->sensor, gap->sensor) != 0))
		return 0;
	if (g->n++ < GAPS)
		row_json(g->j, NULL, &gap_kind, gap);
	return 0;
}

int filter_gaps(struct json *j, const struct filter *f, struct store *s, struct err *err)
{
	struct gaps g = { .j = j, .f = f };
	json_array(j, "gaps");
	int code = store_each(s, &gap_kind, put_gap, &g, err);
	json_end(j, ']');
	json_u64(j, "gaps_n", g.n);
	return code ? VIEW_FAILED : 0;
}

void filter_left_out(struct json *j, const struct filter *f)
{
	json_object(j, "left_out");
	json_u64(j, "packets", f->out_packets);
	json_u64(j, "sources", f->out_sources);
	json_end(j, '}');
}
