// SPDX-License-Identifier: Apache-2.0
/* The system itself: alerts that went out, the audit, room on the disk. */
#include "store/lookup.h"
#include "store/store.h"
#include "view/list.h"
#include "view/records.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LIMIT_MAX 1000
#define FILES_MAX 100000u /* of the packet ring; more are not counted */

/* ---- alerts ---- */

/* "AT_NS/CHANNEL/SUBJECT" of the last row; a channel's name has no stroke. */
static int sent_cursor(const char *text, struct sent *out, struct err *err)
{
	char *end, again[256];
	out->at_ns = strtoll(text, &end, 10);
	size_t n = *end == '/' ? strcspn(end + 1, "/") : 0;
	if (n && n < sizeof out->channel && end[1 + n] == '/') {
		snprintf(out->channel, sizeof out->channel, "%.*s", (int)n, end + 1);
		snprintf(out->subject, sizeof out->subject, "%s", end + 2 + n);
	}
	snprintf(again, sizeof again, "%" PRId64 "/%s/%s", out->at_ns, out->channel, out->subject);
	return out->subject[0] && strcmp(again, text) == 0 ? 0 : err_set(err, VIEW_BAD, "cursor: is none of this list");
}

struct page {
	struct view_call *c;
	struct json j;
	uint64_t rows, limit;
	bool more;
	char next[256];
};

/* Room for another row? */
static bool has_room(struct page *p)
{
	p->more = p->rows == p->limit;
	if (p->more || records_over(p->c))
		return false;
	p->rows++;
	return true;
}

static void begin(struct page *p)
{
	json_init(&p->j, p->c->out);
	json_object(&p->j, NULL);
	json_array(&p->j, "rows");
}

static void end(struct page *p)
{
	json_end(&p->j, ']');
	json_str(&p->j, "next", p->more ? p->next : NULL);
}

static int put_sent(void *arg, const struct sent *s)
{
	struct page *p = arg;
	if (!has_room(p))
		return 1;
	row_json(&p->j, NULL, &sent_kind, s);
	snprintf(p->next, sizeof p->next, "%" PRId64 "/%s/%s", s->at_ns, s->channel, s->subject);
	return 0;
}

static int alerts(struct view_call *c, struct err *err)
{
	struct page p = { .c = c, .limit = view_number(c, "limit", 1, LIMIT_MAX) };
	const char *cursor = view_text(c, "cursor");
	struct sent after = { .at_ns = 0 };
	struct lookup_sent q = { .limit = p.limit + 1 };
	int rc = 0;
	if (cursor && *cursor) {
		rc = sent_cursor(cursor, &after, err);
		q.after = &after;
	}
	if (rc)
		return rc;
	begin(&p);
	rc = lookup_sent(c->store, &q, put_sent, &p, err);
	end(&p);
	json_end(&p.j, '}');
	json_line(&p.j);
	return records_code(rc, 0);
}

/* ---- audit ---- */

static bool is_admin(const struct view_call *c)
{
	return c->who->principal.all && c->who->principal.rights & PRINCIPAL_ADMIN;
}

static int put_line(void *arg, const struct lookup_line *line)
{
	struct page *p = arg;
	if (!has_room(p))
		return 1;
	json_object(&p->j, NULL);
	json_i64(&p->j, "seq", line->seq);
	records_time(&p->j, "at", line->at_ns);
	json_str(&p->j, "who", line->who);
	json_str(&p->j, "what", line->what);
	json_str(&p->j, "subject", line->subject);
	json_end(&p->j, '}');
	snprintf(p->next, sizeof p->next, "%" PRId64, line->seq);
	return 0;
}

/* The chain of all lines, whatever was asked for. */
static int put_chain(struct page *p, struct err *err)
{
	struct store_audit_state state;
	struct json *j = &p->j;
	if (!view_value(p->c, "verify")->flag) {
		json_null(j, "chain");
		return 0;
	}
	int rc = store_audit_verify(p->c->store, &state, err);
	if (rc && !state.reason)
		return rc;
	json_object(j, "chain");
	json_u64(j, "rows", state.rows);
	json_bool(j, "good", !state.reason);
	if (state.reason)
		json_i64(j, "bad_seq", state.bad_seq);
	else
		json_null(j, "bad_seq");
	json_str(j, "reason", state.reason);
	json_end(j, '}');
	return 0;
}

static int audit(struct view_call *c, struct err *err)
{
	struct page p = { .c = c, .limit = view_number(c, "limit", 1, LIMIT_MAX) };
	struct lookup_audit q = { .who = view_text(c, "who"), .what = view_text(c, "what"), .limit = p.limit + 1 };
	const char *cursor = view_text(c, "cursor");
	if (!is_admin(c))
		return err_set(err, VIEW_REFUSED, "the audit is for who administers all tenants");
	if (cursor && *cursor) {
		q.before_seq = strtoll(cursor, NULL, 10);
		snprintf(p.next, sizeof p.next, "%" PRId64, q.before_seq);
		if (q.before_seq < 1 || strcmp(p.next, cursor) != 0)
			return err_set(err, VIEW_BAD, "cursor: is none of this list");
	}
	begin(&p);
	int rc = lookup_audit(c->store, &q, put_line, &p, err);
	end(&p);
	rc = rc == -STORE_STOPPED ? 0 : rc;
	rc = rc ? rc : put_chain(&p, err);
	json_end(&p.j, '}');
	json_line(&p.j);
	return records_code(rc, VIEW_FAILED);
}

/* ---- disk ---- */

struct octets {
	uint64_t ring, pinned;
	unsigned files;
};

/* Files of one folder of the ring; links aren't followed. Takes the descriptor. */
static uint64_t files_of(int fd, struct octets *o)
{
	struct stat st;
	uint64_t sum = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	for (struct dirent *e; d && o->files < FILES_MAX && (e = readdir(d)); o->files++)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	if (d)
		closedir(d);
	return sum;
}

static void ring_of(const char *dir, struct octets *o)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/packets", dir);
	DIR *d = opendir(path);
	for (struct dirent *e; d && o->files < FILES_MAX && (e = readdir(d)); o->files++) {
		if (e->d_name[0] == '.')
			continue;
		uint64_t n = files_of(openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), o);
		if (strcmp(e->d_name, "pinned") == 0)
			o->pinned += n;
		else
			o->ring += n;
	}
	if (d)
		closedir(d);
}

static uint64_t database_of(const char *dir)
{
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm" };
	char path[4200];
	struct stat st;
	uint64_t sum = 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		if (stat(path, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

static int put_retention(void *arg, const struct lookup_retention *r)
{
	struct json *j = arg;
	json_object(j, NULL);
	json_str(j, "kind", r->kind);
	records_time(j, "at", r->at_ns);
	records_time(j, "until", r->until_ns);
	json_u64(j, "dropped", r->dropped);
	json_u64(j, "octets", r->octets);
	json_u64(j, "held", r->held);
	json_end(j, '}');
	return 0;
}

/* How much all tenants together have is nothing for one of them. */
static void put_sizes(struct view_call *c, struct json *j)
{
	static const char *const names[] = { "store", "database", "archive", "packets", "pinned" };
	uint64_t n[5];
	struct octets o = { 0 };
	for (size_t i = 0; i < 5 && !is_admin(c); i++)
		json_null(j, names[i]);
	if (!is_admin(c))
		return;
	ring_of(c->dir, &o);
	n[1] = database_of(c->dir);
	n[2] = store_archive_octets(c->store);
	n[3] = o.ring;
	n[4] = o.pinned;
	n[0] = n[1] + n[2] + n[3] + n[4];
	for (size_t i = 0; i < 5; i++)
		json_u64(j, names[i], n[i]);
}

static int disk(struct view_call *c, struct err *err)
{
	struct statvfs fs;
	struct json j;
	json_init(&j, c->out);
	json_object(&j, NULL);
	put_sizes(c, &j);
	if (statvfs(c->dir, &fs) == 0) {
		json_u64(&j, "free", (uint64_t)fs.f_bavail * fs.f_frsize);
		json_u64(&j, "total", (uint64_t)fs.f_blocks * fs.f_frsize);
	} else {
		json_null(&j, "free");
		json_null(&j, "total");
	}
	json_array(&j, "retention");
	int rc = lookup_retention(c->store, put_retention, &j, err);
	json_end(&j, ']');
	json_end(&j, '}');
	json_line(&j);
	return records_code(rc, VIEW_FAILED);
}

#define PAGE                                                                                                           \
	{ "limit", VIEW_NUMBER, "rows of a page, up to 1000", NULL, "100" },                                           \
	{                                                                                                              \
		"cursor", VIEW_TEXT, "`next` of the page before"                                                       \
	}

static const struct view_param alerts_params[] = { PAGE };
static const struct view_param audit_params[] = { PAGE, { "who", VIEW_TEXT, "only what this one did" },
	{ "what", VIEW_TEXT, "only this" },
	{ "verify", VIEW_FLAG, "look whether the chain of all lines is whole: takes a while in a long audit", NULL,
		"0" } };

const struct view alerts_view = {
	.method = "GET",
	.path = "/alerts",
	.level = VIEW_VIEWER,
	.summary = "Alerts that left the program, newest first",
	.params = alerts_params,
	.params_n = sizeof alerts_params / sizeof *alerts_params,
	.answer = "{rows: [@sent], next: text|null}",
	.fn = alerts,
};

const struct view audit_view = {
	.method = "GET",
	.path = "/audit",
	.level = VIEW_ADMIN,
	.summary = "Who did what, newest first; for who administers all tenants",
	.params = audit_params,
	.params_n = sizeof audit_params / sizeof *audit_params,
	.answer = "{rows: [{seq: integer, at: text|null, at_ns: integer|null, who: text, what: text, subject: text}], "
		  "next: text|null, chain: {rows: integer, good: bool, bad_seq: integer|null, reason: text|null}|null}",
	.fn = audit,
};

const struct view disk_view = {
	.method = "GET",
	.path = "/disk",
	.level = VIEW_VIEWER,
	.summary = "Octets on the disk and what retention took; of the store only for who administers all tenants",
	.answer = "{store: integer|null, database: integer|null, archive: integer|null, packets: integer|null, "
		  "pinned: integer|null, free: integer|null, total: integer|null, retention: [{kind: text, "
		  "at: text|null, at_ns: integer|null, until: text|null, until_ns: integer|null, dropped: integer, "
		  "octets: integer, held: integer}]}",
	.fn = disk,
};
