// SPDX-License-Identifier: Apache-2.0
/* telescope watch: a live interface: signals at once, a line a minute, totals at the end. */
#include "cmd/telescope.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "cmd/prefixes.h"
#include "cmd/show.h"
#include "cmd/watchstore.h"
#include "sensor/telescope/live.h"
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MINUTES 4 /* whose drops and flows are remembered until they close */

struct minute {
	int64_t start;
	uint64_t drops, flows;
};

struct watch {
	const struct telescope_options *o;
	const char *interface;
	struct live *live;
	struct watchstore *store; /* NULL: none */
	struct json json;
	bool as_json, status, broken;
	int64_t begun_ns, shown_ns; /* monotonic */
	uint64_t shown_packets;
	int64_t stored_until; /* end of the last minute given to the store */
	bool unsaid;	      /* something was given to the store since the last commit */
	struct minute minutes[MINUTES];
	/* the minute that is being told */
	uint64_t classes[CLASS_N], packets, sources, late;
};

static volatile sig_atomic_t asked_to_stop;
static const struct live *to_wake;

static void on_signal(int signo)
{
	asked_to_stop = signo;
	if (to_wake)
		live_wake(to_wake);
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- what the live telescope tells ---- */

/* Only with a store. */
static void on_flow(void *arg, const struct flow *f, bool late)
{
	struct watch *w = arg;
	watchstore_flow(w->store, f);
}

static void on_source(void *arg, const struct source *s)
{
	struct watch *w = arg;
	w->sources++;
	w->packets += s->packets;
	for (int k = 0; k < CLASS_N; k++)
		w->classes[k] += s->by_class[k];
	if (w->store)
		watchstore_source(w->store, s);
}

static struct minute *minute_at(struct watch *w, int64_t ns)
{
	int64_t start = ns / MINUTE_NS * MINUTE_NS;
	struct minute *m = &w->minutes[(uint64_t)(start / MINUTE_NS) % MINUTES];
	m->start = start;
	return m;
}

static void on_flows(void *arg, int64_t start, uint64_t n)
{
	minute_at(arg, start)->flows += n;
}

/* What is known of the minutes up to this one, which is told now. */
static struct minute take_minutes(struct watch *w, int64_t start)
{
	struct minute sum = { .start = start };
	for (int i = 0; i < MINUTES; i++)
		if (w->minutes[i].start <= start) {
			sum.drops += w->minutes[i].drops;
			sum.flows += w->minutes[i].flows;
			w->minutes[i] = (struct minute){ 0 };
		}
	return sum;
}

static void classes_json(struct json *j, const uint64_t classes[CLASS_N])
{
	json_object(j, "classes");
	for (int k = 0; k < CLASS_N; k++)
		json_u64(j, packet_class_name(k), classes[k]);
	json_end(j, '}');
}

static void classes_text(const uint64_t classes[CLASS_N])
{
	for (int k = 0; k < CLASS_N; k++)
		if (classes[k])
			printf("  %s %" PRIu64, packet_class_name(k), classes[k]);
	putchar('\n');
}

static void clear_status(const struct watch *w)
{
	if (w->status)
		fputs("\r\033[K", stderr);
}

static void said(struct watch *w)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		w->broken = true;
}

static void on_minute(void *arg, int64_t start)
{
	struct watch *w = arg;
	char when[TEXT_TIME_MAX];
	struct minute m = take_minutes(w, start);
	uint64_t late = live_status(w->live).counts.late;
	clear_status(w);
	if (w->as_json) {
		struct json *j = &w->json;
		json_object(j, NULL);
		json_str(j, "kind", "minute");
		json_time(j, "minute", start);
		json_i64(j, "minute_ns", start);
		json_u64(j, "packets", w->packets);
		classes_json(j, w->classes);
		json_u64(j, "flows", m.flows);
		json_u64(j, "sources", w->sources);
		json_u64(j, "late", late - w->late);
		json_u64(j, "drops", m.drops);
		json_end(j, '}');
		json_line(j);
	} else {
		printf("%.16s  packets %" PRIu64 "  flows %" PRIu64 "  sources %" PRIu64 "  drops %" PRIu64,
			text_time(when, start), w->packets, m.flows, w->sources, m.drops);
		classes_text(w->classes);
	}
	said(w);
	w->packets = w->sources = 0;
	w->late = late;
	memset(w->classes, 0, sizeof w->classes);
	w->stored_until = start + MINUTE_NS;
	w->unsaid = true;
}

static void on_found(void *arg, const struct signal *s)
{
	struct watch *w = arg;
	char when[TEXT_TIME_MAX];
	clear_status(w);
	if (w->as_json) {
		json_object(&w->json, NULL);
		json_str(&w->json, "kind", "signal");
		signal_json(&w->json, "signal", s);
		json_end(&w->json, '}');
		json_line(&w->json);
	} else {
		const struct finding_sample *last = &s->samples[s->samples_n - 1];
		char dst[ADDR_TEXT_MAX];
		printf("%.23sZ  signal %s  source %s  %" PRIu64 " reached  last to %s port %u protocol %u\n",
			text_time(when, s->at_ns), s->kind, s->source, s->value, addr_text(dst, &last->dst),
			last->dport, last->proto);
	}
	said(w);
	if (w->store) {
		watchstore_signal(w->store, s);
		w->unsaid = true;
	}
}

static void on_dropped(void *arg, int64_t from_ns, int64_t to_ns, uint64_t packets)
{
	struct watch *w = arg;
	minute_at(w, to_ns)->drops += packets;
	if (w->store) {
		watchstore_gap(w->store, from_ns, to_ns, "kernel-drop", packets);
		w->unsaid = true;
	}
}

/* ---- what is shown of the whole ---- */

static void show_status(struct watch *w)
{
	int64_t now = now_ns(CLOCK_MONOTONIC);
	if (!w->status || now - w->shown_ns < 1000000000)
		return;
	struct live_status s = live_status(w->live);
	double rate = (double)(s.counts.packets - w->shown_packets) * 1e9 / (double)(now - w->shown_ns);
	fprintf(stderr, "\r\033[K%" PRIu64 " packets  %.0f/s  %" PRIu64 " dropped  %" PRIu64 " sources",
		s.counts.packets, rate, s.capture.dropped, s.sources);
	static const int shown[] = { CLASS_TCP_SYN, CLASS_TCP_SYN_ACK, CLASS_UDP, CLASS_ICMP };
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		fprintf(stderr, "  %s %" PRIu64, packet_class_name(shown[i]), s.counts.classes[shown[i]]);
	fflush(stderr);
	w->shown_ns = now;
	w->shown_packets = s.counts.packets;
}

static void layers_json(struct json *j, const struct telescope_counts *c)
{
	json_object(j, "layers");
	for (int k = 0; k < LAYER_N; k++)
		json_u64(j, packet_layer_name(k), c->layers[k]);
	json_u64(j, "short", c->classes[CLASS_SHORT]);
	json_u64(j, "frag", c->classes[CLASS_FRAG] - c->frag6);
	json_u64(j, "frag6", c->frag6);
	json_u64(j, "vlan", c->vlan);
	json_end(j, '}');
}

static void total_json(struct watch *w, const struct live_status *s, double seconds)
{
	struct json *j = &w->json;
	const struct telescope_counts *c = &s->counts;
	json_object(j, NULL);
	json_str(j, "kind", "total");
	json_str(j, "interface", w->interface);
	json_double(j, "seconds", seconds);
	json_u64(j, "packets", c->packets);
	json_u64(j, "bytes", c->bytes);
	json_u64(j, "kept", s->capture.kept);
	json_u64(j, "drops", s->capture.dropped);
	json_u64(j, "bad", s->capture.bad);
	classes_json(j, c->classes);
	layers_json(j, c);
	json_u64(j, "minutes", c->minutes);
	json_u64(j, "flows", c->flows);
	json_u64(j, "late", c->late);
	json_u64(j, "sources", s->sources);
	json_bool(j, "exact", s->exact);
	json_u64(j, "signals", s->signals.told);
	json_u64(j, "signals_lost", s->signals_lost);
	json_u64(j, "busy_ns", s->busy_ns);
	json_end(j, '}');
	json_line(j);
}

static void show_total(struct watch *w)
{
	struct live_status s = live_status(w->live);
	double seconds = (double)(now_ns(CLOCK_MONOTONIC) - w->begun_ns) / 1e9;
	clear_status(w);
	if (w->as_json) {
		total_json(w, &s, seconds);
	} else {
		printf("total  packets %" PRIu64 "  dropped %" PRIu64 "  flows %" PRIu64 "  sources %s%" PRIu64
		       "  signals %" PRIu64 "  in %.1f s",
			s.counts.packets, s.capture.dropped, s.counts.flows, s.exact ? "" : "about ", s.sources,
			s.signals.told, seconds);
		classes_text(s.counts.classes);
	}
	said(w);
}

/* ---- the run ---- */

static int commit(struct watch *w)
{
	if (!w->store || !w->unsaid)
		return 0;
	w->unsaid = false;
	return watchstore_commit(w->store, w->stored_until);
}

static int loop(struct watch *w)
{
	int64_t end = w->o->duration_s ? w->begun_ns + (int64_t)w->o->duration_s * 1000000000 : INT64_MAX;
	while (!asked_to_stop && !w->broken) {
		int64_t left = (end - now_ns(CLOCK_MONOTONIC)) / 1000000;
		if (left < 0)
			break;
		int r = live_poll(w->live, left < 250 ? (int)left + 1 : 250);
		if (commit(w) < 0) {
			fputs("sakimori: the store's process ended\n", stderr);
			return CLI_FAILED;
		}
		show_status(w);
		if (r < 0) {
			clear_status(w);
			fprintf(stderr, "sakimori: %s: the interface went down\n", w->interface);
			return CLI_FAILED;
		}
		if (r > 0)
			break;
	}
	return w->broken ? CLI_FAILED : CLI_DONE;
}

static int user_id(const char *text, uid_t *uid)
{
	uint64_t n;
	*uid = SANDBOX_UID;
	if (!text)
		return 0;
	const struct passwd *p = getpwnam(text);
	if (!p && (cli_number(text, &n) != 0 || n == 0 || n >= (uid_t)-1))
		return -1;
	*uid = p ? p->pw_uid : (uid_t)n;
	return 0;
}

/* From here on the process can do nothing but read its rings and write what is open. */
static int confine(struct watch *w, struct err *err)
{
	uid_t uid;
	if (user_id(w->o->user, &uid) < 0)
		return err_set(err, -1, "%s: no such user", w->o->user);
	if (w->o->no_sandbox) {
		fputs("sakimori: warning: no sandbox: privileges and system calls are kept\n", stderr);
		return live_start(w->live, err);
	}
	if (sandbox_files(NULL, err) < 0 || sandbox_drop(uid, err) < 0 || live_start(w->live, err) < 0)
		return -1;
	return sandbox_enter(SANDBOX_CAPTURE, err);
}

static void catch_signals(const struct live *l)
{
	struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART }; /* a write to a slow reader goes on */
	to_wake = l;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int watch(struct watch *w)
{
	struct err err = { "" };
	int code = CLI_FAILED;
	catch_signals(w->live);
	w->begun_ns = w->shown_ns = now_ns(CLOCK_MONOTONIC);
	w->stored_until = now_ns(CLOCK_REALTIME) / MINUTE_NS * MINUTE_NS;
	bool ready = confine(w, &err) == 0;
	if (ready) {
		fprintf(stderr, "watching %s (%s)\n", w->interface, link_name(live_linktype(w->live)));
		code = loop(w);
	} else {
		fprintf(stderr, "sakimori: %s\n", err.text);
	}
	live_stop(w->live);
	if (ready)
		show_total(w);
	return w->broken ? CLI_FAILED : code;
}

static bool fill(struct live_params *p, const struct telescope_options *o, struct prefix *dark, struct err *err)
{
	struct prefixes read = { 0 };
	if (o->min_targets > SIGNALS_DESTINATIONS_MAX || o->min_ports > SIGNALS_PORTS_MAX) {
		err_set(err, -1, "at most %d for --min-targets, %d for --min-ports", SIGNALS_DESTINATIONS_MAX,
			SIGNALS_PORTS_MAX);
		return false;
	}
	if (prefixes_read(&read, &o->dark, err) < 0)
		return false;
	int64_t now = now_ns(CLOCK_REALTIME);
	size_t n = 0;
	for (size_t i = 0; i < read.n && n < CLI_LIST_MAX; i++)
		if (now >= read.v[i].from_ns && now < read.v[i].to_ns)
			dark[n++] = read.v[i].prefix;
	free(read.v);
	p->signals.dark = dark;
	p->signals.dark_n = n;
	p->signals.min_destinations = (unsigned)o->min_targets;
	p->signals.min_ports = (unsigned)o->min_ports;
	p->capture.workers = o->workers > UINT32_MAX ? UINT32_MAX : (unsigned)o->workers;
	p->capture.blocks = o->ring_mib > UINT32_MAX ? UINT32_MAX : (unsigned)o->ring_mib;
	p->capture.snaplen = o->snaplen > UINT32_MAX ? 0 : (uint32_t)o->snaplen;
	p->capture.promiscuous = !o->no_promiscuous;
	p->capture.outgoing = o->outgoing;
	p->max_packets = o->count_packets;
	p->telescope.unwrap = show_unwrap(&o->unwrap);
	p->telescope.seed = p->signals.seed = random_key();
	return true;
}

int telescope_watch(const struct cli_global *g, const void *options, int argc, char **argv)
{
	const struct telescope_options *o = options;
	struct err err = { "" };
	struct prefix *dark = mem_new(CLI_LIST_MAX * sizeof *dark);
	struct watch *w = mem_new(sizeof *w);
	*w = (struct watch){ .o = o, .interface = argv[0], .as_json = g->json };
	w->status = isatty(STDERR_FILENO) && !g->quiet;
	json_init(&w->json, stdout);
	struct live_params p = {
		.capture.interface = argv[0],
		.signals.sensor = o->sensor ? o->sensor : "local",
		.telescope.sink = { .arg = w, .source = on_source, .minute = on_minute },
		.signal = on_found,
		.flows = on_flows,
		.dropped = on_dropped,
	};
	int code = CLI_USAGE;
	bool good = fill(&p, o, dark, &err);
	if (good) {
		code = CLI_FAILED;
		w->store = g->store ? watchstore_open(g->store, p.signals.sensor, &err) : NULL;
		p.telescope.sink.flow = w->store ? on_flow : NULL;
		good = (!g->store || w->store) && live_open(&w->live, &p, &err) == 0;
	}
	if (good)
		code = watch(w);
	else
		fprintf(stderr, "sakimori: %s\n", err.text);
	if (w->store && watchstore_close(w->store, now_ns(CLOCK_REALTIME)) < 0) {
		fputs("sakimori: the store did not keep everything\n", stderr);
		code = CLI_FAILED;
	}
	to_wake = NULL;
	live_close(w->live);
	free(w);
	free(dark);
	return code;
}
