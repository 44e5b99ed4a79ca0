// SPDX-License-Identifier: Apache-2.0
#include "store/backup.h"

#include "base/mem.h"
#include "store/copy.h"
#include "store/schema.h"
#include "store/segment.h"
#include "store/storefiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4160
#define TRIES	  5 /* a backup begins anew when retention took a segment under its hands */

struct making {
	const struct backup_params *p;
	struct store *store;
	struct manifest manifest;
	struct copy_out *out;
	char part[PATH_SIZE], database[PATH_SIZE + 8];
	uint64_t done, all;
	bool gone; /* a segment was dropped meanwhile */
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_all(const char *path)
{
	struct stat st;
	if (lstat(path, &st) == 0 && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT))
		return;
}

static bool is_tar(const char *path)
{
	size_t n = strlen(path);
	return n > 8 && strcmp(path + n - 8, ".tar.zst") == 0;
}

static int add_file(struct making *m, const char *name, int fd, uint64_t size, struct err *err)
{
	struct manifest_file *f = manifest_add(&m->manifest, name);
	if (!f)
		return err_set(err, -STORE_BAD, "%s can't be part of a backup", name);
	f->size = size;
	int rc = copy_out_file(m->out, name, fd, size, f->sha256, err);
	m->done += size;
	if (m->p->progress)
		m->p->progress(m->p->arg, m->done, m->all);
	return rc > 0 ? -STORE_DAMAGED : rc ? -STORE_IO : 0;
}

static int add_segments(struct making *m, struct sql *copy, struct err *err)
{
	sqlite3_stmt *all = sql_get(copy, "select sum(length) from segment");
	m->all += (uint64_t)sql_number(all, 0);
	sqlite3_stmt *stmt = sql_new(copy, "select hour, length from segment order by hour");
	int rc = 0;
	while (!rc && sqlite3_step(stmt) == SQLITE_ROW) {
		char name[SEGMENT_NAME_MAX + 8] = "flows/";
		segment_name(name + 6, sqlite3_column_int64(stmt, 0));
		int fd = openat(m->store->flows, name + 6, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			sqlite3_stmt *still = sql_get(&m->store->sql, "select 1 from main.segment where hour = ?1");
			sql_bind(still, "i", sqlite3_column_int64(stmt, 0));
			m->gone = sql_number(still, 0) == 0;
			rc = err_set(err, -STORE_DAMAGED, "%s is missing: run store check", name);
			break;
		}
		rc = add_file(m, name, fd, (uint64_t)sqlite3_column_int64(stmt, 1), err);
		close(fd);
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int add_keys(struct making *m, struct err *err)
{
	char path[PATH_SIZE];
	int rc = 0;
	snprintf(path, sizeof path, "%s/keys", m->p->store);
	DIR *d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_set(err, -STORE_IO, "cannot list %s: %s", path, strerror(errno));
	for (struct dirent *e; !rc && (e = readdir(d));) {
		char name[sizeof((struct manifest_file *)0)->name];
		struct stat st;
		if (snprintf(name, sizeof name, "keys/%s", e->d_name) >= (int)sizeof name || !manifest_name_ok(name))
			continue;
		int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st))
			rc = err_set(err, -STORE_IO, "cannot read %s: %s", name, strerror(errno));
		else if (S_ISREG(st.st_mode))
			rc = add_file(m, name, fd, (uint64_t)st.st_size, err);
		if (fd >= 0)
			close(fd);
	}
	closedir(d);
	m->manifest.keys = true;
	return rc;
}

/* The copy is one moment of the database, and with it the lengths of the segments at that moment. */
static int copy_database(struct making *m, struct err *err)
{
	sqlite3_stmt *stmt = sql_new(&m->store->sql, "vacuum main into ?1");
	sql_bind(stmt, "t", m->database);
	int rc = sql_run(&m->store->sql, stmt, err);
	sqlite3_finalize(stmt);
	return rc ? err_prefix(err, rc, "cannot copy the database to %s", m->database) : 0;
}

static void put_head(struct making *m, struct sql *copy)
{
	if (m->manifest.schema < 3)
		return;
	sqlite3_stmt *stmt = sql_new(copy, "select value from meta where key = 'audit_head'");
	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == 40) {
		const uint8_t *p = sqlite3_column_blob(stmt, 0);
		m->manifest.audit_seq = (int64_t)load_le64(p);
		for (int i = 0; i < 32; i++)
			snprintf(m->manifest.audit_head + 2 * i, 3, "%02x", p[8 + i]);
	}
	sqlite3_finalize(stmt);
}

static int write_files(struct making *m, struct err *err)
{
	struct sql copy;
	struct stat st;
	int rc = sql_open(&copy, m->database, false, err);
	if (rc)
		return rc;
	m->manifest.schema = schema_version(&copy);
	put_head(m, &copy);
	int fd = open(m->database, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		rc = err_set(err, -STORE_IO, "cannot read %s: %s", m->database, strerror(errno));
	} else {
		m->all += (uint64_t)st.st_size;
		rc = add_file(m, "store.db", fd, (uint64_t)st.st_size, err);
	}
	if (fd >= 0)
		close(fd);
	if (!rc)
		rc = add_segments(m, &copy, err);
	if (!rc && m->p->with_keys)
		rc = add_keys(m, err);
	sql_close(&copy);
	return rc;
}

static int write_backup(struct making *m, struct err *err)
{
	size_t n;
	m->out = copy_out_new(m->part, is_tar(m->p->target), err);
	if (!m->out)
		return -STORE_IO;
	int rc = copy_database(m, err);
	if (!rc)
		rc = write_files(m, err);
	if (!rc) {
		char *text = manifest_write(&m->manifest, &n);
		rc = copy_out_bytes(m->out, BACKUP_MANIFEST, (struct bytes){ (const uint8_t *)text, n }, err)
			     ? -STORE_IO
			     : 0;
		free(text);
	}
	int end = copy_out_close(m->out, rc ? NULL : err);
	return rc ? rc : end ? -STORE_IO : 0;
}

static int make_once(struct making *m, struct backup_report *out, struct err *err)
{
	int rc = write_backup(m, err);
	unlink(m->database);
	if (!rc)
		rc = backup_verify(m->part, out, err);
	if (!rc && rename(m->part, m->p->target))
		rc = err_set(err, -STORE_IO, "cannot name the backup %s: %s", m->p->target, strerror(errno));
	if (rc)
		remove_all(m->part);
	manifest_free(&m->manifest);
	return rc;
}

int backup_make(const struct backup_params *p, struct backup_report *out, struct err *err)
{
	struct making m = { .p = p };
	struct stat st;
	int rc = 0;
	if (lstat(p->target, &st) == 0)
		return err_set(err, -STORE_BAD, "%s is there already", p->target);
	if (strlen(p->target) > PATH_SIZE - 64)
		return err_set(err, -STORE_BAD, "the backup's path is too long");
	snprintf(m.part, sizeof m.part, "%s.part-%ld", p->target, (long)getpid());
	snprintf(m.database, sizeof m.database, "%s.db", m.part);
	m.store = store_open(p->store, STORE_READ, &rc, err);
	if (!m.store)
		return rc;
	for (int i = 0; i < TRIES; i++) {
		m.gone = false;
		m.done = m.all = 0;
		snprintf(m.manifest.program, sizeof m.manifest.program, "%s", p->program);
		m.manifest.created_ns = p->now_ns;
		rc = make_once(&m, out, err);
		if (!m.gone)
			break;
	}
	store_close(m.store);
	return rc;
}

/* ---- verifying and restoring ---- */

struct reading {
	struct manifest manifest;
	struct column_buf text; /* of the manifest */
	struct manifest found;	/* what lies there */
	gnutls_hash_hd_t hash;
	bool hashing;
	const char *target; /* NULL: verify alone */
	int fd;
	struct err *err;
};

static int write_piece(struct reading *r, const char *name, struct bytes data, bool first)
{
	char path[PATH_SIZE + 128];
	mode_t mode = strncmp(name, "keys/", 5) == 0 ? 0600 : 0640;
	if (!r->target)
		return 0;
	if (first) {
		snprintf(path, sizeof path, "%s/keys", r->target);
		if (mode == 0600 && mkdir(path, 0700) && errno != EEXIST)
			return err_set(r->err, -1, "cannot make %s: %s", path, strerror(errno));
		snprintf(path, sizeof path, "%s/%s", r->target, name);
		r->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	}
	for (size_t at = 0; r->fd >= 0 && at < data.n;) {
		ssize_t n = write(r->fd, data.p + at, data.n - at);
		if (n <= 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
		if (at == data.n)
			return 0;
	}
	return r->fd >= 0 && data.n == 0 ? 0 : err_set(r->err, -1, "cannot write %s: %s", name, strerror(errno));
}

static int end_piece(struct reading *r, const char *name)
{
	if (r->fd < 0)
		return 0;
	int bad = fsync(r->fd);
	bad |= close(r->fd);
	r->fd = -1;
	return bad ? err_set(r->err, -1, "cannot write %s: %s", name, strerror(errno)) : 0;
}

static int see_piece(void *arg, const char *name, struct bytes data, bool last)
{
	struct reading *r = arg;
	if (strcmp(name, BACKUP_MANIFEST) == 0) {
		if (r->text.n + data.n > MANIFEST_SIZE_MAX)
			return err_set(r->err, -1, "the manifest is too large");
		memcpy(column_buf_room(&r->text, data.n + 1), data.p, data.n);
		r->text.n += data.n;
		return 0;
	}
	bool first = !r->hashing;
	if (first) {
		if (manifest_find(&r->found, name) || !manifest_add(&r->found, name))
			return err_set(r->err, -1, "%s is there twice", name);
		ENSURE(gnutls_hash_init(&r->hash, GNUTLS_DIG_SHA256) == 0);
		r->hashing = true;
	}
	struct manifest_file *f = &r->found.files[r->found.n - 1];
	gnutls_hash(r->hash, data.p, data.n);
	f->size += data.n;
	if (write_piece(r, name, data, first))
		return -1;
	if (!last)
		return 0;
	gnutls_hash_deinit(r->hash, f->sha256);
	r->hashing = false;
	return end_piece(r, name);
}

static int compare(struct reading *r, struct err *err)
{
	if (r->text.n == 0)
		return err_set(err, -STORE_DAMAGED, "%s is missing: this is no complete backup", BACKUP_MANIFEST);
	if (manifest_parse((struct bytes){ r->text.p, r->text.n }, &r->manifest, err))
		return -STORE_DAMAGED;
	for (size_t i = 0; i < r->found.n; i++) {
		const struct manifest_file *f = &r->found.files[i];
		struct manifest_file *want = manifest_find(&r->manifest, f->name);
		if (!want)
			return err_set(err, -STORE_DAMAGED, "%s is not in the manifest", f->name);
		if (want->size != f->size)
			return err_set(err, -STORE_DAMAGED, "%s has %" PRIu64 " octets, the manifest says %" PRIu64,
				f->name, f->size, want->size);
		if (memcmp(want->sha256, f->sha256, MANIFEST_HASH) != 0)
			return err_set(
				err, -STORE_DAMAGED, "%s was altered: its SHA-256 is not the manifest's", f->name);
		want->seen = true;
	}
	for (size_t i = 0; i < r->manifest.n; i++)
		if (!r->manifest.files[i].seen)
			return err_set(err, -STORE_DAMAGED, "%s is missing", r->manifest.files[i].name);
	return 0;
}

/* Reads all of it; with `target` writes what it reads there. Only what compares counts. */
static int read_all(const char *path, const char *target, struct backup_report *out, struct err *err)
{
	struct reading r = { .target = target, .fd = -1, .err = err };
	int rc = copy_walk(path, see_piece, &r, err) ? -STORE_DAMAGED : 0;
	if (!rc)
		rc = compare(&r, err);
	if (r.hashing)
		gnutls_hash_deinit(r.hash, NULL);
	if (r.fd >= 0)
		close(r.fd);
	memset(out, 0, sizeof *out);
	out->files = r.found.n;
	for (size_t i = 0; i < r.found.n; i++)
		out->octets += r.found.files[i].size;
	out->keys = r.manifest.keys;
	out->schema = r.manifest.schema;
	column_buf_free(&r.text);
	manifest_free(&r.manifest);
	manifest_free(&r.found);
	return rc;
}

int backup_verify(const char *path, struct backup_report *out, struct err *err)
{
	return read_all(path, NULL, out, err);
}

static int look_at_it(const char *dir, struct err *err)
{
	struct store_audit_state a;
	int rc;
	struct store *s = store_open(dir, STORE_READ, &rc, err);
	if (!s)
		return rc;
	rc = store_audit_verify(s, &a, err);
	store_close(s);
	return rc;
}

int backup_restore(const char *path, const char *dir, struct backup_report *out, struct err *err)
{
	char part[PATH_SIZE], flows[PATH_SIZE + 8];
	struct stat st;
	if (strlen(dir) > PATH_SIZE - 64)
		return err_set(err, -STORE_BAD, "the store's path is too long");
	if (lstat(dir, &st) == 0 && (!S_ISDIR(st.st_mode) || (rmdir(dir) && errno != EBUSY)))
		return err_set(err, -STORE_BAD, "%s is there already and not an empty directory", dir);
	int rc = read_all(path, NULL, out, err);
	if (rc)
		return err_prefix(err, rc, "%s", path);
	snprintf(part, sizeof part, "%s.part-%ld", dir, (long)getpid());
	snprintf(flows, sizeof flows, "%s/flows", part);
	if (mkdir(part, 0750) || mkdir(flows, 0750))
		rc = err_set(err, -STORE_IO, "cannot make %s: %s", part, strerror(errno));
	/* Read again while it is written, and compared again: it may have changed. */
	if (!rc)
		rc = read_all(path, part, out, err);
	if (!rc)
		rc = look_at_it(part, err);
	if (!rc && rename(part, dir))
		rc = err_set(err, -STORE_IO, "cannot name the store %s: %s", dir, strerror(errno));
	if (rc)
		remove_all(part);
	return rc;
}
