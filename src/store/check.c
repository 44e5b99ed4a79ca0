// SPDX-License-Identifier: Apache-2.0
#include "store/check.h"

#include "base/mem.h"
#include "store/segment.h"
#include "store/storefiles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROBLEMS 1000 /* told; further ones are counted */

struct checking {
	struct store *s;
	struct store_check *c;
	struct err *err;
	const char *file;
	uint64_t flows, sender, sequence; /* of the segment at hand; of the last sender looked up */
	uint64_t done, all;
	uint64_t last_block; /* sequence of the last block that was told */
};

static void tell(struct checking *k, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct checking *k, const char *format, ...)
{
	char text[512];
	va_list ap;
	if (k->c->problems++ >= PROBLEMS || !k->c->problem)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	k->c->problem(k->c->problem_arg, text);
}

static void check_database(struct checking *k)
{
	sqlite3_stmt *stmt = sql_new(&k->s->sql, "pragma integrity_check(100)");
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);
		if (!text || strcmp(text, "ok") != 0)
			tell(k, "store.db: %s", text ? text : "integrity_check says nothing");
	}
	sqlite3_finalize(stmt);
	if (sqlite3_errcode(k->s->sql.db) != SQLITE_OK && sqlite3_errcode(k->s->sql.db) != SQLITE_DONE)
		tell(k, "store.db: %s", sqlite3_errmsg(k->s->sql.db));
}

static void check_audit(struct checking *k)
{
	struct store_audit_state a;
	struct err err = { "" };
	if (store_audit_verify(k->s, &a, &err))
		tell(k, "%s", err.text);
	k->c->audit_rows = a.rows;
}

/* Blocks that no committed batch accounts for: of a sender nobody knows, or with a number that was never committed. */
static int see_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct checking *k = arg;
	k->flows += n;
	if (!h->sender || (h->sender == k->sender && h->sequence <= k->sequence))
		return 0;
	if (h->sender == k->sender && h->sequence == k->last_block)
		return 0;
	k->sender = h->sender;
	k->sequence = store_sequence(k->s, h->sender);
	if (h->sequence > k->sequence) {
		tell(k, "flows/%s: a block of sender %016" PRIx64 " number %" PRIu64 ", of which %s", k->file,
			h->sender, h->sequence, k->sequence ? "fewer are committed" : "nothing is known");
		k->last_block = h->sequence;
	}
	return 0;
}

static void see_broken(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	struct checking *k = arg;
	tell(k, "flows/%s: at octet %" PRIu64 ": %" PRIu64 " octets: %s", file, offset, octets, reason);
}

static void check_segment(struct checking *k, int64_t hour, uint64_t length, uint64_t flows)
{
	char name[SEGMENT_NAME_MAX];
	struct stat st;
	struct segment_scan scan = { .query = { INT64_MIN, INT64_MAX, NULL, see_flows, k },
		.decoder = k->s->decoder,
		.broken = see_broken,
		.arg = k };
	struct err err = { "" };
	k->file = segment_name(name, hour);
	k->flows = 0;
	int fd = openat(k->s->flows, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		tell(k, "flows/%s: %s", name, strerror(errno));
		return;
	}
	if (fstat(fd, &st) == 0 && (uint64_t)st.st_size < length)
		tell(k, "flows/%s: %" PRIu64 " octets are missing at the end", name, length - (uint64_t)st.st_size);
	if (segment_scan(&scan, fd, name, length, &err))
		tell(k, "flows/%s: %s", name, err.text);
	close(fd);
	if (k->flows != flows)
		tell(k, "flows/%s: %" PRIu64 " flows can be read, %" PRIu64 " were committed", name, k->flows, flows);
	k->c->segments++;
	k->c->blocks += scan.counts.blocks;
	k->c->octets += length;
	k->c->flows += k->flows;
}

struct segment_row {
	int64_t hour;
	uint64_t length, flows;
};

/* One moment's list; no transaction is open while the files are read. */
static struct segment_row *list_segments(struct checking *k, size_t *n)
{
	struct segment_row *v = NULL;
	*n = 0;
	sqlite3_stmt *stmt = sql_new(&k->s->sql, "select hour, length, flows from segment order by hour");
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		if (*n % 256 == 0)
			v = mem_grow(v, (*n + 256) * sizeof *v);
		v[*n] = (struct segment_row){ sqlite3_column_int64(stmt, 0), (uint64_t)sqlite3_column_int64(stmt, 1),
			(uint64_t)sqlite3_column_int64(stmt, 2) };
		k->all += v[(*n)++].length;
	}
	sqlite3_finalize(stmt);
	return v;
}

static void check_segments(struct checking *k)
{
	size_t n;
	struct segment_row *v = list_segments(k, &n);
	for (size_t i = 0; i < n; i++) {
		check_segment(k, v[i].hour, v[i].length, v[i].flows);
		k->done += v[i].length;
		if (k->c->progress)
			k->c->progress(k->c->arg, k->done, k->all);
	}
	free(v);
}

static int see_source(void *arg, const struct source *src)
{
	((struct checking *)arg)->c->sources++;
	return 0;
}

static void check_blocks(struct checking *k, const char *sql, const char *what)
{
	struct sourceblock_query q = { NULL, see_source, k };
	sqlite3_stmt *stmt = sql_new(&k->s->sql, sql);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		int64_t start = sqlite3_column_int64(stmt, 0);
		k->c->source_blocks++;
		if (sourceblock_decode(
			    k->s->block, sql_bytes(stmt, 2), start, (size_t)sqlite3_column_int64(stmt, 1), &q) < 0)
			tell(k, "store.db: sources of %s %" PRId64 " are no block", what, start);
	}
	sqlite3_finalize(stmt);
}

int store_check(struct store *s, struct store_check *c, struct err *err)
{
	struct checking k = { .s = s, .c = c };
	ENSURE(!s->who);
	c->problems = c->segments = c->blocks = c->octets = c->flows = 0;
	c->source_blocks = c->sources = c->audit_rows = 0;
	if (!s->decoder)
		s->decoder = archive_decoder_new();
	if (!s->block)
		s->block = sourceblock_new();
	check_database(&k);
	check_audit(&k);
	check_segments(&k);
	check_blocks(&k, "select minute, n, data from source", "minute");
	uint64_t sources = c->sources;
	check_blocks(&k, "select start, n, data from source_span", "hour or day");
	c->sources = sources;
	return c->problems ? err_set(err, -STORE_DAMAGED, "%" PRIu64 " things are broken", c->problems) : 0;
}
