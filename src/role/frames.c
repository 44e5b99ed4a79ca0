// SPDX-License-Identifier: Apache-2.0
#include "role/frames.h"

#include "base/err.h"

int frames_next(struct bytes in, size_t *used, struct message *out)
{
	const uint8_t *head = bytes_need(in, 0, FRAMES_LENGTH);
	*used = FRAMES_LENGTH + MESSAGE_HEADER;
	if (!head)
		return 0;
	uint32_t n = load_le32(head);
	if (n < MESSAGE_HEADER || n > MESSAGE_MAX)
		return -1;
	/* What can't become a message is told before all of it has come. */
	const uint8_t *p = bytes_need(in, FRAMES_LENGTH, MESSAGE_HEADER);
	if (p && message_parse((struct bytes){ p, MESSAGE_HEADER }, out) < 0)
		return -1;
	*used = FRAMES_LENGTH + n;
	p = bytes_need(in, FRAMES_LENGTH, n);
	if (!p)
		return 0;
	return message_parse((struct bytes){ p, n }, out) < 0 ? -1 : 1;
}

void frames_put(struct message_buf *to, const struct message *m)
{
	uint8_t header[MESSAGE_HEADER];
	ENSURE(m->body.n <= MESSAGE_BODY);
	message_header_build(header, m);
	message_u32(to, (uint32_t)(MESSAGE_HEADER + m->body.n));
	message_octets(to, header, sizeof header);
	message_octets(to, m->body.p, m->body.n);
}
