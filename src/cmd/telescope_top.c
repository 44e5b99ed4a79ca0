// SPDX-License-Identifier: Apache-2.0
/* telescope top: what stands out, by packets and by unique sources, against yesterday and seven days ago. */
#include "cmd/telescope.h"

#include "base/random.h"
#include "cmd/concluding.h"
#include "cmd/paint.h"
#include "cmd/run.h"
#include "cmd/show.h"
#include "view/tallying.h"
#include "view/toprows.h"

#include <inttypes.h>
#include <stdio.h>

struct top {
	struct tally *tally;
	enum tally_by by;
	struct json j;
	uint64_t most;
};

static void tool(void *arg, const struct finding *f)
{
	const struct top *t = arg;
	tallying_tool(t->tally, f);
}

static void json_row(void *arg, const struct tally_row *row)
{
	struct top *t = arg;
	toprows_json(&t->j, t->by, row);
	json_line(&t->j);
}

static const char *change(char out[32], bool has, uint64_t now, uint64_t then)
{
	if (!has)
		snprintf(out, 32, "-");
	else if (then == 0)
		snprintf(out, 32, "new");
	else
		snprintf(out, 32, "%+.0f%%", 100.0 * ((double)now - (double)then) / (double)then);
	return out;
}

static void text_row(void *arg, const struct tally_row *row)
{
	struct top *t = arg;
	char n[32], m[32], a[32], b[32], c[32], d[32];
	t->most = t->most ? t->most : row->packets;
	printf("  %-28.28s %12s %10s  %7s %7s  %7s %7s  ", row->key, paint_number(n, row->packets),
		paint_number(m, row->sources), change(a, row->has_before, row->day_packets, row->before_packets),
		change(b, row->has_before, row->day_sources, row->before_sources),
		change(c, row->has_week, row->day_packets, row->week_packets),
		change(d, row->has_week, row->day_sources, row->week_sources));
	paint_bar(stdout, row->packets, t->most, 20);
	putchar('\n');
}

static void print(struct top *t, const struct telescope_options *o, bool json)
{
	uint64_t packets, sources;
	char n[32], m[32];
	size_t rows = o->limit ? o->limit : 20;
	json_init(&t->j, stdout);
	if (!json) {
		printf("  %-28s %12s %10s  %15s  %15s\n", tally_by_name(t->by), "packets", toprows_others(t->by),
			"against yesterday", "a week before");
		printf("  %-28s %12s %10s  %7s %7s  %7s %7s\n", "", "", "", "packets", toprows_others(t->by), "packets",
			toprows_others(t->by));
	}
	size_t all = tally_top(t->tally, t->by, rows, json ? json_row : text_row, t);
	if (json)
		return;
	if (all > rows)
		printf("  ... of %zu; --limit shows more\n", all);
	tally_left_out(t->tally, &packets, &sources);
	if (packets)
		printf("research scanners left out: %s packets of %s sources\n", paint_number(n, packets),
			paint_number(m, sources));
}

int telescope_top(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	uint64_t seed = random_key();
	struct run r = { 0 };
	struct top t = { .by = TALLY_PORT };
	struct concluding *e = concluding_new(o, seed);
	if (!e)
		return CLI_USAGE;
	if (o->by)
		(void)toprows_by(o->by, &t.by);
	t.tally = concluding_tally(e, seed, 1u << t.by, false);
	struct feed_params fp = { .telescope = { .seed = seed,
					  .sink = t.by == TALLY_TOOL ? concluding_sink(e) : concluding_counting(e),
					  .unwrap = show_unwrap(&o->unwrap) } };
	if (t.by == TALLY_TOOL)
		r.known = (struct run_known){ concluding_counting(e), tool, &t };
	int code = run_all(&r, g, o, argc, argv, &fp);
	if (r.ran) {
		if (r.sensor[0])
			darknet_set_sensor(concluding_darknet(e), r.sensor);
		if (t.by == TALLY_TOOL && !r.concluded)
			darknet_finish(concluding_darknet(e), tool, &t);
		print(&t, o, g->json);
	}
	run_free(&r);
	concluding_free(e);
	return code;
}
