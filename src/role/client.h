// SPDX-License-Identifier: Apache-2.0
/* A command that writes into a store that a daemon keeps: its batches go through STORE/control.sock. Blocks. */
#pragma once
#include "base/err.h"
#include "store/store.h"

struct client; /* opaque */

/* Returns NULL with the reason: no daemon there, or it won't have us. `last`: the last number that is committed of this
 * sender. */
struct client *client_open(const char *dir, uint64_t sender, const char *sensor, uint64_t *last, struct err *err);
void client_close(struct client *c);

/* As store_commit(): returns when the keeper has it on the disk. Numbers are the caller's. */
int client_commit(struct client *c, const struct store_batch *b, struct err *err) NODISCARD;
