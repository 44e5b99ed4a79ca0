// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of the store. A backup holds store.db and the flows as they were committed at one moment, taken beside a
 * running writer, and MANIFEST.json with size and SHA-256 of every file, the program's version, the head of the audit
 * chain and whether the keys are inside. A directory, or one file (.tar.zst: POSIX tar under zstd).
 */
#pragma once
#include "store/store.h"

#define BACKUP_MANIFEST "MANIFEST.json"

struct backup_params {
	const char *store,
		*target;     /* the store's directory; what is made: a name ending in .tar.zst, else a directory */
	bool with_keys;	     /* take STORE/keys along */
	const char *program; /* version */
	int64_t now_ns;
	void (*progress)(void *arg, uint64_t done, uint64_t all); /* octets; NULL: none */
	void *arg;
};

struct backup_report {
	uint64_t files, octets;
	bool keys;
	int schema;
};

/*
 * Makes the backup under another name beside `target`, reads it back against its manifest, then gives it its name.
 * -STORE_BAD when `target` is there already. Nothing is left behind by a failure.
 */
int backup_make(const struct backup_params *p, struct backup_report *out, struct err *err) NODISCARD;

/* Reads the backup through against its manifest. -STORE_DAMAGED names the file that is not what it was. */
int backup_verify(const char *path, struct backup_report *out, struct err *err) NODISCARD;

/*
 * Verifies, then writes the files to `dir`, which must be absent or empty (-STORE_BAD), opens the store once and looks
 * at its audit chain. Owned by whoever calls. Nothing is left in `dir` by a failure.
 */
int backup_restore(const char *path, const char *dir, struct backup_report *out, struct err *err) NODISCARD;
