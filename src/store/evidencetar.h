// SPDX-License-Identifier: Apache-2.0
/* The archive of evidence as bytes: files in memory, hashed and written as a tar that is the same for the same files.
 * For store/evidence.c. */
#pragma once
#include "store/evidenceverify.h"

struct evidencetar_file {
	char name[EVIDENCE_NAME_MAX];
	uint8_t *data; /* heap */
	size_t n;
};

struct evidencetar {
	struct evidencetar_file v[EVIDENCE_FILES_MAX];
	size_t n;
	uint64_t bytes;
};

/* Takes over `data` (heap). False when a limit is reached: `data` is freed. */
bool evidencetar_add(struct evidencetar *t, const char *name, void *data, size_t n);
void evidencetar_free(struct evidencetar *t);

/* By name; after this no more are added but the three that the manifest doesn't hold. */
void evidencetar_sort(struct evidencetar *t);

void evidencetar_sha256(char out[65], const void *data, size_t n);

/* ustar, owner 0, mode 0644, all of one time. 0 or -1. */
int evidencetar_write(struct evidencetar *t, int fd, int64_t mtime_s, struct err *err) NODISCARD;
