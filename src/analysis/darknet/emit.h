// SPDX-License-Identifier: Apache-2.0
/* Events to findings: thresholds, shapes, confidence. Private to analysis/darknet. */
#pragma once
#include "analysis/darknet/fill.h"

/* Does this target of a probing event count: in dark space always, else when it stayed silent. */
bool emit_silent(const struct darknet *d, const struct event *e, const struct peer *p);

/* Does the event make a finding, and of which kind? `kind` is set even when it doesn't, where the type has one. */
bool emit_qualifies(const struct darknet *d, const struct event *e, enum finding_kind *kind);

/* The same for what one own address did. */
bool emit_qualifies_own(const struct darknet *d, uint32_t addr, enum finding_kind *kind, struct fill_own *own);

/* Of one source, event and kind so many lone packets are told one by one. */
#define EMIT_MAX_LONE 4

/* Fills the finding of f->kind. `number`: of the event, lone packet, port hour, or (own) address. */
void emit_fill(struct darknet *d, bool own, uint32_t number, struct finding *f);

/* Orders lone packets by source, event, kind and time: those of a group stand together. */
void emit_sort_lones(struct darknet *d);
bool emit_same_group(const struct lone *a, const struct lone *b);

void emit_all(struct darknet *d, void (*emit)(void *arg, const struct finding *), void *arg);
