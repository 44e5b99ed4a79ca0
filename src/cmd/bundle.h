// SPDX-License-Identifier: Apache-2.0
/* What a sensor's machine gets to forward: ca.pem, sensor.pem, sensor.key and forward.yaml, in a directory or one tar.
 */
#pragma once
#include "base/cli.h"
#include "store/keys.h"

struct bundle_target {
	const char *path, *sensor, *to; /* `to` HOST:PORT, NULL: an example */
	bool tar;
	int fd; /* the directory or the tar file; set by bundle_open() */
};

/* Makes the directory (0700) or file (0600), which must not be there before: nothing is overwritten. CLI_DONE or a
 * failure that was told on stderr. */
int bundle_open(struct bundle_target *t);

/* Writes the files (0600) and syncs them; takes everything away again when it fails. CLI_DONE or CLI_FAILED. */
int bundle_write(struct bundle_target *t, const struct keys_bundle *b);

/* Takes away what bundle_open() made. */
void bundle_abandon(struct bundle_target *t);
