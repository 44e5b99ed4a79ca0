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

struct hold;
struct store_query;

/* A line in the audit, or a hold with its line, by the daemon that keeps the store. 0 or a negative code of the store.
 */
int client_note(const char *dir, const char *who, const char *what, const char *subject, struct err *err) NODISCARD;
int client_hold(const char *dir, const struct hold *h, const char *what, struct err *err) NODISCARD;

/* A record with its line in the audit. */
int client_record(const char *dir, const struct store_note *note, const struct row_kind *kind, const void *record,
	struct err *err) NODISCARD;

/* store_query() by the daemon, as the user who runs this. -STORE_ABSENT: no daemon there, or it sends this user away.
 */
int client_ask(const char *dir, const char *sql, struct store_query *q, struct err *err) NODISCARD;

/* As store_commit(): returns when the keeper has it on the disk. Numbers are the caller's. */
int client_commit(struct client *c, const struct store_batch *b, struct err *err) NODISCARD;
