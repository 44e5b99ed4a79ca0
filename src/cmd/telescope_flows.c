// SPDX-License-Identifier: Apache-2.0
/* telescope flows: the flows of each minute, or with --summary their totals alone. With --store they are kept. */
#include "cmd/telescope.h"

#include "base/random.h"
#include "base/text.h"
#include "base/zone.h"
#include "cmd/paint.h"
#include "cmd/run.h"
#include "cmd/show.h"
#include "cmd/storing.h"
#include "view/flowrow.h"

#include <inttypes.h>
#include <stdio.h>

/* What a flow table can be told to hold (sensor/telescope/flowtable.h). */
#define FLOWS_LEAST 64u
#define FLOWS_MOST  ((1u << 27) - 1)

struct printer {
	struct json j;
	bool json;
	uint64_t limit, shown;
};

static void print_flow(void *arg, const struct flow *f, bool late)
{
	struct printer *p = arg;
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX], time[TEXT_TIME_MAX];
	if (late || (p->limit && p->shown >= p->limit))
		return;
	p->shown++;
	if (p->json) {
		json_object(&p->j, NULL);
		flowrow_fields(&p->j, f);
		json_end(&p->j, '}');
		json_line(&p->j);
		return;
	}
	printf("%.16s  %-15s %5u  %-15s %5u  %3u ttl %3u %-11s %5u B %8" PRIu64 " packets\n",
		zone_text(time, f->first_ns), addr_text(src, &f->src), f->sport, addr_text(dst, &f->dst), f->dport,
		f->proto, f->ttl, packet_class_name((enum packet_class)f->cls), f->ip_len, f->packets);
}

struct tools {
	uint64_t sources[MARK_N + 1], all;
	bool known; /* sources were summed over the run: not with --store, not from it */
};

/* The tool of a source over the whole run, by its exact marks: three matches and half of what it sent. */
static void count_tool(void *arg, const struct source *s)
{
	struct tools *t = arg;
	int best = MARK_N;
	t->known = true;
	t->all++;
	for (int m = 0; m < MARK_N; m++)
		if (s->marks[m] >= 3 && (uint64_t)s->marks[m] * 2 >= s->packets &&
			(best == MARK_N || s->marks[m] > s->marks[best]))
			best = m;
	t->sources[best]++;
}

static const char *const tool_names[MARK_N + 1] = { [MARK_ZMAP_ID] = "zmap (IP ID 54321)",
	[MARK_ZMAP_SYN] = "zmap (options)",
	[MARK_MASSCAN] = "masscan",
	[MARK_MIRAI] = "mirai",
	[MARK_NMAP] = "nmap",
	[MARK_N] = "none" };
static const char *const tool_keys[MARK_N + 1] = { [MARK_ZMAP_ID] = "zmap_id",
	[MARK_ZMAP_SYN] = "zmap_syn",
	[MARK_MASSCAN] = "masscan",
	[MARK_MIRAI] = "mirai",
	[MARK_NMAP] = "nmap",
	[MARK_N] = "none" };

static void summary_json(const struct run *r, const struct tools *t)
{
	const struct telescope_counts *c = &r->counts;
	struct json j;
	json_init(&j, stdout);
	json_object(&j, NULL);
	json_u64(&j, "packets", c->packets);
	json_u64(&j, "flows", c->flows);
	json_u64(&j, "minutes", c->minutes);
	if (r->feed)
		json_u64(&j, "sources", t->all);
	else
		json_null(&j, "sources");
	json_object(&j, "classes");
	for (int k = 0; k < CLASS_SHORT; k++)
		json_u64(&j, packet_class_name((enum packet_class)k), c->classes[k]);
	json_end(&j, '}');
	json_object(&j, "tools");
	for (int m = 0; m <= MARK_N && t->known; m++)
		json_u64(&j, tool_keys[m], t->sources[m]);
	json_end(&j, '}');
	json_u64(&j, "late", c->late);
	json_u64(&j, "folded", c->folded);
	json_u64(&j, "flows_lost", c->flows_lost);
	json_u64(&j, "sources_lost", c->sources_lost);
	inputs_json(&r->in, &j);
	json_end(&j, '}');
	json_line(&j);
}

static void summary_text(const struct run *r, const struct tools *t)
{
	const struct telescope_counts *c = &r->counts;
	char a[32], b[32];
	printf("packets %s  flows %s  minutes %" PRIu64, paint_number(a, c->packets), paint_number(b, c->flows),
		c->minutes);
	if (r->feed)
		printf("  sources %s", paint_number(a, t->all));
	putchar('\n');
	for (int k = 0; k < CLASS_SHORT; k++)
		if (c->classes[k])
			printf("  %-12s %14s  ", packet_class_name((enum packet_class)k),
				paint_number(a, c->classes[k])),
				paint_bar(stdout, c->classes[k], c->packets, 30), putchar('\n');
	for (int m = 0; m <= MARK_N; m++)
		if (t->sources[m])
			printf("  sources by %-20s %10s\n", tool_names[m], paint_number(a, t->sources[m]));
	if (c->late || c->folded || c->flows_lost || c->sources_lost)
		printf("late packets %" PRIu64 ", folded %" PRIu64 ", without a flow %" PRIu64
		       ", without a source %" PRIu64 "\n",
			c->late, c->folded, c->flows_lost, c->sources_lost);
}

/* How many workers there were shows in nothing on standard output; the memory of their tables is told apart, with -v.
 */
static void summary(const struct run *r, const struct cli_global *g)
{
	struct tools t = { 0 };
	bool exact = true;
	if (r->feed)
		feed_each_source(r->feed, count_tool, &t);
	if (r->feed && t.all == 0)
		t.all = feed_distinct(r->feed, false, &exact) + feed_distinct(r->feed, true, &exact);
	if (g->json)
		summary_json(r, &t);
	else
		summary_text(r, &t);
	if (g->verbose && r->feed)
		fprintf(stderr, "sakimori: tables %zu MB\n", feed_memory(r->feed) >> 20);
}

int telescope_flows(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	struct printer p = { .json = g->json, .limit = o->limit };
	struct feed_params fp = {
		.workers = (unsigned)o->workers,
		.telescope = { .seed = random_key(),
			.max_flows = o->max_flows,
			.max_sources = o->max_sources,
			.unwrap = show_unwrap(&o->unwrap) },
	};
	struct run r = { 0 };
	struct storing *s = NULL;
	if (o->max_flows && (o->max_flows < FLOWS_LEAST || o->max_flows > FLOWS_MOST)) {
		fprintf(stderr, "sakimori: --max-flows takes %u to %u\n", FLOWS_LEAST, FLOWS_MOST);
		return CLI_USAGE;
	}
	if (show_zone(o->tz) < 0)
		return CLI_USAGE;
	json_init(&p.j, stdout);
	if (!o->summary) {
		fp.telescope.sink = (struct telescope_sink){ .arg = &p, .flow = print_flow };
		fp.telescope.sorted = true;
	}
	if (g->store && argc) {
		s = storing_open(g, o->sensor, argc, argv);
		if (!s)
			return CLI_FAILED;
		fp.telescope.sink = storing_sink(s, &fp.telescope.sink);
		r.store = g->store;
	} else {
		fp.telescope.sum_sources = o->summary;
	}
	int code = run_all(&r, g, o, argc, argv, &fp);
	if (s)
		code = storing_finish(s, code);
	if (o->summary && r.ran)
		summary(&r, g);
	run_free(&r);
	return code;
}
