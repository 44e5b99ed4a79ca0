// SPDX-License-Identifier: Apache-2.0
#include "store/storefiles.h"

#include "base/mem.h"
#include "store/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(struct err *err, const char *what, const char *dir)
{
	int code = errno == ENOSPC || errno == EDQUOT ? STORE_FULL : STORE_IO;
	return err_set(err, -code, "cannot %s %s: %s", what, dir, strerror(errno));
}

/* The directory and those above it. */
static int make_dirs(const char *dir)
{
	char path[4200];
	snprintf(path, sizeof path, "%s", dir);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0750) && errno != EEXIST)
			return -1;
		*p = '/';
	}
	return mkdir(path, 0750) && errno != EEXIST ? -1 : 0;
}

int storefiles_lock(struct store *s, const char *dir, struct err *err)
{
	char path[4200], pid[32] = "";
	if (make_dirs(dir))
		return failed(err, "make the store", dir);
	snprintf(path, sizeof path, "%s/lock", dir);
	/* Root's command in a directory of another: what a link leads to would be emptied below. */
	s->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (s->lock < 0)
		return failed(err, "open", path);
	if (flock(s->lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return failed(err, "lock", path);
		ssize_t n = pread(s->lock, pid, sizeof pid - 1, 0);
		pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
		return err_set(err, -STORE_BUSY, "the store %s is being written by process %s", dir,
			pid[0] ? pid : "(unknown)");
	}
	int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	/* The pid is for messages alone: a full disk must not keep anybody from reading on. */
	if (ftruncate(s->lock, 0) || pwrite(s->lock, pid, (size_t)n, 0) != n)
		s->recovery.segments = 0;
	return 0;
}

int storefiles_open(struct store *s, const char *dir, struct err *err)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/flows", dir);
	if (s->mode == STORE_WRITE && mkdir(path, 0750) && errno != EEXIST)
		return failed(err, "make", path);
	s->flows = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->flows < 0 ? failed(err, "open", path) : 0;
}

/* What can't be looked up is not taken for 0: segments are cut to it. */
static int committed(struct store *s, int64_t hour, uint64_t *length, struct err *err)
{
	sqlite3_stmt *stmt = sql_get(&s->sql, "select length from main.segment where hour = ?1");
	sql_bind(stmt, "i", hour);
	int rc = sqlite3_step(stmt);
	*length = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : sql_failed(&s->sql, err);
	sqlite3_reset(stmt);
	return rc;
}

int storefiles_check(const char *dir, struct err *err)
{
	char path[4200];
	struct stat st;
	int64_t hour;
	int rc = 0;
	snprintf(path, sizeof path, "%s/store.db", dir);
	if (stat(path, &st) == 0 && st.st_size > 0)
		return 0;
	snprintf(path, sizeof path, "%s/flows", dir);
	DIR *d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : failed(err, "list", path);
	for (struct dirent *e; !rc && (e = readdir(d));)
		if (segment_parse_name(e->d_name, &hour) == 0)
			rc = err_set(err, -STORE_DAMAGED,
				"%s has flows but lost its store.db: put that back, or move the flows away", dir);
	closedir(d);
	return rc;
}

static int recover_one(struct store *s, int64_t hour, struct err *err)
{
	char name[SEGMENT_NAME_MAX];
	struct stat st;
	uint64_t missing, length;
	int rc = committed(s, hour, &length, err);
	if (rc)
		return rc;
	segment_name(name, hour);
	if (fstatat(s->flows, name, &st, 0) == 0 && (uint64_t)st.st_size > length)
		s->recovery.cut += (uint64_t)st.st_size - length;
	rc = segment_cut(s->flows, hour, length, &missing, err);
	s->recovery.missing += rc ? 0 : missing;
	if (!rc && length == 0)
		unlinkat(s->flows, name, 0);
	return rc ? -STORE_IO : 0;
}

int storefiles_recover(struct store *s, struct err *err)
{
	int fd = openat(s->flows, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return failed(err, "list", "the flows");
	}
	int64_t hour;
	for (struct dirent *e; !rc && (e = readdir(d));) {
		if (segment_parse_name(e->d_name, &hour))
			continue;
		s->recovery.segments++;
		rc = recover_one(s, hour, err);
	}
	closedir(d);
	/* Files that are gone altogether. */
	sqlite3_stmt *all = sql_get(&s->sql, "select hour, length from segment");
	while (!rc && sqlite3_step(all) == SQLITE_ROW) {
		char name[SEGMENT_NAME_MAX];
		if (faccessat(s->flows, segment_name(name, sqlite3_column_int64(all, 0)), F_OK, 0))
			s->recovery.missing += (uint64_t)sqlite3_column_int64(all, 1);
	}
	sqlite3_reset(all);
	return rc;
}

static int check_block(const struct store_batch *b, struct bytes rest, struct archive_header *h, struct err *err)
{
	if (archive_header_parse(rest, h) || h->payload > rest.n - ARCHIVE_HEADER)
		return err_set(err, -STORE_BAD, "a block of the batch is malformed");
	if (h->minute < SEGMENT_MINUTE_MIN || h->minute > SEGMENT_MINUTE_MAX)
		return err_set(
			err, -STORE_BAD, "a block's minute %" PRId64 " is beyond the years 1000 to 9999", h->minute);
	if (b->sender && (h->sender != b->sender || h->sequence != b->sequence))
		return err_set(err, -STORE_BAD,
			"a block says sender %" PRIu64 " sequence %" PRIu64 ", its batch %" PRIu64 " and %" PRIu64,
			h->sender, h->sequence, b->sender, b->sequence);
	return 0;
}

static int run_add(struct store *s, struct storefiles_runs *runs, int64_t hour, const uint8_t *at, struct err *err)
{
	uint64_t before;
	if (runs->n == STORE_BATCH_HOURS)
		return err_set(err, -STORE_BAD, "a batch changes its hour more than %u times", STORE_BATCH_HOURS);
	int rc = committed(s, hour, &before, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < runs->n; i++)
		if (runs->v[i].hour == hour)
			before = runs->v[i].after;
	runs->v = mem_grow(runs->v, (runs->n + 1) * sizeof *runs->v);
	runs->v[runs->n] = (struct storefiles_run){ .hour = hour, .blocks = { at, 0 }, .before = before };
	runs->n++;
	return 0;
}

int storefiles_split(struct store *s, const struct store_batch *b, struct storefiles_runs *runs, struct err *err)
{
	struct storefiles_run *run = NULL;
	memset(runs, 0, sizeof *runs);
	for (struct bytes rest = b->blocks; rest.n;) {
		struct archive_header h;
		int rc = check_block(b, rest, &h, err);
		if (rc)
			return rc;
		size_t n = ARCHIVE_HEADER + h.payload;
		int64_t hour = segment_hour(h.minute);
		if ((!run || run->hour != hour) && (rc = run_add(s, runs, hour, rest.p, err)) != 0)
			return rc;
		run = &runs->v[runs->n - 1];
		run->blocks.n += n;
		run->flows += h.flows;
		run->after = (run->before ? run->before : SEGMENT_HEADER) + run->blocks.n;
		rest = bytes_from(rest, n);
	}
	return 0;
}

int storefiles_append(struct store *s, struct storefiles_runs *runs, struct err *err)
{
	for (; runs->appended < runs->n; runs->appended++) {
		struct storefiles_run *run = &runs->v[runs->appended];
		uint64_t length = run->before;
		int rc = segment_append(s->flows, run->hour, run->blocks, &length, err);
		if (rc)
			return rc == -SEGMENT_FULL ? -STORE_FULL : -STORE_IO;
		ENSURE(length == run->after);
	}
	return 0;
}

int storefiles_put_lengths(struct store *s, const struct storefiles_runs *runs, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < runs->n && !rc; i++) {
		sqlite3_stmt *stmt =
			sql_get(&s->sql, "insert into segment values (?1, ?2, ?3) on conflict do update set"
					 " length = excluded.length, flows = flows + excluded.flows");
		sql_bind(stmt, "iii", runs->v[i].hour, (int64_t)runs->v[i].after, (int64_t)runs->v[i].flows);
		rc = sql_run(&s->sql, stmt, err);
	}
	return rc;
}

void storefiles_cut(struct store *s, const struct storefiles_runs *runs)
{
	/* Backwards, as several runs may lie in one file. What can't be cut now is cut at the next start. */
	for (size_t i = runs->appended; i-- > 0;) {
		uint64_t missing;
		if (segment_cut(s->flows, runs->v[i].hour, runs->v[i].before, &missing, NULL))
			s->recovery.cut++;
	}
}

void storefiles_free(struct storefiles_runs *runs)
{
	free(runs->v);
	memset(runs, 0, sizeof *runs);
}

/* ---- reading ---- */

static void told(void *arg, const char *file, uint64_t offset, uint64_t octets, const char *reason)
{
	struct store_scan *scan = arg;
	if (scan->broken)
		scan->broken(scan->arg, file, offset, octets, reason);
}

/* Whose flows those of a block are goes by the block's sensor. */
struct handing {
	struct store *store;
	struct store_scan *scan;
	char sensor[ARCHIVE_SENSOR_MAX];
	bool visible;
};

static bool visible(struct handing *to, const struct archive_header *h)
{
	if (strcmp(to->sensor, h->sensor) != 0) {
		snprintf(to->sensor, sizeof to->sensor, "%s", h->sensor);
		to->visible = principal_sees(to->store, h->sensor);
	}
	return to->visible;
}

static int handed(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct handing *to = arg;
	if (!visible(to, h))
		return 0;
	to->scan->flows += n;
	return to->scan->fn(to->scan->arg, h, flows, n);
}

static bool passed_over(void *arg, const struct archive_header *h, bool whole)
{
	struct handing *to = arg;
	return !visible(to, h) || to->scan->block(to->scan->arg, h, whole);
}

static int scan_hour(struct store *s, struct store_scan *scan, int64_t hour, uint64_t length, struct err *err)
{
	char name[SEGMENT_NAME_MAX];
	struct handing to = { .store = s, .scan = scan, .visible = principal_sees(s, "") };
	struct segment_scan one = { .query = { scan->from_ns, scan->to_ns, scan->src, handed, &to },
		.decoder = s->decoder,
		.block = scan->block ? passed_over : NULL,
		.cancel = scan->cancel,
		.broken = told,
		.arg = scan };
	int fd = openat(s->flows, segment_name(name, hour), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		uint64_t still;
		/* Retention may have dropped it since its row was read. */
		if (committed(s, hour, &still, NULL) == 0 && still == 0)
			return 0;
		scan->broken_n++;
		told(scan, name, 0, length, "segment is missing");
		return 0;
	}
	int rc = segment_scan(&one, fd, name, length, err);
	close(fd);
	/* How much others have is not told. */
	if (!s->who || s->who->all) {
		scan->blocks += one.counts.blocks;
		scan->skipped += one.counts.skipped;
	}
	scan->broken_n += one.counts.broken;
	return rc == -SEGMENT_STOPPED ? -STORE_STOPPED : rc ? -STORE_IO : 0;
}

/* The next committed segment behind an hour. */
static bool next_segment(struct store *s, int64_t *hour, uint64_t *length, int *code, struct err *err)
{
	sqlite3_stmt *stmt =
		sql_get(&s->sql, "select hour, length from main.segment where hour > ?1 order by hour limit 1");
	sql_bind(stmt, "i", *hour);
	int rc = sqlite3_step(stmt);
	bool found = rc == SQLITE_ROW;
	if (!found && rc != SQLITE_DONE)
		*code = sql_failed(&s->sql, err);
	if (found) {
		*hour = sqlite3_column_int64(stmt, 0);
		*length = (uint64_t)sqlite3_column_int64(stmt, 1);
	}
	sqlite3_reset(stmt);
	return found;
}

int store_scan_flows(struct store *s, struct store_scan *scan, struct err *err)
{
	int64_t hour = segment_hour_ns(scan->from_ns) - 1;
	uint64_t length;
	int rc = 0;
	if (!s->decoder)
		s->decoder = archive_decoder_new();
	scan->flows = scan->blocks = scan->skipped = scan->broken_n = 0;
	while (!rc && scan->from_ns < scan->to_ns && next_segment(s, &hour, &length, &rc, err) &&
		hour <= segment_hour_ns(scan->to_ns - 1))
		rc = scan_hour(s, scan, hour, length, err);
	return rc;
}

int store_drop(struct store *s, int64_t ns, uint32_t *dropped, struct err *err)
{
	ENSURE(s->mode == STORE_WRITE);
	int64_t end = segment_hour_ns(ns), hour = INT64_MIN;
	uint64_t length;
	int rc = 0;
	*dropped = 0;
	while (!rc && next_segment(s, &hour, &length, &rc, err) && hour < end) {
		char name[SEGMENT_NAME_MAX];
		/* The row first: a file without one is emptied at the next start. */
		sqlite3_stmt *row = sql_get(&s->sql, "delete from segment where hour = ?1");
		sql_bind(row, "i", hour);
		rc = sql_run(&s->sql, row, err);
		if (!rc)
			*dropped += unlinkat(s->flows, segment_name(name, hour), 0) == 0;
	}
	sqlite3_stmt *sources = sql_get(&s->sql, "delete from source where minute < ?1");
	sql_bind(sources, "i", end * 60);
	return rc ? rc : sql_run(&s->sql, sources, err);
}
