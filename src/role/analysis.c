// SPDX-License-Identifier: Apache-2.0
/*
 * The analysis role: records that are safe, to findings. It holds nothing that isn't in the store: one that begins
 * reads the last minutes of each sensor again, then goes on with what comes.
 */
#include "analysis/darknet/darknet.h"
#include "base/mem.h"
#include "base/random.h"
#include "know/knowing.h"
#include "role/members.h"
#include "role/sender.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES	       256
#define EMIT_MAX       4096 /* findings a minute and sensor; what waits comes with the next */
#define WAITING_MAX    ((size_t)8 << 20)
#define TOLD_NS	       (5 * MINUTE_NS) /* without findings: how often it is said how far it is */
#define PAST_MAX_NS    (7 * INT64_C(86400) * 1000000000)
#define QUIET_MS       50
#define LAST_MS	       6000 /* at the end: longest wait for the rest */
#define REPLAY_LAST_MS 600000

struct site {
	struct analysis_role *a;
	char sensor[64];
	struct darknet *darknet;
	int64_t timeout_ns, until_ns, cut_ns; /* cut: what is before it comes from the store */
	int64_t from_ns;		      /* what is before it was concluded by an earlier life of this role */
	bool read;			      /* it has come */
};

struct analysis_role {
	struct member *m;
	struct knowing knows;
	struct channel *keeper, *query;
	struct sender *sender;
	struct assembly *assembly;
	struct archive_decoder *decoder;
	struct site *sites[SITES];
	size_t n, asked; /* asked: the site whose past is being read */
	struct site *speaking;
	bool attached, reading, present, drained; /* present: the past is read; drained: at the end, so is the rest */
	struct batch *out;
	uint32_t out_n;
	int64_t told_ns; /* how far it was said to have concluded */
	/* the block that is being decoded */
	bool late;
};

/* ---- findings to the keeper ---- */

/* `until_ns`: everything before it is concluded with this; 0: there is more to come. */
static void close_out(struct analysis_role *a, int64_t until_ns)
{
	if (!a->out && until_ns - a->told_ns >= TOLD_NS)
		a->out = batch_new(sender_sequence(a->sender));
	if (!a->out)
		return;
	if (until_ns > a->told_ns)
		a->told_ns = until_ns;
	batch_commit(a->out, until_ns ? a->told_ns : 0, false);
	sender_give(a->sender, a->out);
	a->out = NULL;
	a->out_n = 0;
}

/* What was told and holds no more stays under its id, with no confidence: somebody may have acted on it. */
static const struct finding *withdrawn(const struct finding *f)
{
	static struct finding w;
	w = *f;
	w.confidence = 0;
	w.severity = finding_word("info");
	snprintf(w.detail, sizeof w.detail, "withdrawn: later packets say otherwise");
	return &w;
}

static void emit(void *arg, const struct finding *told, enum darknet_news news)
{
	struct site *s = arg;
	struct analysis_role *a = s->a;
	const struct finding *f = news == DARKNET_WITHDRAWN ? withdrawn(told) : told;
	if (!a->out)
		a->out = batch_new(sender_sequence(a->sender));
	batch_finding(a->out, f);
	counters_add(COUNTER_EVENTS, 1);
	if (++a->out_n == BATCH_FINDINGS)
		close_out(a, 0);
}

/* While the keeper is busy with what was concluded before, what changes further is told as one. */
static void conclude(struct site *s, bool last)
{
	if (!sender_welcomed(s->a->sender) || (!last && sender_waiting(s->a->sender) > WAITING_MAX))
		return;
	darknet_poll(s->darknet, s->until_ns, EMIT_MAX, emit, s);
	close_out(s->a, darknet_waiting(s->darknet) ? 0 : s->until_ns);
	counters_set(COUNTER_EVENTS_REFUSED, darknet_refused(s->darknet));
}

/* ---- sites ---- */

static uint64_t dark_size(const struct config_sensor *c)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < c->dark.n; i++) {
		unsigned free_bits = 128u - c->dark.v[i].prefix.bits;
		sum += free_bits > 40 ? UINT64_C(1) << 40 : UINT64_C(1) << free_bits;
	}
	return sum;
}

static struct site *site_of(struct analysis_role *a, const char *sensor)
{
	const struct config *c = a->m->config;
	const struct config_sensor none = { .name = sensor }, *of = &none;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->sites[i]->sensor, sensor) == 0)
			return a->sites[i];
	if (a->n == SITES)
		return NULL;
	for (size_t i = 0; i < c->sensors.n; i++)
		if (strcmp(c->sensors.v[i].name, sensor) == 0)
			of = &c->sensors.v[i];
	struct site *s = mem_new(sizeof *s);
	s->a = a;
	snprintf(s->sensor, sizeof s->sensor, "%s", sensor);
	s->timeout_ns = c->analysis.timeout_ns ? c->analysis.timeout_ns : darknet_timeout(dark_size(of));
	struct darknet_params p = {
		.sensor = s->sensor,
		.dark = of->dark.v,
		.n_dark = of->dark.n,
		.own = of->own.v,
		.n_own = of->own.n,
		.min_targets = (uint32_t)c->analysis.min_targets,
		.min_ports = (uint32_t)c->analysis.min_ports,
		.timeout_ns = c->analysis.timeout_ns,
		.max_events = (uint32_t)c->analysis.max_events,
		.seed = random_key(),
		.research = knowing_research,
		.owner = knowing_owner,
		.place = knowing_place,
		.arg = &a->knows,
	};
	s->darknet = darknet_new(&p);
	a->sites[a->n++] = s;
	return s;
}

/* ---- records ---- */

static int take_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct site *s = arg;
	for (size_t i = 0; i < n; i++)
		(s->a->late ? darknet_late : darknet_flow)(s->darknet, &flows[i]);
	counters_add(COUNTER_FLOWS, n);
	return 0;
}

static void take_blocks(struct site *s, struct bytes blocks)
{
	while (blocks.n) {
		struct archive_header h;
		struct archive_query q = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .fn = take_flows, .arg = s };
		if (archive_header_parse(blocks, &h) < 0 || !bytes_need(blocks, ARCHIVE_HEADER, h.payload))
			return;
		struct bytes payload = bytes_head(bytes_from(blocks, ARCHIVE_HEADER), h.payload);
		s->a->late = s->until_ns && h.minute * MINUTE_NS < s->until_ns;
		if (archive_decode(s->a->decoder, &h, payload, &q) < 0)
			channel_refused();
		blocks = bytes_from(blocks, ARCHIVE_HEADER + h.payload);
	}
}

static void take_batch(struct analysis_role *a, struct site *s, bool past)
{
	const struct store_batch *b = assembly_batch(a->assembly);
	int64_t until = assembly_until(a->assembly);
	for (size_t i = 0; i < b->findings_n; i++)
		darknet_known(s->darknet, &b->findings[i]);
	take_blocks(s, b->blocks);
	for (size_t i = 0; i < b->sources_n; i++)
		darknet_source(s->darknet, &b->sources[i]);
	counters_add(COUNTER_SOURCES, b->sources_n);
	for (size_t i = 0; i < b->signals_n; i++)
		for (uint32_t k = 0; k < b->signals[i].samples_n; k++) {
			const struct finding_sample *sample = &b->signals[i].samples[k];
			if (darknet_wants_sample(s->darknet, &sample->src, &sample->dst, sample->dport))
				darknet_sample(s->darknet, sample);
		}
	if (until > s->until_ns) {
		s->until_ns = until;
		darknet_minute(s->darknet);
		counters_set(COUNTER_LAST_MINUTE, (uint64_t)(until - MINUTE_NS));
		if (!past)
			conclude(s, false);
	}
	assembly_clear(a->assembly);
}

static void add(struct analysis_role *a, struct site *s, const struct message *m, bool past)
{
	const char *why;
	int r = assembly_add(a->assembly, m, &why);
	if (r < 0) {
		member_say(a->m, "records that can't be: %s", why);
		member_end(a->m, 3);
	} else if (r > 0) {
		take_batch(a, s, past);
	}
}

/* ---- the past ---- */

static void ask_next(struct analysis_role *a)
{
	if (!a->attached || !a->query || a->reading)
		return;
	while (a->asked < a->n && (a->sites[a->asked]->read || !a->sites[a->asked]->cut_ns))
		a->asked++;
	if (a->asked == a->n) {
		a->present = true;
		for (size_t i = 0; i < a->n; i++)
			conclude(a->sites[i], false);
		channel_pause(a->keeper, false);
		return;
	}
	struct site *s = a->sites[a->asked];
	struct message_buf b = { 0 };
	message_u64(&b, (uint64_t)(s->from_ns - s->timeout_ns));
	message_u64(&b, (uint64_t)s->cut_ns);
	message_text(&b, s->sensor);
	a->reading = true;
	s->until_ns = 0;
	assembly_begin(a->assembly, 0, s->sensor);
	channel_send(a->query, &(struct message){ .kind = MESSAGE_WANT, .body = { b.p, b.n } });
	free(b.p);
}

static void on_query(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct analysis_role *a = arg;
	if (!a->reading)
		return;
	struct site *s = a->sites[a->asked];
	if (m->kind != MESSAGE_END) {
		add(a, s, m, true);
		return;
	}
	s->read = true;
	s->until_ns = s->cut_ns;
	a->reading = false;
	assembly_clear(a->assembly);
	ask_next(a);
}

static void query_closed(void *arg, struct channel *c, const char *why)
{
	struct analysis_role *a = arg;
	channel_free(c);
	a->query = NULL;
	/* Half a past is none. */
	if (a->reading)
		member_end(a->m, MEMBER_AGAIN);
}

/* ---- the present ---- */

static void on_attach(struct analysis_role *a, const struct message *m)
{
	struct message_reader in = { .in = m->body };
	char sensor[64];
	message_get_text(&in, sensor, sizeof sensor);
	int64_t until = (int64_t)message_get_u64(&in), concluded = (int64_t)message_get_u64(&in);
	struct site *s = message_whole(&in) ? site_of(a, sensor) : NULL;
	if (!s)
		return;
	s->cut_ns = s->from_ns = until;
	/* What nobody has concluded yet is read, too, but not without end. */
	if (concluded && concluded < until)
		s->from_ns = until - concluded > PAST_MAX_NS ? until - PAST_MAX_NS : concluded;
}

/* Everything has come; it ends when its findings are safe. */
static void finish(struct analysis_role *a)
{
	for (size_t i = 0; i < a->n; i++)
		conclude(a->sites[i], true);
	a->drained = true;
	if (sender_idle(a->sender))
		member_end(a->m, 0);
}

static void on_keeper(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct analysis_role *a = arg;
	struct sender_hello hello;
	switch (m->kind) {
	case MESSAGE_ATTACH:
		on_attach(a, m);
		return;
	case MESSAGE_END:
		if (a->attached) { /* that was all: asked for at the end */
			finish(a);
			return;
		}
		a->attached = true; /* of the attaching */
		channel_pause(c, true);
		ask_next(a);
		return;
	case MESSAGE_HELLO:
		a->speaking = sender_hello_get(m, &hello) == 0 ? site_of(a, hello.sensor) : NULL;
		if (a->speaking)
			assembly_begin(a->assembly, 0, hello.sensor);
		return;
	default:
		if (a->speaking)
			add(a, a->speaking, m, false);
	}
}

/* What was concluded but not kept is concluded again. */
static void keeper_closed(void *arg, const char *why)
{
	struct analysis_role *a = arg;
	member_end(a->m, a->m->stopping ? 0 : MEMBER_AGAIN);
}

static void on_empty(void *arg)
{
	struct analysis_role *a = arg;
	if (a->drained)
		member_end(a->m, 0);
}

static void on_welcome(void *arg)
{
	struct analysis_role *a = arg;
	for (size_t i = 0; i < a->n && a->present; i++)
		conclude(a->sites[i], false);
}

/* ---- life ---- */

static int analysis_open(struct member *m, struct err *err)
{
	struct analysis_role *a = mem_new(sizeof *a);
	struct sender_params p = { .id = sender_id("", "analysis"),
		.arg = a,
		.welcome = on_welcome,
		.empty = on_empty,
		.message = on_keeper,
		.closed = keeper_closed };
	a->m = m;
	a->sender = sender_new(&p);
	a->assembly = assembly_new();
	a->decoder = archive_decoder_new();
	m->state = a;
	return 0;
}

static struct knowing_files files(const struct config_texts *t)
{
	return (struct knowing_files){ t->v, t->n };
}

static int analysis_ready(struct member *m, struct err *err)
{
	struct analysis_role *a = m->state;
	const struct config *c = m->config;
	struct knowing_params p = { files(&c->analysis.research), files(&c->analysis.names), files(&c->analysis.owners),
		files(&c->analysis.geo) };
	return knowing_open(&a->knows, &p, err);
}

static void analysis_edge(struct member *m, enum role_id peer, unsigned index, int fd)
{
	struct analysis_role *a = m->state;
	if (peer == ROLE_KEEPER) {
		struct channel_handler h = sender_handler(a->sender);
		a->keeper = member_channel(m, peer, fd, &h, 0);
		sender_attach(a->sender, a->keeper);
		return;
	}
	struct channel_handler h = { .arg = a, .message = on_query, .closed = query_closed };
	channel_free(a->query);
	a->query = member_channel(m, peer, fd, &h, 0);
	ask_next(a);
}

static void give_up(void *arg)
{
	struct analysis_role *a = arg;
	member_end(a->m, 0);
}

/* Only behind the past: what the keeper has still to give comes before its answer. */
static void ask_for_the_rest(void *arg)
{
	struct analysis_role *a = arg;
	/* Nobody is there to read the past any more: the next start does. */
	if (!a->present && !a->query)
		member_end(a->m, 0);
	else if (!a->present)
		loop_after(a->m->loop, QUIET_MS, ask_for_the_rest, a);
	else if (!a->keeper || channel_tell(a->keeper, MESSAGE_END, 0) < 0)
		member_end(a->m, 0);
}

/* A replay is seen to its end; else what takes too long is read from the store by the next start. */
static void analysis_stop(struct member *m)
{
	loop_after(m->loop, m->options.replay ? REPLAY_LAST_MS : LAST_MS, give_up, m->state);
	ask_for_the_rest(m->state);
}

static void analysis_close(struct member *m)
{
	struct analysis_role *a = m->state;
	sender_free(a->sender);
	channel_free(a->query);
	for (size_t i = 0; i < a->n; i++) {
		darknet_free(a->sites[i]->darknet);
		free(a->sites[i]);
	}
	batch_free(a->out);
	assembly_free(a->assembly);
	archive_decoder_free(a->decoder);
	knowing_close(&a->knows);
	free(a);
}

const struct member_role analysis_role = {
	.open = analysis_open,
	.ready = analysis_ready,
	.edge = analysis_edge,
	.stop = analysis_stop,
	.close = analysis_close,
};
