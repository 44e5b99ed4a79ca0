// SPDX-License-Identifier: Apache-2.0
/*
 * What one source did over weeks. Finished hours and days of a sensor's sources are summed once and kept in blocks of
 * few sources by address, so that a source is found with one look a day instead of one a minute. The summing is done in
 * the commits of the hour after, a slice of addresses each.
 */
#pragma once
#include "store/store.h"

/* Spans of a sum; `minute` of the source is the span's first. Over a longer span than a minute `targets` and `ports`
 * are the most of any minute and `constants` what held in all of them. */
enum history_span { HISTORY_HOUR, HISTORY_DAY, HISTORY_MINUTE };

/*
 * Hands out what is known of the address in the minutes of [from, to): by sensor, then time; whole days where they are
 * summed, else hours, else minutes. `fn` other than 0 stops. 0 or a negative code.
 */
int store_history(struct store *s, const struct addr *addr, int64_t from_ns, int64_t to_ns,
	int (*fn)(void *arg, const char *sensor, enum history_span span, const struct source *), void *arg) NODISCARD;

/* For use inside store/: a commit brought sources of this sensor and hour; some of what is to be summed is. */
struct sql;
struct sourceblock;
int history_touch(struct sql *s, int64_t sensor, int64_t hour, struct err *err) NODISCARD;
int history_step(
	struct sql *s, struct sourceblock *block, int64_t sensor, int64_t newest_hour, struct err *err) NODISCARD;
