// SPDX-License-Identifier: Apache-2.0
#include "model/glimpse.h"

#include <string.h>

void glimpse_build(struct message_buf *b, const struct glimpse *g)
{
	message_text(b, g->sensor);
	message_u64(b, (uint64_t)g->from_ns);
	message_u64(b, (uint64_t)g->to_ns);
	message_u64(b, g->packets);
	for (int k = 0; k < CLASS_N; k++)
		message_u64(b, g->by_class[k]);
	message_u16(b, (uint16_t)g->n);
	for (uint32_t i = 0; i < g->n; i++) {
		const struct glimpse_point *p = &g->points[i];
		message_u64(b, (uint64_t)p->ns);
		message_octets(b, p->src.b, sizeof p->src.b);
		message_octets(b, p->dst.b, sizeof p->dst.b);
		message_u16(b, p->sport);
		message_u16(b, p->dport);
		message_u8(b, p->proto);
		message_u8(b, p->cls);
	}
}

static void get_addr(struct message_reader *r, struct addr *a)
{
	struct bytes v = message_get_octets(r, 16);
	*a = (struct addr){ 0 };
	if (v.n == sizeof a->b)
		memcpy(a->b, v.p, v.n);
}

int glimpse_parse(struct bytes in, struct glimpse *out)
{
	struct message_reader r = { .in = in };
	*out = (struct glimpse){ 0 };
	message_get_text(&r, out->sensor, sizeof out->sensor);
	out->from_ns = (int64_t)message_get_u64(&r);
	out->to_ns = (int64_t)message_get_u64(&r);
	out->packets = message_get_u64(&r);
	for (int k = 0; k < CLASS_N; k++)
		out->by_class[k] = message_get_u64(&r);
	out->n = message_get_u16(&r);
	if (out->n > GLIMPSE_POINTS)
		return -1;
	for (uint32_t i = 0; i < out->n; i++) {
		struct glimpse_point *p = &out->points[i];
		p->ns = (int64_t)message_get_u64(&r);
		get_addr(&r, &p->src);
		get_addr(&r, &p->dst);
		p->sport = message_get_u16(&r);
		p->dport = message_get_u16(&r);
		p->proto = message_get_u8(&r);
		p->cls = message_get_u8(&r);
		r.bad |= p->cls >= CLASS_N;
	}
	return message_whole(&r) && out->from_ns <= out->to_ns ? 0 : -1;
}
