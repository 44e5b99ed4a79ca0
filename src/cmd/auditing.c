// SPDX-License-Identifier: Apache-2.0
#include "cmd/auditing.h"

#include "base/text.h"
#include "cmd/run.h"
#include "role/client.h"
#include "store/store.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *auditing_who(char *out, size_t size)
{
	static char known[256];
	const char *sudo = getenv("SUDO_USER");
	char name[64] = "?", by[96] = "";
	if (known[0]) {
		snprintf(out, size, "%s", known);
		return out;
	}
	const struct passwd *pw = getpwuid(getuid());
	if (pw)
		text_escape(name, sizeof name, pw->pw_name, strlen(pw->pw_name));
	if (sudo && geteuid() == 0) {
		char escaped[64];
		text_escape(escaped, sizeof escaped, sudo, strlen(sudo));
		snprintf(by, sizeof by, ", sudo by %s", escaped);
	}
	snprintf(known, sizeof known, "user %s (uid %u%s)", name, (unsigned)getuid(), by);
	snprintf(out, size, "%s", known);
	return out;
}

int auditing_note(const struct cli_global *g, const char *what, const char *subject)
{
	char who[256];
	struct err err = { "" };
	struct timespec now;
	const char *dir = run_store_dir(g);
	int code = 0;
	struct store *s = dir ? store_open(dir, STORE_WRITE, &code, &err) : NULL;
	clock_gettime(CLOCK_REALTIME, &now);
	int rc = s ? store_audit(s, now.tv_sec * (int64_t)1000000000 + now.tv_nsec, auditing_who(who, sizeof who), what,
			     subject, &err)
		   : -1;
	if (!s && code == -STORE_BUSY) {
		struct err why = { "" };
		rc = client_note(dir, auditing_who(who, sizeof who), what, subject, &why);
	}
	if (s)
		store_close(s);
	if (rc)
		fprintf(stderr, "sakimori: %s %s is done but not in the audit: %s\n", what, subject, err.text);
	return rc ? -1 : 0;
}
