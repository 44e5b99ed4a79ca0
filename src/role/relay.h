// SPDX-License-Identifier: Apache-2.0
/* From the keeper onwards: what is safe goes to analysis, alert and console. Private to the keeper. */
#pragma once
#include "role/feeder.h"

/* A peer is there; when it is one that gets something, it begins. */
void relay_peer(struct keeper *k, struct feeder *f);
void relay_forget(struct keeper *k, struct feeder *f);
void relay_free(struct keeper *k);

/* The analysis wants to know when it has got everything: END behind all that waits for it. */
void relay_end(struct keeper *k);

/* A batch was committed. */
void relay_batch(struct keeper *k, struct feeder *from, const struct store_batch *b);

/* The channel can take more. */
void relay_pump(struct keeper *k, struct feeder *f);
