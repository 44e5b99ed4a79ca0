// SPDX-License-Identifier: Apache-2.0
#include "store/packetwrite.h"

#include "base/mem.h"
#include "model/flow.h"

#include <errno.h>
#include <unistd.h>

#define BUFFER	      ((size_t)1 << 20)
#define FILE_HEADER   24
#define RECORD_HEADER 16
#define SNAPLEN	      262144u
#define OVERRUN	      4 /* how many times max_bytes a file may grow while the next is waited for */
#define SECOND_NS     1000000000

struct packetwrite {
	struct packetwrite_params p;
	struct packetwrite_counts counts;
	int fd; /* -1: none */
	bool asked;
	int64_t begun_ns, last_ns; /* first packet of the file; last packet */
	int64_t retry_ns;	   /* not to be asked again before */
	uint64_t length;	   /* of the file with what is buffered */
	uint64_t buffered;	   /* packets */
	size_t used;
	uint8_t buffer[BUFFER];
};

struct packetwrite *packetwrite_new(const struct packetwrite_params *p)
{
	struct packetwrite *w = mem_map(sizeof *w);
	w->p = *p;
	w->fd = -1;
	w->begun_ns = w->retry_ns = INT64_MIN;
	if (!p->snaplen || p->snaplen > SNAPLEN)
		w->p.snaplen = SNAPLEN;
	if (!p->max_bytes)
		w->p.max_bytes = PACKETWRITE_BYTES;
	if (!p->max_ns)
		w->p.max_ns = PACKETWRITE_NS;
	return w;
}

static void later(struct packetwrite *w)
{
	w->asked = true;
	w->retry_ns = w->last_ns > INT64_MAX - PACKETWRITE_RETRY_NS ? INT64_MAX : w->last_ns + PACKETWRITE_RETRY_NS;
}

void packetwrite_flush(struct packetwrite *w)
{
	size_t done = 0;
	int error = 0;
	while (w->fd >= 0 && !error && done < w->used) {
		ssize_t n = write(w->fd, w->buffer + done, w->used - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			error = n == 0 ? -EIO : -errno;
	}
	/* What was written of the buffer may end in the middle of a record: nothing can follow it. All that was
	 * buffered counts as lost, though some of it may be there. */
	if (error) {
		w->counts.failures++;
		w->counts.error = error;
		w->counts.lost += w->buffered;
		w->counts.packets -= w->buffered;
		close(w->fd);
		w->fd = -1;
		later(w);
	}
	w->used = 0;
	w->buffered = 0;
}

void packetwrite_free(struct packetwrite *w)
{
	if (!w)
		return;
	packetwrite_flush(w);
	if (w->fd >= 0)
		close(w->fd);
	mem_unmap(w, sizeof *w);
}

void packetwrite_give(struct packetwrite *w, int fd)
{
	packetwrite_flush(w);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	w->asked = false;
	w->begun_ns = INT64_MIN;
	if (fd < 0)
		return;
	uint8_t *p = w->buffer;
	store_le32(p, 0xa1b23c4d);
	store_le16(p + 4, 2);
	store_le16(p + 6, 4);
	store_le64(p + 8, 0);
	store_le32(p + 16, w->p.snaplen);
	store_le32(p + 20, (uint32_t)w->p.linktype);
	w->used = w->length = FILE_HEADER;
	w->counts.files++;
}

static void ask(struct packetwrite *w, int64_t ns)
{
	if (w->asked && ns < w->retry_ns)
		return;
	later(w);
	w->p.ask(w->p.arg, ns);
}

/* Room for a record of `n` octets in a file; asks for the next file when it is time. */
static bool ready(struct packetwrite *w, int64_t ns, size_t n)
{
	bool old = w->begun_ns != INT64_MIN && (ns < w->begun_ns || ns - w->begun_ns >= w->p.max_ns);
	if (w->fd < 0 || old || (w->length > FILE_HEADER && w->length + n > w->p.max_bytes))
		ask(w, ns);
	if (w->fd >= 0 && n > BUFFER - w->used)
		packetwrite_flush(w);
	return w->fd >= 0 && (w->length + n) / OVERRUN <= w->p.max_bytes;
}

static bool dark(const struct packetwrite *w, const struct packet *p, int64_t ns)
{
	if (p->layer > LAYER_IP6)
		return false;
	struct addr dst = flow_packet_dst(p);
	return prefixset_holds(w->p.dark, &dst, ns);
}

void packetwrite_packet(
	struct packetwrite *w, const struct packet *p, int64_t ns, struct bytes frame, uint32_t wire_len)
{
	if (!dark(w, p, ns)) {
		w->counts.elsewhere++;
		return;
	}
	w->last_ns = ns;
	frame = bytes_head(frame, w->p.snaplen);
	size_t n = RECORD_HEADER + frame.n;
	if (ns < 0 || ns / SECOND_NS > UINT32_MAX || !ready(w, ns, n)) {
		w->counts.lost++;
		return;
	}
	if (w->begun_ns == INT64_MIN)
		w->begun_ns = ns;
	uint8_t *to = w->buffer + w->used;
	store_le32(to, (uint32_t)(ns / SECOND_NS));
	store_le32(to + 4, (uint32_t)(ns % SECOND_NS));
	store_le32(to + 8, (uint32_t)frame.n);
	store_le32(to + 12, wire_len > frame.n ? wire_len : (uint32_t)frame.n);
	if (frame.n)
		memcpy(to + RECORD_HEADER, frame.p, frame.n);
	w->used += n;
	w->length += n;
	w->buffered++;
	w->counts.packets++;
	w->counts.bytes += n;
}

struct packetwrite_counts packetwrite_counts(const struct packetwrite *w)
{
	return w->counts;
}
