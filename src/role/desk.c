// SPDX-License-Identifier: Apache-2.0
/* The desk role: knows the console's users, asks the store for them, writes nothing by itself. */
#include "role/desk.h"

#include "base/mem.h"
#include "base/random.h"
#include "role/members.h"
#include "view/reportzone.h"
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

void desk_wake(struct desk *d)
{
	uint64_t one = 1;
	if (write(d->wake, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

static void on_wake(void *arg, int fd, short events)
{
	struct desk *d = arg;
	uint64_t drain;
	if (read(fd, &drain, sizeof drain) < 0)
		drain = 0;
	deskrecord_send(d);
	deskqueue_feed(d);
}

static void on_second(void *arg)
{
	deskqueue_late(arg);
	deskaudit_tell(arg);
}

/* ---- peers ---- */

static void on_console(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct desk *d = arg;
	struct message_reader in = { .in = m->body };
	if (m->kind == MESSAGE_CALL) {
		deskqueue_call(d, m);
	} else if (m->kind == MESSAGE_CREDIT) {
		uint32_t octets = message_get_u32(&in);
		if (message_whole(&in))
			deskqueue_credit(d, m->sequence, octets);
		else
			channel_refused();
	} else {
		deskqueue_cancel(d, m->sequence);
	}
}

static void on_console_drained(void *arg, struct channel *c)
{
	deskqueue_feed(arg);
}

static void console_closed(void *arg, struct channel *c, const char *why)
{
	struct desk *d = arg;
	channel_free(c);
	d->console = NULL;
	deskqueue_forget(d);
}

static void on_keeper(void *arg, struct channel *c, const struct message *m, int fd)
{
	deskrecord_answer(arg, m);
}

static void keeper_closed(void *arg, struct channel *c, const char *why)
{
	struct desk *d = arg;
	channel_free(c);
	d->keeper = NULL;
	deskrecord_lost(d);
}

static void desk_edge(struct member *m, enum role_id peer, unsigned index, int fd)
{
	struct desk *d = m->state;
	if (peer == ROLE_CONSOLE) {
		struct channel_handler h = {
			.arg = d, .message = on_console, .drained = on_console_drained, .closed = console_closed
		};
		channel_free(d->console);
		deskqueue_forget(d);
		d->console = member_channel(m, peer, fd, &h, 0);
	} else if (peer == ROLE_KEEPER) {
		struct channel_handler h = { .arg = d, .message = on_keeper, .closed = keeper_closed };
		channel_free(d->keeper);
		deskrecord_lost(d);
		d->keeper = member_channel(m, peer, fd, &h, 0);
		deskrecord_send(d);
	} else {
		close(fd);
	}
}

/* ---- life ---- */

static struct knowing_files files(const struct config_texts *t)
{
	return (struct knowing_files){ t->v, t->n };
}

/* Privileged, because the files lie outside of what a rooted process sees later: they are the operator's own. A
 * look-up counts, so each thread has maps of its own (of the same memory); the lists are shared. */
static int open_knowing(struct desk *d, struct err *err)
{
	const struct config *c = d->m->config;
	struct knowing_params p = { files(&c->analysis.research), files(&c->analysis.names), files(&c->analysis.owners),
		files(&c->analysis.geo) };
	struct knowing_params geo = { .geo = files(&c->analysis.geo) };
	struct knowing *first = &d->workers[0].know;
	if (knowing_open(first, &p, err) < 0)
		return -1;
	for (int i = 1; i < DESK_THREADS; i++) {
		struct knowing *k = &d->workers[i].know;
		int r = knowing_open(k, &geo, err);
		research_free(k->research);
		owner_free(k->owner);
		k->research = first->research;
		k->owner = first->owner;
		if (r < 0)
			return -1;
	}
	return 0;
}

static int desk_open(struct member *m, struct err *err)
{
	struct desk *d = mem_new(sizeof *d);
	pthread_condattr_t clock;
	d->m = m;
	m->state = d;
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->seed = random_key();
	ENSURE(d->wake >= 0 && pthread_condattr_init(&clock) == 0 &&
		pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0);
	ENSURE(pthread_mutex_init(&d->lock, NULL) == 0 && pthread_mutex_init(&d->accounts, NULL) == 0 &&
		pthread_mutex_init(&d->login, NULL) == 0 && pthread_cond_init(&d->work, &clock) == 0 &&
		pthread_cond_init(&d->room, &clock) == 0 && pthread_cond_init(&d->kept, &clock) == 0);
	reportzone_keep_all();
	return open_knowing(d, err);
}

static int desk_ready(struct member *m, struct err *err)
{
	struct desk *d = m->state;
	proof_init();
	d->sessions = sessions_new(m->config->console.session.idle_ns, m->config->console.session.longest_ns);
	d->throttle = throttle_new(random_key());
	if (deskqueue_start(d, err) < 0)
		return -1;
	loop_add(m->loop, d->wake, POLLIN, on_wake, d);
	loop_timer(m->loop, 1000, on_second, d);
	return 0;
}

static void desk_close(struct member *m)
{
	struct desk *d = m->state;
	channel_free(d->console);
	channel_free(d->keeper);
	d->console = d->keeper = NULL;
	deskqueue_end(d);
	deskrecord_lost(d);
	for (int i = DESK_THREADS - 1; i >= 0; i--) {
		struct knowing *k = &d->workers[i].know;
		store_close(d->workers[i].store);
		if (i) { /* the lists are those of the first */
			k->research = NULL;
			k->owner = NULL;
		}
		knowing_close(k);
	}
	store_close(d->book);
	sessions_free(d->sessions);
	throttle_free(d->throttle);
	close(d->wake);
	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->accounts);
	pthread_mutex_destroy(&d->login);
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->room);
	pthread_cond_destroy(&d->kept);
	free(d);
}

static const struct sandbox_paths *desk_paths(struct member *m)
{
	static const char *read[2];
	static struct sandbox_paths paths = { .read = read };
	read[0] = member_store(m);
	return &paths;
}

const struct member_role desk_role = {
	.open = desk_open,
	.ready = desk_ready,
	.edge = desk_edge,
	.close = desk_close,
	.paths = desk_paths,
};
