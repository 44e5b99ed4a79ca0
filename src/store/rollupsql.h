// SPDX-License-Identifier: Apache-2.0
/* Roll-ups in SQLite: adding a batch, closing finished hours and days, reading. For use inside store/ alone. */
#pragma once
#include "store/sql.h"

/*
 * Adds the rows to their hours and days, inside a transaction. Then every hour and day that lies more than one before
 * the batch's newest is closed: the ROLLUP_TOP keys with most packets stay, what is left is summed under ROLLUP_REST,
 * the sketches go. (Not before the store's newest: an old capture that is read today must find its hours open.)
 */
int rollupsql_add(struct sql *s, int64_t sensor, struct rollup *r, struct err *err) NODISCARD;

int rollupsql_each(struct sql *s, const struct store_rollup *q) NODISCARD;
