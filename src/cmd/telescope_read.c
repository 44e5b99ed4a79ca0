// SPDX-License-Identifier: Apache-2.0
/* telescope read: one capture or many as one object: what came, in which class, from how many. */
#include "cmd/telescope.h"

#include "base/random.h"
#include "base/zone.h"
#include "cmd/concluding.h"
#include "cmd/paint.h"
#include "cmd/run.h"
#include "cmd/show.h"

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

static void maybe(struct json *j, const char *key, bool known, uint64_t n)
{
	if (known)
		json_u64(j, key, n);
	else
		json_null(j, key);
}

static void classes_json(struct json *j, const struct reading *r)
{
	const struct telescope_counts *c = &r->counts;
	json_object(j, "classes");
	for (int k = 0; k < CLASS_SHORT; k++)
		maybe(j, packet_class_name(k), r->decoded, c->classes[k]);
	json_end(j, '}');
	json_object(j, "layers");
	for (int k = 0; k < LAYER_UNKNOWN; k++)
		maybe(j, packet_layer_name(k), r->decoded, c->layers[k]);
	maybe(j, "short", r->decoded, c->classes[CLASS_SHORT]);
	maybe(j, "frag", r->decoded, c->classes[CLASS_FRAG] - c->frag6);
	maybe(j, "frag6", r->decoded, c->frag6);
	maybe(j, "vlan", r->decoded, c->vlan);
	json_u64(j, "undecoded", r->undecoded);
	json_end(j, '}');
}

/* A time after 2262 needs more than 64 bits of nanoseconds: printed from seconds. */
static void last_json(struct json *j, const struct inputs *in, int64_t last_ns)
{
	const struct feed_file *far = NULL;
	char digits[48];
	for (size_t i = 0; i < in->n; i++) {
		const struct feed_file *f = &in->items[i].file;
		if (f->far && (!far || f->far_s > far->far_s || (f->far_s == far->far_s && f->far_ns > far->far_ns)))
			far = f;
	}
	if (!far) {
		json_i64(j, "last_ns", last_ns);
		return;
	}
	snprintf(digits, sizeof digits, "%" PRId64 "%09" PRIu32, far->far_s, far->far_ns);
	json_digits(j, "last_ns", digits);
}

static void head_json(struct json *j, const struct inputs *in, struct reading *r)
{
	const struct telescope_counts *c = &r->counts;
	json_u64(j, "files", in->n - in->failed);
	json_u64(j, "packets", c->packets);
	maybe(j, "bytes", r->feed, c->bytes);
	maybe(j, "captured", r->feed, c->captured);
	if (c->timed) {
		json_time(j, "first", c->first_ns);
		json_time(j, "last", c->last_ns);
		json_i64(j, "first_ns", c->first_ns);
		last_json(j, in, c->last_ns);
	} else {
		json_null(j, "first");
		json_null(j, "last");
		json_null(j, "first_ns");
		json_null(j, "last_ns");
	}
	json_object(j, "link_types");
	if (r->feed)
		feed_each_linktype(r->feed, type_json, j);
	json_end(j, '}');
	classes_json(j, r);
	inputs_json(in, j);
}

struct kept {
	struct finding *v;
	size_t n, room;
};

/* All that read shows of a run. */
struct picture {
	struct reading r;
	const struct inputs *in;
	struct concluding *evidence;
	struct tally *tally;
	struct kept findings;
	size_t rows;
	uint64_t findings_left_out;
};

#define MAX_KEPT 20000u

static void keep(void *arg, const struct finding *f)
{
	struct picture *p = arg;
	bool shown = f->kind == FINDING_SCAN || f->kind == FINDING_BACKSCATTER || f->kind >= FINDING_OWN_WATCH ||
		     f->kind == FINDING_AMPLIFICATION || f->kind == FINDING_ICMP_QUOTE;
	if (f->kind == FINDING_SCAN && p->tally) {
		struct addr a;
		if (addr_parse(f->subject, &a, NULL) == 0)
			tally_tool(p->tally, f->tool, &a, f->packets, f->first_ns);
	}
	if (!shown || !concluding_shows(p->evidence, f))
		return;
	if (p->findings.n == MAX_KEPT) {
		p->findings_left_out++;
		return;
	}
	p->findings.v = idmap_room(p->findings.v, p->findings.n + 1, &p->findings.room, sizeof *p->findings.v);
	p->findings.v[p->findings.n++] = *f;
}

static void source_row(void *arg, const struct tally_row *row)
{
	struct json *j = arg;
	json_object(j, NULL);
	json_str(j, "address", row->key);
	json_u64(j, "packets", row->packets);
	json_u64(j, "targets", row->sources);
	json_end(j, '}');
}

static void port_row(void *arg, const struct tally_row *row)
{
	struct json *j = arg;
	json_object(j, NULL);
	json_u64(j, "port", strtoull(row->key, NULL, 10));
	json_str(j, "proto", strchr(row->key, '/') + 1);
	json_u64(j, "packets", row->packets);
	json_u64(j, "sources", row->sources);
	json_end(j, '}');
}

static void sources_json(struct json *j, const struct picture *p)
{
	bool exact = p->r.counts.sources_lost == 0;
	json_object(j, "sources");
	for (int ip6 = 0; ip6 < 2; ip6++) {
		uint64_t n = p->r.feed ? feed_distinct(p->r.feed, ip6, &exact) : 0;
		maybe(j, ip6 ? "distinct6" : "distinct4", p->r.decoded && p->r.feed, n);
	}
	json_bool(j, "exact", exact);
	json_array(j, "top");
	if (p->tally)
		tally_top(p->tally, TALLY_SOURCE, p->rows, source_row, j);
	json_end(j, ']');
	json_end(j, '}');
	json_object(j, "ports");
	json_array(j, "top");
	if (p->tally)
		tally_top(p->tally, TALLY_PORT, p->rows, port_row, j);
	json_end(j, ']');
	json_end(j, '}');
}

static void findings_json(struct json *j, const char *key, const struct picture *p, unsigned kinds)
{
	json_array(j, key);
	for (size_t i = 0; i < p->findings.n; i++)
		if (kinds >> p->findings.v[i].kind & 1)
			finding_json(j, NULL, &p->findings.v[i]);
	json_end(j, ']');
}

static void print_json(struct picture *p)
{
	struct json j;
	const struct telescope_counts *c = &p->r.counts;
	json_init(&j, stdout);
	json_object(&j, NULL);
	head_json(&j, p->in, &p->r);
	sources_json(&j, p);
	findings_json(&j, "scanners", p, 1u << FINDING_SCAN);
	findings_json(&j, "backscatter", p, 1u << FINDING_BACKSCATTER);
	findings_json(&j, "amplification", p, 1u << FINDING_AMPLIFICATION);
	findings_json(&j, "icmp_quotes", p, 1u << FINDING_ICMP_QUOTE);
	findings_json(&j, "own_suspects", p,
		1u << FINDING_OWN_WATCH | 1u << FINDING_OWN_SUSPECT | 1u << FINDING_OWN_ATTACKED);
	json_u64(&j, "findings_left_out", p->findings_left_out);
	json_u64(&j, "late", c->late);
	json_u64(&j, "folded", c->folded);
	json_u64(&j, "flows_lost", c->flows_lost);
	json_u64(&j, "sources_lost", c->sources_lost);
	json_u64(&j, "analysis_refused",
		p->evidence ? darknet_refused(concluding_darknet(p->evidence)) + tally_refused(p->tally) : 0);
	json_end(&j, '}');
	json_line(&j);
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
	bool exact = true;
	uint64_t sources =
		p->r.feed ? feed_distinct(p->r.feed, false, &exact) + feed_distinct(p->r.feed, true, &exact) : 0;
	printf("%s packets", paint_number(n, c->packets));
	if (p->r.feed)
		printf(", %s bytes on the wire, %s%s sources", paint_number(m, c->bytes), exact ? "" : "about ",
			paint_number(n, sources));
	putchar('\n');
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

int telescope_read(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	uint64_t seed = random_key();
	struct run run = { 0 };
	struct picture p = { .rows = o->limit ? o->limit : 10, .in = &run.in };
	struct feed_params fp = { .workers = (unsigned)o->workers,
		.telescope = { .count_only = o->count, .seed = seed } };
	if (!o->count) {
		p.evidence = concluding_new(o, seed);
		if (!p.evidence)
			return CLI_USAGE;
		p.tally = concluding_tally(p.evidence, seed);
		fp.telescope.sink = concluding_sink(p.evidence);
		fp.telescope.unwrap = show_unwrap(&o->unwrap);
	}
	int code = run_all(&run, g, o, argc, argv, &fp);
	if (run.ran) {
		p.r = (struct reading){ .feed = run.feed, .counts = run.counts, .decoded = !run.feed };
		if (run.feed)
			feed_each_linktype(run.feed, see_type, &p.r);
		if (run.sensor[0] && p.evidence)
			darknet_set_sensor(concluding_darknet(p.evidence), run.sensor);
		if (p.evidence)
			darknet_finish(concluding_darknet(p.evidence), keep, &p);
		if (g->json)
			print_json(&p);
		else
			print_text(&p);
	}
	free(p.findings.v);
	run_free(&run);
	concluding_free(p.evidence);
	return code;
}
