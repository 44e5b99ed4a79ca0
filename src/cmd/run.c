// SPDX-License-Identifier: Apache-2.0
#include "cmd/run.h"

#include "base/random.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "base/zone.h"
#include "role/config.h"
#include "store/store.h"
#include "view/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

static void broken(const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	fprintf(stderr, "sakimori: %s: at byte %llu: %llu bytes passed over: %s\n", file, (unsigned long long)offset,
		(unsigned long long)octets, reason);
}

/* Nobody asked for other rules than those of the analysis that went on. */
static bool as_kept(const struct telescope_options *o)
{
	return !o->dark.n && !o->own.n && !o->min_targets && !o->min_ports && !o->timeout_s && !o->max_events;
}

static int tell_store(struct run *r, const struct telescope_options *o, struct err *err)
{
	struct stored *s = &r->stored;
	int code = 0;
	if (r->known.finding && as_kept(o))
		code = stored_concluded(s->store, s->sensor, &r->concluded, err);
	if (r->concluded)
		s->sink = &r->known.sink;
	code = code ? code : stored_run(s, err);
	if (code == 0 && r->concluded)
		code = stored_findings(s, r->known.finding, r->known.arg);
	r->counts = s->counts;
	memcpy(r->sensor, s->seen, sizeof r->sensor);
	r->broken = s->broken_n;
	return code;
}

static void given_or(struct knowing_files *to, const char *const *v, size_t n)
{
	if (to->n == 0)
		*to = (struct knowing_files){ v, n };
}

int run_knowing(struct knowing *k, struct knowing_params p, const struct cli_global *g, struct err *err)
{
	struct yaml_faults faults = { 0 };
	struct config *c = NULL;
	*k = (struct knowing){ 0 };
	if (g->config && config_read(&c, g->config, &faults) < 0) {
		yaml_faults_print(stderr, g->config, &faults);
		return err_set(err, -1, "the configuration can't be used");
	}
	if (c) {
		given_or(&p.research, c->analysis.research.v, c->analysis.research.n);
		given_or(&p.names, c->analysis.names.v, c->analysis.names.n);
		given_or(&p.owners, c->analysis.owners.v, c->analysis.owners.n);
		given_or(&p.geo, c->analysis.geo.v, c->analysis.geo.n);
	}
	int r = knowing_open(k, &p, err);
	config_free(c);
	return r;
}

int run_time(const char *text, int64_t *ns)
{
	struct timespec now;
	if (strncmp(text, "now", 3) != 0)
		return zone_parse(text, ns);
	clock_gettime(CLOCK_REALTIME, &now);
	return params_time(text, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, ns);
}

static int from_store(
	struct run *r, const struct cli_global *g, const struct telescope_options *o, const struct telescope_sink *sink)
{
	struct err err = { "" };
	int code;
	if (o->from && run_time(o->from, &r->from_ns) < 0)
		return complain(
			"--from takes RFC 3339 (2026-11-24T21:00:00Z), a date, seconds since 1970, now or now-24h",
			CLI_USAGE);
	if (o->to && run_time(o->to, &r->to_ns) < 0)
		return complain(
			"--to takes RFC 3339 (2026-11-24T21:00:00Z), a date, seconds since 1970, now or now-24h",
			CLI_USAGE);
	if (r->from_ns >= r->to_ns)
		return complain("--from must lie before --to", CLI_USAGE);
	r->store = run_store_dir(g);
	if (!r->store)
		return CLI_USAGE;
	struct store *store = store_open(r->store, STORE_READ, &code, &err);
	if (!store) {
		r->store = NULL;
		return complain(err.text, CLI_FAILED);
	}
	if (enter(r, o) < 0) {
		store_close(store);
		return CLI_FAILED;
	}
	r->ran = true;
	r->stored = (struct stored){ .store = store,
		.from_ns = r->from_ns,
		.to_ns = r->to_ns,
		.sensor = o->sensor,
		.sink = sink,
		.broken = broken,
		.seed = random_key() };
	code = tell_store(r, o, &err);
	store_close(store);
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
