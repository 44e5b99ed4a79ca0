// SPDX-License-Identifier: Apache-2.0
#include "role/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

static struct {
	bool read;
	uid_t uid[ROLE_N];
	gid_t gid[ROLE_N];
	bool named[ROLE_N], group_named;
	gid_t readers;
} users;

static void user_name(char out[64], enum role_id role)
{
	snprintf(out, 64, "sakimori-%s", roles[role].name);
}

static void take_user(const struct passwd *p)
{
	char name[64];
	for (int r = 0; r < ROLE_N; r++) {
		user_name(name, (enum role_id)r);
		/* The first line of a name counts, as everywhere. */
		if (!roles[r].uid || users.named[r] || strcmp(p->pw_name, name) != 0)
			continue;
		users.named[r] = true;
		users.uid[r] = p->pw_uid;
		users.gid[r] = p->pw_gid;
	}
}

void users_read(const char *passwd, const char *group)
{
	struct passwd *p;
	struct group *g;
	memset(&users, 0, sizeof users);
	users.read = true;
	users.readers = ROLE_GROUP;
	for (int r = 0; r < ROLE_N; r++) {
		users.uid[r] = roles[r].uid;
		users.gid[r] = roles[r].uid;
	}
	FILE *f = fopen(passwd, "re");
	while (f && (p = fgetpwent(f)))
		take_user(p);
	if (f)
		fclose(f);
	f = fopen(group, "re");
	while (f && (g = fgetgrent(f)))
		if (!users.group_named && strcmp(g->gr_name, "sakimori") == 0) {
			users.group_named = true;
			users.readers = g->gr_gid;
		}
	if (f)
		fclose(f);
}

static void read_once(void)
{
	if (!users.read)
		users_read(USERS_PASSWD, USERS_GROUP);
}

uid_t users_uid(enum role_id role)
{
	read_once();
	return users.uid[role];
}

gid_t users_gid(enum role_id role)
{
	read_once();
	return roles[role].reader ? users.readers : users.gid[role];
}

gid_t users_readers(void)
{
	read_once();
	return users.readers;
}

#define HELP "; `systemd-sysusers` makes users sakimori-ROLE with free numbers, which are then taken"

static int check_role(enum role_id r, struct err *err)
{
	char name[64];
	user_name(name, r);
	if (users.uid[r] == 0 || users.gid[r] == 0)
		return err_set(err, -1, "user %s is root's, or in its group: give it a number of its own", name);
	for (int q = 0; q < (int)r; q++)
		if (roles[q].uid && users.uid[q] == users.uid[r])
			return err_set(err, -1, "users sakimori-%s and %s have the same number %u", roles[q].name, name,
				(unsigned)users.uid[r]);
	if (users.named[r])
		return 0;
	/* Here the whole name service is asked: a directory's users count, too. */
	const struct passwd *p = getpwuid(users.uid[r]);
	if (p)
		return err_set(err, -1, "user number %u of the %s role belongs to the account %.64s" HELP,
			(unsigned)users.uid[r], roles[r].name, p->pw_name);
	const struct group *g = roles[r].reader ? NULL : getgrgid(users.gid[r]);
	if (g)
		return err_set(err, -1, "group number %u of the %s role belongs to the group %.64s" HELP,
			(unsigned)users.gid[r], roles[r].name, g->gr_name);
	return 0;
}

int users_check(struct err *err)
{
	int r = 0;
	read_once();
	for (int i = 0; i < ROLE_N && r == 0; i++)
		if (roles[i].uid)
			r = check_role((enum role_id)i, err);
	if (r < 0)
		return r;
	if (users.readers == 0)
		return err_set(err, -1, "group sakimori is root's: give it a number of its own");
	const struct group *g = users.group_named ? NULL : getgrgid(users.readers);
	if (g)
		return err_set(err, -1, "group number %u, who may read the store, belongs to the group %.64s" HELP,
			(unsigned)users.readers, g->gr_name);
	return 0;
}
