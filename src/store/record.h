// SPDX-License-Identifier: Apache-2.0
/* Records to rows of SQLite and back. For use inside store/ alone. */
#pragma once
#include "store/sourceblock.h"
#include "store/sql.h"

/* The number of a name (of a sensor), made when new. Negative: a code of the store. */
int64_t record_name(struct sql *s, const char *text, struct err *err) NODISCARD;

/* Sources of any minutes in any order. `block` is a coder to work with. */
int record_put_sources(struct sql *s, struct sourceblock *block, int64_t sensor, const struct source *v, size_t n,
	struct err *err) NODISCARD;
int record_put_finding(struct sql *s, const struct finding *f, struct err *err) NODISCARD;
int record_put_signal(struct sql *s, const struct signal *sig, struct err *err) NODISCARD;
int record_put(struct sql *s, const struct row_kind *kind, const void *record, struct err *err) NODISCARD;

/* Records from the current row of the query of the same name. */
extern const char record_finding_sql[]; /* ?1 from, ?2 to */
extern const char record_signal_sql[];	/* ?1 from, ?2 to */
void record_get_finding(sqlite3_stmt *stmt, struct finding *out);
void record_get_signal(sqlite3_stmt *stmt, struct signal *out);
void record_get(sqlite3_stmt *stmt, const struct row_kind *kind, void *record);
