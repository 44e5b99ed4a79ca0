// SPDX-License-Identifier: Apache-2.0
/* What the desk, or a local command, wants kept: one record of a few kinds with its line in the audit. By the keeper.
 */
#pragma once
#include "role/feeder.h"

/*
 * `commander`: by which way it came, for the audit; NULL: the desk, which knows its users. 0: it is on the disk,
 * KEEPRECORD_UNREADABLE, or a negative code of the store.
 */
#define KEEPRECORD_UNREADABLE (-100)
int keeprecord_take(struct keeper *k, const char *commander, const struct message *m, struct err *err) NODISCARD;
