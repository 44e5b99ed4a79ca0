// SPDX-License-Identifier: Apache-2.0
/*
 * Messages in a stream of octets (TLS, a file): each behind its length, u32 little-endian, of header and body. A batch
 * is such frames one behind the other, of one sequence number, the last of them `commit`.
 */
#pragma once
#include "model/message.h"

#define FRAMES_LENGTH 4u
#define FRAMES_MAX    (FRAMES_LENGTH + MESSAGE_MAX) /* octets of one frame */
#define FRAMES_BATCH  ((size_t)128 << 20)	    /* octets of a batch; no larger one is sent or taken */

/*
 * The frame at the front. Returns 1 and the octets it takes; 0: it is not whole yet, `*used` are wanted (at most
 * FRAMES_MAX); -1: this is no frame, nor can one be found behind it. The body lies in `in`.
 */
int frames_next(struct bytes in, size_t *used, struct message *out) NODISCARD;

void frames_put(struct message_buf *to, const struct message *m);
