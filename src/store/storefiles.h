// SPDX-License-Identifier: Apache-2.0
/* The files of the store beside its database: lock and segments. For use inside store/ alone. */
#pragma once
#include "store/principal.h"
#include "store/sourceblock.h"
#include "store/sql.h"
#include "store/store.h"

struct store {
	enum store_mode mode;
	int version;	 /* of the schema as it lies in the file */
	int found;	 /* as opening found it */
	int lock, flows; /* descriptors: the lock file, the directory of segments; -1: none */
	struct sql sql;
	struct archive_decoder *decoder; /* made when first needed, like */
	struct sourceblock *block;	 /* this */
	struct store_recovery recovery;
	struct principal *who; /* NULL: no principal was set */
	char secret[40];       /* what the names of the principal's inner views begin with */
};

/* Does the principal's set of views have a table of this name? */
bool principal_knows(const char *table);

/* Blocks of a batch that lie next to each other and belong to one hour. */
struct storefiles_run {
	int64_t hour;
	struct bytes blocks;
	uint64_t flows;
	uint64_t before, after; /* committed length, length with this run */
};

struct storefiles_runs {
	struct storefiles_run *v;
	size_t n;
	size_t appended; /* how many of them lie in the files */
};

/* Makes the directory and takes the lock. -STORE_BUSY names the pid of who has it. */
int storefiles_lock(struct store *s, const char *dir, struct err *err) NODISCARD;

int storefiles_open(struct store *s, const char *dir, struct err *err) NODISCARD;

/* Before the database is made: -STORE_DAMAGED when there are segments without one. Recovery would take them for
 * uncommitted. */
int storefiles_check(const char *dir, struct err *err);

/* Cuts every segment to its committed length; files the database doesn't know become empty and go. */
int storefiles_recover(struct store *s, struct err *err) NODISCARD;

/* Checks the blocks' headers against the batch and sorts out where they go. Free `runs` also after a failure. */
int storefiles_split(
	struct store *s, const struct store_batch *b, struct storefiles_runs *runs, struct err *err) NODISCARD;
int storefiles_append(struct store *s, struct storefiles_runs *runs, struct err *err) NODISCARD;
int storefiles_put_lengths(struct store *s, const struct storefiles_runs *runs, struct err *err) NODISCARD;

/* Takes back what was appended. */
void storefiles_cut(struct store *s, const struct storefiles_runs *runs);
void storefiles_free(struct storefiles_runs *runs);
