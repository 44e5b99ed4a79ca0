// SPDX-License-Identifier: Apache-2.0
#include "role/asking.h"

#include "base/mem.h"
#include "store/principal.h"
#include "store/query.h"
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SIZE ((size_t)32 << 10) /* of a message of rows, about */
#define OUT_MAX	    ((size_t)4 << 20)  /* rows that wait for their reader; the question waits, too */
#define FEED	    ((size_t)1 << 20)
#define ROWS_MAX    1000000u
#define TIME_MAX_MS 60000u
#define USERS	    256

enum { JOB_NONE, JOB_WAITS, JOB_RUNS, JOB_DONE };

struct asker {
	struct asking *a;
	struct channel *channel;
	const struct principal *principal;
	/* Under the lock. */
	int state;
	char *sql;
	struct store_query_limits limits;
	atomic_bool cancel;
	struct message_buf rows; /* of the message that is being filled; the thread's */
	uint32_t rows_n;
	struct out {
		struct out *next;
		uint16_t kind;
		uint32_t count;
		size_t n;
		uint8_t octets[];
	} * first, **last;
	size_t octets;
};

struct asking {
	struct member *m;
	int listening, wake;
	uid_t own;
	struct {
		uid_t uid;
		struct principal principal;
	} users[USERS];
	size_t users_n;
	struct principal everything;
	struct asker *askers[ASKING_PEERS];
	unsigned turn; /* whose question is looked at next */
	pthread_t threads[ASKING_THREADS];
	unsigned started;
	pthread_mutex_t lock;
	pthread_cond_t work, room;
	bool quit;
};

/* ---- in a thread ---- */

/* Called with the lock held. */
static void put(struct asker *k, uint16_t kind, uint32_t count, const struct message_buf *body)
{
	struct out *o = mem_new(sizeof *o + body->n);
	*o = (struct out){ .kind = kind, .count = count, .n = body->n };
	if (body->n)
		memcpy(o->octets, body->p, body->n);
	*k->last = o;
	k->last = &o->next;
	k->octets += o->n;
}

static void wake(struct asking *a)
{
	uint64_t one = 1;
	if (write(a->wake, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

static void give_rows(struct asker *k)
{
	struct asking *a = k->a;
	if (!k->rows_n)
		return;
	pthread_mutex_lock(&a->lock);
	while (k->octets > OUT_MAX && !atomic_load(&k->cancel))
		pthread_cond_wait(&a->room, &a->lock);
	put(k, MESSAGE_ANSWER, k->rows_n, &k->rows);
	pthread_mutex_unlock(&a->lock);
	k->rows.n = k->rows_n = 0;
	wake(a);
}

static void put_value(struct message_buf *b, const struct store_value *v)
{
	uint64_t bits = 0;
	message_u8(b, (uint8_t)v->type);
	switch (v->type) {
	case STORE_NULL:
		break;
	case STORE_INTEGER:
		message_u64(b, (uint64_t)v->integer);
		break;
	case STORE_REAL:
		memcpy(&bits, &v->real, sizeof bits);
		message_u64(b, bits);
		break;
	case STORE_TEXT:
	case STORE_BLOB:
		message_u32(b, (uint32_t)v->bytes.n);
		message_octets(b, v->bytes.p, v->bytes.n);
	}
}

/* The names are a row of texts, the first. */
static int take_row(void *arg, const char *const *names, const struct store_value *values, size_t n)
{
	struct asker *k = arg;
	size_t before = k->rows.n;
	message_u16(&k->rows, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		struct store_value name = { .type = STORE_TEXT,
			.bytes = { (const uint8_t *)names[i], strlen(names[i]) } };
		put_value(&k->rows, values ? &values[i] : &name);
	}
	k->rows_n++;
	if (k->rows.n > MESSAGE_BODY) {
		/* One row that no message can hold: what is before it goes, it does not. */
		k->rows.n = before;
		k->rows_n--;
		give_rows(k);
		return 1;
	}
	if (k->rows.n > ANSWER_SIZE)
		give_rows(k);
	return atomic_load(&k->cancel);
}

static void answer(struct asker *k)
{
	struct err err = { "" };
	struct store_query q = { .limits = k->limits, .fn = take_row, .arg = k };
	int code = 0;
	q.limits.cancel = &k->cancel;
	struct store *s = store_open_as(member_store(k->a->m), k->principal, &code, &err);
	if (s)
		code = store_query(s, k->sql, &q, &err);
	if (code == -STORE_STOPPED)
		err_set(&err, code, "a row is larger than %zu octets", (size_t)MESSAGE_BODY);
	store_close(s);
	give_rows(k);
	struct message_buf end = { 0 };
	message_u32(&end, (uint32_t)-code);
	message_u32(&end, (uint32_t)q.cut);
	message_u64(&end, q.rows);
	message_text(&end, code ? err.text : "");
	pthread_mutex_lock(&k->a->lock);
	put(k, MESSAGE_END, 0, &end);
	k->state = JOB_DONE;
	pthread_mutex_unlock(&k->a->lock);
	free(end.p);
	wake(k->a);
}

static unsigned count(const struct asking *a, const struct principal *p, bool running)
{
	unsigned n = 0;
	for (int i = 0; i < ASKING_PEERS; i++)
		n += a->askers[i] && a->askers[i]->principal == p && (!running || a->askers[i]->state == JOB_RUNS);
	return n;
}

/* In turn; one user never has all threads. */
static struct asker *next_job(struct asking *a)
{
	for (unsigned n = 0; n < ASKING_PEERS; n++) {
		struct asker *k = a->askers[a->turn++ % ASKING_PEERS];
		if (k && k->state == JOB_WAITS && count(a, k->principal, true) < ASKING_THREADS - 1)
			return k;
	}
	return NULL;
}

static void *work(void *arg)
{
	struct asking *a = arg;
	struct asker *k;
	pthread_mutex_lock(&a->lock);
	while (!a->quit) {
		k = next_job(a);
		if (!k) {
			pthread_cond_wait(&a->work, &a->lock);
			continue;
		}
		k->state = JOB_RUNS;
		pthread_mutex_unlock(&a->lock);
		answer(k);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- in the role's thread ---- */

static void free_asker(struct asker *k)
{
	struct asking *a = k->a;
	for (int i = 0; i < ASKING_PEERS; i++)
		if (a->askers[i] == k)
			a->askers[i] = NULL;
	while (k->first) {
		struct out *o = k->first;
		k->first = o->next;
		free(o);
	}
	channel_free(k->channel);
	free(k->rows.p);
	free(k->sql);
	free(k);
}

/* What waits goes to its reader. Called with the lock held. */
static void feed(struct asker *k)
{
	while (k->first && k->channel && channel_queued(k->channel) < FEED) {
		struct out *o = k->first;
		struct message m = { .kind = o->kind, .count = o->count, .body = { o->octets, o->n } };
		if (channel_send(k->channel, &m) < 0)
			break;
		k->first = o->next;
		if (!k->first)
			k->last = &k->first;
		k->octets -= o->n;
		free(o);
	}
	if (k->state == JOB_DONE && !k->first) {
		k->state = JOB_NONE;
		counters_add(COUNTER_QUERIES, 1);
	}
}

static void on_wake(void *arg, int fd, short events)
{
	struct asking *a = arg;
	uint64_t drain;
	if (read(fd, &drain, sizeof drain) < 0)
		drain = 0;
	pthread_mutex_lock(&a->lock);
	for (int i = 0; i < ASKING_PEERS; i++) {
		struct asker *k = a->askers[i];
		if (!k)
			continue;
		feed(k);
		/* Its asker went, and now its question is over, too. */
		if (!k->channel && (k->state == JOB_DONE || k->state == JOB_NONE))
			free_asker(k);
	}
	pthread_cond_broadcast(&a->room);
	pthread_mutex_unlock(&a->lock);
}

static void on_drained(void *arg, struct channel *c)
{
	struct asker *k = arg;
	wake(k->a);
}

static void on_closed(void *arg, struct channel *c, const char *why)
{
	struct asker *k = arg;
	struct asking *a = k->a;
	channel_free(c);
	pthread_mutex_lock(&a->lock);
	k->channel = NULL;
	atomic_store(&k->cancel, true);
	if (k->state == JOB_RUNS)
		counters_add(COUNTER_QUERIES_CUT, 1);
	else
		free_asker(k);
	pthread_cond_broadcast(&a->room);
	pthread_mutex_unlock(&a->lock);
}

static void on_message(void *arg, struct channel *c, const struct message *m, int fd)
{
	struct asker *k = arg;
	struct message_reader in = { .in = m->body };
	uint64_t rows = message_get_u64(&in), time_ms = message_get_u64(&in);
	struct bytes sql = message_get_octets(&in, message_get_u32(&in));
	pthread_mutex_lock(&k->a->lock);
	bool good = message_whole(&in) && sql.n && sql.n <= ASKING_SQL_MAX && k->state == JOB_NONE;
	if (good) {
		free(k->sql);
		k->sql = mem_new(sql.n + 1);
		memcpy(k->sql, sql.p, sql.n);
		k->limits = (struct store_query_limits){ .rows = rows && rows < ROWS_MAX ? rows
								 : rows			 ? ROWS_MAX
											 : 0,
			.time_ms = time_ms > TIME_MAX_MS ? TIME_MAX_MS : time_ms };
		k->state = JOB_WAITS;
		pthread_cond_signal(&k->a->work);
	} else {
		counters_add(COUNTER_REFUSED, 1);
	}
	pthread_mutex_unlock(&k->a->lock);
}

static const struct principal *principal_of(struct asking *a, uid_t uid)
{
	if (uid == 0 || uid == a->own)
		return &a->everything;
	for (size_t i = 0; i < a->users_n; i++)
		if (a->users[i].uid == uid)
			return &a->users[i].principal;
	return NULL;
}

static void on_asker(void *arg, int fd, short events)
{
	struct asking *a = arg;
	struct ucred who;
	socklen_t n = sizeof who;
	int at = 0, peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0)
		return;
	bool known = getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0;
	const struct principal *p = known ? principal_of(a, who.uid) : NULL;
	while (at < ASKING_PEERS && a->askers[at])
		at++;
	if (!p || at == ASKING_PEERS || count(a, p, false) >= ASKING_EACH) {
		counters_add(COUNTER_REFUSED, 1);
		close(peer);
		return;
	}
	struct asker *k = mem_new(sizeof *k);
	struct channel_handler h = { .arg = k, .message = on_message, .drained = on_drained, .closed = on_closed };
	k->a = a;
	k->principal = p;
	k->last = &k->first;
	k->channel = member_channel(a->m, ROLE_COMMAND, peer, &h, 0);
	pthread_mutex_lock(&a->lock);
	a->askers[at] = k;
	pthread_mutex_unlock(&a->lock);
}

/* ---- life ---- */

static void add_user(struct asking *a, const struct config_access *c)
{
	const struct passwd *pw = getpwnam(c->user);
	struct principal *p = &a->users[a->users_n].principal;
	if (!pw) {
		member_say(a->m, "access: there is no user %s on this machine", c->user);
		return;
	}
	a->users[a->users_n++].uid = pw->pw_uid;
	for (size_t i = 0; i < c->tenants.n && p->n < PRINCIPAL_TENANTS; i++)
		snprintf(p->tenants[p->n++], sizeof *p->tenants, "%s", c->tenants.v[i]);
	for (size_t i = 0; i < c->rights.n; i++)
		p->rights |= c->rights.v[i] == CONFIG_ADMIN ? PRINCIPAL_ADMIN : PRINCIPAL_SEE_SUBSCRIBER;
	p->all = p->rights & PRINCIPAL_ADMIN;
}

static int listen_at(struct member *m, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	if (snprintf(at.sun_path, sizeof at.sun_path, "%s/query.sock", m->options.store) >= (int)sizeof at.sun_path) {
		member_note("the path is too long for a socket: users without access to the files can't ask");
		return -1;
	}
	unlink(at.sun_path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* By umask, not chmod: the directory isn't root's, a link could lie there by then. */
	mode_t before = umask(0111);
	bool open = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, ASKING_PEERS) == 0;
	int why = errno;
	umask(before);
	if (open)
		return fd;
	if (fd >= 0)
		close(fd);
	return err_set(err, -2, "%s: %s", at.sun_path, strerror(why));
}

struct asking *asking_open(struct member *m, struct err *err)
{
	struct asking *a = mem_new(sizeof *a);
	a->m = m;
	a->own = geteuid();
	a->everything = (struct principal){ .all = true, .rights = PRINCIPAL_ADMIN | PRINCIPAL_SEE_SUBSCRIBER };
	a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->listening = listen_at(m, err);
	ENSURE(pthread_mutex_init(&a->lock, NULL) == 0 && pthread_cond_init(&a->work, NULL) == 0 &&
		pthread_cond_init(&a->room, NULL) == 0 && a->wake >= 0);
	for (size_t i = 0; i < m->config->access.n && i < USERS; i++)
		add_user(a, &m->config->access.v[i]);
	if (a->listening != -2)
		return a;
	asking_close(a);
	return NULL;
}

int asking_ready(struct asking *a, struct err *err)
{
	sigset_t all, before;
	int r = 0;
	if (a->listening < 0)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; a->started < ASKING_THREADS && r == 0; a->started += r == 0)
		r = pthread_create(&a->threads[a->started], NULL, work, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return err_set(err, -1, "can't start a thread: %s", strerror(r));
	loop_add(a->m->loop, a->wake, POLLIN, on_wake, a);
	loop_add(a->m->loop, a->listening, POLLIN, on_asker, a);
	return 0;
}

void asking_close(struct asking *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->quit = true;
	for (int i = 0; i < ASKING_PEERS; i++)
		if (a->askers[i])
			atomic_store(&a->askers[i]->cancel, true);
	pthread_cond_broadcast(&a->work);
	pthread_cond_broadcast(&a->room);
	pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i < a->started; i++)
		pthread_join(a->threads[i], NULL);
	for (int i = 0; i < ASKING_PEERS; i++)
		if (a->askers[i])
			free_asker(a->askers[i]);
	if (a->listening >= 0)
		close(a->listening);
	close(a->wake);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->work);
	pthread_cond_destroy(&a->room);
	free(a);
}
