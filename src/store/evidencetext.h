// SPDX-License-Identifier: Apache-2.0
/* What evidence says, for people: English and Japanese. For store/evidence.c. */
#pragma once
#include "store/packetring.h"

struct evidencetext {
	const struct finding *f;
	const char *packets_file; /* NULL: no packets but the samples of the finding */
	struct packetring_found found;
	uint64_t gaps, dropped; /* of the sensor in the time */
	const char *clock;	/* state: synchronised, unsynchronised, unknown, scenario */
	const char *key;	/* fingerprint */
};

/* One finding. Times in UTC and in the zone that is set (base/zone.h). */
void evidencetext_english(FILE *out, const struct evidencetext *t);
void evidencetext_japanese(FILE *out, const struct evidencetext *t);

/* How to verify; once at the end. */
void evidencetext_verify_english(FILE *out, const char *key);
void evidencetext_verify_japanese(FILE *out, const char *key);
