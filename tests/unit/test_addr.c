// SPDX-License-Identifier: Apache-2.0
#include "model/addr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void prefixes(void **state)
{
	static const struct {
		const char *text;
		int want;
		const char *back;
		uint64_t size;
	} cases[] = {
		{ "192.0.2.0/24", 0, "192.0.2.0/24", 256 },
		{ "192.0.2.7", 0, "192.0.2.7/32", 1 },
		{ "0.0.0.0/0", 0, "0.0.0.0/0", (uint64_t)1 << 32 },
		{ "2001:db8::/32", 0, "2001:db8::/32", UINT64_MAX },
		{ "::/0", 0, "::/0", UINT64_MAX },
		{ "192.0.2.1/24", -1, NULL, 0 },
		{ "192.0.2.0/33", -1, NULL, 0 },
		{ "192.0.2.0/", -1, NULL, 0 },
		{ "192.0.2.0/-1", -1, NULL, 0 },
		{ "nonsense", -1, NULL, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct prefix p;
		struct err err = { "" };
		char text[ADDR_TEXT_MAX];
		assert_int_equal(prefix_parse(cases[i].text, &p, &err), cases[i].want);
		if (cases[i].want == 0) {
			assert_string_equal(prefix_text(text, &p), cases[i].back);
			assert_true(prefix_size(&p) == cases[i].size);
		} else {
			assert_true(err.text[0] != 0);
		}
	}
}

static void membership(void **state)
{
	struct prefix p;
	struct addr in = addr_from4(0xc0000205), out = addr_from4(0xc0000305);
	assert_int_equal(prefix_parse("192.0.2.0/24", &p, NULL), 0);
	assert_true(prefix_holds(&p, &in));
	assert_false(prefix_holds(&p, &out));
	assert_int_equal(prefix_parse("::/0", &p, NULL), 0);
	assert_true(prefix_holds(&p, &in));
}

/* Pairs that differ in one bit of each half: neighbours in an address plan, and what a sender picks who wants to pass
 * for another. */
static void hashes(void **state)
{
	struct addr a, b;
	for (uint64_t key = 0; key < 4; key++)
		for (unsigned i = 0; i < 64; i++)
			for (unsigned k = 64; k < 128; k++) {
				assert_int_equal(addr_parse("2001:db8::1", &a, NULL), 0);
				b = a;
				b.b[i / 8] ^= (uint8_t)(0x80 >> i % 8);
				b.b[k / 8] ^= (uint8_t)(0x80 >> k % 8);
				assert_true(addr_hash(&a, key) != addr_hash(&b, key));
			}
	assert_true(addr_hash(&a, 1) != addr_hash(&a, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(prefixes), cmocka_unit_test(membership),
		cmocka_unit_test(hashes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
