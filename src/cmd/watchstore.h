// SPDX-License-Identifier: Apache-2.0
/*
 * The store of a watch: a child process that alone has it open, fed through a pipe. So the process that reads packets
 * has no file, and a slow disk holds up nobody who reads a ring. A commit holds everything since the last one.
 *
 * Sequence numbers are times in milliseconds: behind the end of the last committed minute. A start finds there from
 * when on nothing was kept and writes the gap: `stopped` after a clean end, `killed` otherwise.
 */
#pragma once
#include "store/store.h"

struct watchstore; /* opaque */

/* Opens or makes the store in the child. Returns NULL with the reason. Call it before threads and before privileges are
 * given away. */
struct watchstore *watchstore_open(const char *dir, const char *sensor, struct err *err) NODISCARD;

void watchstore_flow(struct watchstore *w, const struct flow *f);
void watchstore_source(struct watchstore *w, const struct source *s);
void watchstore_signal(struct watchstore *w, const struct signal *s);
void watchstore_gap(struct watchstore *w, int64_t from_ns, int64_t to_ns, const char *reason, uint64_t dropped);

/* `until_ns`: everything before it has been given. Returns 0, -1 when the child is gone. */
int watchstore_commit(struct watchstore *w, int64_t until_ns);

/* Commits the rest with a clean end, waits for the child. Returns 0, or -1 when something could not be kept (told on
 * stderr). */
int watchstore_close(struct watchstore *w, int64_t until_ns);
