// SPDX-License-Identifier: Apache-2.0
#include "role/replaced.h"

#include <string.h>
#include <sys/stat.h>

static struct replaced_file look(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return (struct replaced_file){ 0 };
	return (struct replaced_file){ st.st_dev, st.st_ino, (uint64_t)st.st_size,
		st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec };
}

bool replaced_look(struct replaced *r, const char *a, const char *b)
{
	if (!a || !b)
		return false;
	struct replaced_file now[2] = { look(a), look(b) };
	bool quiet = memcmp(now, r->last, sizeof now) == 0, there = now[0].changed_ns && now[1].changed_ns;
	memcpy(r->last, now, sizeof now);
	if (!r->begun) {
		memcpy(r->force, now, sizeof now);
		r->begun = true;
	}
	if (!quiet || !there || memcmp(now, r->force, sizeof now) == 0)
		return false;
	memcpy(r->force, now, sizeof now);
	return true;
}
