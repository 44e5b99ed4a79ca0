// SPDX-License-Identifier: Apache-2.0
#include "store/spoolrecord.h"

#include "base/err.h"
#include <xxhash.h>

#define VERSION	     1u
#define RECORD_MAGIC 0x43455253u /* "SREC" */

/* Eight octets, no text. */
static const uint8_t magic[8] = { 'S', 'K', 'M', 'S', 'P', 'O', 'O', 'L' };

void spool_file_build(uint8_t out[SPOOL_FILE_HEADER], uint64_t number)
{
	memcpy(out, magic, sizeof magic);
	store_le32(out + 8, VERSION);
	store_le32(out + 12, 0);
	store_le64(out + 16, number);
	store_le64(out + 24, XXH64(out, 24, 0));
}

int spool_file_parse(struct bytes in, uint64_t *number)
{
	const uint8_t *p = bytes_need(in, 0, SPOOL_FILE_HEADER);
	if (!p || memcmp(p, magic, 8) != 0 || load_le32(p + 8) != VERSION || load_le64(p + 24) != XXH64(p, 24, 0))
		return -1;
	*number = load_le64(p + 16);
	return 0;
}

void spool_record_build(uint8_t out[SPOOL_RECORD_HEADER], const struct spool_record *r)
{
	ENSURE(r->frames.n <= SPOOL_BATCH_MAX);
	memset(out, 0, SPOOL_RECORD_HEADER);
	store_le32(out, RECORD_MAGIC);
	store_le16(out + 4, (uint16_t)r->kind);
	store_le16(out + 6, r->ended);
	store_le32(out + 8, (uint32_t)r->frames.n);
	store_le64(out + 16, r->sender);
	store_le64(out + 24, r->sequence);
	store_le64(out + 32, r->packets);
	store_le64(out + 40, (uint64_t)r->from_ns);
	store_le64(out + 48, (uint64_t)r->until_ns);
	memcpy(out + 56, r->sensor, strnlen(r->sensor, sizeof r->sensor - 1));
	store_le64(out + 120, r->frames.p ? XXH64(r->frames.p, r->frames.n, 0) : 0);
	store_le64(out + 128, XXH64(out, 128, 0));
}

static bool sane(const uint8_t *p)
{
	unsigned kind = load_le16(p + 4), flags = load_le16(p + 6);
	uint32_t n = load_le32(p + 8);
	uint64_t sender = load_le64(p + 16);
	if (load_le32(p) != RECORD_MAGIC || load_le64(p + 128) != XXH64(p, 128, 0) || flags > 1 || p[56 + 63] ||
		!sender || sender > INT64_MAX)
		return false;
	if (kind == SPOOL_STATE)
		return n == 0;
	return (kind == SPOOL_BATCH || kind == SPOOL_VOID) && n > 0 && n <= SPOOL_BATCH_MAX && load_le64(p + 24) != 0;
}

int spool_record_parse(struct bytes in, bool header_only, struct spool_record *out, size_t *size)
{
	const uint8_t *p = bytes_need(in, 0, SPOOL_RECORD_HEADER);
	*size = 0;
	if (!p)
		return -SPOOL_SHORT;
	if (!sane(p))
		return -SPOOL_BROKEN;
	*out = (struct spool_record){
		.kind = (enum spool_kind)load_le16(p + 4),
		.ended = load_le16(p + 6) != 0,
		.sender = load_le64(p + 16),
		.sequence = load_le64(p + 24),
		.packets = load_le64(p + 32),
		.from_ns = (int64_t)load_le64(p + 40),
		.until_ns = (int64_t)load_le64(p + 48),
		.frames = { NULL, load_le32(p + 8) },
	};
	memcpy(out->sensor, p + 56, sizeof out->sensor);
	size_t n = out->frames.n;
	if (!header_only) {
		out->frames.p = bytes_need(in, SPOOL_RECORD_HEADER, n);
		if (!out->frames.p)
			return -SPOOL_SHORT;
	}
	*size = SPOOL_RECORD_HEADER + n;
	if (header_only || n == 0 || out->kind == SPOOL_VOID || load_le64(p + 120) == XXH64(out->frames.p, n, 0))
		return 0;
	return -SPOOL_SUM;
}
