// SPDX-License-Identifier: Apache-2.0
#include "cmd/run.h"

#include "base/sandbox.h"
#include "base/text.h"
#include "base/zone.h"
#include "role/config.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *run_store_dir(const struct cli_global *g)
{
	static char path[4096];
	const char *home = getenv("HOME");
	if (g->store)
		return g->store;
	if (g->config) {
		struct yaml_faults faults = { 0 };
		struct config *c;
		if (config_read(&c, g->config, &faults) < 0) {
			yaml_faults_print(stderr, g->config, &faults);
			return NULL;
		}
		snprintf(path, sizeof path, "%s", c->store.directory ? c->store.directory : "");
		config_free(c);
		if (path[0])
			return path;
	}
	if (geteuid() == 0)
		return "/var/lib/sakimori";
	snprintf(path, sizeof path, "%s/.local/share/sakimori", home ? home : ".");
	return path;
}

static int complain(const char *what, int code)
{
	char safe[1024];
	fprintf(stderr, "sakimori: %s\n", text_escape(safe, sizeof safe, what, strlen(what)));
	return code;
}

/* Everything is open: from here on no path, no socket, no program. A store that is written needs its directory. */
static int enter(const struct run *r, const struct telescope_options *o)
{
	struct err err = { "" };
	int code;
	if (o->no_sandbox)
		return 0;
	if (r->store)
		code = sandbox_files(&(struct sandbox_paths){ .write = (const char *[]){ r->store, NULL } }, &err);
	else
		code = sandbox_enter(SANDBOX_PARSE, &err);
	return code < 0 ? complain(err.text, -1) : 0;
}

struct minutes {
	const struct telescope_sink *sink;
	struct store *store;
	struct run *run;
	int64_t minute;
	bool open;
	const char *only; /* sensor, NULL: all */
};

static int give_source(void *arg, const char *sensor, const struct source *s)
{
	struct minutes *m = arg;
	/* A source that was seen across the end of a minute has a record in each. */
	if (s->minute == m->minute && (!m->only || strcmp(m->only, sensor) == 0))
		m->sink->source(m->sink->arg, s);
	return 0;
}

static int end_minute(struct minutes *m)
{
	int64_t start = m->minute * MINUTE_NS;
	if (!m->open)
		return 0;
	m->open = false;
	m->run->counts.minutes++;
	if (m->sink->source && store_each_source(m->store, start, start + MINUTE_NS, NULL, give_source, m) < 0)
		return -1;
	if (m->sink->minute)
		m->sink->minute(m->sink->arg, start);
	return 0;
}

static int give_flows(void *arg, const struct archive_header *block, const struct flow *flows, size_t n)
{
	struct minutes *m = arg;
	struct telescope_counts *c = &m->run->counts;
	char *seen = m->run->sensor;
	if (m->only && strcmp(m->only, block->sensor) != 0)
		return 0;
	snprintf(seen, sizeof m->run->sensor, "%s",
		seen[0] && strcmp(seen, block->sensor) != 0 ? "several" : block->sensor);
	if (m->open && block->minute != m->minute && end_minute(m) < 0)
		return -1;
	m->minute = block->minute;
	m->open = true;
	for (size_t i = 0; i < n; i++) {
		const struct flow *f = &flows[i];
		c->packets += f->packets;
		c->classes[f->cls] += f->packets;
		c->layers[addr_is4(&f->src) ? LAYER_IP4 : LAYER_IP6] += f->packets;
		c->first_ns = c->timed && c->first_ns < f->first_ns ? c->first_ns : f->first_ns;
		c->last_ns = c->timed && c->last_ns > f->last_ns ? c->last_ns : f->last_ns;
		c->timed += f->packets;
		if (m->sink->flow)
			m->sink->flow(m->sink->arg, f, false);
	}
	c->flows += n;
	return 0;
}

static void broken(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	struct minutes *m = arg;
	m->run->broken++;
	fprintf(stderr, "sakimori: %s: at byte %llu: %llu bytes passed over: %s\n", file, (unsigned long long)offset,
		(unsigned long long)octets, reason);
}

static int from_store(
	struct run *r, const struct cli_global *g, const struct telescope_options *o, const struct telescope_sink *sink)
{
	struct err err = { "" };
	int code;
	struct minutes m = { .sink = sink, .run = r, .only = o->sensor };
	if (o->from && zone_parse(o->from, &r->from_ns) < 0)
		return complain(
			"--from takes RFC 3339 (2026-11-24T21:00:00Z), a date, or seconds since 1970", CLI_USAGE);
	if (o->to && zone_parse(o->to, &r->to_ns) < 0)
		return complain("--to takes RFC 3339 (2026-11-24T21:00:00Z), a date, or seconds since 1970", CLI_USAGE);
	if (r->from_ns >= r->to_ns)
		return complain("--from must lie before --to", CLI_USAGE);
	r->store = run_store_dir(g);
	if (!r->store)
		return CLI_USAGE;
	m.store = store_open(r->store, STORE_READ, &code, &err);
	if (!m.store) {
		r->store = NULL;
		return complain(err.text, CLI_FAILED);
	}
	if (enter(r, o) < 0) {
		store_close(m.store);
		return CLI_FAILED;
	}
	r->ran = true;
	struct store_scan scan = {
		.from_ns = r->from_ns, .to_ns = r->to_ns, .fn = give_flows, .broken = broken, .arg = &m
	};
	code = store_scan_flows(m.store, &scan, &err);
	if (code == 0)
		code = end_minute(&m);
	store_close(m.store);
	if (code < 0)
		return complain(err.text[0] ? err.text : "the store can't be read", CLI_FAILED);
	return r->broken ? CLI_FAILED : CLI_DONE;
}

int run_all(struct run *r, const struct cli_global *g, const struct telescope_options *o, int argc, char **argv,
	const struct feed_params *fp)
{
	struct input_options io = { .no_map = o->no_map };
	r->from_ns = INT64_MIN;
	r->to_ns = INT64_MAX;
	if (argc == 0 && (o->from || o->to))
		return from_store(r, g, o, &fp->telescope.sink);
	if (argc && (o->from || o->to))
		return complain("--from and --to choose a part of the store; they go without files", CLI_USAGE);
	if (argc && g->store && !r->store)
		return complain("only flows and events keep what they read in --store; without files it is read with "
				"--from and --to",
			CLI_USAGE);
	if (argc == 0)
		return complain("name capture files, or a part of the store with --from and --to", CLI_USAGE);
	inputs_open(&r->in, argv, argc, &io);
	r->in.progress = r->in.progress && !g->quiet;
	r->feed = feed_new(fp);
	if (enter(r, o) < 0)
		return CLI_FAILED;
	r->ran = true;
	inputs_feed(&r->in, r->feed);
	r->counts = feed_counts(r->feed);
	return inputs_exit(&r->in);
}

void run_free(struct run *r)
{
	feed_free(r->feed);
	inputs_close(&r->in);
}
