// SPDX-License-Identifier: Apache-2.0
/* Packets of dark space with a stand-in for their destination: two packets that differ by it alone come out alike. */
#include "view/dark.h"
#include "wire/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 128

enum shape { PLAIN, MIRAI, MASSCAN, UDP, ODD, ERROR, FRAGMENT, OPTIONS, SIX, SIX_ERROR, SHAPES };
static const char *const names[SHAPES] = { "plain", "mirai", "masscan", "udp", "address at an odd place", "icmp error",
	"later fragment", "ip options", "ipv6", "icmpv6 error" };

static uint32_t sum_words(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put_sum(uint8_t *at, uint32_t sum)
{
	store_be16(at, (uint16_t)~sum);
}

/* Header of 20 octets and what is behind it, with sums. Returns the length. */
static size_t build4(uint8_t *p, uint32_t src, uint32_t dst, uint8_t proto, size_t body)
{
	size_t at = (size_t)(p[0] ? p[0] & 15 : 5) * 4, offset = proto == 6 ? 16 : proto == 17 ? 6 : 2;
	p[0] = (uint8_t)(0x40 | at / 4);
	store_be16(p + 2, (uint16_t)(at + body));
	p[8] = 60;
	p[9] = proto;
	store_be32(p + 12, src);
	store_be32(p + 16, dst);
	uint32_t pseudo = proto == 1 ? 0 : sum_words(p + 12, 8, proto + (uint32_t)body);
	if ((load_be16(p + 6) & 0x1fff) == 0)
		put_sum(p + at + offset, sum_words(p + at, body, pseudo));
	put_sum(p + 10, sum_words(p, at, 0));
	return at + body;
}

static size_t build6(uint8_t *p, const uint8_t src[16], const uint8_t dst[16], uint8_t proto, size_t body)
{
	size_t offset = proto == 6 ? 16 : proto == 17 ? 6 : 2;
	p[0] = 0x60;
	store_be16(p + 4, (uint16_t)body);
	p[6] = proto;
	memcpy(p + 8, src, 16);
	memcpy(p + 24, dst, 16);
	put_sum(p + 40 + offset, sum_words(p + 40, body, sum_words(p + 8, 32, proto + (uint32_t)body)));
	return 40 + body;
}

static const uint8_t far6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };

static void dark6(uint8_t out[16], uint32_t dst)
{
	memcpy(out, far6, 12);
	store_be32(out + 12, dst);
}

static size_t build(enum shape shape, uint32_t dst, uint8_t p[SIZE])
{
	uint32_t src = 0xcb007107;
	uint8_t dst6[16];
	dark6(dst6, dst);
	memset(p, 0, SIZE);
	switch (shape) {
	case PLAIN:
	case MIRAI:
	case MASSCAN:
		store_be16(p + 22, 2323);
		store_be32(p + 24, shape == MIRAI ? dst : 0x11223344);
		store_be16(p + 4, (uint16_t)(shape == MASSCAN ? dst ^ 2323 ^ 0x11223344 : 54321));
		p[32] = 0x50;
		p[33] = 2;
		return build4(p, src, dst, 6, 20);
	case UDP:
	case ODD:
		store_be32(p + 32 + (shape == ODD), dst);
		return build4(p, src, dst, 17, 20);
	case ERROR:
		store_be16(p + 48 + 2, 23);
		build4(p + 28, dst, src, 6, 20);
		p[20] = 3;
		return build4(p, 0xc0000201, dst, 1, 48);
	case FRAGMENT:
		store_be16(p + 6, 100);
		return build4(p, src, dst, 17, 24);
	case OPTIONS:
		p[0] = 0x46;
		return build4(p, src, dst, 6, 20);
	case SIX:
		return build6(p, far6, dst6, 6, 20);
	case SIX_ERROR:
		build6(p + 48, dst6, far6, 17, 16);
		p[40] = 1;
		return build6(p, far6, dst6, 58, 64);
	default:
		return 0;
	}
}

static struct addr stand_in(void *arg, const struct addr *a)
{
	uint8_t b[16] = { 1, [8] = 0xab, [15] = 0xcd };
	return addr_is4(a) ? addr_from4(0xf0123456) : addr_from6(b);
}

static void no_trace_of_the_destination(void **state)
{
	for (int s = 0; s < SHAPES; s++) {
		uint8_t a[SIZE], b[SIZE];
		size_t n = build((enum shape)s, 0xc6120a0b, a);
		build((enum shape)s, 0xc612fe37, b);
		if (memcmp(a, b, n) == 0)
			fail_msg("%s: the packets don't differ", names[s]);
		dark_rewrite(a, n, stand_in, NULL);
		dark_rewrite(b, n, stand_in, NULL);
		for (size_t i = 0; i < n; i++)
			if (a[i] != b[i])
				fail_msg("%s: octet %zu tells them apart: %02x, %02x", names[s], i, a[i], b[i]);
	}
}

/* As if the packet had been made for the stand-in: checksums and marks hold. */
static void is_a_packet_to_the_stand_in(void **state)
{
	for (int s = 0; s < SHAPES; s++) {
		uint8_t a[SIZE], want[SIZE];
		size_t n = build((enum shape)s, 0xc6120a0b, a);
		if (s >= SIX)
			continue;
		build((enum shape)s, 0xf0123456, want);
		dark_rewrite(a, n, stand_in, NULL);
		for (size_t i = 0; i < n; i++)
			if (a[i] != want[i])
				fail_msg("%s: octet %zu is %02x, not %02x", names[s], i, a[i], want[i]);
	}
}

static void sums_of_ipv6_hold(void **state)
{
	uint8_t a[SIZE];
	size_t n = build(SIX, 0xc6120a0b, a);
	dark_rewrite(a, n, stand_in, NULL);
	assert_int_equal(sum_words(a + 40, n - 40, sum_words(a + 8, 32, 6 + (uint32_t)(n - 40))), 0xffff);
	n = build(SIX_ERROR, 0xc6120a0b, a);
	dark_rewrite(a, n, stand_in, NULL);
	assert_int_equal(sum_words(a + 40, n - 40, sum_words(a + 8, 32, 58 + (uint32_t)(n - 40))), 0xffff);
	assert_int_equal(sum_words(a + 88, 16, sum_words(a + 56, 32, 17 + 16)), 0xffff);
}

/* One octet of a copy is no address; masscan's mark is none without the sequence number. */
static bool all_hidden(int shape, size_t cut)
{
	bool copies = shape == ERROR || shape == MIRAI || shape == UDP || shape == ODD || shape >= SIX;
	return !copies && (shape != MASSCAN || cut >= 28);
}

static void cut_at(int shape, size_t cut)
{
	uint8_t a[SIZE], b[SIZE];
	build((enum shape)shape, 0xc6120a0b, a);
	build((enum shape)shape, 0xc612fe37, b);
	uint8_t *p = malloc(cut + 1), *q = malloc(cut + 1);
	memcpy(p + 1, a, cut);
	memcpy(q + 1, b, cut);
	dark_rewrite(p + 1, cut, stand_in, NULL);
	dark_rewrite(q + 1, cut, stand_in, NULL);
	if (all_hidden(shape, cut) && memcmp(p + 1, q + 1, cut) != 0)
		fail_msg("%s cut at %zu tells the destination", names[shape], cut);
	if (shape < SIX && shape != MASSCAN && cut >= 20 && memcmp(p + 1, q + 1, 20) != 0)
		fail_msg("%s cut at %zu: the header tells the destination", names[shape], cut);
	free(p);
	free(q);
}

/* A head that was cut anywhere: nothing is read or written behind it, and what is left tells nothing. */
static void any_cut(void **state)
{
	uint8_t a[SIZE];
	for (int s = 0; s < SHAPES; s++)
		for (size_t n = build((enum shape)s, 1, a), cut = 0; cut <= n; cut++)
			cut_at(s, cut);
}

static void what_is_no_packet_goes(void **state)
{
	uint8_t a[] = { 0x15, 198, 18, 1, 2 };
	dark_rewrite(a, sizeof a, stand_in, NULL);
	for (size_t i = 0; i < sizeof a; i++)
		assert_int_equal(a[i], 0);
	dark_rewrite(a, 0, stand_in, NULL);
}

/* ---- in letters ---- */

static size_t spell(uint8_t *p, uint32_t dst, const char *text)
{
	memset(p, 0, SIZE);
	memcpy(p + 28, text, strlen(text));
	return build4(p, 0xcb007107, dst, 17, 8 + strlen(text));
}

static void no_text_of_the_destination(void **state)
{
	static const struct {
		const char *said, *left;
	} cases[] = {
		{ "OPTIONS sip:100@198.18.10.11 SIP/2.0", "OPTIONS sip:100@************ SIP/2.0" },
		{ "Host: 198.18.10.11", "Host: ************" },
		{ "x198.18.10.11,198.18.10.11", "x************,************" },
		{ "cut: 198.18.1", "cut: ********" },
		{ "198.18.10.12 198.18.1.11 203.0.113.7", "198.18.10.12 198.18.1.11 203.0.113.7" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t a[SIZE], want[SIZE];
		size_t n = spell(a, 0xc6120a0b, cases[i].said);
		spell(want, 0xf0123456, cases[i].left);
		dark_rewrite(a, n, stand_in, NULL);
		for (size_t k = 0; k < n; k++)
			if (a[k] != want[k])
				fail_msg("%s: octet %zu is %02x, not %02x", cases[i].said, k, a[k], want[k]);
	}
}

static void no_text_of_ipv6(void **state)
{
	uint8_t a[SIZE] = { 0 }, dst6[16];
	static const char text[] = "[2001:DB8::c612:a0b]:5060";
	dark6(dst6, 0xc6120a0b);
	memcpy(a + 48, text, sizeof text - 1);
	size_t n = build6(a, far6, dst6, 17, 8 + sizeof text - 1);
	dark_rewrite(a, n, stand_in, NULL);
	assert_memory_equal(a + 48, "[******************]:5060", 25);
	assert_int_equal(sum_words(a + 40, n - 40, sum_words(a + 8, 32, 17 + (uint32_t)(n - 40))), 0xffff);
}

/* Nothing but a header, whose end looks like the begin of its own destination. */
static void header_is_no_copy(void **state)
{
	uint8_t a[42] = { 0x60, 0, 0, 0x30 }, want[16] = { 1, [8] = 0xab, [15] = 0xcd };
	a[24] = want[15];
	dark_rewrite(a, sizeof a, stand_in, NULL);
	assert_memory_equal(a + 24, want, sizeof want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_trace_of_the_destination),
		cmocka_unit_test(is_a_packet_to_the_stand_in),
		cmocka_unit_test(sums_of_ipv6_hold),
		cmocka_unit_test(any_cut),
		cmocka_unit_test(what_is_no_packet_goes),
		cmocka_unit_test(no_text_of_the_destination),
		cmocka_unit_test(no_text_of_ipv6),
		cmocka_unit_test(header_is_no_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
