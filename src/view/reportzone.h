// SPDX-License-Identifier: Apache-2.0
/*
 * Days of a time zone, for reports. Independent of the process's own zone and of other threads: the zone's file (RFC
 * 8536, of the system's database) is read into memory. "UTC" and "Asia/Tokyo" need no file.
 *
 * A day is a number: days since 1970-01-01 of the calendar that hangs in that zone.
 */
#pragma once
#include "base/bytes.h"
#include "base/err.h"

#define REPORTZONE_MAX	  4096 /* changes of the offset; a file with more is refused */
#define REPORTZONE_FOLDER "/usr/share/zoneinfo"

/* "M3.2.0/2", "J60", "59": when the offset changes in years behind the file's last change. */
struct reportzone_rule {
	char form; /* 'M', 'J', 'n' */
	int month, week, weekday, day;
	int32_t at_s;
};

struct reportzone {
	char name[64];
	int64_t *at_s;	   /* ascending: from then on offset_s[i + 1] holds */
	int32_t *offset_s; /* n + 1: seconds east of UTC */
	size_t n;
	/* Behind the last change: standard time, and with `summer` between two rules another. */
	bool has_footer, summer;
	int32_t standard_s, summer_s;
	struct reportzone_rule begin, end;
};

/*
 * Reads all zones of the system into memory (about half a megabyte), for a process that is shut off from files later.
 * Once, before threads start. Returns how many there are.
 */
size_t reportzone_keep_all(void);

/* Takes an IANA name. 0, or -1 with the reason; reportzone_close() in any case. */
int reportzone_open(struct reportzone *z, const char *name, struct err *err) NODISCARD;
void reportzone_close(struct reportzone *z);

/* The same from the bytes of a file. */
int reportzone_read(struct reportzone *z, const char *name, struct bytes file, struct err *err) NODISCARD;

/* Seconds east of UTC at that second since 1970. */
int32_t reportzone_offset(const struct reportzone *z, int64_t s);

/* The day that this moment lies in. */
int64_t reportzone_day(const struct reportzone *z, int64_t ns);

/* When the day begins: at its midnight, or where the clocks skip it, right behind the gap. */
int64_t reportzone_begin_ns(const struct reportzone *z, int64_t day);

/* The proleptic Gregorian calendar. */
int64_t reportzone_day_of(int year, int month, int day);
void reportzone_date(int64_t day, int *year, int *month, int *mday);
