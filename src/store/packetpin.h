// SPDX-License-Identifier: Apache-2.0
/*
 * Pinning with the work divided: who may write opens the file and puts it in its place; who may not, and is shut in
 * for it, reads the ring's packets and fills it. Errors as in packetring.h.
 */
#pragma once
#include "store/packetring.h"

/* An empty file beside packets/pinned/FINDING.pcap, for writing. Returns the descriptor. */
int packetpin_begin(int dir, const char *finding, struct err *err) NODISCARD;

/* Copies the packets of the finding, those that are pinned already first, to `out`. */
int packetpin_fill(
	int dir, const struct finding *f, int out, struct packetring_found *found, struct err *err) NODISCARD;

/* The file takes its place; or, with `keep` false, goes. */
int packetpin_end(int dir, const char *finding, int fd, bool keep, struct err *err) NODISCARD;
