// SPDX-License-Identifier: Apache-2.0
#include "store/copy.h"

#include "base/mem.h"
#include "store/backup.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1u << 20)

struct copy_out {
	struct archive *tar; /* NULL: a directory */
	int dir, file;
	uint8_t *piece;
};

static int failed(struct err *err, const char *what, const char *name)
{
	return err_set(err, -1, "cannot %s %s: %s", what, name, strerror(errno));
}

static int tar_failed(struct archive *a, struct err *err)
{
	const char *why = archive_error_string(a);
	return err_set(err, -1, "archive: %s", why ? why : "it ends too early");
}

struct copy_out *copy_out_new(const char *path, bool tar, struct err *err)
{
	struct copy_out *o = mem_new(sizeof *o);
	o->dir = o->file = -1;
	o->piece = mem_new(PIECE);
	bool good = tar || mkdir(path, 0750) == 0;
	if (good && tar) {
		o->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		good = o->file >= 0;
	} else if (good) {
		o->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		good = o->dir >= 0 && !mkdirat(o->dir, "flows", 0750);
	}
	if (good && tar) {
		o->tar = archive_write_new();
		archive_write_set_format_pax_restricted(o->tar);
		good = archive_write_add_filter_zstd(o->tar) == ARCHIVE_OK &&
		       archive_write_open_fd(o->tar, o->file) == ARCHIVE_OK;
	}
	if (good)
		return o;
	(void)failed(err, "make", path);
	(void)!copy_out_close(o, NULL);
	return NULL;
}

/* Keys are for their owner alone. */
static mode_t mode_of(const char *name)
{
	return strncmp(name, "keys/", 5) == 0 ? 0600 : 0640;
}

static int begin(struct copy_out *o, const char *name, uint64_t size, int *fd, struct err *err)
{
	if (o->tar) {
		struct archive_entry *e = archive_entry_new();
		archive_entry_set_pathname(e, name);
		archive_entry_set_size(e, (la_int64_t)size);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, mode_of(name));
		int rc = archive_write_header(o->tar, e);
		archive_entry_free(e);
		return rc == ARCHIVE_OK ? 0 : tar_failed(o->tar, err);
	}
	if (strncmp(name, "keys/", 5) == 0 && mkdirat(o->dir, "keys", 0700) && errno != EEXIST)
		return failed(err, "make", "keys");
	*fd = openat(o->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_of(name));
	return *fd < 0 ? failed(err, "make", name) : 0;
}

static int put(struct copy_out *o, const char *name, int fd, const uint8_t *p, size_t n, struct err *err)
{
	if (o->tar)
		return archive_write_data(o->tar, p, n) == (la_ssize_t)n ? 0 : tar_failed(o->tar, err);
	while (n) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return failed(err, "write", name);
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int end(struct copy_out *o, const char *name, int fd, int rc, struct err *err)
{
	if (o->tar || fd < 0)
		return rc;
	if (!rc && fsync(fd))
		rc = failed(err, "write", name);
	if (close(fd) && !rc)
		rc = failed(err, "write", name);
	return rc;
}

int copy_out_file(
	struct copy_out *o, const char *name, int fd, uint64_t size, uint8_t sha256[MANIFEST_HASH], struct err *err)
{
	gnutls_hash_hd_t h;
	int to = -1, rc = begin(o, name, size, &to, err);
	uint64_t at = 0;
	ENSURE(gnutls_hash_init(&h, GNUTLS_DIG_SHA256) == 0);
	while (!rc && at < size) {
		size_t ask = size - at < PIECE ? (size_t)(size - at) : PIECE;
		ssize_t n = pread(fd, o->piece, ask, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = failed(err, "read", name);
		else if (n == 0)
			rc = err_set(err, 1, "%s is shorter than what was committed: run store check", name);
		else
			rc = put(o, name, to, o->piece, (size_t)n, err);
		if (rc)
			break;
		gnutls_hash(h, o->piece, (size_t)n);
		at += (uint64_t)n;
	}
	gnutls_hash_deinit(h, sha256);
	return end(o, name, to, rc, err);
}

int copy_out_bytes(struct copy_out *o, const char *name, struct bytes data, struct err *err)
{
	int to = -1, rc = begin(o, name, data.n, &to, err);
	return end(o, name, to, rc ? rc : put(o, name, to, data.p, data.n, err), err);
}

int copy_out_close(struct copy_out *o, struct err *err)
{
	int rc = 0;
	if (o->tar && archive_write_close(o->tar) != ARCHIVE_OK)
		rc = tar_failed(o->tar, err);
	if (o->tar)
		archive_write_free(o->tar);
	if (o->file >= 0 && fsync(o->file))
		rc = failed(err, "write", "the backup");
	if (o->dir >= 0) {
		int flows = openat(o->dir, "flows", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (flows < 0 || fsync(flows) || fsync(o->dir))
			rc = failed(err, "write", "the backup");
		if (flows >= 0)
			close(flows);
		close(o->dir);
	}
	if (o->file >= 0)
		close(o->file);
	free(o->piece);
	free(o);
	return rc;
}

/* ---- reading ---- */

struct walk {
	int (*fn)(void *arg, const char *name, struct bytes data, bool last);
	void *arg;
	uint8_t *piece;
};

static bool may_hold(const char *name)
{
	return strcmp(name, BACKUP_MANIFEST) == 0 || manifest_name_ok(name);
}

static int walk_file(struct walk *w, int dir, const char *name, struct err *err)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	ssize_t n = 1;
	if (fd < 0)
		return failed(err, "open", name);
	while (!rc && n > 0) {
		n = read(fd, w->piece, PIECE);
		if (n < 0)
			rc = failed(err, "read", name);
		else
			rc = w->fn(w->arg, name, (struct bytes){ w->piece, (size_t)n }, n == 0);
	}
	close(fd);
	return rc ? -1 : 0;
}

/* A thing in the folder, by its name from the top on. */
static int walk_thing(struct walk *w, int top, const char *name, struct err *err)
{
	struct stat st;
	if (fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW))
		return failed(err, "look at", name);
	if (S_ISDIR(st.st_mode) && (strcmp(name, "flows") == 0 || strcmp(name, "keys") == 0))
		return 0;
	if (!S_ISREG(st.st_mode) || !may_hold(name))
		return err_set(err, -1, "%.200s is no file of a backup", name);
	return walk_file(w, top, name, err);
}

static int walk_folder(struct walk *w, int top, const char *folder, struct err *err)
{
	int fd = openat(top, folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	if (!d)
		return errno == ENOENT ? 0 : failed(err, "list", folder);
	for (struct dirent *e; !rc && (e = readdir(d));) {
		char name[300];
		snprintf(name, sizeof name, "%s%s", folder, e->d_name);
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = walk_thing(w, top, name, err);
	}
	closedir(d);
	return rc;
}

static int walk_entry(struct walk *w, struct archive *a, struct archive_entry *e, struct err *err)
{
	const char *name = archive_entry_pathname(e);
	if (!name || archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) || !may_hold(name))
		return err_set(err, -1, "%.100s is no file of a backup", name ? name : "a file without a name");
	for (;;) {
		la_ssize_t n = archive_read_data(a, w->piece, PIECE);
		if (n < 0) {
			(void)tar_failed(a, err);
			return err_prefix(err, -1, "%s", name);
		}
		if (w->fn(w->arg, name, (struct bytes){ w->piece, (size_t)n }, n == 0))
			return -1;
		if (n == 0)
			return 0;
	}
}

static int walk_tar(struct walk *w, const char *path, struct err *err)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int rc = 0, got = ARCHIVE_OK;
	archive_read_support_filter_zstd(a);
	archive_read_support_format_tar(a);
	if (archive_read_open_filename(a, path, 1 << 16) != ARCHIVE_OK)
		rc = tar_failed(a, err);
	while (!rc && (got = archive_read_next_header(a, &e)) == ARCHIVE_OK)
		rc = walk_entry(w, a, e, err);
	if (!rc && got != ARCHIVE_EOF)
		rc = tar_failed(a, err);
	archive_read_free(a);
	return rc;
}

int copy_walk(const char *path, int (*fn)(void *arg, const char *name, struct bytes data, bool last), void *arg,
	struct err *err)
{
	static const char *const folders[] = { "", "flows/", "keys/" };
	struct walk w = { fn, arg, NULL };
	struct stat st;
	int rc = 0;
	if (stat(path, &st))
		return failed(err, "open", path);
	w.piece = mem_new(PIECE);
	if (!S_ISDIR(st.st_mode)) {
		rc = walk_tar(&w, path, err);
	} else {
		int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = top < 0 ? failed(err, "open", path) : 0;
		for (size_t i = 0; i < 3 && !rc; i++)
			rc = walk_folder(&w, top, folders[i], err);
		if (top >= 0)
			close(top);
	}
	free(w.piece);
	return rc;
}
