// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "model/gap.h"
#include "model/sensor.h"
#include "role/batch.h"
#include "store/sourceblock.h"
#include <stdio.h>
#include <stdlib.h>

struct rows {
	uint8_t *v;
	size_t n, room;
};

/* Kinds that come as rows of a table beside the batch. */
enum { ROWS_CLOCK, ROWS_SENSOR, ROWS_SENT, ROWS_N };

struct assembly {
	uint64_t sender;
	bool bound; /* to `sensor` */
	char sensor[64];
	bool begun; /* with a message of the batch `sequence` */
	uint64_t sequence;
	struct store_batch batch;
	int64_t until_ns;
	bool ended;
	uint64_t flows, packets;
	int64_t first_ns;
	struct message_buf blocks;
	struct rows sources, signals, gaps, findings, raw[ROWS_N]; /* raw: bodies, each behind its length */
	struct sourceblock *decoder;
	struct rollup *rollup;
	size_t rollup_rows;
	const char *why;
};

struct assembly *assembly_new(void)
{
	struct assembly *a = mem_new(sizeof *a);
	a->decoder = sourceblock_new();
	return a;
}

void assembly_free(struct assembly *a)
{
	if (!a)
		return;
	sourceblock_free(a->decoder);
	rollup_free(a->rollup);
	free(a->blocks.p);
	free(a->sources.v);
	free(a->signals.v);
	free(a->gaps.v);
	free(a->findings.v);
	for (int i = 0; i < ROWS_N; i++)
		free(a->raw[i].v);
	free(a);
}

void assembly_clear(struct assembly *a)
{
	a->batch = (struct store_batch){ 0 };
	a->blocks.n = a->sources.n = a->signals.n = a->gaps.n = a->findings.n = 0;
	for (int i = 0; i < ROWS_N; i++)
		a->raw[i].n = 0;
	a->begun = false;
	a->flows = a->packets = 0;
	a->first_ns = 0;
	a->rollup_rows = 0;
	if (a->rollup)
		rollup_clear(a->rollup);
}

void assembly_begin(struct assembly *a, uint64_t sender, const char *sensor)
{
	assembly_clear(a);
	a->sender = sender;
	a->bound = sensor != NULL;
	snprintf(a->sensor, sizeof a->sensor, "%s", sensor ? sensor : "");
}

static void *room(struct rows *r, size_t size)
{
	if (r->n == r->room) {
		r->room = r->room ? r->room * 2 : 64;
		r->v = mem_grow(r->v, r->room * size);
	}
	return r->v + r->n * size;
}

static int bad(struct assembly *a, const char *why)
{
	a->why = why;
	return -1;
}

static bool ours(const struct assembly *a, const char *sensor)
{
	return !a->bound || strcmp(sensor, a->sensor) == 0;
}

static int take_source(void *arg, const struct source *s)
{
	struct assembly *a = arg;
	struct source *to = room(&a->sources, sizeof *to);
	*to = *s;
	a->sources.n++;
	return 0;
}

static int add_sources(struct assembly *a, const struct message *m)
{
	struct message_reader in = { .in = m->body };
	int64_t minute = (int64_t)message_get_u64(&in);
	struct sourceblock_query q = { .fn = take_source, .arg = a };
	if (in.bad || m->count == 0 || m->count > SOURCEBLOCK_MAX || a->sources.n + m->count > 4 * BATCH_SOURCES)
		return bad(a, "sources beyond the limits");
	return sourceblock_decode(a->decoder, in.in, minute, m->count, &q) == 0 ? 0
										: bad(a, "sources that can't be read");
}

static int add_rollups(struct assembly *a, const struct message *m)
{
	static uint64_t hashes[ROLLUP_SKETCH];
	struct message_reader in = { .in = m->body };
	if (!a->rollup)
		a->rollup = rollup_new();
	if ((a->rollup_rows += m->count) > BATCH_ROLLUPS)
		return bad(a, "roll-ups beyond the limits");
	for (uint32_t i = 0; i < m->count && !in.bad; i++) {
		struct rollup_row r = { .hour = (int64_t)message_get_u64(&in) };
		unsigned dim = message_get_u8(&in);
		message_get_text(&in, r.key, sizeof r.key);
		r.id = message_get_u64(&in);
		r.packets = message_get_u64(&in);
		r.sources = (struct rollup_sketch){ .v = hashes, .n = message_get_u32(&in) };
		if (dim >= ROLLUP_DIM_N || r.sources.n > ROLLUP_SKETCH || !r.key[0])
			return bad(a, "roll-ups that can't be read");
		for (uint32_t k = 0; k < r.sources.n; k++)
			hashes[k] = message_get_u64(&in);
		r.dim = (enum rollup_dim)dim;
		if (!in.bad)
			rollup_add_row(a->rollup, &r);
	}
	return message_whole(&in) ? 0 : bad(a, "roll-ups that can't be read");
}

static int add_signal(struct assembly *a, struct message_reader *in)
{
	if (a->signals.n == BATCH_ROWS)
		return bad(a, "signals beyond the limits");
	struct signal *s = room(&a->signals, sizeof *s);
	message_get_signal(in, s);
	if (!message_whole(in) || !ours(a, s->sensor))
		return bad(a, "a signal that can't be read, or of another sensor");
	a->signals.n++;
	return 0;
}

static int add_gap(struct assembly *a, struct message_reader *in)
{
	if (a->gaps.n == BATCH_ROWS)
		return bad(a, "gaps beyond the limits");
	struct gap *g = room(&a->gaps, sizeof *g);
	message_get_row(in, &gap_kind, g);
	if (!message_whole(in) || !ours(a, g->sensor))
		return bad(a, "a gap that can't be read, or of another sensor");
	a->gaps.n++;
	return 0;
}

static int add_finding(struct assembly *a, struct message_reader *in)
{
	if (a->findings.n == BATCH_FINDINGS)
		return bad(a, "findings beyond the limits");
	struct finding *f = room(&a->findings, sizeof *f);
	message_get_finding(in, f);
	if (!message_whole(in) || !ours(a, f->sensor))
		return bad(a, "a finding that can't be read, or of another sensor");
	a->findings.n++;
	return 0;
}

static int raw_of(enum message_kind kind)
{
	return kind == MESSAGE_CLOCK ? ROWS_CLOCK : kind == MESSAGE_SENSOR ? ROWS_SENSOR : ROWS_SENT;
}

static int add_raw(struct assembly *a, const struct message *m)
{
	struct rows *r = &a->raw[raw_of(m->kind)];
	struct sensor sensor;
	struct message_reader in = { .in = m->body };
	if (m->kind == MESSAGE_SENSOR) {
		message_get_row(&in, &sensor_kind, &sensor);
		if (!message_whole(&in) || !ours(a, sensor.id))
			return bad(a, "a sensor that can't be read, or another");
	}
	size_t need = r->n + 4 + m->body.n;
	if (need > ((size_t)4 << 20))
		return bad(a, "rows beyond the limits");
	if (need > r->room) {
		r->room = need * 2;
		r->v = mem_grow(r->v, r->room);
	}
	store_le32(r->v + r->n, (uint32_t)m->body.n);
	if (m->body.n)
		memcpy(r->v + r->n + 4, m->body.p, m->body.n);
	r->n = need;
	return 0;
}

/* Every block names the sensor, sender and number of its batch. */
static int check_blocks(struct assembly *a, uint64_t sequence)
{
	struct bytes rest = { a->blocks.p, a->blocks.n };
	while (rest.n) {
		struct archive_header h;
		if (archive_header_parse(rest, &h) < 0 || !bytes_need(rest, ARCHIVE_HEADER, h.payload))
			return bad(a, "a block that can't be read");
		if ((a->sender && (h.sender != a->sender || h.sequence != sequence)) || !ours(a, h.sensor))
			return bad(a, "a block of another sensor or batch");
		if (archive_sum(bytes_head(bytes_from(rest, ARCHIVE_HEADER), h.payload)) != h.sum)
			return bad(a, "a block with a wrong checksum");
		if (!a->flows || h.first_ns < a->first_ns)
			a->first_ns = h.first_ns;
		a->flows += h.flows;
		a->packets += h.packets;
		rest = bytes_from(rest, ARCHIVE_HEADER + h.payload);
	}
	return 0;
}

static int close_batch(struct assembly *a, const struct message *m)
{
	struct message_reader in = { .in = m->body };
	a->until_ns = (int64_t)message_get_u64(&in);
	a->ended = message_get_u8(&in) != 0;
	/* Whoever goes on from there counts minutes. */
	if (!message_whole(&in) || a->until_ns > INT64_MAX - MINUTE_NS)
		return bad(a, "a commit that can't be read");
	if (check_blocks(a, m->sequence) < 0)
		return -1;
	a->batch = (struct store_batch){
		.sender = a->sender,
		.sequence = m->sequence,
		.sensor = a->sensor,
		.blocks = { a->blocks.p, a->blocks.n },
		.sources = (const void *)a->sources.v,
		.sources_n = a->sources.n,
		.findings = (const void *)a->findings.v,
		.findings_n = a->findings.n,
		.signals = (const void *)a->signals.v,
		.signals_n = a->signals.n,
		.gaps = (const void *)a->gaps.v,
		.gaps_n = a->gaps.n,
		.rollup = a->rollup_rows ? a->rollup : NULL,
	};
	return 1;
}

int assembly_add(struct assembly *a, const struct message *m, const char **why)
{
	struct message_reader in = { .in = m->body };
	int r;
	a->why = "";
	if (a->begun && m->sequence != a->sequence)
		return *why = "half a batch and then another", -1;
	a->begun = true;
	a->sequence = m->sequence;
	switch ((enum message_kind)m->kind) {
	case MESSAGE_BLOCKS:
		r = a->blocks.n + m->body.n > BATCH_BLOCKS ? bad(a, "blocks beyond the limits") : 0;
		if (r == 0)
			message_octets(&a->blocks, m->body.p, m->body.n);
		break;
	case MESSAGE_SOURCES:
		r = add_sources(a, m);
		break;
	case MESSAGE_ROLLUP:
		r = add_rollups(a, m);
		break;
	case MESSAGE_SIGNAL:
		r = add_signal(a, &in);
		break;
	case MESSAGE_GAP:
		r = add_gap(a, &in);
		break;
	case MESSAGE_FINDING:
		r = add_finding(a, &in);
		break;
	case MESSAGE_CLOCK:
	case MESSAGE_SENSOR:
	case MESSAGE_SENT:
		r = add_raw(a, m);
		break;
	case MESSAGE_COMMIT:
		r = close_batch(a, m);
		break;
	default:
		r = bad(a, "a kind that has no place in a batch");
	}
	*why = a->why;
	return r;
}

const struct store_batch *assembly_batch(const struct assembly *a)
{
	return &a->batch;
}

int64_t assembly_until(const struct assembly *a)
{
	return a->until_ns;
}

bool assembly_ended(const struct assembly *a)
{
	return a->ended;
}

uint64_t assembly_flows(const struct assembly *a)
{
	return a->flows;
}

uint64_t assembly_packets(const struct assembly *a)
{
	return a->packets;
}

int64_t assembly_first(const struct assembly *a)
{
	return a->first_ns;
}

int assembly_each(struct assembly *a, enum message_kind kind, const struct row_kind *row,
	int (*fn)(void *arg, const void *record), void *arg)
{
	const struct rows *r = &a->raw[raw_of(kind)];
	void *record = mem_new(row->size);
	int code = 0;
	for (size_t at = 0; at < r->n && code == 0;) {
		uint32_t n = load_le32(r->v + at);
		struct message_reader in = { .in = { r->v + at + 4, n } };
		message_get_row(&in, row, record);
		code = message_whole(&in) ? fn(arg, record) : -1;
		at += 4 + n;
	}
	free(record);
	return code;
}
