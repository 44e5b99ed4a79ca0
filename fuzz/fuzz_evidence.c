// SPDX-License-Identifier: Apache-2.0
/* Archives of evidence from outside (evidenceverify.c): whatever the bytes, an answer with a reason. */
#include "base/err.h"
#include "store/evidenceverify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evidence_result r;
	ENSURE(evidenceverify_bytes((struct bytes){ data, size }, (struct bytes){ 0 }, &r, NULL) == 0);
	ENSURE(r.good ? !r.reason[0] && r.key[0] : r.reason[0] != 0);
	ENSURE(r.files <= EVIDENCE_FILES_MAX && r.bytes <= EVIDENCE_TOTAL_MAX + 65536);
	return 0;
}
