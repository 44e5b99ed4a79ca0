// SPDX-License-Identifier: Apache-2.0
/* The configuration file; what is printed of one that was read must read the same, and differ in nothing. */
#include "role/config.h"

#include <stdlib.h>
#include <string.h>

static char *printed(const struct config *c, size_t *n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, n);
	ENSURE(out);
	config_print(out, c);
	ENSURE(fclose(out) == 0);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_faults faults = { 0 };
	struct config *a, *b;
	size_t n, m;
	if (config_parse(&a, (struct bytes){ data, size }, &faults) < 0) {
		ENSURE(!a && faults.n > 0 && faults.n <= YAML_FAULTS_MAX);
		return 0;
	}
	char *once = printed(a, &n);
	ENSURE(config_parse(&b, (struct bytes){ (const uint8_t *)once, n }, &faults) == 0);
	char *twice = printed(b, &m);
	ENSURE(n == m && memcmp(once, twice, n) == 0);
	ENSURE(config_diff(a, b, NULL, NULL) == 0);
	free(once);
	free(twice);
	config_free(a);
	config_free(b);
	return 0;
}
