// SPDX-License-Identifier: Apache-2.0
/* Frames of any bytes: first octet the link type, then {length, octets}. What is told has a source and at least one
 * sample. */
#include "sensor/telescope/signals.h"

#include "base/err.h"

static const int types[] = { LINK_ETHERNET, LINK_RAW, LINK_NULL, LINK_SLL, LINK_SLL2, 147 };

static void check(void *arg, const struct signal *s)
{
	ENSURE(s->samples_n >= 1 && s->samples_n <= FINDING_SAMPLES && s->source[0] && s->value == s->threshold);
	ENSURE(s->samples[s->samples_n - 1].ns == s->at_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct signals_params params = {
		.min_destinations = 2, .min_ports = 2, .max_sources = 16, .idle_ns = 1000
	};
	struct capfile_record recs[80];
	size_t k = 0, at = 1;
	if (n == 0)
		return 0;
	struct signals *s = signals_new(&params);
	while (at < n && k < 80) {
		size_t len = data[at++] % 128;
		len = len > n - at ? n - at : len;
		recs[k] = (struct capfile_record){ { data + at, len }, (uint32_t)len, types[data[0] % 6],
			(int64_t)k * 100, true };
		k++;
		at += len;
	}
	signals_add(s, recs, k, check, NULL);
	ENSURE(signals_counts(s).told <= k);
	signals_free(s);
	return 0;
}
