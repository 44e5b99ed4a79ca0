// SPDX-License-Identifier: Apache-2.0
/* From the configuration to what the alert engine takes. */
#pragma once
#include "response/alert/alert.h"
#include "model/sent.h"
#include "response/alert/alert_watch.h"
#include "role/config.h"

struct alertparams; /* opaque; holds secrets */

/*
 * Fetches the secrets; with `secrets` false they are left out and no file is opened: for deciding without delivering.
 * Borrows from `c`, `host` and `store_id` (characters that the engine doesn't take become '-'). NULL with the reason.
 */
struct alertparams *alertparams_new(
	const struct config *c, const char *host, const char *store_id, bool secrets, struct err *err) NODISCARD;

/* To be completed by the caller (mark, deliver, offset_s, arg, console_url) and handed to alert_new(), which copies. */
struct alert_params alertparams_get(const struct alertparams *p);

/* Wipes the secrets. After alert_new() has copied them. */
void alertparams_free(struct alertparams *p);

struct alert_watch_limits alertparams_watch(const struct config *c);

/* The tenant of a sensor; NULL: a sensor that the configuration doesn't name. */
const char *alertparams_tenant(const struct config *c, const char *sensor);

/*
 * Marks as the store keeps them. `text` of the record is "EVENT SEVERITY SINCE" and, of a failure, ": REASON". Reading
 * one back returns 0, -1 for a record of another make: then it is no mark.
 */
void alertparams_sent(const struct alert_mark *m, const char *tenant, struct sent *out);
int alertparams_mark(const struct sent *s, struct alert_mark *out) NODISCARD;

/* Environment variables whose values are secrets of channels. Returns how many, at most `max`. */
size_t alertparams_variables(const struct config *c, const char **names, size_t max);
