// SPDX-License-Identifier: Apache-2.0
#include "store/packetpin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 96

/* Ids are 32 hex digits: nothing else becomes a file's name. */
static int names(const char *finding, char made[NAME_SIZE], char final[NAME_SIZE], struct err *err)
{
	size_t n = strspn(finding, "0123456789abcdef");
	if (n != 32 || finding[n])
		return err_set(err, -EINVAL, "no id of a finding");
	snprintf(made, NAME_SIZE, "pinned/%s.new", finding);
	snprintf(final, NAME_SIZE, "pinned/%s.pcap", finding);
	return 0;
}

int packetpin_begin(int dir, const char *finding, struct err *err)
{
	char made[NAME_SIZE], final[NAME_SIZE];
	if (names(finding, made, final, err) < 0)
		return -EINVAL;
	if (mkdirat(dir, "pinned", 0750) != 0 && errno != EEXIST)
		return err_set(err, -errno, "packets/pinned: %s", strerror(errno));
	unlinkat(dir, made, 0);
	int fd = openat(dir, made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	return fd >= 0 ? fd : err_set(err, -errno, "packets/%s: %s", made, strerror(errno));
}

int packetpin_fill(int dir, const struct finding *f, int out, struct packetring_found *found, struct err *err)
{
	struct match m;
	*found = (struct packetring_found){ .linktype = -1 };
	if (match_init(&m, f) < 0)
		return 0;
	struct packetring_query q = { .sensor = f->sensor,
		.from_ns = f->first_ns,
		.to_ns = f->last_ns,
		.sport = -1,
		.dport = -1,
		.proto = -1,
		.match = &m,
		.max_packets = PACKETRING_PACKETS,
		.max_bytes = PACKETRING_BYTES };
	return packetring_find(dir, &q, f->id, out, found, err);
}

static int sync_folder(int dir)
{
	int at = openat(dir, "pinned", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = at >= 0 ? fsync(at) : -1;
	int why = errno;
	if (at >= 0)
		close(at);
	errno = why;
	return rc;
}

int packetpin_end(int dir, const char *finding, int fd, bool keep, struct err *err)
{
	char made[NAME_SIZE], final[NAME_SIZE];
	int rc = names(finding, made, final, err);
	bool named = rc == 0;
	if (named && keep && (fsync(fd) != 0 || renameat(dir, made, dir, final) != 0 || sync_folder(dir) != 0))
		rc = err_set(err, -errno, "packets/%s: %s", final, strerror(errno));
	if (named && (!keep || rc < 0))
		unlinkat(dir, made, 0);
	close(fd);
	return rc;
}
