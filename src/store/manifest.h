// SPDX-License-Identifier: Apache-2.0
/* What a backup says about itself: MANIFEST.json. For use inside store/ alone. */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#define MANIFEST_HASH	   32
#define MANIFEST_FILES_MAX 262144u
#define MANIFEST_SIZE_MAX  (64u << 20)

struct manifest_file {
	char name[96];
	uint64_t size;
	uint8_t sha256[MANIFEST_HASH];
	bool seen; /* for whoever compares */
};

struct manifest {
	char program[64];
	int64_t created_ns;
	int schema;
	bool keys;
	int64_t audit_seq;
	char audit_head[65]; /* hex */
	struct manifest_file *files;
	size_t n;
};

void manifest_free(struct manifest *m);

/* A new file at the end. NULL when the name is none that a backup may hold, or there are too many. */
struct manifest_file *manifest_add(struct manifest *m, const char *name);
struct manifest_file *manifest_find(const struct manifest *m, const char *name);

/* Is this the name of a file of a backup: store.db, flows/YYYYMMDDHH.seg, keys/NAME? Nothing else is ever written. */
bool manifest_name_ok(const char *name);

/* The text; free(3) it. */
char *manifest_write(const struct manifest *m, size_t *n);

/* Any bytes are safe. 0, or -1 with the reason; manifest_free() in any case. */
int manifest_parse(struct bytes in, struct manifest *out, struct err *err) NODISCARD;
