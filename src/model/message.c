// SPDX-License-Identifier: Apache-2.0
#include "model/message.h"

#include "base/err.h"
#include "base/mem.h"
#include <string.h>

const char *message_kind_name(unsigned kind)
{
	static const char *const names[MESSAGE_KIND_N] = { "none", "edge", "stop", "ready", "hello", "welcome",
		"blocks", "sources", "roll-up", "signal", "gap", "clock", "sensor", "finding", "sent", "commit", "ack",
		"refuse", "ring-want", "ring-file", "ring-pin", "attach", "want", "minute", "end", "audit", "hold",
		"ask", "answer", "call", "reply", "credit", "cancel", "record", "glimpse" };
	return kind < MESSAGE_KIND_N ? names[kind] : "unknown";
}

void message_header_build(uint8_t out[MESSAGE_HEADER], const struct message *m)
{
	store_le16(out, m->kind);
	store_le16(out + 2, MESSAGE_VERSION);
	store_le32(out + 4, m->count);
	store_le64(out + 8, m->sequence);
}

int message_parse(struct bytes in, struct message *out)
{
	const uint8_t *p = bytes_need(in, 0, MESSAGE_HEADER);
	if (!p || in.n > MESSAGE_MAX)
		return -1;
	*out = (struct message){
		.kind = load_le16(p),
		.version = load_le16(p + 2),
		.count = load_le32(p + 4),
		.sequence = load_le64(p + 8),
		.body = bytes_from(in, MESSAGE_HEADER),
	};
	return out->kind != MESSAGE_NONE && out->kind < MESSAGE_KIND_N && out->version == MESSAGE_VERSION ? 0 : -1;
}

/* ---- building ---- */

static uint8_t *room(struct message_buf *b, size_t n)
{
	if (b->cap - b->n < n) {
		b->cap = b->cap * 2 > b->n + n ? b->cap * 2 : b->n + n + 256;
		b->p = mem_grow(b->p, b->cap);
	}
	b->n += n;
	return b->p + b->n - n;
}

void message_u8(struct message_buf *b, uint8_t v)
{
	*room(b, 1) = v;
}

void message_u16(struct message_buf *b, uint16_t v)
{
	store_le16(room(b, 2), v);
}

void message_u32(struct message_buf *b, uint32_t v)
{
	store_le32(room(b, 4), v);
}

void message_u64(struct message_buf *b, uint64_t v)
{
	store_le64(room(b, 8), v);
}

void message_octets(struct message_buf *b, const void *p, size_t n)
{
	if (n)
		memcpy(room(b, n), p, n);
}

void message_text(struct message_buf *b, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	ENSURE(n <= UINT16_MAX);
	message_u16(b, (uint16_t)n);
	message_octets(b, text, n);
}

void message_row(struct message_buf *b, const struct row_kind *kind, const void *record)
{
	for (size_t i = 0; i < kind->n; i++) {
		const struct row_field *f = &kind->fields[i];
		const void *p = (const char *)record + f->offset;
		switch (f->type) {
		case ROW_TEXT:
		case ROW_LIST:
			message_text(b, p);
			break;
		case ROW_U64:
			message_u64(b, *(const uint64_t *)p);
			break;
		case ROW_I64:
		case ROW_TIME:
			message_u64(b, (uint64_t) * (const int64_t *)p);
			break;
		case ROW_BOOL:
			message_u8(b, *(const bool *)p);
		}
	}
}

static void put_samples(struct message_buf *b, const struct finding_sample *v, uint32_t n)
{
	message_u8(b, (uint8_t)n);
	for (uint32_t i = 0; i < n; i++) {
		message_u64(b, (uint64_t)v[i].ns);
		message_octets(b, v[i].src.b, 16);
		message_octets(b, v[i].dst.b, 16);
		message_u16(b, v[i].sport);
		message_u16(b, v[i].dport);
		message_u8(b, v[i].proto);
		message_u8(b, v[i].head_len);
		message_octets(b, v[i].head, v[i].head_len);
	}
}

void message_signal(struct message_buf *b, const struct signal *s)
{
	message_row(b, &signal_kind, s);
	put_samples(b, s->samples, s->samples_n);
}

static void put_counts(struct message_buf *b, const struct finding_count *v, uint32_t n)
{
	message_u8(b, (uint8_t)n);
	for (uint32_t i = 0; i < n; i++) {
		message_text(b, v[i].name);
		message_u64(b, v[i].n);
	}
}

static void put_place(struct message_buf *b, const struct location *l)
{
	uint64_t bits[2];
	memcpy(&bits[0], &l->latitude, 8);
	memcpy(&bits[1], &l->longitude, 8);
	message_text(b, l->country);
	message_text(b, l->city);
	message_text(b, l->as_name);
	message_u8(b, (uint8_t)(l->has_position | l->has_asn << 1));
	message_u64(b, bits[0]);
	message_u64(b, bits[1]);
	message_u32(b, l->asn);
}

void message_finding(struct message_buf *b, const struct finding *f)
{
	message_text(b, f->id);
	message_u8(b, (uint8_t)f->kind);
	message_text(b, f->subject);
	message_text(b, f->sensor);
	message_text(b, f->tool);
	message_u8(b, (uint8_t)f->shape);
	message_u64(b, f->packets);
	message_u64(b, f->targets);
	message_u64(b, f->ports);
	message_u64(b, f->destinations);
	message_u64(b, f->sources);
	message_u8(b, (uint8_t)(f->has_targets | f->has_ports << 1 | f->has_destinations << 2 | f->has_sources << 3 |
				f->spoofable << 4));
	message_u16(b, (uint16_t)f->port_list_n);
	for (uint32_t i = 0; i < f->port_list_n; i++)
		message_u16(b, f->port_list[i]);
	put_counts(b, f->top_ports, f->top_ports_n);
	put_counts(b, f->by_flags, f->by_flags_n);
	message_u64(b, (uint64_t)f->first_ns);
	message_u64(b, (uint64_t)f->last_ns);
	message_u8(b, f->confidence);
	message_text(b, f->severity);
	put_samples(b, f->samples, f->samples_n);
	put_counts(b, f->counts, f->counts_n);
	put_place(b, &f->place);
	message_text(b, f->detail);
}

/* ---- reading ---- */

struct bytes message_get_octets(struct message_reader *r, size_t n)
{
	const uint8_t *p = r->bad ? NULL : bytes_need(r->in, 0, n);
	if (!p) {
		r->bad = true;
		return (struct bytes){ 0 };
	}
	r->in = bytes_from(r->in, n);
	return (struct bytes){ p, n };
}

uint8_t message_get_u8(struct message_reader *r)
{
	struct bytes b = message_get_octets(r, 1);
	return b.n ? b.p[0] : 0;
}

uint16_t message_get_u16(struct message_reader *r)
{
	struct bytes b = message_get_octets(r, 2);
	return b.n ? load_le16(b.p) : 0;
}

uint32_t message_get_u32(struct message_reader *r)
{
	struct bytes b = message_get_octets(r, 4);
	return b.n ? load_le32(b.p) : 0;
}

uint64_t message_get_u64(struct message_reader *r)
{
	struct bytes b = message_get_octets(r, 8);
	return b.n ? load_le64(b.p) : 0;
}

void message_get_text(struct message_reader *r, char *out, size_t size)
{
	struct bytes b = message_get_octets(r, message_get_u16(r));
	if (b.n >= size || (b.n && memchr(b.p, 0, b.n)))
		r->bad = true;
	if (r->bad)
		b.n = 0;
	if (b.n)
		memcpy(out, b.p, b.n);
	memset(out + b.n, 0, size - b.n);
}

void message_get_row(struct message_reader *r, const struct row_kind *kind, void *record)
{
	memset(record, 0, kind->size);
	for (size_t i = 0; i < kind->n; i++) {
		const struct row_field *f = &kind->fields[i];
		void *p = (char *)record + f->offset;
		switch (f->type) {
		case ROW_TEXT:
		case ROW_LIST:
			message_get_text(r, p, f->size);
			break;
		case ROW_U64:
			*(uint64_t *)p = message_get_u64(r);
			break;
		case ROW_I64:
		case ROW_TIME:
			*(int64_t *)p = (int64_t)message_get_u64(r);
			break;
		case ROW_BOOL:
			*(bool *)p = message_get_u8(r) != 0;
		}
	}
}

static uint32_t get_samples(struct message_reader *r, struct finding_sample v[FINDING_SAMPLES])
{
	uint32_t n = message_get_u8(r);
	if (n > FINDING_SAMPLES)
		r->bad = true;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		v[i].ns = (int64_t)message_get_u64(r);
		struct bytes src = message_get_octets(r, 16), dst = message_get_octets(r, 16);
		if (r->bad)
			break;
		memcpy(v[i].src.b, src.p, 16);
		memcpy(v[i].dst.b, dst.p, 16);
		v[i].sport = message_get_u16(r);
		v[i].dport = message_get_u16(r);
		v[i].proto = message_get_u8(r);
		v[i].head_len = message_get_u8(r);
		if (v[i].head_len > FINDING_HEAD)
			r->bad = true;
		struct bytes head = message_get_octets(r, r->bad ? 0 : v[i].head_len);
		if (head.n)
			memcpy(v[i].head, head.p, head.n);
	}
	return r->bad ? 0 : n;
}

void message_get_signal(struct message_reader *r, struct signal *out)
{
	message_get_row(r, &signal_kind, out);
	memset(out->samples, 0, sizeof out->samples);
	out->samples_n = get_samples(r, out->samples);
}

static uint32_t get_counts(struct message_reader *r, struct finding_count *v, uint32_t max)
{
	uint32_t n = message_get_u8(r);
	if (n > max)
		r->bad = true;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		message_get_text(r, v[i].name, sizeof v[i].name);
		v[i].n = message_get_u64(r);
	}
	return r->bad ? 0 : n;
}

static void get_place(struct message_reader *r, struct location *l)
{
	uint64_t bits[2];
	message_get_text(r, l->country, sizeof l->country);
	message_get_text(r, l->city, sizeof l->city);
	message_get_text(r, l->as_name, sizeof l->as_name);
	uint8_t has = message_get_u8(r);
	l->has_position = has & 1;
	l->has_asn = has >> 1 & 1;
	bits[0] = message_get_u64(r);
	bits[1] = message_get_u64(r);
	memcpy(&l->latitude, &bits[0], 8);
	memcpy(&l->longitude, &bits[1], 8);
	l->asn = message_get_u32(r);
}

/* A word of a fixed set: static text, NULL when it is empty. */
static const char *get_word(struct message_reader *r)
{
	char word[32];
	message_get_text(r, word, sizeof word);
	const char *known = finding_word(word);
	if (word[0] && !known)
		r->bad = true;
	return known;
}

static void get_numbers(struct message_reader *r, struct finding *f)
{
	f->packets = message_get_u64(r);
	f->targets = message_get_u64(r);
	f->ports = message_get_u64(r);
	f->destinations = message_get_u64(r);
	f->sources = message_get_u64(r);
	uint8_t has = message_get_u8(r);
	f->has_targets = has & 1;
	f->has_ports = has >> 1 & 1;
	f->has_destinations = has >> 2 & 1;
	f->has_sources = has >> 3 & 1;
	f->spoofable = has >> 4 & 1;
	f->port_list_n = message_get_u16(r);
	if (f->port_list_n > FINDING_PORT_LIST)
		r->bad = true;
	for (uint32_t i = 0; i < f->port_list_n && !r->bad; i++)
		f->port_list[i] = message_get_u16(r);
	if (r->bad)
		f->port_list_n = 0;
}

void message_get_finding(struct message_reader *r, struct finding *f)
{
	memset(f, 0, sizeof *f);
	message_get_text(r, f->id, sizeof f->id);
	unsigned kind = message_get_u8(r);
	message_get_text(r, f->subject, sizeof f->subject);
	message_get_text(r, f->sensor, sizeof f->sensor);
	f->tool = get_word(r);
	unsigned shape = message_get_u8(r);
	if (kind >= FINDING_KIND_N || shape > SHAPE_BLOCK)
		r->bad = true;
	f->kind = r->bad ? FINDING_SCAN : (enum finding_kind)kind;
	f->shape = r->bad ? SHAPE_NONE : (enum finding_shape)shape;
	get_numbers(r, f);
	f->top_ports_n = get_counts(r, f->top_ports, FINDING_TOP);
	f->by_flags_n = get_counts(r, f->by_flags, sizeof f->by_flags / sizeof *f->by_flags);
	f->first_ns = (int64_t)message_get_u64(r);
	f->last_ns = (int64_t)message_get_u64(r);
	f->confidence = message_get_u8(r);
	f->severity = get_word(r);
	f->samples_n = get_samples(r, f->samples);
	f->counts_n = get_counts(r, f->counts, FINDING_COUNTS);
	get_place(r, &f->place);
	message_get_text(r, f->detail, sizeof f->detail);
}

bool message_whole(const struct message_reader *r)
{
	return !r->bad && r->in.n == 0;
}
