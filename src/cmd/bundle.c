// SPDX-License-Identifier: Apache-2.0
#include "cmd/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 4

struct part {
	const char *name, *text;
	size_t n;
};

static int failed(const struct bundle_target *t, const char *why)
{
	fprintf(stderr, "sakimori: can't write %s: %s\n", t->path, why);
	return CLI_FAILED;
}

int bundle_open(struct bundle_target *t)
{
	size_t n = strlen(t->path);
	t->tar = n > 4 && strcmp(t->path + n - 4, ".tar") == 0;
	for (const char *c = t->to ? t->to : ""; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".:-[]", *c)) {
			fprintf(stderr, "sakimori: --to takes HOST:PORT\n");
			return CLI_USAGE;
		}
	if (t->tar)
		t->fd = open(t->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	else
		t->fd = mkdir(t->path, 0700) ? -1 : open(t->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return t->fd < 0 ? failed(t, strerror(errno)) : CLI_DONE;
}

static int write_file(int dir, const struct part *p)
{
	int fd = openat(dir, p->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	ssize_t n = 0;
	for (size_t at = 0; at < p->n && n >= 0; at += n > 0 ? (size_t)n : 0)
		n = write(fd, p->text + at, p->n - at);
	int rc = n < 0 || fsync(fd) ? -1 : 0;
	return close(fd) || rc ? -1 : 0;
}

static int write_tar(const struct bundle_target *t, const struct part *parts)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	int rc = archive_write_set_format_ustar(a);
	if (rc == ARCHIVE_OK)
		rc = archive_write_open_fd(a, t->fd);
	for (int i = 0; i < FILES && rc == ARCHIVE_OK; i++) {
		archive_entry_clear(e);
		archive_entry_set_pathname(e, parts[i].name);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0600);
		archive_entry_set_size(e, (la_int64_t)parts[i].n);
		rc = archive_write_header(a, e);
		if (rc == ARCHIVE_OK && archive_write_data(a, parts[i].text, parts[i].n) != (la_ssize_t)parts[i].n)
			rc = ARCHIVE_FATAL;
	}
	if (archive_write_close(a) != ARCHIVE_OK)
		rc = ARCHIVE_FATAL;
	archive_entry_free(e);
	archive_write_free(a);
	return rc == ARCHIVE_OK ? fsync(t->fd) : -1;
}

void bundle_abandon(struct bundle_target *t)
{
	static const char *const names[FILES] = { "ca.pem", "sensor.pem", "sensor.key", "forward.yaml" };
	for (int i = 0; i < FILES && !t->tar; i++)
		unlinkat(t->fd, names[i], 0);
	close(t->fd);
	if (t->tar)
		unlink(t->path);
	else
		rmdir(t->path);
}

int bundle_write(struct bundle_target *t, const struct keys_bundle *b)
{
	char yaml[1024];
	snprintf(yaml, sizeof yaml,
		"# Forwards what sensor %s sees; put this into the sensor's sakimori.yaml and the three other files\n"
		"# into /etc/sakimori/keys, owned by root, mode 0600.\n"
		"forward:\n"
		"  to: \"%s\"\n"
		"  ca: /etc/sakimori/keys/ca.pem\n"
		"  certificate: /etc/sakimori/keys/sensor.pem\n"
		"  key: /etc/sakimori/keys/sensor.key\n",
		t->sensor, t->to ? t->to : "collector.example.net:4739");
	const struct part parts[FILES] = {
		{ "ca.pem", b->ca.text, b->ca.n },
		{ "sensor.pem", b->certificate.text, b->certificate.n },
		{ "sensor.key", b->key.text, b->key.n },
		{ "forward.yaml", yaml, strlen(yaml) },
	};
	int rc = 0;
	if (t->tar)
		rc = write_tar(t, parts);
	else
		for (int i = 0; i < FILES && !rc; i++)
			rc = write_file(t->fd, &parts[i]);
	if (!rc && !t->tar)
		rc = fsync(t->fd);
	if (rc) {
		int why = errno;
		bundle_abandon(t);
		return failed(t, strerror(why));
	}
	close(t->fd);
	return CLI_DONE;
}
