// SPDX-License-Identifier: Apache-2.0
/* What the keeper does beside keeping: files for the packet ring, packets of findings that stay, retention. Private to
 * the keeper. */
#pragma once
#include "role/feeder.h"

int upkeep_open(struct keeper *k, struct err *err) NODISCARD;
void upkeep_close(struct keeper *k);

/* A capture wants a file: RING_WANT. */
void upkeep_ring(struct keeper *k, struct feeder *f, const struct message *m);

/* A finding was made safe: its packets shall stay, when it is one of those. */
void upkeep_finding(struct keeper *k, const struct finding *f);

/* The query role, who fills the files; NULL: it is gone. */
void upkeep_peer(struct keeper *k, struct feeder *f);

/* Its answer: END. */
void upkeep_filled(struct keeper *k, const struct message *m);
