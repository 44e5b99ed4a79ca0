// SPDX-License-Identifier: Apache-2.0
/* The signal noun: a source crossed a threshold, told at once, with up to three packets as evidence. */
#pragma once
#include "model/finding.h"
#include "model/row.h"

struct signal {
	int64_t at_ns; /* of the packet that crossed it */
	char sensor[64];
	char source[64]; /* address */
	char kind[32];	 /* the finding kind it announces: scan, backscatter, own-watch, ... */
	uint64_t value, threshold;
	struct finding_sample samples[FINDING_SAMPLES];
	uint32_t samples_n;
};

/* All fields but the samples. */
extern const struct row_kind signal_kind;

/* One object, samples included. */
void signal_json(struct json *j, const char *key, const struct signal *s);
