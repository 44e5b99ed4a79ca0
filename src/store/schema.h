// SPDX-License-Identifier: Apache-2.0
/* The numbered forward migrations of store.db. `pragma user_version` says how many have been applied. */
#pragma once
#include "store/sql.h"

struct schema_step {
	const char *sql;
	int (*more)(struct sql *s, struct err *err); /* what SQL alone can't do; NULL: nothing */
};

extern const struct schema_step schema_steps[];
extern const int schema_steps_n;

int schema_version(struct sql *s);

/*
 * Brings the database to version `n`, a transaction a step; a database that holds something is copied to
 * `path`.before-vN first. Does nothing when it is there already; -STORE_NEWER when it is beyond.
 */
int schema_migrate(struct sql *s, const char *path, const struct schema_step *steps, int n, struct err *err) NODISCARD;

/*
 * For a reader of the version before this program's: what that version lacks is put beside it in the connection's own
 * temporary schema, empty, so that every statement of this program finds its tables. The store is not changed.
 */
int schema_imitate(struct sql *s, int version, struct err *err) NODISCARD;
