// SPDX-License-Identifier: Apache-2.0
#include "model/flow.h"

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int flow_cmp(const struct flow *a, const struct flow *b)
{
	int r = order(!addr_is4(&a->src), !addr_is4(&b->src));
	if (r == 0)
		r = addr_cmp(&a->src, &b->src);
	if (r == 0)
		r = order(a->dport, b->dport);
	if (r == 0)
		r = addr_cmp(&a->dst, &b->dst);
	if (r == 0)
		r = order(a->sport, b->sport);
	if (r == 0)
		r = order((uint64_t)a->ip_len << 16 | a->proto << 8 | a->ttl,
			(uint64_t)b->ip_len << 16 | b->proto << 8 | b->ttl);
	return r == 0 ? order(a->tcp_flags, b->tcp_flags) : r;
}
