// SPDX-License-Identifier: Apache-2.0
#include "store/spool.h"

#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX  4096u
#define FILE_LEAST ((uint64_t)64 << 10)
#define FILE_MOST  ((uint64_t)64 << 20)
#define NAME_SIZE  32

struct file {
	uint64_t number, size;
};

struct place {
	size_t file; /* index */
	uint64_t at;
};

struct spool {
	struct spool_params p;
	int dir, fd; /* fd: the last file */
	struct file files[FILES_MAX];
	size_t n;
	uint64_t size, cut, before; /* before: octets in front of `done` */
	struct place done, next;    /* behind what was acknowledged; what spool_next() gives */
	int read_fd;		    /* of the file `read_number`; -1: none */
	uint64_t read_number;
	struct spool_sender senders[SPOOL_SENDERS_MAX];
	size_t senders_n;
	uint8_t *buffer;
	size_t room;
	bool full, failed;
};

static const char *name_of(char out[NAME_SIZE], uint64_t number)
{
	snprintf(out, NAME_SIZE, "%016" PRIx64 ".spool", number);
	return out;
}

static int failed(struct err *err, const char *what)
{
	return err_set(err, -SPOOL_IO, "spool: can't %s: %s", what, strerror(errno));
}

static struct spool_sender *find(const struct spool *s, uint64_t id)
{
	for (size_t i = 0; i < s->senders_n; i++)
		if (s->senders[i].id == id)
			return (struct spool_sender *)&s->senders[i];
	return NULL;
}

const struct spool_sender *spool_sender(const struct spool *s, uint64_t id)
{
	return find(s, id);
}

const struct spool_sender *spool_sender_at(const struct spool *s, size_t i)
{
	return i < s->senders_n ? &s->senders[i] : NULL;
}

/* ---- files ---- */

static int write_all(int fd, const uint8_t *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t r = pwrite(fd, p, n, (off_t)at);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -1;
		p += r;
		at += (size_t)r;
		n -= (size_t)r;
	}
	return 0;
}

static void state_build(uint8_t out[SPOOL_RECORD_HEADER], const struct spool_sender *from)
{
	struct spool_record r = { .kind = SPOOL_STATE,
		.sender = from->id,
		.sequence = from->last,
		.packets = from->acked,
		.until_ns = from->until_ns,
		.ended = from->ended };
	memcpy(r.sensor, from->sensor, sizeof r.sensor);
	spool_record_build(out, &r);
}

/* The next file with the state of all senders, durable with its name before anything else is put into it. */
static int begin_file(struct spool *s, struct err *err)
{
	char name[NAME_SIZE];
	uint64_t number = s->n ? s->files[s->n - 1].number + 1 : 1;
	size_t n = SPOOL_FILE_HEADER + s->senders_n * SPOOL_RECORD_HEADER;
	if (s->n == FILES_MAX)
		return err_set(err, -SPOOL_FULL, "spool: too many files");
	uint8_t *head = mem_new(n);
	spool_file_build(head, number);
	for (size_t i = 0; i < s->senders_n; i++)
		state_build(head + SPOOL_FILE_HEADER + i * SPOOL_RECORD_HEADER, &s->senders[i]);
	int fd = openat(s->dir, name_of(name, number), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool made = fd >= 0 && write_all(fd, head, n, 0) == 0 && fsync(fd) == 0 && fsync(s->dir) == 0;
	free(head);
	if (!made) {
		int full = errno == ENOSPC || errno == EDQUOT;
		failed(err, "begin a file");
		if (fd >= 0) {
			unlinkat(s->dir, name, 0);
			close(fd);
		}
		return full ? -SPOOL_FULL : -SPOOL_IO;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	s->files[s->n++] = (struct file){ number, n };
	s->size += n;
	return 0;
}

static void drop_first(struct spool *s)
{
	char name[NAME_SIZE];
	if (s->read_fd >= 0 && s->read_number == s->files[0].number) {
		close(s->read_fd);
		s->read_fd = -1;
	}
	unlinkat(s->dir, name_of(name, s->files[0].number), 0);
	s->size -= s->files[0].size;
	s->before -= s->files[0].size;
	s->n--;
	memmove(s->files, s->files + 1, s->n * sizeof *s->files);
	s->done.file--;
	if (s->next.file)
		s->next.file--;
}

/* ---- reading ---- */

static uint8_t *room(struct spool *s, size_t n)
{
	if (n > s->room) {
		s->room = n + n / 2;
		s->buffer = mem_grow(s->buffer, s->room);
	}
	return s->buffer;
}

static int file_fd(struct spool *s, size_t i)
{
	char name[NAME_SIZE];
	if (i + 1 == s->n && s->fd >= 0)
		return s->fd;
	if (s->read_fd >= 0 && s->read_number == s->files[i].number)
		return s->read_fd;
	if (s->read_fd >= 0)
		close(s->read_fd);
	s->read_number = s->files[i].number;
	s->read_fd = openat(s->dir, name_of(name, s->read_number), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return s->read_fd;
}

static ssize_t read_at(int fd, uint8_t *p, size_t n, uint64_t at)
{
	size_t done = 0;
	while (done < n) {
		ssize_t r = pread(fd, p + done, n - done, (off_t)(at + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

/* The record at a place, as spool_record_parse(); -SPOOL_IO - 10: it could not be read. */
#define UNREADABLE (-SPOOL_IO - 10)
static int record_at(struct spool *s, struct place at, bool header_only, struct spool_record *out, size_t *size)
{
	uint8_t head[SPOOL_RECORD_HEADER];
	uint64_t left = s->files[at.file].size - at.at;
	int fd = file_fd(s, at.file);
	*size = 0;
	if (fd < 0)
		return UNREADABLE;
	if (left < sizeof head)
		return -SPOOL_SHORT;
	if (read_at(fd, head, sizeof head, at.at) != sizeof head)
		return UNREADABLE;
	int r = spool_record_parse((struct bytes){ head, sizeof head }, true, out, size);
	if (r < 0 || header_only)
		return r == 0 && *size > left ? -SPOOL_SHORT : r;
	if (*size > left)
		return -SPOOL_SHORT;
	uint8_t *p = room(s, *size);
	if (read_at(fd, p, *size, at.at) != (ssize_t)*size)
		return UNREADABLE;
	return spool_record_parse((struct bytes){ p, *size }, false, out, size);
}

static void lose(struct spool *s, const struct spool_record *r, const char *why)
{
	struct spool_record copy = *r;
	copy.frames = (struct bytes){ 0 };
	if (s->p.lost && r->kind == SPOOL_BATCH)
		s->p.lost(s->p.arg, &copy, why);
}

/* ---- opening ---- */

static int note_sender(struct spool *s, const struct spool_record *r)
{
	struct spool_sender *to = find(s, r->sender);
	if (!to) {
		if (s->senders_n == SPOOL_SENDERS_MAX)
			return -1;
		to = &s->senders[s->senders_n++];
		*to = (struct spool_sender){ .id = r->sender };
		memcpy(to->sensor, r->sensor, sizeof to->sensor);
	}
	if (r->sequence > to->last)
		to->last = r->sequence;
	if (r->kind == SPOOL_STATE && r->packets > to->acked)
		to->acked = r->packets;
	if (r->until_ns) {
		to->until_ns = r->until_ns;
		to->ended = r->ended;
	}
	return 0;
}

/* A file's head says how far each sender was when it was begun: what is missing before it was lost with its records. */
static void miss(struct spool *s, const struct spool_record *state)
{
	const struct spool_sender *known = find(s, state->sender);
	if (!known || state->kind != SPOOL_STATE || state->sequence <= known->last || state->packets >= state->sequence)
		return;
	struct spool_record r = { .kind = SPOOL_BATCH,
		.sender = state->sender,
		.sequence = state->sequence,
		.from_ns = known->until_ns,
		.until_ns = state->until_ns };
	memcpy(r.sensor, state->sensor, sizeof r.sensor);
	lose(s, &r, "spool-damaged");
}

/* Walks one file. A batch with a wrong checksum is kept for spool_next() to tell: it may have been acknowledged.
 * Returns the octets that hold records, -1: unreadable. */
static int64_t walk(struct spool *s, size_t i)
{
	struct place at = { i, SPOOL_FILE_HEADER };
	struct spool_record r;
	size_t size;
	while (at.at < s->files[i].size) {
		int code = record_at(s, at, false, &r, &size);
		if (code == UNREADABLE)
			return -1;
		if (code == -SPOOL_SHORT || code == -SPOOL_BROKEN)
			break;
		miss(s, &r);
		if (note_sender(s, &r) < 0)
			break;
		at.at += size;
	}
	return (int64_t)at.at;
}

static int by_number(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int list(struct spool *s, struct err *err)
{
	int again = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *e;
	if (!d)
		return failed(err, "read the directory");
	while ((e = readdir(d))) {
		char name[NAME_SIZE];
		struct stat st;
		uint64_t number = strtoull(e->d_name, NULL, 16);
		if (strcmp(e->d_name, name_of(name, number)) != 0 || s->n == FILES_MAX ||
			fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
			continue;
		s->files[s->n++] = (struct file){ number, (uint64_t)st.st_size };
	}
	closedir(d);
	qsort(s->files, s->n, sizeof *s->files, by_number);
	return 0;
}

static bool headed(struct spool *s, size_t i)
{
	uint8_t head[SPOOL_FILE_HEADER];
	uint64_t number;
	int fd = file_fd(s, i);
	return fd >= 0 && read_at(fd, head, sizeof head, 0) == sizeof head &&
	       spool_file_parse((struct bytes){ head, sizeof head }, &number) == 0 && number == s->files[i].number;
}

static void forget_file(struct spool *s, size_t i)
{
	char name[NAME_SIZE];
	s->cut += s->files[i].size;
	unlinkat(s->dir, name_of(name, s->files[i].number), 0);
	s->n--;
	memmove(s->files + i, s->files + i + 1, (s->n - i) * sizeof *s->files);
	if (s->read_fd >= 0)
		close(s->read_fd);
	s->read_fd = -1;
}

/* What a crash left half written is cut; a file with damage in the middle keeps what stands before it. */
static int recover(struct spool *s, struct err *err)
{
	char name[NAME_SIZE];
	for (size_t i = 0; i < s->n;) {
		if (!headed(s, i)) {
			forget_file(s, i);
			continue;
		}
		int64_t n = walk(s, i);
		if (n < 0)
			return failed(err, "read a file");
		if ((uint64_t)n < s->files[i].size) {
			int fd = openat(s->dir, name_of(name, s->files[i].number), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
			bool cut = fd >= 0 && ftruncate(fd, n) == 0 && fsync(fd) == 0;
			if (fd >= 0)
				close(fd);
			if (!cut)
				return failed(err, "cut a file");
			s->cut += s->files[i].size - (uint64_t)n;
			s->files[i].size = (uint64_t)n;
		}
		s->size += s->files[i++].size;
	}
	if (s->n == 0)
		return begin_file(s, err) < 0 ? -SPOOL_IO : 0;
	s->fd = openat(s->dir, name_of(name, s->files[s->n - 1].number), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return s->fd >= 0 ? 0 : failed(err, "open a file");
}

static void settle(struct spool *s);

int spool_open(struct spool **out, const struct spool_params *p, struct err *err)
{
	struct spool *s = mem_new(sizeof *s);
	s->p = *p;
	if (!s->p.file_max) {
		uint64_t part = p->quota / 16;
		s->p.file_max = part < FILE_LEAST ? FILE_LEAST : part > FILE_MOST ? FILE_MOST : part;
	}
	s->fd = s->read_fd = -1;
	s->dir = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = s->dir < 0 ? failed(err, "open its directory") : list(s, err);
	r = r ? r : recover(s, err);
	if (r < 0) {
		spool_close(s);
		return -SPOOL_IO;
	}
	s->done = s->next = (struct place){ 0, SPOOL_FILE_HEADER };
	s->before = SPOOL_FILE_HEADER;
	settle(s);
	spool_rewind(s);
	*out = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	if (s->read_fd >= 0)
		close(s->read_fd);
	if (s->dir >= 0)
		close(s->dir);
	free(s->buffer);
	free(s);
}

/* ---- adding ---- */

/* `head` and `body` at the end of the last file, on the disk when it returns. */
static int add(struct spool *s, const uint8_t *head, struct bytes body, struct err *err)
{
	struct file *f = &s->files[s->n - 1];
	bool kept = write_all(s->fd, head, SPOOL_RECORD_HEADER, f->size) == 0 &&
		    write_all(s->fd, body.p, body.n, f->size + SPOOL_RECORD_HEADER) == 0;
	if (!kept) {
		int full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
		failed(err, "write");
		s->failed = ftruncate(s->fd, (off_t)f->size) != 0 || !full;
		return s->failed ? -SPOOL_IO : -SPOOL_FULL;
	}
	if (fdatasync(s->fd) != 0) {
		/* What the disk has is not known any more: only a new start can tell. */
		s->failed = true;
		return failed(err, "sync");
	}
	f->size += SPOOL_RECORD_HEADER + body.n;
	s->size += SPOOL_RECORD_HEADER + body.n;
	return 0;
}

int spool_begin(struct spool *s, uint64_t id, const char *sensor, uint64_t last, struct err *err)
{
	uint8_t head[SPOOL_RECORD_HEADER];
	ENSURE(!find(s, id));
	if (s->senders_n == SPOOL_SENDERS_MAX)
		return err_set(err, -SPOOL_CROWDED, "spool: more than %d senders", SPOOL_SENDERS_MAX);
	struct spool_sender *to = &s->senders[s->senders_n];
	*to = (struct spool_sender){ .id = id, .last = last, .acked = last };
	snprintf(to->sensor, sizeof to->sensor, "%s", sensor);
	state_build(head, to);
	int r = add(s, head, (struct bytes){ head, 0 }, err);
	if (r < 0)
		return r;
	s->senders_n++;
	settle(s);
	return 0;
}

int spool_resume(struct spool *s, uint64_t id, int64_t until_ns, struct err *err)
{
	uint8_t head[SPOOL_RECORD_HEADER];
	struct spool_sender *of = find(s, id);
	ENSURE(of);
	of->until_ns = until_ns;
	of->ended = false;
	state_build(head, of);
	return add(s, head, (struct bytes){ head, 0 }, err);
}

static bool has_room(struct spool *s, size_t n, bool small)
{
	if (small)
		return s->size + n <= s->p.quota + s->p.quota / 16;
	if (s->full && s->size > s->p.quota - s->p.quota / 8)
		return false;
	s->full = s->size + n > s->p.quota;
	return !s->full;
}

int spool_append(struct spool *s, const struct spool_record *r, bool small, struct err *err)
{
	uint8_t head[SPOOL_RECORD_HEADER];
	struct spool_sender *from = find(s, r->sender);
	ENSURE(from && r->kind == SPOOL_BATCH && r->sequence > from->last && r->frames.n &&
		r->frames.n <= SPOOL_BATCH_MAX);
	if (s->failed)
		return err_set(err, -SPOOL_IO, "spool: an earlier write failed");
	if (!has_room(s, SPOOL_RECORD_HEADER + r->frames.n, small))
		return err_set(err, -SPOOL_FULL, "spool-full");
	if (s->files[s->n - 1].size >= s->p.file_max) {
		int code = begin_file(s, err);
		settle(s);
		if (code < 0)
			return code;
	}
	spool_record_build(head, r);
	int code = add(s, head, r->frames, err);
	if (code < 0)
		return code;
	note_sender(s, r);
	return 0;
}

/* ---- giving ---- */

/* The next file when this one is over. */
static bool advance(const struct spool *s, struct place *at)
{
	while (at->at >= s->files[at->file].size && at->file + 1 < s->n)
		*at = (struct place){ at->file + 1, SPOOL_FILE_HEADER };
	return at->at < s->files[at->file].size;
}

/* Moves `done` over what the peer has, and removes files. */
static void settle(struct spool *s)
{
	struct spool_record r;
	size_t size;
	for (;;) {
		while (s->done.at >= s->files[s->done.file].size && s->done.file + 1 < s->n) {
			s->done = (struct place){ s->done.file + 1, SPOOL_FILE_HEADER };
			s->before += SPOOL_FILE_HEADER;
			drop_first(s);
		}
		if (s->done.at >= s->files[s->done.file].size || record_at(s, s->done, true, &r, &size) < 0)
			return;
		const struct spool_sender *of = find(s, r.sender);
		if (r.kind == SPOOL_BATCH && of && r.sequence > of->acked)
			return;
		s->done.at += size;
		s->before += size;
	}
}

void spool_rewind(struct spool *s)
{
	s->next = s->done;
}

static bool behind(const struct spool *s)
{
	return s->next.file < s->done.file || (s->next.file == s->done.file && s->next.at < s->done.at);
}

/* Told once: its header says from now on that there is nothing. */
static int make_void(struct spool *s, uint64_t number, uint64_t at, const struct spool_record *r)
{
	char name[NAME_SIZE];
	uint8_t head[SPOOL_RECORD_HEADER];
	struct spool_record v = *r;
	v.kind = SPOOL_VOID;
	v.frames.p = NULL;
	spool_record_build(head, &v);
	int fd = openat(s->dir, name_of(name, number), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	bool made = fd >= 0 && write_all(fd, head, sizeof head, at) == 0 && fdatasync(fd) == 0;
	if (fd >= 0)
		close(fd);
	settle(s);
	return made ? 0 : -1;
}

int spool_next(struct spool *s, struct spool_record *out, struct err *err)
{
	size_t size;
	if (behind(s))
		s->next = s->done;
	while (advance(s, &s->next)) {
		int r = record_at(s, s->next, true, out, &size);
		const struct spool_sender *of = r == 0 ? find(s, out->sender) : NULL;
		if (r == 0 && (out->kind != SPOOL_BATCH || (of && out->sequence <= of->acked))) {
			s->next.at += size;
			continue;
		}
		r = r ? r : record_at(s, s->next, false, out, &size);
		if (r == UNREADABLE)
			return failed(err, "read");
		if (r == -SPOOL_SHORT || r == -SPOOL_BROKEN)
			return err_set(err, -SPOOL_IO, "spool: a file changed under it");
		struct place at = s->next;
		uint64_t number = s->files[at.file].number;
		s->next.at += size;
		if (r == 0)
			return 1;
		lose(s, out, "spool-damaged");
		if (make_void(s, number, at.at, out) < 0)
			return failed(err, "mark a batch");
	}
	return 0;
}

void spool_acked(struct spool *s, uint64_t sender, uint64_t sequence)
{
	struct spool_sender *of = find(s, sender);
	if (!of || sequence <= of->acked)
		return;
	of->acked = sequence;
	settle(s);
}

uint64_t spool_waiting(const struct spool *s)
{
	return s->size > s->before ? s->size - s->before : 0;
}

uint64_t spool_size(const struct spool *s)
{
	return s->size;
}

uint64_t spool_cut(const struct spool *s)
{
	return s->cut;
}
