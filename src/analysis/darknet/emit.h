// SPDX-License-Identifier: Apache-2.0
/* Events to findings: thresholds, shapes, confidence. Private to analysis/darknet. */
#pragma once
#include "analysis/darknet/event.h"

/* Does this target of a probing event count: in dark space always, else when it stayed silent. */
bool emit_silent(const struct darknet *d, const struct event *e, const struct peer *p);

void emit_all(struct darknet *d, void (*emit)(void *arg, const struct finding *), void *arg);
