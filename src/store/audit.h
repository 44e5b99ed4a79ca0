// SPDX-License-Identifier: Apache-2.0
/*
 * The chain of the audit table: each row holds the hash of the one before it and its own, SHA-256 (FIPS 180-4) over
 * previous hash (32), sequence number (8, little-endian), time (8), then who, what and subject, each behind its length
 * (4). `meta` holds number and hash of the last row apart, so that rows cut from the end are missed. docs/store.md says
 * what this proves. For use inside store/ alone; the public calls are in store.h.
 */
#pragma once
#include "store/sql.h"

#define AUDIT_HASH 32

/* Chains rows that were written without hashes; for the migration. */
int audit_chain_all(struct sql *s, struct err *err) NODISCARD;

/* Adds a row, in the transaction that is open or in one of its own. */
int audit_add(struct sql *s, int64_t at_ns, const char *who, const char *what, const char *subject,
	struct err *err) NODISCARD;
