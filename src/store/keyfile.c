// SPDX-License-Identifier: Apache-2.0
#include "store/keyfile.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY ".new-"
#define LOCK_MS	  5000
#define LOCK_STEP 50

void keys_guard(void)
{
	const struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

void keys_pem_free(struct keys_pem *p)
{
	if (p->text) {
		explicit_bzero(p->text, p->room);
		munlock(p->text, p->room);
		mem_unmap(p->text, p->room);
	}
	*p = (struct keys_pem){ 0 };
}

void keyfile_add(struct keys_pem *p, const char *text, size_t n)
{
	if (n + 1 > p->room - p->n || !p->text) {
		struct keys_pem bigger = { .room = (p->n + n + 1 + 4095) / 4096 * 4096 };
		bigger.text = mem_map(bigger.room);
		/* Neither is a must: a limit on locked memory may be 0. */
		madvise(bigger.text, bigger.room, MADV_DONTDUMP);
		(void)!mlock(bigger.text, bigger.room);
		if (p->text && p->n)
			memcpy(bigger.text, p->text, p->n);
		bigger.n = p->n;
		keys_pem_free(p);
		*p = bigger;
	}
	memcpy(p->text + p->n, text, n);
	p->n += n;
	p->text[p->n] = '\0';
}

/* Root's directories and files are as good as one's own: nobody else can have written them. */
static int closed(const char *name, const struct stat *st, struct err *err)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(err, -KEYS_OPEN, "%s belongs to user %u: chown it to who runs this", name, st->st_uid);
	if (st->st_mode & 077)
		return err_set(err, -KEYS_OPEN, "%s is open to others (mode %o): chmod go= it", name,
			(unsigned)st->st_mode & 07777);
	return 0;
}

int keyfile_dir(int at, const char *name, bool make, struct err *err)
{
	if (make && mkdirat(at, name, 0700) && errno != EEXIST)
		return err_set(err, -KEYS_IO, "can't make %s: %s", name, strerror(errno));
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(
			err, errno == ENOENT ? -KEYS_ABSENT : -KEYS_IO, "can't open %s: %s", name, strerror(errno));
	struct stat st;
	int rc = fstat(fd, &st) ? err_set(err, -KEYS_IO, "%s: %s", name, strerror(errno)) : closed(name, &st, err);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int keyfile_lock(int dir, struct err *err)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -KEYS_IO, "can't open the lock of the keys: %s", strerror(errno));
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += LOCK_STEP) {
		if (errno != EWOULDBLOCK || waited >= LOCK_MS) {
			close(fd);
			return err_set(err, -KEYS_BUSY, "another process changes the keys");
		}
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_STEP * 1000000 }, NULL);
	}
	return fd;
}

int keyfile_read(int dir, const char *name, struct keys_pem *out, struct err *err)
{
	char buf[4096];
	struct stat st;
	int rc = 0, fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_set(
			err, errno == ENOENT ? -KEYS_ABSENT : -KEYS_IO, "can't read %s: %s", name, strerror(errno));
	if (fstat(fd, &st))
		rc = err_set(err, -KEYS_IO, "%s: %s", name, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size > KEYS_FILE_MAX)
		rc = err_set(err, -KEYS_BAD, "%s is no file of keys", name);
	else
		rc = closed(name, &st, err);
	ssize_t n = 0;
	while (!rc && (n = read(fd, buf, sizeof buf)) > 0) {
		keyfile_add(out, buf, (size_t)n);
		if (out->n > KEYS_FILE_MAX)
			rc = err_set(err, -KEYS_BAD, "%s is too long", name);
	}
	if (n < 0)
		rc = err_set(err, -KEYS_IO, "can't read %s: %s", name, strerror(errno));
	explicit_bzero(buf, sizeof buf);
	close(fd);
	if (!rc && !out->n)
		rc = err_set(err, -KEYS_BAD, "%s is empty", name);
	return rc;
}

static int write_all(int fd, struct bytes text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno != EINTR)
			return -1;
		text = bytes_from(text, n < 0 ? 0 : (size_t)n);
	}
	return fsync(fd);
}

int keyfile_write(int dir, const char *name, struct bytes text, struct err *err)
{
	char temporary[KEYFILE_NAME_MAX + sizeof TEMPORARY];
	snprintf(temporary, sizeof temporary, TEMPORARY "%s", name);
	if (unlinkat(dir, temporary, 0) && errno != ENOENT)
		return err_set(err, -KEYS_IO, "can't replace %s: %s", temporary, strerror(errno));
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -KEYS_IO, "can't write %s: %s", name, strerror(errno));
	bool bad = fchmod(fd, 0600) || write_all(fd, text);
	int why = errno;
	bad = (close(fd) && !bad && (why = errno)) || bad;
	if (!bad && (renameat(dir, temporary, dir, name) || fsync(dir))) {
		why = errno;
		bad = true;
	}
	if (!bad)
		return 0;
	unlinkat(dir, temporary, 0);
	return err_set(err, -KEYS_IO, "can't write %s: %s", name, strerror(why));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int keyfile_list(int dir, bool tidy, struct keyfile_names *out, struct err *err)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	*out = (struct keyfile_names){ 0 };
	if (!d) {
		if (fd >= 0)
			close(fd);
		return err_set(err, -KEYS_IO, "can't list the keys: %s", strerror(errno));
	}
	for (struct dirent *e; !rc && (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		if (tidy && strncmp(e->d_name, TEMPORARY, sizeof TEMPORARY - 1) == 0)
			unlinkat(dir, e->d_name, 0);
		if (e->d_name[0] == '.' || n < 5 || n >= KEYFILE_NAME_MAX || strcmp(e->d_name + n - 4, ".pem") != 0)
			continue;
		if (out->n == KEYS_FILES_MAX) {
			rc = err_set(err, -KEYS_LIMIT, "more than %d files of keys", KEYS_FILES_MAX);
			break;
		}
		if (out->n % 64 == 0)
			out->v = mem_grow(out->v, (out->n + 64) * sizeof *out->v);
		memcpy(out->v[out->n++], e->d_name, n + 1);
	}
	closedir(d);
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, by_name);
	return rc;
}

void keyfile_names_free(struct keyfile_names *names)
{
	free(names->v);
	*names = (struct keyfile_names){ 0 };
}
