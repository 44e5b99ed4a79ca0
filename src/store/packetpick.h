// SPDX-License-Identifier: Apache-2.0
/* Packets picked out of capture files into bounded memory, and written in the order of their times. For
 * store/packetring.c. */
#pragma once
#include "store/packetring.h"

struct packetpick; /* opaque */

struct packetpick *packetpick_new(const struct packetring_query *q);
void packetpick_free(struct packetpick *p);

/* Reads a file from its beginning. `pinned`: its packets may also lie in files that come later, which are then left
 * out. */
void packetpick_file(struct packetpick *p, int fd, bool pinned);

/* Nothing more has room. */
bool packetpick_full(const struct packetpick *p);

/* Sorts, then writes a pcap file; nothing when there are no packets. 0 or a negative errno. */
int packetpick_write(struct packetpick *p, int fd) NODISCARD;

/* Sorts, then hands out all; other than 0 ends it with that value. */
struct capfile_record;
int packetpick_each(struct packetpick *p, int (*fn)(void *arg, const struct capfile_record *), void *arg) NODISCARD;

struct packetring_found packetpick_found(const struct packetpick *p);
