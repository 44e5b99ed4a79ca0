// SPDX-License-Identifier: Apache-2.0
/* The files of STORE/keys: read with care, written whole or not at all. For use by store/keys.c and the console's
 * certificate. */
#pragma once
#include "store/keys.h"

#include <stdbool.h>

#define KEYFILE_NAME_MAX 192

/*
 * Opens `name` below `at` as a directory that is the caller's own (or root's) and closed to others; makes it when
 * `make`. Returns the descriptor or a negative keys_error.
 */
int keyfile_dir(int at, const char *name, bool make, struct err *err) NODISCARD;

/* An exclusive lock on `lock` in the directory, waited for 5 s. Returns the descriptor that holds it. */
int keyfile_lock(int dir, struct err *err) NODISCARD;

/* The whole file; -KEYS_ABSENT (without a text when err is NULL), -KEYS_OPEN when others could read it. */
int keyfile_read(int dir, const char *name, struct keys_pem *out, struct err *err) NODISCARD;

/* A temporary file 0600, synced, renamed to `name`, the directory synced. */
int keyfile_write(int dir, const char *name, struct bytes text, struct err *err) NODISCARD;

/* Names that end in ".pem", sorted; free with keyfile_names_free(). Temporary files that a killed process left are
 * taken away when `tidy`. */
struct keyfile_names {
	char (*v)[KEYFILE_NAME_MAX];
	size_t n;
};
int keyfile_list(int dir, bool tidy, struct keyfile_names *out, struct err *err) NODISCARD;
void keyfile_names_free(struct keyfile_names *names);

/* Adds text; the room lies outside core dumps, and what grew out of it is wiped. */
void keyfile_add(struct keys_pem *p, const char *text, size_t n);
