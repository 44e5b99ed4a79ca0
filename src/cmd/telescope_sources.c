// SPDX-License-Identifier: Apache-2.0
/* telescope sources: who sent, one line an address: packets by class, marks of tools, first and last. */
#include "cmd/telescope.h"

#include "base/idmap.h"
#include "base/random.h"
#include "base/zone.h"
#include "cmd/paint.h"
#include "cmd/run.h"
#include "cmd/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SOURCES ((size_t)8 << 20)

struct sums {
	struct idmap map;
	struct source *v;
	size_t room;
};

static const char *const mark_names[MARK_N] = { "zmap_id", "zmap_syn", "masscan", "mirai", "nmap" };

static void add(void *arg, const struct source *s)
{
	struct sums *t = arg;
	bool fresh;
	uint64_t key = addr_is4(&s->addr) ? addr_to4(&s->addr) : addr_hash(&s->addr, t->map.seed) | (uint64_t)1 << 63;
	uint32_t n = idmap_take(&t->map, key, &fresh);
	if (n == IDMAP_NONE)
		return;
	t->v = idmap_room(t->v, t->map.n, &t->room, sizeof *t->v);
	struct source *sum = &t->v[n];
	if (fresh) {
		*sum = *s;
		return;
	}
	sum->packets += s->packets;
	sum->bytes += s->bytes;
	sum->syns += s->syns;
	sum->first_ns = s->first_ns < sum->first_ns ? s->first_ns : sum->first_ns;
	sum->last_ns = s->last_ns > sum->last_ns ? s->last_ns : sum->last_ns;
	if (s->syns >= 2)
		sum->constants &= s->constants;
	for (int c = 0; c < CLASS_N; c++)
		sum->by_class[c] += s->by_class[c];
	for (int m = 0; m < MARK_N; m++)
		sum->marks[m] += s->marks[m];
}

static int compare(const void *x, const void *y)
{
	const struct source *a = x, *b = y;
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	return addr_cmp(&a->addr, &b->addr);
}

static void line_json(struct json *j, const struct source *s)
{
	char text[ADDR_TEXT_MAX];
	json_object(j, NULL);
	json_str(j, "address", addr_text(text, &s->addr));
	json_u64(j, "packets", s->packets);
	json_u64(j, "bytes", s->bytes);
	json_object(j, "classes");
	for (int c = 0; c < CLASS_N; c++)
		json_u64(j, packet_class_name((enum packet_class)c), s->by_class[c]);
	json_end(j, '}');
	json_object(j, "marks");
	for (int m = 0; m < MARK_N; m++)
		json_u64(j, mark_names[m], s->marks[m]);
	json_end(j, '}');
	json_time(j, "first", s->first_ns);
	json_i64(j, "first_ns", s->first_ns);
	json_time(j, "last", s->last_ns);
	json_i64(j, "last_ns", s->last_ns);
	json_end(j, '}');
	json_line(j);
}

static void line_text(const struct source *s, uint64_t most)
{
	char text[ADDR_TEXT_MAX], n[32], first[TEXT_TIME_MAX], marks[64] = "";
	size_t o = 0;
	for (int m = 0; m < MARK_N; m++)
		if (s->marks[m] >= 3 && (uint64_t)s->marks[m] * 2 >= s->packets)
			o += (size_t)snprintf(marks + o, sizeof marks - o, "%s%s", o ? " " : "", mark_names[m]);
	printf("  %-24s %12s packets  %-10s ", addr_text(text, &s->addr), paint_number(n, s->packets), marks);
	paint_bar(stdout, s->packets, most, 20);
	printf("  %s  %.0f s\n", zone_text(first, s->first_ns), (double)(s->last_ns - s->first_ns) / 1e9);
}

int telescope_sources(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	struct sums t = { 0 };
	struct run r = { 0 };
	struct json j;
	if (show_zone(o->tz) < 0)
		return CLI_USAGE;
	struct feed_params fp = { .workers = (unsigned)o->workers,
		.telescope = { .seed = random_key(),
			.unwrap = show_unwrap(&o->unwrap),
			.sink = { .arg = &t, .source = add } } };
	idmap_init(&t.map, MAX_SOURCES, fp.telescope.seed);
	int code = run_all(&r, g, o, argc, argv, &fp);
	size_t rows = o->limit ? o->limit : g->json ? SIZE_MAX : 20;
	if (t.map.n)
		qsort(t.v, t.map.n, sizeof *t.v, compare);
	json_init(&j, stdout);
	for (size_t i = 0; i < t.map.n && i < rows; i++) {
		if (g->json)
			line_json(&j, &t.v[i]);
		else
			line_text(&t.v[i], t.v[0].packets);
	}
	if (!g->json && r.ran)
		printf("%zu sources%s\n", t.map.n, rows < t.map.n ? "; --limit shows more" : "");
	if (t.map.refused)
		fprintf(stderr,
			"sakimori: %" PRIu64 " source minutes beyond the limit of 8 Mi addresses are left out\n",
			t.map.refused);
	idmap_fini(&t.map);
	free(t.v);
	run_free(&r);
	return code;
}
