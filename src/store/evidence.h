// SPDX-License-Identifier: Apache-2.0
/*
 * A finding or a case as a signed archive for police, ISP or court: evidenceverify.h has the format. Files:
 *	manifest.json, signature.ed25519, signer.pem
 *	finding.json; of a case case.json and finding-ID.json of each finding
 *	packets.pcap		pinned packets and what the ring still has of them, of a case packets-ID.pcap; absent
 *when there are none gaps.json		gaps of the sensors over the time clock.json		state of the sensors'
 *clocks, as far as the store knows it summary.en.txt, summary.ja.txt Nothing is masked: who may export has to be asked
 *before. The same store, keys, zone and `now_ns` give the same bytes.
 */
#pragma once
#include "store/keys.h"
#include "store/store.h"

enum evidence_error {
	EVIDENCE_ABSENT = 1, /* no finding or case begins with that id */
	EVIDENCE_SEVERAL,    /* several do */
	EVIDENCE_STORE,	     /* the store could not be read */
	EVIDENCE_KEYS,	     /* nothing to sign with */
	EVIDENCE_IO,
	EVIDENCE_LIMIT, /* more than an archive may hold */
};

struct evidence_params {
	struct store *store;
	struct keys *keys;
	const char *dir;     /* of the store: packets lie there */
	const char *id;	     /* of a finding or case, or its beginning (4 characters at least) */
	const char *program; /* "sakimori 0.1.0" */
	int64_t now_ns;
};

struct evidence_made {
	char id[40], key[65];
	bool is_case;
	unsigned findings, without_packets, limited;
	uint64_t packets, bytes;
};

/* Writes the archive to `fd`. 0 or a negative code. */
int evidence_export(const struct evidence_params *p, int fd, struct evidence_made *made, struct err *err) NODISCARD;
