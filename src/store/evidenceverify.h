// SPDX-License-Identifier: Apache-2.0
/*
 * Does an evidence archive hold what its signer put in? Works anywhere, without a store. The archive is a tar of bytes
 * from outside: only plain files with simple names, no compression, within the limits below; everything else is
 * refused.
 *
 * The format (version 1): manifest.json names every other file with its size and SHA-256, but for signature.ed25519 (64
 * octets, RFC 8032, over manifest.json as it lies there) and signer.pem (the public key). Trust in the key must come
 * from elsewhere: by its fingerprint or as `key`.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define EVIDENCE_FORMAT	   "sakimori-evidence-1"
#define EVIDENCE_MANIFEST  "manifest.json"
#define EVIDENCE_SIGNATURE "signature.ed25519"
#define EVIDENCE_SIGNER	   "signer.pem"
#define EVIDENCE_FILES_MAX 512
#define EVIDENCE_NAME_MAX  96			 /* of a file: a-z 0-9 . - beginning with a letter or digit */
#define EVIDENCE_FILE_MAX  ((uint64_t)32 << 20)	 /* octets of a file */
#define EVIDENCE_TOTAL_MAX ((uint64_t)512 << 20) /* of all */
#define EVIDENCE_SMALL_MAX ((size_t)1 << 20)	 /* of manifest, signature and key */

struct evidence_result {
	bool good;
	char reason[256]; /* why not; names the file; bytes from outside are escaped */
	char key[65];	  /* fingerprint of the key that signed: SHA-256 of the public key (DER), hex; "" not known */
	bool trusted;	  /* the key was the one that was handed in */
	char id[80], kind[16], made[48], program[64]; /* as the manifest says; escaped; only when good */
	unsigned files;
	uint64_t bytes;
};

/* `key`: PEM of the public key or certificate that must have signed; empty: the archive's own. 0 with `out` filled, or
 * -1 when the archive could not be read for want of memory. */
int evidenceverify_fd(int fd, struct bytes key, struct evidence_result *out, struct err *err) NODISCARD;
int evidenceverify_bytes(
	struct bytes archive, struct bytes key, struct evidence_result *out, struct err *err) NODISCARD;
