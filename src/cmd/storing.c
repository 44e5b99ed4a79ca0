// SPDX-License-Identifier: Apache-2.0
#include "cmd/storing.h"

#include "base/idmap.h"
#include "base/mem.h"
#include "cmd/show.h"
#include "role/client.h"
#include "store/segment.h"
#include "store/store.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* A minute of a flood goes in pieces, so that two batches stay small. */
#define BATCH_FLOWS ((size_t)256 << 10)

struct batch {
	struct flow *flows;
	struct source *sources;
	size_t n_flows, room_flows, n_sources, room_sources;
	int64_t minute;
	bool full;
};

struct storing {
	struct storing_params p;
	struct telescope_sink next;
	struct store *store;   /* one of the two */
	struct client *client; /* a daemon keeps the store */
	struct archive_encoder *encoder;
	struct rollup *rollup;
	struct batch batches[2];
	int filling;
	pthread_t writer;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool quit;
	int code;
	struct err err;
	uint64_t sequence, flows, repeated;
	struct finding *findings;
	size_t n_findings, room_findings;
};

static int commit(struct storing *s, const struct store_batch *b)
{
	return s->client ? client_commit(s->client, b, &s->err) : store_commit(s->store, b, &s->err);
}

static void commit_minute(struct storing *s, struct batch *b)
{
	struct column_buf out = { 0 };
	struct archive_batch a = { .flows = b->flows,
		.n = b->n_flows,
		.minute = b->minute,
		.sender = s->p.sender,
		.sequence = ++s->sequence };
	snprintf(a.sensor, sizeof a.sensor, "%s", s->p.sensor);
	archive_encode(s->encoder, &a, &out);
	rollup_clear(s->rollup);
	rollup_add_flows(s->rollup, segment_hour(b->minute), b->flows, b->n_flows);
	struct store_batch batch = {
		.sender = s->p.sender,
		.sequence = s->sequence,
		.sensor = s->p.sensor,
		.blocks = { out.p, out.n },
		.sources = b->sources,
		.sources_n = b->n_sources,
		.rollup = s->rollup,
	};
	int code = commit(s, &batch);
	if (code < 0)
		s->code = code;
	else if (code == STORE_REPEATED)
		s->repeated++;
	else
		s->flows += b->n_flows;
	column_buf_free(&out);
}

static void *write_batches(void *arg)
{
	struct storing *s = arg;
	int turn = 0;
	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct batch *b = &s->batches[turn];
		while (!b->full && !s->quit)
			pthread_cond_wait(&s->changed, &s->lock);
		if (!b->full)
			break;
		pthread_mutex_unlock(&s->lock);
		if (s->code == 0)
			commit_minute(s, b);
		pthread_mutex_lock(&s->lock);
		b->n_flows = b->n_sources = 0;
		b->full = false;
		turn = !turn;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct storing *storing_new(const struct storing_params *p, struct err *err)
{
	int code;
	struct storing *s = mem_new(sizeof *s);
	s->p = *p;
	if (!s->p.sensor)
		s->p.sensor = "local";
	s->store = store_open(p->dir, STORE_WRITE, &code, err);
	if (!s->store && code == -STORE_BUSY) {
		struct err why = { "" };
		uint64_t last;
		s->client = client_open(p->dir, p->sender, s->p.sensor, &last, &why);
	}
	if (!s->store && !s->client) {
		free(s);
		return NULL;
	}
	s->encoder = archive_encoder_new();
	s->rollup = rollup_new();
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	ENSURE(pthread_create(&s->writer, NULL, write_batches, s) == 0);
	return s;
}

/* The batch goes to the writer; waits while the other is still being written. */
static void hand_over(struct storing *s, int64_t minute)
{
	struct batch *b = &s->batches[s->filling];
	b->minute = minute;
	pthread_mutex_lock(&s->lock);
	b->full = true;
	s->filling = !s->filling;
	pthread_cond_broadcast(&s->changed);
	while (s->batches[s->filling].full)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void take_flow(void *arg, const struct flow *f, bool late)
{
	struct storing *s = arg;
	if (s->batches[s->filling].n_flows == BATCH_FLOWS)
		hand_over(s, f->first_ns / MINUTE_NS - (f->first_ns % MINUTE_NS < 0));
	struct batch *b = &s->batches[s->filling];
	/* A late packet's minute is closed: it counts in findings, its window stays as it is. */
	if (!late) {
		b->flows = idmap_room(b->flows, b->n_flows + 1, &b->room_flows, sizeof *b->flows);
		b->flows[b->n_flows++] = *f;
	}
	if (s->next.flow)
		s->next.flow(s->next.arg, f, late);
}

static void take_source(void *arg, const struct source *src)
{
	struct storing *s = arg;
	struct batch *b = &s->batches[s->filling];
	b->sources = idmap_room(b->sources, b->n_sources + 1, &b->room_sources, sizeof *b->sources);
	b->sources[b->n_sources++] = *src;
	if (s->next.source)
		s->next.source(s->next.arg, src);
}

static void take_minute(void *arg, int64_t minute_ns)
{
	struct storing *s = arg;
	hand_over(s, minute_ns / MINUTE_NS - (minute_ns % MINUTE_NS < 0));
	if (s->next.minute)
		s->next.minute(s->next.arg, minute_ns);
}

static void take_packet(void *arg, const struct packet *p, int64_t ns)
{
	struct storing *s = arg;
	s->next.packet(s->next.arg, p, ns);
}

struct telescope_sink storing_sink(struct storing *s, const struct telescope_sink *next)
{
	if (next)
		s->next = *next;
	return (struct telescope_sink){ .arg = s,
		.flow = take_flow,
		.source = take_source,
		.minute = take_minute,
		.packet = s->next.packet ? take_packet : NULL };
}

void storing_finding(struct storing *s, const struct finding *f)
{
	s->findings = idmap_room(s->findings, s->n_findings + 1, &s->room_findings, sizeof *s->findings);
	s->findings[s->n_findings++] = *f;
}

struct storing *storing_open(const struct cli_global *g, const char *sensor, int argc, char **argv)
{
	struct err err = { "" };
	struct storing_params p = { .dir = g->store, .sensor = sensor, .sender = show_sender(argv, argc, sensor) };
	struct storing *s = storing_new(&p, &err);
	if (!s)
		fprintf(stderr, "sakimori: %s\n", err.text);
	return s;
}

int storing_finish(struct storing *s, int code)
{
	struct err err = { "" };
	uint64_t flows, repeated;
	if (storing_close(s, &flows, &repeated, &err) < 0) {
		fprintf(stderr, "sakimori: %s (%" PRIu64 " flows before it are kept)\n", err.text, flows);
		return CLI_FAILED;
	}
	fprintf(stderr, "sakimori: stored %" PRIu64 " flows", flows);
	if (repeated)
		fprintf(stderr, "; %" PRIu64 " batches were there already", repeated);
	fputc('\n', stderr);
	return code;
}

int storing_close(struct storing *s, uint64_t *flows, uint64_t *repeated, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->writer, NULL);
	if (s->code == 0 && s->n_findings) {
		struct store_batch batch = {
			.sensor = s->p.sensor, .findings = s->findings, .findings_n = s->n_findings
		};
		s->code = commit(s, &batch);
	}
	*flows = s->flows;
	*repeated = s->repeated;
	int code = s->code < 0 ? -1 : 0;
	if (code < 0 && err)
		*err = s->err;
	store_close(s->store);
	client_close(s->client);
	archive_encoder_free(s->encoder);
	rollup_free(s->rollup);
	for (int i = 0; i < 2; i++) {
		free(s->batches[i].flows);
		free(s->batches[i].sources);
	}
	free(s->findings);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
	return code;
}
