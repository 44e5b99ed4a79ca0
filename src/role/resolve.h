// SPDX-License-Identifier: Apache-2.0
/*
 * Names to addresses without waiting: getaddrinfo(3) in a thread of its own, one question at a time. Only /etc/hosts
 * and DNS are asked, so that no library is loaded once the process is sealed. Reads RESOLVE_PATHS.
 */
#pragma once
#include "base/loop.h"
#include <sys/socket.h>

#define RESOLVE_MAX   8
#define RESOLVE_PATHS "/etc/hosts", "/etc/resolv.conf", "/etc/gai.conf", "/etc/host.conf"

struct resolve_answer {
	struct {
		struct sockaddr_storage to;
		socklen_t n;
	} v[RESOLVE_MAX];
	int n;		 /* 0: none */
	const char *why; /* then; static */
};

/* Asks; `fn` is called from the loop, once, never from here. */
struct resolve; /* opaque */
struct resolve *resolve_start(struct loop *loop, const char *host, uint16_t port,
	void (*fn)(void *arg, const struct resolve_answer *a), void *arg);

/* The answer isn't wanted any more. NULL is fine. Not from `fn`: it is over then. */
void resolve_cancel(struct resolve *r);
