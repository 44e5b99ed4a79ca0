// SPDX-License-Identifier: Apache-2.0
/*
 * The dead-man's eye: from snapshots of the system to alarms. Pure: a snapshot carries its time, nothing else is asked.
 *
 * An alarm is raised once, reminded of every `remind_ns`, and cleared when its condition has been good for
 * `settle_ns`: what goes to and fro faster is one alarm. Levels have a raising and a clearing edge, in between nothing
 * changes. What is no longer in the snapshots counts as good. At most ALERT_WATCH_MAX alarms stand; more are counted.
 */
#pragma once
#include "response/alert/alert.h"

#define ALERT_WATCH_MAX 1024

/* Times are UTC nanoseconds, 0: never. Everything is borrowed during alert_watch_step(). */
struct alert_watch_dark {
	const char *prefix; /* text */
	int64_t last_packet_ns;
};
enum alert_watch_clock { ALERT_CLOCK_UNKNOWN, ALERT_CLOCK_SYNCHRONISED, ALERT_CLOCK_UNSYNCHRONISED };
struct alert_watch_sensor {
	const char *name;
	int64_t started_ns;			/* since when it watches: silence counts from here */
	int64_t last_packet_ns, last_minute_ns; /* the later of the two is its last sign of life */
	const struct alert_watch_dark *dark;
	size_t dark_n;
	enum alert_watch_clock clock;
	int64_t offset_ns;
	const char *link; /* interface; NULL: none */
	bool link_up;
};
struct alert_watch_role {
	const char *name;
	const int64_t *restarts_ns; /* when it was started again, any order */
	size_t restarts_n;
};
struct alert_watch_disk {
	const char *path;
	uint64_t free, total; /* octets; total 0: unknown, not judged */
};
struct alert_watch_spool {
	const char *name;
	uint64_t used, max; /* octets; max 0: not judged */
};
struct alert_watch_keeper {
	const char *name;
	uint64_t waiting; /* batches; 0: it can't be behind */
	int64_t last_commit_ns;
};
struct alert_watch_certificate {
	const char *name;
	int64_t expires_ns;
};

struct alert_snapshot {
	int64_t now_ns;
	const struct alert_watch_sensor *sensors;
	size_t sensors_n;
	const struct alert_watch_role *roles;
	size_t roles_n;
	const struct alert_watch_disk *disks;
	size_t disks_n;
	const struct alert_watch_spool *spools;
	size_t spools_n;
	const struct alert_watch_keeper *keepers;
	size_t keepers_n;
	const struct alert_watch_certificate *certificates;
	size_t certificates_n;
};

#define ALERT_WATCH_OFF	  INT64_MAX /* of durations */
#define ALERT_WATCH_OFF32 UINT32_MAX

/* 0 stands for the default. Permille are of the whole. */
struct alert_watch_limits {
	int64_t silent_ns;	      /* 15 min */
	int64_t withdrawn_ns;	      /* 1 h without a packet to a prefix while the sensor sees others */
	uint32_t disk_low, disk_full; /* free: 100, 20; cleared a fifth above */
	int64_t unsynchronised_ns;    /* 5 min without synchronisation */
	int64_t offset_ns;	      /* 500 ms either way; cleared at half */
	uint32_t restarts;	      /* 3 ... */
	int64_t restarts_within_ns;   /* ... in 10 min */
	int64_t link_ns;	      /* 30 s down */
	uint32_t spool;		      /* 800; cleared a fifth below */
	int64_t behind_ns;	      /* 2 min */
	int64_t certificate_ns;	      /* 21 days before the end */
	int64_t remind_ns;	      /* 6 h */
	int64_t settle_ns;	      /* 5 min */
};

struct alert_watch; /* opaque */

struct alert_watch *alert_watch_new(const struct alert_watch_limits *l);
void alert_watch_free(struct alert_watch *w);

/* A mark from before a restart: an alarm that stood goes on standing. Other marks are passed over. In order of at_ns.
 */
void alert_watch_known(struct alert_watch *w, const struct alert_mark *m);

/* Judges; calls `fn` for each alarm that is raised, reminded of or cleared. Snapshots in order of time. */
void alert_watch_step(struct alert_watch *w, const struct alert_snapshot *s,
	void (*fn)(void *arg, const struct alert_alarm *a), void *arg);

struct alert_watch_counts {
	uint64_t raised, cleared, refused; /* refused: no room for one more */
	size_t standing;
};
struct alert_watch_counts alert_watch_counts(const struct alert_watch *w);
