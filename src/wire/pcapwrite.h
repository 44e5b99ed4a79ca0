// SPDX-License-Identifier: Apache-2.0
/*
 * Writes classic pcap files (draft-ietf-opsawg-pcap), little-endian, micro- or nanoseconds, any link type, through a
 * buffer of its own. The first failure of the descriptor is kept and told by every later call, so a caller may look
 * only at the end.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#define PCAPWRITE_SNAPLEN 262144u /* longer packets are cut to it */

struct pcapwrite; /* opaque */

enum pcapwrite_unit { PCAPWRITE_US, PCAPWRITE_NS };

/* Takes a descriptor open for writing, which stays the caller's, and writes the file header. `linktype` is a LINKTYPE_
 * number. */
struct pcapwrite *pcapwrite_new(int fd, enum pcapwrite_unit unit, int linktype);

/*
 * Adds one packet: its captured bytes and the length it had on the wire (not below the captured; raised to it
 * otherwise). Times are rounded down to the file's unit. Returns 0; -ERANGE and writes nothing when the time lies
 * before 1970 or beyond 2106, which the format can't hold; else the negative errno of the descriptor's first failure.
 */
int pcapwrite_packet(struct pcapwrite *w, int64_t ns, struct bytes data, uint32_t wire_len);

/* Hands what is buffered to the descriptor. Returns 0 or the negative errno of the first failure. */
int pcapwrite_flush(struct pcapwrite *w) NODISCARD;

/* Octets given to the descriptor and buffered so far, file header included: where the next record will begin. */
uint64_t pcapwrite_offset(const struct pcapwrite *w);

/* Flushes and frees; the result of the flush. NULL is fine. */
int pcapwrite_free(struct pcapwrite *w) NODISCARD;
