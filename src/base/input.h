// SPDX-License-Identifier: Apache-2.0
/*
 * A file, pipe or compressed file as a sliding window of bytes. It is read in pieces that fit the processor's cache; a
 * regular file can be mapped instead, in larger windows, for several threads that look at the same bytes (pages are
 * dropped behind). gzip (RFC 1952, many members), zstd (RFC 8878, many frames) and xz are known by their first bytes,
 * not by their name. Decompression is limited in memory and in expansion.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#define INPUT_MAX_WINDOW    (20u << 20) /* largest `want` */
#define INPUT_MAX_EXPANSION 1200u	/* a stream that grows more than this, after the first GiB, is called a bomb */

struct input; /* opaque */

struct input_options {
	bool no_map; /* input_map() does nothing */
};

enum input_error {
	INPUT_OK = 0,
	INPUT_OPEN = -1,       /* can't be opened, a directory, a device */
	INPUT_READ = -2,       /* read(2) failed, or the file shrank while it was mapped */
	INPUT_COMPRESSED = -3, /* the compressed stream is damaged or cut off */
	INPUT_BOMB = -4,       /* a decompression limit was hit */
};

/* Opens `path` ("-": standard input). Nothing is read yet. On failure `*out` is NULL and `err` says why, naming the
 * path. */
int input_open(struct input **out, const char *path, const struct input_options *o, struct err *err) NODISCARD;
void input_close(struct input *in);

/* Before the first window: maps the file if it can be. For one thread reading is faster. True when it is mapped. */
bool input_map(struct input *in);

/*
 * What lies at the current position: at least `want` bytes, or all that is left, or nothing at the end. The view lives
 * until the next call on this input. Blocks on a pipe until `want` bytes or the end came.
 */
struct bytes input_window(struct input *in, size_t want);

/* Moves the position; n <= what the last window held. */
void input_consume(struct input *in, size_t n);

uint64_t input_offset(const struct input *in);		   /* position in the decompressed bytes */
int input_status(const struct input *in, struct err *err); /* INPUT_OK, or why the bytes ended early */
const char *input_compression(const struct input *in); /* "gzip", "zstd", "xz" or NULL; known after the first window */
const char *input_name(const struct input *in);
bool input_mapped(const struct input *in);

/*
 * Mixes into `h` what tells the file of that path from others: its size and its first 4 KiB. What is no regular file is
 * new each time.
 */
uint64_t input_identity(const char *path, uint64_t h);

/* Names the file behind this input stably, for a second pass: false for standard input, pipes and compressed streams.
 */
bool input_seekable(const struct input *in);
