// SPDX-License-Identifier: Apache-2.0
#include "role/supervisor.h"

#include "role/users.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What lies in the store's directory: by whom, and who may look. */
static const struct {
	const char *name;
	enum role_id owner;
	bool readers; /* their group; else root's */
	mode_t mode;
	bool files; /* those in it, too */
} parts[] = {
	{ "flows", ROLE_KEEPER, true, 0750, true },
	{ "packets", ROLE_KEEPER, true, 0750, false },
	{ "run", ROLE_SUPERVISOR, true, 0750, false },
	{ "spool", ROLE_FORWARD, false, 0700, true },
};

/* What was looked at is what is given: whoever owns the directory may put something else there meanwhile. A file with
 * a second name may be anybody's. */
static int own_file(int dir, const char *name, uid_t uid, gid_t gid, struct err *err)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
		(st.st_uid == uid && st.st_gid == gid))
		return 0;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), r = 0;
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		r = err_set(err, -1, "%s: was changed meanwhile", name);
	else if (st.st_nlink > 1)
		r = err_set(err, -1, "%s: has another name elsewhere, so it is not given to user %u: copy it", name,
			(unsigned)uid);
	else if (fchown(fd, uid, gid) != 0 || fchmod(fd, 0640) != 0)
		r = err_set(err, -1, "%s: can't be given to user %u: %s", name, (unsigned)uid, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

/* A store that a command made belongs to root; from now on to the keeper. Links are never followed. */
static int own_files(int dir, const char *prefix, uid_t uid, gid_t gid, struct err *err)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *e;
	int r = 0;
	if (!d)
		return err_set(err, -1, "can't read a directory of the store: %s", strerror(errno));
	while (r == 0 && (e = readdir(d)))
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
			r = own_file(dir, e->d_name, uid, gid, err);
	closedir(d);
	return r;
}

static int own_part(int dir, size_t i, bool root, struct err *err)
{
	if (mkdirat(dir, parts[i].name, parts[i].mode) != 0 && errno != EEXIST)
		return err_set(err, -1, "%s: %s", parts[i].name, strerror(errno));
	int fd = openat(dir, parts[i].name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -1, "%s: %s", parts[i].name, strerror(errno));
	uid_t uid = users_uid(parts[i].owner);
	gid_t gid = parts[i].readers ? users_readers() : 0;
	int r = 0;
	if (root && (fchown(fd, uid, gid) != 0 || fchmod(fd, parts[i].mode) != 0))
		r = err_set(
			err, -1, "%s: can't be given to user %u: %s", parts[i].name, (unsigned)uid, strerror(errno));
	if (r == 0 && root && parts[i].files)
		r = own_files(fd, "", uid, gid, err);
	close(fd);
	return r;
}

/* mkdir -p */
static int make(const char *dir)
{
	char path[4096];
	size_t n = strlen(dir);
	if (n >= sizeof path)
		return -1;
	memcpy(path, dir, n + 1);
	for (char *c = path + 1; *c; c++)
		if (*c == '/') {
			*c = '\0';
			if (mkdir(path, 0755) != 0 && errno != EEXIST)
				return -1;
			*c = '/';
		}
	return mkdir(path, 0750) == 0 || errno == EEXIST ? 0 : -1;
}

/* Nobody's files but ours may change hands: a directory is taken when it is empty or holds a store. */
static bool ours(int dir)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *e;
	bool empty = true, store = false;
	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		empty = false;
		store = store || strcmp(e->d_name, "store.db") == 0 || strcmp(e->d_name, "run") == 0 ||
			strcmp(e->d_name, "keys") == 0;
	}
	if (d)
		closedir(d);
	return d && (empty || store);
}

static int own_store(int dir, struct err *err)
{
	uid_t keeper = users_uid(ROLE_KEEPER);
	if (users_check(err) < 0)
		return -1;
	if (fchown(dir, keeper, users_readers()) != 0 || fchmod(dir, 0751) != 0)
		return err_set(err, -1, "can't be given to user %u: %s", (unsigned)keeper, strerror(errno));
	int r = own_files(dir, "store.db", keeper, users_readers(), err);
	return r < 0 ? r : own_files(dir, "lock", keeper, users_readers(), err);
}

int supervisor_directory(const char *dir, struct err *err)
{
	bool root = geteuid() == 0;
	int fd = make(dir) == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return err_set(err, -1, "%s: %s", dir, strerror(errno));
	int r = ours(fd) ? 0 : err_set(err, -1, "is neither empty nor a store");
	if (r == 0 && root)
		r = own_store(fd, err);
	for (size_t i = 0; i < sizeof parts / sizeof *parts && r == 0; i++)
		r = own_part(fd, i, root, err);
	close(fd);
	return r < 0 ? err_prefix(err, -1, "%s", dir) : 0;
}
