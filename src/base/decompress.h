// SPDX-License-Identifier: Apache-2.0
/*
 * gzip (RFC 1952, any number of members), zstd (RFC 8878, any number of frames, skippable ones too) and xz as one
 * push-pull decoder with limits: 128 MiB of window, INPUT_MAX_EXPANSION times the input after the first GiB. Bytes
 * behind the last member that start no new one are ignored, as gzip(1) does.
 */
#pragma once
#include "base/bytes.h"

struct decompress; /* opaque */

enum decompress_status {
	DECOMPRESS_MORE, /* go on */
	DECOMPRESS_END,	 /* the whole stream was given out */
	DECOMPRESS_BAD,	 /* damaged or cut off */
	DECOMPRESS_BOMB, /* a limit was hit */
};

/* A decoder for a stream that begins with `head` (6 bytes are enough), or NULL when it isn't compressed. */
struct decompress *decompress_for(struct bytes head);
void decompress_free(struct decompress *z);

/* True when all input is used up: then fill decompress_room() and say how much with decompress_feed(); 0 is the end of
 * the input. */
bool decompress_hungry(const struct decompress *z);
uint8_t *decompress_room(struct decompress *z, size_t *room);
void decompress_feed(struct decompress *z, size_t n);

/* Gives out up to `room` bytes. */
enum decompress_status decompress_run(struct decompress *z, uint8_t *to, size_t room, size_t *made);

const char *decompress_name(const struct decompress *z);
const char *decompress_error(const struct decompress *z);
