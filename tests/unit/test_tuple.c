// SPDX-License-Identifier: Apache-2.0
/* The short way from bytes to tuple, class and packet says what the long way says, on any bytes. */
#include "base/random.h"
#include "sensor/telescope/tuple.h"
#include "wire/udpproto.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#define ROUNDS 400000
#define FRAME  110

static const uint8_t option_sets[][20] = {
	{ 2, 4, 5, 0xb4 },
	{ 2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2 },
	{ 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4 },
	{ 2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 9 },
};
static const uint8_t option_lengths[] = { 4, 12, 20, 20 };
static const uint16_t windows[] = { 65535, 1024, 2048, 14600 }, ports[] = { 53, 123, 161, 1900, 5353, 11211, 19, 443 };

static void tcp(uint8_t *ip, struct random *r)
{
	static const uint8_t flags[] = { 2, 2, 2, 0x12, 0x10, 4, 0x18, 0x29 };
	size_t set = random_below(r, 5), options = set < 4 ? option_lengths[set] : 0;
	store_be16(ip + 2, (uint16_t)(40 + options));
	store_be32(ip + 24, random_below(r, 4) ? (uint32_t)random_u64(r) : load_be32(ip + 16));
	ip[32] = (uint8_t)((5 + options / 4) << 4);
	ip[33] = flags[random_below(r, sizeof flags)];
	store_be16(ip + 34, windows[random_below(r, 4)]);
	if (options)
		memcpy(ip + 40, option_sets[set], options);
	if (random_below(r, 4) == 0)
		store_be16(ip + 4, (uint16_t)(load_be16(ip + 18) ^ load_be16(ip + 22) ^ load_be16(ip + 26)));
}

static void udp(uint8_t *ip, struct random *r)
{
	static const char *const payloads[] = { "\0\0\0\0\0", "M-SEARCH * HTTP/1.1", "\0\0\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", "\x30\x1a\2\1\1\4" };
	const char *payload = payloads[random_below(r, 4)];
	size_t n = random_below(r, 30);
	store_be16(ip + 22, ports[random_below(r, 8)]);
	store_be16(ip + 2, (uint16_t)(28 + n));
	memcpy(ip + 28, payload, n < 6 ? n : 6);
	if (random_below(r, 4) == 0)
		store_be16(ip + 4, (uint16_t)(load_be16(ip + 18) ^ load_be16(ip + 22)));
}

/* A usual frame, now and then with random octets in it, cut anywhere. Returns its length. */
static size_t make(uint8_t frame[FRAME], struct random *r)
{
	static const uint8_t protocols[] = { 6, 6, 6, 17, 1, 47, 58 };
	uint8_t *ip = frame + 14;
	for (size_t i = 0; i < FRAME; i++)
		frame[i] = (uint8_t)random_u64(r);
	store_be16(frame + 12, ETHER_IPV4);
	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)(28 + random_below(r, 40)));
	store_be16(ip + 4, random_below(r, 4) ? (uint16_t)random_u64(r) : 54321);
	store_be16(ip + 6, random_below(r, 2) ? 0x4000 : 0);
	ip[9] = protocols[random_below(r, sizeof protocols)];
	if (ip[9] == PROTO_TCP)
		tcp(ip, r);
	else if (ip[9] == PROTO_UDP)
		udp(ip, r);
	else if (random_below(r, 2))
		ip[20] = (uint8_t)random_below(r, 16);
	for (uint64_t i = random_below(r, 3) ? 0 : random_below(r, 4); i; i--)
		frame[12 + random_below(r, 40)] = (uint8_t)random_u64(r);
	return random_below(r, 3) ? FRAME - random_below(r, 40) : random_below(r, FRAME);
}

static void same_packet(const struct packet *a, const struct packet *b)
{
	assert_true(a->layer == b->layer && a->cls == b->cls && a->proto == b->proto && a->ttl == b->ttl);
	assert_true(a->tcp_flags == b->tcp_flags && a->tcp_words == b->tcp_words && a->dont_fragment == b->dont_fragment);
	assert_true(a->sport == b->sport && a->dport == b->dport && a->ip_len == b->ip_len && a->ip_id == b->ip_id);
	assert_true(a->window == b->window && a->seq == b->seq && a->src4 == b->src4 && a->dst4 == b->dst4);
	assert_true(a->options.n == b->options.n && a->payload.n == b->payload.n);
	assert_true(a->options.n == 0 || a->options.p == b->options.p);
	assert_true(a->payload.n == 0 || a->payload.p == b->payload.p);
}

static void same_tuple(const struct tuple *a, const struct tuple *b)
{
	unsigned cls = a->tags >> TUPLE_CLASS_SHIFT;
	assert_true(a->word[0] == b->word[0] && a->word[1] == b->word[1]);
	assert_int_equal(a->tags, b->tags);
	assert_true(a->flags == b->flags && a->addrs == b->addrs && a->offset_ns == b->offset_ns);
	if (cls <= CLASS_TCP_OTHER)
		assert_true(a->constants_low == b->constants_low && a->constants_high == b->constants_high);
}

static void short_way_is_long_way(void **state)
{
	struct random r;
	uint64_t seen_tags[16] = { 0 }, usual = 0, unusual = 0;
	random_init(&r, 11);
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t whole[FRAME];
		size_t n = make(whole, &r);
		uint8_t *copy = malloc(n ? n : 1);
		memcpy(copy, whole, n);
		struct bytes frame = { copy, n };
		struct packet p, q;
		struct tuple a = { .offset_ns = 5 }, b;
		struct usual u;
		packet_decode(LINK_ETHERNET, frame, &p);
		if (n >= 14 && load_be16(copy + 12) == ETHER_IPV4) {
			packet_decode_ip(ETHER_IPV4, bytes_from(frame, 14), &q);
			same_packet(&p, &q);
		}
		int cls = usual_network(frame, &u) ? usual_class(&u) : -1;
		assert_true(tuple_usual(frame, &a) == (cls >= 0));
		usual += cls >= 0;
		unusual += cls < 0;
		if (cls >= 0) {
			assert_true(p.layer == LAYER_IP4 && p.cls == cls && p.vlans == 0 && u.addrs >> 32 == p.src4);
			tuple_of(&p, 5, &b);
			same_tuple(&a, &b);
			for (int bit = 0; bit < 7; bit++)
				seen_tags[bit] += a.tags >> bit & 1;
		}
		free(copy);
	}
	assert_true(usual > ROUNDS / 3 && unusual > ROUNDS / 10);
	for (int bit = 0; bit < 7; bit++)
		assert_true(seen_tags[bit] > 100);
}

/* Constants fold like the fields they stand for. */
static void constants(void **state)
{
	struct random r;
	random_init(&r, 3);
	for (int i = 0; i < 1000; i++) {
		uint32_t seq = (uint32_t)random_u64(&r), dst = (uint32_t)random_u64(&r), both = (uint32_t)random_u64(&r);
		struct tuple t = { .word = { dst } };
		tuple_constants(&t, seq, both, 0x1234, 0x5678);
		uint32_t keyed = seq ^ dst, ported = keyed ^ both;
		assert_int_equal(t.constants_low & 0xffff, (seq ^ seq >> 16) & 0xffff);
		assert_int_equal(t.constants_low >> 16 & 0xffff, (keyed ^ keyed >> 16) & 0xffff);
		assert_int_equal(t.constants_low >> 32 & 0xffff, (ported ^ ported >> 16) & 0xffff);
		assert_int_equal(t.constants_low >> 48, 0x1234);
		assert_int_equal(t.constants_high, 0x56780000u | both >> 16);
	}
}

static void tags_pack(void **state)
{
	for (unsigned cls = 0; cls < CLASS_N; cls++)
		for (unsigned proto = 0; proto < UDP_PROTO_N; proto++)
			for (unsigned low = 0; low < 64; low++) {
				unsigned tags = low | (low & 1 ? FLOW_QUOTE : 0) | proto << FLOW_PROTO_SHIFT |
						(cls == CLASS_FRAG ? FLOW_FRAGMENT : 0);
				uint16_t packed = tuple_pack((uint16_t)tags, (uint8_t)cls);
				assert_int_equal(packed >> TUPLE_CLASS_SHIFT, cls);
				assert_int_equal(tuple_unpack(packed), tags);
			}
}

static void udp_index(void **state)
{
	assert_true(udp_protocol_index_ok());
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(short_way_is_long_way), cmocka_unit_test(constants),
		cmocka_unit_test(tags_pack), cmocka_unit_test(udp_index) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
