// SPDX-License-Identifier: Apache-2.0
#include "role/firstlogin.h"

#include "role/proof.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In the place of what lies there, which is not looked at: the directory may be another's to write, too. */
static int write_file(const char *dir, const char *password, struct err *err)
{
	char text[PROOF_ONCE + 1];
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at >= 0)
		unlinkat(at, FIRSTLOGIN_FILE, 0);
	int fd = at < 0 ? -1 : openat(at, FIRSTLOGIN_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int n = snprintf(text, sizeof text, "%s\n", password);
	bool whole = fd >= 0 && write(fd, text, (size_t)n) == n && fsync(fd) == 0;
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (at >= 0)
		close(at);
	proof_wipe(text, sizeof text);
	return whole ? 0 : err_set(err, -1, "%s/%s: %s", dir, FIRSTLOGIN_FILE, strerror(why));
}

static int put(struct store *s, const char *password, struct err *err)
{
	int64_t now = loop_clock_ns();
	struct user u = { .name = FIRSTLOGIN_USER,
		.roles = "* admin",
		.rights = "see-subscriber\nsee-dark",
		.state = "active",
		.created_ns = now,
		.changed_ns = now };
	struct credential c = { .subject = "user " FIRSTLOGIN_USER, .since_ns = now, .once = true };
	struct store_note proof = { now, "sakimori", "password-of", FIRSTLOGIN_USER };
	struct store_note note = { now, "sakimori", "user-add", FIRSTLOGIN_USER };
	if (proof_password(c.hash, password, err) < 0)
		return -1;
	/* The password first: with the user alone nobody would be given one again. */
	if (store_put_noted(s, &credential_kind, &c, &proof, err) < 0)
		return -1;
	return store_put_noted(s, &user_kind, &u, &note, err) < 0 ? -1 : 0;
}

static int one(void *arg, const void *row)
{
	*(bool *)arg = true;
	return 1;
}

int firstlogin_make(const struct member *m, struct store *s, struct err *err)
{
	char password[PROOF_ONCE];
	bool any = false;
	const struct yaml_hostport *at = &m->config->console.listen;
	if (!at->host || (store_each(s, &user_kind, one, &any, NULL) < 0 && !any) || any)
		return 0;
	proof_init();
	proof_once(password);
	bool terminal = isatty(STDERR_FILENO);
	int r = terminal ? 0 : write_file(member_store(m), password, err);
	if (r == 0)
		r = put(s, password, err);
	if (r == 0 && terminal)
		member_say(m, "first login: https://%s:%u user %s password %s, good for one login", at->host,
			(unsigned)at->port, FIRSTLOGIN_USER, password);
	else if (r == 0)
		member_say(m, "first login: https://%s:%u user %s, the password is in %s/%s, good for one login",
			at->host, (unsigned)at->port, FIRSTLOGIN_USER, m->options.store, FIRSTLOGIN_FILE);
	proof_wipe(password, sizeof password);
	return r;
}

void firstlogin_over(const char *dir, const char *user)
{
	if (strcmp(user, FIRSTLOGIN_USER) != 0)
		return;
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return;
	unlinkat(at, FIRSTLOGIN_FILE, 0);
	close(at);
}
