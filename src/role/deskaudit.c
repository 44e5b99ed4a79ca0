// SPDX-License-Identifier: Apache-2.0
/* Lines of the audit that no record comes with. What may come often is summed up, so that nobody can fill the disk. */
#include "role/desk.h"

#include "base/random.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

#define FAILED_NS (60 * INT64_C(1000000000))   /* failed logins of an address: a line a minute */
#define SEEN_NS	  (3600 * INT64_C(1000000000)) /* who looks at subscribers: a line an hour and page */

static const char failed_login[] = "failed-login";

/* With `accounts`. The note of this, new or old; NULL: all are taken. The first is that of all others. */
static struct desk_note *note_of(struct desk *d, const char *who, const char *what, const char *subject, int64_t now)
{
	struct desk_note *free = NULL;
	for (int i = 1; i < DESK_NOTES; i++) {
		struct desk_note *n = &d->notes[i];
		if (n->what[0] && strcmp(n->who, who) == 0 && strcmp(n->what, what) == 0 &&
			strcmp(n->subject, subject) == 0)
			return n;
		if (!n->what[0] && !free)
			free = n;
	}
	if (!free)
		return NULL;
	*free = (struct desk_note){ .since_ns = now };
	snprintf(free->who, sizeof free->who, "%s", who);
	snprintf(free->what, sizeof free->what, "%s", what);
	snprintf(free->subject, sizeof free->subject, "%s", subject);
	return free;
}

/* A name that is no user's is not noted: people type their password there. */
void deskaudit_failed(struct desk *d, const char *user, const char *peer)
{
	char from[96];
	int64_t now = loop_now_ns();
	text_escape(from, sizeof from, peer, strnlen(peer, 60));
	pthread_mutex_lock(&d->accounts);
	struct desk_note *n = note_of(d, *user ? user : "nobody", failed_login, from, now);
	if (!n)
		n = &d->notes[0];
	if (!n->what[0])
		*n = (struct desk_note){
			.who = "nobody", .what = "failed-login", .subject = "others", .since_ns = now
		};
	n->n++;
	pthread_mutex_unlock(&d->accounts);
}

bool deskaudit_download(const char *path)
{
	size_t n = strlen(path);
	return (n > 4 && strcmp(path + n - 4, ".csv") == 0) || (n >= 5 && strcmp(path + n - 5, "/pcap") == 0) ||
	       strncmp(path, "/report", 7) == 0;
}

static bool shows_subscribers(const struct view_call *c)
{
	return c->who->principal.rights & PRINCIPAL_SEE_SUBSCRIBER &&
	       (strcmp(c->view->path, "/own") == 0 || strncmp(c->view->path, "/cases", 6) == 0);
}

int deskaudit_view(struct desk *d, const struct view_call *c, struct err *err)
{
	char subject[128], range[TEXT_TIME_MAX];
	struct store_note note = { c->now_ns, c->who->user, "download", subject };
	if (strcmp(c->view->method, "GET") != 0)
		return 0;
	if (deskaudit_download(c->view->path)) {
		snprintf(subject, sizeof subject, "%s", c->view->path);
		for (size_t i = 0; i < c->view->params_n; i++)
			if (c->view->params[i].type == VIEW_TIME && c->values[i].text &&
				strlen(subject) < sizeof subject - 40)
				snprintf(subject + strlen(subject), sizeof subject - strlen(subject), " %s %.19sZ",
					c->view->params[i].name, text_time(range, c->values[i].ns));
		return desk_record(d, &note, NULL, NULL, err);
	}
	if (!shows_subscribers(c))
		return 0;
	pthread_mutex_lock(&d->accounts);
	struct desk_note *n = note_of(d, c->who->user, "saw-subscribers", c->view->path, loop_now_ns() - SEEN_NS);
	bool tell = !n || !n->n++;
	pthread_mutex_unlock(&d->accounts);
	note.what = "saw-subscribers";
	snprintf(subject, sizeof subject, "%s", c->view->path);
	return tell ? desk_record(d, &note, NULL, NULL, err) : 0;
}

static void tell(struct desk *d, const struct desk_note *n)
{
	char subject[160];
	snprintf(subject, sizeof subject, "%u failed logins of %s in a minute", n->n, n->subject);
	desk_note_late(d, &(struct store_note){ loop_clock_ns(), n->who, n->what, subject });
}

void deskaudit_tell(struct desk *d)
{
	int64_t now = loop_now_ns();
	for (int i = 0; i < DESK_NOTES; i++) {
		pthread_mutex_lock(&d->accounts);
		struct desk_note *n = &d->notes[i], due = *n;
		bool failed = strcmp(n->what, failed_login) == 0;
		bool over = n->what[0] && now - n->since_ns > (failed ? FAILED_NS : SEEN_NS);
		if (over)
			*n = (struct desk_note){ 0 };
		pthread_mutex_unlock(&d->accounts);
		if (over && failed)
			tell(d, &due);
	}
	counters_set(COUNTER_CALLS_CUT, d->cut);
	counters_set(COUNTER_LOGINS, d->logins[0]);
	counters_set(COUNTER_LOGINS_FAILED, d->logins[1]);
	pthread_mutex_lock(&d->accounts);
	counters_set(COUNTER_SESSIONS, sessions_count(d->sessions));
	pthread_mutex_unlock(&d->accounts);
}
