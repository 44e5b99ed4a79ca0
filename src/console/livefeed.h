// SPDX-License-Identifier: Apache-2.0
/* Findings, signals and gaps, as the keeper tells them, as events (live.h). */
#pragma once
#include "console/live.h"
#include "model/addr.h"
#include "model/message.h"

/* The live ranges of all sensors here; the caller's. */
struct livefeed_own {
	struct prefix *v;
	size_t n;
};

/*
 * Takes one message. Returns 0, -1 when it is none of these or badly made. What is about an own address is for who may
 * see subscribers, whatever rule found it. NULL: no ranges are known.
 */
int livefeed_take(struct live *l, const struct livefeed_own *own, const struct message *m) NODISCARD;
