// SPDX-License-Identifier: Apache-2.0
/* CSV texts; what was read and written again must read the same. Byte 0: options. */
#include "base/random.h"
#include "codec/csv.h"

#include <stdlib.h>

struct seen {
	FILE *copy; /* NULL: the second time */
	uint64_t hash, rows;
};

static int row(void *arg, const struct csv_row *row, struct err *err)
{
	struct seen *s = arg;
	ENSURE(row->n >= 1 && row->n <= CSV_MAX_FIELDS && row->line >= 1);
	s->rows++;
	for (size_t i = 0; i < row->n; i++) {
		for (const char *c = row->field[i]; *c; c++)
			s->hash = random_mix(s->hash ^ (uint8_t)*c) + 1;
		s->hash = random_mix(s->hash + 0x100);
	}
	s->hash = random_mix(s->hash + 0x200);
	if (s->copy)
		csv_put(s->copy, row->field, row->n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = NULL;
	size_t n = 0;
	struct err err = { "" };
	if (size == 0)
		return 0;
	struct seen first = { .copy = open_memstream(&copy, &n) }, second = { 0 };
	ENSURE(first.copy);
	fputs("\xef\xbb\xbf", first.copy); /* another mark at the front would be text */
	struct csv_options o = { .comments = data[0] & 1, .trim = data[0] & 2, .row = row, .arg = &first };
	int code = csv_parse((struct bytes){ data + 1, size - 1 }, &o, &err);
	ENSURE((code == CSV_OK) == (err.text[0] == 0) && code != CSV_STOPPED);
	fclose(first.copy);
	o.arg = &second;
	/* A row of 65,536 bytes may grow by its quotes, but the limit counts the bytes within. */
	ENSURE(csv_parse((struct bytes){ (const uint8_t *)copy, n }, &o, &err) == CSV_OK);
	ENSURE(first.rows == second.rows && first.hash == second.hash);
	free(copy);
	return 0;
}
