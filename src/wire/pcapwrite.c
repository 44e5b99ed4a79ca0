// SPDX-License-Identifier: Apache-2.0
#include "wire/pcapwrite.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_SIZE   (1u << 20)
#define FILE_HEADER   24
#define RECORD_HEADER 16
#define SECOND_NS     1000000000

_Static_assert(BUFFER_SIZE >= PCAPWRITE_SNAPLEN + RECORD_HEADER, "one record always fits");

struct pcapwrite {
	int fd;
	int error; /* negative errno of the first failure */
	enum pcapwrite_unit unit;
	size_t used;
	uint64_t offset;
	uint8_t buffer[BUFFER_SIZE];
};

struct pcapwrite *pcapwrite_new(int fd, enum pcapwrite_unit unit, int linktype)
{
	struct pcapwrite *w = mem_new(sizeof *w);
	uint8_t *p = w->buffer;
	w->fd = fd;
	w->error = 0;
	w->unit = unit;
	store_le32(p, unit == PCAPWRITE_NS ? 0xa1b23c4d : 0xa1b2c3d4);
	store_le16(p + 4, 2);
	store_le16(p + 6, 4);
	store_le64(p + 8, 0);
	store_le32(p + 16, PCAPWRITE_SNAPLEN);
	store_le32(p + 20, (uint32_t)linktype);
	w->used = w->offset = FILE_HEADER;
	return w;
}

int pcapwrite_flush(struct pcapwrite *w)
{
	size_t done = 0;
	while (!w->error && done < w->used) {
		ssize_t n = write(w->fd, w->buffer + done, w->used - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			w->error = n == 0 ? -EIO : -errno;
	}
	w->used = 0;
	return w->error;
}

int pcapwrite_packet(struct pcapwrite *w, int64_t ns, struct bytes data, uint32_t wire_len)
{
	data = bytes_head(data, PCAPWRITE_SNAPLEN);
	if (ns < 0 || ns / SECOND_NS > UINT32_MAX)
		return -ERANGE;
	size_t n = RECORD_HEADER + data.n;
	if (n > BUFFER_SIZE - w->used && pcapwrite_flush(w))
		return w->error;
	uint8_t *p = w->buffer + w->used;
	uint32_t fraction = (uint32_t)(ns % SECOND_NS);
	store_le32(p, (uint32_t)(ns / SECOND_NS));
	store_le32(p + 4, w->unit == PCAPWRITE_NS ? fraction : fraction / 1000);
	store_le32(p + 8, (uint32_t)data.n);
	store_le32(p + 12, wire_len > data.n ? wire_len : (uint32_t)data.n);
	if (data.n)
		memcpy(p + RECORD_HEADER, data.p, data.n);
	w->used += n;
	w->offset += n;
	return w->error;
}

uint64_t pcapwrite_offset(const struct pcapwrite *w)
{
	return w->offset;
}

int pcapwrite_free(struct pcapwrite *w)
{
	int rc = w ? pcapwrite_flush(w) : 0;
	free(w);
	return rc;
}
