// SPDX-License-Identifier: Apache-2.0
/* The keeper's peers: each a channel, what it has begun to say, and what it is told. Private to the keeper. */
#pragma once
#include "role/batch.h"
#include "role/member.h"
#include "role/sender.h"

#define FEEDERS_MAX 128

struct feeder {
	struct keeper *keeper;
	enum role_id role;
	unsigned index;
	uid_t uid; /* of a command */
	struct channel *channel;
	struct assembly *assembly;
	struct sender_hello hello;
	bool greeted, dropped;
	bool unanswered; /* its greeting: the gap before it could not be kept for now */
	bool waiting;	 /* a whole batch that the store could not take for now */
};

struct keeper {
	struct member *m;
	struct store *store;
	int control; /* -1: none */
	uid_t commander;
	struct feeder *feeders[FEEDERS_MAX];
	struct feeder_told {
		uint64_t sender;
		int64_t to_ns;
	} told[FEEDERS_MAX];   /* gaps, by sender: how far they reach */
	struct relay *relay;   /* to analysis and alert */
	struct upkeep *upkeep; /* ring and retention */
};

/* A peer begins; it takes the place of one with the same role and index. -1: too many, `fd` is still the caller's. */
int feeder_new(struct keeper *k, enum role_id role, unsigned index, int fd);

/* A local command of this user. */
int feeder_command(struct keeper *k, uid_t uid, int fd);

/* Cuts it off, soon. */
void feeder_drop(struct feeder *f);
void feeder_free_all(struct keeper *k);

/* Tries again what could not be kept. `arg` is the keeper. */
void feeder_retry(void *arg);
