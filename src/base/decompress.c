// SPDX-License-Identifier: Apache-2.0
#include "base/decompress.h"

#include "base/err.h"
#include "base/input.h"
#include "base/mem.h"

#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define IN_SIZE	     (1u << 20)
#define MEMORY_LIMIT (192u << 20)
#define WINDOW_LOG   27
#define FREE_OUTPUT  ((uint64_t)1 << 30)

enum kind { KIND_GZIP, KIND_ZSTD, KIND_XZ };

struct decompress {
	enum kind kind;
	uint8_t *in;
	size_t start, end;
	bool eof, between, begun; /* between: no member is open */
	z_stream gz;
	ZSTD_DCtx *zstd;
	lzma_stream xz;
	uint64_t taken, made;
	const char *why;
};

static bool begins(struct bytes b, const char *magic, size_t n)
{
	return b.n >= n && memcmp(b.p, magic, n) == 0;
}

struct decompress *decompress_for(struct bytes head)
{
	enum kind kind;
	if (begins(head, "\x1f\x8b\x08", 3))
		kind = KIND_GZIP;
	else if (begins(head, "\x28\xb5\x2f\xfd", 4) ||
		 (head.n >= 4 && (head.p[0] & 0xf0) == 0x50 && begins(bytes_from(head, 1), "\x2a\x4d\x18", 3)))
		kind = KIND_ZSTD;
	else if (begins(head,
			 "\xfd"
			 "7zXZ\0",
			 6))
		kind = KIND_XZ;
	else
		return NULL;
	struct decompress *z = mem_new(sizeof *z);
	z->kind = kind;
	z->in = mem_new(IN_SIZE);
	if (kind == KIND_GZIP) {
		ENSURE(inflateInit2(&z->gz, 15 + 16) == Z_OK);
	} else if (kind == KIND_ZSTD) {
		z->zstd = ZSTD_createDCtx();
		ENSURE(z->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, WINDOW_LOG)));
	} else {
		z->xz = (lzma_stream)LZMA_STREAM_INIT;
		ENSURE(lzma_stream_decoder(&z->xz, MEMORY_LIMIT, LZMA_CONCATENATED) == LZMA_OK);
	}
	return z;
}

void decompress_free(struct decompress *z)
{
	if (!z)
		return;
	if (z->kind == KIND_GZIP)
		inflateEnd(&z->gz);
	else if (z->kind == KIND_ZSTD)
		ZSTD_freeDCtx(z->zstd);
	else
		lzma_end(&z->xz);
	free(z->in);
	free(z);
}

bool decompress_hungry(const struct decompress *z)
{
	return z->start == z->end && !z->eof;
}

uint8_t *decompress_room(struct decompress *z, size_t *room)
{
	z->start = z->end = 0;
	*room = IN_SIZE;
	return z->in;
}

void decompress_feed(struct decompress *z, size_t n)
{
	z->end = n;
	z->eof = n == 0;
}

static enum decompress_status bad(struct decompress *z, const char *why)
{
	z->why = why;
	return DECOMPRESS_BAD;
}

static enum decompress_status bomb(struct decompress *z, const char *why)
{
	z->why = why;
	return DECOMPRESS_BOMB;
}

static enum decompress_status run_gzip(struct decompress *z, uint8_t *to, size_t room, size_t *made)
{
	if (z->between && z->start < z->end) {
		/* Another member, or padding that gzip(1) ignores. */
		if (z->in[z->start] != 0x1f)
			return DECOMPRESS_END;
		ENSURE(inflateReset(&z->gz) == Z_OK);
		z->between = false;
	}
	if (z->eof && z->start == z->end && z->between)
		return DECOMPRESS_END;
	z->gz.next_in = z->in + z->start;
	z->gz.avail_in = (uInt)(z->end - z->start);
	z->gz.next_out = to;
	z->gz.avail_out = (uInt)(room > 1u << 30 ? 1u << 30 : room);
	size_t before = z->gz.avail_out;
	int r = inflate(&z->gz, Z_NO_FLUSH);
	*made = before - z->gz.avail_out;
	z->start = z->end - z->gz.avail_in;
	if (r == Z_STREAM_END) {
		z->between = true;
		return DECOMPRESS_MORE;
	}
	if (r == Z_BUF_ERROR && *made == 0 && z->eof)
		return bad(z, "the gzip stream is cut off");
	if (r != Z_OK && r != Z_BUF_ERROR)
		return bad(z, "the gzip stream is damaged");
	return DECOMPRESS_MORE;
}

static enum decompress_status run_zstd(struct decompress *z, uint8_t *to, size_t room, size_t *made)
{
	ZSTD_inBuffer in = { z->in, z->end, z->start };
	ZSTD_outBuffer out = { to, room, 0 };
	if (z->between && z->eof && z->start == z->end)
		return DECOMPRESS_END;
	size_t r = ZSTD_decompressStream(z->zstd, &out, &in);
	bool moved = in.pos != z->start || out.pos;
	z->start = in.pos;
	*made = out.pos;
	if (ZSTD_isError(r)) {
		if (z->between && z->begun)
			return DECOMPRESS_END; /* what follows the last frame starts no other */
		if (strstr(ZSTD_getErrorName(r), "memory") || strstr(ZSTD_getErrorName(r), "Window"))
			return bomb(z, "the zstd stream asks for more than 128 MiB of memory");
		return bad(z, "the zstd stream is damaged");
	}
	z->between = r == 0;
	z->begun |= r == 0;
	if (!moved && z->eof && !z->between)
		return bad(z, "the zstd stream is cut off");
	return DECOMPRESS_MORE;
}

static enum decompress_status run_xz(struct decompress *z, uint8_t *to, size_t room, size_t *made)
{
	z->xz.next_in = z->in + z->start;
	z->xz.avail_in = z->end - z->start;
	z->xz.next_out = to;
	z->xz.avail_out = room;
	lzma_ret r = lzma_code(&z->xz, z->eof ? LZMA_FINISH : LZMA_RUN);
	*made = room - z->xz.avail_out;
	z->start = z->end - z->xz.avail_in;
	if (r == LZMA_STREAM_END)
		return DECOMPRESS_END;
	if (r == LZMA_MEMLIMIT_ERROR)
		return bomb(z, "the xz stream asks for more than 192 MiB of memory");
	if (r == LZMA_BUF_ERROR && z->eof && *made == 0)
		return bad(z, "the xz stream is cut off");
	if (r != LZMA_OK && r != LZMA_BUF_ERROR)
		return bad(z, "the xz stream is damaged");
	return DECOMPRESS_MORE;
}

enum decompress_status decompress_run(struct decompress *z, uint8_t *to, size_t room, size_t *made)
{
	size_t before = z->start;
	enum decompress_status s = z->kind == KIND_GZIP	  ? run_gzip(z, to, room, made)
				   : z->kind == KIND_ZSTD ? run_zstd(z, to, room, made)
							  : run_xz(z, to, room, made);
	z->taken += z->start - before;
	z->made += *made;
	if (z->made > FREE_OUTPUT && z->made / INPUT_MAX_EXPANSION > z->taken)
		return bomb(z, "expands more than 1,200 times: taken for a decompression bomb");
	return s;
}

const char *decompress_name(const struct decompress *z)
{
	static const char *const names[] = { "gzip", "zstd", "xz" };
	return names[z->kind];
}

const char *decompress_error(const struct decompress *z)
{
	return z->why;
}
