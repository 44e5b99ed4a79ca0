// SPDX-License-Identifier: Apache-2.0
#include "model/call.h"

#include <string.h>

static void put_long(struct message_buf *b, struct bytes v)
{
	message_u32(b, (uint32_t)v.n);
	message_octets(b, v.p, v.n);
}

void call_build(struct message_buf *b, const struct call *c)
{
	message_text(b, c->method);
	message_text(b, c->path);
	put_long(b, c->query);
	put_long(b, c->body);
	message_u8(b, (uint8_t)c->proof);
	message_text(b, c->token);
	message_text(b, c->csrf);
	message_text(b, c->peer);
	message_text(b, c->language);
	message_u8(b, c->same_site);
}

static struct bytes get_long(struct message_reader *r, uint32_t most)
{
	uint32_t n = message_get_u32(r);
	if (n > most)
		r->bad = true;
	return message_get_octets(r, r->bad ? 0 : n);
}

int call_parse(struct bytes in, struct call *out)
{
	struct message_reader r = { .in = in };
	*out = (struct call){ 0 };
	message_get_text(&r, out->method, sizeof out->method);
	message_get_text(&r, out->path, sizeof out->path);
	out->query = get_long(&r, CALL_QUERY_MAX);
	out->body = get_long(&r, CALL_BODY_MAX);
	uint8_t proof = message_get_u8(&r);
	message_get_text(&r, out->token, sizeof out->token);
	message_get_text(&r, out->csrf, sizeof out->csrf);
	message_get_text(&r, out->peer, sizeof out->peer);
	message_get_text(&r, out->language, sizeof out->language);
	uint8_t same = message_get_u8(&r);
	out->proof = (enum call_proof)proof;
	out->same_site = same == 1;
	return message_whole(&r) && proof <= CALL_BEARER && same <= 1 ? 0 : -1;
}

void reply_build(struct message_buf *b, const struct reply *r)
{
	message_u16(b, r->status);
	message_u8(b, r->last);
	message_text(b, r->type);
	message_text(b, r->session);
	message_text(b, r->name);
	put_long(b, r->octets);
}

int reply_parse(struct bytes in, struct reply *out)
{
	struct message_reader r = { .in = in };
	*out = (struct reply){ .status = message_get_u16(&r) };
	uint8_t last = message_get_u8(&r);
	out->last = last == 1;
	message_get_text(&r, out->type, sizeof out->type);
	message_get_text(&r, out->session, sizeof out->session);
	message_get_text(&r, out->name, sizeof out->name);
	out->octets = get_long(&r, REPLY_OCTETS);
	bool status = out->status == 0 || (out->status >= 200 && out->status <= 599);
	return message_whole(&r) && last <= 1 && status ? 0 : -1;
}
