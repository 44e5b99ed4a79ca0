// SPDX-License-Identifier: Apache-2.0
/* Lists that operators keep. Byte 0: 0 owners, 1 scanners (CSV or JSON), 2 reverse names. */
#include "base/text.h"
#include "know/owner.h"
#include "know/research.h"

static void check(const char *line)
{
	for (size_t n = line ? strlen(line) : 0, step; n; line += step, n -= step) {
		step = text_utf8_length(line, n);
		ENSURE(step && (uint8_t)*line >= 0x20 && *line != 0x7f);
	}
}

static void owners(struct bytes text)
{
	struct owner *o = owner_new();
	struct err err = { "" };
	struct addr a = addr_from4(0xcb007101);
	ENSURE((owner_add_text(o, text, "list", &err) < 0) == (err.text[0] != 0));
	owner_seal(o);
	check(owner_line(o, &a, 0));
	check(owner_line(o, &a, 1767225600000000000));
	owner_free(o);
}

static void scanners(struct bytes text, bool names)
{
	static const char name[] = "203.0.113.1,a.scan.example.net\n";
	struct research *r = research_new();
	struct err err = { "" };
	struct addr a = addr_from4(0xcb007101), b = addr_from4(0xc6336401);
	int code;
	if (names) {
		research_add_builtin(r);
		code = research_add_names_text(r, text, "names", &err);
	} else {
		code = research_add_text(r, text, "list", &err);
		ENSURE(research_add_names_text(
			       r, (struct bytes){ (const uint8_t *)name, sizeof name - 1 }, "names", NULL) == 0);
	}
	ENSURE((code < 0) == (err.text[0] != 0));
	research_seal(r);
	check(research_name(r, &a, 0));
	check(research_name(r, &b, 1767225600000000000));
	research_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };
	if (size == 0)
		return 0;
	if (data[0] % 3 == 0)
		owners(bytes_from(in, 1));
	else
		scanners(bytes_from(in, 1), data[0] % 3 == 2);
	return 0;
}
