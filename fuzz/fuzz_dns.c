// SPDX-License-Identifier: Apache-2.0
/* DNS messages: what is reported lies inside the message, and the count is what was reported. */
#include "base/err.h"
#include "wire/dns.h"

struct seen {
	struct bytes in;
	int n;
};

static void take(void *arg, const uint8_t *octets, size_t n)
{
	struct seen *s = arg;
	ENSURE((n == 4 || n == 16) && octets >= s->in.p && octets + n <= s->in.p + s->in.n);
	s->n++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen s = { .in = { data, size } };
	int got = dns_addresses(s.in, take, &s);
	ENSURE(got < 0 || got == s.n);
	return 0;
}
