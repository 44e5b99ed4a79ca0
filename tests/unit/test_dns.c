// SPDX-License-Identifier: Apache-2.0
#include "wire/dns.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

struct seen {
	int n;
	size_t octets;
	uint8_t last[16];
};

static void take(void *arg, const uint8_t *octets, size_t n)
{
	struct seen *s = arg;
	s->n++;
	s->octets += n;
	memcpy(s->last, octets, n);
}

#define HEAD "\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
#define NAME                                                                                                           \
	"\x01"                                                                                                         \
	"a"                                                                                                            \
	"\x02"                                                                                                         \
	"jp"                                                                                                           \
	"\x00"
#define QUESTION NAME "\x00\x01\x00\x01"
#define RR_A	 "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07"
#define RR_AAAA                                                                                                        \
	"\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
	"\x01"
#define RR_CNAME "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x0c"

static const struct {
	const char *name, *bytes;
	size_t n;
	int want, addresses;
} cases[] = {
	{ "A and AAAA", HEAD QUESTION RR_A RR_AAAA, sizeof(HEAD QUESTION RR_A RR_AAAA) - 1, 2, 2 },
	{ "CNAME then A", HEAD QUESTION RR_CNAME RR_A, sizeof(HEAD QUESTION RR_CNAME RR_A) - 1, 1, 1 },
	{ "one answer is missing", HEAD QUESTION RR_A, sizeof(HEAD QUESTION RR_A) - 1, -1, 1 },
	{ "a query", "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION, 12 + sizeof(QUESTION) - 1, 0, 0 },
	{ "a label of a reserved kind", HEAD "\x80" QUESTION, sizeof(HEAD "\x80" QUESTION) - 1, -1, 0 },
	{ "nothing", "", 0, -1, 0 },
};

static void answers(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct seen s = { 0 };
		int got = dns_addresses((struct bytes){ (const uint8_t *)cases[i].bytes, cases[i].n }, take, &s);
		if (got != cases[i].want || s.n != cases[i].addresses)
			fail_msg("%s: %d, %d addresses", cases[i].name, got, s.n);
	}
}

/* Cut at every byte: never more addresses than before, and no read past the end (the copy is exact for the sanitizer).
 */
static void truncation(void **state)
{
	for (size_t n = 0; n <= cases[0].n; n++) {
		uint8_t *cut = malloc(n ? n : 1);
		struct seen s = { 0 };
		memcpy(cut, cases[0].bytes, n);
		int got = dns_addresses((struct bytes){ cut, n }, take, &s);
		assert_true(n == cases[0].n ? got == 2 : got == -1);
		assert_true(s.n <= 2);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(answers), cmocka_unit_test(truncation) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
