// SPDX-License-Identifier: Apache-2.0
/*
 * The flow archive against any bytes. The first byte says how: as a segment file, as the sources of a minute, or as the
 * columns of one block whose header is built right (a checksum would stop the fuzzer at the door).
 */
#include "base/err.h"
#include "store/segment.h"
#include "store/sourceblock.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct archive_decoder *d;
static struct sourceblock *sources;

static int take(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ENSURE(flows[i].cls < CLASS_N);
	return 0;
}

static void as_segment(struct bytes in)
{
	int fd = memfd_create("segment", MFD_CLOEXEC);
	ENSURE(fd >= 0 && write(fd, in.p, in.n) == (ssize_t)in.n);
	struct segment_scan s = { .query = { INT64_MIN, INT64_MAX, NULL, take, NULL }, .decoder = d };
	ENSURE(segment_scan(&s, fd, "fuzz", in.n, NULL) == 0);
	ENSURE(s.counts.broken_bytes <= in.n);
	close(fd);
}

static void as_columns(uint8_t how, struct bytes in)
{
	struct prefix src = { .bits = (uint8_t)(how % 129) };
	struct archive_query q = { INT64_MIN, INT64_MAX, how & 8 ? &src : NULL, take, NULL };
	struct archive_header h = { .wide = how & 2,
		.level = how & 4 ? ARCHIVE_KEY : ARCHIVE_ALL,
		.unit_ns = 1,
		.first_ns = INT64_MIN,
		.last_ns = INT64_MAX };
	if (in.n < 2)
		return;
	h.flows = 1u + load_le16(in.p);
	in = bytes_from(in, 2);
	h.payload = (uint32_t)in.n;
	h.sum = archive_sum(in);
	ENSURE(archive_decode(d, &h, in, &q) <= 0);
}

static void end(void)
{
	archive_decoder_free(d);
	sourceblock_free(sources);
}

static int take_source(void *arg, const struct source *s)
{
	return 0;
}

static void as_sources(struct bytes in)
{
	if (in.n < 2)
		return;
	struct bytes data = bytes_from(in, 2);
	struct sourceblock_query q = { NULL, take_source, NULL };
	ENSURE(sourceblock_decode(sources, data, 0, load_le16(in.p), &q) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!d) {
		d = archive_decoder_new();
		sources = sourceblock_new();
		atexit(end);
	}
	if (size < 1)
		return 0;
	struct bytes in = { data + 1, size - 1 };
	if (data[0] & 1)
		as_segment(in);
	else if (data[0] & 16)
		as_sources(in);
	else
		as_columns(data[0], in);
	return 0;
}
