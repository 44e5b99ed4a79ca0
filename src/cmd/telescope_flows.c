// SPDX-License-Identifier: Apache-2.0
/* telescope flows: the flows of each minute, or with --summary their totals alone. */
#include "cmd/telescope.h"

#include "base/random.h"
#include "cmd/inputs.h"

#include <inttypes.h>
#include <stdio.h>

int telescope_flows(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	struct inputs in;
	struct input_options io = { .no_map = o->no_map };
	struct feed_params fp = {
		.workers = (unsigned)o->workers,
		.telescope = { .sum_sources = o->summary, .seed = random_key(), .max_flows = o->max_flows, .max_sources = o->max_sources },
	};
	inputs_open(&in, argv, argc, &io);
	struct feed *f = feed_new(&fp);
	inputs_feed(&in, f);
	struct telescope_counts c = feed_counts(f);
	printf("packets %" PRIu64 " flows %" PRIu64 " minutes %" PRIu64 " sources %zu memory %zu\n", c.packets, c.flows, c.minutes,
		feed_source_count(f), feed_memory(f));
	int code = inputs_exit(&in);
	feed_free(f);
	inputs_close(&in);
	return code;
}
