// SPDX-License-Identifier: Apache-2.0
/*
 * What a role tells about itself without being asked: numbers in a page of memory that it shares with the supervisor,
 * which shares it read-only with whoever shows them. Nothing is parsed; a role that lies, lies about itself alone: read
 * a page by counters_copy(). The pages are files, STORE/run/NAME.counters, so that `run --status` needs nobody's
 * answer.
 *
 * Writers are one thread a number; readers may see a number of the moment before.
 */
#pragma once
#include "base/err.h"
#include "role/roles.h"
#include <stdatomic.h>

enum counter {
	COUNTER_PACKETS,
	COUNTER_BYTES,
	COUNTER_DROPPED,
	COUNTER_FLOWS,
	COUNTER_SOURCES,
	COUNTER_LATE,
	COUNTER_FOLDED,
	COUNTER_SIGNALS,
	COUNTER_SIGNALS_LOST,
	COUNTER_LAST_PACKET,
	COUNTER_LAST_MINUTE,
	COUNTER_CLOCK_STATE,
	COUNTER_CLOCK_OFFSET,
	COUNTER_BATCHES,
	COUNTER_WAITING,
	COUNTER_WAITING_MAX,
	COUNTER_BATCHES_LOST,
	COUNTER_FLOWS_LOST,
	COUNTER_RING_PACKETS,
	COUNTER_RING_BYTES,
	COUNTER_RING_LOST,
	COUNTER_GLIMPSES,
	COUNTER_GLIMPSES_LOST,
	COUNTER_PINS,
	COUNTER_PINS_LOST,
	COUNTER_COMMITS,
	COUNTER_REPEATED,
	COUNTER_COMMIT_NS,
	COUNTER_COMMIT_MAX,
	COUNTER_LAST_COMMIT,
	COUNTER_STORED_FLOWS,
	COUNTER_STORED_FINDINGS,
	COUNTER_STORED_SIGNALS,
	COUNTER_GAPS,
	COUNTER_STORE_FAILED,
	COUNTER_UNKEPT,
	COUNTER_DISK_FREE,
	COUNTER_DISK_TOTAL,
	COUNTER_ARCHIVE_BYTES,
	COUNTER_RETIRED,
	COUNTER_HELD,
	COUNTER_SPOOL_BYTES,
	COUNTER_SPOOL_LOST,
	COUNTER_LINK,
	COUNTER_LINK_LOST,
	COUNTER_PEERS,
	COUNTER_PEERS_REFUSED,
	COUNTER_ALERTS_SENT,
	COUNTER_ALERTS_FAILED,
	COUNTER_ALERTS_DROPPED,
	COUNTER_ALERTS_WAITING,
	COUNTER_ALARMS,
	COUNTER_EVENTS,
	COUNTER_EVENTS_REFUSED,
	COUNTER_QUERIES,
	COUNTER_QUERIES_CUT,
	COUNTER_REQUESTS,
	COUNTER_CALLS,
	COUNTER_CALLS_BUSY,
	COUNTER_CALLS_CUT,
	COUNTER_LOGINS,
	COUNTER_LOGINS_FAILED,
	COUNTER_SESSIONS,
	COUNTER_ALIVE,
	COUNTER_MESSAGES_IN,
	COUNTER_MESSAGES_OUT,
	COUNTER_REFUSED,
	COUNTER_QUEUE_FULL,
	COUNTER_N
};

struct counter_row {
	const char *name; /* of OpenMetrics, without the prefix; ends in its unit */
	bool gauge;
	uint32_t roles; /* 1 << role_id that have it */
	const char *help;
};
extern const struct counter_row counter_rows[COUNTER_N];

#define COUNTERS_PREFIXES 64
#define COUNTERS_MAGIC	  UINT64_C(0x736b6d7263747233)

enum role_state { STATE_STOPPED, STATE_STARTING, STATE_RUNNING, STATE_WAITING, STATE_DONE, STATE_N };
const char *role_state_name(unsigned s);

/* Fixed layout: one build of the program alone reads it. The first part is the supervisor's. */
struct counters {
	uint64_t magic;
	uint32_t size, role, index;
	char build[32];
	char name[64]; /* "capture:local" */
	_Atomic int64_t pid;
	_Atomic uint32_t state, restarts;
	_Atomic int64_t started_ns, ended_ns; /* of the process; since 1970 */
	_Atomic int64_t deaths_ns[16];	      /* the latest unexpected ends, in a circle: restarts % 16 */
	char last_end[160];		      /* why it ended last */
	_Atomic uint64_t resident;	      /* octets of memory */
	_Atomic uint64_t born;		      /* of the supervisor alone: when its pid began, as in /proc/PID/stat */
	_Atomic int64_t seen_ns;	      /* its latest sign of life */
	char config[200];		      /* its configuration file, "": none */
	/* The role's own. */
	_Atomic uint32_t last_kind;   /* message that it took last */
	_Atomic int32_t refused_call; /* system call that the filter refused, for the report of its end */
	char note[160];		      /* what it can't do, for people */
	_Atomic uint64_t v[COUNTER_N];
	/* Capture: when the last packet to each dark prefix came. Keeper: when the last batch of each sensor came that
	 * is elsewhere. */
	uint32_t prefixes_n;
	char prefix[COUNTERS_PREFIXES][64];
	_Atomic int64_t prefix_last_ns[COUNTERS_PREFIXES];
};

/* Makes or takes STORE/run/NAME.counters, zeroed. Returns a descriptor (close-on-exec) and the mapping, or -1. */
int counters_make(struct counters **out, const char *dir, const char *name, struct err *err) NODISCARD;

/* Writes what a process needs to take it for its page, whatever the one before left there. Numbers stay. */
void counters_begin(struct counters *c, const char *name);

/* Takes away the pages of an earlier run: nobody of this one fills them. */
void counters_clear(const char *dir);

/* Maps what a descriptor names, for writing or reading. NULL: it is none of this build. */
struct counters *counters_map(int fd, bool write);

/* What a page says now, from a role that may have been taken over: every text ends and is escaped, lists are within
 * their limits. */
void counters_copy(struct counters *out, const struct counters *page);

void counters_unmap(struct counters *c);

/* This process's page; never NULL (before there is one, numbers go nowhere). */
extern struct counters *counters;

static inline void counters_add(enum counter k, uint64_t n)
{
	atomic_store_explicit(
		&counters->v[k], atomic_load_explicit(&counters->v[k], memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void counters_set(enum counter k, uint64_t n)
{
	atomic_store_explicit(&counters->v[k], n, memory_order_relaxed);
}

static inline uint64_t counters_get(const struct counters *c, enum counter k)
{
	return atomic_load_explicit(&c->v[k], memory_order_relaxed);
}
