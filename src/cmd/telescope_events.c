// SPDX-License-Identifier: Apache-2.0
/* telescope events: the conclusions, one finding a line. */
#include "cmd/telescope.h"

#include "base/random.h"
#include "cmd/concluding.h"
#include "cmd/run.h"
#include "cmd/show.h"
#include "cmd/storing.h"

#include <stdio.h>

struct printer {
	struct json j;
	const struct concluding *evidence;
	struct storing *storing; /* NULL: nothing is kept */
	bool json;
	size_t shown;
};

static void print(void *arg, const struct finding *f)
{
	struct printer *p = arg;
	if (p->storing)
		storing_finding(p->storing, f);
	if (!concluding_shows(p->evidence, f))
		return;
	p->shown++;
	if (!p->json) {
		show_finding(stdout, f);
		return;
	}
	finding_json(&p->j, NULL, f);
	json_line(&p->j);
}

int telescope_events(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	uint64_t seed = random_key();
	struct run r = { 0 };
	struct concluding *e = concluding_new(o, seed);
	if (!e)
		return CLI_USAGE;
	struct feed_params fp = {
		.telescope = { .seed = seed, .sink = concluding_sink(e), .unwrap = show_unwrap(&o->unwrap) }
	};
	struct printer p = { .evidence = e, .json = g->json };
	if (g->store && argc) {
		p.storing = storing_open(g, o->sensor, argc, argv);
		if (!p.storing) {
			concluding_free(e);
			return CLI_FAILED;
		}
		struct telescope_sink next = fp.telescope.sink;
		fp.telescope.sink = storing_sink(p.storing, &next);
		r.store = g->store;
	}
	int code = run_all(&r, g, o, argc, argv, &fp);
	if (r.ran) {
		json_init(&p.j, stdout);
		if (r.sensor[0])
			darknet_set_sensor(concluding_darknet(e), r.sensor);
		if (strcmp(r.sensor, "several") == 0)
			fputs("sakimori: several sensors, concluded together: ids are not those that the daemon keeps; "
			      "--sensor NAME takes one\n",
				stderr);
		darknet_finish(concluding_darknet(e), print, &p);
		if (!g->json && p.shown == 0)
			puts("no findings");
		if (darknet_refused(concluding_darknet(e)))
			fprintf(stderr,
				"sakimori: %llu records found no room in the analysis: --max-events makes more\n",
				(unsigned long long)darknet_refused(concluding_darknet(e)));
		if (r.counts.late)
			fprintf(stderr,
				"sakimori: %llu packets came late, behind the minute that was open: are the files in "
				"the order of "
				"their times?\n",
				(unsigned long long)r.counts.late);
	}
	if (p.storing)
		code = storing_finish(p.storing, code);
	run_free(&r);
	concluding_free(e);
	return code;
}
