// SPDX-License-Identifier: Apache-2.0
/* base/input.c and base/decompress.c: the same bytes come out however a file is packed, mapped or piped. */
#include "base/input.h"
#include "base/decompress.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <lzma.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define PLAIN (3u << 20) /* more than one window and one compressed buffer */

static uint8_t plain[PLAIN], packed[2 * PLAIN];

static int setup(void **state)
{
	/* Half noise, half text, so that packing neither fails nor makes nothing of it. */
	uint32_t x = 1;
	for (size_t i = 0; i < PLAIN; i++) {
		x = x * 1664525 + 1013904223;
		plain[i] = i / 4096 % 2 ? (uint8_t)(x >> 24) : (uint8_t) "sakimori"[i % 8];
	}
	return 0;
}

static size_t pack_none(const uint8_t *p, size_t n, uint8_t *out)
{
	memcpy(out, p, n);
	return n;
}

static size_t pack_gzip(const uint8_t *p, size_t n, uint8_t *out)
{
	z_stream z = { 0 };
	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (uint8_t *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = sizeof packed / 2;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size_t made = z.total_out;
	deflateEnd(&z);
	return made;
}

/* With a checksum, as zstd(1) writes it; without one, damage to literals can't be seen. */
static size_t pack_zstd(const uint8_t *p, size_t n, uint8_t *out)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	assert_non_null(c);
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 1);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	size_t made = ZSTD_compress2(c, out, sizeof packed / 2, p, n);
	ZSTD_freeCCtx(c);
	assert_false(ZSTD_isError(made));
	return made;
}

static size_t pack_xz(const uint8_t *p, size_t n, uint8_t *out)
{
	size_t at = 0;
	assert_int_equal(
		lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, p, n, out, &at, sizeof packed / 2), LZMA_OK);
	return at;
}

static const struct packing {
	const char *name; /* as input_compression() says */
	size_t (*pack)(const uint8_t *p, size_t n, uint8_t *out);
} packings[] = { { NULL, pack_none }, { "gzip", pack_gzip }, { "zstd", pack_zstd }, { "xz", pack_xz } };

#define N_PACKINGS (sizeof packings / sizeof *packings)

/* A file in memory under a path. */
static int file_of(const uint8_t *p, size_t n, char path[64])
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t done = 0; done < n;) {
		ssize_t w = write(fd, p + done, n - done);
		assert_true(w > 0);
		done += (size_t)w;
	}
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

/* Reads all in windows of `want` and compares with `plain`, which must begin with what comes. Returns how much came. */
static size_t drain(struct input *in, size_t want)
{
	for (;;) {
		struct bytes w = input_window(in, want);
		uint64_t at = input_offset(in);
		if (w.n == 0)
			return at;
		assert_true(at + w.n <= PLAIN && memcmp(w.p, plain + at, w.n) == 0);
		input_consume(in, w.n < want ? w.n : want);
	}
}

static void same_bytes(void **state)
{
	static const size_t wants[] = { 1 << 12, 1 << 20 };
	for (size_t k = 0; k < N_PACKINGS; k++)
		for (int members = 1; members <= 2; members++)
			for (int no_map = 0; no_map < 2; no_map++) {
				size_t half = members == 2 ? PLAIN / 3 : PLAIN;
				size_t n = packings[k].pack(plain, half, packed);
				if (members == 2)
					n += packings[k].pack(plain + half, PLAIN - half, packed + n);
				char path[64];
				int fd = file_of(packed, n, path);
				struct input *in;
				struct err err;
				struct input_options o = { .no_map = no_map };
				assert_int_equal(input_open(&in, path, &o, &err), INPUT_OK);
				assert_true(input_map(in) == !no_map);
				assert_int_equal(drain(in, wants[no_map]), PLAIN);
				assert_int_equal(input_status(in, &err), INPUT_OK);
				const char *name = input_compression(in);
				assert_true(packings[k].name ? name && strcmp(name, packings[k].name) == 0 : !name);
				assert_string_equal(input_name(in), path);
				input_close(in);
				close(fd);
			}
}

struct writer {
	int fd;
	size_t n;
};

/* Writes in odd pieces, as a program behind a pipe does. */
static void *write_all(void *arg)
{
	struct writer *w = arg;
	for (size_t at = 0, step = 1; at < w->n; step = step * 5 % 9973 + 1) {
		ssize_t n = write(w->fd, packed + at, step < w->n - at ? step : w->n - at);
		if (n < 0)
			break;
		at += (size_t)n;
	}
	close(w->fd);
	return NULL;
}

static void pipes(void **state)
{
	for (size_t k = 0; k < N_PACKINGS; k++) {
		int fd[2];
		char path[64];
		assert_int_equal(pipe(fd), 0);
		struct writer w = { fd[1], packings[k].pack(plain, PLAIN, packed) };
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, write_all, &w), 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd[0]);
		struct input *in;
		struct err err;
		assert_int_equal(input_open(&in, path, NULL, &err), INPUT_OK);
		assert_false(input_mapped(in));
		assert_false(input_seekable(in));
		assert_int_equal(drain(in, 1 << 16), PLAIN);
		pthread_join(thread, NULL);
		input_close(in);
		close(fd[0]);
	}
}

/* What was whole before the cut comes out, then the reason. */
static void cut_streams(void **state)
{
	for (size_t k = 1; k < N_PACKINGS; k++) {
		size_t n = packings[k].pack(plain, 100000, packed);
		for (size_t cut = 6; cut < n; cut += cut < 64 ? 1 : n / 37) {
			char path[64];
			int fd = file_of(packed, cut, path);
			struct input *in;
			struct err err = { "" };
			assert_int_equal(input_open(&in, path, NULL, &err), INPUT_OK);
			assert_true(drain(in, 4096) <= 100000);
			assert_int_equal(input_status(in, &err), INPUT_COMPRESSED);
			assert_non_null(strstr(err.text, "cut off"));
			input_close(in);
			close(fd);
		}
	}
}

static void damaged_streams(void **state)
{
	for (size_t k = 1; k < N_PACKINGS; k++) {
		size_t n = packings[k].pack(plain, 100000, packed);
		memset(packed + n / 2, 0xa5, 64);
		char path[64];
		int fd = file_of(packed, n, path);
		struct input *in;
		struct err err = { "" };
		assert_int_equal(input_open(&in, path, NULL, &err), INPUT_OK);
		uint64_t came = 0;
		for (struct bytes w; (w = input_window(in, 4096)).n; came += w.n)
			input_consume(in, w.n);
		assert_true(came <= 100000);
		assert_int_equal(input_status(in, &err), INPUT_COMPRESSED);
		input_close(in);
		close(fd);
	}
}

/* Zeros without end: blocks of 128 KiB from four bytes each (RFC 8878 section 3.1.1.2, RLE_Block). */
static void bomb(void **state)
{
	size_t n = 6;
	memcpy(packed, "\x28\xb5\x2f\xfd\x00\x38", n);
	for (int i = 0; i < 16 * 1024; i++, n += 4)
		memcpy(packed + n, "\x02\x00\x10\x00", 4);
	char path[64];
	int fd = file_of(packed, n, path);
	struct input *in;
	struct err err = { "" };
	assert_int_equal(input_open(&in, path, NULL, &err), INPUT_OK);
	uint64_t came = 0;
	for (struct bytes w; (w = input_window(in, 1 << 20)).n; came += w.n)
		input_consume(in, w.n);
	assert_int_equal(input_status(in, &err), INPUT_BOMB);
	assert_true(came >= (uint64_t)1 << 30 && came < ((uint64_t)1 << 30) + (64u << 20));
	input_close(in);
	close(fd);
}

static void not_to_be_opened(void **state)
{
	static const struct {
		const char *path, *want;
	} cases[] = {
		{ "/nowhere/at/all", "No such file" },
		{ "/", "a directory" },
		{ "/dev/null", "a character device" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct input *in;
		struct err err = { "" };
		assert_int_equal(input_open(&in, cases[i].path, NULL, &err), INPUT_OPEN);
		assert_null(in);
		assert_non_null(strstr(err.text, cases[i].want));
		assert_non_null(strstr(err.text, cases[i].path));
	}
}

/* A mapped file that somebody truncates ends early with a reason, not with a signal. */
static void shrinks(void **state)
{
	char path[64];
	int fd = file_of(plain, PLAIN, path);
	struct input *in;
	struct err err = { "" };
	assert_int_equal(input_open(&in, path, NULL, &err), INPUT_OK);
	assert_true(input_map(in));
	struct bytes w = input_window(in, 4096);
	assert_true(w.n >= 4096 && input_mapped(in));
	assert_int_equal(ftruncate(fd, 4096), 0);
	for (size_t i = 0; i < w.n; i += 4096)
		(void)*(volatile const uint8_t *)&w.p[i];
	assert_int_equal(input_status(in, &err), INPUT_READ);
	assert_non_null(strstr(err.text, "shrank"));
	assert_int_equal(input_window(in, 4096).n, 0); /* what comes now would be zeros */
	input_close(in);
	close(fd);
	/* The next file is none the worse for it. */
	fd = file_of(plain, PLAIN, path);
	assert_int_equal(input_open(&in, path, NULL, &err), INPUT_OK);
	assert_true(input_map(in));
	assert_true(input_window(in, 4096).n >= 4096);
	assert_int_equal(input_status(in, &err), INPUT_OK);
	/* Cut within a page: no signal tells of it. */
	assert_int_equal(ftruncate(fd, PLAIN - 1), 0);
	assert_int_equal(input_status(in, &err), INPUT_READ);
	input_close(in);
	close(fd);
}

static void empty(void **state)
{
	for (int no_map = 0; no_map < 2; no_map++) {
		char path[64];
		int fd = file_of(plain, 0, path);
		struct input *in;
		struct err err;
		struct input_options o = { .no_map = no_map };
		assert_int_equal(input_open(&in, path, &o, &err), INPUT_OK);
		assert_int_equal(input_window(in, 100).n, 0);
		assert_int_equal(input_status(in, &err), INPUT_OK);
		input_close(in);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_bytes), cmocka_unit_test(pipes),
		cmocka_unit_test(cut_streams), cmocka_unit_test(damaged_streams), cmocka_unit_test(bomb),
		cmocka_unit_test(not_to_be_opened), cmocka_unit_test(shrinks), cmocka_unit_test(empty) };
	return cmocka_run_group_tests(tests, setup, NULL);
}
