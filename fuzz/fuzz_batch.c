// SPDX-License-Identifier: Apache-2.0
/*
 * Batches from any frames, as keeper, collect and forward put them together. What is taken speaks of its sensor and
 * sender alone.
 */
#include "base/err.h"
#include "base/mem.h"
#include "role/batch.h"
#include "role/frames.h"
#include <stdlib.h>

static struct assembly *assembly;

static void end(void)
{
	assembly_free(assembly);
}

static void check(const struct store_batch *b)
{
	ENSURE(b->sender == 77 && strcmp(b->sensor, "north") == 0);
	for (size_t i = 0; i < b->gaps_n; i++)
		ENSURE(strcmp(b->gaps[i].sensor, "north") == 0);
	for (size_t i = 0; i < b->signals_n; i++)
		ENSURE(strcmp(b->signals[i].sensor, "north") == 0 && b->signals[i].samples_n <= FINDING_SAMPLES);
	for (size_t i = 0; i < b->findings_n; i++)
		ENSURE(strcmp(b->findings[i].sensor, "north") == 0);
	for (size_t at = 0; at < b->blocks.n;) {
		struct archive_header h;
		ENSURE(archive_header_parse(bytes_from(b->blocks, at), &h) == 0);
		ENSURE(h.sender == 77 && h.sequence == b->sequence && strcmp(h.sensor, "north") == 0);
		at += ARCHIVE_HEADER + h.payload;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;
	const char *why;
	size_t at = 0, used;
	int r = 0;
	if (!assembly) {
		assembly = assembly_new();
		atexit(end);
	}
	assembly_begin(assembly, 77, "north");
	while (r >= 0 && frames_next((struct bytes){ data + at, size - at }, &used, &m) == 1) {
		at += used;
		r = assembly_add(assembly, &m, &why);
		ENSURE(r >= 0 || why[0]);
		if (r > 0) {
			check(assembly_batch(assembly));
			assembly_clear(assembly);
		}
	}
	return 0;
}
