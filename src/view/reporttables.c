// SPDX-License-Identifier: Apache-2.0
/* What each table of a report has. */
#include "base/mem.h"
#include "base/text.h"
#include "view/reporttable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(v)  (sizeof(v) / sizeof *(v))
#define TOP_PORTS  10
#define TOP_PLACES 20
#define TOP_ORGS   20

struct fill {
	struct reporttable *t;
	const struct report *r;
	enum message_language l;
	size_t at; /* next column of the row */
};

static struct fill begin(struct reporttables *all, const struct report *r, enum message_language l, const char *name,
	const struct reportcolumn *columns, size_t n)
{
	ENSURE(all->n < REPORTTABLES && n <= REPORTTABLE_COLUMNS);
	struct reporttable *t = &all->v[all->n++];
	*t = (struct reporttable){ .name = name, .columns = columns, .columns_n = n };
	return (struct fill){ .t = t, .r = r, .l = l };
}
#define BEGIN(name, columns) begin(all, r, l, name, columns, LENGTH(columns))

static void row(struct fill *f)
{
	struct reporttable *t = f->t;
	ENSURE(t->rows == 0 || f->at == t->columns_n);
	if (t->rows == t->room) {
		t->room = t->room ? t->room * 2 : 16;
		t->cells = mem_grow(t->cells, t->room * t->columns_n * sizeof *t->cells);
	}
	t->rows++;
	f->at = 0;
}

static struct reportcell *cell(struct fill *f)
{
	ENSURE(f->at < f->t->columns_n);
	struct reportcell *c = &f->t->cells[(f->t->rows - 1) * f->t->columns_n + f->at];
	*c = (struct reportcell){ .type = f->t->columns[f->at].type };
	f->at++;
	return c;
}

static void none(struct fill *f)
{
	cell(f)->type = REPORT_NONE;
}

static void text(struct fill *f, const char *s)
{
	struct reportcell *c = cell(f);
	if (!s || !*s)
		c->type = REPORT_NONE;
	else
		snprintf(c->text, sizeof c->text, "%.*s", text_cut(s, sizeof c->text - 1), s);
}

static void word(struct fill *f, const char *prefix, const char *key)
{
	char whole[96];
	snprintf(whole, sizeof whole, "%s%s", prefix, key);
	text(f, messages_text(f->l, whole));
}

static void count(struct fill *f, uint64_t n)
{
	cell(f)->n = n;
}

static void hosts(struct fill *f, uint64_t n, bool estimate)
{
	struct reportcell *c = cell(f);
	c->n = n;
	c->estimate = estimate;
	f->t->estimate |= estimate;
}

/* With research scanners, and without them. */
static void split(struct fill *f, const struct report_split *s)
{
	count(f, report_with(s));
	count(f, s->n[REPORT_OTHERS]);
}

/* The same where they may not be told apart. */
static void split_known(struct fill *f, const struct report_split *s, bool known)
{
	count(f, report_with(s));
	if (known)
		count(f, s->n[REPORT_OTHERS]);
	else
		none(f);
}

static void split_hosts(struct fill *f, const struct report_split *s, bool estimate)
{
	hosts(f, report_with(s), estimate);
	hosts(f, s->n[REPORT_OTHERS], estimate);
}

static void ratio(struct fill *f, double x)
{
	struct reportcell *c = cell(f);
	c->x = x;
	if (x < 0)
		c->type = REPORT_NONE;
}

static void percent(struct fill *f, uint64_t part, uint64_t whole)
{
	ratio(f, whole ? 100.0 * (double)part / (double)whole : -1);
}

static void date(struct fill *f, int64_t day)
{
	cell(f)->at = day;
}

static void when(struct fill *f, int64_t ns)
{
	cell(f)->at = ns;
}

static struct report_split packets_of(const struct reportscan *s)
{
	struct report_split all = { { 0 } };
	for (size_t i = 0; i < s->bins_n; i++)
		for (int g = 0; g < REPORT_GROUPS; g++)
			for (int p = 0; p < REPORT_PARTS; p++)
				all.n[p] += s->bins[i].packets[g].n[p];
	return all;
}

/* ---- totals ---- */

static const struct reportcolumn totals_columns[] = { { "period", REPORT_TEXT }, { "from", REPORT_DATE, true },
	{ "to", REPORT_DATE, true }, { "packets", REPORT_COUNT }, { "packets_without", REPORT_COUNT },
	{ "dark_addresses", REPORT_RATIO }, { "per_address", REPORT_RATIO }, { "per_address_without", REPORT_RATIO },
	{ "hosts", REPORT_HOSTS }, { "hosts_without", REPORT_HOSTS } };

static void totals_row(struct fill *f, const struct reportperiod *p, const struct reportscan *s, double addresses,
	const double per[REPORT_PARTS])
{
	char name[96];
	struct report_split packets = packets_of(s);
	row(f);
	text(f, report_period_text(name, p, f->l));
	date(f, p->first);
	date(f, p->end - 1);
	split_known(f, &packets, !s->rolled_n);
	ratio(f, addresses);
	ratio(f, per[0] < 0 ? -1 : per[0] + per[1]);
	ratio(f, s->rolled_n ? -1 : per[0]);
	split_hosts(f, &s->hosts.all, s->hosts.estimate);
}

static void totals(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f = BEGIN("totals", totals_columns);
	totals_row(&f, &r->period, r->now, r->addresses, r->per_address);
	if (r->before)
		totals_row(&f, &r->previous, r->before, r->previous_addresses, r->previous_per_address);
}

static const struct reportcolumn history_columns[] = { { "period", REPORT_TEXT }, { "from", REPORT_DATE, true },
	{ "to", REPORT_DATE, true }, { "packets", REPORT_COUNT }, { "dark_addresses", REPORT_RATIO },
	{ "per_address", REPORT_RATIO }, { "whole", REPORT_TEXT } };

static void history(struct reporttables *all, const struct report *r, enum message_language l)
{
	char name[96];
	struct fill f = BEGIN("history", history_columns);
	for (size_t i = 0; i < r->spans_n; i++) {
		const struct report_span *s = &r->spans[i];
		row(&f);
		text(&f, report_period_text(name, &s->period, l));
		date(&f, s->period.first);
		date(&f, s->period.end - 1);
		count(&f, s->packets);
		ratio(&f, s->addresses > 0 ? s->addresses : -1);
		ratio(&f, s->per_address);
		word(&f, "report.whole.", s->partial ? "part" : "all");
	}
}

/* ---- by day, or by hour ---- */

#define BINS(type)                                                                                                     \
	{                                                                                                              \
		{ "day", REPORT_DATE }, { "tcp_syn", type }, { "tcp_syn_ack", type }, { "udp", type },                 \
			{ "icmp", type }, { "other", type }, { "total", type }, { "total_without", type },             \
			{ "tcp_syn_without", type, true }, { "tcp_syn_ack_without", type, true },                      \
			{ "udp_without", type, true }, { "icmp_without", type, true },                                 \
		{                                                                                                      \
			"other_without", type, true                                                                    \
		}                                                                                                      \
	}
#define HOURS(type)                                                                                                    \
	{                                                                                                              \
		{ "hour", REPORT_TIME }, { "tcp_syn", type }, { "tcp_syn_ack", type }, { "udp", type },                \
			{ "icmp", type }, { "other", type }, { "total", type }, { "total_without", type },             \
			{ "tcp_syn_without", type, true }, { "tcp_syn_ack_without", type, true },                      \
			{ "udp_without", type, true }, { "icmp_without", type, true },                                 \
		{                                                                                                      \
			"other_without", type, true                                                                    \
		}                                                                                                      \
	}
static const struct reportcolumn packets_by_day[] = BINS(REPORT_COUNT), packets_by_hour[] = HOURS(REPORT_COUNT);
static const struct reportcolumn hosts_by_day[] = BINS(REPORT_HOSTS), hosts_by_hour[] = HOURS(REPORT_HOSTS);

static void bin_begin(struct fill *f, const struct report_bin *b)
{
	row(f);
	if (f->t->columns[0].type == REPORT_TIME)
		when(f, b->from_ns);
	else
		date(f, b->day);
}

static void packets(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f =
		r->period.kind == REPORT_DAY ? BEGIN("packets", packets_by_hour) : BEGIN("packets", packets_by_day);
	for (size_t i = 0; i < r->now->bins_n; i++) {
		const struct report_bin *b = &r->now->bins[i];
		struct report_split sum = { { 0 } };
		bin_begin(&f, b);
		for (int g = 0; g < REPORT_GROUPS; g++) {
			count(&f, report_with(&b->packets[g]));
			sum.n[0] += b->packets[g].n[0];
			sum.n[1] += b->packets[g].n[1];
		}
		split_known(&f, &sum, !b->rolled);
		for (int g = 0; g < REPORT_GROUPS; g++) {
			if (b->rolled)
				none(&f);
			else
				count(&f, b->packets[g].n[REPORT_OTHERS]);
		}
	}
}

static void hosts_table(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f = r->period.kind == REPORT_DAY ? BEGIN("hosts", hosts_by_hour) : BEGIN("hosts", hosts_by_day);
	for (size_t i = 0; i < r->now->bins_n; i++) {
		const struct report_hosts *h = &r->now->bins[i].hosts;
		bin_begin(&f, &r->now->bins[i]);
		for (int g = 0; g < REPORT_GROUPS; g++)
			hosts(&f, report_with(&h->trait[g]), h->estimate);
		split_hosts(&f, &h->all, h->estimate);
		for (int g = 0; g < REPORT_GROUPS; g++)
			hosts(&f, h->trait[g].n[REPORT_OTHERS], h->estimate);
	}
}

/* ---- ports, countries, scanners ---- */

struct ranked {
	size_t i;
	uint64_t n;
};

static int by_rank(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;
	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->i < b->i ? -1 : a->i > b->i;
}

/* Numbers of those with packets, most first; the caller frees. */
static struct ranked *rank(const struct report_place *v, size_t n, size_t *found)
{
	struct ranked *out = mem_new((n + 1) * sizeof *out);
	*found = 0;
	for (size_t i = 0; i < n; i++)
		if (report_with(&v[i].packets))
			out[(*found)++] = (struct ranked){ i, report_with(&v[i].packets) };
	if (*found)
		qsort(out, *found, sizeof *out, by_rank);
	return out;
}

static const struct reportcolumn ports_columns[] = { { "rank", REPORT_COUNT }, { "port", REPORT_TEXT },
	{ "devices", REPORT_TEXT }, { "packets", REPORT_COUNT }, { "share", REPORT_PERCENT },
	{ "packets_without", REPORT_COUNT }, { "share_without", REPORT_PERCENT }, { "hosts", REPORT_HOSTS },
	{ "hosts_without", REPORT_HOSTS } };

static void ports(struct reporttables *all, const struct report *r, enum message_language l)
{
	char name[32], key[64];
	size_t n;
	struct report_split sum = { { 0 } };
	struct fill f = BEGIN("ports", ports_columns);
	struct ranked *v = rank(r->now->ports, REPORT_PORTS, &n);
	for (size_t i = 0; i < n; i++) {
		sum.n[0] += r->now->ports[v[i].i].packets.n[0];
		sum.n[1] += r->now->ports[v[i].i].packets.n[1];
	}
	for (size_t i = 0; i < n && i < TOP_PORTS; i++) {
		const struct report_place *p = &r->now->ports[v[i].i];
		const char *proto = v[i].i < 65536 ? "tcp" : "udp";
		snprintf(name, sizeof name, "%u/%s", (unsigned)(v[i].i & 65535), proto);
		snprintf(key, sizeof key, "report.device.%s.%u", proto, (unsigned)(v[i].i & 65535));
		row(&f);
		count(&f, i + 1);
		text(&f, name);
		text(&f, messages_find(l, key));
		count(&f, report_with(&p->packets));
		percent(&f, report_with(&p->packets), report_with(&sum));
		count(&f, p->packets.n[REPORT_OTHERS]);
		percent(&f, p->packets.n[REPORT_OTHERS], sum.n[REPORT_OTHERS]);
		split_hosts(&f, &p->hosts, r->now->port_level > 0);
	}
	f.t->left_out = n > TOP_PORTS ? n - TOP_PORTS : 0;
	free(v);
}

/* Packets of the flows alone: shares are of these. */
static struct report_split counted(const struct report *r)
{
	struct report_split sum = { { 0 } };
	for (size_t i = 0; i < REPORT_COUNTRIES; i++)
		for (int p = 0; p < REPORT_PARTS; p++)
			sum.n[p] += r->now->countries[i].packets.n[p];
	return sum;
}

static const struct reportcolumn countries_columns[] = { { "rank", REPORT_COUNT }, { "country", REPORT_TEXT },
	{ "country_name", REPORT_TEXT }, { "packets", REPORT_COUNT }, { "share", REPORT_PERCENT },
	{ "packets_without", REPORT_COUNT }, { "hosts", REPORT_HOSTS }, { "hosts_without", REPORT_HOSTS } };

static void countries(struct reporttables *all, const struct report *r, enum message_language l)
{
	char code[3], key[64];
	size_t n;
	struct report_split sum = counted(r);
	struct fill f = BEGIN("countries", countries_columns);
	struct ranked *v = rank(r->now->countries, r->knows_places ? REPORT_COUNTRIES : 0, &n);
	for (size_t i = 0; i < n && i < TOP_PLACES; i++) {
		const struct report_place *p = &r->now->countries[v[i].i];
		reportscan_country(v[i].i, code);
		snprintf(key, sizeof key, "country.%s", code[0] ? code : "unknown");
		row(&f);
		count(&f, i + 1);
		text(&f, code);
		text(&f, messages_find(l, key));
		count(&f, report_with(&p->packets));
		percent(&f, report_with(&p->packets), report_with(&sum));
		count(&f, p->packets.n[REPORT_OTHERS]);
		split_hosts(&f, &p->hosts, r->now->level > 0);
	}
	f.t->left_out = n > TOP_PLACES ? n - TOP_PLACES : 0;
	free(v);
}

static const struct reportcolumn research_columns[] = { { "rank", REPORT_COUNT }, { "organisation", REPORT_TEXT },
	{ "packets", REPORT_COUNT }, { "share", REPORT_PERCENT }, { "hosts", REPORT_HOSTS } };

static void research(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f = BEGIN("research", research_columns);
	struct ranked v[REPORT_ORGS];
	size_t n = 0;
	struct report_split sum = counted(r);
	for (size_t i = 1; i < REPORT_ORGS; i++)
		if (r->now->orgs[i].packets)
			v[n++] = (struct ranked){ i, r->now->orgs[i].packets };
	if (n)
		qsort(v, n, sizeof *v, by_rank);
	if (r->knows_research) {
		row(&f);
		none(&f);
		word(&f, "report.research.", "all");
		count(&f, sum.n[REPORT_RESEARCH]);
		percent(&f, sum.n[REPORT_RESEARCH], report_with(&sum));
		hosts(&f, r->now->hosts.all.n[REPORT_RESEARCH], r->now->hosts.estimate);
	}
	for (size_t i = 0; i < n && i < TOP_ORGS; i++) {
		const struct report_org *o = &r->now->orgs[v[i].i];
		row(&f);
		count(&f, i + 1);
		if (o->name)
			text(&f, o->name);
		else
			word(&f, "report.research.", "rest");
		count(&f, o->packets);
		percent(&f, o->packets, report_with(&sum));
		hosts(&f, o->hosts, r->now->level > 0);
	}
	f.t->left_out = n > TOP_ORGS ? n - TOP_ORGS : 0;
}

/* ---- bots, tools ---- */

static const struct reportcolumn bots_columns[] = { { "region", REPORT_TEXT }, { "mirai_hosts", REPORT_HOSTS },
	{ "mirai_hosts_without", REPORT_HOSTS }, { "telnet_alone_hosts", REPORT_HOSTS },
	{ "telnet_alone_hosts_without", REPORT_HOSTS } };

static void bots(struct reporttables *all, const struct report *r, enum message_language l)
{
	const struct report_hosts *h = &r->now->hosts;
	struct fill f = BEGIN("bots", bots_columns);
	row(&f);
	word(&f, "report.region.", "world");
	split_hosts(&f, &h->trait[REPORT_MIRAI], h->estimate);
	split_hosts(&f, &h->telnet_alone, h->estimate);
	if (!r->knows_places)
		return;
	row(&f);
	word(&f, "report.region.", "japan");
	split_hosts(&f, &h->japan_mirai, h->estimate);
	split_hosts(&f, &h->japan_telnet_alone, h->estimate);
}

#define BOT_BINS                                                                                                       \
	{ "mirai_hosts", REPORT_HOSTS }, { "telnet_alone_hosts", REPORT_HOSTS },                                       \
		{ "japan_mirai_hosts", REPORT_HOSTS }, { "japan_telnet_alone_hosts", REPORT_HOSTS },                   \
		{ "mirai_hosts_without", REPORT_HOSTS },                                                               \
	{                                                                                                              \
		"telnet_alone_hosts_without", REPORT_HOSTS                                                             \
	}
static const struct reportcolumn bots_by_day[] = { { "day", REPORT_DATE }, BOT_BINS };
static const struct reportcolumn bots_by_hour[] = { { "hour", REPORT_TIME }, BOT_BINS };

static void bots_by_time(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f =
		r->period.kind == REPORT_DAY ? BEGIN("bots-by-time", bots_by_hour) : BEGIN("bots-by-time", bots_by_day);
	for (size_t i = 0; i < r->now->bins_n; i++) {
		const struct report_hosts *h = &r->now->bins[i].hosts;
		bin_begin(&f, &r->now->bins[i]);
		hosts(&f, report_with(&h->trait[REPORT_MIRAI]), h->estimate);
		hosts(&f, report_with(&h->telnet_alone), h->estimate);
		if (r->knows_places) {
			hosts(&f, report_with(&h->japan_mirai), h->estimate);
			hosts(&f, report_with(&h->japan_telnet_alone), h->estimate);
		} else {
			none(&f);
			none(&f);
		}
		hosts(&f, h->trait[REPORT_MIRAI].n[REPORT_OTHERS], h->estimate);
		hosts(&f, h->telnet_alone.n[REPORT_OTHERS], h->estimate);
	}
}

static const struct reportcolumn tools_columns[] = { { "tool", REPORT_TEXT }, { "tool_name", REPORT_TEXT },
	{ "packets", REPORT_COUNT }, { "packets_without", REPORT_COUNT }, { "hosts", REPORT_HOSTS },
	{ "hosts_without", REPORT_HOSTS } };

static void tools(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f = BEGIN("tools", tools_columns);
	for (size_t i = 0; i < r->tools_n; i++) {
		row(&f);
		text(&f, r->tools[i].name);
		word(&f, "report.tool.", r->tools[i].name);
		split(&f, &r->tools[i].packets);
		split_hosts(&f, &r->tools[i].hosts, false);
	}
}

static void marks(struct reporttables *all, const struct report *r, enum message_language l)
{
	static const struct {
		int trait;
		const char *name;
	} of[] = { { REPORT_MIRAI, "mirai" }, { REPORT_ZMAP, "zmap" }, { REPORT_MASSCAN, "masscan" },
		{ REPORT_NMAP, "nmap" } };
	struct fill f = BEGIN("marks", tools_columns);
	for (size_t i = 0; i < LENGTH(of); i++) {
		row(&f);
		text(&f, of[i].name);
		word(&f, "report.tool.", of[i].name);
		split(&f, &r->now->marks[of[i].trait]);
		split_hosts(&f, &r->now->hosts.trait[of[i].trait], r->now->hosts.estimate);
	}
}

/* ---- findings ---- */

static const struct reportcolumn victims_columns[] = { { "rank", REPORT_COUNT }, { "address", REPORT_TEXT },
	{ "country", REPORT_TEXT }, { "asn", REPORT_TEXT }, { "protocol", REPORT_TEXT }, { "ports", REPORT_TEXT },
	{ "packets", REPORT_COUNT }, { "events", REPORT_COUNT }, { "first", REPORT_TIME }, { "last", REPORT_TIME } };

static void victims(struct reporttables *all, const struct report *r, enum message_language l)
{
	char as[160];
	struct fill f = BEGIN("victims", victims_columns);
	for (size_t i = 0; i < r->victims_n; i++) {
		const struct report_victim *v = &r->victims[i];
		snprintf(as, sizeof as, "AS%u %s", v->place.asn, v->place.as_name);
		row(&f);
		count(&f, i + 1);
		text(&f, v->subject);
		text(&f, v->place.country);
		text(&f, v->place.has_asn ? as : NULL);
		text(&f, v->detail);
		text(&f, v->ports);
		count(&f, v->packets);
		count(&f, v->events);
		when(&f, v->first_ns);
		when(&f, v->last_ns);
	}
	f.t->left_out = r->victims_all - r->victims_n;
}

static const struct reportcolumn attacks_columns[] = { { "rank", REPORT_COUNT }, { "service", REPORT_TEXT },
	{ "packets", REPORT_COUNT }, { "reflectors", REPORT_COUNT }, { "first", REPORT_TIME },
	{ "last", REPORT_TIME } };

static void attacks(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f = BEGIN("attacks", attacks_columns);
	for (size_t i = 0; i < r->attacks_n; i++) {
		row(&f);
		count(&f, i + 1);
		text(&f, r->attacks[i].detail);
		count(&f, r->attacks[i].packets);
		count(&f, r->attacks[i].sources);
		when(&f, r->attacks[i].first_ns);
		when(&f, r->attacks[i].last_ns);
	}
	f.t->left_out = r->attacks_all - r->attacks_n;
}

static const struct reportcolumn surges_columns[] = { { "port", REPORT_TEXT }, { "change", REPORT_TEXT },
	{ "time", REPORT_TIME }, { "sources", REPORT_COUNT }, { "packets", REPORT_COUNT } };

static void new_ports(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f = BEGIN("new-ports", surges_columns);
	for (size_t i = 0; i < r->surges_n; i++) {
		row(&f);
		text(&f, r->surges[i].subject);
		word(&f, "report.change.", r->surges[i].fresh ? "new" : "surge");
		when(&f, r->surges[i].first_ns);
		count(&f, r->surges[i].sources);
		count(&f, r->surges[i].packets);
	}
	f.t->left_out = r->surges_all - r->surges_n;
}

static const struct reportcolumn own_columns[] = { { "state", REPORT_TEXT }, { "addresses", REPORT_COUNT } };

static void own(struct reporttables *all, const struct report *r, enum message_language l)
{
	static const char *const names[] = { "watch", "suspect", "attacked" };
	struct fill f = BEGIN("own", own_columns);
	for (size_t i = 0; i < 3; i++) {
		row(&f);
		word(&f, "report.own.", names[i]);
		count(&f, r->own[i]);
	}
}

/* ---- who watched, and when not ---- */

static const struct reportcolumn sensors_columns[] = { { "sensor", REPORT_TEXT }, { "place", REPORT_TEXT },
	{ "prefix_bits", REPORT_TEXT }, { "dark_addresses", REPORT_COUNT }, { "since", REPORT_TEXT },
	{ "until", REPORT_TEXT } };

static void dark_date(struct fill *f, int64_t ns)
{
	char iso[16];
	bool open = ns == INT64_MIN || ns == INT64_MAX;
	text(f, open ? NULL : report_iso(iso, ns / (INT64_C(86400) * 1000000000)));
}

/* The length of a prefix is told, never where it lies. */
static void sensors(struct reporttables *all, const struct report *r, enum message_language l)
{
	struct fill f = BEGIN("sensors", sensors_columns);
	for (size_t i = 0; i < r->sensors_n; i++) {
		const struct sensor *s = &r->sensors[i];
		bool any = false;
		for (size_t k = 0; k < r->dark_n; k++) {
			const struct report_dark *d = &r->dark[k];
			if (strcmp(d->sensor, s->id) != 0 || d->to_ns <= r->period.from_ns ||
				d->from_ns >= r->period.to_ns || !d->addresses)
				continue;
			const char *slash = strchr(d->text, '/');
			any = true;
			row(&f);
			text(&f, s->id);
			text(&f, s->place);
			text(&f, slash ? slash : "/32");
			count(&f, d->addresses);
			dark_date(&f, d->from_ns);
			dark_date(&f, d->to_ns);
		}
		if (any)
			continue;
		row(&f);
		text(&f, s->id);
		text(&f, s->place);
		for (int k = 0; k < 4; k++)
			none(&f);
	}
}

static const struct reportcolumn gaps_columns[] = { { "sensor", REPORT_TEXT }, { "from", REPORT_TIME },
	{ "to", REPORT_TIME }, { "seconds", REPORT_RATIO }, { "reason", REPORT_TEXT }, { "dropped", REPORT_COUNT } };

static void gaps(struct reporttables *all, const struct report *r, enum message_language l)
{
	char key[96];
	struct fill f = BEGIN("gaps", gaps_columns);
	for (size_t i = 0; i < r->gaps_n; i++) {
		const struct gap *g = &r->gaps[i].gap;
		snprintf(key, sizeof key, "report.gap.%s", g->reason);
		const char *known = messages_find(l, key);
		row(&f);
		text(&f, g->sensor);
		when(&f, g->from_ns);
		when(&f, g->to_ns);
		ratio(&f, (double)(g->to_ns - g->from_ns) / 1e9);
		text(&f, known ? known : g->reason);
		count(&f, g->dropped);
	}
	f.t->left_out = r->gaps_left_out;
}

void reporttables_fill(struct reporttables *t, const struct report *r, enum message_language l)
{
	static void (*const of[])(struct reporttables *, const struct report *, enum message_language) = { totals,
		history, packets, hosts_table, ports, bots, bots_by_time, tools, marks, countries, victims, attacks,
		new_ports, research, own, sensors, gaps };
	*t = (struct reporttables){ 0 };
	for (size_t i = 0; i < LENGTH(of); i++)
		of[i](t, r, l);
}

void reporttables_free(struct reporttables *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].cells);
	*t = (struct reporttables){ 0 };
}

const struct reporttable *reporttables_find(const struct reporttables *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].name, name) == 0)
			return &t->v[i];
	return NULL;
}
