// SPDX-License-Identifier: Apache-2.0
/* MMDB files: what opens answers for every kind of address. */
#include "know/geo.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* The library forgets memory when it refuses a file with damaged metadata. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libmaxminddb";
}

static void ask(struct geo *g, const struct addr *a)
{
	struct location l;
	geo_find(g, a, &l);
	ENSURE(strnlen(l.country, sizeof l.country) < 3 && strnlen(l.city, sizeof l.city) < sizeof l.city);
	ENSURE(strnlen(l.as_name, sizeof l.as_name) < sizeof l.as_name);
	ENSURE(!l.has_position || (l.latitude >= -90 && l.latitude <= 90 && l.longitude >= -180 && l.longitude <= 180));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t ip4[] = { 0xc0000201, 0xc6336401, 0xc63364c8, 0xcb007101, 0, UINT32_MAX, 0x0a000001 };
	static const uint8_t ip6[][16] = { { 0x20, 1, 0x0d, 0xb8 }, { 0 }, { 0xff, 2 }, { 0x20, 2, 0xc0, 0, 2, 1 } };
	char path[64];
	int fd = memfd_create("geo", MFD_CLOEXEC);
	ENSURE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct geo *g = geo_new();
	struct err err = { "" };
	if (geo_add_file(g, path, &err) == 0) {
		for (size_t i = 0; i < sizeof ip4 / sizeof *ip4; i++) {
			struct addr a = addr_from4(ip4[i]);
			ask(g, &a);
		}
		for (size_t i = 0; i < sizeof ip6 / sizeof *ip6; i++) {
			struct addr a = addr_from6(ip6[i]);
			ask(g, &a);
		}
		ENSURE(geo_file(g, 0).type);
	} else {
		ENSURE(err.text[0]);
	}
	geo_free(g);
	close(fd);
	return 0;
}
