// SPDX-License-Identifier: Apache-2.0
/* Findings, signals and gaps, as the keeper tells them, as events (live.h). */
#pragma once
#include "console/live.h"
#include "model/message.h"

/* Takes one message. Returns 0, -1 when it is none of these or badly made. */
int livefeed_take(struct live *l, const struct message *m) NODISCARD;
