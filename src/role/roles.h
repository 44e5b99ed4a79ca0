// SPDX-License-Identifier: Apache-2.0
/*
 * The tables of the daemon: which processes there are, what each is exposed to and may do, and which may send what to
 * whom. `sakimori run --roles` prints them; supervisor, channels and sandbox go by them. A new role is a row here and a
 * file; a new edge is a row.
 */
#pragma once
#include "base/bytes.h"
#include "model/message.h"
#include <stdio.h>
#include <sys/types.h>

enum role_id {
	ROLE_SUPERVISOR,
	ROLE_CAPTURE, /* one a sensor */
	ROLE_ANALYSIS,
	ROLE_KEEPER,
	ROLE_QUERY,
	ROLE_ALERT,
	ROLE_FORWARD,
	ROLE_COLLECT,
	ROLE_METRICS,
	ROLE_DESK,    /* answers the console: knows its users, asks the store for them */
	ROLE_CONSOLE, /* HTTPS */
	ROLE_COMMAND, /* not a process of the daemon: who speaks to its control socket */
	ROLE_N
};

#define ROLE_GROUP 47000 /* may read the store */

enum role_network {
	NETWORK_NONE,	/* an empty namespace, no socket call */
	NETWORK_PACKET, /* the capture socket, opened before it is sealed */
	NETWORK_OUT,	/* connections outwards */
	NETWORK_LISTEN, /* a socket that was opened before it is sealed */
};

struct member;

struct role {
	const char *name;
	uid_t uid;				     /* 0: stays what it is */
	const char *input, *keys, *network, *writes; /* for people */
	enum role_network net;
	unsigned threads; /* it starts before it is sealed */
	unsigned files;	  /* RLIMIT_NOFILE */
	int stop;	  /* 0 ends first; the keeper last */
	bool reader;	  /* in the group that may read the store */
	bool rooted;	  /* as root: the store's directory is all it sees of the file system */
};

extern const struct role roles[ROLE_N];

/* Both ways over one socket pair. */
struct edge {
	enum role_id a, b;
	uint64_t to_b, to_a; /* MESSAGE_BIT()s that may go that way */
};

extern const struct edge edges[];
extern const size_t edges_n;

/* What `to` may get from `from`; 0: there is no such edge. */
uint64_t edges_kinds(enum role_id from, enum role_id to);

/* The role of this name, ROLE_N when there is none. */
enum role_id roles_find(const char *name);

/* Both tables, for people. */
void roles_print(FILE *out);
