// SPDX-License-Identifier: Apache-2.0
#include "store/record.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLE_HEAD 46 /* octets of a sample before its head */
#define LINES	    8192

int64_t record_name(struct sql *s, const char *text, struct err *err)
{
	sqlite3_stmt *find = sql_get(s, "select no from name where text = ?1");
	sql_bind(find, "t", text);
	int64_t no = sql_number(find, 0);
	if (no)
		return no;
	sqlite3_stmt *add = sql_get(s, "insert into name (text) values (?1)");
	sql_bind(add, "t", text);
	int rc = sql_run(s, add, err);
	return rc ? rc : sqlite3_last_insert_rowid(s->db);
}

/* ---- sources ---- */

static int by_minute(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	return x->minute != y->minute ? (x->minute < y->minute ? -1 : 1) : addr_cmp(&x->addr, &y->addr);
}

static bool in_order(const struct source *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (by_minute(&v[i - 1], &v[i]) > 0)
			return false;
	return true;
}

/* Sources in order, as blocks of one minute each. */
static int put_blocks(
	struct sql *s, struct sourceblock *block, int64_t sensor, const struct source *v, size_t n, struct err *err)
{
	struct column_buf out = { 0 };
	int rc = 0;
	for (size_t i = 0, end; i < n && !rc; i = end) {
		for (end = i + 1; end < n && end - i < SOURCEBLOCK_MAX && v[end].minute == v[i].minute; end++)
			;
		out.n = 0;
		sourceblock_encode(block, v + i, end - i, &out);
		struct bytes low = { v[i].addr.b, 16 }, high = { v[end - 1].addr.b, 16 }, data = { out.p, out.n };
		sqlite3_stmt *stmt = sql_get(s, "insert into source values (?1, ?2, ?3, ?4, ?5, ?6)");
		sql_bind(stmt, "iiibbb", v[i].minute, sensor, (int64_t)(end - i), &low, &high, &data);
		rc = sql_run(s, stmt, err);
	}
	column_buf_free(&out);
	return rc;
}

int record_put_sources(
	struct sql *s, struct sourceblock *block, int64_t sensor, const struct source *v, size_t n, struct err *err)
{
	if (in_order(v, n))
		return put_blocks(s, block, sensor, v, n, err);
	struct source *sorted = mem_new(n * sizeof *sorted);
	memcpy(sorted, v, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_minute);
	int rc = put_blocks(s, block, sensor, sorted, n, err);
	free(sorted);
	return rc;
}

/* ---- packets as evidence: little-endian, heads as long as they are ---- */

static size_t put_samples(const struct finding_sample *v, uint32_t n, uint8_t *out)
{
	uint8_t *p = out;
	for (uint32_t i = 0; i < n && i < FINDING_SAMPLES; i++) {
		uint8_t head = v[i].head_len < FINDING_HEAD ? v[i].head_len : FINDING_HEAD;
		store_le64(p, (uint64_t)v[i].ns);
		memcpy(p + 8, v[i].src.b, 16);
		memcpy(p + 24, v[i].dst.b, 16);
		store_le16(p + 40, v[i].sport);
		store_le16(p + 42, v[i].dport);
		p[44] = v[i].proto;
		p[45] = head;
		memcpy(p + SAMPLE_HEAD, v[i].head, head);
		p += SAMPLE_HEAD + head;
	}
	return (size_t)(p - out);
}

static uint32_t get_samples(struct bytes in, struct finding_sample out[FINDING_SAMPLES])
{
	uint32_t n = 0;
	const uint8_t *p;
	for (; n < FINDING_SAMPLES && (p = bytes_need(in, 0, SAMPLE_HEAD)); n++) {
		uint8_t head = p[45];
		if (head > FINDING_HEAD || !bytes_need(in, SAMPLE_HEAD, head))
			break;
		out[n] = (struct finding_sample){ .ns = (int64_t)load_le64(p),
			.src = addr_from6(p + 8),
			.dst = addr_from6(p + 24),
			.sport = load_le16(p + 40),
			.dport = load_le16(p + 42),
			.proto = p[44],
			.head_len = head };
		memcpy(out[n].head, p + SAMPLE_HEAD, head);
		in = bytes_from(in, SAMPLE_HEAD + (size_t)head);
	}
	return n;
}

/* ---- findings ---- */

/* Named numbers as lines "N NAME". */
static void put_counts(const struct finding_count *v, uint32_t n, char out[LINES])
{
	size_t at = 0;
	out[0] = 0;
	for (uint32_t i = 0; i < n && at < LINES; i++)
		at += (size_t)snprintf(out + at, LINES - at, "%" PRIu64 " %s\n", v[i].n, v[i].name);
}

static uint32_t get_counts(sqlite3_stmt *stmt, int column, struct finding_count *out, uint32_t max)
{
	const char *at = (const char *)sqlite3_column_text(stmt, column);
	uint32_t n = 0;
	while (at && *at && n < max) {
		char *end;
		out[n].n = strtoull(at, &end, 10);
		if (*end != ' ')
			break;
		size_t len = strcspn(++end, "\n");
		snprintf(out[n].name, sizeof out[n].name, "%.*s", (int)len, end);
		at = end + len + (end[len] == '\n');
		n++;
	}
	return n;
}

/* Texts of findings are static: what the database says is looked up here. */
static const char *intern(const char *text)
{
	static const char *const known[] = { "none", "zmap", "masscan", "mirai", "telnet-bot", "nmap", "constant-key",
		"info", "low", "medium", "high" };
	for (size_t i = 0; text && i < sizeof known / sizeof *known; i++)
		if (strcmp(text, known[i]) == 0)
			return known[i];
	return NULL;
}

static void bind_optional(sqlite3_stmt *stmt, int at, bool has, uint64_t v)
{
	if (has)
		sqlite3_bind_int64(stmt, at, (int64_t)v);
}

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(stmt, at, text, -1, SQLITE_TRANSIENT);
}

static void put_location(sqlite3_stmt *stmt, int at, const struct location *l)
{
	bind_text(stmt, at, l->country[0] ? l->country : NULL);
	bind_optional(stmt, at + 1, l->has_asn, l->asn);
	bind_text(stmt, at + 2, l->as_name[0] ? l->as_name : NULL);
	bind_text(stmt, at + 3, l->city[0] ? l->city : NULL);
	if (!l->has_position)
		return;
	sqlite3_bind_double(stmt, at + 4, l->latitude);
	sqlite3_bind_double(stmt, at + 5, l->longitude);
}

int record_put_finding(struct sql *s, const struct finding *f, struct err *err)
{
	uint8_t samples[FINDING_SAMPLES * (SAMPLE_HEAD + FINDING_HEAD)], ports[2 * FINDING_PORT_LIST];
	char lines[LINES];
	uint32_t n = f->port_list_n < FINDING_PORT_LIST ? f->port_list_n : FINDING_PORT_LIST;
	sqlite3_stmt *stmt = sql_get(s,
		"insert or replace into finding values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)");
	for (uint32_t i = 0; i < n; i++)
		store_le16(ports + 2 * i, f->port_list[i]);
	sql_bind(stmt, "tttt", f->id, finding_kind_name(f->kind), f->subject, f->sensor);
	bind_text(stmt, 5, f->tool);
	sqlite3_bind_int(stmt, 6, (int)f->shape);
	sqlite3_bind_int64(stmt, 7, (int64_t)f->packets);
	bind_optional(stmt, 8, f->has_targets, f->targets);
	bind_optional(stmt, 9, f->has_ports, f->ports);
	bind_optional(stmt, 10, f->has_destinations, f->destinations);
	bind_optional(stmt, 11, f->has_sources, f->sources);
	sqlite3_bind_blob(stmt, 12, ports, (int)(2 * n), SQLITE_TRANSIENT);
	put_counts(f->top_ports, f->top_ports_n, lines);
	bind_text(stmt, 13, lines);
	put_counts(f->by_flags, f->by_flags_n, lines);
	bind_text(stmt, 14, lines);
	sqlite3_bind_int64(stmt, 15, f->first_ns);
	sqlite3_bind_int64(stmt, 16, f->last_ns);
	sqlite3_bind_int(stmt, 17, f->confidence);
	bind_text(stmt, 18, f->severity);
	sqlite3_bind_int(stmt, 19, f->spoofable);
	sqlite3_bind_blob(stmt, 20, samples, (int)put_samples(f->samples, f->samples_n, samples), SQLITE_TRANSIENT);
	put_counts(f->counts, f->counts_n, lines);
	bind_text(stmt, 21, lines);
	bind_text(stmt, 22, f->detail);
	put_location(stmt, 23, &f->place);
	return sql_run(s, stmt, err);
}

const char record_finding_sql[] = "select * from finding where first_ns < ?2 and last_ns >= ?1 order by first_ns, id";

static uint64_t optional(sqlite3_stmt *stmt, int column, bool *has)
{
	*has = sqlite3_column_type(stmt, column) != SQLITE_NULL;
	return (uint64_t)sqlite3_column_int64(stmt, column);
}

static void get_location(sqlite3_stmt *stmt, int at, struct location *out)
{
	sql_text(stmt, at, out->country, sizeof out->country);
	out->asn = (uint32_t)optional(stmt, at + 1, &out->has_asn);
	sql_text(stmt, at + 2, out->as_name, sizeof out->as_name);
	sql_text(stmt, at + 3, out->city, sizeof out->city);
	out->has_position = sqlite3_column_type(stmt, at + 4) != SQLITE_NULL;
	out->latitude = sqlite3_column_double(stmt, at + 4);
	out->longitude = sqlite3_column_double(stmt, at + 5);
}

void record_get_finding(sqlite3_stmt *stmt, struct finding *out)
{
	char kind[32];
	memset(out, 0, sizeof *out);
	sql_text(stmt, 0, out->id, sizeof out->id);
	sql_text(stmt, 1, kind, sizeof kind);
	while (out->kind < FINDING_KIND_N - 1 && strcmp(finding_kind_name(out->kind), kind) != 0)
		out->kind++;
	sql_text(stmt, 2, out->subject, sizeof out->subject);
	sql_text(stmt, 3, out->sensor, sizeof out->sensor);
	out->tool = intern((const char *)sqlite3_column_text(stmt, 4));
	int shape = sqlite3_column_int(stmt, 5);
	out->shape = shape > SHAPE_NONE && shape <= SHAPE_BLOCK ? (enum finding_shape)shape : SHAPE_NONE;
	out->packets = (uint64_t)sqlite3_column_int64(stmt, 6);
	out->targets = optional(stmt, 7, &out->has_targets);
	out->ports = optional(stmt, 8, &out->has_ports);
	out->destinations = optional(stmt, 9, &out->has_destinations);
	out->sources = optional(stmt, 10, &out->has_sources);
	struct bytes ports = sql_bytes(stmt, 11);
	for (; out->port_list_n < FINDING_PORT_LIST && bytes_need(ports, 2 * out->port_list_n, 2); out->port_list_n++)
		out->port_list[out->port_list_n] = load_le16(ports.p + 2 * out->port_list_n);
	out->top_ports_n = get_counts(stmt, 12, out->top_ports, FINDING_TOP);
	out->by_flags_n = get_counts(stmt, 13, out->by_flags, 64);
	out->first_ns = sqlite3_column_int64(stmt, 14);
	out->last_ns = sqlite3_column_int64(stmt, 15);
	out->confidence = (uint8_t)sqlite3_column_int(stmt, 16);
	out->severity = intern((const char *)sqlite3_column_text(stmt, 17));
	out->spoofable = sqlite3_column_int(stmt, 18);
	out->samples_n = get_samples(sql_bytes(stmt, 19), out->samples);
	out->counts_n = get_counts(stmt, 20, out->counts, FINDING_COUNTS);
	sql_text(stmt, 21, out->detail, sizeof out->detail);
	get_location(stmt, 22, &out->place);
}

/* ---- kinds with a row table ---- */

int record_put(struct sql *s, const struct row_kind *kind, const void *record, struct err *err)
{
	char text[2048];
	size_t at = (size_t)snprintf(text, sizeof text, "insert or replace into \"%s\" values (", kind->name);
	for (size_t i = 0; i < kind->n; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, i ? ", ?" : "?");
	snprintf(text + at, sizeof text - at, ")");
	sqlite3_stmt *stmt = sql_new(s, text);
	for (size_t i = 0; i < kind->n; i++) {
		const struct row_field *f = &kind->fields[i];
		const void *p = (const char *)record + f->offset;
		if (f->type <= ROW_LIST)
			sqlite3_bind_text(stmt, (int)i + 1, p, (int)strnlen(p, f->size), SQLITE_TRANSIENT);
		else
			sqlite3_bind_int64(
				stmt, (int)i + 1, f->type == ROW_BOOL ? *(const bool *)p : *(const int64_t *)p);
	}
	int rc = sql_run(s, stmt, err);
	sqlite3_finalize(stmt);
	return rc;
}

void record_get(sqlite3_stmt *stmt, const struct row_kind *kind, void *record)
{
	for (size_t i = 0; i < kind->n; i++) {
		const struct row_field *f = &kind->fields[i];
		void *p = (char *)record + f->offset;
		if (f->type <= ROW_LIST)
			sql_text(stmt, (int)i, p, f->size);
		else if (f->type == ROW_BOOL)
			*(bool *)p = sqlite3_column_int64(stmt, (int)i);
		else
			*(int64_t *)p = sqlite3_column_int64(stmt, (int)i);
	}
}

/* ---- signals ---- */

int record_put_signal(struct sql *s, const struct signal *sig, struct err *err)
{
	uint8_t samples[FINDING_SAMPLES * (SAMPLE_HEAD + FINDING_HEAD)];
	struct bytes blob = { samples, put_samples(sig->samples, sig->samples_n, samples) };
	int rc = record_put(s, &signal_kind, sig, err);
	if (rc)
		return rc;
	sqlite3_stmt *stmt = sql_get(s, "insert or replace into signal_samples values (?1, ?2, ?3, ?4, ?5)");
	sql_bind(stmt, "itttb", sig->at_ns, sig->sensor, sig->source, sig->kind, &blob);
	return sql_run(s, stmt, err);
}

const char record_signal_sql[] =
	"select signal.*, samples from signal left join signal_samples using (at_ns, sensor, source, kind)"
	" where at_ns >= ?1 and at_ns < ?2 order by at_ns, sensor, source, kind";

void record_get_signal(sqlite3_stmt *stmt, struct signal *out)
{
	memset(out, 0, sizeof *out);
	record_get(stmt, &signal_kind, out);
	out->samples_n = get_samples(sql_bytes(stmt, (int)signal_kind.n), out->samples);
}
