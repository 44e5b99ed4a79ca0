// SPDX-License-Identifier: Apache-2.0
#include "store/segment.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC	0x53464b53u /* "SKFS" */
#define VERSION 1
#define SEARCH	(64u << 10)

int64_t segment_hour(int64_t minute)
{
	return minute / 60 - (minute % 60 < 0);
}

int64_t segment_hour_ns(int64_t ns)
{
	return segment_hour(ns / MINUTE_NS - (ns % MINUTE_NS < 0));
}

const char *segment_name(char out[SEGMENT_NAME_MAX], int64_t hour)
{
	time_t t = (time_t)(hour * 3600);
	struct tm tm;
	if (!gmtime_r(&t, &tm) || !strftime(out, SEGMENT_NAME_MAX, "%Y%m%d%H.seg", &tm))
		snprintf(out, SEGMENT_NAME_MAX, "%" PRId64 ".seg", hour);
	return out;
}

int segment_parse_name(const char *name, int64_t *hour)
{
	struct tm tm = { 0 };
	char back[SEGMENT_NAME_MAX];
	if (strlen(name) != 14 ||
		sscanf(name, "%4d%2d%2d%2d.seg", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour) != 4)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*hour = timegm(&tm) / 3600;
	return strcmp(segment_name(back, *hour), name) != 0 ? -1 : 0;
}

static int failed(struct err *err, const char *what, const char *name)
{
	int code = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SEGMENT_FULL : SEGMENT_IO;
	return err_set(err, -code, "cannot %s segment %s: %s", what, name, strerror(errno));
}

static int write_all(int fd, const uint8_t *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t done = pwrite(fd, p, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
}

static void put_header(uint8_t p[SEGMENT_HEADER], int64_t hour)
{
	memset(p, 0, SEGMENT_HEADER);
	store_le32(p, MAGIC);
	store_le16(p + 4, VERSION);
	store_le64(p + 8, (uint64_t)hour);
	store_le64(p + SEGMENT_HEADER - 8, XXH64(p, SEGMENT_HEADER - 8, 0));
}

int segment_append(int dirfd, int64_t hour, struct bytes blocks, uint64_t *length, struct err *err)
{
	char name[SEGMENT_NAME_MAX];
	uint8_t head[SEGMENT_HEADER];
	uint64_t at = *length;
	int fd = openat(dirfd, segment_name(name, hour), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return failed(err, "open", name);
	int rc = 0;
	put_header(head, hour);
	if (at == 0 && (write_all(fd, head, sizeof head, 0) || fsync(dirfd)))
		rc = failed(err, "begin", name);
	at = at ? at : SEGMENT_HEADER;
	if (!rc && (write_all(fd, blocks.p, blocks.n, at) || fdatasync(fd)))
		rc = failed(err, "write", name);
	/* A cut that fails does no harm: the next start cuts to the committed length again. */
	if (rc && ftruncate(fd, (off_t)*length))
		(void)err_prefix(err, rc, "and cannot cut it back");
	else if (!rc)
		*length = at + blocks.n;
	close(fd);
	return rc;
}

int segment_cut(int dirfd, int64_t hour, uint64_t length, uint64_t *missing, struct err *err)
{
	char name[SEGMENT_NAME_MAX];
	struct stat st;
	int rc = 0, fd = openat(dirfd, segment_name(name, hour), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	*missing = 0;
	if (fd < 0) {
		*missing = length;
		return errno == ENOENT ? 0 : failed(err, "open", name);
	}
	if (fstat(fd, &st))
		rc = failed(err, "look at", name);
	else if ((uint64_t)st.st_size < length)
		*missing = length - (uint64_t)st.st_size;
	else if ((uint64_t)st.st_size > length && (ftruncate(fd, (off_t)length) || fsync(fd)))
		rc = failed(err, "cut", name);
	close(fd);
	return rc;
}

struct entry {
	uint64_t offset;
	struct archive_header header;
};

struct list {
	struct entry *v;
	size_t n, cap;
};

static void tell(struct segment_scan *s, const char *name, uint64_t offset, uint64_t octets, const char *reason)
{
	s->counts.broken++;
	s->counts.broken_bytes += octets;
	if (s->broken)
		s->broken(s->arg, name, offset, octets, reason);
}

/* Up to `n` bytes; fewer at the end of the file; negative when the disk fails. */
static ssize_t read_at(int fd, uint8_t *p, size_t n, uint64_t at)
{
	size_t got = 0;
	while (got < n) {
		ssize_t k = pread(fd, p + got, n - got, (off_t)(at + got));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (ssize_t)got;
}

/* Where the next block header lies at or behind `from`, or `length` when there is none. */
static uint64_t next_header(int fd, uint64_t from, uint64_t length)
{
	static const uint8_t magic[4] = { 'S', 'K', 'F', 'B' };
	uint8_t buf[SEARCH + ARCHIVE_HEADER];
	struct archive_header h;
	while (from + ARCHIVE_HEADER <= length) {
		size_t ask = length - from < sizeof buf ? length - from : sizeof buf;
		ssize_t n = read_at(fd, buf, ask, from);
		if (n < ARCHIVE_HEADER)
			break;
		struct bytes in = { buf, (size_t)n };
		size_t last = in.n - ARCHIVE_HEADER;
		for (const uint8_t *p = buf; (p = memmem(p, (size_t)(buf + last + 4 - p), magic, 4)); p++)
			if (archive_header_parse(bytes_from(in, (size_t)(p - buf)), &h) == 0)
				return from + (uint64_t)(p - buf);
		from += last + 1;
	}
	return length;
}

static int list_add(struct list *l, const struct archive_header *h, uint64_t offset)
{
	if (l->n == SEGMENT_BLOCKS_MAX)
		return -SEGMENT_CROWDED;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = mem_grow(l->v, l->cap * sizeof *l->v);
	}
	l->v[l->n++] = (struct entry){ offset, *h };
	return 0;
}

static bool is_cancelled(const struct segment_scan *s)
{
	return s->cancel && atomic_load_explicit(s->cancel, memory_order_relaxed);
}

/* Walks from header to header. */
static int list_blocks(struct segment_scan *s, int fd, const char *name, uint64_t length, struct list *l)
{
	uint8_t head[ARCHIVE_HEADER];
	uint64_t at = SEGMENT_HEADER, next;
	for (; at < length; at = next) {
		struct archive_header h;
		if (is_cancelled(s))
			return -SEGMENT_STOPPED;
		ssize_t n = read_at(fd, head, sizeof head, at);
		if (n < 0)
			return -SEGMENT_IO;
		if ((size_t)n < sizeof head || length - at < sizeof head) {
			tell(s, name, at, length - at, "cut off in a block header");
			break;
		}
		if (archive_header_parse((struct bytes){ head, sizeof head }, &h)) {
			next = next_header(fd, at + 1, length);
			tell(s, name, at, next - at, "no block header");
			continue;
		}
		next = at + ARCHIVE_HEADER + h.payload;
		if (next > length) {
			next = next_header(fd, at + 1, length);
			tell(s, name, at, next - at, "block goes beyond the end");
			continue;
		}
		s->counts.blocks++;
		if (!archive_header_matches(&h, s->query.from_ns, s->query.to_ns, s->query.src))
			s->counts.skipped++;
		else if (list_add(l, &h, at))
			return -SEGMENT_CROWDED;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	const struct archive_header *h = &x->header, *k = &y->header;
	if (h->minute != k->minute)
		return h->minute < k->minute ? -1 : 1;
	int d = strcmp(h->sensor, k->sensor);
	if (!d)
		d = h->wide - k->wide;
	if (!d)
		d = addr_cmp(&h->src_min, &k->src_min);
	return d ? d : (x->offset > y->offset) - (x->offset < y->offset);
}

static int count_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct segment_scan *s = arg;
	s->counts.flows += n;
	return s->query.fn(s->query.arg, h, flows, n);
}

static int read_block(struct segment_scan *s, int fd, const char *name, const struct entry *e, uint8_t *buf)
{
	struct archive_query q = s->query;
	q.fn = count_flows;
	q.arg = s;
	uint64_t at = e->offset + ARCHIVE_HEADER;
	ssize_t n = read_at(fd, buf, e->header.payload, at);
	if (n < 0)
		return -SEGMENT_IO;
	int rc = archive_decode(s->decoder, &e->header, (struct bytes){ buf, (size_t)n }, &q);
	if (rc == -ARCHIVE_STOPPED)
		return -SEGMENT_STOPPED;
	if (rc)
		tell(s, name, e->offset, ARCHIVE_HEADER + e->header.payload,
			rc == -ARCHIVE_SUM     ? "wrong checksum"
			: rc == -ARCHIVE_SHORT ? "cut off in a block"
					       : "columns don't fit");
	return 0;
}

static bool is_whole(const struct segment_scan *s, const struct archive_header *h)
{
	return !s->query.src && h->first_ns >= s->query.from_ns && h->last_ns < s->query.to_ns;
}

int segment_scan(struct segment_scan *s, int fd, const char *name, uint64_t length, struct err *err)
{
	struct list l = { 0 };
	size_t most = 0;
	int rc = list_blocks(s, fd, name, length, &l);
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, by_time);
	for (size_t i = 0; i < l.n; i++)
		most = l.v[i].header.payload > most ? l.v[i].header.payload : most;
	uint8_t *buf = most ? mem_new(most) : NULL;
	for (size_t i = 0; i < l.n && !rc; i++) {
		if (is_cancelled(s))
			rc = -SEGMENT_STOPPED;
		else if (!s->block || !s->block(s->query.arg, &l.v[i].header, is_whole(s, &l.v[i].header)))
			rc = read_block(s, fd, name, &l.v[i], buf);
	}
	free(buf);
	free(l.v);
	if (rc == -SEGMENT_IO)
		return err_set(err, rc, "cannot read segment %s: %s", name, strerror(errno));
	if (rc == -SEGMENT_CROWDED)
		return err_set(err, rc, "segment %s has more than %u blocks", name, SEGMENT_BLOCKS_MAX);
	return rc;
}
