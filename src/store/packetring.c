// SPDX-License-Identifier: Apache-2.0
#include "store/packetring.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/packetpick.h"
#include "wire/pcapwrite.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS   1000000000
#define PINNED	    "pinned"
#define NAME_SIZE   PACKETRING_NAME
#define SENSOR	    64
#define SAME_SECOND 100

struct ring_file {
	char sensor[SENSOR], name[NAME_SIZE];
	int64_t from_ns, to_ns; /* start by its name, last change */
	uint64_t size;
	unsigned worker;
};

struct ring_files {
	struct ring_file *v;
	size_t n, room;
};

/* Letters, digits, '.', '_', '-', not beginning with '.': a path of one step. */
static bool good_name(const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n >= SENSOR || name[0] == '.' || strcmp(name, PINNED) == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

static int open_dir(int at, const char *name, bool make, struct err *err)
{
	if (make && mkdirat(at, name, 0750) && errno != EEXIST)
		return err_set(err, -errno, "can't make %s: %s", name, strerror(errno));
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "can't open %s: %s", name, strerror(errno)) : fd;
}

int packetring_dir(const char *store, bool make, struct err *err)
{
	int at = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(err, -errno, "can't open %s: %s", store, strerror(errno));
	int fd = open_dir(at, "packets", make, err);
	close(at);
	return fd;
}

int packetring_open_next(int dir, struct packetring_next *next, struct err *err)
{
	if (!good_name(next->sensor))
		return err_set(err, -EINVAL, "a name of a sensor that can't be a directory");
	int at = open_dir(dir, next->sensor, true, err);
	if (at < 0)
		return at;
	char *name = next->name, stamp[24];
	time_t s = (time_t)(next->now_ns / SECOND_NS);
	struct tm tm;
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", gmtime_r(&s, &tm));
	int fd = -1;
	for (int i = 0; fd < 0 && i < SAME_SECOND; i++) {
		int n = snprintf(name, NAME_SIZE, "%s-%u", stamp, next->worker);
		if (i)
			n += snprintf(name + n, NAME_SIZE - (size_t)n, ".%d", i);
		snprintf(name + n, NAME_SIZE - (size_t)n, ".pcap");
		fd = openat(at, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	int why = errno;
	close(at);
	return fd < 0 ? err_set(err, -why, "can't make packets/%s/%s: %s", next->sensor, name, strerror(why)) : fd;
}

int64_t packetring_size(int dir, const char *sensor, const char *name)
{
	struct stat st;
	int at = good_name(sensor) ? open_dir(dir, sensor, false, NULL) : -1;
	bool found = at >= 0 && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
	if (at >= 0)
		close(at);
	return found ? (int64_t)st.st_size : -1;
}

/* ---- which files there are ---- */

static bool parse_name(const char *name, struct ring_file *out)
{
	struct tm tm = { 0 };
	char end[8] = "";
	unsigned worker, again = 0;
	if (strlen(name) >= NAME_SIZE)
		return false;
	if (sscanf(name, "%4d%2d%2dT%2d%2d%2d-%5u.%6u.%7s", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		    &tm.tm_min, &tm.tm_sec, &worker, &again, end) != 9 &&
		sscanf(name, "%4d%2d%2dT%2d%2d%2d-%5u.%7s", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
			&tm.tm_min, &tm.tm_sec, &worker, end) != 8)
		return false;
	if (strcmp(end, "pcap") != 0)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	out->from_ns = (int64_t)timegm(&tm) * SECOND_NS;
	out->worker = worker;
	memcpy(out->name, name, strlen(name) + 1);
	return true;
}

static void list_sensor(int dir, const char *sensor, struct ring_files *files)
{
	int fd = open_dir(dir, sensor, false, NULL);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return;
	for (struct dirent *e; files->n < PACKETRING_FILES_MAX && (e = readdir(d));) {
		struct ring_file f = { 0 };
		struct stat st;
		if (!parse_name(e->d_name, &f) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
			!S_ISREG(st.st_mode))
			continue;
		snprintf(f.sensor, sizeof f.sensor, "%s", sensor);
		f.to_ns = st.st_mtim.tv_sec * (int64_t)SECOND_NS + st.st_mtim.tv_nsec;
		f.size = (uint64_t)st.st_size;
		if (files->n == files->room) {
			files->room = files->room ? 2 * files->room : 64;
			files->v = mem_grow(files->v, files->room * sizeof *files->v);
		}
		files->v[files->n++] = f;
	}
	closedir(d);
}

static int by_start(const void *a, const void *b)
{
	const struct ring_file *x = a, *y = b;
	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	int c = strcmp(x->sensor, y->sensor);
	return c ? c : strcmp(x->name, y->name);
}

/* All files of a sensor, or of all; by start. */
static int list_files(int dir, const char *sensor, struct ring_files *files, struct err *err)
{
	*files = (struct ring_files){ 0 };
	if (sensor) {
		if (good_name(sensor))
			list_sensor(dir, sensor, files);
	} else {
		int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *d = fd < 0 ? NULL : fdopendir(fd);
		if (!d) {
			if (fd >= 0)
				close(fd);
			return err_set(err, -EIO, "can't list the packets");
		}
		for (struct dirent *e; (e = readdir(d));)
			if (good_name(e->d_name))
				list_sensor(dir, e->d_name, files);
		closedir(d);
	}
	if (files->n)
		qsort(files->v, files->n, sizeof *files->v, by_start);
	return 0;
}

/* ---- the end of the ring ---- */

static bool is_newest(const struct ring_files *files, size_t at)
{
	for (size_t i = at + 1; i < files->n; i++)
		if (files->v[i].worker == files->v[at].worker && strcmp(files->v[i].sensor, files->v[at].sensor) == 0)
			return false;
	return true;
}

static bool drop(int dir, const struct ring_file *f, struct packetring_report *r)
{
	int at = open_dir(dir, f->sensor, false, NULL);
	bool gone = at >= 0 && (unlinkat(at, f->name, 0) == 0 || errno == ENOENT);
	if (at >= 0)
		close(at);
	r->failed += !gone;
	r->freed += gone ? f->size : 0;
	return gone;
}

static void count_pinned(int dir, struct packetring_report *r)
{
	int fd = open_dir(dir, PINNED, false, NULL);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct stat st;
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			r->pinned++;
			r->pinned_bytes += (uint64_t)st.st_size;
		}
	closedir(d);
}

int packetring_trim(int dir, const struct packetring_limits *limits, int64_t now_ns, struct packetring_report *report,
	struct err *err)
{
	struct ring_files files;
	*report = (struct packetring_report){ 0 };
	int rc = list_files(dir, NULL, &files, err);
	for (size_t i = 0; i < files.n; i++)
		report->bytes += files.v[i].size;
	report->files = files.n;
	for (size_t i = 0; i < files.n; i++) {
		const struct ring_file *f = &files.v[i];
		bool old = limits->age_ns && now_ns - f->to_ns > limits->age_ns;
		bool full = limits->max_bytes && report->bytes > limits->max_bytes;
		if ((!old && !full) || is_newest(&files, i) || !drop(dir, f, report))
			continue;
		report->dropped_old += old;
		report->dropped_bytes += !old;
		report->bytes -= f->size;
		report->files--;
	}
	count_pinned(dir, report);
	free(files.v);
	return rc;
}

/* ---- finding packets ---- */

static bool of_time(const struct ring_file *f, const struct packetring_query *q)
{
	return f->from_ns <=
		       (q->to_ns < INT64_MAX - PACKETRING_SLACK_NS ? q->to_ns + PACKETRING_SLACK_NS : INT64_MAX) &&
	       f->to_ns >=
		       (q->from_ns > INT64_MIN + PACKETRING_SLACK_NS ? q->from_ns - PACKETRING_SLACK_NS : INT64_MIN);
}

static bool pinned_name(char out[NAME_SIZE], const char *finding)
{
	size_t n = strspn(finding, "0123456789abcdef");
	snprintf(out, NAME_SIZE, "%.32s.pcap", finding);
	return n == 32 && finding[n] == '\0';
}

int packetring_open_pinned(int dir, const char *finding, struct err *err)
{
	char name[NAME_SIZE];
	if (!pinned_name(name, finding))
		return err_set(err, -EINVAL, "no id of a finding");
	int at = open_dir(dir, PINNED, false, err);
	if (at < 0)
		return at;
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int rc = fd < 0 ? err_set(err, -errno, "can't open pinned packets: %s", strerror(errno)) : fd;
	close(at);
	return rc;
}

/* Reads pinned packets and the files of the time into `pick`. */
static int gather(
	int dir, const struct packetring_query *q, const char *pinned, struct packetpick *pick, struct err *err)
{
	struct ring_files files;
	int fd = pinned ? packetring_open_pinned(dir, pinned, NULL) : -1;
	if (fd >= 0) {
		packetpick_file(pick, fd, true);
		close(fd);
	}
	int rc = list_files(dir, q->sensor, &files, err);
	for (size_t i = 0; !rc && i < files.n && !packetpick_full(pick); i++) {
		if (!of_time(&files.v[i], q) || (q->sees && !q->sees(q->arg, files.v[i].sensor)))
			continue;
		int at = open_dir(dir, files.v[i].sensor, false, NULL);
		fd = at < 0 ? -1 : openat(at, files.v[i].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (at >= 0)
			close(at);
		if (fd < 0)
			continue; /* trimmed meanwhile */
		packetpick_file(pick, fd, false);
		close(fd);
	}
	free(files.v);
	return rc;
}

int packetring_find(int dir, const struct packetring_query *q, const char *pinned, int out,
	struct packetring_found *found, struct err *err)
{
	struct packetpick *pick = packetpick_new(q);
	int rc = gather(dir, q, pinned, pick, err);
	if (!rc && (rc = packetpick_write(pick, out)) < 0)
		err_set(err, rc, "can't write packets: %s", strerror(-rc));
	*found = packetpick_found(pick);
	packetpick_free(pick);
	return rc;
}

int packetring_each(int dir, const struct packetring_query *q, int (*fn)(void *arg, const struct capfile_record *),
	struct packetring_found *found, struct err *err)
{
	struct packetpick *pick = packetpick_new(q);
	int rc = gather(dir, q, NULL, pick, err);
	*found = packetpick_found(pick);
	if (!rc && found->limited)
		rc = err_set(err, -EFBIG, "more packets than were asked for");
	if (!rc)
		rc = packetpick_each(pick, fn, q->arg);
	packetpick_free(pick);
	return rc;
}
