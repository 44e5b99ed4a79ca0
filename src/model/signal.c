// SPDX-License-Identifier: Apache-2.0
#include "model/signal.h"

void signal_json(struct json *j, const char *key, const struct signal *s)
{
	json_object(j, key);
	row_json_fields(j, &signal_kind, s);
	json_array(j, "samples");
	for (uint32_t i = 0; i < s->samples_n && i < FINDING_SAMPLES; i++)
		finding_sample_json(j, &s->samples[i]);
	json_end(j, ']');
	json_end(j, '}');
}
