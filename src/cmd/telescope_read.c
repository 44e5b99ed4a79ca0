// SPDX-License-Identifier: Apache-2.0
/* telescope read: one capture or many as one object: what came, in which class, from how many. */
#include "cmd/telescope.h"

#include "base/random.h"
#include "base/zone.h"
#include "cmd/concluding.h"
#include "cmd/paint.h"
#include "cmd/run.h"
#include "cmd/show.h"
#include "view/summary.h"
#include "view/tallying.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct reading {
	struct feed *feed;
	struct telescope_counts counts;
	bool decoded; /* every link type in use is one we decode */
	size_t n_types;
	uint64_t undecoded;
};

static void see_type(void *arg, int type, uint64_t packets)
{
	struct reading *r = arg;
	r->n_types++;
	if (!link_known(type)) {
		r->undecoded += packets;
		if (packets || r->n_types == 1)
			r->decoded = false;
	} else if (r->n_types == 1) {
		r->decoded = true;
	}
}

static void type_json(void *arg, int type, uint64_t packets)
{
	char key[16];
	snprintf(key, sizeof key, "%d", type);
	json_u64(arg, key, packets);
}

/* A time after 2262 needs more than 64 bits of nanoseconds: told from seconds. NULL: there is none. */
static const char *last_digits(char digits[48], const struct inputs *in)
{
	const struct feed_file *far = NULL;
	for (size_t i = 0; i < in->n; i++) {
		const struct feed_file *f = &in->items[i].file;
		if (f->far && (!far || f->far_s > far->far_s || (f->far_s == far->far_s && f->far_ns > far->far_ns)))
			far = f;
	}
	if (!far)
		return NULL;
	snprintf(digits, 48, "%" PRId64 "%09" PRIu32, far->far_s, far->far_ns);
	return digits;
}

struct kept {
	struct finding *v;
	size_t n, room;
};

/* All that read shows of a run. */
struct picture {
	struct reading r;
	struct run *run;
	struct concluding *evidence;
	struct tally *tally;
	struct summary *summary; /* --json; else */
	struct kept findings;
	size_t rows;
};

#define MAX_KEPT SUMMARY_FINDINGS

static void keep(void *arg, const struct finding *f)
{
	struct picture *p = arg;
	if (p->tally)
		tallying_tool(p->tally, f);
	if (!summary_shows(f) || !concluding_shows(p->evidence, f))
		return;
	if (p->summary) {
		summary_finding(p->summary, f);
		return;
	}
	if (p->findings.n == MAX_KEPT)
		return;
	p->findings.v = idmap_room(p->findings.v, p->findings.n + 1, &p->findings.room, sizeof *p->findings.v);
	p->findings.v[p->findings.n++] = *f;
}

static void link_types(void *arg, struct json *j)
{
	const struct picture *p = arg;
	if (p->run->feed)
		feed_each_linktype(p->run->feed, type_json, j);
}

static void input_files(void *arg, struct json *j)
{
	const struct picture *p = arg;
	inputs_json(&p->run->in, j);
}

/* Sources: of captures, or of the store. */
static void distinct(const struct picture *p, uint64_t out[2], bool *exact)
{
	*exact = p->r.counts.sources_lost == 0 && (p->run->feed || p->run->stored.exact);
	for (int ip6 = 0; ip6 < 2; ip6++)
		out[ip6] = p->run->feed ? feed_distinct(p->run->feed, ip6, exact) : p->run->stored.distinct[ip6];
}

static void print_json(struct picture *p)
{
	char digits[48];
	struct summary *s = p->summary;
	s->counts = &p->r.counts;
	s->decoded = p->r.decoded;
	s->wire = p->run->feed;
	s->undecoded = p->r.undecoded;
	s->files = p->run->in.n - p->run->in.failed;
	s->last_digits = last_digits(digits, &p->run->in);
	s->has_distinct = p->r.decoded;
	distinct(p, s->distinct, &s->exact);
	s->tally = p->tally;
	s->rows = p->rows;
	if (p->evidence)
		s->refused = darknet_refused(concluding_darknet(p->evidence)) + tally_refused(p->tally);
	s->link_types = link_types;
	s->inputs = input_files;
	s->arg = p;
	summary_json(s, stdout);
}

static const char *const class_titles[CLASS_N] = { "TCP SYN", "TCP SYN-ACK", "TCP ACK", "TCP FIN", "TCP RST",
	"TCP PUSH", "TCP other", "UDP", "ICMP", "other", "short", "fragments" };

static void class_lines(const struct picture *p)
{
	const struct telescope_counts *c = &p->r.counts;
	uint64_t most = 1;
	char n[32];
	for (int k = 0; k < CLASS_N; k++)
		most = c->classes[k] > most ? c->classes[k] : most;
	paint_heading(stdout, "Classes");
	for (int k = 0; k < CLASS_N; k++) {
		if (!c->classes[k])
			continue;
		printf("  %-12s %14s  ", class_titles[k], paint_number(n, c->classes[k]));
		paint_bar(stdout, c->classes[k], most, 32);
		printf(" %5.1f %%\n", 100.0 * (double)c->classes[k] / (double)(c->packets ? c->packets : 1));
	}
}

/* Why a packet is in no class. */
static void other_layers(const struct picture *p)
{
	static const char *const titles[LAYER_N] = { [LAYER_ARP] = "ARP",
		[LAYER_NONIP] = "no IP",
		[LAYER_BADIP] = "IP header wrong or cut off",
		[LAYER_BADL2] = "link header cut off",
		[LAYER_UNKNOWN] = "link type not decoded" };
	char n[32];
	for (int k = LAYER_ARP; k < LAYER_N; k++)
		if (p->r.counts.layers[k])
			printf("  %-27s %s packets\n", titles[k], paint_number(n, p->r.counts.layers[k]));
}

struct lines {
	uint64_t most;
	const char *others;
};

static void top_line(void *arg, const struct tally_row *row)
{
	struct lines *l = arg;
	char n[32], m[32];
	l->most = l->most ? l->most : row->packets;
	printf("  %-24.24s %12s packets %10s %-8s ", row->key, paint_number(n, row->packets),
		paint_number(m, row->sources), l->others);
	paint_bar(stdout, row->packets, l->most, 24);
	putchar('\n');
}

static void top_lines(const struct picture *p, enum tally_by by, const char *title, const char *others)
{
	struct lines l = { 0, others };
	paint_heading(stdout, title);
	tally_top(p->tally, by, p->rows, top_line, &l);
}

static void finding_lines(const struct picture *p, const char *title, unsigned kinds, enum paint_colour colour)
{
	size_t shown = 0, all = 0;
	for (size_t i = 0; i < p->findings.n; i++)
		all += kinds >> p->findings.v[i].kind & 1;
	if (all == 0)
		return;
	putchar('\n');
	paint_text(stdout, colour, title);
	printf(" (%zu)\n", all);
	for (size_t i = 0; i < p->findings.n && shown < p->rows; i++)
		if (kinds >> p->findings.v[i].kind & 1) {
			shown++;
			fputs("  ", stdout);
			show_finding(stdout, &p->findings.v[i]);
		}
	if (shown < all)
		printf("  ... and %zu more: sakimori telescope events\n", all - shown);
}

static void type_line(void *arg, int type, uint64_t packets)
{
	(void)arg;
	if (packets && !link_known(type))
		printf("not decoded: %" PRIu64 " packets of link type %d (%s)\n", packets, type, link_name(type));
}

static void print_text(struct picture *p)
{
	const struct telescope_counts *c = &p->r.counts;
	char n[32], m[32], first[TEXT_TIME_MAX], last[TEXT_TIME_MAX];
	bool exact;
	uint64_t sources[2];
	distinct(p, sources, &exact);
	printf("%s packets", paint_number(n, c->packets));
	if (p->r.feed)
		printf(", %s bytes on the wire", paint_number(m, c->bytes));
	printf(", %s%s sources\n", exact ? "" : "about ", paint_number(n, sources[0] + sources[1]));
	if (c->timed)
		printf("from %s to %s\n", zone_text(first, c->first_ns), zone_text(last, c->last_ns));
	if (p->r.feed)
		feed_each_linktype(p->r.feed, type_line, NULL);
	if (c->packets == 0)
		return;
	class_lines(p);
	other_layers(p);
	if (!p->tally)
		return;
	top_lines(p, TALLY_PORT, "Ports that are asked for", "sources");
	top_lines(p, TALLY_SOURCE, "Sources", "targets");
	finding_lines(p, "Own addresses",
		1u << FINDING_OWN_WATCH | 1u << FINDING_OWN_SUSPECT | 1u << FINDING_OWN_ATTACKED, PAINT_RED);
	top_lines(p, TALLY_TOOL, "Scans by tool", "sources");
	finding_lines(p, "Scanners", 1u << FINDING_SCAN, PAINT_YELLOW);
	finding_lines(p, "Victims of attacks",
		1u << FINDING_BACKSCATTER | 1u << FINDING_AMPLIFICATION | 1u << FINDING_ICMP_QUOTE, PAINT_BLUE);
	if (c->late || c->folded || c->flows_lost || c->sources_lost)
		printf("\nlate packets %" PRIu64 ", folded %" PRIu64 ", without a flow %" PRIu64
		       ", without a source %" PRIu64 "\n",
			c->late, c->folded, c->flows_lost, c->sources_lost);
}

static void show(struct picture *p, bool json)
{
	struct run *run = p->run;
	p->r = (struct reading){ .feed = run->feed, .counts = run->counts, .decoded = !run->feed };
	if (run->feed)
		feed_each_linktype(run->feed, see_type, &p->r);
	if (run->sensor[0] && p->evidence)
		darknet_set_sensor(concluding_darknet(p->evidence), run->sensor);
	if (p->evidence && !run->concluded)
		darknet_finish(concluding_darknet(p->evidence), keep, p);
	if (json)
		print_json(p);
	else
		print_text(p);
}

int telescope_read(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	uint64_t seed = random_key();
	struct run run = { 0 };
	struct summary summary = { 0 };
	struct picture p = { .rows = o->limit ? o->limit : 10, .run = &run, .summary = g->json ? &summary : NULL };
	struct feed_params fp = { .workers = (unsigned)o->workers,
		.telescope = { .count_only = o->count, .seed = seed } };
	if (!o->count) {
		p.evidence = concluding_new(o, seed);
		if (!p.evidence)
			return CLI_USAGE;
		p.tally = concluding_tally(
			p.evidence, seed, 1u << TALLY_SOURCE | 1u << TALLY_PORT | 1u << TALLY_TOOL, true);
		fp.telescope.sink = concluding_sink(p.evidence);
		fp.telescope.unwrap = show_unwrap(&o->unwrap);
		run.known = (struct run_known){ concluding_counting(p.evidence), keep, &p };
	}
	summary_start(&summary);
	int code = run_all(&run, g, o, argc, argv, &fp);
	if (run.ran)
		show(&p, g->json);
	summary_free(&summary);
	free(p.findings.v);
	run_free(&run);
	concluding_free(p.evidence);
	return code;
}
