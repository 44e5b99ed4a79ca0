// SPDX-License-Identifier: Apache-2.0
/* Private to analysis/darknet. */
#pragma once
#include "analysis/darknet/event.h"

/* Digest of what a conclusion about the event is drawn from: while it stays the same there is nothing to tell. */
uint64_t poll_look(const struct darknet *d, const struct event *e);
uint64_t poll_look_own(const struct darknet *d, uint32_t addr);
