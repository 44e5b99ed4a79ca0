// SPDX-License-Identifier: Apache-2.0
#include "role/resolve.h"

#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Belongs to the loop's side and the thread: whoever is done last frees it. */
struct resolve {
	struct loop *loop;
	char host[256], port[8];
	int fd; /* eventfd */
	void (*fn)(void *arg, const struct resolve_answer *a);
	void *arg;
	struct resolve_answer answer;
	atomic_int users;
};

static void leave(struct resolve *r)
{
	if (atomic_fetch_sub(&r->users, 1) != 1)
		return;
	close(r->fd);
	free(r);
}

static void *ask(void *arg)
{
	struct resolve *r = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *list = NULL;
	uint64_t one = 1;
	int code = getaddrinfo(r->host, r->port, &hints, &list);
	for (struct addrinfo *a = list; a && r->answer.n < RESOLVE_MAX; a = a->ai_next) {
		memcpy(&r->answer.v[r->answer.n].to, a->ai_addr, a->ai_addrlen);
		r->answer.v[r->answer.n++].n = a->ai_addrlen;
	}
	if (list)
		freeaddrinfo(list);
	r->answer.why = code ? gai_strerror(code) : "no address";
	/* An eventfd that nobody reads any more is no fault. */
	ssize_t written = write(r->fd, &one, sizeof one);
	(void)written;
	leave(r);
	return NULL;
}

static void on_answer(void *arg, int fd, short events)
{
	struct resolve *r = arg;
	struct resolve_answer a = r->answer;
	void (*fn)(void *, const struct resolve_answer *) = r->fn;
	void *to = r->arg;
	loop_remove(r->loop, fd);
	leave(r);
	fn(to, &a);
}

struct resolve *resolve_start(struct loop *loop, const char *host, uint16_t port,
	void (*fn)(void *arg, const struct resolve_answer *a), void *arg)
{
	struct resolve *r = mem_new(sizeof *r);
	pthread_t thread;
	uint64_t one = 1;
	__nss_configure_lookup("hosts", "files dns");
	r->loop = loop;
	r->fn = fn;
	r->arg = arg;
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ENSURE(r->fd >= 0);
	atomic_store(&r->users, 2);
	snprintf(r->host, sizeof r->host, "%s", host);
	snprintf(r->port, sizeof r->port, "%u", port);
	loop_add(loop, r->fd, POLLIN, on_answer, r);
	if (pthread_create(&thread, NULL, ask, r) == 0) {
		pthread_detach(thread);
	} else {
		r->answer.why = "no thread to ask with";
		atomic_store(&r->users, 1);
		ENSURE(write(r->fd, &one, sizeof one) == sizeof one);
	}
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (!r)
		return;
	loop_remove(r->loop, r->fd);
	leave(r);
}
