// SPDX-License-Identifier: Apache-2.0
#include "view/reportfindings.h"

#include "base/idmap.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gather {
	struct report *r;
	const struct report_params *p;
	struct idmap victims;
	struct report_victim *v;
	size_t v_room;
	struct report_attack *attacks;
	size_t attacks_n, attacks_room;
	struct report_surge *surges;
	size_t surges_n, surges_room;
	struct idmap tools, own[3]; /* (tool, subject), own addresses */
};

static void port_list(char out[96], const struct finding *f)
{
	size_t n = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < f->top_ports_n && i < 5 && n < 80; i++)
		n += (size_t)snprintf(out + n, 96 - n, "%s%s", i ? " " : "", f->top_ports[i].name);
}

static void add_victim(struct gather *g, const struct finding *f, const struct addr *a)
{
	bool fresh;
	uint32_t i = idmap_take(&g->victims, addr_hash(a, 0), &fresh);
	if (i == IDMAP_NONE)
		return;
	g->v = idmap_room(g->v, g->victims.n, &g->v_room, sizeof *g->v);
	struct report_victim *v = &g->v[i];
	if (fresh) {
		/* Somebody forged a dark address as his own: it is told no more than any other. */
		if (!report_is_dark(g->r, a))
			addr_text(v->subject, a);
		v->place = f->place;
		v->first_ns = f->first_ns;
	}
	v->packets += f->packets;
	v->events++;
	v->first_ns = f->first_ns < v->first_ns ? f->first_ns : v->first_ns;
	v->last_ns = f->last_ns > v->last_ns ? f->last_ns : v->last_ns;
	if (fresh || f->packets > v->most) {
		v->most = f->packets;
		port_list(v->ports, f);
		snprintf(v->detail, sizeof v->detail, "%.*s", (int)strcspn(f->detail, " "), f->detail);
	}
}

static void add_attack(struct gather *g, const struct finding *f)
{
	if (g->attacks_n == REPORT_FINDINGS) {
		g->r->refused++;
		return;
	}
	g->attacks = idmap_room(g->attacks, g->attacks_n + 1, &g->attacks_room, sizeof *g->attacks);
	struct report_attack *a = &g->attacks[g->attacks_n++];
	*a = (struct report_attack){
		.packets = f->packets, .sources = f->sources, .first_ns = f->first_ns, .last_ns = f->last_ns
	};
	snprintf(a->detail, sizeof a->detail, "%s/%s", strncmp(f->detail, "tcp", 3) == 0 ? "tcp" : "udp",
		f->top_ports_n ? f->top_ports[0].name : "0");
}

static bool by_research(const struct gather *g, const struct finding *f, const struct addr *a)
{
	for (uint32_t i = 0; i < f->counts_n; i++)
		if (strcmp(f->counts[i].name, "research") == 0 && f->counts[i].n)
			return true;
	return g->p->know && g->p->know->research && knowing_research(g->p->know, a, f->first_ns);
}

static void add_tool(struct gather *g, const struct finding *f, const struct addr *a)
{
	struct report *r = g->r;
	size_t t = 0;
	bool fresh;
	const char *name = f->tool ? f->tool : "none";
	while (t < r->tools_n && strcmp(r->tools[t].name, name) != 0)
		t++;
	if (t == REPORT_TOOLS)
		return;
	if (t == r->tools_n)
		r->tools[r->tools_n++].name = name;
	int part = by_research(g, f, a) ? REPORT_RESEARCH : REPORT_OTHERS;
	r->tools[t].packets.n[part] += f->packets;
	if (idmap_take(&g->tools, addr_hash(a, t + 1), &fresh) != IDMAP_NONE && fresh)
		r->tools[t].hosts.n[part]++;
}

static void add_surge(struct gather *g, const struct finding *f)
{
	if (g->surges_n == REPORT_FINDINGS) {
		g->r->refused++;
		return;
	}
	g->surges = idmap_room(g->surges, g->surges_n + 1, &g->surges_room, sizeof *g->surges);
	struct report_surge *s = &g->surges[g->surges_n++];
	*s = (struct report_surge){ .fresh = f->kind == FINDING_PORT_NEW,
		.packets = f->packets,
		.sources = f->sources,
		.first_ns = f->first_ns };
	snprintf(s->subject, sizeof s->subject, "%.31s", f->subject);
}

static void add_own(struct gather *g, const struct finding *f)
{
	struct addr a;
	bool fresh = true;
	int k = f->kind - FINDING_OWN_WATCH;
	if (addr_parse(f->subject, &a, NULL) < 0)
		g->r->masked = true;
	else if (idmap_take(&g->own[k], addr_hash(&a, 0), &fresh) == IDMAP_NONE)
		return;
	g->r->own[k] += fresh;
}

static int take(void *arg, const struct finding *f)
{
	struct gather *g = arg;
	struct addr a;
	if (g->p->cancel && atomic_load(g->p->cancel))
		return 1;
	switch (f->kind) {
	case FINDING_PORT_NEW:
	case FINDING_PORT_SURGE:
		add_surge(g, f);
		return 0;
	case FINDING_AMPLIFICATION:
		add_attack(g, f);
		return 0;
	case FINDING_OWN_WATCH:
	case FINDING_OWN_SUSPECT:
	case FINDING_OWN_ATTACKED:
		add_own(g, f);
		return 0;
	case FINDING_SCAN:
	case FINDING_BACKSCATTER:
		if (addr_parse(f->subject, &a, NULL) < 0)
			return 0;
		if (f->kind == FINDING_SCAN)
			add_tool(g, f, &a);
		else
			add_victim(g, f, &a);
		return 0;
	default:
		return 0;
	}
}

static int by_victim(const void *x, const void *y)
{
	const struct report_victim *a = x, *b = y;
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return strcmp(a->subject, b->subject);
}

static int by_attack(const void *x, const void *y)
{
	const struct report_attack *a = x, *b = y;
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return strcmp(a->detail, b->detail);
}

static int by_surge(const void *x, const void *y)
{
	const struct report_surge *a = x, *b = y;
	if (a->sources != b->sources)
		return a->sources > b->sources ? -1 : 1;
	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return strcmp(a->subject, b->subject);
}

static int by_tool(const void *x, const void *y)
{
	const struct report_tool *a = x, *b = y;
	uint64_t n = report_with(&a->packets), m = report_with(&b->packets);
	if (n != m)
		return n > m ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void rank(struct gather *g)
{
	struct report *r = g->r;
	if (g->victims.n)
		qsort(g->v, g->victims.n, sizeof *g->v, by_victim);
	if (g->attacks_n)
		qsort(g->attacks, g->attacks_n, sizeof *g->attacks, by_attack);
	if (g->surges_n)
		qsort(g->surges, g->surges_n, sizeof *g->surges, by_surge);
	if (r->tools_n)
		qsort(r->tools, r->tools_n, sizeof *r->tools, by_tool);
	r->victims_all = g->victims.n;
	r->attacks_all = g->attacks_n;
	r->surges_all = g->surges_n;
	for (; r->victims_n < REPORT_VICTIMS && r->victims_n < g->victims.n; r->victims_n++)
		r->victims[r->victims_n] = g->v[r->victims_n];
	for (; r->attacks_n < REPORT_VICTIMS && r->attacks_n < g->attacks_n; r->attacks_n++)
		r->attacks[r->attacks_n] = g->attacks[r->attacks_n];
	for (; r->surges_n < REPORT_SURGES && r->surges_n < g->surges_n; r->surges_n++)
		r->surges[r->surges_n] = g->surges[r->surges_n];
}

int reportfindings_gather(struct report *r, const struct report_params *p)
{
	struct gather g = { .r = r, .p = p };
	idmap_init(&g.victims, REPORT_FINDINGS, p->seed);
	idmap_init(&g.tools, 4 * REPORT_FINDINGS, p->seed);
	for (int i = 0; i < 3; i++)
		idmap_init(&g.own[i], REPORT_FINDINGS, p->seed);
	int rc = store_each_finding(p->store, r->period.from_ns, r->period.to_ns, take, &g);
	if (!rc)
		rank(&g);
	r->refused += g.victims.refused + g.tools.refused;
	for (int i = 0; i < 3; i++) {
		r->refused += g.own[i].refused;
		idmap_fini(&g.own[i]);
	}
	idmap_fini(&g.victims);
	idmap_fini(&g.tools);
	free(g.v);
	free(g.attacks);
	free(g.surges);
	return rc;
}
