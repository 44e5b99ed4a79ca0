// SPDX-License-Identifier: Apache-2.0
#include "base/input.h"

#include "base/decompress.h"
#include "base/mem.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROBE_SIZE 4096u
#define READ_SIZE  (256u << 10) /* stays in the second level cache until it was looked at */
#define MAP_CHUNK  (8u << 20)
#define SHRANK	   "the file shrank while it was read"

struct input {
	int fd;
	char *name;
	const uint8_t *map;		     /* whole file, or NULL */
	size_t map_size, map_pos, map_ready; /* ready: asked for up to here */
	unsigned lost_before;		     /* by other mappings */
	uint8_t *buf;
	size_t cap, start, end;
	bool eof, probed, may_map;
	struct decompress *z;
	uint64_t offset;
	int status;
	struct err why;
};

/* Pages that mappings lost because their file was cut: counted by the handler, told to the reader as a short file. */
static atomic_uint lost_pages;

/*
 * A mapped file that somebody truncates raises SIGBUS where it is read. The handler puts an empty page there, so that
 * the reader sees zeros, finds them malformed and looks at `lost_pages`.
 */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)4095;
	if (info->si_code != BUS_ADRERR ||
		mmap((void *)page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
		signal(SIGBUS, SIG_DFL);
		return;
	}
	atomic_fetch_add(&lost_pages, 1);
}

static void try_map(struct input *in, off_t size)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };
	if (size <= 0 || (uint64_t)size > SIZE_MAX / 2)
		return;
	void *p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, in->fd, 0);
	if (p == MAP_FAILED)
		return;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGBUS, &sa, NULL);
	in->map = p;
	in->map_size = (size_t)size;
	in->lost_before = atomic_load(&lost_pages);
}

static bool shrunk(const struct input *in)
{
	return in->map && atomic_load(&lost_pages) != in->lost_before;
}

static int open_fd(const char *path, struct stat *st, struct err *err)
{
	bool std = strcmp(path, "-") == 0;
	int fd = std ? dup(0) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, st) < 0) {
		err_set(err, INPUT_OPEN, "%.200s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return INPUT_OPEN;
	}
	const char *what = S_ISDIR(st->st_mode)	  ? "a directory"
			   : S_ISBLK(st->st_mode) ? "a block device"
			   : S_ISCHR(st->st_mode) ? "a character device"
						  : NULL;
	if (what) {
		close(fd);
		return err_set(err, INPUT_OPEN, "%.200s: %s, not a file with packets", path, what);
	}
	return fd;
}

int input_open(struct input **out, const char *path, const struct input_options *o, struct err *err)
{
	struct stat st;
	*out = NULL;
	int fd = open_fd(path, &st, err);
	if (fd < 0)
		return INPUT_OPEN;
	struct input *in = mem_new(sizeof *in);
	in->fd = fd;
	in->name = strdup(path);
	in->may_map = S_ISREG(st.st_mode) && !(o && o->no_map) && lseek(fd, 0, SEEK_CUR) == 0;
	*out = in;
	return INPUT_OK;
}

bool input_map(struct input *in)
{
	struct stat st;
	if (in->may_map && !in->probed && fstat(in->fd, &st) == 0)
		try_map(in, st.st_size);
	return in->map;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	if (in->map)
		munmap((void *)in->map, in->map_size);
	decompress_free(in->z);
	free(in->buf);
	close(in->fd);
	free(in->name);
	free(in);
}

static int fail(struct input *in, int code, const char *reason)
{
	in->status = code;
	in->eof = true;
	return err_set(&in->why, code, "%.200s: %s", in->name, reason);
}

static size_t read_some(struct input *in, uint8_t *to, size_t room)
{
	for (;;) {
		ssize_t n = read(in->fd, to, room);
		if (n > 0)
			return (size_t)n;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail(in, INPUT_READ, strerror(errno));
		in->eof = true;
		return 0;
	}
}

/* One step of filling: raw bytes straight in, compressed ones through the decoder. */
static void fill(struct input *in)
{
	if (!in->z) {
		in->end += read_some(in, in->buf + in->end, in->cap - in->end);
		return;
	}
	if (decompress_hungry(in->z)) {
		size_t room;
		uint8_t *to = decompress_room(in->z, &room);
		decompress_feed(in->z, read_some(in, to, room));
	}
	in->eof = false;
	size_t made = 0;
	enum decompress_status s = decompress_run(in->z, in->buf + in->end, in->cap - in->end, &made);
	in->end += made;
	if (s == DECOMPRESS_BAD)
		fail(in, INPUT_COMPRESSED, decompress_error(in->z));
	else if (s == DECOMPRESS_BOMB)
		fail(in, INPUT_BOMB, decompress_error(in->z));
	else if (s == DECOMPRESS_END)
		in->eof = true;
}

static void make_room(struct input *in, size_t want)
{
	if (in->start && in->start == in->end)
		in->start = in->end = 0;
	if (in->start + want > in->cap && in->start) {
		memmove(in->buf, in->buf + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	if (want > in->cap) {
		in->cap = want + READ_SIZE;
		in->buf = mem_grow(in->buf, in->cap);
	}
}

/* Leaves the mapping for read(2) through a decoder: compressed bytes are touched once and in order anyway. */
static void probe(struct input *in, struct bytes head)
{
	in->probed = true;
	in->z = decompress_for(head);
	if (!in->z)
		return;
	if (in->map) {
		munmap((void *)in->map, in->map_size);
		in->map = NULL;
	} else {
		size_t room, n = in->end - in->start;
		uint8_t *to = decompress_room(in->z, &room);
		ENSURE(n <= room);
		memcpy(to, in->buf + in->start, n);
		decompress_feed(in->z, n);
		in->start = in->end = 0;
		in->eof = false;
	}
}

static struct bytes mapped_window(struct input *in, size_t want)
{
	size_t left = in->map_size - in->map_pos;
	if (want < MAP_CHUNK / 2)
		want = MAP_CHUNK / 2;
	if (want > left)
		want = left;
	if (in->map_pos + want > in->map_ready) {
		size_t from = in->map_ready, n = in->map_pos + want - from;
		if (n < MAP_CHUNK)
			n = MAP_CHUNK;
		if (n > in->map_size - from)
			n = in->map_size - from;
		if (from > MAP_CHUNK && in->map_pos > MAP_CHUNK)
			madvise((void *)(in->map + ((in->map_pos - MAP_CHUNK) & ~(size_t)(MAP_CHUNK - 1))), MAP_CHUNK,
				MADV_DONTNEED);
		/* Threads take the faults where they read; the disk is asked for what comes after. */
		if (from + n < in->map_size)
			posix_fadvise(in->fd, (off_t)(from + n), MAP_CHUNK, POSIX_FADV_WILLNEED);
		in->map_ready = from + n;
	}
	if (shrunk(in)) {
		if (in->status == INPUT_OK)
			fail(in, INPUT_READ, SHRANK);
		return (struct bytes){ in->map + in->map_pos, 0 };
	}
	return (struct bytes){ in->map + in->map_pos, in->map_ready - in->map_pos };
}

struct bytes input_window(struct input *in, size_t want)
{
	ENSURE(want <= INPUT_MAX_WINDOW);
	if (!in->probed && in->map)
		probe(in, bytes_head((struct bytes){ in->map, in->map_size }, 6));
	if (in->map)
		return mapped_window(in, want);
	if (!in->probed) {
		make_room(in, READ_SIZE);
		/* Little at first: a decoder takes over what was read and has less room. */
		while (in->end < 6 && !in->eof)
			in->end += read_some(in, in->buf + in->end, PROBE_SIZE - in->end);
		probe(in, (struct bytes){ in->buf, in->end });
	}
	make_room(in, want > READ_SIZE ? want : READ_SIZE);
	while (in->end - in->start < want && !in->eof)
		fill(in);
	return (struct bytes){ in->buf + in->start, in->end - in->start };
}

void input_consume(struct input *in, size_t n)
{
	in->offset += n;
	if (in->map)
		in->map_pos += n;
	else
		in->start += n;
	ENSURE(in->map ? in->map_pos <= in->map_size : in->start <= in->end);
}

uint64_t input_offset(const struct input *in)
{
	return in->offset;
}

int input_status(const struct input *in, struct err *err)
{
	struct stat st;
	/* A cut within the last page raises nothing: the size tells. */
	if (in->map && in->status == INPUT_OK &&
		(shrunk(in) || (fstat(in->fd, &st) == 0 && (size_t)st.st_size < in->map_size)))
		return err_set(err, INPUT_READ, "%.200s: %s", in->name, SHRANK);
	if (in->status != INPUT_OK && err)
		*err = in->why;
	return in->status;
}

const char *input_compression(const struct input *in)
{
	return in->z ? decompress_name(in->z) : NULL;
}

const char *input_name(const struct input *in)
{
	return in->name;
}

bool input_mapped(const struct input *in)
{
	return in->map;
}

bool input_seekable(const struct input *in)
{
	struct stat st;
	return !in->z && strcmp(in->name, "-") != 0 && fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode);
}

uint64_t input_identity(const char *path, uint64_t h)
{
	uint8_t head[4096];
	struct stat st;
	/* Looked at before it is opened: a pipe that is opened and closed here would lose its writer. */
	int fd = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	ssize_t got = 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		got = pread(fd, head, sizeof head, 0);
		h = random_mix(h ^ (uint64_t)st.st_size);
	} else {
		h ^= random_key();
	}
	for (ssize_t k = 0; k < got; k++)
		h = (h ^ head[k]) * 0x100000001b3u;
	if (fd >= 0)
		close(fd);
	return random_mix(h);
}
