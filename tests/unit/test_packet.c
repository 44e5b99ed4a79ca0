// SPDX-License-Identifier: Apache-2.0
#include "wire/packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

/* Hex with blanks to bytes; the caller frees. Exactly sized, so that the sanitizer sees any read past the end. */
static struct bytes unhex(const char *hex)
{
	uint8_t *p = malloc(strlen(hex) / 2 + 1);
	size_t n = 0;
	int half = -1;
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		int d = *hex <= '9' ? *hex - '0' : *hex - 'a' + 10;
		if (half < 0) {
			half = d;
		} else {
			p[n++] = (uint8_t)(half << 4 | d);
			half = -1;
		}
	}
	return (struct bytes){ realloc(p, n ? n : 1), n };
}

#define ETH "020000000001 020000000002 "

static const struct {
	const char *name;
	int linktype;
	const char *hex;
	int layer, cls, vlans, dport;
} cases[] = {
	{ "syn", 1, ETH "0800 4500002812340000400600 00cb007101c6120001 9c40 0017 00000001 00000000 5002 ffff 00000000",
		LAYER_IP4, CLASS_TCP_SYN, 0, 23 },
	{ "syn with ece and cwr", 101,
		"4500002812340000400600 00cb007101c6120001 9c40 0017 00000001 00000000 50c2 ffff 00000000", LAYER_IP4,
		CLASS_TCP_SYN, 0, 23 },
	{ "xmas", 101, "4500002812340000400600 00cb007101c6120001 9c40 0017 00000001 00000000 5029 ffff 00000000",
		LAYER_IP4, CLASS_TCP_OTHER, 0, 23 },
	{ "data offset below 5", 101,
		"4500002812340000400600 00cb007101c6120001 9c40 0017 00000001 00000000 4002 ffff 00000000", LAYER_IP4,
		CLASS_SHORT, 0, 0 },
	{ "tcp cut by the IP length", 101,
		"4500002712340000400600 00cb007101c6120001 9c40 0017 00000001 00000000 5002 ffff 00000000", LAYER_IP4,
		CLASS_SHORT, 0, 0 },
	{ "total length 0 means to the end", 101,
		"4500000012340000400600 00cb007101c6120001 9c40 0017 00000001 00000000 5012 ffff 00000000", LAYER_IP4,
		CLASS_TCP_SYN_ACK, 0, 23 },
	{ "later fragment", 101,
		"4500002812340001400600 00cb007101c6120001 9c40 0017 00000001 00000000 5002 ffff 00000000", LAYER_IP4,
		CLASS_FRAG, 0, 0 },
	{ "header length below 5", 101, "4400002812340000400600 00cb007101c6120001 9c40 0017 00000001", LAYER_BADIP,
		CLASS_N, 0, 0 },
	{ "raw with version 5", 101, "5500002812340000400600 00cb007101c6120001", LAYER_BADIP, CLASS_N, 0, 0 },
	{ "total below the header", 101, "4500001312340000400600 00cb007101c6120001", LAYER_BADIP, CLASS_N, 0, 0 },
	{ "two tags", 1, ETH "88a8 0001 8100 0002 0800 4500001c12340000401100 00cb007101c6120001 0035 0035 0008 0000",
		LAYER_IP4, CLASS_UDP, 2, 53 },
	{ "tag cut off", 1, ETH "8100 00", LAYER_BADL2, CLASS_N, 0, 0 },
	{ "arp", 1, ETH "0806 0001", LAYER_ARP, CLASS_N, 0, 0 },
	{ "802.3 length", 1, ETH "0026 4242", LAYER_NONIP, CLASS_N, 0, 0 },
	{ "ipv6 hop-by-hop then icmpv6", 229,
		"6000000000100040 20010db8000000000000000000000001 20010db8000000000000000000000002 3a00000000000000 "
		"8000000000000000",
		LAYER_IP6, CLASS_ICMP, 0, 0 },
	{ "ipv6 later fragment", 229,
		"6000000000102c40 20010db8000000000000000000000001 20010db8000000000000000000000002 1100000800000000 "
		"0000000000000000",
		LAYER_IP6, CLASS_FRAG, 0, 0 },
	{ "icmpv6 in ipv4 is other", 101, "4500001c12340000403a00 00cb007101c6120001 8000 0000 0000 0000", LAYER_IP4,
		CLASS_OTHER, 0, 0 },
	{ "bsd loopback little-endian", 0, "02000000 4500001c12340000400100 00cb007101c6120001 0800 0000 0000 0000",
		LAYER_IP4, CLASS_ICMP, 0, 0 },
	{ "bsd loopback big-endian", 0, "00000002 4500001c12340000400100 00cb007101c6120001 0800 0000 0000 0000",
		LAYER_IP4, CLASS_ICMP, 0, 0 },
	{ "cooked v1", 113,
		"0000 0001 0006 020000000001 0000 0800 4500001c12340000401100 00cb007101c6120001 0035 0035 0008 0000",
		LAYER_IP4, CLASS_UDP, 0, 53 },
	{ "cooked v2", 276,
		"0800 0000 00000001 0001 00 06 0200000000010000 4500001c12340000401100 00cb007101c6120001 0035 0035 "
		"0008 0000",
		LAYER_IP4, CLASS_UDP, 0, 53 },
	{ "unknown link type", 147, "4500", LAYER_UNKNOWN, CLASS_N, 0, 0 },
};

static void decodes(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct packet p;
		struct bytes b = unhex(cases[i].hex);
		packet_decode(cases[i].linktype, b, &p);
		if (p.layer != cases[i].layer || p.cls != cases[i].cls || p.vlans != cases[i].vlans ||
			p.dport != cases[i].dport)
			fail_msg("%s: layer %d class %d vlans %d dport %d", cases[i].name, p.layer, p.cls, p.vlans,
				p.dport);
		free((void *)b.p);
	}
}

/* Cut at every byte: no read past the end, and the views stay inside. */
static void truncation(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bytes b = unhex(cases[i].hex);
		for (size_t n = 0; n <= b.n; n++) {
			uint8_t *cut = malloc(n ? n : 1);
			memcpy(cut, b.p, n);
			struct packet p;
			packet_decode(cases[i].linktype, (struct bytes){ cut, n }, &p);
			assert_true(p.layer < LAYER_N);
			if (p.payload.n)
				assert_true(p.payload.p >= cut && p.payload.p + p.payload.n <= cut + n);
			free(cut);
		}
		free((void *)b.p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(decodes), cmocka_unit_test(truncation) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
