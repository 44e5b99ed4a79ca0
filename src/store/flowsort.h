// SPDX-License-Identifier: Apache-2.0
/*
 * The order of flows in the archive: that of flow_cmp() (source, destination port, destination, rest of the key), then
 * class and tags. A radix sort: comparing costs several times more on a minute of a busy darknet.
 */
#pragma once
#include "model/flow.h"

/* Like memcmp. Flows that compare equal keep their order. */
int flowsort_cmp(const struct flow *a, const struct flow *b);

/* Are rows[0 .. n - 1] in order already? */
bool flowsort_sorted(const struct flow *flows, const uint32_t *rows, size_t n);

struct flowsort_item {
	uint64_t word;
	uint32_t row;
};

/*
 * Puts the order of `rows` into rows[]: on entry `n` row numbers of `flows`, all IPv4 or all IPv6 (`wide`). `scratch`
 * has room for 2 n items.
 */
void flowsort_rows(const struct flow *flows, uint32_t *rows, size_t n, bool wide, struct flowsort_item *scratch);
