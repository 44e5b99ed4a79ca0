// SPDX-License-Identifier: Apache-2.0
/* The files of a backup, one after the other, into a directory or a .tar.zst and out of it. For use inside store/. */
#pragma once
#include "store/manifest.h"

struct copy_out; /* opaque */

/* Makes `path`: a tar under zstd, or a directory. NULL with the reason. */
struct copy_out *copy_out_new(const char *path, bool tar, struct err *err);

/* The first `size` octets of `fd` as a file of that name; their hash into `sha256`. 0, -1, 1: `fd` has fewer. */
int copy_out_file(struct copy_out *o, const char *name, int fd, uint64_t size, uint8_t sha256[MANIFEST_HASH],
	struct err *err) NODISCARD;
int copy_out_bytes(struct copy_out *o, const char *name, struct bytes data, struct err *err) NODISCARD;

/* Ends and syncs what was written. Frees `o` also when it fails. */
int copy_out_close(struct copy_out *o, struct err *err) NODISCARD;

/*
 * Every file of a backup to `fn`, in pieces: name, data, and `last` with the last piece (maybe empty). A name that no
 * backup may hold is an error. Other than 0 from `fn` ends the walk. 0 or -1.
 */
int copy_walk(const char *path, int (*fn)(void *arg, const char *name, struct bytes data, bool last), void *arg,
	struct err *err) NODISCARD;
