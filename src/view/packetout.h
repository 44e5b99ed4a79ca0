// SPDX-License-Identifier: Apache-2.0
/* Packets as a pcap file of an answer, dark addresses as their stand-ins (dark.h). For use inside view/. */
#pragma once
#include "view/view.h"
#include "wire/capfile.h"

/* The head of the file, with nanoseconds (draft-ietf-opsawg-pcap); sets the media type and `name`. */
void packetout_head(struct view_call *c, int linktype, const char *name);

/* `room`: for a changed copy, CAPFILE_MAX_CAPLEN octets. */
void packetout_packet(const struct view_call *c, const struct capfile_record *r, uint8_t *room);
