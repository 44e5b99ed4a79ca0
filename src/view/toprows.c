// SPDX-License-Identifier: Apache-2.0
#include "view/toprows.h"

#include <string.h>

const char *toprows_others(enum tally_by by)
{
	return by == TALLY_SOURCE ? "targets" : "sources";
}

bool toprows_by(const char *word, enum tally_by *out)
{
	for (int by = 0; by < TALLY_N; by++)
		if (strcmp(word, tally_by_name((enum tally_by)by)) == 0) {
			*out = (enum tally_by)by;
			return true;
		}
	return false;
}

static void day(struct json *j, const char *key, enum tally_by by, uint64_t packets, uint64_t others)
{
	json_object(j, key);
	json_u64(j, "packets", packets);
	json_u64(j, toprows_others(by), others);
	json_end(j, '}');
}

void toprows_json(struct json *j, enum tally_by by, const struct tally_row *row)
{
	json_object(j, NULL);
	json_str(j, "by", tally_by_name(by));
	json_str(j, "key", row->key);
	json_u64(j, "packets", row->packets);
	json_u64(j, toprows_others(by), row->sources);
	day(j, "last_day", by, row->day_packets, row->day_sources);
	if (row->has_before)
		day(j, "day_before", by, row->before_packets, row->before_sources);
	else
		json_null(j, "day_before");
	if (row->has_week)
		day(j, "week_before", by, row->week_packets, row->week_sources);
	else
		json_null(j, "week_before");
	json_end(j, '}');
}
