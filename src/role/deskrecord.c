// SPDX-License-Identifier: Apache-2.0
#include "role/desk.h"

#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORDS 256 /* that wait for the keeper */

/* With the lock. */
static void unlink_record(struct desk *d, const struct desk_record *r)
{
	struct desk_record **at = &d->records;
	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
}

static void free_record(struct desk_record *r)
{
	if (!r)
		return;
	/* Among it may be a hash. */
	proof_wipe(r->p, r->n);
	free(r->p);
	free(r);
}

static struct desk_record *make(const struct store_note *note, const struct row_kind *kind, const void *record)
{
	struct message_buf b = { 0 };
	struct desk_record *r = mem_new(sizeof *r);
	message_text(&b, note->who);
	message_text(&b, note->what);
	message_text(&b, note->subject);
	message_text(&b, kind ? kind->name : "");
	if (kind)
		message_row(&b, kind, record);
	*r = (struct desk_record){ .p = b.p, .n = b.n };
	return r;
}

/* With the lock. Behind those that are there: the keeper keeps them in order. */
static int add(struct desk *d, struct desk_record *r)
{
	unsigned n = 0;
	struct desk_record **at = &d->records;
	for (; *at; at = &(*at)->next)
		n++;
	/* What nobody waits for can wait for another keeper. */
	if ((!d->keeper && !r->nobody) || d->quit || n >= RECORDS)
		return -1;
	r->number = ++d->record_number;
	*at = r;
	return 0;
}

int desk_record(
	struct desk *d, const struct store_note *note, const struct row_kind *kind, const void *record, struct err *err)
{
	struct timespec until;
	if (kind && accounts_check(kind, record, err) < 0)
		return VIEW_BAD;
	struct desk_record *r = make(note, kind, record);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += DESK_KEEPER_S;
	pthread_mutex_lock(&d->lock);
	bool sent = add(d, r) == 0;
	pthread_mutex_unlock(&d->lock);
	if (sent)
		desk_wake(d);
	pthread_mutex_lock(&d->lock);
	int late = 0;
	while (sent && !r->done && !d->quit && !late)
		late = pthread_cond_timedwait(&d->kept, &d->lock, &until);
	unlink_record(d, r);
	pthread_mutex_unlock(&d->lock);
	int code = r->done ? r->code : VIEW_AWAY;
	if (code == VIEW_AWAY)
		err_set(err, code, "the store can't be written just now%s",
			r->sent && !r->done ? "; it may be soon" : "");
	else if (code)
		err_set(err, code, "%s", r->why);
	free_record(r);
	return code;
}

void desk_note_late(struct desk *d, const struct store_note *note)
{
	struct desk_record *r = make(note, NULL, NULL);
	r->nobody = true;
	pthread_mutex_lock(&d->lock);
	bool sent = add(d, r) == 0;
	pthread_mutex_unlock(&d->lock);
	if (sent)
		desk_wake(d);
	else
		free_record(r);
}

/* ---- in the role's thread ---- */

void deskrecord_send(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	for (struct desk_record *r = d->records; r && d->keeper; r = r->next) {
		struct message m = {
			.kind = MESSAGE_RECORD, .count = 1, .sequence = r->number, .body = { r->p, r->n }
		};
		if (!r->sent && channel_send(d->keeper, &m) == 0)
			r->sent = true;
	}
	pthread_mutex_unlock(&d->lock);
}

/* With the lock. */
static void finish(struct desk *d, struct desk_record *r, int code, const char *why)
{
	r->code = code;
	r->done = true;
	snprintf(r->why, sizeof r->why, "%s", why);
	if (!r->nobody)
		return;
	unlink_record(d, r);
	free_record(r);
}

static int code_of(int store)
{
	return store == STORE_FULL || store == STORE_IO || store == STORE_BUSY ? VIEW_AWAY : VIEW_CONFLICT;
}

void deskrecord_answer(struct desk *d, const struct message *m)
{
	struct message_reader in = { .in = m->body };
	char why[256] = "";
	int code = 0;
	if (m->kind == MESSAGE_REFUSE) {
		code = code_of((int)message_get_u32(&in));
		message_get_text(&in, why, sizeof why);
	}
	if (!message_whole(&in)) {
		channel_refused();
		return;
	}
	pthread_mutex_lock(&d->lock);
	struct desk_record *r = d->records;
	while (r && r->number != m->sequence)
		r = r->next;
	if (r && r->sent && !r->done)
		finish(d, r, code, why);
	pthread_cond_broadcast(&d->kept);
	pthread_mutex_unlock(&d->lock);
}

void deskrecord_lost(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	for (struct desk_record *r = d->records, *next; r; r = next) {
		next = r->next;
		if (r->nobody && !d->quit)
			r->sent = false;
		else if (!r->done)
			finish(d, r, VIEW_AWAY, "");
	}
	pthread_cond_broadcast(&d->kept);
	pthread_mutex_unlock(&d->lock);
}
