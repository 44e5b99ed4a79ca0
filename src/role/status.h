// SPDX-License-Identifier: Apache-2.0
/*
 * What the daemon of a store tells about itself: the pages of STORE/run (counters.h), read by whoever may, without
 * asking anybody. A page belongs to a role that may be in other hands: each is copied, its texts are cut and escaped,
 * its name is that of its file. A file that is no page of this build is passed over and told.
 */
#pragma once
#include "role/counters.h"

#define STATUS_PAGES   96
#define STATUS_STRANGE 16

enum status_daemon {
	STATUS_NEVER, /* it never ran here */
	STATUS_RUNNING,
	STATUS_STOPPED, /* it ended by itself: `supervisor.last_end` */
	STATUS_KILLED,	/* its process is gone without a word; the pages tell how it was at `supervisor.seen_ns` */
};

struct status_page {
	char name[64]; /* "capture:local" */
	enum role_id role;
	const char *sensor; /* in `name`; NULL: none */
	struct counters c;  /* a copy; its texts end and are fit for a terminal */
};

struct status_strange {
	char name[80]; /* escaped */
	const char *why;
};

struct status {
	enum status_daemon daemon;
	int64_t now_ns;			    /* when it was read */
	struct status_page supervisor;	    /* unless STATUS_NEVER */
	struct status_page v[STATUS_PAGES]; /* by role, then name */
	size_t n;
	struct status_strange strange[STATUS_STRANGE];
	size_t strange_n, strange_more; /* more than are listed */
};

/* The pages of a store, held open: they can be read again when no file can be opened any more. */
struct status_reader; /* opaque */

/* NULL with the reason: the folder can't be read. One that isn't there is a daemon that never ran. */
struct status_reader *status_open(const char *store, struct err *err);
void status_close(struct status_reader *r);

/* Reads all. `sealed`: /proc is out of reach, the daemon counts as running. */
void status_read(struct status_reader *r, struct status *out, bool sealed);

/* One page from the bytes of the file NAME.counters, for a thread of its own and tests. NULL, or why it is none. */
const char *status_parse(const char *name, struct bytes in, struct status_page *out);

/* ---- what is wrong ---- */

enum status_weight { STATUS_REMARK, STATUS_WARNING, STATUS_WRONG };

struct status_finding {
	enum status_weight weight;
	char text[400];
};

struct status_limits {
	unsigned disk_percent; /* less is free: wrong */
	int64_t clock_offset_ns;
	unsigned restarts; /* so many within an hour: wrong */
};
extern const struct status_limits status_limits_default;

/* Fills `out` with what deserves to be told, the worst first. Returns how many. */
#define STATUS_FINDINGS 64
size_t status_judge(const struct status *s, const struct status_limits *l, struct status_finding out[STATUS_FINDINGS]);

/* Unexpected ends within the hour before `now_ns`. */
unsigned status_deaths(const struct counters *c, int64_t now_ns);
