// SPDX-License-Identifier: Apache-2.0
/* The manifest of a backup: any bytes; what is read is written and read the same. */
#include "store/manifest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest m, back;
	if (manifest_parse((struct bytes){ data, size }, &m, NULL) == 0) {
		for (size_t i = 0; i < m.n; i++)
			ENSURE(manifest_name_ok(m.files[i].name));
		/* Texts of the program go out as they are: they are ours. */
		m.program[0] = m.audit_head[0] = 0;
		size_t n;
		char *text = manifest_write(&m, &n);
		ENSURE(manifest_parse((struct bytes){ (const uint8_t *)text, n }, &back, NULL) == 0);
		ENSURE(back.n == m.n && back.created_ns == m.created_ns && back.schema == m.schema &&
			back.keys == m.keys);
		for (size_t i = 0; i < m.n; i++)
			ENSURE(memcmp(&m.files[i], &back.files[i], sizeof m.files[i]) == 0);
		manifest_free(&back);
		free(text);
	}
	manifest_free(&m);
	return 0;
}
