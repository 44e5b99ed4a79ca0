// SPDX-License-Identifier: Apache-2.0
/*
 * The spool's reader against any file. A first octet of 1 also lays the records out anew with right checksums of their
 * headers, which would stop the fuzzer at the door.
 */
#include "base/err.h"
#include "store/spool.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD SPOOL_RECORD_HEADER

static char dir[] = "/dev/shm/spool-XXXXXX";
static uint64_t lost;

static void leave(void)
{
	if (rmdir(dir) != 0)
		perror(dir);
}

static void on_lost(void *arg, const struct spool_record *r, const char *why)
{
	ENSURE(r->kind == SPOOL_BATCH && r->sender && !r->frames.p && memchr(r->sensor, 0, sizeof r->sensor));
	lost++;
}

/* Records of what the fuzzer says: kind, sender, numbers, then octets. */
static size_t lay_out(uint8_t *out, struct bytes in)
{
	size_t n = SPOOL_FILE_HEADER;
	spool_file_build(out, 1);
	while (in.n >= 8) {
		struct spool_record r = { .kind = (enum spool_kind)(in.p[0] % 4),
			.sender = in.p[1] % 8,
			.sequence = in.p[2],
			.packets = in.p[3],
			.from_ns = in.p[4],
			.until_ns = in.p[5],
			.ended = in.p[6] & 1,
			.sensor = "north",
			.frames = bytes_head(bytes_from(in, 8), in.p[7]) };
		spool_record_build(out + n, &r);
		n += HEAD;
		memcpy(out + n, r.frames.p, r.frames.n);
		if (in.p[6] & 2 && r.frames.n)
			out[n] ^= 1; /* not what the checksum says */
		n += r.frames.n;
		in = bytes_from(in, 8 + r.frames.n);
	}
	return n;
}

static void write_file(const uint8_t *p, size_t n)
{
	char path[64];
	snprintf(path, sizeof path, "%s/0000000000000001.spool", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ENSURE(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static uint64_t read_all(void)
{
	struct spool *s;
	struct spool_record r;
	struct spool_params p = { .dir = dir, .quota = 1 << 20, .lost = on_lost };
	uint64_t n = 0;
	ENSURE(spool_open(&s, &p, NULL) == 0);
	while (spool_next(s, &r, NULL) == 1) {
		const struct spool_sender *of = spool_sender(s, r.sender);
		ENSURE(r.kind == SPOOL_BATCH && r.frames.p && r.frames.n && of && r.sequence > of->acked);
		n++;
	}
	for (size_t i = 0; spool_sender_at(s, i); i++)
		spool_acked(s, spool_sender_at(s, i)->id, UINT64_MAX);
	ENSURE(spool_next(s, &r, NULL) == 0 && spool_waiting(s) == 0);
	spool_close(s);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	char path[64];
	if (!made) {
		ENSURE(mkdtemp(dir));
		made = true;
		atexit(leave);
	}
	lost = 0;
	if (size && data[0] == 1) {
		uint8_t *out = malloc(SPOOL_FILE_HEADER + size * (HEAD / 8 + 1) + HEAD);
		write_file(out, lay_out(out, (struct bytes){ data + 1, size - 1 }));
		free(out);
	} else {
		write_file(data, size);
	}
	uint64_t first = read_all(), told = lost;
	/* A second start gives the same, and tells of nothing new. */
	ENSURE(read_all() == first && lost <= 2 * told);
	snprintf(path, sizeof path, "%s/0000000000000001.spool", dir);
	unlink(path);
	return 0;
}
